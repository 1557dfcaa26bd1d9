"""A sentence → its clauses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from edge_agent.language.clause import Clause, Reference
from edge_agent.language.clock import clock_time
from edge_agent.language.lexicon import Lexicon
from edge_agent.language.marks import VALUE_TABLES, Mark, marks
from edge_agent.language.plan import When
from edge_agent.language.vocabulary import Vocabulary
from edge_agent.language.words import Word

SECONDS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0}
SPANS = {
    "half_hour": 1800.0,
    "quarter_hour": 900.0,
    "hour_and_a_half": 5400.0,
    "an_hour": 3600.0,
    "a_minute": 60.0,
    "a_second": 1.0,
    "three_quarters_hour": 2700.0,
}
FLAGS = ("question", "request", "want", "story", "fix", "wish", "never_mind", "yes", "clock", "timer", "condition")
# What a word that is an article or a pronoun is the article of, other than things of this home.
NOMINAL = ("article", "attribute", "color", "kelvin", "level", "quantity", "scope", "side", "time", "timer")
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
    late: bool = False  # "tonight" was said, so eight is twenty
    marks: list[Mark] = field(default_factory=list)
    open: Reference | None = None
    excepting: bool = False

    def refer(self, mark_said: str, **more: object) -> None:
        addition = Reference(said=mark_said, **more)  # type: ignore[arg-type]
        self.open = addition if self.open is None else self.open.joined(addition)

    def close_reference(self) -> None:
        if self.open is not None and not self.open.is_empty:
            (self.excepted if self.excepting else self.references).append(self.open)
        self.open = None

    def clause(self) -> Clause:
        self.close_reference()
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
            words=tuple(word.plain for word in words),
            said=tuple(word.text for word in words),
            **self.values,  # type: ignore[arg-type]
        )


class Reader:
    """Reads sentences of one language about one home."""

    def __init__(self, lexicon: Lexicon, vocabulary: Vocabulary) -> None:
        self._lexicon, self._vocabulary = lexicon, vocabulary

    def read(self, sentence: str) -> list[Clause]:
        found = marks(self._lexicon.splitter.words(sentence), self._lexicon, self._vocabulary)
        parts = [(lead, one) for lead, part in _parts(found) for one in _taken_apart(part)]
        clauses = [clause for lead, part in parts if (clause := self._read(part, lead)).words]
        if clauses and sentence.rstrip().endswith("?"):
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
        if mark.number is not None:
            return self._take_number(reading, part, at)
        for meaning in mark.meanings:
            if meaning.type == "wish" and mark.home:
                continue  # somebody's vacuum is called Dusty
            if meaning.type in FLAGS and not (meaning.type == "question" and self._mid_clause(reading)):
                self._note(reading, meaning.type, meaning.value)
        if mark.has("except"):
            reading.close_reference()
            reading.excepting = True
            return 1
        if mark.has("unit", "degrees") and at and part[at - 1].has("article"):
            return self._take_one_degree(reading, part, at)
        if (denied := mark.value("not")) is not None:
            reading.flags.add(denied)
        return self._take_words(reading, part, at)

    def _mid_clause(self, reading: _Reading) -> bool:
        """A question begins with its word: "is the light on", not "the light is on"."""
        said_already = reading.cues or reading.references or reading.values or reading.open is not None
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
            if not self._only_says_where(part, at):
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
        only_tells = len(mark.words) == 1 and (mark.has("scope") or mark.has("side"))
        if mark.home and not only_tells:
            before = part[at - 1].said if at else ""
            plural = any(map(self._is_plural_thing, mark.words)) or self._lexicon.tells_several(mark.said, before)
            reading.refer(mark.said, words=mark.home, plural=plural)
        elif (quantity := mark.value("quantity")) is not None:
            reading.refer("", quantity=quantity, scope="house" if mark.has("scope", "house") else None)
        elif (scope := mark.value("scope")) is not None:
            reading.refer(mark.said, scope=scope)
        elif (side := mark.value("side")) is not None:
            reading.refer(mark.said, side=side)
        elif (pronoun := mark.value("pronoun")) is not None:
            self._take_pronoun(reading, mark, pronoun)
        else:
            return False
        return True

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
        if (state := mark.value("state")) is not None:
            reading.states.append(state)

    def _note_values(self, reading: _Reading, mark: Mark) -> None:
        for name in ("color", "hvac", "tint", "attribute"):
            if (value := mark.value(name)) is not None:
                reading.values.setdefault(name, value)
                if not mark.home:
                    reading.close_reference()
        if (kelvin := mark.value("kelvin")) is not None:
            reading.values.setdefault("kelvin", float(kelvin))
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
        if (mark.has("place") or mark.has("article")) and self._is_preposition(reading, part, at):
            return False
        if not mark.home:
            return True
        if not any(_says_what_to_do(other) for other in (*part[:at], *part[at + 1 :])):
            return not self._follows_place(part, at) or reading.open is not None
        follows_noun = reading.open is not None or self._follows_place(part, at)
        return not follows_noun and not [one for one in reading.cues if one not in WEAK_CUES]

    def _is_preposition(self, reading: _Reading, part: list[Mark], at: int) -> bool:
        """`the lamp on my desk`, not `the lamp on`; but `turn the light on in the hall`."""
        following = part[at + 1] if at + 1 < len(part) else None
        if following is None:
            return False
        if part[at].has("little", "to") and (following.number is not None or any(map(following.has, VALUE_TABLES))):
            return True
        says_more = any(map(_is_strong, (*part[:at], *part[at + 1 :])))
        if following.has("article") or following.has("quantity"):
            return says_more or reading.open is not None or bool(reading.references or reading.values or reading.wishes)
        return bool(following.home) and says_more

    def _take_number(self, reading: _Reading, part: list[Mark], at: int) -> int:
        number, taken = self._whole_number(part, at)
        following = part[at + taken] if at + taken < len(part) else None
        unit = following.value("unit") if following is not None else None
        by, exact = (self._led_in(part, at, amount) for amount in ("by", "to"))
        if exact:
            reading.flags.add("exact")  # "up to 22", not "up by 2"
        if unit in ("percent", "degrees", "kelvin"):
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
        else:
            name = "number"
        after = part[at + taken] if at + taken < len(part) else None
        if unit in SECONDS:
            return taken + 1  # how long, which no device is set to
        if name == "degrees" and after is not None and after.has("half"):
            number, taken = number + 0.5, taken + 1
        reading.close_reference()
        reading.values[name] = number
        reading.values["by"] = (bool(reading.values.get("by")) or by) and not exact
        return taken

    def _led_in(self, part: list[Mark], at: int, amount: str) -> bool:
        """Whether it stands behind `by` or `to`: "by 20 percent", "by about 20 percent"."""
        before = [mark for mark in part[max(0, at - 2) : at] if mark.has("little") or not mark.has("filler")]
        return bool(before) and before[-1].has("little", amount)

    def _take_one_degree(self, reading: _Reading, part: list[Mark], at: int) -> int:
        """ "up by a degree and a half"."""
        half = at + 1 < len(part) and part[at + 1].has("half", "half")
        reading.values |= {"degrees": 1.5 if half else 1.0, "by": True}
        return 2 if half else 1

    def _whole_number(self, part: list[Mark], at: int) -> tuple[float, int]:
        """`nineteen point five`, `twenty and a half`; and how many marks that took."""
        number = part[at].number or 0.0
        following = part[at + 1 : at + 3]
        if following and following[0].has("half", "half"):
            return number + 0.5, 2
        if len(following) == 2 and following[0].has("half", "point") and (digits := following[1].number) is not None:
            return number + digits / (10 ** len(str(int(digits)))), 3
        return number, 1

    def _take_time(self, reading: _Reading, part: list[Mark], at: int) -> int:
        """A delay or a time of day; 0: there is none here."""
        mark = part[at]
        if (mark.has("time", "in") or mark.has("place")) and at + 1 < len(part):
            ahead = self._span(part, at + 1)
            if ahead is not None and mark.has("time", "in"):
                return 1 + self._delay(reading, part, at + 1, *ahead)
        if (ahead := self._span(part, at)) is not None:
            after = part[at + ahead[1]] if at + ahead[1] < len(part) else None
            if "timer" in reading.flags or (
                after is not None and (after.has("time", "from_now") or after.has("timer"))
            ):
                return self._delay(reading, part, at, *ahead)
        if taken := self._take_clock(reading, part, at):
            return taken
        reading.late = reading.late or mark.has("time", "evening")
        if mark.has("time", "tomorrow") or (mark.has("time", "evening") and reading.when is not None):
            when = reading.when or When()
            late = mark.has("time", "evening") and when.hour is not None and when.hour < 12
            reading.when = replace(
                when, tomorrow=when.tomorrow or mark.has("time", "tomorrow"),
                hour=when.hour + 12 if late and when.hour is not None else when.hour,
            )  # fmt: skip
            return 1
        return 1 if mark.has("time", "morning") and reading.when is not None else 0

    def _span(self, part: list[Mark], at: int) -> tuple[float, int] | None:
        """(seconds, how many marks) where a duration begins here."""
        if (named := part[at].value("time")) in SPANS:
            return SPANS[str(named)], 1
        number = part[at].number
        if number is None or at + 1 >= len(part):
            return None
        number, taken = self._whole_number(part, at)
        unit = part[at + taken].value("unit") if at + taken < len(part) else None
        if unit not in SECONDS:
            return None
        after = part[at + taken + 1] if at + taken + 1 < len(part) else None
        if after is not None and after.has("half", "half"):
            return (number + 0.5) * SECONDS[unit], taken + 2
        return number * SECONDS[unit], taken + 1

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


def _says_what_to_do(mark: Mark) -> bool:
    """A cue that can be nothing else."""
    return mark.value("cue") is not None and not mark.home


def _is_strong(mark: Mark) -> bool:
    return _says_what_to_do(mark) and mark.value("cue") not in WEAK_CUES


def _taken_apart(part: list[Mark]) -> list[list[Mark]]:
    """ "lamp off TV on", without a comma: what is named behind a wish and has a wish of its own is another one."""
    for at in range(1, len(part) - 2):
        mark, following = part[at], part[at + 1]
        ends = mark.value("cue") in ENDING_CUES and not mark.home and not mark.has("place") and not mark.has("article")
        names = following.home or (following.has("article") and not following.has("cue"))
        if ends and names and any(one.home for one in part[:at]) and any(map(_is_strong, part[at + 2 :])):
            return [part[: at + 1], *_taken_apart(part[at + 1 :])]
    return [part]


def _parts(found: Iterable[Mark]) -> list[tuple[str | None, list[Mark]]]:
    """Split at breaks and at words that join clauses; with what each is led in by."""
    parts: list[tuple[str | None, list[Mark]]] = [(None, [])]
    for mark in found:
        if mark.has("break") or (mark.has("join") and not mark.home):
            lead = mark.value("join") or "break"
            before = parts.pop() if not parts[-1][1] else None
            parts.append((lead if lead != "break" or before is None else before[0] or lead, []))
        else:
            parts[-1][1].append(mark)
    return [part for part in parts if part[1]]
