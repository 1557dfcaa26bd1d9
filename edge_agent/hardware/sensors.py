"""What changes while the board runs: load, memory, heat, throttling. A reading that is not there is None, never 0."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from edge_agent.hardware.files import read_text
from edge_agent.hardware.memory import meminfo
from edge_agent.messages import SystemTelemetry

log = logging.getLogger(__name__)

Reading = TypeVar("Reading")

# Bits of the Raspberry Pi firmware's get_throttled; the same four, 16 bits up, have been set since the boot.
THROTTLE_BITS = {0: "under_voltage", 1: "frequency_capped", 2: "throttled", 3: "soft_temperature_limit"}
OCCURRED_SHIFT = 16
# A sensor that is switched off reads −256 °C, one that is broken anything.
PLAUSIBLE_C = (-40.0, 150.0)
CPU_HWMON = {"coretemp", "k10temp", "cpu_thermal", "zenpower"}


class Sensors:
    """Readings of one board. A reader that fails is logged once and gives None; it never harms the others."""

    def __init__(self, root: Path, disk: Path) -> None:
        """`root` has /proc and /sys; `disk` is a folder, perhaps not there yet, whose free space counts."""
        self._root, self._disk = root, disk
        self._failed: set[str] = set()
        self._cpu_times = self._read("cpu_percent", self._times)

    def system(self) -> SystemTelemetry:
        """The board now; `cpu_percent` is of all cores since the last call."""
        memory = self._read("memory", lambda: meminfo(self._root)) or {}
        return SystemTelemetry(
            cpu_percent=self._read("cpu_percent", self._cpu_percent),
            load_1m=self._read("load_1m", self._load),
            memory_total_bytes=memory.get("MemTotal"),
            memory_available_bytes=memory.get("MemAvailable"),
            memory_pressure_percent=self._read("memory_pressure_percent", self._memory_pressure),
            swap_used_bytes=self._read("swap_used_bytes", lambda: _swap_used(memory)),
            disk_free_bytes=self._read("disk_free_bytes", self._disk_free),
            temperature_c=self._read("temperature_c", self._temperature),
            throttled=self._read("throttled", self._throttled),
            power_w=None,
        )

    def _read(self, name: str, reader: Callable[[], Reading | None]) -> Reading | None:
        try:
            return reader()
        except Exception as error:  # drivers and firmware find ever new ways to fail; telemetry goes on without them
            if name not in self._failed:
                self._failed.add(name)
                log.warning(
                    "a sensor can't be read", extra={"sensor": name, "reason": f"{type(error).__name__}: {error}"}
                )
            return None

    def _times(self) -> tuple[int, int] | None:
        """Ticks of all cores since the boot: busy, all. Guests' time is in the user's already; waiting is not work."""
        line = next(iter((read_text(self._root / "proc/stat") or "").splitlines()), "")
        if not line.startswith("cpu "):
            return None
        user, nice, system, idle, iowait, *rest = (int(ticks) for ticks in line.split()[1:9])
        busy = user + nice + system + sum(rest)
        return busy, busy + idle + iowait

    def _cpu_percent(self) -> float | None:
        before, now = self._cpu_times, self._times()
        self._cpu_times = now
        if before is None or now is None or now[1] <= before[1]:
            return None
        return round(100 * (now[0] - before[0]) / (now[1] - before[1]), 1)

    def _load(self) -> float | None:
        text = read_text(self._root / "proc/loadavg")
        return float(text.split()[0]) if text else None

    def _memory_pressure(self) -> float | None:
        """Percent of the last 10 s in which every task waited for memory: over 0 for long, the board thrashes."""
        for line in (read_text(self._root / "proc/pressure/memory") or "").splitlines():
            kind, *values = line.split()
            if kind == "full":
                return float(dict(value.split("=") for value in values)["avg10"])
        return None

    def _disk_free(self) -> int:
        there = next(folder for folder in (self._disk, *self._disk.parents) if os.path.exists(folder))  # noqa: PTH110 (Path.exists raises where we may not look)
        return shutil.disk_usage(there).free

    def _temperature(self) -> float | None:
        """The processor's, in °C, the hottest of its sensors. Power chips' zones say a made-up 100 °C: not used."""
        by_zone = _hottest(self._cpu_zones())
        return by_zone if by_zone is not None else _hottest(self._cpu_hwmon())

    def _cpu_zones(self) -> Iterable[Path]:
        for zone in self._root.glob("sys/class/thermal/thermal_zone*"):
            kind = (read_text(zone / "type") or "").lower()
            if kind.startswith(("cpu", "soc-thermal", "soc_thermal")) or kind == "x86_pkg_temp":
                yield zone / "temp"

    def _cpu_hwmon(self) -> Iterable[Path]:
        return (folder / "temp1_input" for folder in self._hwmon() if read_text(folder / "name") in CPU_HWMON)

    def _hwmon(self) -> Iterable[Path]:
        """Found by name each time: their numbers change from boot to boot."""
        return self._root.glob("sys/class/hwmon/hwmon*")

    def _throttled(self) -> tuple[str, ...] | None:
        """What holds the board back now, and what did since the boot (`…_occurred`). None: this board does not tell."""
        for path in (*self._firmware("*firmware*"), *self._firmware("*/*firmware*")):
            if (text := read_text(path)) is not None:
                return throttle_names(int(text, 16))
        for folder in self._hwmon():
            if read_text(folder / "name") == "rpi_volt" and (alarm := read_text(folder / "in0_lcrit_alarm")):
                return ("under_voltage",) if alarm == "1" else ()
        return None

    def _firmware(self, folder: str) -> Iterable[Path]:
        return self._root.glob(f"sys/devices/platform/{folder}/get_throttled")


def throttle_names(bits: int) -> tuple[str, ...]:
    """`0x50005` → under_voltage, throttled, under_voltage_occurred, throttled_occurred."""
    now = [name for bit, name in THROTTLE_BITS.items() if bits >> bit & 1]
    occurred = [f"{name}_occurred" for bit, name in THROTTLE_BITS.items() if bits >> (bit + OCCURRED_SHIFT) & 1]
    return (*now, *occurred)


def _hottest(millidegree_files: Iterable[Path]) -> float | None:
    """°C; readings that can't be true, or are no numbers, are left out."""
    texts = (read_text(path) or "" for path in millidegree_files)
    degrees = [int(text) / 1000 for text in texts if text.lstrip("-").isdigit()]
    return max((value for value in degrees if PLAUSIBLE_C[0] <= value <= PLAUSIBLE_C[1]), default=None)


def _swap_used(memory: dict[str, int]) -> int | None:
    if "SwapTotal" not in memory or "SwapFree" not in memory:
        return None
    return memory["SwapTotal"] - memory["SwapFree"]
