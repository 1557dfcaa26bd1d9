from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.hardware import Sensors
from edge_agent.hardware.sensors import throttle_names

CopyOf = Callable[[str], Path]


@pytest.mark.parametrize(
    ("folder", "temperature_c", "throttled"),
    [
        ("pi-5", 61.25, ()),
        ("pi-4", 82.303, ("under_voltage", "throttled", "under_voltage_occurred", "throttled_occurred")),
        ("zero-2-w", 47.236, ("under_voltage",)),
        ("orin-nano", 48.5, None),
        ("pc", 54.0, None),
    ],
)
def test_heat_and_throttling_of_each_board(
    boards: Path, folder: str, temperature_c: float, throttled: tuple[str, ...] | None
) -> None:
    system = Sensors(boards / folder, Path("/")).system()
    assert system.temperature_c == pytest.approx(temperature_c)
    assert system.throttled == throttled


def test_load_memory_and_swap_come_from_the_boards_files(boards: Path) -> None:
    system = Sensors(boards / "pi-4", Path("/")).system()
    assert system.load_1m == 3.91
    assert system.memory_total_bytes == 3884360 * 1024
    assert system.memory_available_bytes == 3101204 * 1024
    assert system.swap_used_bytes == (102396 - 61436) * 1024


def test_memory_pressure_is_the_full_stall_of_ten_seconds_and_none_where_the_kernel_has_it_off(boards: Path) -> None:
    assert Sensors(boards / "pc", Path("/")).system().memory_pressure_percent == 0.62
    assert Sensors(boards / "pi-5", Path("/")).system().memory_pressure_percent is None


def test_an_empty_root_gives_none_for_everything_but_the_disk(tmp_path: Path) -> None:
    system = Sensors(tmp_path, tmp_path).system()
    known = {name for name, value in system.model_dump().items() if value is not None}
    assert known == {"disk_free_bytes"}


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


def test_a_temperature_of_zero_is_a_temperature(copy_of: CopyOf) -> None:
    root = copy_of("zero-2-w")
    (root / "sys/class/thermal/thermal_zone0/temp").write_text("0\n")
    assert Sensors(root, root).system().temperature_c == 0.0


@pytest.mark.parametrize("reading", ["-256000", "", "garbage", "4294967295"])
def test_a_reading_that_cannot_be_true_is_none(copy_of: CopyOf, reading: str) -> None:
    root = copy_of("pi-5")
    (root / "sys/class/thermal/thermal_zone0/temp").write_text(reading)
    assert Sensors(root, root).system().temperature_c is None


def test_the_power_chips_made_up_hundred_degrees_are_not_used(copy_of: CopyOf) -> None:
    root = copy_of("orin-nano")
    (root / "sys/class/thermal/thermal_zone4/type").write_text("PMIC-Die\n")
    (root / "sys/class/thermal/thermal_zone4/temp").write_text("100000\n")
    assert Sensors(root, root).system().temperature_c == 48.5


def test_the_hottest_of_several_processor_sensors_counts(copy_of: CopyOf) -> None:
    root = copy_of("orin-nano")
    (root / "sys/class/thermal/thermal_zone1/type").write_text("CPU-therm\n")
    assert Sensors(root, root).system().temperature_c == pytest.approx(49.187)


def test_a_processor_without_a_thermal_zone_is_read_from_hwmon(copy_of: CopyOf) -> None:
    root = copy_of("pc")
    shutil.rmtree(root / "sys/class/thermal")
    sensor = root / "sys/class/hwmon/hwmon3"
    sensor.mkdir(parents=True)
    (sensor / "name").write_text("k10temp\n")
    (sensor / "temp1_input").write_text("43125\n")
    assert Sensors(root, root).system().temperature_c == pytest.approx(43.125)


def test_every_throttle_bit_has_its_name() -> None:
    four = ("under_voltage", "frequency_capped", "throttled", "soft_temperature_limit")
    assert throttle_names(0) == ()
    assert throttle_names(0xF000F) == (*four, *(f"{name}_occurred" for name in four))
    assert throttle_names(0x80000) == ("soft_temperature_limit_occurred",)


def test_a_reader_that_fails_is_logged_once_and_leaves_the_others_alone(
    copy_of: CopyOf, caplog: pytest.LogCaptureFixture
) -> None:
    root = copy_of("pi-5")
    next(root.glob("sys/devices/platform/*/*/get_throttled")).write_text("what\n")
    (root / "proc/loadavg").write_text("idle\n")
    sensors = Sensors(root, root)
    with caplog.at_level(logging.WARNING):
        seen = [sensors.system() for _ in range(3)]
    assert all(system.throttled is None and system.load_1m is None for system in seen)
    assert all(system.temperature_c == 61.25 for system in seen)
    assert sorted(getattr(record, "sensor", "") for record in caplog.records) == ["load_1m", "throttled"]
