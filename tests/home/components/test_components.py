"""What holds for all components: what is refused, what is left out, how commands are published."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.home.components import COMPONENTS, build
from edge_agent.home.discovery import DiscoveredConfig
from edge_agent.home.effects import expected, progress
from tests.home.components.building import COMMAND_TOPIC, STATE_TOPIC, built, discovered, hear, shown

NEEDED: dict[str, dict[str, Any]] = {
    "climate": {"mode_state_topic": "device/state", "current_temperature_topic": "device/state"},
    "lawn_mower": {"activity_state_topic": "device/state"},
    "select": {"options": ["a"]},
    "water_heater": {"mode_state_topic": "device/state", "temperature_state_topic": "device/state"},
}


@pytest.mark.parametrize("component", ["camera", "image", "tag", "device_automation", "notify", "update", "date"])
def test_there_is_nothing_to_do_with_some_components(component: str) -> None:
    assert build(discovered(component)) is None


@pytest.mark.parametrize(
    ("component", "config", "message"),
    [
        ("switch", {"command_topic": None}, "`command_topic` is missing."),
        ("switch", {"command_topic": "a/#"}, "holds no wildcard"),
        ("switch", {"command_topic": ""}, "`command_topic` must be a topic"),
        ("switch", {"command_topic": 7}, "`command_topic` must be a topic; it is 7."),
        ("switch", {"command_topic": "x" * 70_000}, "`command_topic` must be a topic"),
        ("switch", {"qos": 3}, "`qos` is 3; it must be 0, 1 or 2."),
        ("switch", {"retain": "perhaps"}, "`retain` must be true or false; it is 'perhaps'."),
        ("switch", {"payload_on": ["ON"]}, "`payload_on` must be text"),
        ("switch", {"value_template": "{{ value"}, "`value_template` can't be used"),
        ("switch", {"encoding": "utf-16"}, "only utf-8 can be read"),
        ("sensor", {"state_topic": None}, "`state_topic` is missing"),
        ("sensor", {"state_topic": "#"}, "can't be subscribed to"),
        ("sensor", {"state_topic": "+/+"}, "can't be subscribed to"),
        ("sensor", {"state_topic": "a/b+"}, "can't be subscribed to"),
        ("sensor", {"state_topic": "a/#/b"}, "can't be subscribed to"),
        ("select", {}, "`options` is missing"),
        ("select", {"options": [["a"]]}, "`options` must be a list of texts"),
        ("number", {"min": 5, "max": 5}, "`min` is 5; it must be below `max`, which is 5."),
        ("number", {"step": -1}, "`step` is -1; it must be above 0."),
        ("text", {"pattern": "("}, "`pattern` is no regular expression"),
        ("fan", {"speed_range_min": 0}, "`speed_range_min` is 0; it must be 1 or more"),
        ("vacuum", {"command_topic": None, "state_topic": None}, "neither a topic to read nor one to publish to"),
    ],
)
def test_what_can_not_be_used_is_refused_with_a_sentence(component: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")) as refusal:
        built(component, **config)
    assert len(str(refusal.value)) < 250


def test_a_topic_that_nothing_is_published_to_is_refused() -> None:
    def refuses(topic: str) -> str | None:
        return "it is one of the agent's own" if topic.startswith("edge-agent/") else None

    own = discovered("light", brightness_command_topic="edge-agent/pi/command")
    with pytest.raises(ValueError, match=r"`brightness_command_topic` is .*the agent's own"):
        build(own, refuses=refuses)
    assert build(discovered("sensor", state_topic="edge-agent/pi/status"), refuses=refuses) is not None


def test_commands_go_out_as_the_configuration_says() -> None:
    switch = built("switch", qos=1, retain=True)
    (publication,) = switch.actions["turn_on"].publications(switch, {})
    assert (publication.qos, publication.retain) == (1, True)


def test_a_failing_command_template_raises_a_value_error() -> None:
    switch = built("switch", command_template="{{ 1 / 0 }}")
    with pytest.raises(ValueError):
        switch.actions["turn_on"].publications(switch, {})


@pytest.mark.parametrize("component", sorted(COMPONENTS))
@pytest.mark.parametrize("payload", ["", "\x00", "{", "[" * 5000, '{"state": {}}', "1e999", "NaN", "null", "{}" * 9])
def test_no_payload_raises(component: str, payload: str) -> None:
    entity = built(component, **NEEDED.get(component, {}))
    state = hear(entity, payload).state
    assert state is None or len(state) <= 255


def test_several_readings_of_one_topic_are_one_source() -> None:
    light = built(
        "light",
        state_value_template="{{ value_json.on }}",
        brightness_state_topic="device/state",
        brightness_value_template="{{ value_json.dim }}",
    )
    assert len(light.sources) == 1
    assert shown(hear(light, '{"on": "ON", "dim": 255}')) == {"state": "on", "brightness_pct": 100}


def test_an_entity_says_who_and_where_it_is() -> None:
    device = {"name": "Cellar", "suggested_area": "Basement"}
    config = {
        "state_topic": "t",
        "name": "Humidity",
        "device_class": "humidity",
        "unit_of_measurement": "%",
        "device": device,
    }
    sensor = build(DiscoveredConfig("sensor", "cellar_humidity", config, "cellar-1"))
    assert sensor is not None
    assert (sensor.id, sensor.kind, sensor.name) == ("sensor.cellar_humidity", "sensor", "Cellar Humidity")
    assert (sensor.area, sensor.device_name, sensor.unique_id) == ("Basement", "Cellar", "cellar-1")
    assert (sensor.device_class, sensor.unit, sensor.assumed) == ("humidity", "%", False)


@pytest.mark.parametrize(
    ("component", "config", "action", "params", "now", "then"),
    [
        (
            "water_heater",
            {"mode_state_topic": STATE_TOPIC, "mode_command_topic": COMMAND_TOPIC},
            "set_mode",
            {"mode": "eco"},
            "gas",
            "eco",
        ),
        (
            "light",
            {"schema": "json", "brightness": True, "brightness_scale": 10},
            "turn_on",
            {"brightness_pct": 55},
            '{"state": "OFF"}',
            '{"state": "ON", "brightness": 6}',
        ),
        (
            "cover",
            {
                "position_topic": STATE_TOPIC,
                "set_position_topic": COMMAND_TOPIC,
                "position_open": 4,
                "state_topic": None,
            },
            "set_position",
            {"position": 60},
            "0",
            "2",
        ),
    ],
)
def test_what_it_is_asked_for_is_known_by_what_it_can_tell(
    component: str, config: dict[str, Any], action: str, params: dict[str, Any], now: str, then: str
) -> None:
    entity = hear(built(component, **config), now)
    effect = expected(entity, action, params)
    assert effect is not None
    assert progress(entity, effect) == "other"
    assert progress(hear(entity, then), effect) == "done"


def test_what_no_topic_tells_is_not_waited_for() -> None:
    dimmer = built("light", brightness_command_topic="device/dim")
    assert dimmer.tells == {"state"}
    effect = expected(hear(dimmer, "OFF"), "turn_on", {"brightness_pct": 50})
    assert effect is not None
    assert progress(hear(dimmer, "ON"), effect) == "not_shown"
    assert expected(dimmer, "turn_on", {"brightness_pct": 20}) is None


def test_a_light_that_tells_its_brightness_by_its_colour_tells_it() -> None:
    lamp = built("light", rgb_command_topic="device/rgb", rgb_state_topic="device/colour")
    assert lamp.tells == {"state", "color", "brightness_pct"}
