"""The Raspberry Pi firmware's own program: all throttling bits, and on a Pi 5 the power of its rails."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

PROGRAM = "usr/bin/vcgencmd"
TIMEOUT_S = 2.0
NODES = ("dev/vcio_gencmd", "dev/vcio")  # newer kernels have one for text commands alone


def is_there(root: Path) -> bool:
    return (root / PROGRAM).exists()


def throttle_bits(root: Path) -> int:
    """`throttled=0x50005`. Raises OSError, SubprocessError or ValueError, as where its node may not be opened."""
    return int(_run(root, "get_throttled").partition("=")[2], 16)


def rails_w(root: Path) -> float:
    """Watts of all rails that the power chip measures, without USB. A rail has a line of amperes and one of volts.

    Raises as `throttle_bits` does; ValueError where no rail has both.
    """
    told = re.findall(r"^\s*(\w+)_([AV]) \w+\(\d+\)=([\d.]+)[AV]$", _run(root, "pmic_read_adc"), re.MULTILINE)
    amperes = {rail: float(value) for rail, unit, value in told if unit == "A"}
    volts = {rail: float(value) for rail, unit, value in told if unit == "V"}
    if not amperes.keys() & volts.keys():
        raise ValueError("the firmware names no rail")
    return sum(ampere * volts[rail] for rail, ampere in amperes.items() if rail in volts)


def _run(root: Path, command: str) -> str:
    ran = subprocess.run(
        [root / PROGRAM, command],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return ran.stdout
