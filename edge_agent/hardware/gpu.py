"""The GPU that the board has, and whether a program could use it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_agent.hardware.files import read_fields, read_text
from edge_agent.hardware.soc import Soc

State = Literal["usable", "absent", "forbidden"]

NVIDIA_VENDOR = "0x10de"
DISPLAY_CLASSES = ("0x0300", "0x0302")
# One of each line must be there to be opened: L4T 36 and newer, older ones, and drivers of desktop kind (Thor too).
TEGRA_NODES = ("dev/nvgpu/igpu0/ctrl", "dev/nvhost-ctrl-gpu", "dev/nvidiactl")
DESKTOP_NODES = ("dev/nvidiactl",)


@dataclass(frozen=True)
class Gpu:
    """`shares_memory`: it has none of its own. `state`: `absent` where the driver did not bring it up, `forbidden`
    where this user may not open it. `cuda_architecture` is None where CMake finds it out better by itself."""

    name: str
    shares_memory: bool
    cuda_architecture: str | None = None
    state: State = "usable"

    @classmethod
    def probe(cls, root: Path, soc: Soc | None) -> Gpu | None:
        if soc and soc.gpu:
            return cls(soc.gpu, True, soc.cuda_architecture, _state(root, TEGRA_NODES))
        name = _discrete(root)
        return cls(name, False, None, _state(root, DESKTOP_NODES)) if name else None


def _discrete(root: Path) -> str | None:
    """As the driver calls it; where there is no driver, as the bus does."""
    for described in sorted(root.glob("proc/driver/nvidia/gpus/*/information")):
        if model := read_fields(described).get("Model"):
            return model
    devices = root.glob("sys/bus/pci/devices/*")
    return "NVIDIA GPU" if any(_is_nvidia(device) for device in devices) else None


def _is_nvidia(device: Path) -> bool:
    kind = read_text(device / "class") or ""
    return read_text(device / "vendor") == NVIDIA_VENDOR and kind.startswith(DISPLAY_CLASSES)


def _state(root: Path, nodes: tuple[str, ...]) -> State:
    """By opening: a node that is there may still be closed to us, or have nothing behind it."""
    states = {_opened(root / node) for node in nodes}
    return next((state for state in ("usable", "forbidden") if state in states), "absent")


def _opened(node: Path) -> State:
    try:
        os.close(os.open(node, os.O_RDONLY | os.O_NONBLOCK))
    except PermissionError:
        return "forbidden"
    except OSError:
        return "absent"
    return "usable"
