"""A sentence → its clauses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from edge_agent.language.clause import Clause, Reference
from edge_agent.language.lexicon import Lexicon
from edge_agent.language.marks import Mark, marks
from edge_agent.language.plan import When
from edge_agent.language.vocabulary import Vocabulary

SECONDS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0}
SPANS = {
    "half_hour": 1800.0,
    "quarter_hour": 900.0,
    "hour_and_a_half": 5400.0,
    "an_hour": 3600.0,
    "a_minute": 60.0,
    "a_second": 1.0,
}
PAST = {"half_past": 30, "quarter_past": 15, "quarter_to": -15}  # minutes from the hour
FLAGS = ("question", "request", "want", "story", "fix", "wish", "never_mind", "yes", "clock", "timer")
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
        clauses = [clause for lead, part in _parts(found) if (clause := self._read(part, lead)).words]
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
            return 1
        self._note_values(reading, mark)
        if mark.option is not None:
            reading.extras.append(mark.option)
        elif mark.unknown is not None:
            if not self._only_says_where(part, at):
                reading.refer(mark.said, unknown=(mark.unknown,))
        elif not self._take_noun(reading, mark) and self._ends_reference(reading, part, at):
            reading.close_reference()
        return 1

    def _take_noun(self, reading: _Reading, mark: Mark) -> bool:
        """Whether it is, or belongs to, what stands for devices."""
        only_tells = len(mark.words) == 1 and (mark.has("scope") or mark.has("side"))
        if mark.home and not only_tells:
            plural = any(self._lexicon.is_plural(word.plain) for word in mark.words)
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
        if (amount := mark.value("little")) in ("little", "by"):
            reading.values[str(amount)] = True

    def _is_cue(self, reading: _Reading, part: list[Mark], at: int) -> bool:
        mark = part[at]
        if mark.has("place") and self._is_preposition(reading, part, at):
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
        if following is None or not (following.has("article") or following.has("quantity")):
            return False
        return reading.open is not None or bool(reading.references or reading.cues or reading.values or reading.wishes)

    def _take_number(self, reading: _Reading, part: list[Mark], at: int) -> int:
        number, taken = self._whole_number(part, at)
        following = part[at + taken] if at + taken < len(part) else None
        unit = following.value("unit") if following is not None else None
        by = at > 0 and part[at - 1].has("little", "by")
        if at > 0 and part[at - 1].has("little", "to"):
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
        if name == "degrees" and after is not None and after.has("half"):
            number, taken = number + 0.5, taken + 1
        reading.close_reference()
        reading.values[name] = number
        reading.values["by"] = bool(reading.values.get("by")) or by
        return taken

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
        if mark.has("time", "at") and at + 2 < len(part) and part[at + 1].value("time") in PAST:
            return self._past(reading, part, at)
        if mark.has("time", "at") and at + 1 < len(part) and (hour := part[at + 1].number) is not None:
            return self._hour(reading, part, at, hour)
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
        return (number * SECONDS[unit], taken + 1) if unit in SECONDS else None

    def _delay(self, reading: _Reading, part: list[Mark], at: int, seconds: float, taken: int) -> int:
        reading.close_reference()
        reading.when = When(delay_s=seconds)
        after = part[at + taken] if at + taken < len(part) else None
        return taken + (after is not None and after.has("time", "from_now"))

    def _past(self, reading: _Reading, part: list[Mark], at: int) -> int:
        """ "at half past six"."""
        hour, minutes = part[at + 2].number, PAST[str(part[at + 1].value("time"))]
        if hour is None or hour > 24:
            return 0
        reading.close_reference()
        reading.when = When(hour=int(hour - (minutes < 0)) % 24, minute=minutes % 60)
        return 3

    def _hour(self, reading: _Reading, part: list[Mark], at: int, hour: float) -> int:
        """`at seven` is a time where something is to be done then, `at forty` a value."""
        following = part[at + 2] if at + 2 < len(part) else None
        is_time_word = following is not None and following.has("time")
        doing = set(reading.cues) & {"on", "off", "open", "close", "start", "stop", "lock"}
        has_unit = following is not None and following.has("unit")
        if has_unit or hour > 24 or not (is_time_word or doing):
            return 0
        minute = following.number if following is not None and following.number is not None else 0
        reading.close_reference()
        reading.when = When(hour=int(hour), minute=int(minute))
        return 2 if not minute else 3


def _says_what_to_do(mark: Mark) -> bool:
    """A cue that can be nothing else."""
    return mark.value("cue") is not None and not mark.home


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
