"""What may be done, and what is said where it may not."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.errors import NotAllowed
from edge_agent.home.entity import DeviceAction, Entity
from edge_agent.home.policy import (
    Allowed,
    NeedsYes,
    Refusal,
    Refused,
    Verdict,
    check,
    forbid_several,
    needing_a_yes,
    needs_yes,
)
from edge_agent.settings import HomeSettings
from tests.home.small_home import entity

CONFIRM = HomeSettings().confirm


def verdict(device: Entity | None, action: str, *, confirmed: bool = False, **params: Any) -> Verdict:
    wish = DeviceAction(device.id if device else "light.nowhere", action, params)
    return check(device, wish, confirmed=confirmed, confirm_list=CONFIRM)


def refused(device: Entity | None, action: str, **params: Any) -> Refused:
    found = verdict(device, action, **params)
    assert isinstance(found, Refused)
    return found


def test_a_plain_wish_is_allowed_with_its_parameters() -> None:
    lamp = entity("light.lamp", "off")
    assert verdict(lamp, "turn_on", brightness_pct=40) == Allowed({"brightness_pct": 40})


def test_choices_and_colours_are_spelled_as_the_device_does() -> None:
    lamp = entity("light.lamp", "off")
    assert verdict(lamp, "turn_on", effect="rainbow", color="#FF00AA") == Allowed(
        {"color": "#ff00aa", "effect": "Rainbow"}
    )


@pytest.mark.parametrize(
    ("entity_id", "action", "params", "code", "sentence"),
    [
        ("sensor.hall", "turn_on", {}, Refusal.READ_ONLY, "Hall can only be read."),
        ("switch.hall", "open", {}, Refusal.UNKNOWN_ACTION, "Hall can't do that. It can: turn off and turn on."),
        ("climate.hall", "set_temperature", {"temperature": 45}, Refusal.OUT_OF_RANGE,
         "The temperature of Hall can be 5 to 30 °C, not 45."),
        ("light.hall", "turn_on", {"brightness_pct": 101}, Refusal.OUT_OF_RANGE,
         "The brightness of Hall can be 0 to 100%, not 101."),
        ("light.hall", "turn_on", {"brightness_pct": True}, Refusal.WRONG_TYPE,
         "The brightness of Hall has to be a number."),
        ("light.hall", "turn_on", {"brightness_pct": float("nan")}, Refusal.WRONG_TYPE,
         "The brightness of Hall has to be a number."),
        ("light.hall", "turn_on", {"color": "red"}, Refusal.WRONG_TYPE,
         "The colour of Hall has to be a colour as #rrggbb."),
        ("select.hall", "select_option", {"option": "Turbo"}, Refusal.NOT_A_CHOICE,
         "The option of Hall can be Eco or Boost, not Turbo."),
        ("text.hall", "set_value", {"value": "too long"}, Refusal.TOO_LONG,
         "The value of Hall can have 5 characters at most."),
        ("climate.hall", "set_temperature", {}, Refusal.MISSING_PARAMETER,
         "Set temperature of Hall needs a temperature."),
        ("switch.hall", "turn_on", {"color": "#ffffff"}, Refusal.UNKNOWN_PARAMETER,
         "Hall takes no colour with turn on."),
        ("fan.hall", "oscillate", {"oscillating": "yes"}, Refusal.WRONG_TYPE,
         "The oscillating of Hall has to be true or false."),
    ],
)  # fmt: skip
def test_a_wish_that_does_not_fit_is_refused_with_a_sentence(
    entity_id: str, action: str, params: dict[str, Any], code: Refusal, sentence: str
) -> None:
    found = refused(entity(entity_id, "on", unit="°C"), action, **params)
    assert (found.code, found.message) == (code, sentence)
    assert found.values["name"] == "Hall"


def test_the_bounds_are_there_for_other_languages() -> None:
    found = refused(entity("climate.hall", unit="°C"), "set_temperature", temperature=3)
    assert (found.values["minimum"], found.values["maximum"], found.values["unit"]) == (5, 30, "°C")


def test_an_unknown_device_is_refused() -> None:
    assert refused(None, "turn_on").code == Refusal.UNKNOWN_DEVICE


def test_a_device_that_is_not_there_is_refused() -> None:
    assert refused(entity("switch.a", "on", available=False), "turn_off").code == Refusal.UNAVAILABLE
    assert refused(entity("switch.a", "unavailable"), "turn_off").code == Refusal.UNAVAILABLE


def test_what_is_not_on_the_list_can_not_be_crossed_off() -> None:
    shopping = entity("todo.shopping", "1", attributes={"items": ["Milk"]})
    assert refused(shopping, "complete_item", item="bread").code == Refusal.NOT_LISTED
    assert isinstance(verdict(shopping, "complete_item", item="milk"), Allowed)


def test_dangerous_actions_need_a_yes() -> None:
    door, garage = entity("lock.front"), entity("cover.garage", "closed", device_class="garage")
    assert isinstance(verdict(door, "unlock"), NeedsYes)
    assert isinstance(verdict(door, "lock"), Allowed)
    assert isinstance(verdict(garage, "open"), NeedsYes)
    assert isinstance(verdict(entity("cover.blind", device_class="blind"), "open"), Allowed)
    assert isinstance(verdict(door, "unlock", confirmed=True), Allowed)


def test_a_garage_door_can_not_be_opened_by_another_name() -> None:
    garage = entity("cover.garage", "closed", device_class="garage", attributes={"position": 40})
    assert isinstance(verdict(garage, "set_position", position=80), NeedsYes)
    assert isinstance(verdict(garage, "set_position", position=20), Allowed)
    garage.attributes.clear()
    assert isinstance(verdict(garage, "set_position", position=20), NeedsYes)
    assert isinstance(verdict(garage, "set_position", position=0), Allowed)


def test_a_device_can_ask_for_a_yes_itself() -> None:
    freezer = entity("switch.freezer", "on", confirm=frozenset({"turn_off"}))
    assert isinstance(verdict(freezer, "turn_off"), NeedsYes)
    assert isinstance(verdict(freezer, "turn_on"), Allowed)


def test_an_empty_list_trusts_everyone() -> None:
    freezer = entity("switch.freezer", "on", confirm=frozenset({"turn_off"}))
    assert not needs_yes(freezer, "turn_off", {}, ())
    assert not needs_yes(entity("lock.front"), "unlock", {}, ())


def test_nothing_dangerous_is_done_to_several_devices_at_once() -> None:
    devices = {name: entity(name) for name in ("lock.front", "lock.back", "light.hall")}
    both = [DeviceAction("lock.front", "unlock"), DeviceAction("lock.back", "unlock")]
    with pytest.raises(NotAllowed, match="Front and Back can only be asked for one at a time"):
        forbid_several(needing_a_yes(both, devices.get, CONFIRM))
    forbid_several(needing_a_yes(both, devices.get, ()))
    one = [DeviceAction("lock.front", "unlock"), DeviceAction("light.hall", "turn_on"), both[0]]
    assert [device.id for device in needing_a_yes(one, devices.get, CONFIRM)] == ["lock.front"]


def test_locking_several_doors_is_fine() -> None:
    devices = {name: entity(name) for name in ("lock.front", "lock.back")}
    wishes = [DeviceAction(name, "lock") for name in devices]
    assert needing_a_yes(wishes, devices.get, CONFIRM) == []
