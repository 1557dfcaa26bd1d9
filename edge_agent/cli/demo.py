"""`edge-agent demo`: the real agent on a broker of its own, a few commands, and the figures that came with them."""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

from edge_agent import models
from edge_agent.broker import Topics
from edge_agent.cli.agent_process import AgentProcess
from edge_agent.cli.ask import finish, tell
from edge_agent.cli.asking import Asking, Question
from edge_agent.cli.client import BrokerClient
from edge_agent.cli.console import complain, console, error_console, note, printable, problems
from edge_agent.cli.embedded_broker import EmbeddedBroker
from edge_agent.cli.observed import Observed, words
from edge_agent.cli.watch import panel
from edge_agent.errors import AgentError, InvalidRequest, TimedOut
from edge_agent.messages import Reply
from edge_agent.settings import ModelSettings, MqttSettings, Settings

AGENT = "demo"
START_TIMEOUT_S = 300
ANSWER_TIMEOUT_S = 120
TELEMETRY_INTERVAL_S = 2
SESSION = "demo"
FRUIT_SCHEMA = {
    "type": "object",
    "properties": {"fruit": {"type": "string", "maxLength": 20}, "colour": {"enum": ["red", "green", "yellow"]}},
    "required": ["fruit", "colour"],
    "additionalProperties": False,
}
QUESTIONS: tuple[tuple[str, dict[str, object]], ...] = (
    ("Hello! What can you do?", {"max_tokens": 60}),
    ("What is the capital of France?", {"session": SESSION, "max_tokens": 40}),
    ("And the capital of Italy?", {"session": SESSION, "max_tokens": 40}),
    ("Name a fruit and its colour, as JSON.", {"schema": FRUIT_SCHEMA, "max_tokens": 60}),
)


@dataclass(frozen=True)
class Demo:
    """What the demo talks to: the broker, the agent's process and topics, and what has been heard."""

    mqtt: MqttSettings
    agent: AgentProcess
    topics: Topics
    listener: BrokerClient
    observed: Observed

    def listen(self, for_s: float) -> list[str]:
        """Kinds of what arrives within this time; remembers it."""
        return [passed.kind for heard in self.listener.receive_all(for_s) if (passed := self.observed.hear(heard))]


def demo(
    model: Annotated[
        str | None, typer.Option(help="A name, a path or an hf: source; the best that is already here where absent.")
    ] = None,
    broker: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="A broker of yours; one inside the demo where absent.")
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="End after the examples.")] = False,
) -> None:
    """Start an agent with a broker of its own, ask it a few things, and let you type."""
    started = time.monotonic()
    with problems(), suppress(KeyboardInterrupt), ExitStack() as opened:
        resolved = _model(model)
        note(f"Model: {resolved.name} ({resolved.path.stat().st_size / 1_000_000:.0f} MB)")
        running = _start(opened, _broker(opened, broker), resolved.path)
        _wait_until_ready(running)
        note(f"Ready after {time.monotonic() - started:.1f} s.\n")
        for text, wishes in QUESTIONS:
            console.print(f"you › {text}", style="bold", markup=False)
            _ask(running, Question(text, {"temperature": 0.2, **wishes}))
        _show_figures(running)
        if sys.stdin.isatty() and not no_input:
            _talk(running)
        note("Stopping the agent.")


def _model(wanted: str | None) -> models.ResolvedModel:
    """What is here, at once; a download only where it was asked for, and then with a progress bar."""
    settings = ModelSettings(source=wanted or "auto", offline=wanted is None)
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=error_console, transient=True) as progress:
        task = progress.add_task("Getting the model", total=None, visible=False)

        def on_progress(here_bytes: int, all_bytes: int) -> None:
            progress.update(task, completed=here_bytes, total=all_bytes, visible=True)

        memory_bytes = psutil.virtual_memory().total
        return models.resolve(settings, Settings().agent.state_dir, memory_bytes, on_progress)


def _broker(opened: ExitStack, given: str | None) -> MqttSettings:
    if given is None:
        return MqttSettings(port=opened.enter_context(EmbeddedBroker()).port)
    host, _, port = given.rpartition(":")
    if not host or not port.isdigit():
        raise InvalidRequest(f"--broker takes HOST:PORT, as in 127.0.0.1:1883; it got {given}.")
    return MqttSettings(host=host, port=int(port))


def _start(opened: ExitStack, mqtt: MqttSettings, model: Path) -> Demo:
    folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="edge-agent-demo-")))
    observed = Observed(mqtt.base_topic, AGENT)
    listener = opened.enter_context(BrokerClient(mqtt))
    listener.subscribe(*observed.filters)
    settings: dict[str, dict[str, object]] = {
        "agent": {"id": AGENT, "grace_s": 2},
        "mqtt": {"host": mqtt.host, "port": mqtt.port},
        "model": {"source": model},
        "telemetry": {"interval_s": TELEMETRY_INTERVAL_S},
    }
    agent = opened.enter_context(AgentProcess(folder, settings))
    return Demo(mqtt, agent, Topics(mqtt.base_topic, AGENT, "homeassistant"), listener, observed)


def _wait_until_ready(running: Demo) -> None:
    """Tells each new state. Raises AgentError where the agent ends or never gets ready."""
    until, told = time.monotonic() + START_TIMEOUT_S, ""
    while time.monotonic() < until:
        running.agent.check()
        running.listen(for_s=0.2)
        status = running.observed.agents[AGENT].status if AGENT in running.observed.agents else {}
        state = " · ".join(filter(None, (words(status, "state"), words(status, "reason"))))
        if state != told:
            note(f"Agent: {state}")
            told = state
        if words(status, "state") in ("ready", "degraded"):
            return
    raise TimedOut(f"The agent was not ready within {START_TIMEOUT_S} s. Its last words:\n{running.agent.last_words()}")


def _ask(running: Demo, question: Question) -> None:
    """Prints the answer as it streams, and what it took. Ctrl-C cancels the answer only."""
    with BrokerClient(running.mqtt) as client:
        asking = Asking(client, running.topics, question)
        tell(f"{AGENT} › ")
        try:
            asking.publish()
            reply = asking.reply(ANSWER_TIMEOUT_S, on_text=tell, on_gone=running.agent.check)
        except KeyboardInterrupt:
            asking.cancel()
            note("\nCancelled.\n")
            return
    if reply.status == "ok":
        finish(asking.streamed, reply.text)
    else:
        complain("\n" + printable(reply.error.message if reply.error else reply.text))
    note(_cost(reply) + "\n")


def _cost(reply: Reply) -> str:
    parts = []
    timing, usage = reply.timing_ms, reply.usage
    if timing and timing.first_token is not None:
        parts.append(f"first token {timing.first_token:.0f} ms")
    if usage:
        parts.append(f"{usage.completion_tokens} tokens")
    if timing and usage and timing.first_token is not None and timing.total > timing.first_token:
        parts.append(f"{(usage.completion_tokens - 1) / (timing.total - timing.first_token) * 1000:.1f} tokens/s")
    return " · ".join(parts)


def _show_figures(running: Demo) -> None:
    """The telemetry that came with the answers; waits for one that is younger than the last of them."""
    running.listen(for_s=0.1)  # what waits is older
    until = time.monotonic() + TELEMETRY_INTERVAL_S * 2
    while "telemetry" not in running.listen(for_s=0.2) and time.monotonic() < until:
        running.agent.check()
    console.print(panel(AGENT, running.observed.agents[AGENT]))


def _talk(running: Demo) -> None:
    """Lets the person type until Ctrl-D or Ctrl-C."""
    note("Type to talk to it; Ctrl-D ends the demo.")
    with suppress(EOFError, KeyboardInterrupt):
        import readline  # noqa: F401 (arrow keys and history in `input`)

        while True:
            if text := input("you › ").strip():
                running.agent.check()
                _answer(running, text)
    print()


def _answer(running: Demo, text: str) -> None:
    try:
        _ask(running, Question(text, {"session": SESSION}))
    except TimedOut as error:
        complain(str(error))
    except AgentError:
        running.agent.check()
        raise
