"""Wishes about timers: set, ask, change and cancel; which of several, by name or by how long it was set for.

A sentence with a word for a timer is about timers alone: what else it holds is not done in their place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from edge_agent.language.lexicon import Lexicon
from edge_agent.language.marks import Mark, marks
from edge_agent.language.plan import LetBe, Plan, Refuse, TimerWish
from edge_agent.language.spans import span
from edge_agent.language.vocabulary import Vocabulary

# What stands between a timer and its name is none of these, nor is the name.
NO_NAME = frozenset({
    "article", "break", "clitic", "clock", "fix", "half", "join", "little", "not", "number", "place", "pronoun",
    "quantity", "question", "request", "time", "timer", "unit", "want", "yes",
})  # fmt: skip
ENDING = frozenset({"stop", "off"})
BEGINNING = frozenset({"set", "start", "add", "on"})
HALTING = frozenset({"pause", "resume"})


def timer_plan(text: str, vocabulary: Vocabulary, open_wish: TimerWish | None) -> Plan | None:
    """None where it is about something else. `open_wish` is one that we have asked something about."""
    lexicon = vocabulary.lexicon
    words = lexicon.splitter.words(text)
    if open_wish is None and not lexicon.timers.speak_of_one(words):
        return None
    if _names_a_device(text, vocabulary):
        return None
    return _TimerSentence(marks(words, lexicon, Vocabulary(lexicon, (), {})), lexicon).plan(open_wish)


def _names_a_device(text: str, vocabulary: Vocabulary) -> bool:
    """ "Turn on the sprinkler timer", where that is a switch."""
    timers, found = vocabulary.lexicon.timers, marks(vocabulary.splitter.words(text), vocabulary.lexicon, vocabulary)
    spoken = frozenset(word for mark in found for word in mark.home)
    return any(
        timers.ends_with_noun(word) for words in vocabulary.entities for name in words.names if name <= spoken
        for word in name
    )  # fmt: skip


class _TimerSentence:
    """One sentence, of which no word is known to the home."""

    def __init__(self, found: Sequence[Mark], lexicon: Lexicon) -> None:
        self._words = lexicon.timers
        roles = self._words.roles([mark.words for mark in found])
        self._said = frozenset().union(*roles)
        kept = [at for at in range(len(found)) if not _stands_within_span(found, roles, at)]
        self._marks, self._roles = [found[at] for at in kept], [roles[at] for at in kept]
        self._spans = _spans(self._marks)
        nouns = [at for at, mark in enumerate(self._marks) if mark.has("timer") or self._compound(at) is not None]
        # "How long is left" asks for one without a word for it.
        self._nouns = [at for at in nouns if "ask" not in self._roles[at]] or nouns

    def plan(self, open_wish: TimerWish | None) -> Plan | None:
        if not self._nouns:
            return self._answer(open_wish) if open_wish is not None else None
        if self._has("condition") or not self._cues().isdisjoint(HALTING):
            return Refuse("not_understood")  # "when the timer is done, …"; none of ours can be halted
        name, places = self._name()
        others = [at for at in range(len(self._marks)) if self._is_content(at) and at not in {*places, *self._nouns}]
        wish = self._wish(name)
        if others and wish.type != "set":
            return None if self._has("question") and not self._cues() else Refuse("not_understood")
        if open_wish is not None and wish.type == "ask" and not self._asks():
            return replace(open_wish, name=name or open_wish.name, of_s=wish.of_s or open_wish.of_s)
        return wish

    def _wish(self, name: str | None) -> TimerWish:
        every = self._has_value("quantity", "all", "both")
        length = next(iter(self._spans.values()), None)
        if self._has("question") and not self._has("request"):
            return TimerWish("ask", None, name, length)
        if (direction := self._direction()) and (amount := self._amount()) is not None:
            of_s = next((seconds for seconds in self._spans.values() if seconds != amount), None)
            return TimerWish("add", direction * amount, name, of_s, every)
        ended = {"cancel"} & self._said or ENDING & self._cues() or self._has_value("timer", "cancel")
        if ended:
            return TimerWish("cancel", None, name, length, every)
        begun = self._spans or {"set"} & self._said or BEGINNING & self._cues()
        return TimerWish("ask", None, name, length) if self._asks() or not begun else TimerWish("set", length, name)

    def _asks(self) -> bool:
        return "ask" in self._said or (self._has("question") and not self._has("request"))

    def _amount(self) -> float | None:
        """How much longer or shorter; a length before the noun tells which timer."""
        for place, seconds in self._spans.items():
            if not self._describes(place):
                return seconds
        behind = [seconds for place, seconds in self._spans.items() if place > self._nouns[-1]]
        return behind[0] if behind and {"more", "less"} & self._said else None

    def _direction(self) -> int:
        """Longer, shorter, or neither. "Add" alone is said of a timer that is to be made, too."""
        if "less" in self._said:
            return -1
        before = min(self._spans, default=len(self._marks)) < self._nouns[0]
        return int("more" in self._said or ("add" in self._cues() and before))

    def _describes(self, place: int) -> bool:
        """ "The ten minute timer", "le minuteur de dix minutes": which one, not how much more."""
        end = place + (self._span_at(place) or 1)
        noun = next((noun for noun in self._nouns if noun >= end), None)
        if noun is not None and all(self._may_be_name(at) for at in range(end, noun)):
            return True
        return place >= 2 and place - 2 in self._nouns and "of" in self._roles[place - 1]

    def _name(self) -> tuple[str | None, set[int]]:
        """The name, and where its words are."""
        noun = self._nouns[0]
        if (compound := self._compound(noun)) is not None:
            return compound, {noun}
        for places in (self._before(noun), self._behind(noun)):
            if places:
                said = " ".join(self._marks[at].said for at in places)
                return said, set(places)
        return None, set()

    def _before(self, noun: int) -> list[int]:
        first = noun
        while first > 0 and self._may_be_name(first - 1):
            first -= 1
        lead = self._marks[first - 1] if first else None
        led_in = lead is not None and (lead.has("article") or lead.has("unit") or lead.number is not None)
        places = list(range(first, noun))
        while places and not led_in and not self._is_content(places[0]):
            del places[0]  # "cancel timer": a verb, unless an article stands before it
        return places

    def _behind(self, noun: int) -> list[int]:
        """ "timer pizza", "timer for ten minutes for the pasta", "timer called pizza"."""
        at = noun + 1
        while at < len(self._marks):
            if (taken := self._span_at(at)) is not None:
                at += taken
                continue
            led = at - 1 == noun or "called" in self._roles[at]
            start = at + 1 if "called" in self._roles[at] else at
            while led and start < len(self._marks) and self._is_small(start):
                start += 1
            end = start
            while led and end < len(self._marks) and self._is_content(end):
                end += 1
            if end > start:
                return list(range(start, end))
            at += 1
        return []

    def _is_small(self, at: int) -> bool:
        return self._marks[at].has("article") or "called" in self._roles[at]

    def _is_content(self, at: int) -> bool:
        """A word that the language has no other use for."""
        return bool(self._marks[at].unknown or self._marks[at].home) and not self._roles[at]

    def _may_be_name(self, at: int) -> bool:
        mark = self._marks[at]
        return not self._roles[at] and not any(meaning.type in NO_NAME for meaning in mark.meanings)

    def _compound(self, at: int) -> str | None:
        """`Nudeltimer` → `Nudel`."""
        mark = self._marks[at]
        noun = self._words.ends_with_noun(mark.words[0].plain) if len(mark.words) == 1 else None
        rest = mark.words[0].text[: -len(noun)] if noun else ""
        return rest if rest and not mark.has("timer") else None

    def _span_at(self, at: int) -> int | None:
        told = span(self._marks, at)
        return told[1] if told else None

    # What the person is asked

    def _answer(self, wish: TimerWish) -> Plan | None:
        """ "The pizza one", "both", "ten minutes", "never mind"; None where it is something else."""
        if self._has("never_mind") or self._has_value("yes", "no"):
            return LetBe("never_mind")
        if self._has("question") or self._cues():
            return None
        seconds = sum(self._spans.values()) or None
        if wish.type == "set":
            return replace(wish, duration_s=seconds) if seconds else None
        if self._has_value("quantity", "all", "both"):
            return replace(wish, every=True)
        name = " ".join(mark.said for at, mark in enumerate(self._marks) if self._is_content(at)) or None
        return replace(wish, name=name or wish.name, of_s=seconds or wish.of_s) if name or seconds else None

    def _cues(self) -> set[str]:
        told = [mark for at, mark in enumerate(self._marks) if not (mark.has("leading") and self._says_something(at))]
        return {one.value for mark in told for one in mark.meanings if one.type == "cue"}

    def _says_something(self, end: int) -> bool:
        """Before that place, behind which a verb that stands first is none: "un temporizador para diez minutos"."""
        return any(mark.number is not None or mark.has("cue") or mark.has("timer") for mark in self._marks[:end])

    def _has(self, type_: str) -> bool:
        return any(mark.has(type_) for mark in self._marks)

    def _has_value(self, type_: str, *values: str) -> bool:
        return any(mark.has(type_, value) for mark in self._marks for value in values)


def _stands_within_span(found: Sequence[Mark], roles: Sequence[frozenset[str]], at: int) -> bool:
    """ "Two MORE minutes"."""
    within = 0 < at < len(found) - 1 and found[at - 1].number is not None and found[at + 1].has("unit")
    return within and "more" in roles[at]


def _spans(found: Sequence[Mark]) -> Mapping[int, float]:
    """Seconds by the place where a duration begins."""
    spans: dict[int, float] = {}
    at = 0
    while at < len(found):
        told = span(found, at)
        if told is not None:
            spans[at] = told[0]
        at += told[1] if told is not None else 1
    return spans
