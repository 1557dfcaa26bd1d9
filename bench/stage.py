"""What a benchmark of the daemon runs on: a real broker, the daemon as a process, and a person."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from bench import echo
from bench.asking import Stopwatch
from tests.real_parts import AgentProcess, Mosquitto, Person

CONTEXT = 2048  # what a daemon takes by itself; tests run with less


@dataclass(frozen=True)
class Stage:
    """All that runs: broker, agent, a person with a stopwatch, and a plain echo on the same broker."""

    agent: AgentProcess
    person: Person
    stopwatch: Stopwatch
    echo: Popen[bytes]

    @property
    def worker_pid(self) -> int:
        return self.agent.worker_pid()


@contextmanager
def stage(model: Path, telemetry_s: float) -> Iterator[Stage]:
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="edge-agent-bench-")))
        broker = Mosquitto(folder).start()
        opened.callback(broker.stop)
        person = Person(broker.port)
        opened.callback(person.close)
        echoing = opened.enter_context(Popen([sys.executable, "-m", "bench.echo", str(broker.port)]))
        opened.callback(echoing.terminate)
        person.hear(lambda message: message.topic == echo.READY, "the echo is there")
        agent = AgentProcess(
            folder, broker.port, MODEL__SOURCE=model, INFERENCE__CONTEXT=CONTEXT, TELEMETRY__INTERVAL_S=telemetry_s
        ).start()
        opened.callback(agent.stop)
        yield Stage(agent, person, Stopwatch(person), echoing)
