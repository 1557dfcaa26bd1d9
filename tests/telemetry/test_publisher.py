from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_agent.broker import Broker, Topics
from edge_agent.hardware import Sensors
from edge_agent.inference.protocol import Loaded
from edge_agent.messages import Telemetry
from edge_agent.settings import TelemetrySettings
from edge_agent.telemetry import Answered, Measurements, TelemetryPublisher

from .conftest import Listener

LOADED = Loaded(
    name="tinyllama",
    quantization="Q4_K_M",
    parameters=1_100_048_384,
    weights_bytes=669_000_000,
    kv_bytes=46_137_344,
    context=2048,
    threads=4,
    threads_batch=4,
    gpu=None,
    gpu_layers=0,
    batch=128,
    flash_attention=None,
    kv_type="f16",
    load_ms=900.0,
)


@dataclass
class Worker:
    pid: int | None = None
    restarts: int = 0
    loaded: Loaded | None = None


@dataclass
class Queue:
    queued: int = 2
    active: int = 1


@asynccontextmanager
async def serving(part: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(part.serve())
    yield
    task.cancel()
    await asyncio.wait([task])


def publisher(broker: Broker, topics: Topics, worker: Worker, interval_s: float = 3600) -> TelemetryPublisher:
    return TelemetryPublisher(
        broker,
        topics,
        TelemetrySettings(interval_s=interval_s),
        sensors=Sensors(Path("/"), Path("/")),
        measurements=Measurements(),
        worker=worker,
        queue=Queue(),
    )


async def test_the_first_message_comes_with_the_connection_and_not_retained(
    broker: Broker, listener: Listener, topics: Topics
) -> None:
    listener.listen(topics.telemetry)
    async with serving(publisher(broker, topics, Worker(os.getpid(), 3, LOADED))):
        delivery = await listener.next(topics.telemetry)
    heard = Telemetry.model_validate_json(delivery.payload)
    assert (delivery.qos, delivery.retained) == (0, False)
    assert heard.time.endswith("Z")
    assert (heard.commands.queued, heard.commands.active) == (2, 1)
    assert (heard.model.weights_bytes, heard.model.kv_bytes, heard.model.context_tokens) == (
        669_000_000,
        46_137_344,
        2048,
    )
    assert heard.worker.restarts == 3
    assert heard.worker.rss_bytes
    assert heard.process.rss_bytes
    assert heard.system.memory_total_bytes


async def test_it_comes_again_every_interval(broker: Broker, listener: Listener, topics: Topics) -> None:
    listener.listen(topics.telemetry)
    async with serving(publisher(broker, topics, Worker(), interval_s=1)):
        first = Telemetry.model_validate_json((await listener.next(topics.telemetry)).payload)
        second = Telemetry.model_validate_json((await listener.next(topics.telemetry)).payload)
    assert 0.5 < second.uptime_s - first.uptime_s < 3


async def test_without_a_worker_all_that_it_would_tell_is_null(broker: Broker, topics: Topics) -> None:
    told = await publisher(broker, topics, Worker()).telemetry()
    assert set(told.model.model_dump().values()) == {None}
    assert told.worker.model_dump() == {"rss_bytes": None, "rss_anon_bytes": None, "cpu_percent": None, "restarts": 0}
    assert told.gpu is None
    assert told.energy.joules_per_token is None


async def test_it_has_exactly_the_fields_of_the_contract(broker: Broker, topics: Topics) -> None:
    told = (await publisher(broker, topics, Worker()).telemetry()).model_dump()
    assert list(told) == [
        "time",
        "uptime_s",
        "system",
        "gpu",
        "process",
        "worker",
        "model",
        "commands",
        "latency_ms",
        "tokens_per_second",
        "energy",
    ]
    assert list(told["latency_ms"]) == ["queued", "first_token", "total", "intent_total"]
    assert list(told["tokens_per_second"]["prompt"]) == ["p50", "p95", "p99", "count"]


@pytest.mark.parametrize("count", [1, 5])
async def test_what_was_measured_is_what_is_told(broker: Broker, topics: Topics, count: int) -> None:
    measurements = Measurements()
    for _ in range(count):
        measurements.record(Answered("intent", queued_ms=1.0, total_ms=7.0))
    telling = TelemetryPublisher(
        broker,
        topics,
        TelemetrySettings(),
        sensors=Sensors(Path("/"), Path("/")),
        measurements=measurements,
        worker=Worker(),
        queue=Queue(),
    )
    told = await telling.telemetry()
    assert (told.commands.total, told.commands.intent) == (count, count)
    assert told.latency_ms.intent_total.p50 == 7.0
