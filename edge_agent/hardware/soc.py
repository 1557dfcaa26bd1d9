"""Systems on a chip that we know more of than their files say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_agent.hardware.files import read_fields, read_names, read_text

Family = Literal["raspberry-pi", "jetson", "other"]


@dataclass(frozen=True)
class Soc:
    """`cuda_architecture` as CMake wants it."""

    name: str
    family: Family
    gpu: str | None = None
    cuda_architecture: str | None = None


# By entries of /proc/device-tree/compatible (linux arch/arm64/boot/dts). A Jetson's may have a further one behind it.
SOCS = {
    "brcm,bcm2837": Soc("BCM2837", "raspberry-pi"),
    "brcm,bcm2711": Soc("BCM2711", "raspberry-pi"),
    "brcm,bcm2712": Soc("BCM2712", "raspberry-pi"),
    "nvidia,tegra210": Soc("Tegra X1", "jetson", "NVIDIA Tegra X1 (Maxwell)", "53"),
    "nvidia,tegra186": Soc("Tegra X2", "jetson", "NVIDIA Tegra X2 (Pascal)", "62"),
    "nvidia,tegra194": Soc("Xavier", "jetson", "NVIDIA Xavier (Volta)", "72"),
    "nvidia,tegra234": Soc("Orin", "jetson", "NVIDIA Orin (Ampere)", "87"),
    "nvidia,tegra264": Soc("Thor", "jetson", "NVIDIA Thor (Blackwell)", "110"),
    "rockchip,rk3588": Soc("RK3588", "other"),
    "rockchip,rk3588s": Soc("RK3588S", "other"),
    "rockchip,rk3399": Soc("RK3399", "other"),
    "rockchip,rk3566": Soc("RK3566", "other"),
    "rockchip,rk3568": Soc("RK3568", "other"),
}
# Containers hide the device tree, but not the line in /proc/cpuinfo. A Compute Module has no "Pi" before its number.
PI_MODELS = (
    (re.compile(r"^Raspberry Pi (Compute Module )?(5|500)\b"), "brcm,bcm2712"),
    (re.compile(r"^Raspberry Pi (Compute Module )?(4|4S|400)\b"), "brcm,bcm2711"),
    (re.compile(r"^Raspberry Pi ((Compute Module )?3|Zero 2)\b"), "brcm,bcm2837"),
)


def probe_soc(root: Path) -> Soc | None:
    """None: one that we know nothing of."""
    compatible = read_names(root / "proc/device-tree/compatible")
    if known := next((SOCS[entry] for entry in compatible if entry in SOCS), None):
        return known
    model = device_model(root) or ""
    return next((SOCS[chip] for pattern, chip in PI_MODELS if pattern.match(model)), None)


def device_model(root: Path) -> str | None:
    """`Raspberry Pi 5 Model B Rev 1.0`: to be shown, and to be matched by its beginning only."""
    return read_text(root / "proc/device-tree/model") or read_fields(root / "proc/cpuinfo").get("Model")
