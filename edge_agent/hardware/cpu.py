"""The processor: what it is called and how many of its cores are ours."""

from __future__ import annotations

import os
from pathlib import Path

from edge_agent.hardware.files import read_text

# Arm's part numbers: /proc/cpuinfo has no name on 64-bit Arm (linux arch/arm64/include/asm/cputype.h).
ARM_PARTS = {
    ("0x41", "0xd03"): "Cortex-A53",
    ("0x41", "0xd04"): "Cortex-A35",
    ("0x41", "0xd05"): "Cortex-A55",
    ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd09"): "Cortex-A73",
    ("0x41", "0xd0a"): "Cortex-A75",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd0c"): "Neoverse-N1",
    ("0x41", "0xd0d"): "Cortex-A77",
    ("0x41", "0xd40"): "Neoverse-V1",
    ("0x41", "0xd41"): "Cortex-A78",
    ("0x41", "0xd42"): "Cortex-A78AE",
    ("0x41", "0xd46"): "Cortex-A510",
    ("0x41", "0xd47"): "Cortex-A710",
    ("0x41", "0xd49"): "Neoverse-N2",
    ("0x41", "0xd4b"): "Cortex-A78C",
    ("0x41", "0xd80"): "Cortex-A520",
    ("0x41", "0xd81"): "Cortex-A720",
    ("0x41", "0xd83"): "Neoverse-V3AE",
    ("0x4e", "0x003"): "Denver 2",
    ("0x4e", "0x004"): "Carmel",
}


def cpu_name(root: Path) -> str | None:
    """`Cortex-A76`, `AMD EPYC 7B13`; a processor with two kinds of cores has both, joined by ` + `."""
    found = _values(root, "CPU implementer"), _values(root, "CPU part")
    parts = dict.fromkeys(_part_name(maker, part) for maker, part in zip(*found, strict=False))
    if parts:
        return " + ".join(parts)
    return next(iter(_values(root, "model name")), None)


def _part_name(maker: str, part: str) -> str:
    return ARM_PARTS.get((maker.lower(), part.lower()), f"Arm {maker}:{part}")


def _values(root: Path, field: str) -> list[str]:
    """A field of /proc/cpuinfo, one value a core."""
    lines = (line.partition(":") for line in (read_text(root / "proc/cpuinfo") or "").splitlines())
    return [value.strip() for name, _, value in lines if name.strip() == field]


def usable_cores(root: Path) -> int:
    """The cores that this process may run on; under another root those that its files name, at least one."""
    if root == Path("/"):
        return len(os.sched_getaffinity(0))
    return _online(root) or len(_values(root, "processor")) or 1


def _online(root: Path) -> int:
    """`0-3,6` is 5."""
    listed = read_text(root / "sys/devices/system/cpu/online") or ""
    ranges = (part.partition("-") for part in listed.split(",") if part)
    return sum(int(last or first) - int(first) + 1 for first, _, last in ranges)
