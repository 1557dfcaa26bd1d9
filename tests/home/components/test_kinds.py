"""The plainer kinds: what they are told and what they say, a line each."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.home.entity import Parameter
from tests.home.components.building import built, hear, payloads, published, shown

PANEL = {"command_template": '{"action": "{{ action }}", "code": "{{ code }}"}'}
SPEED = {"percentage_command_topic": "device/set", "percentage_state_topic": "device/state"}
VACUUM = {"supported_features": ["start", "pause", "stop", "return_home", "locate", "fan_speed"]}


@pytest.mark.parametrize(
    ("component", "config", "action", "params", "expected"),
    [
        ("switch", {}, "turn_on", {}, "ON"),
        ("switch", {"payload_off": False}, "turn_off", {}, "False"),
        ("switch", {"command_template": '{"relay": "{{ value }}"}'}, "turn_on", {}, '{"relay": "ON"}'),
        ("siren", {}, "turn_on", {}, '{"state": "ON"}'),
        ("siren", {"command_template": "{{ value }}"}, "turn_off", {}, "OFF"),
        ("siren", {"command_off_template": "quiet {{ state }}"}, "turn_off", {}, "quiet OFF"),
        ("button", {}, "press", {}, "PRESS"),
        ("button", {"payload_press": "restart"}, "press", {}, "restart"),
        ("scene", {}, "activate", {}, "ON"),
        ("number", {}, "set_value", {"value": 4.0}, "4"),
        ("number", {"command_template": '{"v": {{ value }}}'}, "set_value", {"value": "1.5"}, '{"v": 1.5}'),
        ("select", {"options": ["low", "high"]}, "select_option", {"option": "high"}, "high"),
        ("select", {"options": ["low", "high"]}, "set_value", {"value": "low"}, "low"),
        ("text", {}, "set_value", {"value": "Grüße"}, "Grüße"),
        ("lock", {}, "lock", {}, "LOCK"),
        ("lock", {"payload_open": "UNLATCH"}, "open", {}, "UNLATCH"),
        ("humidifier", {}, "turn_off", {}, "OFF"),
        ("humidifier", {"target_humidity_command_topic": "device/set"}, "set_humidity", {"humidity": 55}, "55"),
        ("humidifier", {"mode_command_topic": "device/set", "modes": ["eco"]}, "set_mode", {"mode": "eco"}, "eco"),
        ("vacuum", VACUUM, "start", {}, "start"),
        ("vacuum", {**VACUUM, "payload_return_to_base": "HOME"}, "return_to_base", {}, "HOME"),
        ("vacuum", {**VACUUM, "set_fan_speed_topic": "device/set", "fan_speed_list": ["max"]}, "set_fan_speed",
         {"fan_speed": "max"}, "max"),
        ("lawn_mower", {"start_mowing_command_topic": "device/set"}, "start", {}, "start_mowing"),
        ("lawn_mower", {"dock_command_topic": "device/set", "dock_command_template": '{"do": "{{ value }}"}'},
         "return_to_base", {}, '{"do": "dock"}'),
        ("alarm_control_panel", {}, "arm_night", {}, "ARM_NIGHT"),
        ("alarm_control_panel", {**PANEL, "code": 1234}, "disarm", {}, '{"action": "DISARM", "code": "1234"}'),
        ("fan", {"preset_mode_command_topic": "device/set", "preset_modes": ["sleep"]}, "set_preset_mode",
         {"preset_mode": "sleep"}, "sleep"),
        ("fan", {**SPEED, "speed_range_min": 5, "speed_range_max": 8}, "set_percentage", {"percentage": 50}, "6"),
        ("fan", {**SPEED, "speed_range_max": 3}, "set_percentage", {"percentage": 1}, "1"),
    ],
)  # fmt: skip
def test_what_it_is_told(
    component: str, config: dict[str, Any], action: str, params: dict[str, Any], expected: str
) -> None:
    assert payloads(built(component, **config), action, **params) == [expected]


@pytest.mark.parametrize(
    ("component", "config", "payload", "expected"),
    [
        ("switch", {}, "ON", {"state": "on"}),
        ("switch", {"state_on": "lit", "payload_on": "light"}, "lit", {"state": "on"}),
        ("switch", {"payload_on": True, "value_template": "{{ value_json.x }}"}, '{"x": true}', {"state": "on"}),
        ("switch", {"payload_on": "true"}, "True", {"state": "on"}),
        ("switch", {}, "on", {"state": None}),
        ("siren", {}, '{"state": "OFF", "tone": "ping"}', {"state": "off"}),
        ("siren", {}, "ON", {"state": "on"}),
        ("number", {}, "21.50", {"state": "21.5"}),
        ("number", {"payload_reset": "?"}, "?", {"state": None}),
        ("number", {}, "inf", {"state": None}),
        ("select", {"options": ["low", "high"]}, "high", {"state": "high"}),
        ("select", {"options": ["low", "high"]}, "middle", {"state": None}),
        ("text", {}, "hello", {"state": "hello"}),
        ("text", {"mode": "password"}, "secret", {"state": None}),
        ("lock", {}, "LOCKED", {"state": "locked"}),
        ("lock", {"state_jammed": "stuck"}, "stuck", {"state": "jammed"}),
        ("lock", {}, "OPEN", {"state": "unlocked"}),
        ("humidifier", {"target_humidity_state_topic": "device/state"}, "55", {"state": None, "humidity": 55}),
        ("vacuum", {}, '{"state": "cleaning", "battery_level": 61, "fan_speed": "max"}',
         {"state": "cleaning", "battery_level": 61, "fan_speed": "max"}),
        ("vacuum", {}, '{"state": "dreaming"}', {"state": None}),
        ("lawn_mower", {"activity_state_topic": "device/state"}, "mowing", {"state": "mowing"}),
        ("alarm_control_panel", {}, "armed_away", {"state": "armed_away"}),
        ("alarm_control_panel", {}, "asleep", {"state": None}),
        ("sensor", {}, "21.4", {"state": "21.4"}),
        ("sensor", {}, "x" * 300, {"state": "x" * 255}),
        ("sensor", {"value_template": "{{ value_json.a.b }}"}, '{"a": {"b": 7}}', {"state": "7"}),
        ("sensor", {"value_template": "{{ value_json.a.b }}"}, '{"a": 1}', {"state": None}),
        ("sensor", {"value_template": "{{ 1 / 0 }}"}, "7", {"state": None}),
        ("binary_sensor", {}, "OFF", {"state": "off"}),
        ("binary_sensor", {"payload_on": 1, "payload_off": 0}, "1", {"state": "on"}),
        ("event", {}, '{"event_type": "double_press"}', {"state": "double_press"}),
        ("event", {}, "double_press", {"state": None}),
        ("device_tracker", {"payload_home": "yes"}, "yes", {"state": "home"}),
        ("device_tracker", {}, "Work", {"state": "Work"}),
        ("fan", {**SPEED, "payload_reset_percentage": "?"}, "?", {"state": None}),
        ("fan", {**SPEED, "speed_range_max": 4}, "3", {"state": None, "percentage": 75}),
        ("fan", {"oscillation_state_topic": "device/state"}, "oscillate_on", {"state": None, "oscillating": True}),
    ],
)  # fmt: skip
def test_what_it_says(component: str, config: dict[str, Any], payload: str, expected: dict[str, Any]) -> None:
    assert shown(hear(built(component, **config), payload)) == expected


@pytest.mark.parametrize(
    "component", ["switch", "siren", "lock", "sensor", "binary_sensor", "fan", "humidifier", "text"]
)
def test_none_means_not_known(component: str) -> None:
    entity = built(component)
    entity.state = "on"
    assert hear(entity, "None").state is None


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {"arm_home", "arm_away", "arm_night", "disarm"}),
        ({"supported_features": ["arm_away"]}, {"arm_away", "disarm"}),
        ({"code": "1234"}, {"arm_home", "arm_away", "arm_night", "disarm"}),
        ({"code": "REMOTE_CODE"}, set()),
        ({"code": "REMOTE_CODE_TEXT", "code_arm_required": False}, {"arm_home", "arm_away", "arm_night"}),
    ],
)
def test_a_panel_does_nothing_for_which_it_wants_a_code_that_is_not_known(
    config: dict[str, Any], expected: set[str]
) -> None:
    assert set(built("alarm_control_panel", **config).actions) == expected


def test_a_lock_that_wants_a_code_can_only_be_read() -> None:
    lock = built("lock", code_format=r"^\d{4}$")
    assert not lock.actions
    assert hear(lock, "LOCKED").state == "locked"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {"start", "stop", "return_to_base"}),
        ({"supported_features": ["start", "pause", "locate"]}, {"start", "pause", "locate"}),
        ({"supported_features": ["start", "fan_speed"], "fan_speed_list": ["a"]}, {"start"}),
    ],
)
def test_a_vacuum_does_what_its_features_say(config: dict[str, Any], expected: set[str]) -> None:
    assert set(built("vacuum", **config).actions) == expected


def test_values_have_bounds() -> None:
    number = built("number", min=-5, max="5", step=0.5, unit_of_measurement="dB")
    assert number.actions["set_value"].parameters == {"value": Parameter("number", -5, 5, 0.5)}
    assert number.unit == "dB"
    select = built("select", options=["low", 2])
    assert select.actions["select_option"].parameters == {"option": Parameter("choice", choices=("low", "2"))}
    humidifier = built("humidifier", target_humidity_command_topic="h", min_humidity=30, max_humidity=80)
    assert humidifier.actions["set_humidity"].parameters == {"humidity": Parameter("number", 30, 80, 1)}


@pytest.mark.parametrize("value", ["1", "12345", "abc"])
def test_a_text_that_the_device_would_not_take_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="The text must"):
        published(built("text", min=2, max=4, pattern=r"\d+"), "set_value", value=value)


def test_a_fan_that_is_off_is_turned_on_before_it_is_told_its_speed() -> None:
    fan = built("fan", percentage_command_topic="speed/set")
    assert published(hear(fan, "OFF"), "set_percentage", percentage=30) == [("device/set", "ON"), ("speed/set", "30")]
    assert published(hear(fan, "ON"), "set_percentage", percentage=30) == [("speed/set", "30")]
    assert published(fan, "set_percentage", percentage=0) == [("device/set", "OFF")]


def test_a_missing_value_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="`value` is missing"):
        published(built("number"), "set_value")
    with pytest.raises(ValueError, match="'warm' is not a number"):
        published(built("number"), "set_value", value="warm")
