"""One line an event on stderr, in journald's form."""

from __future__ import annotations

import sys

ERROR, WARNING = 3, 4


def say(priority: int, text: str) -> None:
    """Write `<priority>inference: text`, whatever the text holds, as one line."""
    print(f"<{priority}>inference: {' '.join(text.split())}", file=sys.stderr, flush=True)
