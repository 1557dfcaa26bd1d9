"""Commands to a running agent, and when what they cause is heard."""

from __future__ import annotations

import json
import queue
import time
import uuid
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt

from bench import echo
from bench.plain_llama import Streamed
from tests.real_parts import Person

PATIENCE_S = 600.0


@dataclass(frozen=True)
class Arrival:
    topic: str
    payload: bytes
    at_s: float


@dataclass(frozen=True)
class Answer:
    """A Reply and, in seconds since the command was published, when its first and its last Chunk were heard."""

    reply: dict[str, Any]
    first_s: float
    done_s: float

    @property
    def streamed(self) -> Streamed:
        return Streamed(self.first_s, self.done_s, self._decodes, self.reply["usage"]["prompt_tokens"])

    @property
    def tokens_per_second(self) -> float:
        """By the Reply's own timing."""
        timing = self.reply["timing_ms"]
        generated_ms: float = timing["total"] - timing["first_token"]
        return 1000 * self._decodes / generated_ms

    @property
    def _decodes(self) -> int:
        """Behind the first token: a last one that fills the limit is not decoded, one before the model's end is."""
        tokens: int = self.reply["usage"]["completion_tokens"]
        return tokens - 1 if self.reply["finish_reason"] == "length" else tokens


class Stopwatch:
    """A person at the broker who notes the time of everything that comes back."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        for topic in (f"{person.root}/stream/+", f"{person.root}/reply", echo.ANSWERED):
            person.client.message_callback_add(topic, self._note)
        echo.set_nodelay(person.client)

    def _note(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        self._arrivals.put(Arrival(message.topic, bytes(message.payload), time.monotonic()))

    def answer(self, text: str, max_tokens: int) -> Answer:
        """Of the model, streamed, at temperature 0. Raises RuntimeError where it is refused."""
        sent_s, heard_s = time.monotonic(), list[float]()
        request_id = self._person.command(text, mode="chat", stream=True, max_tokens=max_tokens, temperature=0)
        while (arrival := self._next()).topic != f"{self._person.root}/reply":
            heard_s.append(arrival.at_s)
        reply = json.loads(arrival.payload)
        if reply["id"] != request_id or reply["status"] != "ok":
            raise RuntimeError(f"the agent did not answer: {reply}")
        return Answer(reply, heard_s[0] - sent_s, heard_s[-1] - sent_s)

    def refusal_s(self) -> float:
        """From a command without words to the Reply that says so."""
        sent_s = time.monotonic()
        self._person.command("", id=uuid.uuid4().hex)
        return self._next().at_s - sent_s

    def echo_s(self) -> float:
        """From a payload like that command's to its echo."""
        sent_s = time.monotonic()
        self._person.client.publish(echo.ASKED, json.dumps({"id": uuid.uuid4().hex, "text": ""}), 1)
        return self._next().at_s - sent_s

    def _next(self) -> Arrival:
        return self._arrivals.get(timeout=PATIENCE_S)
