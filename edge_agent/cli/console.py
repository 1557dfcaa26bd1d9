"""How the command line speaks: answers on stdout, everything else on stderr."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from edge_agent.errors import AgentError

console = Console(highlight=False)
error_console = Console(stderr=True, highlight=False)


@contextmanager
def problems() -> Iterator[None]:
    """Turns an AgentError into its message on stderr and exit status 1."""
    try:
        yield
    except AgentError as error:
        complain(str(error))
        raise typer.Exit(1) from None


def complain(message: str) -> None:
    error_console.print(message, style="red", markup=False, soft_wrap=True)


def note(message: str) -> None:
    """A remark that is not part of the answer."""
    error_console.print(message, style="dim", markup=False, soft_wrap=True)


def printable(text: str) -> str:
    """Text from the broker, which may not steer the terminal: control characters but newline and tab become spaces."""
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cf") and c not in "\n\t\u200d" else c for c in text)
