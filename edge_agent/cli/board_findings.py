"""What `edge-agent doctor` says of the board: the traps that cost speed, or hide that something is wrong."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from edge_agent.cli.finding import Finding, fine, warning, wrong
from edge_agent.hardware import Board, Sensors, vcgencmd
from edge_agent.hardware.cgroups import has_memory_controller
from edge_agent.hardware.files import read_int, read_text

SMALL_MEMORY_BYTES = 2_500_000_000  # below, the model and the system compete for it
NEARLY_C = 2.0
CAPPED_SHARE = 0.99

POWER_SUPPLY = (
    "Use the power supply made for this board and a short, thick cable; unplug what draws from its USB ports."
)
COMPRESSED_SWAP = "Swap to compressed memory: sudo apt install zram-tools"
COOLING = "Give it a heat sink or a fan, and air; or lower inference.threads."


def board_findings(root: Path, board: Board, sensors: Sensors) -> list[Finding]:
    """Every check of the board that applies to it."""
    return [
        bits_finding(board),
        *throttling_findings(root, board, sensors),
        *clock_speed_findings(root, board),
        *power_mode_findings(board),
        *memory_limit_findings(root, board),
        *pressure_findings(root, board),
        *swap_findings(root, board),
    ]


def bits_finding(board: Board) -> Finding:
    """A 64-bit kernel may run 32-bit programs: what counts is this program."""
    bits = board.surroundings.program_bits
    if bits != 32:
        return fine("python", "Python is a 64-bit program.")
    kernel = ", on a 64-bit kernel" if board.surroundings.kernel_bits == 64 else ""
    return wrong(
        "python",
        f"Python is a 32-bit program{kernel}: models run slowly or not at all.",
        "Install a 64-bit system (for a Raspberry Pi: Raspberry Pi OS, 64-bit).",
    )


# --- heat and power


def throttling_findings(root: Path, board: Board, sensors: Sensors) -> Iterator[Finding]:
    names = sensors.throttled()
    if board.is_raspberry_pi and board.surroundings.container is None:
        yield firmware_finding(root, names)
    if names is not None:
        yield power_supply_finding(names)
        yield heat_finding(names, sensors.temperature_c(), sensors.hot_c)


def power_supply_finding(names: tuple[str, ...]) -> Finding:
    if "under_voltage" in names:
        return warning(
            "under_voltage", "The board gets too little voltage now: it runs slower and may crash.", POWER_SUPPLY
        )
    if "under_voltage_occurred" in names:
        return warning("under_voltage", "The board has had too little voltage since it was started.", POWER_SUPPLY)
    return fine("under_voltage", "No under-voltage is known of.")


def heat_finding(names: tuple[str, ...], degrees: float | None, hot_c: float | None) -> Finding:
    at = f" at {degrees:.0f} °C" if degrees is not None else ""
    if slowing := [name for name in names if name in ("throttled", "frequency_capped", "soft_temperature_limit")]:
        return warning("heat", f"The board is slowed down now{at} ({', '.join(slowing)}).", COOLING)
    if degrees is not None and hot_c is not None and degrees >= hot_c - NEARLY_C:
        return warning("heat", f"The board is hot{at}, and will slow down.", COOLING)
    if "throttled_occurred" in names or "soft_temperature_limit_occurred" in names:
        return warning("heat", "The board has been slowed down by heat since it was started.", COOLING)
    return fine("heat", f"Heat does not slow the board down{at}.")


def firmware_finding(root: Path, names: tuple[str, ...] | None) -> Finding:
    """Whether all that the firmware knows can be read, or under-voltage alone, or nothing."""
    if _reads_all(root):
        return fine("throttling", "What the firmware knows of heat and voltage can be read.")
    told = "Only under-voltage can be read" if names is not None else "Neither heat nor under-voltage can be read"
    return warning("throttling", f"{told}: the firmware's own figures are closed to this user.", _firmware_remedy(root))


def _reads_all(root: Path) -> bool:
    if any(root.glob("sys/devices/platform/*firmware*/get_throttled")):
        return True
    if any(root.glob("sys/devices/platform/*/*firmware*/get_throttled")):
        return True
    try:
        vcgencmd.throttle_bits(root)
    except (OSError, ValueError, subprocess.SubprocessError):
        return False
    return True


def _firmware_remedy(root: Path) -> str:
    if not vcgencmd.is_there(root):
        return "sudo apt install raspi-utils-core"
    node = next((root / name for name in vcgencmd.NODES if os.path.lexists(root / name)), None)
    if node is None:
        return (
            "Neither /dev/vcio_gencmd nor /dev/vcio is there: in a unit, allow and bind it (DeviceAllow=, BindPaths=)."
        )
    if stat.S_IMODE(node.stat().st_mode) & stat.S_IRGRP:
        return "sudo usermod -aG video $USER (for the service: SupplementaryGroups=video), then log in again."
    rule = f'KERNEL=="{node.name}", GROUP="video", MODE="0660"'
    return f"echo '{rule}' | sudo tee /etc/udev/rules.d/90-{node.name}.rules; restart; join the group video."


def clock_speed_findings(root: Path, board: Board) -> Iterator[Finding]:
    """Jetsons' clocks follow their power mode."""
    folder = root / "sys/devices/system/cpu/cpu0/cpufreq"
    most, allowed = read_int(folder / "cpuinfo_max_freq"), read_int(folder / "scaling_max_freq")
    if board.jetson or not most or not allowed:
        return
    if read_text(folder / "scaling_governor") == "powersave" and not _saves_wisely(folder):
        remedy = "echo ondemand | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        yield warning("clock_speed", "The processor is held at its lowest clock (governor powersave).", remedy)
    elif allowed < CAPPED_SHARE * most:
        told = f"The processor may clock {allowed / 1000:.0f} MHz only, of {most / 1000:.0f} MHz."
        remedy = (
            f"echo {most} | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_max_freq, or look for what sets it."
        )
        yield warning("clock_speed", told, remedy)
    else:
        yield fine("clock_speed", f"The processor may clock {most / 1000:.0f} MHz.")


def _saves_wisely(folder: Path) -> bool:
    """Intel's and AMD's own drivers call by that name what follows the load."""
    return (read_text(folder / "scaling_driver") or "").startswith(("intel_pstate", "amd-pstate"))


def power_mode_findings(board: Board) -> Iterator[Finding]:
    jetson = board.jetson
    if jetson is None or jetson.power_mode is None:
        return
    fastest = jetson.fastest_power_mode
    if fastest is None or fastest == jetson.power_mode:
        yield fine("power_mode", f"The power mode is {jetson.power_mode}, the fastest.")
        return
    off = board.processor.offline_cores
    dark = f", and {off} cores have no power" if off else ""
    told = f"The power mode is {jetson.power_mode}{dark}; {fastest} is faster."
    yield warning("power_mode", told, f"sudo nvpmodel -m {jetson.power_modes[fastest]}")


# --- memory


def memory_limit_findings(root: Path, board: Board) -> Iterator[Finding]:
    """On a Raspberry Pi the firmware switches the controller off, and every limit in a unit is silently ignored."""
    there = has_memory_controller(root)
    if there is None or board.surroundings.container is not None:
        return
    if there:
        yield fine("memory_limits", "Limits of memory (MemoryMax= in a unit) have effect.")
        return
    told = "Limits of memory (MemoryMax= in a unit) are silently ignored: the memory control group is off."
    yield warning("memory_limits", told, _kernel_line(root, "cgroup_enable=memory cgroup_memory=1"))


def pressure_findings(root: Path, board: Board) -> Iterator[Finding]:
    if board.surroundings.container is not None:
        return
    if (root / "proc/pressure/memory").exists():
        yield fine("memory_pressure", "The kernel tells when memory gets short.")
        return
    told = "The kernel does not tell when memory gets short, so a thrashing board is not noticed."
    yield warning("memory_pressure", told, _kernel_line(root, "psi=1"))


def _kernel_line(root: Path, words: str) -> str:
    places = (Path("/boot/firmware/cmdline.txt"), Path("/boot/extlinux/extlinux.conf"), Path("/etc/default/grub"))
    there = next((place for place in places if (root / place.relative_to("/")).exists()), None)
    if there is None:
        return f"Add `{words}` to the kernel's command line, and restart the board."
    where = {"extlinux.conf": "its APPEND line", "grub": "GRUB_CMDLINE_LINUX (then `sudo update-grub`)"}
    return f"Append `{words}` to {where.get(there.name, 'the one line')} of {there}, and restart the board."


def swap_findings(root: Path, board: Board) -> Iterator[Finding]:
    """Swapping to an SD card makes every answer crawl, and wears it out; without any swap, memory's end kills."""
    if not board.memory_bytes or board.surroundings.container is not None:
        return
    swaps, has_little = board.memory.swaps, board.memory_bytes < SMALL_MEMORY_BYTES
    on_card = [swap.name for swap in swaps if not swap.is_compressed_memory and _is_on_card(root, swap.name)]
    if on_card and has_little:
        told = (
            f"Memory is swapped to a card ({', '.join(on_card)}): when it gets short, answers crawl and the card wears."
        )
        yield warning("swap", told, f"{COMPRESSED_SWAP}, and switch that one off (`sudo swapoff {on_card[0]}`).")
    elif not swaps and has_little:
        told = "There is little memory and no swap: when it ends, the kernel ends a program."
        yield warning("swap", told, f"{COMPRESSED_SWAP}.")
    else:
        named = ", ".join(swap.name for swap in swaps)
        yield fine("swap", f"Memory is swapped to {named}." if named else "There is no swap, and memory enough.")


def _is_on_card(root: Path, swap: str) -> bool:
    device = swap if swap.startswith("/dev/") else _root_device(root)
    return re.match(r"/dev/mmcblk", device) is not None


def _root_device(root: Path) -> str:
    mounts = (line.split() for line in (read_text(root / "proc/mounts") or "").splitlines())
    return next((words[0] for words in mounts if len(words) > 1 and words[1] == "/"), "")
