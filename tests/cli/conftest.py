"""A real mosquitto, the real program, and a peer on the broker that answers as the contract says, from a script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.real_parts import Mosquitto

PROGRAM = Path(sys.executable).with_name("edge-agent")
Answer = Callable[["Peer", dict[str, object]], None]


@pytest.fixture
def port(mosquitto: Mosquitto) -> int:
    """Of the session's broker; tests stay apart by their agents' ids."""
    return mosquitto.port


@dataclass
class Program:
    """`edge-agent` with these variables and no file of this machine."""

    environ: dict[str, str]

    def _start(self, *arguments: str, **how: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(PROGRAM), *arguments],
            env=self.environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **how,  # type: ignore[call-overload]
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return self._start(*arguments, stdin=subprocess.DEVNULL)

    def __call__(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        with self._start(*arguments, stdin=subprocess.PIPE) as process:
            output, errors = process.communicate(text, timeout=170)
            return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_AGENT_")}
    (tmp_path / "empty.toml").touch()
    return Program({**kept, "EDGE_AGENT_CONFIG": str(tmp_path / "empty.toml"), "COLUMNS": "200", "NO_COLOR": "1"})


@pytest.fixture
def on_broker(program: Program, port: int) -> Program:
    program.environ |= {"EDGE_AGENT_MQTT__PORT": str(port)}
    return program


@dataclass
class Peer:
    """Stands for an agent on the broker; `answer` says what it does with a command."""

    port: int
    id: str
    answer: Answer
    commands: list[dict[str, object]] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = self._on_message
        ready = threading.Event()
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", self.port)
        self._client.subscribe([(f"{self.root}/command", 1), (f"{self.root}/cancel", 1)])
        self._client.loop_start()
        assert ready.wait(10)
        self.say("availability", b"online", retain=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.say("availability", b"", retain=True)
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def root(self) -> str:
        return f"edge-agent/{self.id}"

    def _on_message(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("/cancel"):
            self.cancelled.set()
            return
        command = json.loads(message.payload)
        command["response_topic"] = getattr(message.properties, "ResponseTopic", None)
        command["correlation_data"] = getattr(message.properties, "CorrelationData", None)
        self.commands.append(command)
        self.answer(self, command)

    def say(self, topic: str, payload: bytes, retain: bool = False) -> None:
        sent = self._client.publish(f"{self.root}/{topic}", payload, 1, retain)
        if threading.current_thread() is threading.main_thread():
            sent.wait_for_publish(10)

    def chunk(self, command: dict[str, object], seq: int, text: str, done: bool = False) -> None:
        chunk = {"id": command["id"], "seq": seq, "text": text, "done": done}
        self._client.publish(f"{self.root}/stream/{command['id']}", json.dumps(chunk))

    def reply(self, command: dict[str, object], text: str, **fields: object) -> None:
        payload = json.dumps({"id": command["id"], "status": "ok", "text": text, **fields})
        self._client.publish(f"{self.root}/reply", payload, 1)
        if topic := command["response_topic"]:
            properties = Properties(PacketTypes.PUBLISH)
            properties.CorrelationData = command["correlation_data"]
            self._client.publish(str(topic), payload, 1, properties=properties)


@pytest.fixture
def peer(port: int, request: pytest.FixtureRequest) -> Callable[[Answer], Peer]:
    """Makes a peer whose id is this test's own."""
    return lambda answer: Peer(port, f"t{abs(hash(request.node.nodeid)):x}", answer)
