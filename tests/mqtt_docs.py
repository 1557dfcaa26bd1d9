"""docs/mqtt.md, read as what it promises: examples by message, and tables of names by section."""

from __future__ import annotations

import re
from pathlib import Path

PATH = Path(__file__).parents[1] / "docs" / "mqtt.md"
EXAMPLE = re.compile(r"^```json (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^#{2,3} (.+?)\n(.*?)(?=^#{2,3} |\Z)", re.MULTILINE | re.DOTALL)


def text() -> str:
    return PATH.read_text()


def examples() -> list[tuple[str, str]]:
    """(message, JSON) of every example, in order."""
    return EXAMPLE.findall(text())


def names(section: str) -> list[str]:
    """What stands in backticks in the first column of the section's table."""
    rows = re.findall(r"^\| (`.*?) \|", dict(SECTION.findall(text()))[section], re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
