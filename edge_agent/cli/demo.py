"""`edge-agent demo`: the real agent on a broker of its own, a virtual home, a few commands, and their figures."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Annotated

import typer

from edge_agent.cli.ask import finish, tell
from edge_agent.cli.asking import Asking, Question
from edge_agent.cli.client import BrokerClient
from edge_agent.cli.console import complain, console, note, printable, problems
from edge_agent.cli.home import HomeOption, home_description
from edge_agent.cli.stage import TELEMETRY_INTERVAL_S, Stage, broker_for, model_at_hand, set_stage
from edge_agent.cli.watch import panel
from edge_agent.errors import AgentError, TimedOut
from edge_agent.home.simulation import Snapshot
from edge_agent.messages import Reply
from edge_agent.settings import ModelSettings, Settings

AGENT = "demo"
ANSWER_TIMEOUT_S = 120
PACE = 0.25  # a blind is down before the next sentence
SESSION = "demo"
IN_THE_KITCHEN: dict[str, object] = {"session": SESSION, "area": "Kitchen"}
QUESTIONS: tuple[tuple[str, dict[str, object]], ...] = (
    ("Turn on the kitchen light", IN_THE_KITCHEN),
    ("Make it a bit darker", IN_THE_KITCHEN),
    ("Set the bedroom blind to 40 percent", IN_THE_KITCHEN),
    ("Is the front door locked?", IN_THE_KITCHEN),
    ("Open the garage door", IN_THE_KITCHEN),
    ("No", IN_THE_KITCHEN),
    ("Which is the largest planet?", {"session": SESSION, "mode": "chat", "max_tokens": 40}),
)


def demo(
    model: Annotated[
        str | None, typer.Option(help="A name, a path or an hf: source; the best that is already here where absent.")
    ] = None,
    broker: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="A broker of yours; one inside the demo where absent.")
    ] = None,
    home: HomeOption = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="End after the examples.")] = False,
) -> None:
    """Start an agent with a broker and a virtual home of its own, tell it a few things, and let you type."""
    started = time.monotonic()
    with problems(), suppress(KeyboardInterrupt), ExitStack() as opened:
        description = home_description(home)
        # What is here, at once; a download only where it was asked for.
        wanted = ModelSettings(source=model or "auto", offline=model is None)
        resolved = model_at_hand(wanted, Settings().agent.state_dir)
        mqtt = broker_for(opened, broker)
        running = set_stage(opened, mqtt, AGENT, {"model": {"source": resolved.path}}, description, pace=PACE)
        running.wait_until_ready()
        note(f"Ready after {time.monotonic() - started:.1f} s, in a home of {_count(running)} virtual devices.\n")
        for text, wishes in QUESTIONS if home is None else ():
            console.print(f"you › {text}", style="bold", markup=False)
            _ask(running, Question(text, {"temperature": 0.2, **wishes}))
        _show_figures(running)
        if sys.stdin.isatty() and not no_input:
            _talk(running)
        note("Stopping the agent.")


def _count(running: Stage) -> int:
    return running.home.call(lambda virtual: virtual.count)


def _ask(running: Stage, question: Question) -> None:
    """Prints the answer as it streams, what it took, and what it changed. Ctrl-C cancels the answer only."""
    before = running.home.call(lambda virtual: virtual.entities())
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
    running.home.wait_for(lambda virtual: virtual.still())
    for change in changes(before, running.home.call(lambda virtual: virtual.entities())):
        console.print(f"  {change}", style="green", markup=False)
    note(_cost(reply) + "\n")


def changes(before: Mapping[str, Snapshot], after: Mapping[str, Snapshot]) -> list[str]:
    """One line for each device that is not as it was: `Kitchen light: off → on, brightness pct 80`."""
    return [_change(before[one], after[one]) for one in after if before[one] != after[one]]


def _change(before: Snapshot, after: Snapshot) -> str:
    state = f"{before.state} → {after.state}" if before.state != after.state else ""
    new = (
        f"{name.replace('_', ' ')} {value}"
        for name, value in after.attributes.items()
        if before.attributes.get(name) != value
    )
    return f"{after.name}: " + ", ".join(filter(None, (state, *new)))


def _cost(reply: Reply) -> str:
    timing, usage = reply.timing_ms, reply.usage
    parts = ["understood by rule"] if reply.handled_by == "intent" else []
    if timing and timing.first_token is None:
        parts.append(f"{timing.total:.0f} ms")
    if timing and timing.first_token is not None:
        parts.append(f"first token {timing.first_token:.0f} ms")
    if usage:
        parts.append(f"{usage.completion_tokens} tokens")
    if timing and usage and timing.first_token is not None and timing.total > timing.first_token:
        parts.append(f"{(usage.completion_tokens - 1) / (timing.total - timing.first_token) * 1000:.1f} tokens/s")
    return " · ".join(parts)


def _show_figures(running: Stage) -> None:
    """The telemetry that came with the answers; waits for one that is younger than the last of them."""
    running.listen(for_s=0.1)  # what waits is older
    until = time.monotonic() + TELEMETRY_INTERVAL_S * 2
    while "telemetry" not in running.listen(for_s=0.2) and time.monotonic() < until:
        running.agent.check()
    console.print(panel(AGENT, running.observed.agents[AGENT]))


def _talk(running: Stage) -> None:
    """Lets the person type until Ctrl-D or Ctrl-C."""
    note("Type to talk to it; Ctrl-D ends the demo. You are in the kitchen.")
    with suppress(EOFError, KeyboardInterrupt):
        import readline  # noqa: F401 (arrow keys and history in `input`)

        while True:
            if text := input("you › ").strip():
                running.agent.check()
                _answer(running, text)
    print()


def _answer(running: Stage, text: str) -> None:
    try:
        _ask(running, Question(text, IN_THE_KITCHEN))
    except TimedOut as error:
        complain(str(error))
    except AgentError:
        running.agent.check()
        raise
