"""Vacuum cleaners."""

from __future__ import annotations

from edge_agent.home.components.commands import choice_setting, fixed
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources, Told, json_object, number, one_of, plain
from edge_agent.home.entity import EntityAction, Value

STATES = ("cleaning", "docked", "paused", "idle", "returning", "error")
FEATURES = ("start", "stop", "return_home", "status", "clean_spot")  # where the configuration names none
# action → the feature it needs, the key of its payload, the default payload
COMMANDS = {
    "start": ("start", "payload_start", "start"),
    "pause": ("pause", "payload_pause", "pause"),
    "stop": ("stop", "payload_stop", "stop"),
    "return_to_base": ("return_home", "payload_return_to_base", "return_to_base"),
    "locate": ("locate", "payload_locate", "locate"),
}


def vacuum(options: Options) -> Parts:
    sources = Sources(options)
    sources.add("state_topic", "value_template", _read, "state", "battery_level", "fan_speed")
    return Parts(sources, _actions(options))


def _read(text: str | None) -> Told:
    """`{"state": "cleaning", "battery_level": 61, "fan_speed": "max"}`, each of which may be missing."""
    if text is None:
        return {"state": None}
    said, told = json_object(text), dict[str, Value]()
    if "state" in said:
        told["state"] = None if said["state"] is None else one_of(STATES)(str(said["state"]))
    if said.get("battery_level") is not None:
        told["battery_level"] = number(str(said["battery_level"]))
    if said.get("fan_speed") is not None:
        told["fan_speed"] = plain(str(said["fan_speed"]))
    return told


def _actions(options: Options) -> list[EntityAction]:
    features = options.choices("supported_features", FEATURES)
    actions = []
    if command := options.command("command_topic"):
        for name, (feature, key, default) in COMMANDS.items():
            payload = options.nullable_text(key, default)
            if feature in features and payload is not None:
                actions.append(fixed(name, command, payload))
    speeds = options.choices("fan_speed_list")
    if (speed := options.command("set_fan_speed_topic")) and speeds and "fan_speed" in features:
        actions.append(choice_setting("set_fan_speed", "fan_speed", speeds, speed))
    return actions
