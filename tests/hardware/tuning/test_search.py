from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace

import pytest

from edge_agent.hardware.tuning.choice import Choice, Kind
from edge_agent.hardware.tuning.probing import ProbeFailed
from edge_agent.hardware.tuning.search import BATCHES, LONGEST_PIECE_S, Search

START = Choice(threads=4, threads_batch=4, batch=128, context=2048)


@dataclass
class Machine:
    """A board as a formula: its memory feeds so many threads, its little cores hold up the fast ones, and other
    programs slow some of the measurements down."""

    fed_threads: int = 3
    fast_cores: int = 4
    prompt_rate: float = 60.0
    flash_gain: float = 1.0
    disturbance: tuple[float, ...] = (1.0,)
    broken: frozenset[object] = frozenset()
    now_s: float = 0.0
    asked: list[tuple[Choice, Kind]] = field(default_factory=list)

    def measure(self, choice: Choice, kind: Kind, seconds: float) -> float:
        if self.broken & {choice.flash_attention, choice.batch}:
            raise ProbeFailed("it does not work")
        slowed = self.disturbance[len(self.asked) % len(self.disturbance)]
        self.asked.append((choice, kind))
        rate = self.true_rate(choice, kind) * slowed
        self.now_s += max(seconds, (choice.batch if kind == "prompt" else 4) / rate)
        return rate

    def true_rate(self, choice: Choice, kind: Kind) -> float:
        flash = self.flash_gain if choice.flash_attention else 1.0
        if kind == "generation":
            threads = choice.threads
            return (
                12
                * flash
                * min(threads, self.fed_threads)
                / self.fed_threads
                * 0.97 ** max(0, threads - self.fed_threads)
            )
        held_up = 0.7 if choice.threads_batch > self.fast_cores else 1.0
        share = min(choice.threads_batch, self.fast_cores + 0.1) / self.fast_cores * held_up
        return self.prompt_rate * flash * share * (1 - 8 / choice.batch)


def search(machine: Machine, start: Choice = START, cores: int = 4, **how: object) -> Search:
    return Search(machine, start, cores, clock=lambda: machine.now_s, **how)  # type: ignore[arg-type]


def sweep(machine: Machine, start: Choice, cores: int, kind: Kind) -> float:
    """The best rate of all there are."""
    counts = range(1, cores + 1)
    several = itertools.product(counts, counts, BATCHES, (None, True, False))
    return max(
        machine.true_rate(replace(start, threads=t, threads_batch=b, batch=n, flash_attention=f), kind)
        for t, b, n, f in several
    )


MACHINES = {
    "as many threads as cores": (Machine(fed_threads=4), 4),
    "memory feeds three": (Machine(fed_threads=3), 4),
    "memory feeds two": (Machine(fed_threads=2), 4),
    "little cores": (Machine(fed_threads=4, fast_cores=4), 8),
    "flash attention helps": (Machine(flash_gain=1.2), 4),
    "flash attention harms": (Machine(flash_gain=0.8), 4),
    "fast": (Machine(prompt_rate=900, fed_threads=4), 4),
    "two cores": (Machine(fed_threads=2, fast_cores=2), 2),
    "every third look is disturbed": (Machine(disturbance=(1.0, 1.0, 0.6)), 4),
}


@pytest.mark.parametrize(("machine", "cores"), MACHINES.values(), ids=MACHINES.keys())
def test_it_finds_98_percent_of_what_a_full_sweep_finds(machine: Machine, cores: int) -> None:
    start = replace(START, threads=min(4, cores), threads_batch=min(4, cores))
    best = search(machine, start, cores).run()
    for kind in ("prompt", "generation"):
        allowed = LONGEST_PIECE_S * machine.prompt_rate  # larger pieces are left out on purpose
        most = sweep(machine, start, cores, kind) if max(BATCHES) <= allowed else None
        if most is not None:
            assert machine.true_rate(best, kind) >= 0.98 * most
    assert machine.true_rate(best, "generation") >= 0.98 * sweep(machine, start, cores, "generation")


def test_the_smallest_batch_that_is_about_as_fast_is_chosen() -> None:
    best = search(Machine(prompt_rate=900)).run()
    assert best.batch == 512  # (1 − 8/256) is 1.6 % less than (1 − 8/512)
    best = search(Machine(prompt_rate=30)).run()
    assert best.batch <= 30 * LONGEST_PIECE_S


def test_what_the_owner_set_stays_and_is_not_tried_otherwise() -> None:
    machine = Machine(fed_threads=2, flash_gain=0.5)
    start = replace(START, threads=4, flash_attention=True, batch=64)
    best = search(machine, start, fixed=frozenset({"threads", "flash_attention", "batch"})).run()
    assert (best.threads, best.flash_attention, best.batch) == (4, True, 64)
    assert {(choice.threads, choice.flash_attention, choice.batch) for choice, _ in machine.asked} == {(4, True, 64)}


def test_it_ends_when_its_time_is_over_with_the_best_so_far() -> None:
    machine = Machine(prompt_rate=3, fed_threads=2)  # one piece takes 43 s
    looks = search(machine, limit_s=60.0)
    best = looks.run()
    assert best.threads == 2  # what matters most was tried first
    assert machine.now_s < 60 + 2 * 128 / 3
    assert looks.rates(best).generation is not None


def test_a_way_that_does_not_work_is_not_chosen() -> None:
    machine = Machine(flash_gain=2.0, broken=frozenset({True}))
    best = search(machine).run()
    assert best.flash_attention is None


def test_where_nothing_works_it_stays_as_it_was() -> None:
    looks = search(Machine(broken=frozenset({None, True, False})))
    assert looks.run() == START
    assert looks.rates(START).generation is None


def test_progress_only_grows() -> None:
    spent: list[float] = []
    search(Machine(), on_probe=lambda probe: spent.append(probe.spent)).run()
    assert spent == sorted(spent)
    assert all(math.isfinite(share) and 0 < share <= 1 for share in spent)
