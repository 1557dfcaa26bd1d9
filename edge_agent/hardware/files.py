"""Files of /proc and /sys, which may be absent, unreadable or empty on any board."""

from __future__ import annotations

from pathlib import Path


def read_text(path: Path) -> str | None:
    """The file without the NULs of device trees and without white space around it; None where it can't be read."""
    try:
        return path.read_text(errors="replace").replace("\0", "").strip() or None
    except OSError:
        return None


def read_int(path: Path) -> int | None:
    """A file that holds one decimal number; None where it can't be read or holds something else."""
    text = read_text(path)
    return int(text) if text and text.lstrip("-").isdigit() else None


def read_names(path: Path) -> tuple[str, ...]:
    """A device tree's list of strings; empty where it can't be read."""
    try:
        return tuple(name for name in path.read_bytes().decode(errors="replace").split("\0") if name)
    except OSError:
        return ()


def read_fields(path: Path) -> dict[str, str]:
    """`name: value` lines, as /proc writes them; of lines of one name the last. Empty where it can't be read."""
    lines = (line.partition(":") for line in (read_text(path) or "").splitlines())
    return {name.strip(): value.strip() for name, colon, value in lines if colon}


def read_list(path: Path) -> frozenset[int]:
    """The kernel's lists of numbers; empty where it can't be read."""
    return numbers(read_text(path) or "")


def numbers(text: str) -> frozenset[int]:
    """`0-3,6` is 0, 1, 2, 3 and 6."""
    ranges = (part.strip().partition("-") for part in text.split(","))
    return frozenset(
        number
        for first, _, last in ranges
        if first.isdigit() and (last or first).isdigit()
        for number in range(int(first), int(last or first) + 1)
    )
