"""How good and how quick `edge-agent tune` is, held against a full sweep: threads × threads for reading × batch × flash
attention, each measured as long as llama-bench does.

    .venv/bin/python -m bench.tuning MODEL.gguf

Run it on a quiet machine: beside other busy programs both are noise.
"""

from __future__ import annotations

import itertools
import sys
import time
from dataclasses import replace
from pathlib import Path

from edge_agent.hardware import Board
from edge_agent.hardware.tuning.choice import Choice, Kind
from edge_agent.hardware.tuning.probing import Prober
from edge_agent.hardware.tuning.profile import profile
from edge_agent.hardware.tuning.search import BATCHES, KINDS, Search

SWEEP_S = 3.0  # of each measurement
REPEATS = 2
FINAL_REPEATS = 4


def main() -> None:
    board = Board.probe(Path("/"))
    with Prober(Path(sys.argv[1])) as prober:
        began_s = time.monotonic()
        search = Search(prober, profile(board), board.cores)
        tuned = search.run()
        tune_s = time.monotonic() - began_s
        began_s = time.monotonic()
        swept = {kind: _sweep(prober, tuned, board.cores, kind) for kind in KINDS}
        sweep_s = time.monotonic() - began_s
        print(f"tuned: {tuned} in {tune_s:.0f} s, {len(search.probes)} measurements; the sweep took {sweep_s:.0f} s")
        for kind, best in swept.items():
            if best == tuned:
                print(f"{kind}: the sweep found the same")
                continue
            # Both anew, in turn, so that neither is only the luckiest of its own measurements.
            rates = [[prober.measure(one, kind, SWEEP_S) for one in (tuned, best)] for _ in range(FINAL_REPEATS)]
            ours, theirs = (max(column) for column in zip(*rates, strict=True))
            print(f"{kind}: tuned {ours:.1f} tokens/s, best of the sweep {theirs:.1f} ({best}): {ours / theirs:.1%}")


def _sweep(prober: Prober, around: Choice, cores: int, kind: Kind) -> Choice:
    """The fastest of all; what does not matter for this kind stays as it is."""
    counts, flash = range(1, cores + 1), (None, True, False)
    name = "threads" if kind == "generation" else "threads_batch"
    batches = BATCHES if kind == "prompt" else (around.batch,)
    several = [
        replace(around, **{name: count, "batch": batch, "flash_attention": on})  # type: ignore[arg-type]
        for count, batch, on in itertools.product(counts, batches, flash)
    ]
    rates = dict.fromkeys(several, 0.0)
    for choice in several * REPEATS:
        rates[choice] = max(rates[choice], prober.measure(choice, kind, SWEEP_S))
    return max(several, key=lambda choice: rates[choice])


if __name__ == "__main__":
    main()
