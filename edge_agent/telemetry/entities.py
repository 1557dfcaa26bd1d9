"""The agent itself in Home Assistant, by its MQTT discovery: one device and what can be seen and done with it.

One device-based configuration (Home Assistant 2024.11 or newer) rather than one message an entity: it appears, changes
and goes as a whole, and one empty payload removes it. A template that gives `None` makes a sensor unknown (Home
Assistant core, mqtt/sensor.py).
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, get_args

from edge_agent.broker.topics import Topics
from edge_agent.messages import State
from edge_agent.telemetry.parts import Publishes

HOME_ASSISTANT_ORIGIN = "homeassistant"
STATE_LIMIT = 255  # characters of a state in Home Assistant
RESTART_PAYLOAD = "restart"

Component = dict[str, Any]

MEMORY_TEMPLATE = (
    "{{ none if value_json.process.rss_bytes is none else "
    "((value_json.process.rss_bytes + (value_json.worker.rss_bytes or 0)) / 1048576) | round(1) }}"
)


class Entities:
    """Announces the agent's entities after every connect and when Home Assistant has started; or removes them."""

    name = "entities"

    def __init__(self, broker: Publishes, topics: Topics, version: str, *, wanted: bool) -> None:
        """`wanted` False: an empty configuration removes what an earlier run announced."""
        self._broker = broker
        announced = discovery_messages(topics, topics.agent, version)
        self._messages = announced if wanted else [(topic, b"") for topic, _ in announced]
        self._started = asyncio.Event()

    def home_assistant_status(self, payload: bytes) -> None:
        """What came on `homeassistant/status`."""
        if payload == b"online":
            self._started.set()

    async def serve(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._announce_after_connects())
            tasks.create_task(self._announce_after_starts())

    async def _announce_after_connects(self) -> None:
        async for _ in self._broker.connects():
            await self._announce()

    async def _announce_after_starts(self) -> None:
        while True:
            await self._started.wait()
            self._started.clear()
            await self._announce()

    async def _announce(self) -> None:
        for topic, payload in self._messages:
            await self._broker.publish(topic, payload, qos=1, retain=True)


def discovery_messages(topics: Topics, agent_id: str, version: str) -> list[tuple[str, bytes]]:
    """(topic, payload) of all configurations, to be retained."""
    object_id = "edge-agent-" + re.sub(r"[^A-Za-z0-9_-]", "_", agent_id)  # what discovery topics may hold
    config = {
        "device": {"identifiers": [object_id], "name": f"edge-agent {agent_id}", "sw_version": version},
        "origin": {"name": "edge-agent", "sw_version": version},
        "availability_topic": topics.availability,
        "components": {key: _named(object_id, key, part) for key, part in _components(topics).items()},
    }
    return [(topics.discovery("device", object_id), json.dumps(config, ensure_ascii=False).encode())]


def _named(object_id: str, key: str, component: Component) -> Component:
    entity = f"{object_id}_{key}".replace("-", "_").lower()
    return {
        **component,
        "unique_id": f"{object_id}-{key}",
        "default_entity_id": f"{component['platform']}.{entity}",
        "qos": 1,
    }


def _components(topics: Topics) -> dict[str, Component]:
    return _spoken(topics) | _technical(topics) | _controls(topics)


def _spoken(topics: Topics) -> dict[str, Component]:
    """What an owner looks at: the agent's state, and what it said last to anyone, cut to what a state holds."""
    return {
        "state": _sensor("State", topics.status, "{{ value_json.state }}")
        | {"device_class": "enum", "options": list(get_args(State)), "icon": "mdi:robot"},
        "last_reply": _sensor("Last reply", f"{topics.reply(None)}/#", _cut("value_json.text"))
        | {
            "icon": "mdi:message-reply-text",
            "json_attributes_topic": f"{topics.reply(None)}/#",
            "json_attributes_template": "{{ {'full_text': value_json.text} | tojson }}",
        },
    }


def _technical(topics: Topics) -> dict[str, Component]:
    def measured(name: str, template: str, unit: str | None, device_class: str | None, icon: str | None) -> Component:
        given = {"unit_of_measurement": unit, "device_class": device_class, "icon": icon}
        return (
            _sensor(name, topics.telemetry, template)
            | {"state_class": "measurement", "entity_category": "diagnostic"}
            | {key: value for key, value in given.items() if value is not None}
        )

    return {
        "memory": measured("Memory", MEMORY_TEMPLATE, "MiB", "data_size", "mdi:memory"),
        "temperature": measured("Temperature", "{{ value_json.system.temperature_c }}", "°C", "temperature", None),
        "first_token": measured("First token", "{{ value_json.latency_ms.first_token.p50 }}", "ms", "duration", None),
        "latency": measured("Latency", "{{ value_json.latency_ms.total.p50 }}", "ms", "duration", None),
        "generation_speed": measured(
            "Generation speed", "{{ value_json.tokens_per_second.generation.p50 }}", "tokens/s", None, "mdi:speedometer"
        ),
        "queue": measured("Queue", "{{ value_json.commands.queued }}", "commands", None, "mdi:tray-full"),
    }


def _controls(topics: Topics) -> dict[str, Component]:
    """The text goes back to empty with its reply, so that the same command can be typed again."""
    return {
        "command": {
            "platform": "text",
            "name": "Command",
            "icon": "mdi:message-text",
            "command_topic": f"{topics.command}/{HOME_ASSISTANT_ORIGIN}",
            "state_topic": topics.reply(HOME_ASSISTANT_ORIGIN),
            "value_template": "{{ '' }}",
            "optimistic": True,
            "max": STATE_LIMIT,
            "retain": False,
        },
        "restart_worker": {
            "platform": "button",
            "name": "Restart the model worker",
            "device_class": "restart",
            "entity_category": "config",
            "command_topic": topics.restart_worker,
            "payload_press": RESTART_PAYLOAD,
            "retain": False,
        },
    }


def _sensor(name: str, topic: str, template: str) -> Component:
    return {"platform": "sensor", "name": name, "state_topic": topic, "value_template": template}


def _cut(expression: str) -> str:
    return f"{{{{ {expression} | truncate({STATE_LIMIT}, true, '…', 0) }}}}"
