"""Where we run: in a container, in a virtual machine, as 32-bit programs on a 64-bit kernel."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from edge_agent.hardware.files import read_text

ELF = b"\x7fELF"
HYPERVISORS = re.compile(r"KVM|QEMU|VMware|VirtualBox|Virtual Machine|Xen|Bochs|Firecracker|HVM domU", re.IGNORECASE)
CONTAINER_PATHS = re.compile(r"docker|kubepods|libpod|lxc|containerd|nspawn|machine\.slice")
HYPERVISOR_PLACES = ("proc/device-tree/hypervisor", "sys/hypervisor/type")
KERNELS_64 = {"aarch64", "x86_64", "riscv64"}


@dataclass(frozen=True)
class Surroundings:
    """`container`: its kind, or `container`. `program_bits` of this interpreter, `kernel_bits` of the kernel."""

    container: str | None = None
    is_virtual: bool = False
    program_bits: int | None = None
    kernel_bits: int | None = None

    @classmethod
    def probe(cls, root: Path) -> Surroundings:
        return cls(_container(root), _is_virtual(root), _program_bits(root), _kernel_bits(root))


def _container(root: Path) -> str | None:
    if named := read_text(root / "run/systemd/container"):
        return named
    marks = {"docker": root / ".dockerenv", "podman": root / "run/.containerenv"}
    # os.path says False where Path.exists raises: behind a folder that this user may not enter.
    if marked := next((name for name, mark in marks.items() if os.path.exists(mark)), None):  # noqa: PTH110
        return marked
    return "container" if CONTAINER_PATHS.search(read_text(root / "proc/self/cgroup") or "") else None


def _is_virtual(root: Path) -> bool:
    if re.search(r"^flags\s*:.* hypervisor\b", read_text(root / "proc/cpuinfo") or "", re.MULTILINE):
        return True
    if any(os.path.exists(root / place) for place in HYPERVISOR_PLACES):  # noqa: PTH110
        return True
    told = (read_text(root / f"sys/class/dmi/id/{name}") or "" for name in ("sys_vendor", "product_name"))
    return bool(HYPERVISORS.search(" ".join(told)))


def _program_bits(root: Path) -> int | None:
    """Of the program that reads this: uname would tell the kernel's. The fifth byte of an ELF file says it."""
    try:
        with (root / "proc/self/exe").open("rb") as program:
            start = program.read(5)
    except OSError:
        return None
    return {1: 32, 2: 64}.get(start[4]) if len(start) == 5 and start.startswith(ELF) else None


def _kernel_bits(root: Path) -> int | None:
    machine = read_text(root / "proc/sys/kernel/arch")  # Linux 6.1 and newer
    return (64 if machine in KERNELS_64 else 32) if machine else None
