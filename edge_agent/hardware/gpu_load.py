"""How busy a Jetson's GPU is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge_agent.hardware.files import read_int, read_text

GPU_NODES = {"gpu", "gv11b", "gp10b", "ga10b", "gb10b"}
LOADS = (
    "sys/devices/gpu.0/load",
    "sys/devices/platform/gpu.0/load",
    "sys/devices/platform/17000000.gpu/load",
    "sys/devices/platform/bus@0/17000000.gpu/load",
)
PERMILLE = 10


def gpu_percent(root: Path) -> float | None:
    """None: it does not tell. One look flickers between nothing and all: take the mean of several."""
    permille = next((load for path in _load_files(root) if (load := read_int(path)) is not None), None)
    return None if permille is None else permille / PERMILLE


def _load_files(root: Path) -> Iterator[Path]:
    for device in root.glob("sys/class/devfreq/*"):
        if read_text(device / "device/of_node/name") in GPU_NODES:
            yield device / "device/load"
    yield from (root / path for path in LOADS)
