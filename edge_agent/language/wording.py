"""Says what became of a wish, and asks, refuses and tells the time, in one language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal

from edge_agent.home import ActionResult, DeviceAction, Entity, Timer
from edge_agent.language.outcomes import result_clauses
from edge_agent.language.phrases import MASCULINE, Phrases, Said, together
from edge_agent.language.plan import Ask, LetBe, Refuse, When
from edge_agent.language.terms import Devices, Terms

# A key is looked for in the table of what its plan is, then in the others.
_KEYED = ("questions", "refusals", "let_be", "clauses")
# Of these values several are all meant; of others one is to be chosen.
_MEANT_TOGETHER = frozenset({"name", "names", "item"})


class Wording:
    """One language's way to say things."""

    def __init__(self, phrases: Phrases) -> None:
        self.phrases = phrases
        self.terms = Terms(phrases)

    @classmethod
    def of(cls, language: str) -> Wording:
        """For a BCP 47 tag; English where there are no words for its language."""
        return _of(Phrases.of(language))

    @property
    def language(self) -> str:
        return self.phrases.language

    def results(self, results: Sequence[ActionResult], home: Devices) -> str:
        """One sentence of what happened, from the results alone, and a question where something needs a yes."""
        asked = [result.wish for result in results if result.result == "needs_confirmation"]
        rest = [result for result in results if result.result != "needs_confirmation"]
        said = self.phrases.clauses(result_clauses(self.terms, rest, home)) if rest else ""
        question = self.ask(Ask("confirm", {"wish": asked}), home) if asked else ""
        return self.phrases.sentences([said, question])

    def ask(self, ask: Ask, home: Devices) -> str:
        return self._keyed("questions", ask.key, ask.values, home, ask.candidates)

    def refuse(self, refuse: Refuse, home: Devices) -> str:
        """Keys of the table `refusals`, and the codes by which policy refuses, with the same values."""
        if refuse.key != "out_of_range":
            return self._keyed("refusals", refuse.key, refuse.values, home)
        low = refuse.values.get("low", refuse.values.get("minimum"))
        high = refuse.values.get("high", refuse.values.get("maximum"))
        key, values = self.terms.bounds(low, high, refuse.values.get("unit"))
        return self._keyed("clauses", key, {**refuse.values, **values}, home)

    def let_be(self, let_be: LetBe, home: Devices | None = None) -> str:
        return self._keyed("let_be", let_be.key, let_be.values, home)

    def error(self, code: str) -> str:
        """What a Reply's error code means to a person."""
        known = self.phrases.table("errors")
        return self.phrases.sentence(known.get(code, known["internal"]))

    def clock(self, wanted: Literal["time", "date"], now: datetime) -> str:
        calendar = self.phrases.table("calendar")
        if wanted == "time":
            return self.phrases.sentence(calendar["time"].format(clock=self._time_of_day(now.hour, now.minute)))
        weekday, month = calendar["weekdays"][now.weekday()], calendar["months"][now.month - 1]
        return self.phrases.sentence(calendar["date"].format(weekday=weekday, day=now.day, month=month, year=now.year))

    def timer_set(self, duration_s: float, name: str | None = None) -> str:
        return self._timer("set", name, duration=self.phrases.duration(duration_s))

    def timers_changed(self, timers: Sequence[tuple[Timer, float]]) -> str:
        """Each with the seconds that it has now."""
        return self._timers("changed", timers)

    def timers_cancelled(self, timers: Sequence[Timer]) -> str:
        return self.phrases.clauses(self._timer_clause("cancelled", timer.name, timer.duration_s) for timer in timers)

    def timers_left(self, timers: Sequence[tuple[Timer, float]]) -> str:
        """Each with the seconds that are left of it."""
        return self._timers("left", timers)

    def which_timer(self, timers: Sequence[Timer]) -> str:
        """By their names, else by how long they were set for."""
        labels = [timer.name or self.phrases.duration(timer.duration_s or 0) for timer in timers]
        return self._asked("which_timer", timers=self.phrases.listed(labels, "or"))

    def timer_how_long(self) -> str:
        return self._asked("how_long")

    def no_timer(self, name: str | None = None) -> str:
        return self._timer("none", name)

    def delayed(self, actions: Sequence[DeviceAction], when: When, home: Devices) -> str:
        """What is going to be done, and when."""
        wish = self.terms.wish(actions, home)
        return self.phrases.sentence(self.phrases.fill("timers", "delayed", wish=wish, when=self.when(when)))

    def undone(self, actions: Sequence[DeviceAction], when: When, home: Devices) -> str:
        """What is going to bring back what was done for a while."""
        wish = self.terms.wish(actions, home)
        return self.phrases.sentence(self.phrases.fill("timers", "undone", wish=wish, when=self.when(when)))

    def when(self, when: When) -> str:
        """ "in 10 minutes", "tomorrow at 7:00 am"."""
        if when.hour is None:
            return self.phrases.fill("timers", "in", duration=self.phrases.duration(when.delay_s or 0))
        clock = self._time_of_day(when.hour, when.minute)
        return self.phrases.fill("timers", "tomorrow_at" if when.tomorrow else "at", clock=clock)

    def _asked(self, key: str, **values: str) -> str:
        return self.phrases.sentence(self.phrases.fill("questions", key, **values))

    def _timer(self, key: str, name: str | None, **values: str) -> str:
        return self.phrases.sentence(self._timer_clause(key, name, None, **values))

    def _timers(self, key: str, timers: Sequence[tuple[Timer, float]]) -> str:
        """One alone needs no telling apart."""
        alone = len(timers) == 1
        return self.phrases.clauses(
            self._timer_clause(
                key, timer.name, None if alone else timer.duration_s, remaining=self.phrases.duration(left_s)
            )
            for timer, left_s in timers
        )

    def _timer_clause(self, key: str, name: str | None, length_s: float | None = None, **values: str) -> str:
        """By its name, else by how long it was set for, where that is given."""
        if name is not None:
            return self.phrases.fill("timers", f"{key}_named", name=name, **values)
        if length_s is not None:
            return self.phrases.fill("timers", f"{key}_of", length=self.phrases.duration(length_s), **values)
        return self.phrases.fill("timers", key, **values)

    def _time_of_day(self, hour: int, minute: int) -> str:
        calendar = self.phrases.table("calendar")
        said_hour = (hour - 1) % 12 + 1 if calendar["hours"] == 12 else hour
        return str(calendar["am" if hour < 12 else "pm"].format(hour=said_hour, minute=f"{minute:02d}"))

    def _keyed(
        self, table: str, key: str, values: Mapping[str, Any], home: Devices | None, candidates: Sequence[str] = ()
    ) -> str:
        """Raises KeyError for a key that there is no sentence for, and for a value that is missing in it."""
        table = next((one for one in (table, *_KEYED) if self.phrases.has(one, key)), table)
        # What is not here has no article: it is called as the person called it.
        bare = key.startswith("no_such")
        said = {name: self._spoken(name, value, home, bare=bare) for name, value in values.items()}
        if candidates and home is not None:
            said.setdefault("candidates", self._candidates(candidates, home))
        form = said["name"].form if "name" in said else MASCULINE
        texts = {name: one.text for name, one in said.items()}
        return self.phrases.sentence(self.phrases.fill(table, key, form, **texts))

    def _spoken(self, name: str, value: Any, home: Devices | None, *, bare: bool) -> Said:
        """Values are texts, numbers, entities, entity ids, wishes, or several of them."""
        if isinstance(value, str) and home is not None and "." in value:
            value = home.find(value) or value
        if isinstance(value, Entity):
            return self.terms.names.device(value)
        if isinstance(value, DeviceAction):
            return self._spoken(name, [value], home, bare=bare)
        if isinstance(value, str):
            return self.terms.names.called(value) if name in ("name", "area") and not bare else Said(value)
        if isinstance(value, Iterable):
            return self._spoken_list(name, list(value), home, bare=bare)
        return Said("" if value is None else self.phrases.number(value))

    def _spoken_list(self, name: str, values: Sequence[Any], home: Devices | None, *, bare: bool) -> Said:
        if home is not None and values and all(isinstance(value, DeviceAction) for value in values):
            return Said(self.terms.wish(values, home))
        if name == "choices":
            return Said(self.terms.choices(str(value) for value in values))
        said = [self._spoken(name, value, home, bare=bare) for value in values]
        last: Literal["and", "or"] = "and" if name in _MEANT_TOGETHER else "or"
        return Said(self.phrases.listed((one.text for one in said), last), together([one.form for one in said]))

    def _candidates(self, candidates: Sequence[str], home: Devices) -> Said:
        """Names that are the same are told apart by their areas."""
        entities = [entity for one in candidates if (entity := home.find(one)) is not None]
        names = [self.terms.names.device(entity).text for entity in entities]
        texts = [
            f"{name} ({entity.area})" if names.count(name) > 1 and entity.area else name
            for name, entity in zip(names, entities, strict=True)
        ]
        return Said(self.phrases.listed(texts, "or"))


@cache
def _of(phrases: Phrases) -> Wording:
    return Wording(phrases)
