"""The processor: what it is called, its cores, and the instructions of it that llama.cpp has kernels for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from edge_agent.hardware.cgroups import cpu_quota
from edge_agent.hardware.files import numbers, read_fields, read_int, read_list, read_text

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
# The kernel's names of what ggml-cpu has kernels for, and llama.cpp's own names of them.
INSTRUCTIONS = {
    "neon": "neon",
    "asimd": "neon",
    "asimddp": "dotprod",
    "asimdhp": "fp16",
    "i8mm": "i8mm",
    "bf16": "bf16",
    "sve": "sve",
    "sve2": "sve2",
    "sme": "sme",
    "avx": "avx",
    "avx2": "avx2",
    "avx512f": "avx512",
    "avx512_vnni": "avx512_vnni",
    "avx512_bf16": "avx512_bf16",
    "avx_vnni": "avx_vnni",
    "fma": "fma",
    "f16c": "f16c",
    "amx_int8": "amx_int8",
}
FAST_SHARE = 0.85  # a core of less than this share of the fastest one's capacity is a little one


@dataclass(frozen=True)
class Processor:
    """`cores` are those that we may run on and that have power; `fast_cores` those among them that are as fast as the
    fastest and not a second thread of another one. `quota` is how many cores' worth of time we get."""

    name: str | None = None
    instructions: frozenset[str] = frozenset()
    cores: int = 1
    fast_cores: int = 1
    offline_cores: int = 0
    quota: float | None = None

    @classmethod
    def probe(cls, root: Path) -> Processor:
        online = read_list(root / "sys/devices/system/cpu/online") or _listed(root)
        allowed = numbers(read_fields(root / "proc/self/status").get("Cpus_allowed_list", ""))
        usable = (online & allowed or online) if allowed else online
        quota = cpu_quota(root)
        most = math.ceil(quota) if quota else len(usable)
        return cls(
            name=_name(root),
            instructions=_instructions(root),
            cores=max(1, min(len(usable), most)),
            fast_cores=max(1, min(len(_fast(root, usable)), most)),
            offline_cores=len(read_list(root / "sys/devices/system/cpu/present") - online),
            quota=quota,
        )


def _name(root: Path) -> str | None:
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


def _instructions(root: Path) -> frozenset[str]:
    """What every core can do."""
    lists = [set(line.split()) for line in _values(root, "Features") or _values(root, "flags")]
    common = set.intersection(*lists) if lists else set()
    return frozenset(INSTRUCTIONS[name] for name in common if name in INSTRUCTIONS)


def _listed(root: Path) -> frozenset[int]:
    return frozenset(int(number) for number in _values(root, "processor") if number.isdigit())


def _fast(root: Path, cores: frozenset[int]) -> list[int]:
    first_threads = [core for core in sorted(cores) if not _is_second_thread(root, core, cores)]
    capacities = {core: _capacity(root, core) for core in first_threads}
    fastest = max((capacity for capacity in capacities.values() if capacity), default=0)
    return [core for core, capacity in capacities.items() if capacity is None or capacity >= FAST_SHARE * fastest]


def _is_second_thread(root: Path, core: int, cores: frozenset[int]) -> bool:
    siblings = read_list(_folder(root, core) / "topology/thread_siblings_list") & cores
    return bool(siblings) and core != min(siblings)


def _capacity(root: Path, core: int) -> int | None:
    """The kernel's estimate, 1024 for the fastest; else the highest clock in kHz, which stands for it on x86."""
    folder = _folder(root, core)
    return read_int(folder / "cpu_capacity") or read_int(folder / "cpufreq/cpuinfo_max_freq")


def _folder(root: Path, core: int) -> Path:
    return root / f"sys/devices/system/cpu/cpu{core}"
