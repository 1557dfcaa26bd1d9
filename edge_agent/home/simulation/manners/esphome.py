"""ESPHome: plain topics below the node's name, short keys, one configuration an entity, `<node>/status` as last will.

https://esphome.io/components/mqtt
"""

from __future__ import annotations

from edge_agent.home import abbreviations
from edge_agent.home.simulation.manners.plain import PLAIN_KINDS, plain
from edge_agent.home.simulation.manners.speech import ROOT, Config, Device, Prefixes, Speech, named

# Kinds that ESPHome's MQTT has (esphome/components/mqtt).
KINDS = frozenset(PLAIN_KINDS) - {
    "humidifier",
    "lawn_mower",
    "scene",
    "siren",
    "vacuum",
    "water_heater",
    "device_tracker",
}
SHORT = {long: short for short, long in abbreviations.CONFIG.items()}
SHORT_OF_DEVICE = {long: short for short, long in abbreviations.DEVICE.items()}


def esphome(device: Device, prefixes: Prefixes) -> Speech:
    device.refuse_kinds_but(KINDS)
    node = f"{ROOT}/{device.slug}"
    wires = [plain(thing, f"{node}/{thing.kind}/{thing.key}", json_lights=True) for thing in device.things]
    shown = device.shown("Espressif", "Virtual ESP32") | {"sw_version": "2026.7.0"}
    configs = {
        f"{prefixes.discovery}/{wire.thing.kind}/{device.id}/{wire.thing.key}/config": {
            **_short({**named(wire.thing), **wire.config}),
            "avty_t": f"{node}/status",
            "uniq_id": f"{device.id}{wire.thing.kind}{wire.thing.key}",
            "dev": {SHORT_OF_DEVICE.get(key, key): value for key, value in shown.items()},
        }
        for wire in wires
    }
    return Speech(
        configs,
        {topic: hears for wire in wires for topic, hears in wire.hears.items()},
        lambda: {topic: payload for wire in wires for topic, payload in wire.states().items()},
        online={f"{node}/status": "online"},
        offline={f"{node}/status": "offline"},
    )


def _short(config: Config) -> Config:
    return {SHORT.get(key, key): value for key, value in config.items()}
