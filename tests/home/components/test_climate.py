"""Climates and water heaters."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.home.entity import Parameter
from tests.home.components.building import built, hear, published, shown

PLAIN = {"command_topic": None, "state_topic": None}
MODES = {**PLAIN, "mode_command_topic": "mode/set", "mode_state_topic": "mode/state"}
PAIR = {
    f"temperature_{end}_{way}_topic": f"{end}/{name}"
    for end in ("low", "high")
    for way, name in (("command", "set"), ("state", "state"))
}


@pytest.mark.parametrize(
    ("config", "on", "off"),
    [
        ({"modes": ["off", "auto", "heat", "cool"]}, ("mode/set", "heat"), ("mode/set", "off")),
        ({"modes": ["off", "cool"]}, ("mode/set", "cool"), ("mode/set", "off")),
        ({"modes": ["off", "fan_only"]}, ("mode/set", "fan_only"), ("mode/set", "off")),
        (
            {"power_command_topic": "power/set", "payload_on": "1", "payload_off": "0"},
            ("power/set", "1"),
            ("power/set", "0"),
        ),
    ],
)
def test_on_and_off_are_its_power_or_a_mode(config: dict[str, Any], on: tuple[str, str], off: tuple[str, str]) -> None:
    climate = built("climate", **MODES, **config)
    assert published(climate, "turn_on") == [on]
    assert published(climate, "turn_off") == [off]


def test_a_climate_that_can_not_be_off_is_not_turned_off() -> None:
    assert set(built("climate", **MODES, modes=["heat", "cool"]).actions) == {"set_hvac_mode"}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, Parameter("number", 7, 35, 1)),
        ({"temperature_unit": "F"}, Parameter("number", 45, 95, 1)),
        ({"min_temp": "5", "max_temp": 30, "temp_step": 0.5}, Parameter("number", 5, 30, 0.5)),
    ],
)
def test_its_temperatures_have_bounds(config: dict[str, Any], expected: Parameter) -> None:
    climate = built("climate", **PLAIN, temperature_command_topic="temp/set", **config)
    assert climate.actions["set_temperature"].parameters["temperature"] == expected
    assert published(climate, "set_temperature", temperature=21.0) == [("temp/set", "21")]
    assert published(climate, "set_temperature", temperature="20.5") == [("temp/set", "20.5")]


def test_a_template_sees_the_temperature_as_a_number() -> None:
    template = '{"setpoint": {{ (value * 10) | int }}}'
    config = {"temperature_command_topic": "temp/set", "temperature_command_template": template}
    assert (
        published(built("climate", **PLAIN, **config), "set_temperature", temperature=20.5)[0][1] == '{"setpoint": 205}'
    )


@pytest.mark.parametrize(
    ("mode", "temperature", "expected"),
    [
        ("heat", 19, [("low/set", "22")]),
        ("cool", 25, [("high/set", "22")]),
        ("heat_cool", 22, [("low/set", "19"), ("high/set", "25")]),
    ],
)
def test_of_a_pair_the_one_that_its_mode_works_towards_is_meant(
    mode: str, temperature: int, expected: list[tuple[str, str]]
) -> None:
    climate = built("climate", **MODES, **PAIR, modes=["off", "heat", "cool", "heat_cool"])
    for topic, payload in [("low/state", "19"), ("high/state", "25"), ("mode/state", mode)]:
        hear(climate, payload, topic)
    assert shown(climate) == {"state": mode, "temperature": temperature}
    assert published(climate, "set_temperature", temperature=22) == expected


def test_its_readings_are_numbers_and_words() -> None:
    climate = built(
        "climate",
        **MODES,
        current_temperature_topic="now",
        current_humidity_topic="humidity",
        action_topic="action",
        fan_mode_state_topic="fan/state",
        preset_mode_state_topic="preset/state",
    )
    messages = {"now": "20.50", "humidity": "48", "action": "idle", "fan/state": "low", "preset/state": "away"}
    for topic, payload in messages.items():
        hear(climate, payload, topic)
    expected = {"current_temperature": 20.5, "current_humidity": 48, "hvac_action": "idle"}
    assert climate.attributes == {**expected, "fan_mode": "low", "preset_mode": "away"}
    assert hear(climate, "warm", "now").attributes["current_temperature"] == 20.5
    assert hear(climate, "None", "now").attributes["current_temperature"] is None


def test_presets_and_fan_modes_are_choices() -> None:
    climate = built(
        "climate",
        **PLAIN,
        preset_modes=["eco", "away"],
        preset_mode_command_topic="preset/set",
        fan_mode_command_topic="fan/set",
        temperature_unit="C",
    )
    assert climate.actions["set_preset_mode"].parameters["preset_mode"].choices == ("none", "eco", "away")
    assert climate.actions["set_fan_mode"].parameters["fan_mode"].choices == ("auto", "low", "medium", "high")
    assert published(climate, "set_preset_mode", preset_mode="eco") == [("preset/set", "eco")]
    assert climate.unit == "°C"


def test_a_thermostat_without_modes_is_shown_by_its_temperature() -> None:
    thermostat = built("climate", **PLAIN, temperature_command_topic="set", temperature_state_topic="state")
    assert not thermostat.assumed
    assert built("climate", **PLAIN, temperature_command_topic="set").assumed


def test_a_water_heater_has_a_power_modes_and_a_temperature() -> None:
    heater = built(
        "water_heater", **MODES, power_command_topic="power/set", temperature_command_topic="temp/set", max_temp=65
    )
    assert published(heater, "turn_on") == [("power/set", "ON")]
    assert published(heater, "set_mode", mode="eco") == [("mode/set", "eco")]
    assert published(heater, "set_temperature", temperature=55) == [("temp/set", "55")]
    assert hear(heater, "eco", "mode/state").state == "eco"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"temperature_unit": "K"}, "it must be C or F"),
        ({"min_temp": 30, "max_temp": 10}, "`min_temp` is 30; it must be below `max_temp`, which is 10."),
        ({"temp_step": 0}, "`temp_step` is 0; it must be above 0."),
        ({"max_temp": "warm"}, "`max_temp` must be a number; it is 'warm'."),
    ],
)
def test_a_climate_that_can_not_be_used_says_why(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        built("climate", **MODES, **config)
