"""Whether the agent is there, on a retained topic."""

from __future__ import annotations

from edge_agent.broker.session import Broker

ONLINE, OFFLINE = b"online", b"offline"


class Availability:
    """Says `online` (retained) after every connect; the will says `offline` when we no longer can."""

    name = "availability"

    def __init__(self, broker: Broker, topic: str) -> None:
        self._broker, self._topic = broker, topic

    async def serve(self) -> None:
        async for _ in self._broker.connects():
            await self._broker.publish(self._topic, ONLINE, qos=1, retain=True)

    async def leave(self) -> None:
        """Says `offline` ourselves: the broker sends no will after a clean goodbye."""
        await self._broker.publish(self._topic, OFFLINE, qos=1, retain=True)
