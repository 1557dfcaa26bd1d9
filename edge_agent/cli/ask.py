"""`edge-agent ask`: one command to an agent on the broker, and its answer as it comes."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.broker import Topics
from edge_agent.cli.asking import Asking, Question, find_agent
from edge_agent.cli.client import BrokerClient
from edge_agent.cli.console import complain, note, printable, problems
from edge_agent.cli.options import ConfigOption, SetOption
from edge_agent.configuration import load_settings
from edge_agent.errors import AgentError, InvalidRequest
from edge_agent.messages import Reply

INTERRUPTED = 130
# What an answer may take beyond its own limit, to cross the broker and come back.
SLACK_S = 10.0


class ModeChoice(StrEnum):
    auto = "auto"
    home = "home"
    chat = "chat"


def ask(
    text: Annotated[str, typer.Argument(help="What to say; `-` reads it from standard input.")],
    agent: Annotated[str | None, typer.Option(help="The agent's id; these settings' own, else the only one.")] = None,
    session: Annotated[str | None, typer.Option(help="Conversation that this belongs to.")] = None,
    area: Annotated[str | None, typer.Option(help="The area you are in.")] = None,
    mode: Annotated[ModeChoice, typer.Option(help="home never chats, chat never acts.")] = ModeChoice.auto,
    schema: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JSON Schema file that the answer follows.")
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=0.1, metavar="SECONDS", help="Give up after.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the whole Reply as JSON.")] = False,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Ask an agent and print its answer as it comes."""
    with problems():
        settings = load_settings(config, set_ or [])
        wishes = {
            "session": session,
            "area": area,
            "mode": mode.value,
            "schema": _schema(schema) if schema else None,
            "timeout_s": timeout,
        }
        question = Question(sys.stdin.read().strip() if text == "-" else text, wishes)
        with BrokerClient(settings.mqtt) as client:
            found = find_agent(client, settings.mqtt.base_topic, agent or settings.agent.id, chosen=agent is not None)
            if not agent and found != settings.agent.id:
                note(f"Asking {found}.")
            topics = Topics(settings.mqtt.base_topic, found, settings.home.discovery_prefix)
            asking = Asking(client, topics, question)
            reply = _answer(asking, (timeout or settings.chat.timeout_s) + SLACK_S, quiet=json_)
    if json_:
        print(reply.to_payload().decode())
    elif reply.status == "ok":
        finish(asking.streamed, reply.text)
    if reply.status == "error":
        _fail(reply, asking.streamed, quiet=json_)


def _schema(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise InvalidRequest(f"{path} is not JSON: {error}") from error


def _answer(asking: Asking, timeout_s: float, quiet: bool) -> Reply:
    try:
        asking.publish()
        return asking.reply(
            timeout_s,
            on_text=(lambda _text: None) if quiet else tell,
            on_gone=lambda: note("The agent went offline; it answers once it is back. Ctrl-C gives up."),
        )
    except KeyboardInterrupt:
        with suppress(AgentError, KeyboardInterrupt):
            asking.cancel()
        note("\nCancelled.")
        raise typer.Exit(INTERRUPTED) from None


def tell(text: str) -> None:
    """Prints a piece of an answer at once."""
    sys.stdout.write(printable(text))
    sys.stdout.flush()


def finish(streamed: str, whole: str) -> None:
    """Prints what the stream did not bring of the answer, and ends the line."""
    if whole.startswith(streamed):
        tell(whole[len(streamed) :] + "\n")
    else:
        tell("\n" + whole + "\n")


def _fail(reply: Reply, streamed: str, quiet: bool) -> None:
    if not quiet:
        tell("\n" if streamed else "")
        complain(printable(reply.error.message if reply.error else reply.text))
    raise typer.Exit(1)
