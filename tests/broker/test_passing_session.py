"""A session that ends with its connection, for commands that look at a broker and go."""

from __future__ import annotations

import asyncio

from edge_agent.broker import Broker, Delivery
from edge_agent.settings import MqttSettings
from tests.real_parts import Mosquitto, Person

PATIENCE_S = 30


async def heard_after_leaving(port: int, *, lasting: bool) -> tuple[list[bytes], bool]:
    """What was published while it was away, and whether the broker still had its session."""
    heard: list[bytes] = []

    def hear(delivery: Delivery) -> None:
        heard.append(delivery.payload)
        delivery.acknowledge()

    person = Person(port)
    try:
        for leaving in (True, False):
            async with (
                asyncio.timeout(PATIENCE_S),
                Broker(MqttSettings(port=port), "looker", None, lasting=lasting) as broker,
            ):
                broker.subscribe("edge-agent/news", hear, qos=1)
                await anext(broker.connects())
                if leaving:
                    await broker.publish("edge-agent/mark", b"1", qos=1)  # the subscription is in force
                else:
                    await broker.publish("edge-agent/news", b"now", qos=1)
                    while b"now" not in heard:
                        await asyncio.sleep(0.01)
                    return heard, broker.resumed
            person.publish("edge-agent/news", "while away")
            person.hear(lambda message: message.payload == b"while away", "the news")
    finally:
        person.close()
    raise AssertionError("unreachable")


async def test_nothing_waits_for_a_session_that_does_not_last(own_mosquitto: Mosquitto) -> None:
    assert await heard_after_leaving(own_mosquitto.port, lasting=False) == ([b"now"], False)


async def test_a_lasting_session_gets_what_it_missed(own_mosquitto: Mosquitto) -> None:
    assert await heard_after_leaving(own_mosquitto.port, lasting=True) == ([b"while away", b"now"], True)
