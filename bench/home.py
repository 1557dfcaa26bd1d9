"""`python -m bench.home`: what a home costs the daemon, through a real broker and without a model.

From a known sentence to the device's topic and to the Reply, in a small home and in a large one; learning the large one
at start; the daemon's memory with each.
"""

from __future__ import annotations

import argparse
import json
import queue
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from bench import echo
from bench.asking import Arrival
from bench.daemon import machine
from bench.figures import Figure, Target, quantiles, tables
from bench.house import COMMANDS, House, obey
from bench.processes import Memory
from tests.real_parts import AgentProcess, Mosquitto, Person, Received

SMALL, LARGE = 40, 1000
FIRST_COMMANDS = 21  # not counted: what they wait for is loaded once
PATIENCE_S = 30.0
P50_MS, P99_MS, RATIO, LEARN_S = 10, 30, 1.5, 3
MEMORY_MB = {SMALL: 60, LARGE: 120}


class Occupant:
    """Speaks to the agent, is all the devices as well, and notes the time of whatever comes back."""

    def __init__(self, port: int, root: str) -> None:
        self._root = root
        self._arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.max_inflight_messages_set(0)
        self._client.message_callback_add(COMMANDS, self._be_told)
        self._client.on_message = self._note
        self._client.on_subscribe = lambda *_: self._arrivals.put(Arrival("", b"", 0))
        self._client.connect("127.0.0.1", port)
        echo.set_nodelay(self._client)
        self._client.loop_start()
        self._client.subscribe([(COMMANDS, 0), (f"{root}/reply", 1), (echo.ANSWERED, 1)])
        self._next()

    def announce(self, house: House) -> None:
        """Returns when the broker has all of it."""
        sent = [self._client.publish(topic, payload, 1, retain=True) for topic, payload in house.announcements()]
        for message in sent:
            message.wait_for_publish(PATIENCE_S)

    def wish(self, text: str, device_topic: str) -> tuple[float, float]:
        """Seconds to the device's topic, and to the Reply. Raises RuntimeError where something else comes."""
        sent_s = time.monotonic()
        self._client.publish(f"{self._root}/command", json.dumps({"text": text}), 1)
        told = self._next()
        if told.topic != device_topic:
            raise RuntimeError(f"{text!r} did not lead to {device_topic} but to {told}")
        replied = self._next()
        if [one["result"] for one in json.loads(replied.payload).get("actions", ())] != ["confirmed"]:
            raise RuntimeError(f"{text!r} led to {replied}")
        return told.at_s - sent_s, replied.at_s - sent_s

    def echo_s(self, text: str) -> float:
        """Of a payload like a command's."""
        sent_s = time.monotonic()
        self._client.publish(echo.ASKED, json.dumps({"text": text}), 1)
        return self._next().at_s - sent_s

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _be_told(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        self._note(client, userdata, message)
        obey(client, message.topic, bytes(message.payload))

    def _note(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        self._arrivals.put(Arrival(message.topic, bytes(message.payload), time.monotonic()))

    def _next(self) -> Arrival:
        return self._arrivals.get(timeout=PATIENCE_S)


@dataclass(frozen=True)
class Inhabited:
    """A house, whoever lives in it, and the agent that has just learned it."""

    house: House
    occupant: Occupant
    agent: AgentProcess
    learned_s: float  # from its being online to the Status that counts all of it
    memory: Memory  # when it had learned it


@contextmanager
def inhabited(devices: int) -> Iterator[Inhabited]:
    """On a broker of its own, which has the house before the agent starts."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="edge-agent-bench-")))
        broker = Mosquitto(folder).start()
        opened.callback(broker.stop)
        agent = AgentProcess(folder, broker.port, MODEL__SOURCE=folder / "none.gguf", TELEMETRY__INTERVAL_S=30)
        occupant = Occupant(broker.port, f"edge-agent/{agent.agent}")
        opened.callback(occupant.close)
        house = House(devices)
        occupant.announce(house)
        echoing = opened.enter_context(Popen([sys.executable, "-m", "bench.echo", str(broker.port)]))
        opened.callback(echoing.terminate)
        learned_s = _learn(broker, agent.start(), house.devices)
        opened.callback(agent.stop)
        yield Inhabited(house, occupant, agent, learned_s, Memory.of(agent.pid))


def _learn(broker: Mosquitto, agent: AgentProcess, devices: int) -> float:
    person = Person(broker.port, agent.agent)
    try:
        person.hear(lambda message: message.topic == echo.READY, "the echo is there")
        person.hear(lambda message: message.topic.endswith("/availability"), "it is online")
        online_s = time.monotonic()
        person.hear(lambda message: _counts(message, devices), f"it has learned {devices} devices")
        return time.monotonic() - online_s
    finally:
        person.close()


def _counts(message: Received, devices: int) -> bool:
    if not message.topic.endswith("/status"):
        return False
    status: dict[str, Any] = message.json()
    return status["state"] != "starting" and bool(status["home"]["devices"] == devices)


@dataclass(frozen=True)
class Times:
    """Seconds of each command."""

    told: list[float]
    replied: list[float]


def times(homes: list[Inhabited], commands: int) -> list[Times]:
    """Of each home, a command at a time and in turn, so that a third party's load falls on all alike."""
    measured = [Times([], []) for _ in homes]
    for number in range(FIRST_COMMANDS + commands):
        for home, of_home in zip(homes, measured, strict=True):
            told_s, replied_s = home.occupant.wish(*home.house.saying(number))
            if number >= FIRST_COMMANDS:
                of_home.told.append(told_s)
                of_home.replied.append(replied_s)
    return measured


def latency(homes: list[Inhabited], commands: int) -> Iterator[Figure]:
    measured = times(homes, commands)
    echoes = [homes[0].occupant.echo_s(homes[0].house.saying(number)[0]) for number in range(commands)]
    least = {name: 1000 * value_s for name, value_s in quantiles(echoes, 50, 95, 99).items()}
    targets = {"p50": Target(P50_MS), "p99": Target(P99_MS)}
    for home, of_home in zip(homes, measured, strict=True):
        table = (
            f"A known sentence in a home of {home.house.devices} devices, {commands} commands; baseline: an MQTT echo"
        )
        for what, values in (("to the device's topic", of_home.told), ("to the Reply", of_home.replied)):
            for name, value_s in quantiles(values, 50, 95, 99).items():
                wanted = targets.get(name) if values is of_home.told else None
                yield Figure(table, f"{what}, {name}", 1000 * value_s, "ms", least[name], wanted)
    small, large = (quantiles(each.told, 50, 99) for each in measured)
    table = f"{homes[1].house.devices} devices, as a multiple of {homes[0].house.devices}"
    for name in small:
        wanted = Target(RATIO) if name == "p50" else None
        yield Figure(table, f"to the device's topic, {name}", large[name] / small[name], "", target=wanted)


def costs(homes: list[Inhabited]) -> Iterator[Figure]:
    table = "Learning what the broker retains, and the daemon's memory"
    for home in homes:
        size = home.house.devices
        wanted = Target(LEARN_S) if size == LARGE else None
        yield Figure(table, f"{size} devices: from online to known", home.learned_s, "s", target=wanted)
    for home in homes:
        size, used = home.house.devices, Memory.of(home.agent.pid)
        limit = Target(MEMORY_MB[size])
        yield Figure(table, f"{size} devices: RSS when known", home.memory.rss_mb, "MB", target=limit)
        yield Figure(table, f"{size} devices: RSS after the commands", used.rss_mb, "MB", target=limit)
        yield Figure(table, f"{size} devices: USS after the commands", used.uss_mb, "MB")


def main() -> int:
    """0: every target is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.home", description=__doc__)
    parser.add_argument("--json", type=Path, help="file for the figures as JSON")
    parser.add_argument("--commands", type=int, default=350, help="commands whose latency is measured in each home")
    given = parser.parse_args()
    header = f"no model, {machine()}"
    with inhabited(SMALL) as small, inhabited(LARGE) as large:
        homes = [small, large]
        figures = [*latency(homes, given.commands), *costs(homes)]
    print("\n\n".join((header, *tables(figures))))
    if given.json:
        given.json.write_text(json.dumps({"run": header, "figures": [figure.as_json() for figure in figures]}))
    return int(any(figure.met is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
