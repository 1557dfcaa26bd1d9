"""What undoes an action that was wished for a while: "turn on the fan for ten minutes"."""

from __future__ import annotations

from collections.abc import Mapping

from edge_agent.home.effects import HOW_NOT_WHAT, OFF_STATES, UNKNOWN_STATES, as_number
from edge_agent.home.entity import DeviceAction, Entity, Value

# None for locks and alarms: what a person left locked or unlocked, no timer changes.
OPPOSITES: Mapping[str, str] = {
    "turn_on": "turn_off", "turn_off": "turn_on", "open": "close", "close": "open", "play": "pause", "pause": "play",
    "mute": "unmute", "unmute": "mute",
}  # fmt: skip
SETTINGS = frozenset({
    "set_percentage", "set_preset_mode", "set_temperature", "set_fan_mode", "set_humidity", "set_mode", "set_position",
    "set_volume", "oscillate",
})  # fmt: skip
STATE_SETTINGS: Mapping[str, str] = {"set_value": "value", "select_option": "option"}


def undoing(entity: Entity, wish: DeviceAction) -> DeviceAction | None:
    """What brings the entity back to where it is now, before `wish`; None where that is not clear."""
    found = _opposite(entity, wish)
    return found if found is not None and found.action in entity.actions else None


def _opposite(entity: Entity, wish: DeviceAction) -> DeviceAction | None:
    if entity.kind == "climate" and wish.action in ("turn_off", "set_hvac_mode"):
        return _mode_back(entity, wish)
    if wish.action == "turn_on" and wish.params.keys() - HOW_NOT_WHAT and _is_running(entity):
        return _back(entity, wish, [name for name in wish.params if name not in HOW_NOT_WHAT])
    if wish.action in SETTINGS:
        return _turned_off(entity, wish) or _back(entity, wish, list(wish.params))
    if (parameter := STATE_SETTINGS.get(wish.action)) is not None:
        value = _value(entity)
        return None if value is None else DeviceAction(entity.id, wish.action, {parameter: value})
    opposite = OPPOSITES.get(wish.action)
    return None if opposite is None else DeviceAction(entity.id, opposite)


def _is_running(entity: Entity) -> bool:
    return entity.state is not None and entity.state not in OFF_STATES | UNKNOWN_STATES


def _mode_back(entity: Entity, wish: DeviceAction) -> DeviceAction | None:
    """What works in this mode already is to be off afterwards."""
    mode = "off" if wish.params.get("hvac_mode") == entity.state else entity.state
    if mode is None or mode in UNKNOWN_STATES:
        return None
    return DeviceAction(entity.id, "set_hvac_mode", {"hvac_mode": mode})


def _turned_off(entity: Entity, wish: DeviceAction) -> DeviceAction | None:
    """A fan that was off is started by its speed."""
    started = entity.kind == "fan" and entity.state == "off" and wish.action in ("set_percentage", "set_preset_mode")
    return DeviceAction(entity.id, "turn_off") if started else None


def _back(entity: Entity, wish: DeviceAction, names: list[str]) -> DeviceAction | None:
    """The same action with what the device shows now."""
    shown: dict[str, Value] = {name: entity.attributes.get(name) for name in names}
    if not shown or None in shown.values():
        return None
    return DeviceAction(entity.id, wish.action, shown)


def _value(entity: Entity) -> Value:
    """The state as its action takes it; None where it is not known."""
    if entity.kind == "number":
        return as_number(entity.state)
    return None if entity.state in UNKNOWN_STATES else entity.state
