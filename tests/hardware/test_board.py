from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.hardware import Board
from edge_agent.messages import DeviceStatus

CopyOf = Callable[[str], Path]


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("pi-5", Board("Raspberry Pi 5 Model B Rev 1.0", "Cortex-A76", 4, 8254416 * 1024, None, None)),
        ("pi-4", Board("Raspberry Pi 4 Model B Rev 1.4", "Cortex-A72", 4, 3884360 * 1024, None, None)),
        ("zero-2-w", Board("Raspberry Pi Zero 2 W Rev 1.0", "Cortex-A53", 4, 436220 * 1024, None, None)),
        (
            "orin-nano",
            Board(
                "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
                "Cortex-A78AE",
                6,
                7789568 * 1024,
                "NVIDIA Orin (Ampere)",
                None,
            ),
        ),
        ("pc", Board("NUC11PAHi7", "11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", 8, 16164736 * 1024, None, None)),
    ],
)
def test_a_board_is_known_by_its_files(boards: Path, folder: str, expected: Board) -> None:
    assert Board.probe(boards / folder) == expected


def test_its_status_is_the_contracts(boards: Path) -> None:
    assert Board.probe(boards / "pi-5").to_status() == DeviceStatus(
        board="Raspberry Pi 5 Model B Rev 1.0",
        cpu="Cortex-A76",
        cores=4,
        memory_bytes=8254416 * 1024,
        gpu=None,
        power_mode=None,
    )


def test_an_empty_root_gives_a_board_of_which_nothing_is_known(tmp_path: Path) -> None:
    assert Board.probe(tmp_path) == Board(None, None, 1, 0, None, None)


def test_in_a_container_the_pi_is_known_by_its_line_in_cpuinfo(copy_of: CopyOf) -> None:
    root = copy_of("zero-2-w")
    (root / "proc/device-tree/model").unlink()
    assert Board.probe(root).name == "Raspberry Pi Zero 2 W Rev 1.0"


def test_a_name_that_the_maker_left_blank_is_no_name(copy_of: CopyOf) -> None:
    root = copy_of("pc")
    (root / "sys/class/dmi/id/product_name").write_text("To Be Filled By O.E.M.\n")
    assert Board.probe(root).name is None


def test_two_kinds_of_cores_are_both_named_once(copy_of: CopyOf) -> None:
    root = copy_of("pi-4")
    lines = (root / "proc/cpuinfo").read_text()
    (root / "proc/cpuinfo").write_text(lines.replace("0xd08", "0xd03", 2))
    assert Board.probe(root).cpu == "Cortex-A53 + Cortex-A72"


def test_a_part_that_is_in_no_table_is_named_by_its_numbers(copy_of: CopyOf) -> None:
    root = copy_of("pi-4")
    (root / "proc/cpuinfo").write_text("CPU implementer\t: 0x51\nCPU part\t: 0xc00\n")
    assert Board.probe(root).cpu == "Arm 0x51:0xc00"


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


def test_this_machine_has_a_processor_and_memory() -> None:
    here = Board.probe(Path("/"))
    assert here.cpu
    assert here.memory_bytes > 100_000_000


@pytest.mark.parametrize(
    ("own", "above", "expected"),
    [("1073741824\n", "max\n", 1073741824), ("2147483648\n", "536870912\n", 536870912), ("max\n", "max\n", None)],
)
def test_memory_is_what_the_control_groups_leave(copy_of: CopyOf, own: str, above: str, expected: int | None) -> None:
    root = copy_of("pi-5")
    unit = root / "sys/fs/cgroup/system.slice/edge-agent.service"
    unit.mkdir(parents=True)
    (root / "proc/self").mkdir()
    (root / "proc/self/cgroup").write_text("0::/system.slice/edge-agent.service\n")
    (unit / "memory.max").write_text(own)
    (unit.parent / "memory.max").write_text(above)
    assert Board.probe(root).memory_bytes == (expected or 8254416 * 1024)


def test_a_limit_above_what_the_machine_has_changes_nothing(copy_of: CopyOf) -> None:
    root = copy_of("zero-2-w")
    (root / "sys/fs/cgroup").mkdir(parents=True)
    (root / "sys/fs/cgroup/memory.max").write_text("8589934592\n")
    assert Board.probe(root).memory_bytes == 436220 * 1024
