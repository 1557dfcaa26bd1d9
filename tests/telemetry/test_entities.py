"""The templates are rendered as Home Assistant does: Jinja over `value_json`, the result stripped text."""

from __future__ import annotations

import json
from typing import Any

import jinja2
import pytest

from edge_agent.broker import Broker, Topics
from edge_agent.hardware import Board, Sensors
from edge_agent.messages import (
    HomeStatus,
    ProcessTelemetry,
    Reply,
    Status,
    Telemetry,
    WorkerTelemetry,
)
from edge_agent.settings import TelemetrySettings
from edge_agent.telemetry import (
    Answered,
    Condition,
    Entities,
    Measurements,
    StatusPublisher,
    TelemetryPublisher,
    discovery_messages,
)

from .conftest import Listener
from .test_publisher import Queue, Worker, serving

TOPICS = Topics("edge-agent", "pi", "homeassistant")


def config(topics: Topics = TOPICS) -> dict[str, Any]:
    ((_, payload),) = discovery_messages(topics, topics.agent, "1.2.3")
    parsed: dict[str, Any] = json.loads(payload)
    return parsed


def component(key: str) -> dict[str, Any]:
    found: dict[str, Any] = config()["components"][key]
    return found


def rendered(template: str, payload: bytes) -> str:
    return (
        jinja2.Environment()
        .from_string(template)
        .render(value=payload.decode(), value_json=json.loads(payload))
        .strip()
    )


def shown(key: str, payload: bytes) -> str:
    return rendered(component(key)["value_template"], payload)


@pytest.fixture
async def telemetry(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Telemetry:
    """A real one, of a board of which nothing is known and with no command answered yet."""
    bare = tmp_path_factory.mktemp("bare")
    publisher = TelemetryPublisher(
        broker,
        TOPICS,
        TelemetrySettings(),
        sensors=Sensors(bare, bare),
        measurements=Measurements(),
        worker=Worker(),
        queue=Queue(),
    )
    return await publisher.telemetry()


def test_it_is_one_device_in_one_retained_configuration() -> None:
    ((topic, _),) = discovery_messages(TOPICS, "pi", "1.2.3")
    assert topic == "homeassistant/device/edge-agent-pi/config"
    assert config()["device"] == {"identifiers": ["edge-agent-pi"], "name": "edge-agent pi", "sw_version": "1.2.3"}
    assert config()["origin"]["name"] == "edge-agent"
    assert config()["availability_topic"] == TOPICS.availability


def test_an_agent_whose_name_discovery_topics_cannot_hold_is_announced_under_another() -> None:
    ((topic, _),) = discovery_messages(Topics("edge-agent", "küche.1", "homeassistant"), "küche.1", "1")
    assert topic == "homeassistant/device/edge-agent-k_che_1/config"


def test_every_entity_can_be_told_apart_for_ever() -> None:
    components = config()["components"]
    assert set(components) == {
        "state",
        "memory",
        "temperature",
        "first_token",
        "latency",
        "generation_speed",
        "queue",
        "last_reply",
        "command",
        "restart_worker",
    }
    assert components["memory"]["unique_id"] == "edge-agent-pi-memory"
    assert components["memory"]["default_entity_id"] == "sensor.edge_agent_pi_memory"
    assert len({part["unique_id"] for part in components.values()}) == len(components)


def test_technical_ones_are_diagnostic_and_those_for_people_are_not() -> None:
    categories = {key: part.get("entity_category") for key, part in config()["components"].items()}
    assert {key for key, category in categories.items() if category is None} == {"state", "last_reply", "command"}
    assert categories["memory"] == "diagnostic"
    assert categories["restart_worker"] == "config"


@pytest.mark.parametrize("key", ["temperature", "first_token", "latency", "generation_speed"])
async def test_what_is_not_known_is_unknown_in_home_assistant(telemetry: Telemetry, key: str) -> None:
    assert shown(key, telemetry.to_payload()) == "None"


async def test_what_was_measured_is_a_number(telemetry: Telemetry) -> None:
    measurements = Measurements()
    measurements.record(
        Answered("llm", 1.0, 840.2, 210.0, prompt_tokens=9, completion_tokens=18, prompt_ms=1, generation_ms=2000)
    )
    measured = telemetry.model_copy(
        update={
            "latency_ms": measurements.latency_ms(),
            "tokens_per_second": measurements.tokens_per_second(),
            "system": telemetry.system.model_copy(update={"temperature_c": 61.25}),
        }
    ).to_payload()
    assert float(shown("first_token", measured)) == 210.0
    assert float(shown("latency", measured)) == 840.2
    assert float(shown("generation_speed", measured)) == 8.5
    assert float(shown("temperature", measured)) == 61.25
    assert int(shown("queue", measured)) == 2


@pytest.mark.parametrize(
    ("process", "worker", "expected"),
    [(50 * 2**20, 950 * 2**20, "1000.0"), (50 * 2**20, None, "50.0"), (None, 950 * 2**20, "None")],
)
async def test_memory_is_that_of_both_processes(
    telemetry: Telemetry, process: int | None, worker: int | None, expected: str
) -> None:
    payload = telemetry.model_copy(
        update={
            "process": ProcessTelemetry(rss_bytes=process, cpu_percent=None),
            "worker": WorkerTelemetry(rss_bytes=worker, rss_anon_bytes=None, cpu_percent=None, restarts=0),
        }
    ).to_payload()
    assert shown("memory", payload) == expected
    assert component("memory")["unit_of_measurement"] == "MiB"


@pytest.mark.parametrize("state", ["starting", "loading", "ready", "degraded", "stopping"])
async def test_every_state_is_one_of_the_sensors_options(broker: Broker, state: Any) -> None:
    condition = Condition(state, None, None, None, HomeStatus(devices=0, areas=0))
    status: Status = StatusPublisher(broker, TOPICS, "1", Board(), lambda: condition).status()
    assert shown("state", status.to_payload()) == state
    assert state in component("state")["options"]


@pytest.mark.parametrize("length", [0, 1, 254, 255, 256, 4000])
def test_the_last_reply_fits_a_state_and_is_whole_in_an_attribute(length: int) -> None:
    text = "ä" * length
    payload = Reply(id="1", status="ok", text=text).to_payload()
    state = shown("last_reply", payload)
    assert len(state) <= 255
    assert state == text if length <= 255 else state == text[:254] + "…"
    assert json.loads(rendered(component("last_reply")["json_attributes_template"], payload)) == {"full_text": text}


def test_replies_to_anyone_are_heard_also_to_no_origin() -> None:
    assert component("last_reply")["state_topic"] == "edge-agent/pi/reply/#"  # # is the topic itself, too


def test_a_typed_command_goes_out_under_home_assistants_origin_and_is_not_retained() -> None:
    command = component("command")
    assert command["command_topic"] == "edge-agent/pi/command/homeassistant"
    assert TOPICS.origin(command["command_topic"]) == "homeassistant"
    assert (command["retain"], command["qos"], command["max"]) == (False, 1, 255)


def test_the_text_is_emptied_by_its_reply() -> None:
    assert component("command")["state_topic"] == TOPICS.reply("homeassistant")
    assert shown("command", Reply(id="1", status="ok", text="Done.").to_payload()) == ""


def test_the_button_restarts_the_worker() -> None:
    button = component("restart_worker")
    assert (button["platform"], button["command_topic"]) == ("button", TOPICS.restart_worker)


async def test_it_is_announced_with_the_connection_and_when_home_assistant_has_started(
    broker: Broker, listener: Listener, topics: Topics
) -> None:
    entities = Entities(broker, topics, "1.2.3", wanted=True)
    topic = topics.discovery("device", f"edge-agent-{topics.agent}")
    listener.listen(topic)
    async with serving(entities):
        first = await listener.next(topic)
        entities.home_assistant_status(b"offline")
        assert await listener.nothing_more(topic)
        entities.home_assistant_status(b"online")
        again = await listener.next(topic)
    assert json.loads(first.payload) == config(topics)
    assert again.payload == first.payload


async def test_it_is_kept_by_the_broker_and_removed_where_it_is_not_wanted(
    broker: Broker, listener: Listener, topics: Topics
) -> None:
    topic = topics.discovery("device", f"edge-agent-{topics.agent}")
    listener.listen(topic)
    async with serving(Entities(broker, topics, "1.2.3", wanted=True)):
        await listener.next(topic)
    other_filter = f"homeassistant/+/edge-agent-{topics.agent}/config"
    listener.listen(other_filter)
    assert (await listener.next(other_filter)).retained
    async with serving(Entities(broker, topics, "1.2.3", wanted=False)):
        while (await listener.next(topic)).payload:
            pass  # the second subscription brings the announcement again
