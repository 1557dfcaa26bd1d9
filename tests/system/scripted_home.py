"""A few devices on the broker that do what they are told, or what the test says instead."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.real_parts import PATIENCE_S, AgentProcess, Mosquitto, Person

CONFIRM_S = 0.5

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
    """Announces HOUSE, retained. A device shows the state that it is told, unless it is `deaf` or `wrong`.

    `wrong`: what it shows instead, whatever it is told.
    """

    def __init__(self, port: int) -> None:
        self.deaf: set[str] = set()
        self.wrong: dict[str, str] = {}
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

    def announce_all(self, configs: Mapping[str, object]) -> None:
        """Many at once, by topic; returns when the broker has them."""
        sent = [self._client.publish(topic, json.dumps(config), 1, True) for topic, config in configs.items()]
        for message in sent:
            message.wait_for_publish(PATIENCE_S)

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
            client.publish(f"house/{slug}", self.wrong.get(slug, message.payload), 1, True)


def told(person: Person, slug: str) -> list[str]:
    """What the agent has published for a device; complete once a reply has been heard."""
    return [message.payload.decode() for message in person.all(f"house/{slug}/set")]


def action(device: str, name: str, result: str, **params: Any) -> dict[str, Any]:
    return {"device": device, "action": name, "params": params, "result": result}


def run_of(person: Person, request_id: str) -> Any:
    return person.hear(lambda message: event_of(message) == ("command_run", request_id), "it is carried out").json()


def event_of(message: Any) -> tuple[str, str] | None:
    if not message.topic.endswith("/event"):
        return None
    event = message.json()
    return event["type"], event["id"]


@contextmanager
def running(mosquitto: Mosquitto, folder: Path, **settings: Any) -> Iterator[AgentProcess]:
    agent = AgentProcess(folder, mosquitto.port, **{"HOME__CONFIRM_S": CONFIRM_S, **settings}).start()
    try:
        yield agent
    finally:
        agent.stop()


@contextmanager
def without_model(mosquitto: Mosquitto, folder: Path, **settings: Any) -> Iterator[AgentProcess]:
    with running(mosquitto, folder, **{"MODEL__SOURCE": folder / "none.gguf", **settings}) as agent:
        yield agent


FLOOD = """
import itertools, sys, time
import paho.mqtt.client as mqtt
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_start()
for number in itertools.count():
    client.publish(sys.argv[2 + number % len(sys.argv[2:])], "ON" if number % 3 else "OFF")
    if number == 1000:
        print("begun", flush=True)
    if number % 50 == 0:
        time.sleep(0.01)
"""


@contextmanager
def flood(mosquitto: Mosquitto, *slugs: str) -> Iterator[None]:
    """Some thousand states a second, from a process of its own."""
    topics = [f"house/{slug}" for slug in slugs]
    given = [sys.executable, "-c", FLOOD, str(mosquitto.port), *topics]
    with subprocess.Popen(given, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            yield
        finally:
            process.kill()
