"""A Home on a real broker, and the devices that it learns from."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_agent.broker import Broker, Topics
from edge_agent.home import Home
from edge_agent.settings import HomeSettings, MqttSettings

PATIENCE_S = 30.0
TOPICS = Topics("edge-agent", "pi", "homeassistant")


class Devices:
    """Publishes as devices do: retained, unless it is told otherwise."""

    def __init__(self, port: int, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self._client.max_inflight_messages_set(0)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def say(self, topic: str, payload: object, *, retain: bool = True) -> None:
        """Text and bytes as they are, all else as JSON; returns when the broker has it."""
        raw = payload if isinstance(payload, str | bytes) else json.dumps(payload)
        self._client.publish(topic, raw, 1, retain).wait_for_publish(PATIENCE_S)

    def say_soon(self, topic: str, payload: str) -> None:
        """Without waiting for the broker."""
        self._client.publish(topic, payload, 0, True)

    def listen(self, topic: str, heard: list[tuple[bytes, bool]]) -> None:
        """Notes (payload, retained) of what comes there; returns when the broker knows."""
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = lambda client, userdata, message: heard.append(
            (bytes(message.payload), message.retain)
        )
        self._client.subscribe(topic, 1)
        assert subscribed.wait(PATIENCE_S)

    def announce(self, component: str, object_id: str, config: object) -> None:
        self.say(f"homeassistant/{component}/{object_id}/config", config)

    def announce_all(self, configs: Mapping[str, object]) -> None:
        """Many at once, by topic."""
        sent = [self._client.publish(topic, json.dumps(config), 1, True) for topic, config in configs.items()]
        sent[-1].wait_for_publish(PATIENCE_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def devices_on(port: int, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5) -> Iterator[Devices]:
    devices = Devices(port, protocol)
    try:
        yield devices
    finally:
        devices.close()


@asynccontextmanager
async def home_on(port: int, **settings: Any) -> AsyncIterator[tuple[Home, Broker]]:
    """Entered once it has settled."""
    async with (
        Broker(MqttSettings(port=port, reconnect_max_s=1), "edge-agent-pi", TOPICS.availability) as broker,
        Home(HomeSettings.model_validate(settings), broker, TOPICS) as home,
    ):
        async with asyncio.timeout(PATIENCE_S):
            await home.settled()
        yield home, broker


async def until(happened: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not happened():  # noqa: ASYNC110  the home has no event for each of these
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"it did not happen within {PATIENCE_S:g} s: {what}") from None


def switch(name: str, **more: Any) -> dict[str, Any]:
    """A configuration; its topics are below its name as a slug."""
    root = name.lower().replace(" ", "_")
    return {
        "name": name,
        "unique_id": f"id-{root}",
        "state_topic": f"{root}/state",
        "command_topic": f"{root}/set",
        **more,
    }
