"""What zigbee2mqtt, Tasmota, ESPHome, Shelly and OpenMQTTGateway announce is learned, each as its file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_agent.home import Entity
from tests.home.learning import devices_on, home_on
from tests.real_parts import Mosquitto

PAYLOADS = Path(__file__).parent / "payloads"
ANNOUNCED = {
    f"{file.parent.name}-{file.stem}": json.loads(file.read_text()) for file in sorted(PAYLOADS.glob("*/*.json"))
}


@pytest.mark.parametrize("announced", ANNOUNCED.values(), ids=ANNOUNCED.keys())
async def test_what_it_announces_is_learned(announced: dict[str, Any], own_mosquitto: Mosquitto) -> None:
    with devices_on(own_mosquitto.port) as devices:
        devices.say(announced["topic"], announced["config"])
        for topic, payload in announced["states"].items():
            devices.say(topic, payload)
        async with home_on(own_mosquitto.port) as (home, _):
            learned = [
                shown(entity, expected)
                for entity, expected in zip(home.entities.values(), announced["entities"], strict=True)
            ]
    assert learned == announced["entities"]


def shown(entity: Entity, expected: dict[str, Any]) -> dict[str, Any]:
    """Of the entity, what the file speaks of."""
    seen: dict[str, Any] = {name: getattr(entity, name) for name in expected if name not in ("attributes", "actions")}
    if "attributes" in expected:
        seen["attributes"] = {name: entity.attributes.get(name) for name in expected["attributes"]}
    if "actions" in expected:
        seen["actions"] = sorted(entity.actions)
    return seen


async def test_all_of_them_are_learned_together(own_mosquitto: Mosquitto) -> None:
    with devices_on(own_mosquitto.port) as devices:
        devices.announce_all({one["topic"]: one["config"] for one in ANNOUNCED.values()})
        async with home_on(own_mosquitto.port) as (home, _):
            expected = sorted(entity["id"] for one in ANNOUNCED.values() for entity in one["entities"])
            assert sorted(home.entities) == expected
