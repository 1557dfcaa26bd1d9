"""One thing that `edge-agent doctor` looked at."""

from __future__ import annotations

from typing import Literal

from edge_agent.messages import Message


class Finding(Message):
    """`remedy` says what to do where it is not right."""

    id: str
    severity: Literal["ok", "warning", "error"]
    message: str
    remedy: str | None = None


def fine(about: str, message: str) -> Finding:
    return Finding(id=about, severity="ok", message=message)


def warning(about: str, message: str, remedy: str) -> Finding:
    return Finding(id=about, severity="warning", message=message, remedy=remedy)


def wrong(about: str, message: str, remedy: str) -> Finding:
    return Finding(id=about, severity="error", message=message, remedy=remedy)
