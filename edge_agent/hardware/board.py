"""Which board this is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.hardware.files import read_text
from edge_agent.hardware.gpu import Gpu
from edge_agent.hardware.jetson import Jetson
from edge_agent.hardware.memory import Memory
from edge_agent.hardware.processor import Processor
from edge_agent.hardware.soc import Soc, device_model, probe_soc
from edge_agent.hardware.surroundings import Surroundings
from edge_agent.messages import DeviceStatus

# What makers of mainboards leave in DMI when they fill in nothing.
UNNAMED = {"default string", "system product name", "to be filled by o.e.m.", "not applicable", "none"}


@dataclass(frozen=True)
class Board:
    """The machine we run on. None: not known, or not there."""

    name: str | None = None
    soc: Soc | None = None
    processor: Processor = field(default_factory=Processor)
    memory: Memory = field(default_factory=Memory)
    graphics: Gpu | None = None
    jetson: Jetson | None = None
    surroundings: Surroundings = field(default_factory=Surroundings)

    @classmethod
    def probe(cls, root: Path) -> Board:
        """Read /proc, /sys and /etc under `root`. Never fails: what can't be read is not known."""
        soc = probe_soc(root)
        jetson = Jetson.probe(root) if soc and soc.family == "jetson" else None
        return cls(
            name=_name(root, jetson),
            soc=soc,
            processor=Processor.probe(root),
            memory=Memory.probe(root),
            graphics=Gpu.probe(root, soc),
            jetson=jetson,
            surroundings=Surroundings.probe(root),
        )

    @property
    def is_raspberry_pi(self) -> bool:
        return self.soc is not None and self.soc.family == "raspberry-pi"

    @property
    def cpu(self) -> str | None:
        return self.processor.name

    @property
    def cores(self) -> int:
        return self.processor.cores

    @property
    def memory_bytes(self) -> int:
        """What we may have of it; 0 where it can't be read."""
        return self.memory.usable_bytes

    @property
    def gpu(self) -> str | None:
        return self.graphics.name if self.graphics else None

    @property
    def power_mode(self) -> str | None:
        return self.jetson.power_mode if self.jetson else None

    def to_status(self) -> DeviceStatus:
        """As the contract's Status has it. `gpu` is what the board has, not what is in use."""
        return DeviceStatus(
            board=self.name,
            cpu=self.cpu,
            cores=self.cores,
            memory_bytes=self.memory_bytes,
            gpu=self.gpu,
            power_mode=self.power_mode,
        )


def _name(root: Path, jetson: Jetson | None) -> str | None:
    """`Raspberry Pi 5 Model B Rev 1.0`. NVIDIA's older kernels call a Jetson by its carrier's nickname, as `quill`."""
    named = device_model(root)
    if jetson and jetson.module and not (named or "").startswith("NVIDIA"):
        return f"NVIDIA {jetson.module}"
    return named or _product_name(root)


def _product_name(root: Path) -> str | None:
    product = read_text(root / "sys/class/dmi/id/product_name")
    return product if product and product.lower() not in UNNAMED else None
