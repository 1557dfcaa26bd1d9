"""How much of the board is used, when it is hot, lacks power, or runs out of memory.

Down quickly and one step at a time, so that each has time to help; up slowly, and more slowly each time that going up
turns out to have been too early. That is what keeps it from swinging.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

LOOK_S = 10.0
COOLER_C = 8.0  # than hot: cool
SHORT_PRESSURE, CALM_PRESSURE = 5.0, 0.5  # percent of time in which nothing could go on for want of memory
SHORT_MEMORY, CALM_MEMORY = 0.04, 0.08  # share of all memory that is still to be had
HEAT_SIGNS = frozenset({"throttled", "frequency_capped", "soft_temperature_limit", "under_voltage"})
LOOKS_BEFORE_STEP = 2  # one odd reading is no reason
SETTLE_S = 120.0  # a step's effect is waited for
FIRST_WAIT_S, LONGEST_WAIT_S = 300.0, 7200.0  # of calm before a step up
RELAPSE_S = 1800.0  # hot again so soon after a step up: it was too early, and next time
RELAPSE_C, MOST_RELAPSE_C = 4.0, 20.0  # it has to be so much cooler
STEADY_S = 4 * 3600.0  # without trouble: earlier ones are forgotten

Cause = Literal["heat", "memory"]


@dataclass(frozen=True)
class Signs:
    """One look at the board. None: it does not tell."""

    temperature_c: float | None = None
    throttled: tuple[str, ...] | None = None
    memory_pressure_percent: float | None = None
    memory_available: float | None = None  # share of all

    def is_hot(self, hot_c: float | None) -> bool:
        """By the board's own word, or from `hot_c` on, where that is known."""
        if HEAT_SIGNS.intersection(self.throttled or ()):
            return True
        return None not in (self.temperature_c, hot_c) and (self.temperature_c or 0) >= (hot_c or 0)

    def is_cool(self, hot_c: float | None, margin_c: float) -> bool:
        if self.is_hot(hot_c):
            return False
        return self.temperature_c is None or hot_c is None or self.temperature_c <= hot_c - COOLER_C - margin_c

    @property
    def is_short(self) -> bool:
        return (self.memory_pressure_percent or 0.0) >= SHORT_PRESSURE or (
            self.memory_available is not None and self.memory_available < SHORT_MEMORY
        )

    @property
    def is_calm(self) -> bool:
        return (self.memory_pressure_percent or 0.0) <= CALM_PRESSURE and (
            self.memory_available is None or self.memory_available > CALM_MEMORY
        )


@dataclass(frozen=True)
class Limits:
    """Shares of what was chosen for this board. `talk` False: what is no home command is refused."""

    threads: float = 1.0
    batch: float = 1.0
    context: float = 1.0
    talk: bool = True


FULL = Limits()
STEPS: dict[Cause, tuple[Limits, ...]] = {
    "heat": (FULL, Limits(threads=0.75), Limits(threads=0.5), Limits(threads=0.5, talk=False)),
    "memory": (FULL, Limits(batch=0.5, context=0.5), Limits(batch=0.5, context=0.5, talk=False)),
}


@dataclass
class Ladder:
    """One cause's steps. `level` 0 is all of the board."""

    last: int
    level: int = 0
    wait_s: float = FIRST_WAIT_S
    margin_c: float = 0.0
    bad_looks: int = 0
    calm_since_s: float | None = None
    stepped_at_s: float = -math.inf
    rose_at_s: float = -math.inf

    def look(self, is_bad: bool, is_good: bool, now_s: float) -> bool:
        """Whether it took a step."""
        self.bad_looks = self.bad_looks + 1 if is_bad else 0
        if not is_good:
            self.calm_since_s = None
        elif self.calm_since_s is None:
            self.calm_since_s = now_s
        if self.bad_looks >= LOOKS_BEFORE_STEP and self.level < self.last and now_s - self.stepped_at_s >= SETTLE_S:
            return self._down(now_s)
        if self.level and self.calm_since_s is not None and now_s - self.calm_since_s >= self.wait_s:
            return self._up(now_s)
        if self.level == 0 and now_s - self.rose_at_s >= STEADY_S:
            self.wait_s, self.margin_c = FIRST_WAIT_S, 0.0
        return False

    def _down(self, now_s: float) -> bool:
        if now_s - self.rose_at_s < RELAPSE_S:
            self.wait_s = min(2 * self.wait_s, LONGEST_WAIT_S)
            self.margin_c = min(self.margin_c + RELAPSE_C, MOST_RELAPSE_C)
        self.level += 1
        self.stepped_at_s = now_s
        return True

    def _up(self, now_s: float) -> bool:
        self.level -= 1
        self.stepped_at_s = self.rose_at_s = now_s
        self.calm_since_s = None
        return True


def _ladders() -> dict[Cause, Ladder]:
    return {cause: Ladder(len(steps) - 1) for cause, steps in STEPS.items()}


@dataclass
class Governor:
    """Told every `LOOK_S` seconds how the board is; says how much of it may be used. `hot_c` None: only its own word
    counts as heat."""

    hot_c: float | None
    _ladders: dict[Cause, Ladder] = field(default_factory=_ladders)

    @property
    def limits(self) -> Limits:
        """The lower of both causes'."""
        both = [STEPS[cause][ladder.level] for cause, ladder in self._ladders.items()]
        return Limits(
            threads=min(limits.threads for limits in both),
            batch=min(limits.batch for limits in both),
            context=min(limits.context for limits in both),
            talk=all(limits.talk for limits in both),
        )

    def level(self, cause: Cause) -> int:
        return self._ladders[cause].level

    def look(self, signs: Signs, now_s: float) -> tuple[Cause, ...]:
        """The causes that took a step, down or up."""
        heat, memory = self._ladders["heat"], self._ladders["memory"]
        stepped: dict[Cause, bool] = {
            "heat": heat.look(signs.is_hot(self.hot_c), signs.is_cool(self.hot_c, heat.margin_c), now_s),
            "memory": memory.look(signs.is_short, signs.is_calm, now_s),
        }
        return tuple(cause for cause, has_stepped in stepped.items() if has_stepped)
