"""Device-based discovery: one configuration for a device with all its components, and plain topics.

https://www.home-assistant.io/integrations/mqtt#device-discovery-payload
"""

from __future__ import annotations

from edge_agent.home.simulation.manners.plain import PLAIN_KINDS, plain
from edge_agent.home.simulation.manners.speech import ROOT, Device, Prefixes, Speech, named


def bundled(device: Device, prefixes: Prefixes) -> Speech:
    device.refuse_kinds_but(frozenset(PLAIN_KINDS))
    root = f"{ROOT}/{device.slug}"
    wires = [plain(thing, f"{root}/{thing.key}", json_lights=False) for thing in device.things]
    config = {
        "device": device.shown("edge-agent", "Virtual device"),
        "origin": {"name": "virtual-home", "sw_version": "1"},
        "availability_topic": f"{root}/availability",
        "components": {
            wire.thing.key: {
                "platform": wire.thing.kind,
                "unique_id": f"{device.id}_{wire.thing.key}",
                **named(wire.thing),
                **wire.config,
            }
            for wire in wires
        },
    }
    return Speech(
        {f"{prefixes.discovery}/device/{device.id}/config": config},
        {topic: hears for wire in wires for topic, hears in wire.hears.items()},
        lambda: {topic: payload for wire in wires for topic, payload in wire.states().items()},
        online={f"{root}/availability": "online"},
        offline={f"{root}/availability": "offline"},
    )
