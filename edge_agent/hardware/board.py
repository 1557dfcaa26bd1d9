"""Which board this is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_agent.hardware.cpu import cpu_name, usable_cores
from edge_agent.hardware.files import read_fields, read_names, read_text
from edge_agent.hardware.memory import usable_memory_bytes
from edge_agent.messages import DeviceStatus

# NVIDIA's systems on a chip, the last entries of a Jetson's /proc/device-tree/compatible (linux nvidia device trees).
TEGRA_GPUS = {
    "nvidia,tegra210": "NVIDIA Tegra X1 (Maxwell)",
    "nvidia,tegra186": "NVIDIA Tegra X2 (Pascal)",
    "nvidia,tegra194": "NVIDIA Xavier (Volta)",
    "nvidia,tegra234": "NVIDIA Orin (Ampere)",
    "nvidia,tegra264": "NVIDIA Thor (Blackwell)",
}
# What makers of mainboards leave in DMI when they fill in nothing.
UNNAMED = {"default string", "system product name", "to be filled by o.e.m.", "not applicable", "none"}


@dataclass(frozen=True)
class Board:
    """The machine we run on. None: not known, or not there; `memory_bytes` is 0 where it can't be read."""

    name: str | None
    cpu: str | None
    cores: int
    memory_bytes: int
    gpu: str | None
    power_mode: str | None

    @classmethod
    def probe(cls, root: Path) -> Board:
        """Read /proc and /sys under `root`. Never fails: what can't be read is not known."""
        return cls(
            name=_name(root),
            cpu=cpu_name(root),
            cores=usable_cores(root),
            memory_bytes=usable_memory_bytes(root),
            gpu=_integrated_gpu(root),
            power_mode=None,
        )

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


def _name(root: Path) -> str | None:
    """`Raspberry Pi 5 Model B Rev 1.0`. Containers hide the device tree, but not the Pi's line in /proc/cpuinfo."""
    named = read_text(root / "proc/device-tree/model") or read_fields(root / "proc/cpuinfo").get("Model")
    return named or _product_name(root)


def _product_name(root: Path) -> str | None:
    product = read_text(root / "sys/class/dmi/id/product_name")
    return product if product and product.lower() not in UNNAMED else None


def _integrated_gpu(root: Path) -> str | None:
    compatible = read_names(root / "proc/device-tree/compatible")
    return next((TEGRA_GPUS[chip] for chip in compatible if chip in TEGRA_GPUS), None)
