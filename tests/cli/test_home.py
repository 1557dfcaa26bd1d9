from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.home.learning import devices_on
from tests.real_parts import Mosquitto, free_port

from .conftest import Program

HOME = """
[home.areas]
"Hall" = { floor = "Ground floor" }

[[devices]]
name = "Hall light"
area = "Hall"
manner = "zigbee2mqtt"
kind = "light"
can = ["brightness"]
"""


@pytest.fixture
def own_broker(program: Program, own_mosquitto: Mosquitto) -> Program:
    program.environ |= {"EDGE_AGENT_MQTT__PORT": str(own_mosquitto.port)}
    return program


@contextmanager
def simulated(program: Program, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = program.start("home", "simulate", *arguments)
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert "virtual devices are on" in first, first + process.stderr.read()
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def listed(program: Program) -> dict[str, list[dict[str, object]]]:
    ran = program("home", "list", "--json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_a_virtual_home_is_listed_while_it_is_served_and_gone_after(own_broker: Program) -> None:
    with simulated(own_broker) as process:
        seen = listed(own_broker)
        assert len(seen["devices"]) > 40
        (lamp,) = (one for one in seen["devices"] if one["id"] == "light.desk_lamp")
        assert (lamp["area"], lamp["state"], lamp["available"]) == ("Office", "off", True)
        brightness = {"type": "number", "minimum": 0, "maximum": 100, "step": 1, "required": False}
        assert lamp["actions"] == {"turn_off": {}, "turn_on": {"brightness_pct": brightness}}
    assert process.returncode == 0
    assert listed(own_broker) == {"areas": [], "devices": []}


def test_a_home_of_ones_own_is_listed_with_what_the_settings_say(own_broker: Program, tmp_path: Path) -> None:
    (tmp_path / "home.toml").write_text(HOME)
    own_broker.environ |= {
        "EDGE_AGENT_HOME__AREAS": '{"Hall": {"floor": "Ground floor", "aliases": ["entrance"]}}',
        "EDGE_AGENT_HOME__DEVICES": '{"light.hall_light": {"aliases": ["chandelier"]}}',
    }
    with simulated(own_broker, "--home", str(tmp_path / "home.toml")):
        ran = own_broker("home", "list")
    heading, row = ran.stdout.splitlines()
    assert heading.split() == ["area", "device", "id", "state", "actions"]
    shown = ["Hall (Ground floor)", "Hall light (chandelier)", "light.hall_light", "off, brightness pct 100"]
    assert all(cell in row for cell in shown), row
    assert "1 devices in 1 areas." in ran.stderr


def test_a_configuration_that_cant_be_used_is_told(own_broker: Program, own_mosquitto: Mosquitto) -> None:
    with devices_on(own_mosquitto.port) as devices:
        devices.announce("switch", "broken", {"name": "Broken"})
        ran = own_broker("home", "list")
    assert ran.returncode == 0
    assert "homeassistant/switch/broken/config" in ran.stderr
    assert "`command_topic` is missing" in ran.stderr
    assert "No device has announced itself" in ran.stderr


@pytest.mark.parametrize("command", ["list", "simulate"])
def test_without_a_broker_the_remedy_is_told_once(command: str, program: Program) -> None:
    program.environ |= {"EDGE_AGENT_MQTT__PORT": str(free_port())}
    ran = program("home", command)
    assert ran.returncode == 1
    assert ran.stderr.count("Connection refused") == 1
    assert "Are mqtt.host and mqtt.port right?" in ran.stderr


def test_a_home_with_a_mistake_is_refused_before_anything_is_published(own_broker: Program, tmp_path: Path) -> None:
    (tmp_path / "home.toml").write_text(HOME.replace("zigbee2mqtt", "zigbee"))
    ran = own_broker("home", "simulate", "--home", str(tmp_path / "home.toml"))
    assert ran.returncode == 1
    assert "devices, no. 1, manner" in ran.stderr
    assert listed(own_broker)["devices"] == []


@pytest.mark.parametrize(
    ("sentence", "understood"),
    [
        ("Turn on the desk lamp", "light.desk_lamp: turn_on → done"),
        ("Open the garage door", "cover.garage_door: open → done after a yes"),
        ("Why is the sky blue", "The rules do not understand it: the model is asked."),
    ],
)
def test_a_sentence_is_explained_and_nothing_is_done(sentence: str, understood: str, own_broker: Program) -> None:
    with simulated(own_broker):
        before = listed(own_broker)
        ran = own_broker("home", "explain", sentence)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.startswith(f"heard       “{sentence.split()[0]}")
        assert understood in ran.stdout
        assert listed(own_broker) == before


def test_a_language_without_rules_is_told(own_broker: Program) -> None:
    assert "no rules for the language sw" in own_broker("home", "explain", "Washa taa", "--language", "sw").stdout
