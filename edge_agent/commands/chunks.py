"""The pieces of an answer that is being generated."""

from __future__ import annotations

from edge_agent.broker import Broker
from edge_agent.messages import Chunk


class ChunkStream:
    """Publishes the pieces of an answer, counted."""

    def __init__(self, broker: Broker, topic: str, request_id: str) -> None:
        self._broker, self._topic, self._id = broker, topic, request_id
        self._seq = 0

    def say(self, text: str) -> None:
        self._send(text, done=False)

    def end(self) -> None:
        self._send("", done=True)

    def _send(self, text: str, *, done: bool) -> None:
        # QoS 0: a late chunk is worth nothing, the Reply repeats the text.
        self._broker.send(self._topic, Chunk(id=self._id, seq=self._seq, text=text, done=done).to_payload())
        self._seq += 1
