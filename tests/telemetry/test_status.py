from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from edge_agent.broker import Broker, Topics
from edge_agent.hardware import Board
from edge_agent.hardware.gpu import Gpu
from edge_agent.hardware.memory import Memory
from edge_agent.hardware.processor import Processor
from edge_agent.messages import HomeStatus, Status
from edge_agent.settings import MqttSettings
from edge_agent.telemetry import Condition, StatusPublisher
from edge_agent.telemetry import status as status_module
from tests.real_parts import Mosquitto

from .conftest import Listener
from .test_publisher import serving

BOARD = Board(
    name="Raspberry Pi 5",
    processor=Processor("Cortex-A76", cores=4),
    memory=Memory(8_000_000_000, 8_000_000_000),
    graphics=Gpu("a GPU", shares_memory=True),
)
STARTING = Condition("starting", "reading the home", None, None, HomeStatus(devices=0, areas=0))


class Agent:
    """Something that is in a condition."""

    def __init__(self, broker: Broker, topics: Topics) -> None:
        self.condition = STARTING
        self.publisher = StatusPublisher(broker, topics, "1.2.3", BOARD, lambda: self.condition)

    def becomes(self, **changes: object) -> None:
        self.condition = replace(self.condition, **changes)  # type: ignore[arg-type]
        self.publisher.changed()


async def next_status(listener: Listener, topics: Topics) -> Status:
    return Status.model_validate_json((await listener.next(topics.status)).payload)


async def test_status_is_published_with_the_connection_retained(
    broker: Broker, listener: Listener, topics: Topics
) -> None:
    agent = Agent(broker, topics)
    listener.listen(topics.status)
    async with serving(agent.publisher):
        first = await next_status(listener, topics)
        later = Listener(listener.broker)
        later.listen(f"+/{topics.agent}/status")
        kept = await later.next(f"+/{topics.agent}/status")
    assert (first.state, first.reason, first.version, first.agent) == (
        "starting",
        "reading the home",
        "1.2.3",
        topics.agent,
    )
    assert first.device.board == "Raspberry Pi 5"
    assert kept.retained
    assert Status.model_validate_json(kept.payload) == first


async def test_changes_that_come_close_together_are_published_once_and_the_last_wins(
    broker: Broker, listener: Listener, topics: Topics
) -> None:
    agent = Agent(broker, topics)
    listener.listen(topics.status)
    async with serving(agent.publisher):
        await next_status(listener, topics)
        agent.becomes(state="loading", reason="the model loads")
        agent.becomes(state="ready", reason=None)
        agent.becomes(home=HomeStatus(devices=3, areas=2))
        changed = await next_status(listener, topics)
        assert await listener.nothing_more(topics.status)
    assert (changed.state, changed.reason, changed.home.devices) == ("ready", None, 3)


async def test_what_is_as_it_was_is_not_said_again(broker: Broker, listener: Listener, topics: Topics) -> None:
    agent = Agent(broker, topics)
    listener.listen(topics.status)
    await agent.publisher.flush()
    await next_status(listener, topics)
    await agent.publisher.flush()
    assert await listener.nothing_more(topics.status)


async def test_stopping_does_not_wait(
    broker: Broker, listener: Listener, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_module, "SETTLE_S", 3600)
    agent = Agent(broker, topics)
    listener.listen(topics.status)
    async with serving(agent.publisher):
        await next_status(listener, topics)
        agent.becomes(state="degraded", reason="no model")
        agent.becomes(state="stopping", reason=None)
        assert (await next_status(listener, topics)).state == "stopping"


async def test_the_last_word_needs_no_serving(broker: Broker, listener: Listener, topics: Topics) -> None:
    agent = Agent(broker, topics)
    listener.listen(topics.status)
    agent.becomes(state="stopping")
    await agent.publisher.flush()
    assert (await next_status(listener, topics)).state == "stopping"


async def test_the_gpu_is_the_one_in_use_and_not_the_one_that_the_board_has(broker: Broker, topics: Topics) -> None:
    agent = Agent(broker, topics)
    assert agent.publisher.status().device.gpu is None
    agent.becomes(gpu="Orin")
    assert agent.publisher.status().device.gpu == "Orin"


async def test_since_is_when_the_state_began_and_not_when_something_else_changed(
    broker: Broker, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    agent = Agent(broker, topics)
    began = agent.publisher.status().since
    clock.pass_s(60)
    agent.becomes(home=HomeStatus(devices=9, areas=1))
    assert agent.publisher.status().since == began == "2026-01-01T00:00:00Z"
    agent.becomes(state="ready")
    assert agent.publisher.status().since == "2026-01-01T00:01:00Z"


async def test_since_follows_a_clock_that_is_set_after_the_boot(
    broker: Broker, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    agent = Agent(broker, topics)
    clock.pass_s(30)
    clock.set_forward_s(86_400)
    assert agent.publisher.status().since == "2026-01-02T00:00:00Z"
    clock.pass_s(60)
    assert agent.publisher.status().since == "2026-01-02T00:00:00Z"


class Clock:
    """The module's two clocks, which move when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.monotonic = datetime(2026, 1, 1, tzinfo=UTC).timestamp(), 500.0
        monkeypatch.setattr(status_module, "datetime", self)
        monkeypatch.setattr(status_module, "monotonic", lambda: self.monotonic)

    def now(self, zone: object) -> datetime:
        return datetime.fromtimestamp(self.wall, UTC)

    def pass_s(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds

    def set_forward_s(self, seconds: float) -> None:
        self.wall += seconds


async def test_after_a_lost_connection_it_is_published_again(
    mosquitto: Mosquitto, listener: Listener, topics: Topics
) -> None:
    gate = await Gate.open(mosquitto.port)
    async with Broker(MqttSettings(port=gate.port), f"gated-{topics.agent}", "test/gated/availability") as broker:
        agent = Agent(broker, topics)
        listener.listen(topics.status)
        async with serving(agent.publisher):
            await next_status(listener, topics)
            await gate.cut()
            agent.becomes(state="ready", reason=None)
            while (await next_status(listener, topics)).state != "ready":
                pass  # the first one comes again where its acknowledgement was cut off
            assert await listener.nothing_more(topics.status)
            await gate.cut()  # a broker that restarted without its disk has forgotten what it kept
            assert (await next_status(listener, topics)).state == "ready"
    await gate.close()


class Gate:
    """A relay to the broker, whose connections can be cut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0

    @classmethod
    async def open(cls, target: int) -> Gate:
        gate = cls(target)
        gate._server = await asyncio.start_server(gate._relay, "127.0.0.1", 0)
        gate.port = gate._server.sockets[0].getsockname()[1]
        return gate

    _server: asyncio.Server

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, back]
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while piece := await source.read(65536):
                sink.write(piece)
        except OSError:
            pass
        sink.close()

    async def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def close(self) -> None:
        await self.cut()
        self._server.close()
