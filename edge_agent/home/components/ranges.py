"""A device's own scale, and percent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Positions:
    """Where a cover or valve stands, from closed to open; `opened` may be the smaller number."""

    closed: int
    opened: int

    def percent(self, value: float) -> int:
        """0 (closed) to 100 (open)."""
        return clamped(round((value - self.closed) * 100 / (self.opened - self.closed)))

    @property
    def step(self) -> float:
        """In percent: how finely it stands."""
        return max(1.0, 100 / abs(self.opened - self.closed))

    def value(self, percent: float) -> int:
        return round(self.closed + clamped(percent) * (self.opened - self.closed) / 100)


@dataclass(frozen=True)
class Speeds:
    """The speeds of a fan: `lowest` is the slowest one that turns, one below it is off."""

    lowest: int
    highest: int

    @property
    def count(self) -> int:
        return self.highest - self.lowest + 1

    def percent(self, value: float) -> int:
        return clamped(round((value - self.lowest + 1) * 100 / self.count))

    def value(self, percent: float) -> int:
        """The nearest speed; a fan that is wished to turn does not stop for being wished slow."""
        return max(1, round(clamped(percent) * self.count / 100)) + self.lowest - 1


def clamped(percent: float) -> int:
    return round(min(100, max(0, percent)))
