"""What undoes an action that is wished for a while."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.home.entity import DeviceAction
from edge_agent.home.undoing import undoing
from tests.home.small_home import entity

Wish = tuple[str, dict[str, Any]]


@pytest.mark.parametrize(
    ("entity_id", "state", "attributes", "wish", "back"),
    [
        ("switch.a", "off", {}, ("turn_on", {}), ("turn_off", {})),
        ("switch.a", "on", {}, ("turn_on", {}), ("turn_off", {})),
        ("switch.a", "on", {}, ("turn_off", {}), ("turn_on", {})),
        ("light.a", "off", {"brightness_pct": 80}, ("turn_on", {"brightness_pct": 20}), ("turn_off", {})),
        ("light.a", "on", {"brightness_pct": 80}, ("turn_on", {"brightness_pct": 20}),
         ("turn_on", {"brightness_pct": 80})),
        ("light.a", "on", {}, ("turn_on", {"color": "#ff0000"}), None),
        ("fan.a", "off", {"percentage": 0}, ("set_percentage", {"percentage": 60}), ("turn_off", {})),
        ("fan.a", "on", {"percentage": 30}, ("set_percentage", {"percentage": 60}),
         ("set_percentage", {"percentage": 30})),
        ("cover.a", "closed", {}, ("open", {}), ("close", {})),
        ("cover.a", "open", {"position": 70}, ("set_position", {"position": 20}), ("set_position", {"position": 70})),
        ("climate.a", "heat", {"temperature": 19.5}, ("set_temperature", {"temperature": 22}),
         ("set_temperature", {"temperature": 19.5})),
        ("climate.a", "cool", {}, ("turn_off", {}), ("set_hvac_mode", {"hvac_mode": "cool"})),
        ("climate.a", "off", {}, ("set_hvac_mode", {"hvac_mode": "heat"}), ("set_hvac_mode", {"hvac_mode": "off"})),
        ("climate.a", "heat", {}, ("set_hvac_mode", {"hvac_mode": "heat"}), ("set_hvac_mode", {"hvac_mode": "off"})),
        ("climate.a", "unknown", {}, ("turn_off", {}), None),
        ("media_player.a", "playing", {"volume_level": 40}, ("set_volume", {"volume_level": 10}),
         ("set_volume", {"volume_level": 40})),
        ("media_player.a", "playing", {}, ("pause", {}), ("play", {})),
        ("media_player.a", "playing", {}, ("mute", {}), None),  # it has no unmute
        ("number.a", "3.5", {}, ("set_value", {"value": 7}), ("set_value", {"value": 3.5})),
        ("number.a", None, {}, ("set_value", {"value": 7}), None),
        ("select.a", "Eco", {}, ("select_option", {"option": "Boost"}), ("select_option", {"option": "Eco"})),
        ("lock.a", "unlocked", {}, ("lock", {}), None),
        ("lock.a", "locked", {}, ("unlock", {}), None),
        ("alarm_control_panel.a", "armed_away", {}, ("disarm", {}), None),
        ("button.a", None, {}, ("press", {}), None),
        ("todo.a", "0", {}, ("add_item", {"item": "milk"}), None),
    ],
)  # fmt: skip
def test_it_is_brought_back_to_where_it_was(
    entity_id: str, state: str | None, attributes: dict[str, Any], wish: Wish, back: Wish | None
) -> None:
    found = undoing(entity(entity_id, state, attributes=attributes), DeviceAction(entity_id, *wish))
    assert found == (None if back is None else DeviceAction(entity_id, *back))
