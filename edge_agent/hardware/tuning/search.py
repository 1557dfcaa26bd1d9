"""Finding the best way to run a model, in few and short measurements.

One thing after the other, the one that matters most first: threads that generate, threads that read, tokens read at
once, flash attention. Other programs only ever slow a probe down, so of several of the same the fastest counts, and
what is close is measured again before it is decided.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from edge_agent.hardware.tuning.choice import Choice, Kind, Rates
from edge_agent.hardware.tuning.probing import ProbeFailed

KINDS: tuple[Kind, ...] = ("prompt", "generation")
BATCHES = (64, 128, 256, 512)
PROBE_S = 0.5
CLOSE_SHARE = 0.06  # nearer than this to the best, a probe is done again
REPEATS = 2
WORTH_SHARE = 0.015  # less than this is no reason to leave what is known to work, or to read more tokens at once
LONGEST_PIECE_S = 5.0  # of a prompt: a more urgent command waits for it
SEARCH_SHARE = 0.9  # of the time; the rest is for measuring what was chosen once more


class Measures(Protocol):
    """A Prober, or what stands for it. Raises ProbeFailed where this way of running does not work."""

    def measure(self, choice: Choice, kind: Kind, seconds: float) -> float: ...


@dataclass(frozen=True)
class Probe:
    """One measurement, in tokens a second; None where it failed. `spent` is the share of the time that is gone."""

    choice: Choice
    kind: Kind
    rate: float | None
    spent: float


@dataclass
class Search:
    """Looks for the best choice around `start`; what is in `fixed` stays as it is. `probes` keeps what was measured."""

    prober: Measures
    start: Choice
    cores: int
    fixed: frozenset[str] = frozenset()
    limit_s: float = 120.0
    on_probe: Callable[[Probe], None] = lambda probe: None
    clock: Callable[[], float] = time.monotonic
    probes: list[Probe] = field(default_factory=list)
    _began_s: float = 0.0

    def run(self) -> Choice:
        """The best of what could be measured in `limit_s`; `start` where nothing could."""
        self._began_s = self.clock()
        best = self._choose("generation", self._with(self.start, "threads", self._thread_counts(self.start.threads)))
        best = self._choose("prompt", self._with(best, "threads_batch", self._thread_counts(best.threads_batch)))
        best = self._choose_batch(best)
        best = self._choose("prompt", self._with(best, "flash_attention", (True, False)))
        for kind in KINDS:
            if self.rate(best, kind) is None and self.probes:
                self._probe(best, kind)
        return best

    def rate(self, choice: Choice, kind: Kind) -> float | None:
        """The fastest that was measured of it."""
        rates = (probe.rate for probe in self.probes if (probe.choice, probe.kind) == (choice, kind) and probe.rate)
        return max(rates, default=None)

    def rates(self, choice: Choice) -> Rates:
        return Rates(self.rate(choice, "prompt"), self.rate(choice, "generation"))

    def _with(self, best: Choice, name: str, values: Sequence[Any]) -> list[Choice]:
        """`best` first, then it with each other value."""
        others = () if name in self.fixed else values
        return list(dict.fromkeys([best, *(replace(best, **{name: value}) for value in others)]))

    def _thread_counts(self, start: int) -> list[int]:
        """What is worth a try: the fast cores, all, one less of each for the system, half."""
        wanted = (start, self.cores, start - 1, self.cores - 1, (start + 1) // 2)
        return [count for count in wanted if 1 <= count <= self.cores]

    def _choose(self, kind: Kind, candidates: list[Choice]) -> Choice:
        if len(candidates) == 1:
            return candidates[0]
        self._measure(candidates, kind)
        for _ in range(REPEATS):
            if len(close := self._close(candidates, kind)) > 1:
                self._measure(close, kind)
        return self._first_about_as_fast_as_the_fastest(candidates, kind)

    def _choose_batch(self, best: Choice) -> Choice:
        """The smallest that is about as fast as the fastest."""
        rate = self.rate(best, "prompt") or 0.0
        sizes = [size for size in BATCHES if size <= best.context and size <= rate * LONGEST_PIECE_S]
        candidates = self._with(best, "batch", sizes)
        self._choose("prompt", candidates)
        return self._first_about_as_fast_as_the_fastest(sorted(candidates, key=lambda like: like.batch), "prompt")

    def _first_about_as_fast_as_the_fastest(self, candidates: list[Choice], kind: Kind) -> Choice:
        rates = {choice: self.rate(choice, kind) or 0.0 for choice in candidates}
        enough = (1 - WORTH_SHARE) * max(rates.values())
        return next(choice for choice, rate in rates.items() if rate >= enough)

    def _close(self, candidates: list[Choice], kind: Kind) -> list[Choice]:
        rates = {choice: self.rate(choice, kind) or 0.0 for choice in candidates}
        most = max(rates.values())
        return [choice for choice, rate in rates.items() if rate and rate >= (1 - CLOSE_SHARE) * most]

    def _measure(self, candidates: Sequence[Choice], kind: Kind) -> None:
        """As many of them as there is time for."""
        for choice in candidates:
            if self.clock() - self._began_s < SEARCH_SHARE * self.limit_s:
                self._probe(choice, kind)

    def _probe(self, choice: Choice, kind: Kind) -> None:
        try:
            rate: float | None = self.prober.measure(choice, kind, PROBE_S)
        except ProbeFailed:
            rate = None
        spent = min(1.0, (self.clock() - self._began_s) / self.limit_s)
        self.probes.append(Probe(choice, kind, rate, spent))
        self.on_probe(self.probes[-1])
