"""What passes on the broker, remembered for `watch`: bounded, and unimpressed by garbage."""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from edge_agent.cli.client import Heard
from edge_agent.cli.console import printable

AGENTS_LIMIT = 32
HISTORY_LIMIT = 60
PASSED_LIMIT = 200
TEXT_LIMIT = 200
# Telemetry's figures that get a graph: name → where it stands in the message.
GRAPHS = {
    "daemon memory": ("process", "rss_bytes"),
    "worker memory": ("worker", "rss_bytes"),
    "first token": ("latency_ms", "first_token", "p50"),
    "whole reply": ("latency_ms", "total", "p50"),
    "generation": ("tokens_per_second", "generation", "p50"),
    "temperature": ("system", "temperature_c"),
    "processor": ("system", "cpu_percent"),
}
UNITS = {"first token": "ms", "whole reply": "ms", "generation": "tokens/s", "temperature": "°C", "processor": "%"}


@dataclass
class ObservedAgent:
    """One agent: its last availability, Status and Telemetry, and the last figures of each graph."""

    availability: str = "unknown"
    status: dict[str, object] = field(default_factory=dict)
    telemetry: dict[str, object] = field(default_factory=dict)
    history: dict[str, deque[float]] = field(
        default_factory=lambda: {name: deque(maxlen=HISTORY_LIMIT) for name in GRAPHS}
    )


@dataclass(frozen=True)
class Passed:
    """Something that passed by: when (local time), which agent, what kind, and what it said."""

    at: str
    agent: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.at} {self.agent} {self.kind} {self.text}".rstrip()


class Observed:
    """Agents under one base topic. `only` limits it to one of them."""

    def __init__(self, base: str, only: str | None) -> None:
        self._base, self._only = base, only
        self.agents: dict[str, ObservedAgent] = {}
        self.passed: deque[Passed] = deque(maxlen=PASSED_LIMIT)

    @property
    def filters(self) -> tuple[str, ...]:
        agent = self._only or "+"
        kinds = ("availability", "status", "telemetry", "event", "command/#", "reply/#", "cancel")
        return tuple(f"{self._base}/{agent}/{kind}" for kind in kinds)

    def hear(self, heard: Heard) -> Passed | None:
        """Remembers a message; what to tell of it, None where it is no agent's or there is no room for another."""
        levels = heard.topic.removeprefix(f"{self._base}/").split("/")
        if len(levels) < 2 or heard.topic == levels[0]:
            return None
        name, kind = levels[0], levels[1]
        agent = self._agent(name)
        if agent is None:
            return None
        text = self._note(agent, kind, heard.payload)
        passed = Passed(time.strftime("%H:%M:%S"), printable(name), printable("/".join(levels[1:])), text)
        self.passed.append(passed)
        return passed

    def _agent(self, name: str) -> ObservedAgent | None:
        if name not in self.agents and len(self.agents) < AGENTS_LIMIT:
            self.agents[name] = ObservedAgent()
        return self.agents.get(name)

    def _note(self, agent: ObservedAgent, kind: str, payload: bytes) -> str:
        if kind == "availability":
            agent.availability = shortened(payload)
            return agent.availability
        message = json_object(payload)
        if message is None:
            return shortened(payload)
        if kind == "status":
            agent.status = message
        elif kind == "telemetry":
            agent.telemetry = message
            _remember_figures(agent, message)
        describe = {"status": _status, "telemetry": _telemetry, "reply": _reply, "command": _command}
        return describe.get(kind, _whole)(message)


def _remember_figures(agent: ObservedAgent, telemetry: dict[str, object]) -> None:
    for name, place in GRAPHS.items():
        if (value := figure(telemetry, *place)) is not None:
            agent.history[name].append(value)


def json_object(payload: bytes) -> dict[str, object] | None:
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def dig(message: object, *place: str) -> object:
    """What stands at a place in nested objects; None where there is nothing."""
    for name in place:
        message = message.get(name) if isinstance(message, dict) else None
    return message


def figure(message: object, *place: str) -> float | None:
    value = dig(message, *place)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def words(message: object, *place: str) -> str:
    """A text or number at a place, fit for a terminal; empty where there is none."""
    value = dig(message, *place)
    return shortened(str(value)) if isinstance(value, str | int | float) else ""


def shortened(text: str | bytes) -> str:
    """One line of at most `TEXT_LIMIT` characters that can't steer a terminal."""
    if isinstance(text, bytes):
        text = text[: TEXT_LIMIT * 4].decode(errors="replace")
    line = " ".join(printable(text).split())
    return line if len(line) <= TEXT_LIMIT else line[: TEXT_LIMIT - 1] + "…"


def _status(message: dict[str, object]) -> str:
    return " · ".join(
        filter(None, (words(message, "state"), words(message, "reason"), words(message, "model", "name")))
    )


def _telemetry(message: dict[str, object]) -> str:
    parts = [f"{name} {readable(name, value)}" for name, place in GRAPHS.items() if (value := figure(message, *place))]
    return ", ".join(parts)


def _reply(message: dict[str, object]) -> str:
    problem = words(message, "error", "code")
    total_ms = figure(message, "timing_ms", "total")
    took = f"({total_ms:.0f} ms)" if total_ms is not None else ""
    return " ".join(filter(None, (words(message, "id"), problem and f"[{problem}]", words(message, "text"), took)))


def _command(message: dict[str, object]) -> str:
    return f"{words(message, 'id')} {words(message, 'text')}".strip()


def _whole(message: dict[str, object]) -> str:
    return shortened(json.dumps(message, ensure_ascii=False))


def readable(name: str, value: float) -> str:
    """A graph's figure with its unit."""
    if name.endswith("memory"):
        return f"{value / 1_000_000:,.0f} MB"
    digits = 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f} {UNITS[name]}"


def local_time(iso: str) -> str:
    """`2026-01-01T00:00:00Z` as the clock on the wall shows it; as it is where it is no time."""
    try:
        return datetime.fromisoformat(iso).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return iso
