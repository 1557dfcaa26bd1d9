"""Devices that describe themselves by the MQTT contract (docs/mqtt.md), for kinds that discovery does not have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from edge_agent.home.simulation.behaviour import Thing
from edge_agent.home.simulation.manners.speech import ROOT, Config, Device, Order, Prefixes, Speech, compact

PERCENT: Config = {"type": "integer", "minimum": 0, "maximum": 100}
ACTIONS: Mapping[str, Mapping[str, Config]] = {
    "media_player": {
        **{name: {} for name in ("turn_on", "turn_off", "play", "pause", "stop", "next", "previous")},
        **{name: {} for name in ("volume_up", "volume_down", "mute", "unmute")},
        "set_volume": {"volume_level": PERCENT},
        "play_media": {"query": {"type": "string"}},
    },
    "todo": {name: {"item": {"type": "string"}} for name in ("add_item", "complete_item", "remove_item")},
    "light": {"turn_on": {}, "turn_off": {}},
    "switch": {"turn_on": {}, "turn_off": {}},
    "scene": {"activate": {}},
    "script": {"activate": {}},
    "button": {"press": {}},
    "weather": {},
    "sensor": {},
    "binary_sensor": {},
}
STATELESS = frozenset({"scene", "script", "button"})


def self_described(device: Device, prefixes: Prefixes) -> Speech:
    device.refuse_kinds_but(frozenset(ACTIONS))
    root = f"{ROOT}/{device.slug}"
    configs = {
        f"{prefixes.base}/devices/{thing.id}/config": _descriptor(device, thing, f"{root}/{thing.key}")
        for thing in device.things
    }
    shown = [thing for thing in device.things if thing.kind not in STATELESS]
    return Speech(
        configs,
        {f"{root}/{thing.key}/set": partial(_hear, thing) for thing in device.things if ACTIONS[thing.kind]},
        lambda: {f"{root}/{thing.key}/state": compact(_state(thing)) for thing in shown},
        online={f"{root}/availability": "online"},
        offline={f"{root}/availability": "offline"},
    )


def _descriptor(device: Device, thing: Thing, root: str) -> Config:
    given = device.description
    descriptor: Config = {
        "name": thing.name,
        "area": given.area,
        "kind": thing.kind,
        "aliases": list(given.aliases),
        "device_class": thing.description.device_class,
        "availability_topic": f"{ROOT}/{device.slug}/availability",
        "actions": {name: _action(thing, name, schemas, root) for name, schemas in _actions(thing).items()},
    }
    if thing.kind not in STATELESS:
        descriptor["state_topic"] = f"{root}/state"
    return {key: value for key, value in descriptor.items() if value not in (None, [])}


def _actions(thing: Thing) -> Mapping[str, Mapping[str, Any]]:
    """With the brightness of a light that has one, and the sources of a player that has some."""
    actions = dict(ACTIONS[thing.kind])
    if thing.kind == "light" and thing.can("brightness"):
        actions["turn_on"] = {"brightness_pct": {**PERCENT, "default": None}}
    if thing.kind == "media_player" and thing.description.options:
        actions["select_source"] = {"source": {"enum": list(thing.description.options)}}
    return actions


def _action(thing: Thing, name: str, schemas: Mapping[str, Any], root: str) -> Config:
    parameters = "".join(f', "{parameter}": {{{{ {parameter} | tojson }}}}' for parameter in schemas)
    action: Config = {"topic": f"{root}/set", "payload": f'{{"do": "{name}"{parameters}}}'}
    return {**action, "parameters": dict(schemas)} if schemas else action


def _state(thing: Thing) -> dict[str, Any]:
    """A to-do list's state is its items."""
    return {**({} if thing.kind == "todo" else {"state": thing.state}), **thing.attributes}


def _hear(thing: Thing, payload: str) -> Sequence[Order]:
    wanted = json.loads(payload)
    action = wanted.pop("do")
    if action not in _actions(thing):
        raise ValueError(f"no action {action!r:.40}")
    return [Order(thing, action, {name: value for name, value in wanted.items() if value is not None})]
