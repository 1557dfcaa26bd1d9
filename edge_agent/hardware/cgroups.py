"""What our control group leaves us of the machine. Version 2, and version 1 as old kernels and containers have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge_agent.hardware.files import read_text

V1_UNLIMITED_BYTES = 2**60  # version 1 writes "no limit" as a number near 2^63


def memory_limit_bytes(root: Path) -> int | None:
    """The lowest limit of our group and of those it is in; None: there is none."""
    limits = [
        *_numbers(_version_2(root), "memory.max"),
        *(limit for limit in _numbers(_version_1(root, "memory"), "memory.limit_in_bytes")),
    ]
    return min((limit for limit in limits if limit < V1_UNLIMITED_BYTES), default=None)


def cpu_quota(root: Path) -> float | None:
    """How many cores' worth of time we get, as 1.5; None: all there is."""
    shares = [*_version_2_shares(root), *_version_1_shares(root)]
    return min(shares, default=None)


def has_memory_controller(root: Path) -> bool | None:
    """Whether `MemoryMax=` and its like have any effect here; None: there are no control groups to see."""
    controllers = read_text(root / "sys/fs/cgroup/cgroup.controllers")
    if controllers is not None:
        return "memory" in controllers.split()
    return (root / "sys/fs/cgroup/memory").is_dir() or None


def own_group(root: Path) -> str:
    """Our path in version 2's tree, without the slash; empty at its top."""
    return _groups(root).get("", "")


def _groups(root: Path) -> dict[str, str]:
    """Controller → our path under its tree; version 2's has no name."""
    lines = (line.split(":", 2) for line in (read_text(root / "proc/self/cgroup") or "").splitlines())
    parts = (line for line in lines if len(line) == 3)
    return {name: path.lstrip("/") for _, names, path in parts for name in names.split(",")}


def _version_2(root: Path) -> Iterator[Path]:
    return _upwards(root / "sys/fs/cgroup", own_group(root))


def _version_1(root: Path, controller: str) -> Iterator[Path]:
    group = _groups(root).get(controller)
    return iter(()) if group is None else _upwards(root / "sys/fs/cgroup" / controller, group)


def _upwards(top: Path, group: str) -> Iterator[Path]:
    own = top / group
    return (folder for folder in (own, *own.parents) if folder.is_relative_to(top))


def _numbers(folders: Iterator[Path], name: str) -> list[int]:
    texts = (read_text(folder / name) for folder in folders)
    return [int(text) for text in texts if text and text.isdigit()]


def _version_2_shares(root: Path) -> list[float]:
    texts = (read_text(folder / "cpu.max") or "" for folder in _version_2(root))
    return [_share(*words) for text in texts if len(words := text.split()) == 2 and words[0] != "max"]


def _version_1_shares(root: Path) -> list[float]:
    pairs = (
        (read_text(folder / "cpu.cfs_quota_us"), read_text(folder / "cpu.cfs_period_us"))
        for folder in _version_1(root, "cpu")
    )
    return [_share(quota, period) for quota, period in pairs if quota and period and quota.isdigit()]


def _share(quota_us: str, period_us: str) -> float:
    return int(quota_us) / max(int(period_us), 1)
