"""What changes while the board runs: load, memory, heat, throttling, power. A reading that is not there is None."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from edge_agent.hardware import nvml
from edge_agent.hardware.files import read_text
from edge_agent.hardware.gpu import Gpu
from edge_agent.hardware.gpu_load import gpu_percent
from edge_agent.hardware.memory import meminfo
from edge_agent.hardware.rails import power_w
from edge_agent.hardware.readers import Reader
from edge_agent.hardware.soc import probe_soc
from edge_agent.hardware.temperatures import gpu_c, hot_c, processor_c
from edge_agent.hardware.throttling import Throttling
from edge_agent.messages import GpuTelemetry, SystemTelemetry


class Sensors:
    """Readings of one board. A reader that fails gives None and never harms the others."""

    def __init__(self, root: Path, disk: Path) -> None:
        """`root` has /proc and /sys; `disk` is a folder, perhaps not there yet, whose free space counts."""
        self._root, self._disk = root, disk
        soc = probe_soc(root)
        self._gpu = Gpu.probe(root, soc)
        self._cpu_percent = Reader("cpu_percent", CpuUse(root))
        self._load = Reader("load_1m", self._read_load)
        self._memory = Reader("memory", lambda: meminfo(root))
        self._pressure = Reader("memory_pressure_percent", self._read_pressure)
        self._disk_free = Reader("disk_free_bytes", self._read_disk_free)
        self._temperature = Reader("temperature_c", lambda: processor_c(root))
        self.hot_c = hot_c(root, soc)  # from where on it is about to be slowed down; None: not known
        self._throttled = Throttling(root)
        self._power = Reader("power_w", lambda: power_w(root, soc))
        self._gpu_temperature = Reader("gpu.temperature_c", lambda: gpu_c(root))
        self._gpu_percent = Reader("gpu.utilization_percent", lambda: gpu_percent(root))
        self._nvml = Reader("nvml", nvml.Nvml(root).read)

    def system(self) -> SystemTelemetry:
        """The board now; `cpu_percent` is of all cores since the last call."""
        memory = self._memory() or {}
        return SystemTelemetry(
            cpu_percent=self._cpu_percent(),
            load_1m=self._load(),
            memory_total_bytes=memory.get("MemTotal"),
            memory_available_bytes=memory.get("MemAvailable"),
            memory_pressure_percent=self._pressure(),
            swap_used_bytes=_swap_used(memory),
            disk_free_bytes=self._disk_free(),
            temperature_c=self.temperature_c(),
            throttled=self._throttled(),
            power_w=self.power_w(),
        )

    def gpu(self) -> GpuTelemetry | None:
        """None: the board has none. A GPU that shares the board's memory has none of its own to tell of."""
        if self._gpu is None:
            return None
        told = self._nvml() if self._gpu.state == "usable" else None
        percent = self.gpu_percent()
        degrees = self._gpu_temperature()
        return GpuTelemetry(
            name=self._gpu.name,
            utilization_percent=percent if percent is not None or told is None else told.utilization_percent,
            memory_used_bytes=told.memory_used_bytes if told else None,
            memory_total_bytes=told.memory_total_bytes if told else None,
            temperature_c=degrees if degrees is not None or told is None else told.temperature_c,
        )

    @property
    def has_gpu(self) -> bool:
        return self._gpu is not None

    def temperature_c(self) -> float | None:
        return self._temperature()

    def throttled(self) -> tuple[str, ...] | None:
        return self._throttled()

    def memory_pressure_percent(self) -> float | None:
        return self._pressure()

    def memory_available(self) -> float | None:
        """The share of all memory that is still to be had."""
        memory = self._memory() or {}
        total, available = memory.get("MemTotal"), memory.get("MemAvailable")
        return available / total if total and available is not None else None

    def power_w(self) -> float | None:
        """Of the whole board, USB devices perhaps left out."""
        return self._power()

    def gpu_percent(self) -> float | None:
        """At this very moment."""
        return self._gpu_percent()

    def _read_load(self) -> float | None:
        text = read_text(self._root / "proc/loadavg")
        return float(text.split()[0]) if text else None

    def _read_pressure(self) -> float | None:
        """Percent of the last 10 s in which every task waited for memory: over 0 for long, the board thrashes."""
        for line in (read_text(self._root / "proc/pressure/memory") or "").splitlines():
            kind, *values = line.split()
            if kind == "full":
                return float(dict(value.split("=") for value in values)["avg10"])
        return None

    def _read_disk_free(self) -> int:
        there = next(folder for folder in (self._disk, *self._disk.parents) if os.path.exists(folder))  # noqa: PTH110 (Path.exists raises where we may not look)
        return shutil.disk_usage(there).free


class CpuUse:
    """Of all cores, from one call to the next."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._before = self._ticks_or_none()

    def __call__(self) -> float | None:
        before, now = self._before, self._ticks()
        self._before = now
        if before is None or now is None or now[1] <= before[1]:
            return None
        return round(100 * (now[0] - before[0]) / (now[1] - before[1]), 1)

    def _ticks_or_none(self) -> tuple[int, int] | None:
        try:
            return self._ticks()
        except ValueError:
            return None

    def _ticks(self) -> tuple[int, int] | None:
        """Ticks of all cores since the boot: busy, all. Guests' time is in the user's already; waiting is not work."""
        line = next(iter((read_text(self._root / "proc/stat") or "").splitlines()), "")
        if not line.startswith("cpu "):
            return None
        user, nice, system, idle, iowait, *rest = (int(ticks) for ticks in line.split()[1:9])
        busy = user + nice + system + sum(rest)
        return busy, busy + idle + iowait


def _swap_used(memory: dict[str, int]) -> int | None:
    if "SwapTotal" not in memory or "SwapFree" not in memory:
        return None
    return memory["SwapTotal"] - memory["SwapFree"]
