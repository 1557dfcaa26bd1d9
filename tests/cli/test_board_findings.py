from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.cli.board_findings import board_findings
from edge_agent.cli.finding import Finding
from edge_agent.cli.llama_findings import gpu_findings, instructions_finding
from edge_agent.hardware import Board, Sensors
from edge_agent.hardware.gpu import Gpu
from edge_agent.hardware.llama_build import LlamaBroken, LlamaBuild, rebuild_command

BOARDS = Path(__file__).parents[1] / "hardware/boards"
PLAIN_ARM = LlamaBuild("0.3.36", frozenset({"neon"}), has_gpu=False)

# folder: what doctor warns of ("!": what it calls an error), with a llama.cpp that was built for any Arm, without CUDA
WARNED = {
    "pi-3": {"memory_limits", "memory_pressure", "swap"},
    "pi-4": {"under_voltage", "heat", "memory_limits", "memory_pressure"},
    "pi-400": {"python!", "memory_limits", "memory_pressure"},
    "cm-4": set(),
    "pi-5": {"llama_cpp"},
    "pi-500": {"heat", "memory_limits", "memory_pressure", "llama_cpp"},
    "cm-5": {"throttling", "memory_limits", "memory_pressure", "llama_cpp"},
    "zero-2-w": {"throttling", "under_voltage", "memory_limits", "memory_pressure", "swap"},
    "nano": {"memory_pressure"},
    "tx2": {"power_mode", "memory_pressure"},
    "xavier-nx": {"power_mode", "memory_pressure", "gpu"},
    "agx-xavier": {"power_mode", "memory_pressure"},
    "orin-nano": {"power_mode", "memory_pressure", "llama_cpp", "gpu"},
    "orin-nx": {"power_mode", "memory_pressure", "llama_cpp", "gpu"},
    "agx-orin": {"memory_pressure", "llama_cpp", "gpu"},
    "thor": {"power_mode", "memory_pressure", "llama_cpp", "gpu"},
    "rock-5b": {"heat", "llama_cpp"},
    "pc": set(),
    "pc-rtx": {"gpu"},
    "container": {"llama_cpp"},
    "vm": set(),
}


def found(root: Path, build: LlamaBuild = PLAIN_ARM) -> dict[str, Finding]:
    board = Board.probe(root)
    several = [
        *board_findings(root, board, Sensors(root, root)),
        instructions_finding(board, build),
        *gpu_findings(board, build),
    ]
    assert len({finding.id for finding in several}) == len(several)
    return {finding.id: finding for finding in several}


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: Path(shutil.copytree(BOARDS / name, tmp_path / name))


CopyOf = Callable[[str], Path]


@pytest.mark.parametrize(("folder", "expected"), WARNED.items())
def test_each_boards_traps_are_found(folder: str, expected: set[str]) -> None:
    findings = found(BOARDS / folder).values()
    marks = {"warning": "", "error": "!"}
    assert {f"{one.id}{marks[one.severity]}" for one in findings if one.severity != "ok"} == expected
    assert all((one.remedy is None) == (one.severity == "ok") for one in findings)


def test_every_recorded_board_is_examined() -> None:
    assert {folder.name for folder in BOARDS.iterdir() if folder.is_dir()} == set(WARNED)


# --- remedies


@pytest.mark.parametrize(
    ("folder", "about", "remedy"),
    [
        (
            "pi-3",
            "memory_limits",
            "`cgroup_enable=memory cgroup_memory=1` to the one line of /boot/firmware/cmdline.txt",
        ),
        ("pi-3", "memory_pressure", "`psi=1` to the one line of /boot/firmware/cmdline.txt"),
        ("orin-nano", "memory_pressure", "`psi=1` to its APPEND line of /boot/extlinux/extlinux.conf"),
        ("orin-nano", "power_mode", "sudo nvpmodel -m 2"),
        ("tx2", "power_mode", "sudo nvpmodel -m 0"),
        ("xavier-nx", "power_mode", "sudo nvpmodel -m 8"),
        ("orin-nano", "gpu", "-DGGML_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=87"),
        ("xavier-nx", "gpu", "-DCMAKE_CUDA_ARCHITECTURES=72"),
        ("pc-rtx", "gpu", "-DCMAKE_CUDA_ARCHITECTURES=native"),
        ("orin-nx", "gpu", "off and on again"),
        ("pi-5", "llama_cpp", "-DGGML_NATIVE=ON"),
        ("zero-2-w", "throttling", "sudo apt install raspi-utils-core"),
        ("zero-2-w", "swap", "sudo swapoff /var/swap"),
    ],
)
def test_the_remedy_is_exact(folder: str, about: str, remedy: str) -> None:
    assert remedy in (found(BOARDS / folder)[about].remedy or "")


def test_cores_without_power_are_told_with_the_power_mode() -> None:
    assert "2 cores have no power" in found(BOARDS / "tx2")["power_mode"].message


def test_the_firmwares_node_that_only_root_may_open_gets_a_rule(copy_of: CopyOf) -> None:
    root = copy_of("cm-5")
    (root / "dev/vcio").chmod(0o600)
    remedy = found(root)["throttling"].remedy or ""
    assert 'KERNEL=="vcio", GROUP="video", MODE="0660"' in remedy
    (root / "dev/vcio").chmod(0o660)
    assert "usermod -aG video" in (found(root)["throttling"].remedy or "")
    (root / "dev/vcio").unlink()
    assert "DeviceAllow" in (found(root)["throttling"].remedy or "")


def test_a_jetpack_4_is_told_that_the_processor_computes_and_not_to_build_what_cannot_be_built() -> None:
    gpu = found(BOARDS / "nano")["gpu"]
    assert (gpu.severity, "JetPack 4" in gpu.message) == ("ok", True)
    assert "CUDA" not in rebuild_command(Board.probe(BOARDS / "nano"), "0.3.36")


@pytest.mark.parametrize(
    ("build", "severity", "told"),
    [
        (LlamaBuild("1", frozenset({"neon", "dotprod"}), has_gpu=True, cuda_architectures=("870",)), "ok", "can use"),
        (
            LlamaBuild("1", frozenset({"neon", "dotprod"}), has_gpu=True, cuda_architectures=("720", "1100")),
            "error",
            "other",
        ),
        (LlamaBuild("1", frozenset({"neon", "dotprod"}), has_gpu=True), "ok", "can use"),
    ],
)
def test_a_build_with_cuda_is_held_against_the_boards_gpu(build: LlamaBuild, severity: str, told: str) -> None:
    gpu = found(BOARDS / "orin-nano", build)["gpu"]
    assert (gpu.severity, told in gpu.message) == (severity, True)


def test_a_gpu_that_this_user_may_not_open_names_the_groups() -> None:
    board = replace(Board.probe(BOARDS / "orin-nano"), graphics=Gpu("a GPU", shares_memory=True, state="forbidden"))
    (gpu,) = gpu_findings(board, PLAIN_ARM)
    assert "usermod -aG video,render" in (gpu.remedy or "")


# --- clocks, heat, swap


def test_a_clock_that_something_holds_down_is_found(copy_of: CopyOf) -> None:
    root = copy_of("pi-4")
    clock = root / "sys/devices/system/cpu/cpu0/cpufreq"
    (clock / "scaling_max_freq").write_text("600000\n")
    assert "600 MHz only, of 1500 MHz" in found(root)["clock_speed"].message
    (clock / "scaling_governor").write_text("powersave\n")
    assert "powersave" in found(root)["clock_speed"].message


def test_a_governor_of_that_name_which_follows_the_load_is_right(copy_of: CopyOf) -> None:
    root = copy_of("pc")
    clock = root / "sys/devices/system/cpu/cpu0/cpufreq"
    (clock / "scaling_governor").write_text("powersave\n")
    (clock / "scaling_driver").write_text("intel_pstate\n")
    assert found(root)["clock_speed"].severity == "ok"


@pytest.mark.parametrize(
    ("bits", "about", "told"),
    [
        ("0", "heat", None),
        ("10000", "under_voltage", "since it was started"),
        ("1", "under_voltage", "now"),
        ("40000", "heat", "since it was started"),
        ("8", "heat", "soft_temperature_limit"),
    ],
)
def test_the_firmwares_word_becomes_a_sentence(copy_of: CopyOf, bits: str, about: str, told: str | None) -> None:
    root = copy_of("pi-5")
    next(root.glob("sys/devices/platform/*/*/get_throttled")).write_text(f"{bits}\n")
    finding = found(root)[about]
    assert (finding.severity == "ok") == (told is None)
    assert (told or "") in finding.message


def test_a_hot_board_is_warned_of_before_it_slows_down(copy_of: CopyOf) -> None:
    root = copy_of("pi-5")
    (root / "sys/class/thermal/thermal_zone0/temp").write_text("81000\n")
    assert "will slow down" in found(root)["heat"].message


def test_little_memory_without_swap_is_a_warning(copy_of: CopyOf) -> None:
    root = copy_of("pi-3")
    (root / "proc/swaps").unlink()
    assert "no swap" in found(root)["swap"].message


def test_compressed_swap_is_right_on_a_small_board(copy_of: CopyOf) -> None:
    root = copy_of("pi-3")
    (root / "proc/swaps").write_text("Filename Type Size Used Priority\n/dev/zram0 partition 471936 0 100\n")
    assert found(root)["swap"].severity == "ok"


# --- the installed llama.cpp


def test_the_llama_cpp_that_is_installed_here_is_asked() -> None:
    build = LlamaBuild.ask()
    assert build.version.startswith("0.3.")
    assert build.instructions & {"avx", "neon", "sse3"}


def test_a_llama_cpp_that_dies_while_it_loads_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nkill -ILL $$\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(LlamaBroken, match="built for another processor"):
        LlamaBuild.ask()


def test_a_llama_cpp_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'llama_cpp'\" >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(LlamaBroken, match="No module named 'llama_cpp'"):
        LlamaBuild.ask()


def test_the_command_that_rebuilds_is_one_that_a_shell_takes() -> None:
    command = rebuild_command(Board.probe(BOARDS / "orin-nano"), "0.3.36")
    checked = subprocess.run(["sh", "-n", "-c", command], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
