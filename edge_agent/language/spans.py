"""How long something takes, as it is said: "ten minutes", "an hour and a half", "1 hour and 20 minutes"."""

from __future__ import annotations

from collections.abc import Sequence

from edge_agent.language.marks import Mark

SECONDS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0}
NAMED = {
    "half_hour": 1800.0,
    "quarter_hour": 900.0,
    "hour_and_a_half": 5400.0,
    "an_hour": 3600.0,
    "a_minute": 60.0,
    "a_second": 1.0,
    "three_quarters_hour": 2700.0,
}
Span = tuple[float, int]  # seconds, and how many marks tell them


def span(part: Sequence[Mark], at: int) -> Span | None:
    """Where a duration begins here; of several units each is a smaller one than that before it."""
    first = _single(part, at)
    if first is None:
        return None
    seconds, taken = first
    smallest = seconds
    while (more := _more(part, at + taken)) is not None and more[0] < smallest and more[0] < 3600:
        smallest = more[0]
        seconds, taken = seconds + more[0], taken + more[1]
    return seconds, taken


def joins_span(part: Sequence[Mark], at: int) -> bool:
    """Whether the word that joins here is within a duration: "an hour and ten minutes"."""
    has_before = at > 0 and (part[at - 1].value("unit") in SECONDS or part[at - 1].value("time") in NAMED)
    return has_before and at + 1 < len(part) and _single(part, at + 1) is not None


def whole_number(part: Sequence[Mark], at: int) -> tuple[float, int]:
    """`nineteen point five`, `twenty and a half`; and how many marks that took."""
    number = part[at].number or 0.0
    following = part[at + 1 : at + 3]
    if following and following[0].has("half", "half"):
        return number + 0.5, 2
    if len(following) == 2 and following[0].has("half", "point") and (digits := following[1].number) is not None:
        return number + digits / (10 ** len(str(int(digits)))), 3
    return number, 1


def _more(part: Sequence[Mark], at: int) -> Span | None:
    """Another span behind the first one, with or without an "and"."""
    if (minutes := _minutes_behind(part, at)) is not None:
        return minutes * SECONDS["minutes"], 2
    if at < len(part) and part[at].has("join", "and") and (found := _single(part, at + 1)) is not None:
        return found[0], found[1] + 1
    return _single(part, at)


def _minutes_behind(part: Sequence[Mark], at: int) -> int | None:
    """ "Un'ora e venti minuti": behind an hour of the clock the same words are minutes as well."""
    told = part[at].value("offset_behind") if at + 1 < len(part) else None
    return int(told) if told is not None and int(told) > 0 and part[at + 1].has("unit", "minutes") else None


def _single(part: Sequence[Mark], at: int) -> Span | None:
    if at >= len(part):
        return None
    if (named := part[at].value("time")) in NAMED:
        return NAMED[str(named)], 1
    if part[at].number is None:
        return None
    number, taken = whole_number(part, at)
    unit = part[at + taken].value("unit") if at + taken < len(part) else None
    if unit not in SECONDS:
        return None
    after = part[at + taken + 1] if at + taken + 1 < len(part) else None
    if after is not None and after.has("half", "half"):
        return (number + 0.5) * SECONDS[unit], taken + 2
    return number * SECONDS[unit], taken + 1
