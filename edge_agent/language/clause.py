"""A sentence taken apart: clauses, each with what is to be done, to what, and by how much."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from edge_agent.language.lexicon import Lexicon
from edge_agent.language.plan import When
from edge_agent.language.words import spoken


@dataclass(frozen=True)
class Reference:
    """Words that stand for devices: "the two lamps on the left in the living room", "everything", "it"."""

    words: tuple[str, ...] = ()  # canonical
    said: str = ""  # as it was said, for asking back
    plural: bool = False
    quantity: str | None = None  # all, both, any
    side: str | None = None
    scope: str | None = None  # house, upstairs, downstairs, outside, here
    pronoun: str | None = None  # it, other
    unknown: tuple[str, ...] = ()  # words that nothing in this home is called

    @property
    def is_empty(self) -> bool:
        return not (self.words or self.unknown or self.quantity or self.scope or self.pronoun or self.side)

    @property
    def only_says_a_kind(self) -> bool:
        return bool(self.words) and not (self.plural or self.unknown or self.quantity or self.side or self.scope)

    def plural_kinds(self, lexicon: Lexicon) -> bool:
        """Several of a kind are meant, not the one that is called by these words."""
        return self.plural and all(word in lexicon.kinds for word in self.words)

    def joined(self, other: Reference) -> Reference:
        """Both as one: a place that is said behind a thing is the thing's."""
        return Reference(
            words=(*self.words, *other.words),
            said=spoken((self.said, other.said)),
            plural=self.plural or other.plural,
            quantity=self.quantity or other.quantity,
            side=self.side or other.side,
            scope=other.scope if self.scope == "house" and other.scope else self.scope or other.scope,
            pronoun=self.pronoun or other.pronoun,
            unknown=(*self.unknown, *other.unknown),
        )


@dataclass(frozen=True)
class Clause:
    """One wish or question. Values are as said: percent 0–100, degrees, kelvin, `#rrggbb`."""

    cues: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    excepted: tuple[Reference, ...] = ()
    percent: float | None = None
    degrees: float | None = None
    kelvin: float | None = None
    factor: float | None = None  # "half as bright" is 0.5
    number: float | None = None
    color: str | None = None
    hvac: str | None = None
    tint: str | None = None
    little: bool = False
    by: bool = False
    attribute: str | None = None
    states: tuple[str, ...] = ()
    wishes: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()  # question, request, want, not, leave, story, count, which, list, fix, same …
    when: When | None = None
    for_s: float | None = None  # how long it is to be so
    words: tuple[str, ...] = ()  # all, plain, for free text
    said: tuple[str, ...] = ()  # all, as said
    lead: str | None = None  # and, but, so, or break: what stands before it
    extras: tuple[str, ...] = field(default=())  # options of devices that were named: modes, effects, sources

    @property
    def is_empty(self) -> bool:
        """Nothing but filler."""
        timed = self.when or self.for_s
        says = self.cues or self.little or self.has_value or self.wishes or self.has_target or timed or self.excepted
        return not says and not self.flags - {"yes", "yes:yes", "yes:no", "fix", "fix:fix", "want", "want:want"}

    @property
    def has_value(self) -> bool:
        values = (self.percent, self.degrees, self.kelvin, self.number, self.color, self.hvac, self.tint, self.factor)
        return any(value is not None for value in values) or bool(self.extras)

    @property
    def has_target(self) -> bool:
        return any(not reference.is_empty for reference in self.references)

    def with_references(self, *references: Reference) -> Clause:
        return replace(self, references=references)
