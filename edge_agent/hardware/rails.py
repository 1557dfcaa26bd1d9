"""What the board draws, in watts, where it has something that measures it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge_agent.hardware import vcgencmd
from edge_agent.hardware.files import read_int, read_text
from edge_agent.hardware.soc import Soc

# The rail that all power comes through: Thor, Orin and Xavier NX, Nano. Without one the rails are added up (AGX).
TOTAL_RAILS = ("VIN", "VDD_IN", "POM_5V_IN")
SHUNT_SUM_CHANNEL = 7  # ina3221: "sum of shunt voltages", which is no rail
MICRO, MILLI = 1e-6, 1e-3


def power_w(root: Path, soc: Soc | None) -> float | None:
    """None: nothing measures it. The Pi 5's power chip misses what USB devices draw. Raises as vcgencmd does."""
    rails = dict(_rails(root))
    if rails:
        total = next((rails[name] for name in TOTAL_RAILS if name in rails), None)
        return round(total if total is not None else sum(rails.values()), 3)
    if soc and soc.name == "BCM2712" and vcgencmd.is_there(root):
        return round(vcgencmd.rails_w(root), 3)
    return None


def _rails(root: Path) -> Iterator[tuple[str, float]]:
    for monitor in root.glob("sys/bus/i2c/devices/*"):
        name = read_text(monitor / "name") or ""
        if name.startswith(("ina3221", "ina238")):
            for folder in monitor.glob("hwmon/hwmon*"):
                yield from _hwmon_rails(folder)
            for folder in (*monitor.glob("iio:device*"), *monitor.glob("iio_device")):
                yield from _iio_rails(folder)


def _hwmon_rails(folder: Path) -> Iterator[tuple[str, float]]:
    """JetPack 5 and newer: millivolts and milliamperes by channel."""
    for label in folder.glob("in*_label"):
        channel = label.name.removeprefix("in").removesuffix("_label")
        name = read_text(label) or ""
        millivolts, milliamperes = read_int(folder / f"in{channel}_input"), read_int(folder / f"curr{channel}_input")
        is_rail = name and "NC" not in name and channel != str(SHUNT_SUM_CHANNEL)
        if is_rail and millivolts is not None and milliamperes is not None:
            yield name, millivolts * milliamperes * MICRO


def _iio_rails(folder: Path) -> Iterator[tuple[str, float]]:
    """JetPack 4: milliwatts by channel."""
    for label in folder.glob("rail_name_*"):
        name = read_text(label) or ""
        milliwatts = read_int(folder / f"in_power{label.name.removeprefix('rail_name_')}_input")
        if name and "NC" not in name and milliwatts is not None:
            yield name, milliwatts * MILLI
