from __future__ import annotations

import itertools
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.hardware import Sensors
from edge_agent.hardware.readers import FIRST_PAUSE_S, LAST_PAUSE_S, Reader
from edge_agent.hardware.throttling import throttle_names

CopyOf = Callable[[str], Path]

# folder: °C, throttled, watts, percent and °C of the GPU
READ = {
    "pi-3": (62.8, (), None, None),
    "pi-4": (82.303, ("under_voltage", "throttled", "under_voltage_occurred", "throttled_occurred"), None, None),
    "pi-400": (44.3, (), None, None),
    "cm-4": (51.12, (), None, None),
    "pi-5": (61.25, (), None, None),
    "pi-500": (
        83.1,
        (
            "soft_temperature_limit",
            "frequency_capped_occurred",
            "throttled_occurred",
            "soft_temperature_limit_occurred",
        ),
        10.8,
        None,
    ),
    "cm-5": (48.65, (), None, None),
    "zero-2-w": (47.236, ("under_voltage",), None, None),
    "nano": (48.0, None, 2.875, (41.2, 46.5)),
    "tx2": (44.0, None, 3.214, (0.0, 41.5)),
    "xavier-nx": (41.5, None, 3.843, (99.5, 40.5)),
    "agx-xavier": (41.5, None, 7.632, (0.0, 40.5)),
    "orin-nano": (48.5, None, 5.859, (84.2, 49.187)),
    "orin-nx": (48.5, None, 6.539, (0.0, 49.187)),
    "agx-orin": (48.5, None, 9.126, (13.3, 49.187)),
    "thor": (42.312, None, 29.896, (None, 41.906)),
    "rock-5b": (45.307, ("frequency_capped",), None, None),
    "pc": (54.0, (), None, None),
    "pc-rtx": (39.0, None, None, (None, None)),
    "container": (55.1, None, None, None),
    "vm": (None, None, None, None),
}


@pytest.mark.parametrize(("folder", "expected"), READ.items())
def test_the_sensors_of_each_board_are_read_or_none(
    boards: Path,
    folder: str,
    expected: tuple[float | None, tuple[str, ...] | None, float | None, tuple[float | None, float | None] | None],
) -> None:
    sensors = Sensors(boards / folder, Path("/"))
    system, gpu = sensors.system(), sensors.gpu()
    of_gpu = (gpu.utilization_percent, gpu.temperature_c) if gpu else None
    assert (system.temperature_c, system.throttled, system.power_w, of_gpu) == expected


def test_every_recorded_board_is_read(boards: Path) -> None:
    assert {folder.name for folder in boards.iterdir() if folder.is_dir()} == set(READ)


def test_load_memory_and_swap_come_from_the_boards_files(boards: Path) -> None:
    system = Sensors(boards / "pi-4", Path("/")).system()
    assert system.load_1m == 3.91
    assert system.memory_total_bytes == 3884360 * 1024
    assert system.memory_available_bytes == 3101204 * 1024
    assert system.swap_used_bytes == (102396 - 61436) * 1024


def test_memory_pressure_is_the_full_stall_of_ten_seconds_and_none_where_the_kernel_has_it_off(boards: Path) -> None:
    assert Sensors(boards / "pc", Path("/")).system().memory_pressure_percent == 0.62
    assert Sensors(boards / "pi-4", Path("/")).system().memory_pressure_percent is None


def test_an_empty_root_gives_none_for_everything_but_the_disk(tmp_path: Path) -> None:
    sensors = Sensors(tmp_path, tmp_path)
    known = {name for name, value in sensors.system().model_dump().items() if value is not None}
    assert known == {"disk_free_bytes"}
    assert sensors.gpu() is None


def test_this_machine_tells_its_load_and_memory() -> None:
    system = Sensors(Path("/"), Path("/")).system()
    assert system.load_1m is not None
    assert system.memory_available_bytes
    assert system.disk_free_bytes


def test_cpu_use_is_that_since_the_last_look(copy_of: CopyOf) -> None:
    root = copy_of("pi-5")
    sensors = Sensors(root, root)
    assert sensors.system().cpu_percent is None  # no time has passed on this board's clock
    (root / "proc/stat").write_text("cpu  4730 356 584 3699241 23070 0 277 0 0 0\n")
    assert sensors.system().cpu_percent == 25.0  # 25 busy ticks of 100; waiting for the disk is not busy


def test_the_disk_is_that_of_a_folder_which_is_not_made_yet(tmp_path: Path) -> None:
    free = Sensors(tmp_path, tmp_path / "not" / "there" / "yet").system().disk_free_bytes
    assert free == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.05)


# --- heat


def test_a_temperature_of_zero_is_a_temperature(copy_of: CopyOf) -> None:
    root = copy_of("zero-2-w")
    (root / "sys/class/thermal/thermal_zone0/temp").write_text("0\n")
    assert Sensors(root, root).system().temperature_c == 0.0


@pytest.mark.parametrize("reading", ["-256000", "", "garbage", "4294967295"])
def test_a_reading_that_cannot_be_true_is_none(copy_of: CopyOf, reading: str) -> None:
    root = copy_of("pi-5")
    (root / "sys/class/thermal/thermal_zone0/temp").write_text(reading)
    assert Sensors(root, root).system().temperature_c is None


def test_the_power_chips_made_up_hundred_degrees_are_not_used(boards: Path) -> None:
    assert (boards / "nano/sys/class/thermal/thermal_zone4/temp").read_text() == "100000\n"
    assert Sensors(boards / "nano", Path("/")).system().temperature_c == 48.0


def test_the_hottest_of_several_processor_sensors_counts(copy_of: CopyOf) -> None:
    root = copy_of("orin-nano")
    (root / "sys/class/thermal/thermal_zone1/type").write_text("CPU-therm\n")
    assert Sensors(root, root).system().temperature_c == pytest.approx(49.187)


def test_a_processor_without_a_thermal_zone_is_read_from_hwmon(copy_of: CopyOf) -> None:
    root = copy_of("pc")
    for zone in root.glob("sys/class/thermal/thermal_zone*"):
        shutil.rmtree(zone)
    sensor = root / "sys/class/hwmon/hwmon3"
    sensor.mkdir(parents=True)
    (sensor / "name").write_text("k10temp\n")
    (sensor / "temp1_input").write_text("43125\n")
    assert Sensors(root, root).system().temperature_c == pytest.approx(43.125)


@pytest.mark.parametrize(("folder", "expected"), [("pi-5", 82.0), ("pc", None), ("rock-5b", 72.0), ("orin-nano", 92.0)])
def test_what_is_hot_depends_on_the_board(boards: Path, folder: str, expected: float | None) -> None:
    assert Sensors(boards / folder, Path("/")).hot_c == expected


# --- throttling


def test_every_throttle_bit_has_its_name() -> None:
    four = ("under_voltage", "frequency_capped", "throttled", "soft_temperature_limit")
    assert throttle_names(0) == ()
    assert throttle_names(0xF000F) == (*four, *(f"{name}_occurred" for name in four))
    assert throttle_names(0x80000) == ("soft_temperature_limit_occurred",)


def test_where_the_firmwares_program_may_not_open_its_node_under_voltage_is_still_read(copy_of: CopyOf) -> None:
    root = copy_of("cm-5")
    (root / "sys/class/hwmon/hwmon1/in0_lcrit_alarm").write_text("1\n")
    assert Sensors(root, root).system().throttled == ("under_voltage",)


def test_the_firmwares_file_is_preferred_to_its_program(copy_of: CopyOf) -> None:
    root = copy_of("pi-500")
    file = root / "sys/devices/platform/soc/soc:firmware/get_throttled"
    file.parent.mkdir(parents=True)
    file.write_text("1\n")
    assert Sensors(root, root).system().throttled == ("under_voltage",)


def test_a_cooler_that_is_at_work_caps_the_clock(copy_of: CopyOf) -> None:
    root = copy_of("pc")
    (root / "sys/class/thermal/cooling_device2/cur_state").write_text("3\n")
    assert Sensors(root, root).system().throttled == ("frequency_capped",)


# --- power


def test_rails_that_are_not_connected_are_no_rails(copy_of: CopyOf) -> None:
    root = copy_of("agx-orin")
    (root / "sys/bus/i2c/devices/1-0041/hwmon/hwmon2/in1_input").write_text("5000\n")
    (root / "sys/bus/i2c/devices/1-0041/hwmon/hwmon2/curr1_input").write_text("9000\n")
    assert Sensors(root, root).power_w() == 9.126


def test_a_rail_without_a_current_leaves_the_power_unknown(copy_of: CopyOf) -> None:
    root = copy_of("orin-nano")
    for current in root.glob("sys/bus/i2c/devices/1-0040/hwmon/hwmon1/curr*"):
        current.unlink()
    assert Sensors(root, root).power_w() is None


# --- readers that fail


def test_a_reader_that_fails_is_logged_once_and_leaves_the_others_alone(
    copy_of: CopyOf, caplog: pytest.LogCaptureFixture
) -> None:
    root = copy_of("pi-5")
    next(root.glob("sys/devices/platform/*/*/get_throttled")).write_text("what\n")
    (root / "proc/loadavg").write_text("idle\n")
    sensors = Sensors(root, root)
    with caplog.at_level(logging.WARNING):
        seen = [sensors.system() for _ in range(3)]
    assert all(system.throttled == () and system.load_1m is None for system in seen)  # hwmon stands in
    assert all(system.temperature_c == 61.25 for system in seen)
    assert sorted(getattr(record, "sensor", "") for record in caplog.records) == ["get_throttled", "load_1m"]


def test_a_reader_that_fails_is_asked_again_ever_more_rarely() -> None:
    now_s, asked_s = 0.0, list[float]()

    def fail() -> None:
        asked_s.append(now_s)
        raise OSError

    reader = Reader("broken", fail, lambda: now_s)
    while now_s < 4 * LAST_PAUSE_S:
        assert reader() is None
        now_s += 10
    pauses_s = [later - earlier for earlier, later in itertools.pairwise(asked_s)]
    assert pauses_s[0] == FIRST_PAUSE_S
    assert pauses_s == sorted(pauses_s)
    assert pauses_s[-1] == LAST_PAUSE_S


def test_a_reader_that_recovers_is_asked_every_time_again() -> None:
    now_s, broken = 0.0, True

    def read() -> int:
        if broken:
            raise OSError
        return 7

    reader = Reader("flaky", read, lambda: now_s)
    assert reader() is None
    broken, now_s = False, FIRST_PAUSE_S
    assert [reader(), reader()] == [7, 7]


@pytest.mark.parametrize("folder", ["pi-5", "agx-xavier", "pc"])
def test_a_look_at_everything_costs_little(boards: Path, folder: str) -> None:
    sensors = Sensors(boards / folder, Path("/"))
    sensors.system()
    began_s = time.process_time()
    for _ in range(50):
        sensors.system()
        sensors.gpu()
    each_s = (time.process_time() - began_s) / 50
    assert each_s < 0.02  # at one look in 30 s, 0.2 % of a core are 60 ms
