from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.hardware import Board
from edge_agent.messages import DeviceStatus

CopyOf = Callable[[str], Path]
KIB = 1024

# folder: name, processor, cores, fast cores, memory in KiB, GPU
RECOGNISED = {
    "pi-3": ("Raspberry Pi 3 Model B Rev 1.2", "Cortex-A53", 4, 4, 943872, None),
    "pi-4": ("Raspberry Pi 4 Model B Rev 1.4", "Cortex-A72", 4, 4, 3884360, None),
    "pi-400": ("Raspberry Pi 400 Rev 1.1", "Cortex-A72", 4, 4, 3884360, None),
    "cm-4": ("Raspberry Pi Compute Module 4 Rev 1.1", "Cortex-A72", 4, 4, 7998716, None),
    "pi-5": ("Raspberry Pi 5 Model B Rev 1.0", "Cortex-A76", 4, 4, 8254416, None),
    "pi-500": ("Raspberry Pi 500 Rev 1.0", "Cortex-A76", 4, 4, 8255040, None),
    "cm-5": ("Raspberry Pi Compute Module 5 Rev 1.0", "Cortex-A76", 4, 4, 4160320, None),
    "zero-2-w": ("Raspberry Pi Zero 2 W Rev 1.0", "Cortex-A53", 4, 4, 436220, None),
    "nano": ("NVIDIA Jetson Nano Developer Kit", "Cortex-A57", 4, 4, 4059196, "NVIDIA Tegra X1 (Maxwell)"),
    "tx2": ("NVIDIA Jetson TX2", "Cortex-A57", 4, 4, 8045924, "NVIDIA Tegra X2 (Pascal)"),
    "xavier-nx": ("NVIDIA Jetson Xavier NX Developer Kit", "Carmel", 4, 4, 7025420, "NVIDIA Xavier (Volta)"),
    "agx-xavier": ("NVIDIA Jetson AGX Xavier", "Carmel", 8, 8, 32692996, "NVIDIA Xavier (Volta)"),
    "orin-nano": (
        "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
        "Cortex-A78AE",
        6,
        6,
        7789568,
        "NVIDIA Orin (Ampere)",
    ),
    "orin-nx": (
        "NVIDIA Jetson Orin NX Engineering Reference Developer Kit",
        "Cortex-A78AE",
        8,
        8,
        15949056,
        "NVIDIA Orin (Ampere)",
    ),
    "agx-orin": ("NVIDIA Jetson AGX Orin Developer Kit", "Cortex-A78AE", 12, 12, 64334848, "NVIDIA Orin (Ampere)"),
    "thor": ("NVIDIA Jetson AGX Thor Developer Kit", "Neoverse-V3AE", 14, 14, 128825804, "NVIDIA Thor (Blackwell)"),
    "rock-5b": ("Radxa ROCK 5B", "Cortex-A55 + Cortex-A76", 8, 4, 16206412, None),
    "pc": ("NUC11PAHi7", "11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", 8, 4, 16164736, None),
    "pc-rtx": (None, "12th Gen Intel(R) Core(TM) i7-12700K", 20, 8, 32654912, "NVIDIA GeForce RTX 3060"),
    "container": ("Raspberry Pi 5 Model B Rev 1.0", "Cortex-A76", 2, 2, 1536 * KIB, None),
    "vm": ("Standard PC (Q35 + ICH9, 2009)", "AMD EPYC", 2, 2, 4014052, None),
}


@pytest.mark.parametrize(("folder", "expected"), RECOGNISED.items())
def test_a_board_is_known_by_its_files(
    boards: Path, folder: str, expected: tuple[str | None, str, int, int, int, str | None]
) -> None:
    board = Board.probe(boards / folder)
    seen = (board.name, board.cpu, board.cores, board.processor.fast_cores, board.memory_bytes // KIB, board.gpu)
    assert seen == expected


def test_every_recorded_board_is_in_the_table(boards: Path) -> None:
    assert {folder.name for folder in boards.iterdir() if folder.is_dir()} == set(RECOGNISED)


def test_its_status_is_the_contracts(boards: Path) -> None:
    assert Board.probe(boards / "orin-nano").to_status() == DeviceStatus(
        board="NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
        cpu="Cortex-A78AE",
        cores=6,
        memory_bytes=7789568 * KIB,
        gpu="NVIDIA Orin (Ampere)",
        power_mode="15W",
    )


def test_an_empty_root_gives_a_board_of_which_nothing_is_known(tmp_path: Path) -> None:
    assert Board.probe(tmp_path) == Board()


def test_in_a_container_the_pi_is_known_by_its_line_in_cpuinfo(boards: Path) -> None:
    board = Board.probe(boards / "container")
    assert board.soc is not None and board.soc.name == "BCM2712"
    assert board.surroundings.container == "docker"


@pytest.mark.parametrize(
    ("model", "chip"),
    [
        ("Raspberry Pi Compute Module 4S Rev 1.0", "BCM2711"),
        ("Raspberry Pi Compute Module 3 Plus Rev 1.0", "BCM2837"),
        ("Raspberry Pi 3 Model A Plus Rev 1.0", "BCM2837"),
        ("Raspberry Pi 500 Rev 1.0", "BCM2712"),
        ("Raspberry Pi 50 Rev 1.0", None),
        ("Raspberry Pi Zero W Rev 1.1", None),
    ],
)
def test_without_a_device_tree_a_pi_is_matched_by_whole_words(tmp_path: Path, model: str, chip: str | None) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(f"processor\t: 0\nModel\t\t: {model}\n")
    soc = Board.probe(tmp_path).soc
    assert (soc.name if soc else None) == chip


def test_a_name_that_the_maker_left_blank_is_no_name(boards: Path) -> None:
    assert Board.probe(boards / "pc-rtx").name is None


def test_a_part_that_is_in_no_table_is_named_by_its_numbers(copy_of: CopyOf) -> None:
    root = copy_of("pi-4")
    (root / "proc/cpuinfo").write_text("CPU implementer\t: 0x51\nCPU part\t: 0xc00\n")
    assert Board.probe(root).cpu == "Arm 0x51:0xc00"


# --- cores


def test_cores_without_power_do_not_count(boards: Path) -> None:
    assert Board.probe(boards / "tx2").processor.offline_cores == 2


def test_cores_that_are_off_line_do_not_count(copy_of: CopyOf) -> None:
    root = copy_of("orin-nano")
    (root / "sys/devices/system/cpu/online").write_text("0-1,4\n")
    assert Board.probe(root).cores == 3


def test_here_only_the_cores_that_we_may_use_count() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert Board.probe(Path("/")).cores == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(("quota", "cores"), [("max 100000", 3), ("150000 100000", 2), ("50000 100000", 1)])
def test_a_control_groups_time_limits_the_cores(copy_of: CopyOf, quota: str, cores: int) -> None:
    root = copy_of("container")
    (root / "sys/fs/cgroup/cpu.max").write_text(f"{quota}\n")
    assert Board.probe(root).cores == cores


def test_old_control_groups_limit_time_and_memory_too(copy_of: CopyOf) -> None:
    root = copy_of("nano")
    unit = root / "sys/fs/cgroup/cpu/docker/1"
    unit.mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("4:cpu,cpuacct:/docker/1\n3:memory:/docker/1\n")
    (unit / "cpu.cfs_quota_us").write_text("200000\n")
    (unit / "cpu.cfs_period_us").write_text("100000\n")
    (root / "sys/fs/cgroup/memory/docker/1").mkdir(parents=True)
    (root / "sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes").write_text("1073741824\n")
    board = Board.probe(root)
    assert (board.cores, board.memory_bytes, board.surroundings.container) == (2, 1073741824, "container")


@pytest.mark.parametrize(
    ("folder", "can", "cannot"),
    [
        ("pi-5", {"neon", "dotprod", "fp16"}, {"i8mm", "sve"}),
        ("pi-4", {"neon"}, {"dotprod", "fp16"}),
        ("pi-400", {"neon"}, {"dotprod"}),
        ("thor", {"dotprod", "i8mm", "sve2", "bf16"}, {"avx"}),
        ("agx-xavier", {"fp16"}, {"dotprod"}),
        ("pc", {"avx2", "avx512", "avx512_vnni"}, {"avx_vnni"}),
        ("pc-rtx", {"avx2", "avx_vnni"}, {"avx512"}),
    ],
)
def test_the_instructions_that_llama_cpp_has_kernels_for(
    boards: Path, folder: str, can: set[str], cannot: set[str]
) -> None:
    instructions = Board.probe(boards / folder).processor.instructions
    assert can <= instructions
    assert not cannot & instructions


def test_an_instruction_that_only_some_cores_have_is_none(copy_of: CopyOf) -> None:
    root = copy_of("rock-5b")
    lines = (root / "proc/cpuinfo").read_text()
    (root / "proc/cpuinfo").write_text(lines.replace(" asimddp", "", 1))
    assert "dotprod" not in Board.probe(root).processor.instructions


# --- memory


@pytest.mark.parametrize(
    ("own", "above", "expected"),
    [("1073741824\n", "max\n", 1073741824), ("2147483648\n", "536870912\n", 536870912), ("max\n", "max\n", None)],
)
def test_memory_is_what_the_control_groups_leave(copy_of: CopyOf, own: str, above: str, expected: int | None) -> None:
    root = copy_of("pi-5")
    unit = root / "sys/fs/cgroup/system.slice/edge-agent.service"
    unit.mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("0::/system.slice/edge-agent.service\n")
    (unit / "memory.max").write_text(own)
    (unit.parent / "memory.max").write_text(above)
    assert Board.probe(root).memory_bytes == (expected or 8254416 * KIB)


def test_a_limit_above_what_the_machine_has_changes_nothing(copy_of: CopyOf) -> None:
    root = copy_of("zero-2-w")
    (root / "sys/fs/cgroup").mkdir(parents=True, exist_ok=True)
    (root / "sys/fs/cgroup/memory.max").write_text("8589934592\n")
    assert Board.probe(root).memory_bytes == 436220 * KIB


def test_swap_on_a_disk_is_told_from_compressed_memory(boards: Path) -> None:
    (file,) = Board.probe(boards / "pi-4").memory.swaps
    (zram,) = Board.probe(boards / "pi-500").memory.swaps
    assert (file.name, file.size_bytes, file.is_compressed_memory) == ("/var/swap", 102396 * KIB, False)
    assert zram.is_compressed_memory


# --- Jetsons


@pytest.mark.parametrize(
    ("folder", "module", "l4t", "jetpack", "mode", "fastest"),
    [
        ("nano", "Jetson Nano", "32.7.1", "4.x", "MAXN", "MAXN"),
        ("tx2", "Jetson TX2", "32.6.1", "4.x", "MAXP_CORE_ARM", "MAXN"),
        ("xavier-nx", "Jetson Xavier NX", "35.4.1", "5.1", "MODE_15W_4CORE", "MODE_20W_6CORE"),
        ("agx-xavier", "Jetson AGX Xavier", "32.7.3", "4.x", "MODE_30W_ALL", "MAXN"),
        ("orin-nano", "Jetson Orin Nano 8GB", "36.4.7", "6.2.1", "15W", "MAXN_SUPER"),
        ("orin-nx", "Jetson Orin NX 16GB", "36.4.3", "6.2", "25W", "MAXN"),
        ("agx-orin", "Jetson AGX Orin 64GB", "36.4.4", "6.2.1", "MAXN", "MAXN"),
        ("thor", "Jetson AGX Thor", "38.2.0", "7.0", "120W", "MAXN"),
    ],
)
def test_a_jetson_is_known_with_its_release_and_power_mode(
    boards: Path, folder: str, module: str, l4t: str, jetpack: str, mode: str, fastest: str
) -> None:
    jetson = Board.probe(boards / folder).jetson
    assert jetson is not None
    assert (jetson.module, jetson.l4t, jetson.jetpack) == (module, l4t, jetpack)
    assert (jetson.power_mode, jetson.fastest_power_mode) == (mode, fastest)


def test_without_its_release_file_a_jetson_is_known_by_its_package(copy_of: CopyOf) -> None:
    root = copy_of("orin-nano")
    (root / "etc/nv_tegra_release").unlink()
    (root / "var/lib/dpkg").mkdir()
    (root / "var/lib/dpkg/status").write_text(
        "Package: zlib1g\nVersion: 1:1.2.11\n\nPackage: nvidia-l4t-core\nStatus: install ok installed\n"
        "Version: 36.4.7-20250918154033\n\nPackage: zip\nVersion: 3.0-12\n"
    )
    jetson = Board.probe(root).jetson
    assert jetson is not None and jetson.l4t == "36.4.7"


def test_a_gpu_that_did_not_come_up_is_not_usable(boards: Path) -> None:
    states = {name: gpu.state for name in ("orin-nano", "orin-nx") if (gpu := Board.probe(boards / name).graphics)}
    assert states == {"orin-nano": "usable", "orin-nx": "absent"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_gpu_whose_node_is_closed_to_us_is_forbidden(copy_of: CopyOf) -> None:
    root = copy_of("orin-nano")
    for folder in (root, *root.parents):
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
    (root / "dev/nvgpu/igpu0/ctrl").chmod(0o600)
    os.seteuid(65534)
    try:
        gpu = Board.probe(root).graphics
    finally:
        os.seteuid(0)
    assert gpu is not None and gpu.state == "forbidden"


def test_a_card_without_a_driver_is_known_by_the_bus(copy_of: CopyOf) -> None:
    root = copy_of("pc-rtx")
    (root / "proc/driver/nvidia/gpus/0000:01:00.0/information").unlink()
    (root / "dev/nvidiactl").unlink()
    gpu = Board.probe(root).graphics
    assert gpu is not None
    assert (gpu.name, gpu.state) == ("NVIDIA GPU", "absent")


# --- where we run


def test_32_bit_programs_on_a_64_bit_kernel_are_seen(boards: Path) -> None:
    surroundings = Board.probe(boards / "pi-400").surroundings
    assert (surroundings.program_bits, surroundings.kernel_bits) == (32, 64)


def test_a_virtual_machine_is_seen(boards: Path) -> None:
    virtual = [folder.name for folder in sorted(boards.iterdir()) if Board.probe(folder).surroundings.is_virtual]
    assert virtual == ["vm"]


def test_this_machine_has_a_processor_and_memory() -> None:
    here = Board.probe(Path("/"))
    assert here.cpu
    assert here.memory_bytes > 100_000_000
    assert here.surroundings.program_bits == 64
