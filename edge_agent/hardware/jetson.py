"""What is special of NVIDIA's Jetsons: the module, L4T and JetPack, and the power mode."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.hardware.files import read_names, read_text

# Part numbers in /proc/device-tree/compatible, as NVIDIA's device trees and owners' dumps have them.
MODULES = {
    "p3448-0003": "Jetson Nano 2GB",
    "p3450-0000": "Jetson Nano",
    "p3448": "Jetson Nano",
    "p3636-0001": "Jetson TX2 NX",
    "p2771-0000": "Jetson TX2",
    "p3310": "Jetson TX2",
    "p3489": "Jetson TX2i",
    "p2888": "Jetson AGX Xavier",
    "p2972-0000": "Jetson AGX Xavier",
    "jetson-xavier": "Jetson AGX Xavier",
    "p3668": "Jetson Xavier NX",
    "p3767-0000": "Jetson Orin NX 16GB",
    "p3767-0001": "Jetson Orin NX 8GB",
    "p3767-0003": "Jetson Orin Nano 8GB",
    "p3767-0004": "Jetson Orin Nano 4GB",
    "p3767-0005": "Jetson Orin Nano 8GB",
    "p3701-0004": "Jetson AGX Orin 32GB",
    "p3701-0005": "Jetson AGX Orin 64GB",
    "p3701-0008": "Jetson AGX Orin Industrial",
    "p3701": "Jetson AGX Orin",
    "p3834": "Jetson AGX Thor",
}
# L4T → JetPack, the first that its beginning matches (NVIDIA's release notes).
JETPACKS = (
    ("36.5", "6.2.2"),
    ("36.4.7", "6.2.1"),
    ("36.4.4", "6.2.1"),
    ("36.4.3", "6.2"),
    ("36.4", "6.1"),
    ("36.", "6.0"),
    ("35.", "5.1"),
    ("34.", "5.0"),
    ("32.", "4.x"),
    ("38.4", "7.1"),
    ("38.", "7.0"),
    ("39.", "7.2"),
)
UNCAPPED = ("MAXN_SUPER", "MAXN")


@dataclass(frozen=True)
class Jetson:
    """None: can't be read. `power_modes`: name → number of those that this module has."""

    module: str | None = None
    l4t: str | None = None
    power_mode: str | None = None
    power_modes: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def probe(cls, root: Path) -> Jetson:
        modes = _power_modes(root)
        return cls(_module(root), _l4t(root), _power_mode(root, modes), modes)

    @property
    def jetpack(self) -> str | None:
        return next((name for start, name in JETPACKS if self.l4t and f"{self.l4t}.".startswith(start)), None)

    @property
    def fastest_power_mode(self) -> str | None:
        """By name: the same number means another mode on another board."""
        uncapped = next((name for name in UNCAPPED if name in self.power_modes), None)
        return uncapped or max(self.power_modes, key=_watts_and_cores, default=None)


def _module(root: Path) -> str | None:
    compatible = " ".join(read_names(root / "proc/device-tree/compatible"))
    return next((name for part, name in MODULES.items() if part in compatible), None)


def _l4t(root: Path) -> str | None:
    """`36.4.7`, of `# R36 (release), REVISION: 4.7, …`; else of the package that every image has."""
    release = read_text(root / "etc/nv_tegra_release") or ""
    if match := re.match(r"# R(\d+) \(release\), REVISION: ([\d.]+)", release):
        return f"{match[1]}.{match[2]}"
    packages = read_text(root / "var/lib/dpkg/status") or ""
    match = re.search(r"^Package: nvidia-l4t-core\n(?:.+\n)*?Version: ([\d.]+)", packages, re.MULTILINE)
    return match[1] if match else None


def _power_modes(root: Path) -> dict[str, int]:
    """Name → number, as nvpmodel's configuration has them."""
    found = re.findall(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>", read_text(root / "etc/nvpmodel.conf") or "")
    return {name: int(number) for number, name in found}


def _power_mode(root: Path, modes: Mapping[str, int]) -> str | None:
    match = re.search(r"pmode:(\d+)", read_text(root / "var/lib/nvpmodel/status") or "")
    return next((name for name, number in modes.items() if match and number == int(match[1])), None)


def _watts_and_cores(mode: str) -> tuple[int, int]:
    """`MODE_20W_6CORE` is (20, 6)."""
    watts, cores = re.search(r"(\d+)W", mode), re.search(r"(\d+)CORE", mode)
    return int(watts[1]) if watts else 0, int(cores[1]) if cores else 0
