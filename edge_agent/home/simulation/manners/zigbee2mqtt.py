"""zigbee2mqtt: one topic of JSON a device, one configuration an entity.

https://www.zigbee2mqtt.io/guide/usage/integrations/home_assistant.html and, for its messages,
https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from edge_agent.home.components.light.colors import XY
from edge_agent.home.simulation.behaviour import Thing
from edge_agent.home.simulation.manners.json_light import light_config, light_orders, light_state
from edge_agent.home.simulation.manners.speech import (
    ROOT,
    Config,
    Device,
    Hears,
    Order,
    Prefixes,
    Speech,
    compact,
    measure,
    named,
    number,
    on_off,
    switching,
)

BASE = f"{ROOT}/zigbee2mqtt"
SCALE = 254  # of brightness
BRIDGE = f"{BASE}/bridge/state"
JSON_STATE = "{{ value_json.state }}"
# Classes of binary sensors whose property says the opposite: a contact is made while a door is closed.
OPENINGS = frozenset({"door", "window", "garage_door", "opening"})
PROPERTIES = {"motion": "occupancy", "moisture": "water_leak", **dict.fromkeys(OPENINGS, "contact")}


@dataclass(frozen=True)
class _Part:
    """A thing's share of its device: configuration, properties of the common state, and what it hears where."""

    config: Config
    says: Callable[[], Mapping[str, Any]]
    hears: Mapping[str, Hears]


def zigbee2mqtt(device: Device, prefixes: Prefixes) -> Speech:
    device.refuse_kinds_but(frozenset(_PARTS))
    topic = f"{BASE}/{device.slug}"
    parts = {thing: _PARTS[thing.kind](thing, topic) for thing in device.things}
    presence = {"availability": [_available(BRIDGE), _available(f"{topic}/availability")], "availability_mode": "all"}
    configs = {
        f"{prefixes.discovery}/{thing.kind}/{device.id}/{thing.key}/config": {
            **named(thing),
            **presence,
            "default_entity_id": thing.id,
            "object_id": thing.id.partition(".")[2],
            "unique_id": f"{device.id}_{thing.key}_zigbee2mqtt",
            "device": device.shown("edge-agent", "Virtual Zigbee device"),
            "origin": {"name": "Zigbee2MQTT", "sw": "2.6.0", "url": "https://www.zigbee2mqtt.io"},
            "state_topic": topic,
            **part.config,
        }
        for thing, part in parts.items()
    }

    def states() -> Mapping[str, str]:
        merged: dict[str, Any] = {"linkquality": 120}
        for part in parts.values():
            merged |= part.says()
        return {topic: compact(merged)}

    hears: dict[str, list[Hears]] = {}
    for part in parts.values():
        for command_topic, heard in part.hears.items():
            hears.setdefault(command_topic, []).append(heard)
    return Speech(
        configs,
        {command_topic: partial(_hear_all, several) for command_topic, several in hears.items()},
        states,
        online={BRIDGE: compact({"state": "online"}), f"{topic}/availability": compact({"state": "online"})},
        offline={BRIDGE: compact({"state": "online"}), f"{topic}/availability": compact({"state": "offline"})},
    )


def _available(topic: str) -> Config:
    return {"topic": topic, "value_template": JSON_STATE}


def _hear_all(several: Sequence[Hears], payload: str) -> Sequence[Order]:
    return [order for hears in several for order in hears(payload)]


def _light(thing: Thing, topic: str) -> _Part:
    return _Part(
        {"command_topic": f"{topic}/set", **light_config(thing, XY, SCALE)},
        partial(light_state, thing, XY, SCALE),
        {f"{topic}/set": partial(light_orders, thing, XY, SCALE)},
    )


def _switch(thing: Thing, topic: str) -> _Part:
    config = {
        "command_topic": f"{topic}/set",
        "payload_on": "ON",
        "payload_off": "OFF",
        "value_template": JSON_STATE,
    }
    return _Part(config, lambda: {"state": on_off(thing)}, {f"{topic}/set": partial(_hear_switch, thing)})


def _hear_switch(thing: Thing, payload: str) -> Sequence[Order]:
    return [Order(thing, switching(payload))]


def _cover(thing: Thing, topic: str) -> _Part:
    """Its state is what it was told last; where it stands is in its position."""
    config: Config = {
        "command_topic": f"{topic}/set",
        "state_open": "OPEN",
        "state_closed": "CLOSE",
        "state_opening": "OPENING",
        "state_closing": "CLOSING",
        "value_template": JSON_STATE,
    }
    if thing.can("position"):
        config |= {
            "position_topic": topic,
            "position_template": "{{ value_json.position }}",
            "set_position_topic": f"{topic}/set",
            "set_position_template": '{ "position": {{ position }} }',
        }
    words = {"open": "OPEN", "closed": "CLOSE", "opening": "OPENING", "closing": "CLOSING"}

    def says() -> Mapping[str, Any]:
        position = {"position": thing.attributes["position"]} if thing.can("position") else {}
        return {"state": words[str(thing.state)], **position}

    return _Part(config, says, {f"{topic}/set": partial(_hear_cover, thing)})


def _hear_cover(thing: Thing, payload: str) -> Sequence[Order]:
    if payload.startswith("{"):
        return [Order(thing, "set_position", {"position": json.loads(payload)["position"]})]
    return [Order(thing, {"OPEN": "open", "CLOSE": "close", "STOP": "stop"}[payload])]


def _lock(thing: Thing, topic: str) -> _Part:
    config = {
        "command_topic": f"{topic}/set",
        "payload_lock": "LOCK",
        "payload_unlock": "UNLOCK",
        "state_locked": "locked",
        "state_unlocked": "unlocked",
        "state_locking": "locking",
        "state_unlocking": "unlocking",
        "value_template": "{{ value_json.lock_state }}",
    }
    return _Part(
        config,
        lambda: {"lock_state": thing.state, "state": "LOCK" if thing.state == "locked" else "UNLOCK"},
        {f"{topic}/set": lambda payload: [Order(thing, {"LOCK": "lock", "UNLOCK": "unlock"}[payload])]},
    )


def _climate(thing: Thing, topic: str) -> _Part:
    """A radiator valve."""
    given = thing.description
    config: Config = {
        "modes": list(given.modes or ("off", "heat")),
        "mode_state_topic": topic,
        "mode_state_template": "{{ value_json.system_mode }}",
        "mode_command_topic": f"{topic}/set/system_mode",
        "temperature_state_topic": topic,
        "temperature_state_template": "{{ value_json.occupied_heating_setpoint }}",
        "temperature_command_topic": f"{topic}/set/occupied_heating_setpoint",
        "current_temperature_topic": topic,
        "current_temperature_template": "{{ value_json.local_temperature }}",
        "temperature_unit": "C",
        "min_temp": given.minimum,
        "max_temp": given.maximum,
        "temp_step": given.step,
    }
    hears: dict[str, Hears] = {
        f"{topic}/set/system_mode": lambda payload: [Order(thing, "set_hvac_mode", {"hvac_mode": payload})],
        f"{topic}/set/occupied_heating_setpoint": lambda payload: [
            Order(thing, "set_temperature", {"temperature": number(payload)})
        ],
    }
    if given.presets:
        config |= {
            "preset_modes": list(given.presets),
            "preset_mode_state_topic": topic,
            "preset_mode_value_template": "{{ value_json.preset }}",
            "preset_mode_command_topic": f"{topic}/set/preset",
        }
        hears[f"{topic}/set/preset"] = lambda payload: [Order(thing, "set_preset_mode", {"preset_mode": payload})]

    def says() -> Mapping[str, Any]:
        return {
            "system_mode": thing.state,
            "occupied_heating_setpoint": thing.attributes["temperature"],
            "local_temperature": thing.attributes["current_temperature"],
            "preset": thing.attributes.get("preset_mode", "none"),
        }

    return _Part(config, says, hears)


def _property(thing: Thing) -> str:
    given = thing.description
    return PROPERTIES.get(given.device_class or "", given.device_class or thing.key)


def _sensor(thing: Thing, topic: str) -> _Part:
    name = _property(thing)
    config = {**measure(thing), "value_template": f"{{{{ value_json.{name} }}}}"}
    return _Part(config, lambda: {name: thing.state}, {})


def _binary_sensor(thing: Thing, topic: str) -> _Part:
    name, on = _property(thing), thing.description.device_class not in OPENINGS
    config = {"value_template": f"{{{{ value_json.{name} }}}}", "payload_on": on, "payload_off": not on}
    return _Part(config, lambda: {name: (thing.state == "on") is on}, {})


def _number(thing: Thing, topic: str) -> _Part:
    given = thing.description
    config = {
        **measure(thing),
        "command_topic": f"{topic}/set/{thing.key}",
        "value_template": f"{{{{ value_json.{thing.key} }}}}",
        "min": given.minimum,
        "max": given.maximum,
        "step": given.step,
    }
    hears: dict[str, Hears] = {
        f"{topic}/set/{thing.key}": lambda payload: [Order(thing, "set_value", {"value": number(payload)})]
    }
    return _Part(config, lambda: {thing.key: thing.state}, hears)


def _select(thing: Thing, topic: str) -> _Part:
    config = {
        "command_topic": f"{topic}/set/{thing.key}",
        "value_template": f"{{{{ value_json.{thing.key} }}}}",
        "options": list(thing.description.options),
    }
    hears: dict[str, Hears] = {
        f"{topic}/set/{thing.key}": lambda payload: [Order(thing, "set_value", {"value": payload})]
    }
    return _Part(config, lambda: {thing.key: thing.state}, hears)


_PARTS: Mapping[str, Callable[[Thing, str], _Part]] = {
    "light": _light,
    "switch": _switch,
    "cover": _cover,
    "lock": _lock,
    "climate": _climate,
    "sensor": _sensor,
    "binary_sensor": _binary_sensor,
    "number": _number,
    "select": _select,
}
