"""`edge-agent watch`: agents, their figures, rooms and devices, and the commands and replies that pass."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from typing import Annotated

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge_agent.cli.background import Background
from edge_agent.cli.client import BrokerClient, Heard
from edge_agent.cli.console import console, note, problems
from edge_agent.cli.learning import learned_home
from edge_agent.cli.observed import Observed, ObservedAgent, local_time, readable, words
from edge_agent.cli.options import ConfigOption, SetOption
from edge_agent.cli.rooms import Room, rooms_of, rooms_table
from edge_agent.configuration import load_settings
from edge_agent.errors import BrokerError, InvalidRequest
from edge_agent.home import Home
from edge_agent.settings import Settings

BARS = "▁▂▃▄▅▆▇█"
REFRESHES_PER_SECOND = 4
LINES_PER_AGENT = 14
LINES_OF_PASSED = 5  # at least


def watch(
    agent: Annotated[str | None, typer.Option(help="The agent's id; all agents where absent.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All agents, as without --agent.")] = False,
    no_home: Annotated[bool, typer.Option("--no-home", help="Leave out rooms and devices.")] = False,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Watch agents: status, figures, rooms and devices, and commands and replies as they pass. Ctrl-C ends it.

    In a pipe it prints a line a message of the agents, and leaves out rooms and devices.
    """
    with problems():
        if agent and all_:
            raise InvalidRequest("Give --agent or --all, not both.")
        settings = load_settings(config, set_ or [])
        observed = Observed(settings.mqtt.base_topic, agent)
        with ExitStack() as opened, BrokerClient(settings.mqtt) as client, suppress(KeyboardInterrupt):
            client.subscribe(*observed.filters)
            if console.is_terminal:
                _show(client, observed, None if no_home else _home(opened, settings))
            else:
                _print(client, observed)


def _print(client: BrokerClient, observed: Observed) -> None:
    with suppress(BrokenPipeError):
        while True:
            heard = client.receive(timeout_s=3600)
            if heard and (passed := observed.hear(heard)):
                print(passed, flush=True)


def _home(opened: ExitStack, settings: Settings) -> Background[Home] | None:
    """None where the home can't be learned: the agents are still worth watching."""
    try:
        return opened.enter_context(Background(lambda: learned_home(settings)))
    except BrokerError as error:
        note(f"Rooms and devices are left out: {error}")
        return None


def _show(client: BrokerClient, observed: Observed, home: Background[Home] | None) -> None:
    note("Watching; Ctrl-C ends it.")
    logging.getLogger("edge_agent").setLevel(logging.CRITICAL)  # the screen is the picture's
    started_s = time.monotonic()
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            rooms = home.call(rooms_of) if home else ()
            live.update(picture(observed, console, rooms, started_s), refresh=True)
            for heard in _within(client, 1 / REFRESHES_PER_SECOND):
                observed.hear(heard)


def _within(client: BrokerClient, seconds: float) -> Iterable[Heard]:
    first = client.receive(timeout_s=seconds)
    return [first, *client.receive_all(seconds)] if first else []


def picture(observed: Observed, console: Console, rooms: Sequence[Room] = (), since_s: float = 0) -> RenderableType:
    """Everything on one screen: a panel an agent, below them the rooms, and below those the latest that passed.

    What devices were at by `since_s` of the monotonic clock does not stand out as new.
    """
    if not observed.agents and not rooms:
        return Text("Nothing heard yet: no agent has been on this broker.", style="dim")
    panels = [panel(name, agent) for name, agent in sorted(observed.agents.items())]
    left = console.height - len(panels) * LINES_PER_AGENT
    shown = rooms_table(rooms, most=max(left - LINES_OF_PASSED, LINES_OF_PASSED), since_s=since_s)
    room = max(left - shown.row_count, LINES_OF_PASSED)
    latest = [passed for passed in observed.passed if passed.kind not in ("telemetry", "availability")][-room:]
    lines = [Text(str(passed), overflow="ellipsis", no_wrap=True) for passed in latest]
    return Group(*panels, shown, *lines)


def panel(name: str, agent: ObservedAgent) -> Panel:
    """One agent: its availability, Status and the graphs of its Telemetry."""
    colour = {"online": "green", "offline": "red"}.get(agent.availability, "yellow")
    title = Text.assemble((f"● {name} ", colour), agent.availability)
    return Panel(Group(*_status_lines(agent), _graphs(agent)), title=title, title_align="left")


def _status_lines(agent: ObservedAgent) -> list[Text]:
    status = agent.status
    since = words(status, "since")
    state = [words(status, "state"), since and f"since {local_time(since)}", words(status, "reason")]
    model = [words(status, "model", "name"), words(status, "model", "quantization"), words(status, "device", "board")]
    tuning = [_labelled(status, "tuning", name) for name in ("threads", "gpu_layers", "context", "batch", "kv_type")]
    counts = [_labelled(agent.telemetry, "commands", name) for name in ("total", "llm", "errors", "queued", "active")]
    lines = (" · ".join(filter(None, parts)) for parts in (state, model, tuning, counts))
    return [Text(line, overflow="ellipsis", no_wrap=True) for line in lines if line]


def _labelled(message: dict[str, object], section: str, name: str) -> str:
    value = words(message, section, name)
    return f"{name.replace('_', ' ')} {value}" if value else ""


def _graphs(agent: ObservedAgent) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, values in agent.history.items():
        if values:
            table.add_row(
                name, Text(readable(name, values[-1]), justify="right"), Text(sparkline(values), style="cyan")
            )
    return table


def sparkline(values: Iterable[float]) -> str:
    """Figures as little bars, from the lowest to the highest of them; all in the middle where they are equal."""
    figures = list(values)
    low, high = min(figures), max(figures)
    if low == high:
        return BARS[3] * len(figures)
    return "".join(BARS[round((value - low) / (high - low) * (len(BARS) - 1))] for value in figures)
