"""Memory, in bytes: what the machine has, and what our control group lets us have of it."""

from __future__ import annotations

from pathlib import Path

from edge_agent.hardware.files import read_fields, read_text


def meminfo(root: Path) -> dict[str, int]:
    """/proc/meminfo in bytes: MemTotal, MemAvailable, SwapTotal, SwapFree and the others. Empty where unreadable."""
    fields = read_fields(root / "proc/meminfo")
    return {
        name: int(words[0]) * 1024 for name, value in fields.items() if (words := value.split()) and words[0].isdigit()
    }


def usable_memory_bytes(root: Path) -> int:
    """MemTotal, or the lowest `memory.max` of our control group and those above it; 0 where neither can be read."""
    limits = [*_cgroup_limits(root), *([total] if (total := meminfo(root).get("MemTotal")) else [])]
    return min(limits, default=0)


def _cgroup_limits(root: Path) -> list[int]:
    """A group's own limit and those of the groups it is in: the lowest holds (control groups version 2)."""
    lines = (read_text(root / "proc/self/cgroup") or "").splitlines()
    group = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    top = root / "sys/fs/cgroup"
    own = top / group
    written = (read_text(folder / "memory.max") for folder in (own, *own.parents) if folder.is_relative_to(top))
    return [int(limit) for limit in written if limit and limit.isdigit()]
