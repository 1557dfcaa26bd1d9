"""What holds for all components: what is refused, what is left out, how commands are published."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.home.components import COMPONENTS, build
from edge_agent.home.discovery import DiscoveredConfig
from tests.home.components.building import built, discovered, hear, shown

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
