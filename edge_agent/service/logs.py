"""Logs: one event, one line, for journald: `<6>commands: answered id=7f3a by=llm total_ms=840`.

The journal has the time; `<6>` is the priority it reads, left out on a terminal. What `extra=` gives is shown as
key=value. No line can be forged by what it holds, and no error of a library can bring in what a person said.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from types import TracebackType
from typing import TextIO

from edge_agent.errors import AgentError

PACKAGE = "edge_agent"
VALUE_LIMIT = 500  # characters
PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
OWN_FIELDS = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


def set_up_logging(level: int | str = logging.INFO, stream: TextIO | None = None) -> None:
    """Log to stderr: the agent's events from `level` on, of libraries only warnings. Tracebacks at DEBUG only."""
    output = stream or sys.stderr
    handler = logging.StreamHandler(output)
    handler.setFormatter(EventFormatter(priorities=not output.isatty()))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(PACKAGE).setLevel(level)
    logging.captureWarnings(True)


class EventFormatter(logging.Formatter):
    """A record as one line; the lines of a traceback behind it where the agent logs at DEBUG."""

    def __init__(self, *, priorities: bool) -> None:
        super().__init__()
        self._priorities = priorities

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in vars(record).items() if name not in OWN_FIELDS}
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            fields["error"] = describe(error)
        words = [f"{_shown(record.name)}: {one_line(record.getMessage())}"]
        words += [f"{name}={_value(value)}" for name, value in fields.items() if value is not None]
        lines = [self._prefix(record.levelno) + " ".join(words)]
        if error is not None and logging.getLogger(PACKAGE).isEnabledFor(logging.DEBUG):
            lines += [self._prefix(logging.DEBUG) + one_line(line) for line in self._traceback(record)]
        return "\n".join(lines)

    def _prefix(self, level: int) -> str:
        reached = max((step for step in PRIORITIES if step <= level), default=logging.DEBUG)
        return f"<{PRIORITIES[reached]}>" if self._priorities else ""

    def _traceback(self, record: logging.LogRecord) -> list[str]:
        return self.formatException(record.exc_info).splitlines() if record.exc_info else []


def describe(error: BaseException) -> str:
    """What went wrong and where, on one line. Own and system errors' words only: others may quote people."""
    words = str(error) if isinstance(error, AgentError | OSError) else ""
    return " ".join(filter(None, [type(error).__name__ + (":" if words else ""), words, _place(error.__traceback__)]))


def _place(trace: TracebackType | None) -> str:
    """`at session.py:82`, the innermost."""
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def one_line(text: str) -> str:
    """Line breaks, control characters and all else that is not printed, as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def _shown(logger: str) -> str:
    """`edge_agent.commands.inbox` → `commands.inbox`."""
    return one_line(logger.removeprefix(PACKAGE + ".")) or logger


def _value(value: object) -> str:
    """Numbers and names bare; what holds a space, a quote or an equals sign in quotes, so that keys stay keys."""
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    text = text if len(text) <= VALUE_LIMIT else text[: VALUE_LIMIT - 1] + "…"
    quoted = not text or any(character in ' "=\\' or not character.isprintable() for character in text)
    return one_line(json.dumps(text, ensure_ascii=False)) if quoted else text
