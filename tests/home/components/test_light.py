"""Lights of all three schemas, beyond what the recorded ones show."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.home.components.building import STATE_TOPIC, built, hear, payloads, published, shown

DIMMABLE = {"brightness_command_topic": "dim/set", "brightness_state_topic": "dim/state"}
RGB = {"rgb_command_topic": "rgb/set", "rgb_state_topic": "rgb/state"}


@pytest.mark.parametrize(
    ("on_command_type", "expected"),
    [
        ("last", [("dim/set", "128"), ("device/set", "ON")]),
        ("first", [("device/set", "ON"), ("dim/set", "128")]),
        ("brightness", [("dim/set", "128")]),
    ],
)
def test_the_light_says_in_which_order_it_is_told(on_command_type: str, expected: list[tuple[str, str]]) -> None:
    light = built("light", on_command_type=on_command_type, **DIMMABLE)
    assert published(light, "turn_on", brightness_pct=50) == expected


@pytest.mark.parametrize(
    ("scale", "percent", "value"), [(255, 1, "3"), (254, 50, "127"), (100, 33, "33"), (10, 1, "1")]
)
def test_brightness_is_on_the_devices_scale(scale: int, percent: int, value: str) -> None:
    light = built("light", brightness_scale=scale, **DIMMABLE)
    assert published(light, "turn_on", brightness_pct=percent)[0] == ("dim/set", value)


def test_a_brightness_of_zero_turns_it_off() -> None:
    assert payloads(built("light", payload_off="0", **DIMMABLE), "turn_on", brightness_pct=0) == ["0"]


def test_a_dark_brightness_keeps_what_the_light_had_before() -> None:
    light = hear(hear(built("light", **DIMMABLE), "51", "dim/state"), "0", "dim/state")
    assert light.attributes["brightness_pct"] == 20


@pytest.mark.parametrize(
    ("config", "color", "expected"),
    [
        ({"hs_command_topic": "c"}, "#ff8000", "30.12,100"),
        ({"rgb_command_topic": "c", **DIMMABLE}, "#804000", "255,128,0"),
        ({"xy_command_topic": "c"}, "#ff0000", "0.7006,0.2993"),
        ({"rgbw_command_topic": "c"}, "#ffffff", "0,0,0,255"),
        ({"rgbww_command_topic": "c"}, "#0000ff", "0,0,255,0,0"),
        ({"rgb_command_topic": "c", "rgb_command_template": "#{{ '%02x%02x%02x' | format(red, green, blue) }}"},
         "#00ff00", "#00ff00"),
        ({"hs_command_topic": "c", "hs_command_template": '{"h": {{ hue | int }}, "s": {{ sat | int }}}'},
         "#00ff00", '{"h": 120, "s": 100}'),
    ],
)  # fmt: skip
def test_a_colour_is_said_in_the_devices_channels(config: dict[str, str], color: str, expected: str) -> None:
    assert ("c", expected) in published(built("light", **config), "turn_on", color=color)


@pytest.mark.parametrize(
    ("config", "payload", "color"),
    [
        ({"hs_state_topic": "c"}, "30,100", "#ff8000"),
        ({"rgb_state_topic": "c"}, "0, 100, 0", "#00ff00"),
        ({"rgb_state_topic": "c", "rgb_value_template": "{{ value_json.rgb | join(',') }}"}, '{"rgb": [255, 0, 0]}',
         "#ff0000"),
        ({"xy_state_topic": "c"}, "0.136,0.04", "#0000ff"),
        ({"rgbw_state_topic": "c"}, "0,0,0,80", "#ffffff"),
        ({"rgbww_state_topic": "c"}, "0,0,255,0,0", "#0000ff"),
    ],
)  # fmt: skip
def test_a_colour_is_read_from_the_devices_channels(config: dict[str, str], payload: str, color: str) -> None:
    heard = hear(built("light", **config), payload, "c").attributes["color"]
    assert isinstance(heard, str)
    pairs = zip(bytes.fromhex(heard[1:]), bytes.fromhex(color[1:]), strict=True)
    assert all(abs(one - other) < 12 for one, other in pairs)


@pytest.mark.parametrize("payload", ["", "1,2", "red", "0,0,0", "None,1,2", "nan,0,0"])
def test_what_is_no_colour_changes_nothing(payload: str) -> None:
    light = hear(built("light", **RGB), "255,0,0", "rgb/state")
    assert hear(light, payload, "rgb/state").attributes["color"] == "#ff0000"


def test_without_a_topic_for_it_the_brightness_is_in_the_colour() -> None:
    light = hear(built("light", **RGB), "128,64,0", "rgb/state")
    assert light.attributes == {"brightness_pct": 50, "color": "#ff8000"}
    assert published(light, "turn_on", brightness_pct=100)[0] == ("rgb/set", "255,128,0")
    assert published(light, "turn_on", color="#0000ff")[0] == ("rgb/set", "0,0,128")


def test_white_is_made_by_the_white_channel() -> None:
    light = built("light", white_command_topic="white/set", white_scale=100, **RGB, **DIMMABLE)
    assert published(light, "turn_on", color="#ffffff", brightness_pct=30)[0] == ("white/set", "30")


@pytest.mark.parametrize("order", [("mode", "color"), ("color", "mode")])
def test_only_the_colour_that_counts_is_shown(order: tuple[str, str]) -> None:
    light = built(
        "light",
        hs_state_topic="hs/state",
        color_temp_state_topic="ct/state",
        color_mode_state_topic="mode/state",
        color_temp_command_topic="ct/set",
    )
    for topic, payload in [("ct/state", "250"), ("mode/state", "color_temp"), ("hs/state", "0,100")]:
        hear(light, payload, topic)
    assert shown(light) == {"state": None, "color_temp_kelvin": 4000}
    changes = {"mode": ("mode/state", "hs"), "color": ("hs/state", "120,100")}
    for change in order:
        topic, payload = changes[change]
        hear(light, payload, topic)
    assert shown(light) == {"state": None, "color": "#00ff00"}


@pytest.mark.parametrize(
    ("config", "kelvin", "expected", "bounds"),
    [
        ({}, 4000, "250", (1998, 6557)),
        ({"min_mireds": 154, "max_mireds": 370}, 2700, "370", (2699, 6515)),
        ({"min_mireds": 154, "max_mireds": 370}, 2000, "370", (2699, 6515)),
        ({"color_temp_kelvin": True, "min_kelvin": 2200, "max_kelvin": 4000}, 2700, "2700", (2200, 4000)),
    ],
)
def test_a_colour_temperature_is_in_mireds_or_kelvin(
    config: dict[str, Any], kelvin: int, expected: str, bounds: tuple[int, int]
) -> None:
    light = built("light", color_temp_command_topic="ct/set", **config)
    assert published(light, "turn_on", color_temp_kelvin=kelvin)[0] == ("ct/set", expected)
    parameter = light.actions["turn_on"].parameters["color_temp_kelvin"]
    assert (parameter.minimum, parameter.maximum) == bounds


def test_it_takes_only_what_it_can() -> None:
    assert list(built("light").actions["turn_on"].parameters) == []
    assert list(built("light", effect_command_topic="fx", effect_list=["a"]).actions["turn_on"].parameters) == [
        "effect"
    ]
    white = built("light", schema="json", supported_color_modes=["color_temp"]).actions["turn_on"].parameters
    assert list(white) == ["brightness_pct", "color_temp_kelvin"]
    assert not any(parameter.required for parameter in white.values())


@pytest.mark.parametrize(
    ("modes", "params", "expected"),
    [
        (["hs"], {"color": "#ff0000"}, {"state": "ON", "color": {"h": 0, "s": 100}}),
        (["rgbww"], {"color": "#00ff00"}, {"state": "ON", "color": {"r": 0, "g": 255, "b": 0, "c": 0, "w": 0}}),
        (["white", "rgb"], {"color": "#ffffff", "brightness_pct": 10}, {"state": "ON", "brightness": 26, "white": 26}),
        (["onoff"], {"brightness_pct": 10}, {"state": "ON"}),
        (["color_temp"], {"color_temp_kelvin": 5000}, {"state": "ON", "color_temp": 200}),
    ],
)
def test_a_json_light_is_told_in_its_modes(modes: list[str], params: dict[str, Any], expected: dict[str, Any]) -> None:
    light = built("light", schema="json", supported_color_modes=modes)
    (payload,) = payloads(light, "turn_on", **params)
    assert json.loads(payload) == expected


def test_a_json_light_from_before_color_modes_says_its_abilities_one_by_one() -> None:
    light = built("light", schema="json", brightness=True, rgb=True, color_temp=True)
    assert set(light.actions["turn_on"].parameters) == {"brightness_pct", "color", "color_temp_kelvin"}


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "ON",
        "[1]",
        "{}",
        '{"state": 1}',
        '{"brightness": "NaN"}',
        '{"brightness": NaN}',
        '{"color": {"h": 1}}',
        "[" * 9999,
    ],
)
def test_a_json_light_ignores_what_it_can_not_read(payload: str) -> None:
    light = built("light", schema="json", supported_color_modes=["hs", "color_temp"])
    hear(light, '{"state": "ON", "brightness": 255, "color_mode": "hs", "color": {"h": 0, "s": 100}}')
    before = shown(light)
    assert shown(hear(light, payload)) == before == {"state": "on", "brightness_pct": 100, "color": "#ff0000"}


TEMPLATE_LIGHT = {
    "schema": "template",
    "command_on_template": "on{%- if brightness is defined %},{{ brightness }}{% endif -%}"
    "{%- if red is defined %},{{ red }}-{{ green }}-{{ blue }}{% endif -%}"
    "{%- if color_temp is defined %},{{ color_temp }}K{% endif -%}{%- if effect is defined %},{{ effect }}{% endif -%}",
    "command_off_template": "off",
    "state_template": "{{ value.split(',')[0] }}",
    "brightness_template": "{{ value.split(',')[1] }}",
    "red_template": "{{ value.split(',')[2].split('-')[0] }}",
    "green_template": "{{ value.split(',')[2].split('-')[1] }}",
    "blue_template": "{{ value.split(',')[2].split('-')[2] }}",
    "color_temp_template": "{{ value.split(',')[3] }}",
    "color_temp_kelvin": True,
    "effect_list": ["rainbow"],
}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, "on"),
        ({"brightness_pct": 50}, "on,128"),
        ({"color": "#ff8000", "brightness_pct": 100}, "on,255,255-128-0"),
        ({"color_temp_kelvin": 3000}, "on,3000K"),
        ({"effect": "rainbow"}, "on,rainbow"),
    ],
)
def test_a_template_light_is_told_by_its_templates(params: dict[str, Any], expected: str) -> None:
    assert payloads(built("light", **TEMPLATE_LIGHT), "turn_on", **params) == [expected]
    assert payloads(built("light", **TEMPLATE_LIGHT), "turn_off") == ["off"]


def test_a_template_light_is_read_by_its_templates() -> None:
    light = hear(built("light", **TEMPLATE_LIGHT), "on,51,255-0-0,2700")
    assert shown(light) == {"state": "on", "brightness_pct": 20, "color": "#ff0000", "color_temp_kelvin": 2700}


@pytest.mark.parametrize("color", ["red", "#fff", "#12345g", 7])
def test_a_colour_that_is_none_is_refused_with_a_sentence(color: object) -> None:
    with pytest.raises(ValueError, match="must look like #ff8800"):
        published(built("light", **RGB), "turn_on", color=color)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"schema": "mystery"}, "`schema` is 'mystery'; it must be default, json or template."),
        ({"on_command_type": "never"}, "`on_command_type` is 'never'"),
        ({"command_topic": None}, "`command_topic` is missing."),
        ({"brightness_scale": 0}, "`brightness_scale` is 0; it must be 1 or more."),
        ({"min_mireds": 500, "max_mireds": 153}, "`min_mireds` is 500; it must be below `max_mireds`"),
        ({"schema": "template"}, "`command_on_template` is missing."),
    ],
)
def test_a_light_that_can_not_be_used_says_why(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        built("light", **config)


def test_a_light_without_a_state_topic_shows_nothing() -> None:
    assert built("light", state_topic=None).assumed
    assert built("light", optimistic=True).assumed
    assert not built("light").assumed
    assert built("light").sources[0].topic == STATE_TOPIC
