"""Times of day as they are said: "seven", "7:30", "half past six", "sept heures et quart", "acht Uhr fünf"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.language.marks import Mark

DAY_MINUTES = 24 * 60


@dataclass(frozen=True)
class ClockTime:
    """`minutes` since midnight, told by `taken` marks; a bare number that is not `sure` may be anything else."""

    minutes: int
    taken: int
    sure: bool


def clock_time(part: Sequence[Mark], *, behind_at: bool) -> ClockTime | None:
    """What begins at the first mark; `behind_at`: behind a word that leads a time of day in."""
    before = part[0].value("offset") if len(part) > 1 and part[1].number is not None else None
    start = int(before is not None)
    named = part[start].value("hour") if start < len(part) else None  # "a la una", "a mezzogiorno"
    hour = float(named) if named is not None else part[start].number if start < len(part) else None
    if hour is None or hour > 24:
        return None
    taken = start + 1
    is_oclock = _is_oclock(part[taken : taken + 1], behind_at)
    has_minutes = ":" in part[start].said or (is_oclock and hour != int(hour))  # 7:30 is read as 7.30
    if hour != int(hour) and not has_minutes:
        return None
    taken += is_oclock
    minutes, more = int(before or 0) + round(hour % 1 * 100), 0
    if not minutes:
        minutes, more = _minutes(part[taken : taken + 3], behind_oclock=is_oclock)
    sure = is_oclock or has_minutes or before is not None or named is not None
    return ClockTime((int(hour) * 60 + minutes) % DAY_MINUTES, taken + more, sure)


def _is_oclock(following: Sequence[Mark], behind_at: bool) -> bool:
    """ "heures" may be how long as well: only behind "à" is it a time."""
    return bool(following) and following[0].has("time", "oclock") and (behind_at or not following[0].has("unit"))


def _minutes(following: Sequence[Mark], *, behind_oclock: bool) -> tuple[int, int]:
    """(minutes from the hour, how many marks say so): "thirty", "et demie", "moins dix"; in Chinese "5 minutes"."""
    if following and (offset := following[0].value("offset_behind")) is not None:
        return int(offset), 1
    is_before = bool(following) and following[0].has("time", "minus")
    told = following[is_before:]
    number = told[0].number if told else None
    unit = told[1].value("unit") if len(told) > 1 else None
    says_minutes = unit == "minutes" and behind_oclock
    if number is None or not 0 < number < 60 or (unit and not says_minutes):
        return 0, 0
    minutes = int(number if number >= 1 else number * 60)
    return -minutes if is_before else minutes, 1 + is_before + says_minutes
