"""What a process occupies and uses, as the kernel counts it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

MB = 1e6
_CPUCLOCK_SCHED = 2  # clock_getcpuclockid(3): nanoseconds, where /proc/<pid>/stat counts ticks of 10 ms


@dataclass(frozen=True)
class Memory:
    """MB of 10^6 bytes. USS would be free if the process ended; PSS has its share of what others map too."""

    rss_mb: float
    uss_mb: float
    pss_mb: float
    anon_mb: float

    @classmethod
    def of(cls, pid: int) -> Memory:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        kilobytes = {name.rstrip(":"): int(size) for name, size, *_ in map(str.split, lines)}
        mb = {name: size * 1024 / MB for name, size in kilobytes.items()}
        return cls(mb["Rss"], mb["Private_Clean"] + mb["Private_Dirty"], mb["Pss"], mb["Anonymous"])


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used, threads that have ended included."""
    clock = (~pid << 3) | _CPUCLOCK_SCHED
    return time.clock_gettime(clock)


def idle_cpu_percent(pids: list[int], seconds: float) -> list[float]:
    """Of one core, of each process, while nobody asks anything."""
    before = [cpu_s(pid) for pid in pids]
    started_s = time.monotonic()
    time.sleep(seconds)
    span_s = time.monotonic() - started_s
    return [100 * (cpu_s(pid) - used_s) / span_s for pid, used_s in zip(pids, before, strict=True)]
