"""Memory, in bytes: what the machine has, what we may have of it, and where it is swapped to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_agent.hardware.cgroups import memory_limit_bytes
from edge_agent.hardware.files import read_fields, read_text


@dataclass(frozen=True)
class Swap:
    """One place that memory is swapped to: a disk's partition or file, or zram, which is memory itself, compressed."""

    name: str
    size_bytes: int

    @property
    def is_compressed_memory(self) -> bool:
        return "zram" in self.name


@dataclass(frozen=True)
class Memory:
    """`usable_bytes` is `total_bytes` or what the control group leaves of it; 0 where it can't be read."""

    total_bytes: int = 0
    usable_bytes: int = 0
    swaps: tuple[Swap, ...] = ()

    @classmethod
    def probe(cls, root: Path) -> Memory:
        total, limit = meminfo(root).get("MemTotal", 0), memory_limit_bytes(root)
        usable = min(limits) if (limits := [size for size in (total, limit) if size]) else 0
        return cls(total_bytes=total, usable_bytes=usable, swaps=_swaps(root))


def meminfo(root: Path) -> dict[str, int]:
    """/proc/meminfo in bytes: MemTotal, MemAvailable, SwapTotal, SwapFree and the others. Empty where unreadable."""
    fields = read_fields(root / "proc/meminfo")
    return {
        name: int(words[0]) * 1024 for name, value in fields.items() if (words := value.split()) and words[0].isdigit()
    }


def _swaps(root: Path) -> tuple[Swap, ...]:
    lines = (line.split() for line in (read_text(root / "proc/swaps") or "").splitlines()[1:])
    return tuple(Swap(words[0], int(words[2]) * 1024) for words in lines if len(words) >= 3 and words[2].isdigit())
