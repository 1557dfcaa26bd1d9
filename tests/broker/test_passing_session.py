"""A session that ends with its connection, for commands that look at a broker and go."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.broker import Broker, Delivery
from edge_agent.settings import MqttSettings
from tests.real_parts import Mosquitto, Person

PATIENCE_S = 30
NEWS = "edge-agent/news"


async def listen(port: int, *, lasting: bool) -> tuple[list[bytes], bool]:
    """What it hears until `now`, which it says itself, and whether the broker had kept its session."""
    heard: list[bytes] = []
    ended = asyncio.Event()

    def hear(delivery: Delivery) -> None:
        heard.append(delivery.payload)
        delivery.acknowledge()
        if delivery.payload == b"now":
            ended.set()

    settings = MqttSettings(port=port)
    async with asyncio.timeout(PATIENCE_S), Broker(settings, "looker", None, lasting=lasting) as broker:
        broker.subscribe(NEWS, hear, qos=1)
        await broker.publish(NEWS, b"now", qos=1)
        await ended.wait()
        return heard, broker.resumed


@pytest.mark.parametrize(
    ("lasting", "heard_later"), [(False, ([b"now"], False)), (True, ([b"while away", b"now"], True))]
)
async def test_only_a_lasting_session_gets_what_it_missed(
    lasting: bool, heard_later: tuple[list[bytes], bool], own_mosquitto: Mosquitto
) -> None:
    assert await listen(own_mosquitto.port, lasting=lasting) == ([b"now"], False)
    person = Person(own_mosquitto.port)
    try:
        person.publish(NEWS, "while away")
        person.hear(lambda message: message.payload == b"while away", "the news")
    finally:
        person.close()
    assert await listen(own_mosquitto.port, lasting=lasting) == heard_later
