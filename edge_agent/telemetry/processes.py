"""What our own processes occupy."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

from edge_agent.messages import ProcessTelemetry, WorkerTelemetry

SHORTEST_SPAN_S = 0.2  # the kernel counts in ticks of 10 ms: over less, CPU use is noise


class ProcessSampler:
    """The daemon and its worker, whose process may be another one, or gone, at every look."""

    def __init__(self) -> None:
        self._own = Sampled(os.getpid())
        self._worker: Sampled | None = None

    def own(self) -> ProcessTelemetry:
        return ProcessTelemetry(rss_bytes=self._own.rss_bytes(), cpu_percent=self._own.cpu_percent())

    def worker(self, pid: int | None, restarts: int) -> WorkerTelemetry:
        """`pid` None: no worker runs now; all but `restarts` is unknown then, and where it ends while we look."""
        if self._worker is None or self._worker.pid != pid:
            self._worker = Sampled(pid) if pid is not None else None
        seen = self._worker
        return WorkerTelemetry(
            rss_bytes=seen.rss_bytes() if seen else None,
            rss_anon_bytes=seen.rss_anon_bytes() if seen else None,
            cpu_percent=seen.cpu_percent() if seen else None,
            restarts=restarts,
        )


class Sampled:
    """One process. CPU use is measured from one look to the next, so the first look starts here."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._process = _process(pid)
        self._looked = float("-inf")
        self.cpu_percent()

    def rss_bytes(self) -> int | None:
        try:
            return (self._process.memory_info().rss or None) if self._process else None  # 0: it has just ended
        except psutil.Error:
            return None

    def rss_anon_bytes(self) -> int | None:
        """What is not the mapped model file: KV cache, buffers, Python."""
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except OSError:
            return None
        kilobytes = next((line.split()[1] for line in lines if line.startswith("RssAnon:")), None)
        return int(kilobytes) * 1024 if kilobytes else None

    def cpu_percent(self) -> float | None:
        """Of one core, since the last look: two busy threads are 200. None where that was too short a time ago."""
        span_s, self._looked = time.monotonic() - self._looked, time.monotonic()
        try:
            percent = self._process.cpu_percent() if self._process else None
        except psutil.Error:
            return None
        return percent if SHORTEST_SPAN_S < span_s < float("inf") else None


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None
