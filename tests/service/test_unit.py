"""The unit as systemd itself reads it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy/systemd"
UNIT = DEPLOY / "edge-agent.service"
DROP_IN = DEPLOY / "restart-pauses.conf"
FIRST_WITH_GROWING_PAUSES = 254

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """A copy whose program is one that is here."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("ExecStart=/opt/edge-agent/bin/edge-agent", "ExecStart=/bin/true"))
    return copy


def verify(unit: Path) -> list[str]:
    """What systemd finds wrong, a line each."""
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    return [line for line in (done.stdout + done.stderr).splitlines() if unit.parent.name in line or unit.name in line]


def systemd_version() -> int:
    told = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True, check=True).stdout
    return int(told.split()[1])


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path) -> None:
    assert verify(unit) == []


@needs_systemd
def test_it_would_find_a_mistake(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("WatchdogSec=60", "WatchdogSec=soon"))
    assert verify(unit)


@needs_systemd
def test_the_growing_pauses_are_known_from_254_on(unit: Path) -> None:
    folder = unit.with_name(f"{unit.name}.d")
    folder.mkdir()
    shutil.copy(DROP_IN, folder)
    found = verify(unit)
    if systemd_version() >= FIRST_WITH_GROWING_PAUSES:
        assert found == []
    else:
        assert [("RestartSteps" in line, "RestartMaxDelaySec" in line) for line in found] == [
            (True, False),
            (False, True),
        ]


@needs_systemd
@pytest.mark.parametrize("name", ["jetson.conf", "raspberry-pi.conf"])
def test_the_boards_drop_ins_are_right_and_give_the_group_of_the_boards_devices(unit: Path, name: str) -> None:
    folder = unit.with_name(f"{unit.name}.d")
    folder.mkdir()
    shutil.copy(DEPLOY / name, folder)
    assert verify(unit) == []
    assert settings_of(DEPLOY / name)["SupplementaryGroups"] == "video"


def settings_of(unit: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in unit.read_text().splitlines() if not line.startswith("#"))
    return {name: value for name, _, value in lines}


def test_it_is_a_notifying_service_that_systemd_watches_and_restarts_for_ever() -> None:
    settings = settings_of(UNIT)
    assert settings["Type"] == "notify"
    assert int(settings["WatchdogSec"]) > 0
    assert (settings["Restart"], settings["StartLimitIntervalSec"]) == ("always", "0")
    assert settings["StateDirectory"] == "edge-agent"
    assert settings["OOMPolicy"] == "continue"


def test_a_missing_broker_or_network_does_not_fail_a_boot() -> None:
    assert not {"Requires", "BindsTo", "Requisite", "PartOf"} & set(settings_of(UNIT))


def test_what_breaks_ctypes_or_a_gpu_is_left_out() -> None:
    forbidden = {
        "MemoryDenyWriteExecute",
        "ProcSubset",
        "PrivateUsers",
        "PrivateDevices",
        "ProtectClock",
        "DevicePolicy",
    }
    assert not forbidden & set(settings_of(UNIT))
