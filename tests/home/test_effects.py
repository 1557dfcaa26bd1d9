"""What actions lead to, kind by kind."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.home.effects import expected, is_already, is_so, progress
from edge_agent.home.entity import Entity, EntityAction, Parameter
from tests.home.small_home import entity


def at(entity_id: str, state: str | None, **attributes: Any) -> Entity:
    return entity(entity_id, state, attributes=attributes)


def how_far(before: Entity, action: str, state: str | None, params: dict[str, Any] | None = None, **after: Any) -> str:
    """Progress of the action once the device is at `state` with these attributes."""
    effect = expected(before, action, params or {})
    assert effect is not None
    return progress(at(before.id, state, **{**before.attributes, **after}), effect)


@pytest.mark.parametrize(
    ("entity_id", "before", "action", "params", "after"),
    [
        ("light.a", "off", "turn_on", {}, ("on", {})),
        ("light.a", "on", "turn_off", {}, ("off", {})),
        ("light.a", "on", "turn_on", {"brightness_pct": 50}, ("on", {"brightness_pct": 51})),
        ("light.a", "on", "turn_on", {"brightness_pct": 0}, ("off", {})),
        ("light.a", "off", "turn_on", {"color": "#ff0000"}, ("on", {"color": "#f51008"})),
        ("light.a", "off", "turn_on", {"color": "#ff0010"}, ("on", {"color": "#ff1000"})),
        ("light.a", "off", "turn_on", {"color_temp_kelvin": 2700}, ("on", {"color_temp_kelvin": 2732})),
        ("light.a", "off", "turn_on", {"effect": "Rainbow"}, ("on", {"effect": "rainbow"})),
        ("fan.a", "off", "set_percentage", {"percentage": 40}, ("on", {"percentage": 40})),
        ("fan.a", "on", "set_percentage", {"percentage": 0}, ("off", {})),
        ("fan.a", "on", "oscillate", {"oscillating": True}, ("on", {"oscillating": True})),
        ("cover.a", "closed", "open", {}, ("open", {})),
        ("cover.a", "open", "close", {}, ("closed", {"position": 0})),
        ("cover.a", "open", "set_position", {"position": 30}, ("open", {"position": 31})),
        ("cover.a", "closing", "stop", {}, ("open", {})),
        ("lock.a", "unlocked", "lock", {}, ("locked", {})),
        ("lock.a", "locked", "open", {}, ("unlocked", {})),
        ("climate.a", "off", "turn_on", {}, ("heat", {})),
        ("climate.a", "heat", "set_temperature", {"temperature": 21}, ("heat", {"temperature": 21.04})),
        ("climate.a", "heat", "set_hvac_mode", {"hvac_mode": "off"}, ("off", {})),
        ("vacuum.a", "docked", "start", {}, ("cleaning", {})),
        ("vacuum.a", "cleaning", "pause", {}, ("paused", {})),
        ("vacuum.a", "cleaning", "return_to_base", {}, ("docked", {})),
        ("media_player.a", "paused", "play", {}, ("playing", {})),
        ("media_player.a", "playing", "set_volume", {"volume_level": 30}, ("playing", {"volume_level": 30})),
        ("media_player.a", "playing", "mute", {}, ("playing", {"is_volume_muted": True})),
        ("todo.a", "0", "add_item", {"item": "Milk"}, ("1", {"items": ["milk "]})),
        ("todo.a", "1", "complete_item", {"item": "milk"}, ("0", {"items": []})),
        ("number.a", "3", "set_value", {"value": 4.3}, ("4.300000190", {})),
        ("text.a", "x", "set_value", {"value": "Hi"}, ("Hi", {})),
        ("select.a", "Eco", "select_option", {"option": "Boost"}, ("Boost", {})),
        ("alarm_control_panel.a", "disarmed", "arm_away", {}, ("armed_away", {})),
    ],
)  # fmt: skip
def test_a_device_that_followed_shows_the_effect(
    entity_id: str, before: str, action: str, params: dict[str, Any], after: tuple[str, dict[str, Any]]
) -> None:
    first = at(entity_id, before)
    effect = expected(first, action, params)
    assert effect is not None
    assert not is_so(first, effect)
    assert is_already(at(entity_id, after[0], **after[1]), effect)


@pytest.mark.parametrize(
    ("entity_id", "action", "params", "wrong"),
    [
        ("light.a", "turn_on", {"brightness_pct": 50}, ("on", {"brightness_pct": 53})),
        ("light.a", "turn_on", {"brightness_pct": 50}, ("off", {"brightness_pct": 50})),
        ("light.a", "turn_on", {"color": "#ff0000"}, ("on", {"color": "#ff8000"})),
        ("light.a", "turn_on", {"color_temp_kelvin": 2700}, ("on", {"color_temp_kelvin": 2800})),
        ("cover.a", "set_position", {"position": 30}, ("open", {"position": 33})),
        ("climate.a", "set_temperature", {"temperature": 21}, ("heat", {"temperature": 20.5})),
        ("climate.a", "turn_on", {}, ("unavailable", {})),
        ("todo.a", "add_item", {"item": "milk"}, ("1", {"items": ["oat milk"]})),
        ("number.a", "set_value", {"value": 4}, ("unknown", {})),
    ],
)  # fmt: skip
def test_what_is_near_is_not_the_same(
    entity_id: str, action: str, params: dict[str, Any], wrong: tuple[str, dict[str, Any]]
) -> None:
    effect = expected(at(entity_id, None), action, params)
    assert effect is not None
    assert not is_so(at(entity_id, wrong[0], **wrong[1]), effect)


@pytest.mark.parametrize(
    ("entity_id", "action", "params"),
    [
        ("button.a", "press", {}),
        ("media_player.a", "next", {}),
        ("media_player.a", "play_media", {"query": "jazz"}),
        ("vacuum.a", "locate", {}),
        ("cover.a", "stop", {}),
    ],
)
def test_some_actions_no_state_shows(entity_id: str, action: str, params: dict[str, Any]) -> None:
    assert expected(at(entity_id, "open"), action, params) is None


def test_an_entity_without_a_state_topic_shows_nothing() -> None:
    assert expected(entity("switch.a", assumed=True), "turn_on", {}) is None


def test_a_cover_that_moves_the_right_way_is_underway() -> None:
    assert how_far(at("cover.a", "open"), "close", "closing") == "underway"
    assert how_far(at("cover.a", "open"), "close", "opening") == "other"
    half = at("cover.a", "open", position=50)
    assert how_far(half, "open", "open") == "other"
    assert how_far(half, "open", "open", position=60) == "underway"
    assert how_far(half, "open", "open", position=99) == "done"
    assert how_far(half, "set_position", "closing", {"position": 20}) == "underway"
    assert how_far(half, "set_position", "opening", {"position": 20}) == "other"


def test_a_half_open_cover_is_not_open_already() -> None:
    half = at("cover.a", "open", position=50)
    effect = expected(half, "open", {})
    assert effect is not None
    assert not is_already(half, effect)


def test_a_jammed_lock_says_so_unless_it_was_jammed_before() -> None:
    assert how_far(at("lock.a", "unlocked"), "lock", "jammed") == "failed"
    assert how_far(at("lock.a", "jammed"), "lock", "jammed") == "other"


def test_volume_up_is_seen_as_more_than_before() -> None:
    quiet = at("media_player.a", "playing", volume_level=20)
    assert how_far(quiet, "volume_up", "playing", volume_level=24) == "done"
    assert how_far(quiet, "volume_up", "playing") == "other"
    assert expected(at("media_player.a", "playing", volume_level=100), "volume_up", {}) is None


def test_between_two_speeds_either_is_right_but_not_already() -> None:
    fan = at("fan.a", "on", percentage=67)
    effect = expected(fan, "set_percentage", {"percentage": 50})
    assert effect is not None
    assert is_so(fan, effect)
    assert not is_already(fan, effect)
    on_a_step = expected(fan, "set_percentage", {"percentage": 33})
    assert on_a_step is not None
    assert not is_so(fan, on_a_step)


def test_a_light_that_still_tells_its_old_white_is_not_white_already() -> None:
    red = at("light.a", "on", color="#ff0000", color_temp_kelvin=2700)
    effect = expected(red, "turn_on", {"color_temp_kelvin": 2700})
    assert effect is not None
    assert not is_already(red, effect)
    white = at("light.a", "on", color="#ff0000", color_temp_kelvin=2700, color_mode="color_temp")
    assert is_already(white, effect)


def test_what_the_topics_never_tell_is_neither_confirmed_nor_already() -> None:
    def light(state: str) -> Entity:
        return entity("light.a", state, tells=frozenset({"state"}))

    assert expected(light("on"), "turn_on", {"brightness_pct": 40}) is None
    effect = expected(light("off"), "turn_on", {"brightness_pct": 40})
    assert effect is not None
    assert progress(light("on"), effect) == "not_shown"
    assert progress(light("off"), effect) == "other"
    assert not is_already(light("on"), effect)


def test_an_attribute_that_was_never_told_is_not_shown() -> None:
    assert how_far(at("light.a", "off"), "turn_on", "on", {"brightness_pct": 40}) == "not_shown"


def test_any_set_action_shows_in_the_attribute_of_its_parameter() -> None:
    action = EntityAction("set_humidity", {"humidity": Parameter("number", 0, 100)}, lambda *_: ())
    dry = entity("switch.a", "on", actions={"set_humidity": action}, attributes={"humidity": 40})
    effect = expected(dry, "set_humidity", {"humidity": 55})
    assert effect is not None
    assert progress(dry, effect) == "other"
    dry.attributes["humidity"] = 54
    assert progress(dry, effect) == "done"
