"""A sentence → its clauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from edge_agent.language.clause import Clause, Reference
from edge_agent.language.clock import clock_time
from edge_agent.language.lexicon import Lexicon, Meaning
from edge_agent.language.marks import VALUE_TABLES, Mark, marks, with_ends
from edge_agent.language.plan import When
from edge_agent.language.remarks import without_remarks
from edge_agent.language.spans import SECONDS, joins_span, span, whole_number
from edge_agent.language.vocabulary import Vocabulary
from edge_agent.language.words import Word

STATE_CUES = {
    "on": "on", "off": "off", "open": "open", "closed": "close", "locked": "lock", "unlocked": "unlock"
}  # fmt: skip
VALUES_OF_DEVICES = frozenset({"percent", "degrees", "kelvin", "number", "color", "hvac"})
FLAGS = ("question", "request", "want", "story", "fix", "wish", "never_mind", "yes", "clock", "timer", "condition")
MILD_C = 5.0, 35.0
LEAST_KELVIN = 1000.0  # a bare number that is one can be nothing else
# What a word that is an article or a pronoun is the article of, other than things of this home.
NOMINAL = ("article", "attribute", "color", "kelvin", "level", "quantity", "scope", "side", "time", "timer")
# Behind these a verb is no new wish: "she would turn …", "I want you to turn …".
LEADS_ON = ("place", "little", "article", "want", "request", "not", "pronoun", "remark", "modal", "cue")
MOST_COUNTED = 5  # "two lamps": more than so many are a value
ENDING_CUES = frozenset({"on", "off", "open", "close", "up", "down", "lock", "unlock"})
DONE_AT_A_TIME = frozenset({"on", "off", "open", "close", "start", "stop", "lock"})
# Cues that a noun of the same spelling loses to where something else already says what to do.
WEAK_CUES = frozenset({"set", "clean", "water", "heat", "dock", "lock", "start", "add", "complete", "locate", "mow"})


@dataclass
class _Reading:
    """A clause while it is read."""

    cues: list[str] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    excepted: list[Reference] = field(default_factory=list)
    values: dict[str, object] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)
    wishes: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    extras: list[str] = field(default_factory=list)
    when: When | None = None
    for_s: float | None = None
    later: bool = False  # "tonight", "in a while": not now, and not told when
    late: bool = False  # "tonight" was said, so eight is twenty
    marks: list[Mark] = field(default_factory=list)
    open: Reference | None = None
    excepting: bool = False
    told: bool = False  # of something, how it is: nothing in it is asked for

    def refer(self, mark_said: str, **more: object) -> None:
        addition = Reference(said=mark_said, **more)  # type: ignore[arg-type]
        self.open = addition if self.open is None else self.open.joined(addition)

    def close_reference(self) -> None:
        if self.open is not None and not self.open.is_empty:
            (self.excepted if self.excepting else self.references).append(self.open)
        self.open = None

    def _settle(self) -> None:
        """What only all of the clause tells: "I want the light off", "leave it at 20 percent", "que se apague"."""
        if "question:perhaps" in self.flags and self.cues and not self.states:
            self.flags = {flag for flag in self.flags if not flag.startswith("question")}
        if "want" in self.flags and not self.flags & {"question", "not", "leave"} and not self.cues:
            self.cues.extend(STATE_CUES[state] for state in self.states if state in STATE_CUES)
        if "leave" in self.flags and "not" not in self.flags and VALUES_OF_DEVICES & self.values.keys():
            self.flags.discard("leave")
            self.cues.append("set")

        if self.later or (self.when is not None and not self.when.is_told):
            self.flags.add("later")
        if self.told and not self.wishes and "question" not in self.flags:
            self.cues, self.values = [], {}

    def clause(self) -> Clause:
        self.close_reference()
        self._settle()
        words = [word for mark in self.marks for word in mark.words]
        return Clause(
            cues=tuple(self.cues),
            references=tuple(self.references),
            excepted=tuple(self.excepted),
            states=tuple(self.states),
            wishes=tuple(self.wishes),
            flags=frozenset(self.flags),
            extras=tuple(self.extras),
            when=self.when,
            for_s=self.for_s,
            words=tuple(word.plain for word in words),
            said=tuple(word.text for word in words),
            **self.values,  # type: ignore[arg-type]
        )


class Reader:
    """Reads sentences of one language about one home."""

    def __init__(self, lexicon: Lexicon, vocabulary: Vocabulary) -> None:
        self._lexicon, self._vocabulary = lexicon, vocabulary

    def read(self, sentence: str) -> list[Clause]:
        found = marks(self._vocabulary.splitter.words(sentence), self._lexicon, self._vocabulary)
        found = with_ends(without_remarks(found, self._lexicon))
        parts = [(lead, one) for lead, part in _parts(found) for one in _taken_apart(part, self._lexicon)]
        clauses = [clause for lead, part in parts if (clause := self._read(part, lead)).words]
        if clauses and sentence.rstrip().endswith(("?", "？")):
            clauses[-1] = replace(clauses[-1], flags=clauses[-1].flags | {"question"})
        return clauses

    def _read(self, part: list[Mark], lead: str | None) -> Clause:
        reading = _Reading(marks=part)
        at = 0
        while at < len(part):
            at += self._take(reading, part, at)
        return replace(reading.clause(), lead=lead)

    def _take(self, reading: _Reading, part: list[Mark], at: int) -> int:
        """Takes the mark, or several that belong together; how many."""
        mark = part[at]
        if taken := self._take_time(reading, part, at):
            return taken
        if mark.has("copula") and self._tells(reading, part, at):
            reading.told = True
        if mark.number is not None:
            return self._take_number(reading, part, at)
        for meaning in mark.meanings:
            if meaning.type in FLAGS and not self._is_out_of_place(reading, part, at, meaning):
                self._note(reading, meaning.type, meaning.value)
        if (edge := mark.value("except")) is not None:
            ends = edge == "except" and all(one.has("filler") for one in part[at + 1 :])
            self._take_exception(reading, "after" if ends else edge)  # "alles aus, die Lampe aber nicht"
            return 1
        if mark.has("unit", "degrees") and at and (part[at - 1].has("article") or part[at - 1].has("pronoun", "one")):
            return self._take_one_degree(reading, part, at)
        if (denied := mark.value("not")) is not None and not _only_answers(part):
            reading.flags.add(denied)
        return self._take_words(reading, part, at)

    def _take_exception(self, reading: _Reading, edge: str) -> None:
        """`except A`; where there is a word behind it, `except A end`; or only one behind it, `A after`.

        Or the others are named: `except A, the rest`.
        """
        names_the_rest = edge == "rest" and reading.excepting
        reading.excepting = reading.excepting or edge == "after"
        reading.close_reference()
        reading.excepting = edge == "except"
        if names_the_rest:
            reading.refer("", quantity="all")

    def _tells(self, reading: _Reading, part: list[Mark], at: int) -> bool:
        """ "The lamp is ten years old": something is named, and nothing said yet that is to be done with it."""
        says = reading.cues or reading.values or reading.flags or (at and part[at - 1].has("pronoun"))
        return bool(reading.open or reading.references) and not says

    def _is_out_of_place(self, reading: _Reading, part: list[Mark], at: int, meaning: Meaning) -> bool:
        """ "C'est réglé sur combien": words that ask at the end, too; and "que la lampe …" begins a wish."""
        if meaning.type == "wish":
            return bool(part[at].home)  # somebody's vacuum is called Dusty
        if meaning.type == "condition":
            return bool(reading.wishes) or _only_answers(part)  # "it's steamy after my shower"
        if meaning.type == "question":
            return self._mid_clause(reading) and not (meaning.value == "end" and at == len(part) - 1)
        return meaning.type == "request" and meaning.value == "lead" and at > 0

    def _mid_clause(self, reading: _Reading) -> bool:
        """A question begins with its word: "is the light on", not "the light is on"."""
        if self._lexicon.asks_at_the_end:
            return False
        said_already = reading.cues or reading.references or reading.values or reading.wishes or reading.open
        return bool(said_already) and "question" not in reading.flags

    def _note(self, reading: _Reading, flag: str, value: str) -> None:
        reading.flags.add(flag)
        reading.flags.add(f"{flag}:{value}")
        if flag == "wish":
            reading.wishes.append(value)

    def _take_words(self, reading: _Reading, part: list[Mark], at: int) -> int:
        mark = part[at]
        if mark.has("yes", "no") and at + 1 < len(part) and part[at + 1].home:
            reading.cues.append("off")  # "no heating in the bedroom"
            reading.flags -= {"yes", "yes:no", "fix", "fix:fix"}
            return 1
        self._note_state(reading, mark)
        if mark.value("cue") is not None and self._is_cue(reading, part, at):
            reading.close_reference()
            reading.cues.extend(one.value for one in mark.meanings if one.type == "cue")
            reading.flags |= {"exact"} if mark.has("little", "to") else set()
            self._note_amount(reading, mark)
            return 1
        self._note_values(reading, mark)
        if mark.has("clitic") and not self._stands_before_noun(part, at):
            # "mach das aus", "mets-la"; but "das Licht", "la lampe"
            self._take_pronoun(reading, mark, "one" if self._is_the_one_there(part, at) else "it")
            return 1
        if mark.option is not None:
            reading.extras.append(mark.option)
        elif mark.unknown is not None:
            if not self._only_says_where(part, at) and not self._is_aside(part, at):
                reading.refer(mark.said, unknown=(mark.unknown,))
        elif not self._take_noun(reading, part, at) and self._ends_reference(reading, part, at):
            reading.close_reference()
        return 1

    def _stands_before_noun(self, part: list[Mark], at: int) -> bool:
        before, following = part[at - 1] if at else None, part[at + 1] if at + 1 < len(part) else None
        if following is None or (before is not None and before.has("place")):
            return following is not None
        nominal = following.home or following.unknown or following.option or following.number is not None
        return bool(nominal) or any(map(following.has, NOMINAL))

    def _is_the_one_there(self, part: list[Mark], at: int) -> bool:
        """ "Mach das im Büro aus": a demonstrative before a place of this home."""
        is_that = part[at].has("clitic", "that") and at + 2 < len(part) and part[at + 1].has("place")
        return is_that and any(mark.home for mark in part[at + 2 : at + 4])

    def _take_noun(self, reading: _Reading, part: list[Mark], at: int) -> bool:
        """Whether it is, or belongs to, what stands for devices."""
        mark = part[at]
        if mark.home and self._is_aspect(reading, part, at):
            return True
        only_tells = len(mark.words) == 1 and (mark.has("scope") or mark.has("side"))
        if mark.home and not only_tells:
            before = part[at - 1].said if at else ""
            plural = any(map(self._is_plural_thing, mark.words)) or self._lexicon.tells_several(mark.said, before)
            reading.refer(mark.said, words=mark.home, plural=plural)
        elif (quantity := mark.value("quantity")) is not None:
            if reading.excepted and reading.open is None:
                reading.excepting = False  # "except in the garden may all lights go off"
            if quantity == "all" and self._are_those_before(part, at):
                self._take_pronoun(reading, part[at - 1], "it")
            reading.refer("", quantity=quantity, scope="house" if mark.has("scope", "house") else None,
                          pronoun="other" if mark.has("pronoun", "other") else None)  # fmt: skip
        elif (scope := mark.value("scope")) is not None and not self._stands_over_something(reading, part, at):
            reading.refer(mark.said, scope=scope)
        elif (side := mark.value("side")) is not None:
            reading.refer(mark.said, side=side)
        elif (pronoun := mark.value("pronoun")) is not None:
            self._take_pronoun(reading, mark, pronoun)
        else:
            return False
        return True

    def _are_those_before(self, part: list[Mark], at: int) -> bool:
        """`mach sie alle aus`, `éteins-les toutes`; but `schalten Sie alle Lampen aus`."""
        behind = at > 0 and part[at - 1].words[-1].plain in self._lexicon.several
        return behind and not part[at - 1].has("pronoun") and not self._stands_before_noun(part, at)

    def _is_aspect(self, reading: _Reading, part: list[Mark], at: int) -> bool:
        """ "The brightness of the lamp" is no second thing."""
        behind = part[at + 1 : at + 3]
        leads_on = len(behind) == 2 and behind[0].has("place") and (behind[1].has("article") or bool(behind[1].home))
        return leads_on and self._lexicon.aspects.issuperset(part[at].home) and "question" not in reading.flags

    def _stands_over_something(self, reading: _Reading, part: list[Mark], at: int) -> bool:
        """Dutch `de lamp boven de tafel`; but `boven de lamp aan` is upstairs."""
        following = part[at + 1] if at + 1 < len(part) else None
        behind_a_thing = reading.open is not None and bool(reading.open.words)
        return part[at].has("beside") and behind_a_thing and following is not None and following.has("article")

    def _is_plural_thing(self, word: Word) -> bool:
        """The lamps of the parents' room are several for the lamps, not for the parents."""
        is_place = self._lexicon.canonical(word.plain) in self._vocabulary.place_words
        return self._lexicon.is_plural(word.plain) and not is_place

    def _ends_reference(self, reading: _Reading, part: list[Mark], at: int) -> bool:
        """A word between two things; articles and the like may stand within what means one."""
        mark = part[at]
        if mark.has("article"):
            return reading.open is not None and not self._follows_place(part, at)
        return not (mark.has("place") or mark.has("beside"))

    def _follows_place(self, part: list[Mark], at: int) -> bool:
        before = part[at - 1] if at else None
        return before is not None and (
            before.has("place") or before.has("beside") or before.has("quantity") or before.has("article")
        )

    def _only_says_where(self, part: list[Mark], at: int) -> bool:
        """ "the fan above the bed": of a bed nothing is wanted."""
        before = [one for one in part[max(0, at - 2) : at] if not one.has("article")]
        return bool(before) and before[-1].has("beside")

    def _is_aside(self, part: list[Mark], at: int) -> bool:
        """An unknown word that is no name: behind a thing that is named whole, or far from every noun phrase.

        Behind an article or a preposition, or before a word of a name, it belongs to a name: "my neighbour's lamp".
        """
        if part[at].unknown in self._lexicon.rooms:
            return False
        before = next((mark for mark in reversed(part[:at]) if mark.unknown is None), None)
        following = next((mark for mark in part[at + 1 :] if mark.unknown is None), None)
        if following is not None and ((following.home and not following.has("cue")) or following.has("attribute")):
            return False
        things = [one for one in part if self._names_a_thing(one)]
        if before is None:
            return bool(things) and following is not None and following.has("filler")
        if before.home:
            is_owner = part[at - 1] is before and self._lexicon.is_plural(before.words[-1].plain)
            names = is_owner and part[at].unknown not in self._lexicon.ordinary  # "the lamp's cousin"
            return self._names_a_thing(before) and not names
        if not things or any(map(before.has, ("article", "place", "beside", "quantity", "clitic", "cue"))):
            return before.has("cue") and any(self._names_a_thing(one) for one in part[:at])
        return any(self._names_a_thing(one) for one in part[:at]) or before.has("filler") or before.has("pronoun")

    def _names_a_thing(self, mark: Mark) -> bool:
        """It says what it is, not only where."""
        if not mark.home:
            return False
        kinds = self._lexicon.kinds.keys() - self._vocabulary.place_words
        return not kinds.isdisjoint(mark.home) or bool(self._vocabulary.named_wholly(frozenset(mark.home)))

    def _take_pronoun(self, reading: _Reading, mark: Mark, pronoun: str) -> None:
        if pronoun == "same":
            reading.flags.add("same")
        elif pronoun == "one":
            reading.flags.add("one")
        else:
            reading.close_reference()
            reading.refer(mark.said, pronoun=pronoun)
            reading.close_reference()

    def _note_state(self, reading: _Reading, mark: Mark) -> None:
        reading.states.extend(one.value for one in mark.meanings if one.type == "state")

    def _note_values(self, reading: _Reading, mark: Mark) -> None:
        for name in ("color", "hvac", "tint", "attribute"):
            if (value := mark.value(name)) is not None:
                reading.values.setdefault(name, value)
                if not mark.home:
                    reading.close_reference()
        for name in ("kelvin", "factor"):
            if (number := mark.value(name)) is not None:
                reading.values.setdefault(name, float(number))
        if (level := mark.value("level")) is not None:
            reading.values.setdefault("percent", float(level))
            reading.flags.add("level")
        self._note_amount(reading, mark)

    def _note_amount(self, reading: _Reading, mark: Mark) -> None:
        if mark.has("little", "little"):
            reading.values["little"] = True
        if mark.has("little", "added") and "exact" not in reading.flags:
            reading.values["by"] = True  # "ten percent more"

    def _is_cue(self, reading: _Reading, part: list[Mark], at: int) -> bool:
        mark = part[at]
        if mark.has("leading") and self._mid_clause(reading):
            return False  # "para la música", but "la luz para leer"
        if (mark.has("place") or mark.has("article")) and self._is_preposition(reading, part, at):
            return False
        if not mark.home:
            return True
        if mark.value("cue") in WEAK_CUES and self._is_noun_of(part, at):
            return False
        if not any(_says_what_to_do(other) for other in (*part[:at], *part[at + 1 :])):
            return not self._follows_place(part, at) or reading.open is not None
        follows_noun = reading.open is not None or self._follows_place(part, at)
        return not follows_noun and not [one for one in reading.cues if one not in WEAK_CUES]

    def _is_noun_of(self, part: list[Mark], at: int) -> bool:
        """ "Heat back on": what is to be done with it stands right behind it."""
        following = part[at + 1] if at + 1 < len(part) else None
        return following is not None and _is_strong(following) and not any(mark.home for mark in part[at + 1 :])

    def _is_preposition(self, reading: _Reading, part: list[Mark], at: int) -> bool:
        """`the lamp on my desk`, not `the lamp on`; but `turn the light on in the hall`."""
        following = part[at + 1] if at + 1 < len(part) else None
        if following is None:
            return False
        if part[at].has("little", "to") and (following.number is not None or any(map(following.has, VALUE_TABLES))):
            return True
        says_more = any(map(_is_strong, (*part[:at], *part[at + 1 :])))
        if following.has("scope", "house") and not says_more:
            return False  # "lights on everywhere"
        if following.has("article") or following.has("quantity"):
            return says_more or reading.open is not None or bool(reading.references or reading.values or reading.wishes)
        return bool(following.home) and says_more

    def _take_number(self, reading: _Reading, part: list[Mark], at: int) -> int:
        number, taken = whole_number(part, at)
        counts = at + taken < len(part) and part[at + taken].has("measure")  # "two PIECES lamp"
        taken += counts
        following = part[at + taken] if at + taken < len(part) else None
        unit = following.value("unit") if following is not None else None
        unit_before = part[at - 1].value("unit_before") if at > 0 else None
        by, exact = (self._led_in(part, at, amount) for amount in ("by", "to"))
        if exact:
            reading.flags.add("exact")  # "up to 22", not "up by 2"
        if unit_before is not None:
            name = unit_before
        elif unit in ("percent", "degrees", "kelvin"):
            name, taken = str(unit), taken + 1
        elif 0 < number < 1:
            beyond = part[at + taken + 1] if at + taken + 1 < len(part) else None
            if (
                following is not None
                and following.has("article")
                and beyond is not None
                and beyond.has("unit", "degrees")
            ):
                name, taken, by = "degrees", taken + 2, True  # "half a degree"
            else:
                name, number = "percent", number * 100
        elif following is not None and following.home and not by and number in (2, 3, 4, 5):
            reading.refer("", quantity="both")
            return taken
        elif counts:
            return taken
        else:
            name = "kelvin" if number >= LEAST_KELVIN else "number"
        after = part[at + taken] if at + taken < len(part) else None
        if unit in SECONDS:
            return taken + 1  # how long, which no device is set to
        name, number, more = _as_degrees(name, number, after)
        reading.close_reference()
        reading.values[name] = number
        reading.values["by"] = (bool(reading.values.get("by")) or by) and not exact
        return taken + more

    def _led_in(self, part: list[Mark], at: int, amount: str) -> bool:
        """Whether it stands behind `by` or `to`: "by 20 percent", "by about 20 percent"."""
        before = [mark for mark in part[max(0, at - 2) : at] if mark.has("little") or not mark.has("filler")]
        return bool(before) and before[-1].has("little", amount)

    def _take_one_degree(self, reading: _Reading, part: list[Mark], at: int) -> int:
        """ "up by a degree and a half"."""
        half = at + 1 < len(part) and part[at + 1].has("half", "half")
        reading.flags.discard("one")  # "by one degree"
        reading.values |= {"degrees": 1.5 if half else 1.0, "by": True}
        return 2 if half else 1

    def _take_time(self, reading: _Reading, part: list[Mark], at: int) -> int:
        """A delay or a time of day; 0: there is none here."""
        mark = part[at]
        if (mark.has("time", "in") or mark.has("place")) and at + 1 < len(part):
            ahead = span(part, at + 1)
            if ahead is not None and mark.has("time", "in"):
                return 1 + self._delay(reading, part, at + 1, *ahead)
        if taken := self._take_while(reading, part, at):
            return taken
        if (ahead := span(part, at)) is not None:
            after = part[at + ahead[1]] if at + ahead[1] < len(part) else None
            if any(mark.has("timer") for mark in part) or (
                after is not None and (after.has("time", "from_now") or after.has("timer"))
            ):
                return self._delay(reading, part, at, *ahead)
        if taken := self._take_clock(reading, part, at):
            return taken
        reading.late = reading.late or mark.has("time", "evening")
        reading.later = reading.later or (mark.has("time", "later") and not mark.home)
        if mark.has("time", "tomorrow") or (mark.has("time", "evening") and reading.when is not None):
            when = reading.when or When()
            late = mark.has("time", "evening") and when.hour is not None and when.hour < 12
            reading.when = replace(
                when, tomorrow=when.tomorrow or mark.has("time", "tomorrow"),
                hour=when.hour + 12 if late and when.hour is not None else when.hour,
            )  # fmt: skip
            return 1
        return 1 if mark.has("time", "morning") and reading.when is not None else 0

    def _take_while(self, reading: _Reading, part: list[Mark], at: int) -> int:
        """How long something is to be so: "for ten minutes", "zehn Minuten lang"."""
        led_in = part[at].has("time", "for")
        told = span(part, at + led_in)
        if told is None:
            return 0
        seconds, taken = told
        after = part[at + led_in + taken] if at + led_in + taken < len(part) else None
        led_out = after is not None and after.has("time", "long")
        needs_no_word = self._lexicon.lasts_without_a_word and bool(reading.cues) and not _tells_when(after)
        if not (led_in or led_out or needs_no_word):
            return 0
        reading.close_reference()
        reading.for_s = seconds
        return led_in + taken + led_out

    def _delay(self, reading: _Reading, part: list[Mark], at: int, seconds: float, taken: int) -> int:
        reading.close_reference()
        reading.when = When(delay_s=seconds)
        after = part[at + taken] if at + taken < len(part) else None
        return taken + (after is not None and after.has("time", "from_now"))

    def _take_clock(self, reading: _Reading, part: list[Mark], at: int) -> int:
        """`at seven` is a time where something is to be done then, `at forty` a value; `7 o'clock` always is one."""
        is_at = part[at].has("time", "at")
        told = clock_time(part[at + is_at :], behind_at=is_at) if at + is_at < len(part) else None
        if told is None or not (told.sure or (is_at and self._is_then(reading, part, at + 1 + told.taken))):
            return 0
        hour = told.minutes // 60
        reading.close_reference()
        reading.when = replace(
            reading.when or When(), hour=hour + 12 if reading.late and hour < 12 else hour, minute=told.minutes % 60
        )
        return is_at + told.taken

    def _is_then(self, reading: _Reading, part: list[Mark], end: int) -> bool:
        """Whether a number that ends there is an hour, though nothing but "at" tells it."""
        following = part[end] if end < len(part) else None
        if following is not None and following.has("unit"):
            return False
        if reading.when is not None or (following is not None and following.has("time") and not following.has("place")):
            return True
        cues = {mark.value("cue") for mark in part}
        return bool(cues & DONE_AT_A_TIME) or (bool(cues & {"up", "down"}) and self._names_a_cover(part))

    def _names_a_cover(self, part: list[Mark]) -> bool:
        kinds = (kind for mark in part for word in mark.home for kind in self._lexicon.kinds.get(word, ()))
        return any(kind.startswith("cover") for kind in kinds)


def _as_degrees(name: str, number: float, after: Mark | None) -> tuple[str, float, int]:
    """(name of the value, value, marks taken more): "20 degrees and a half"; nobody dims to 20.5."""
    if name == "degrees" and after is not None and after.has("half"):
        return name, number + 0.5, 1
    if name == "number" and number % 1 and MILD_C[0] <= number <= MILD_C[1]:
        return "degrees", number, 0
    return name, number, 0


def _tells_when(after: Mark | None) -> bool:
    return after is not None and (after.has("time", "from_now") or after.has("timer"))


def _only_answers(part: Sequence[Mark]) -> bool:
    """Spanish `no` alone is no "not", nor is `si` alone "if"."""
    return len(part) == 1 and part[0].has("yes")


def _says_what_to_do(mark: Mark) -> bool:
    """A cue that can be nothing else."""
    return mark.value("cue") is not None and not mark.home


def _is_strong(mark: Mark) -> bool:
    return _says_what_to_do(mark) and mark.value("cue") not in WEAK_CUES


def _taken_apart(part: list[Mark], lexicon: Lexicon) -> list[list[Mark]]:
    """ "lamp off TV on", without a comma: what is named behind a wish and has a wish of its own is another one."""
    for at in range(1, len(part) - 1):
        mark, following = part[at], part[at + 1]
        if _begins_another_wish(part, at, lexicon):
            return [part[:at], *_taken_apart(part[at:], lexicon)]
        names = following.home or (following.has("article") and not following.has("cue"))
        if _ends_wish(mark) and names and any(one.home for one in part[:at]) and any(map(_is_strong, part[at + 2 :])):
            return [part[: at + 1], *_taken_apart(part[at + 1 :], lexicon)]
    return [part]


def _ends_wish(mark: Mark) -> bool:
    if mark.has("unit") or (mark.number or 0) > MOST_COUNTED:
        return True
    return mark.value("cue") in ENDING_CUES and not mark.home and not mark.has("place") and not mark.has("article")


def _begins_another_wish(part: Sequence[Mark], at: int, lexicon: Lexicon) -> bool:
    """ "The washing is done turn it off": a verb behind a wish, or behind what is only told."""
    if not lexicon.begins_with_verb(part[at].words) or not _says_what_to_do(part[at]):
        return False
    if any(map(part[at - 1].has, LEADS_ON)):
        return False
    names = any(mark.home or mark.has("pronoun") or mark.has("quantity") for mark in part[at + 1 :])
    told = any(mark.has("copula") or mark.has("remark", "subject") for mark in part[:at])
    whole = any(mark.home for mark in part[:at]) and any(map(_is_strong, part[:at]))
    return names and (told or whole) and not any(mark.has("request") for mark in part[:at])


def _parts(found: Sequence[Mark]) -> list[tuple[str | None, list[Mark]]]:
    """Split at breaks and at words that join clauses; with what each is led in by."""
    parts: list[tuple[str | None, list[Mark]]] = [(None, [])]
    for at, mark in enumerate(found):
        if mark.has("break") or (mark.has("join") and not mark.home and not joins_span(found, at)):
            lead = mark.value("join") or ("asked" if mark.said in "?？" else "break")
            before = parts.pop() if not parts[-1][1] else None
            parts.append((lead if lead not in ("break", "asked") or before is None else before[0] or lead, []))
        else:
            parts[-1][1].append(mark)
    return [part for part in parts if part[1]]
