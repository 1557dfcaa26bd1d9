"""A few devices on the broker that do what they are told, or what the test says instead."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.real_parts import PATIENCE_S

LOCK = {"payload_lock": "LOCK", "payload_unlock": "UNLOCK", "state_locked": "LOCK", "state_unlocked": "UNLOCK"}
# slug: component, area, the rest of the configuration, state at first
HOUSE: Mapping[str, tuple[str, str, Mapping[str, Any], str]] = {
    "kitchen_light": ("light", "Kitchen", {}, "OFF"),
    "bedroom_light": ("light", "Bedroom", {}, "OFF"),
    "desk_lamp": ("light", "Study", {}, "OFF"),
    "floor_lamp": ("light", "Study", {}, "OFF"),
    "heater": ("switch", "Bathroom", {}, "ON"),
    "front_door": ("lock", "Hallway", LOCK, "LOCK"),
    "back_door": ("lock", "Hallway", LOCK, "LOCK"),
    "outside_temperature": ("sensor", "Garden", {"device_class": "temperature", "unit_of_measurement": "°C"}, "7.5"),
}
DEVICES, AREAS = len(HOUSE), len({area for _, area, _, _ in HOUSE.values()})


def config(slug: str, area: str, **more: Any) -> dict[str, Any]:
    """Of Home Assistant's discovery; what is None is left out."""
    full: dict[str, Any] = {
        "name": None,
        "unique_id": slug,
        "device": {"identifiers": [slug], "name": slug.replace("_", " ").capitalize(), "suggested_area": area},
        "state_topic": f"house/{slug}",
        "command_topic": f"house/{slug}/set",
        **more,
    }
    return {key: value for key, value in full.items() if value is not None or key == "name"}


class ScriptedHome:
    """Announces HOUSE, retained. A device shows the state that it is told, unless it is `deaf`."""

    def __init__(self, port: int) -> None:
        self.deaf: set[str] = set()
        self._announced: set[str] = set()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.max_inflight_messages_set(0)
        self._client.reconnect_delay_set(0.05, 0.2)  # type: ignore[arg-type]
        self._client.on_connect = lambda client, *_: client.subscribe("house/+/set", 1)
        self._client.on_message = self._hear
        self._subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)
        for slug, (component, area, more, state) in HOUSE.items():
            self.announce(component, slug, config(slug, area, **more))
            self.be(slug, state)

    def announce(self, component: str, object_id: str, config: object) -> None:
        """An empty one takes the device away."""
        topic = f"homeassistant/{component}/{object_id}/config"
        self._announced.add(topic)
        self.say(topic, json.dumps(config) if config else "")

    def be(self, slug: str, state: str) -> None:
        """As if somebody had been at the switch; returns when the broker knows."""
        self.say(f"house/{slug}", state)

    def say(self, topic: str, payload: str) -> None:
        """Retained."""
        self._client.publish(topic, payload, 1, True).wait_for_publish(PATIENCE_S)

    def wait_until_connected(self) -> None:
        """Again, to a broker that was away."""
        self._subscribed.clear()
        assert self._subscribed.wait(PATIENCE_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        slug = message.topic.split("/")[1]
        if slug not in self.deaf:
            client.publish(f"house/{slug}", message.payload, 1, True)
