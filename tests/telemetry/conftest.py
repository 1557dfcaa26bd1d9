"""An agent's and a listener's sessions with the broker."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from edge_agent.broker import Broker, Delivery, Topics
from edge_agent.settings import MqttSettings
from tests.real_parts import Mosquitto


@dataclass
class Listener:
    """Another client, which keeps what it hears, topic by topic."""

    broker: Broker
    heard: dict[str, asyncio.Queue[Delivery]] = field(default_factory=dict)

    def listen(self, topic: str) -> None:
        queue = self.heard[topic] = asyncio.Queue()

        def keep(delivery: Delivery) -> None:
            delivery.acknowledge()
            queue.put_nowait(delivery)

        self.broker.subscribe(topic, keep)

    async def next(self, topic: str) -> Delivery:
        async with asyncio.timeout(10):
            return await self.heard[topic].get()

    async def nothing_more(self, topic: str) -> bool:
        """Asks the broker to echo a message: what was published before it has arrived by then."""
        echo = f"echo/{uuid.uuid4().hex}"
        self.listen(echo)
        await self.broker.publish(echo, b"", qos=1)
        await self.next(echo)
        return self.heard[topic].empty()


async def _connected(port: int, name: str) -> AsyncIterator[Broker]:
    async with Broker(MqttSettings(port=port), f"{name}-{uuid.uuid4().hex}", f"test/{name}/availability") as broker:
        async for _ in broker.connects():
            break
        yield broker


@pytest.fixture
async def broker(mosquitto: Mosquitto) -> AsyncIterator[Broker]:
    async for connected in _connected(mosquitto.port, "agent"):
        yield connected


@pytest.fixture
async def listener(mosquitto: Mosquitto) -> AsyncIterator[Listener]:
    async for connected in _connected(mosquitto.port, "listener"):
        yield Listener(connected)


@pytest.fixture
def topics() -> Topics:
    """Tests stay apart by their agent's id."""
    return Topics("edge-agent", f"pi-{uuid.uuid4().hex[:8]}", "homeassistant")
