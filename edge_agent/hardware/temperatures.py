"""Temperatures in °C. A sensor that is switched off or broken gives no reading."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edge_agent.hardware.files import read_int, read_text
from edge_agent.hardware.soc import Soc

# A sensor that is switched off reads −256 °C, one that is broken anything.
PLAUSIBLE_C = (-40.0, 150.0)
PI_HOT_C = 82.0  # its firmware slows it down at 80 to 85 °C
BEFORE_TRIP_C, LEAST_HOT_C = 3.0, 65.0
CPU_ZONES = ("cpu", "soc-thermal", "soc_thermal", "bigcore", "littlecore", "mcpu", "bcpu")
CPU_HWMON = {"coretemp", "k10temp", "cpu_thermal", "zenpower"}


def processor_c(root: Path) -> float | None:
    """The hottest of the processor's sensors. Power chips' zones say a made-up 100 °C: not used."""
    by_zone = _hottest(_zones(root, CPU_ZONES, exactly="x86_pkg_temp"))
    return by_zone if by_zone is not None else _hottest(_cpu_hwmon(root))


def hot_c(root: Path, soc: Soc | None) -> float | None:
    """From where on the processor is about to be slowed down: the kernel's passive trip points say it, where there are
    any. None: not known, as on PCs, whose processors run hotter than any board and look after themselves."""
    if soc and soc.family == "raspberry-pi":
        return PI_HOT_C
    trips = [
        read_int(kind.with_name(kind.name.replace("_type", "_temp")))
        for zone in _zones(root, CPU_ZONES)
        for kind in zone.parent.glob("trip_point_*_type")
        if read_text(kind) == "passive"
    ]
    degrees = [trip / 1000 - BEFORE_TRIP_C for trip in trips if trip is not None]
    return min((value for value in degrees if LEAST_HOT_C <= value <= PLAUSIBLE_C[1]), default=None)


def gpu_c(root: Path) -> float | None:
    return _hottest(_zones(root, ("gpu",)))


def _zones(root: Path, starts: tuple[str, ...], exactly: str = "") -> Iterable[Path]:
    for zone in root.glob("sys/class/thermal/thermal_zone*"):
        kind = (read_text(zone / "type") or "").lower()
        if kind.startswith(starts) or kind == exactly:
            yield zone / "temp"


def _cpu_hwmon(root: Path) -> Iterable[Path]:
    """Found by name each time: their numbers change from boot to boot."""
    folders = root.glob("sys/class/hwmon/hwmon*")
    return (folder / "temp1_input" for folder in folders if read_text(folder / "name") in CPU_HWMON)


def _hottest(millidegree_files: Iterable[Path]) -> float | None:
    degrees = [number / 1000 for path in millidegree_files if (number := read_int(path)) is not None]
    return max((value for value in degrees if PLAUSIBLE_C[0] <= value <= PLAUSIBLE_C[1]), default=None)
