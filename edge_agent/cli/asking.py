"""A command to an agent and its answer, as a person follows them: who is there, the text as it comes, the Reply."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import ValidationError

from edge_agent.broker import Topics
from edge_agent.cli.client import BrokerClient, Heard
from edge_agent.errors import BrokerError, TimedOut
from edge_agent.messages import Chunk, Reply

# Retained messages come with the subscription; this is for a slow network.
PRESENCE_WAIT_S = 2.0
CANCEL_WAIT_S = 3.0


@dataclass(frozen=True)
class Question:
    """A command; `wishes` are further fields of the contract's Command, None where there is none."""

    text: str
    wishes: dict[str, object] = field(default_factory=dict)
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    def payload(self) -> bytes:
        given = {name: value for name, value in self.wishes.items() if value is not None}
        return json.dumps({"text": self.text, "id": self.id, "stream": True, **given}).encode()


def present_agents(client: BrokerClient, base: str, wanted: str) -> dict[str, bool]:
    """Agents that ever were on this broker, and whether each is online; looks no longer than the wanted one needs."""
    client.subscribe(f"{base}/+/availability")
    agents: dict[str, bool] = {}
    until = time.monotonic() + PRESENCE_WAIT_S
    while wanted not in agents and (left_s := until - time.monotonic()) > 0:
        if (heard := client.receive(left_s)) and heard.topic.endswith("/availability"):
            agents[heard.topic.removeprefix(f"{base}/").partition("/")[0]] = heard.payload == b"online"
    return agents


def find_agent(client: BrokerClient, base: str, wanted: str, chosen: bool) -> str:
    """The agent to ask: the wanted one; where nobody chose it, the only one that is online. Raises BrokerError."""
    agents = present_agents(client, base, wanted)
    if agents.get(wanted):
        return wanted
    online = [agent for agent, is_online in agents.items() if is_online]
    if len(online) == 1 and not chosen:
        return online[0]
    others = f" Online: {', '.join(sorted(online))}; choose with --agent." if online else ""
    if wanted in agents:
        raise BrokerError(f"The agent {wanted} is offline. Start it with `edge-agent run`, or see its log.{others}")
    raise BrokerError(f"No agent {wanted} has been on this broker. Start one with `edge-agent run`.{others}")


class Asking:
    """One question to one agent, from its publication to its Reply."""

    def __init__(self, client: BrokerClient, topics: Topics, question: Question) -> None:
        self._client, self._topics, self._question = client, topics, question
        self._reply_topic = topics.reply(f"ask-{question.id}") if client.version5 else topics.reply(None)
        self.streamed = ""  # what the Chunks have brought so far
        self._next_seq = 0

    def publish(self) -> None:
        self._client.subscribe(self._topics.stream(self._question.id), qos=0)
        self._client.subscribe(self._reply_topic, self._topics.availability)
        self._client.publish(
            self._topics.command,
            self._question.payload(),
            response_topic=self._reply_topic,
            correlation_data=self._question.id.encode(),
        )

    def reply(self, timeout_s: float, on_text: Callable[[str], None], on_gone: Callable[[], None]) -> Reply:
        """Waits for the Reply; tells text as it streams in, and that the agent went offline. Raises TimedOut."""
        until = time.monotonic() + timeout_s
        while (left_s := until - time.monotonic()) > 0:
            heard = self._client.receive(left_s)
            if heard is None:
                break
            if heard.topic == self._topics.stream(self._question.id):
                self._hear_chunk(heard, on_text)
            elif heard.topic == self._topics.availability and heard.payload == b"offline":
                on_gone()
            elif heard.topic == self._reply_topic and (reply := self._own_reply(heard)):
                return reply
        raise TimedOut(f"No answer within {timeout_s:.0f} s. See the agent's log, or give it longer with --timeout.")

    def cancel(self) -> None:
        """Tells the agent that nobody wants the answer any more, and waits for it to say so."""
        self._client.publish(self._topics.cancel, self._question.id.encode())
        self.reply(CANCEL_WAIT_S, lambda _text: None, lambda: None)

    def _hear_chunk(self, heard: Heard, on_text: Callable[[str], None]) -> None:
        try:
            chunk = Chunk.model_validate_json(heard.payload)
        except ValidationError:
            return
        if chunk.seq == self._next_seq:  # after a lost one the Reply tells the rest
            self._next_seq += 1
            self.streamed += chunk.text
            on_text(chunk.text)

    def _own_reply(self, heard: Heard) -> Reply | None:
        try:
            reply = Reply.model_validate_json(heard.payload)
        except ValidationError:
            return None
        # A reply without an id can only be ours on a topic of our own.
        return reply if reply.id == self._question.id or (reply.id is None and self._client.version5) else None
