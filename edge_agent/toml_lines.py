"""Which line of a TOML file a name stands on, which tomllib does not tell."""

from __future__ import annotations

import re
import tomllib

Names = tuple[str, ...]

_TABLE = re.compile(r"^\s*\[\[?(?P<names>[^\]]+)\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*(?P<names>(?:[\w.\-\s]|"[^"]*"|'[^']*')+?)\s*=""")
_MULTILINE_QUOTES = re.compile("\"\"\"|'''")


def lines_of_names(text: str) -> dict[Names, int]:
    """The first line, from 1, of every table and key of a valid TOML text: `("mqtt", "port")` → 3."""
    found: dict[Names, int] = {}
    table: Names = ()
    inside_string = False
    for number, line in enumerate(text.splitlines(), start=1):
        if not inside_string:
            table, names = _names_in(line, table)
            for depth in range(1, len(names) + 1):
                found.setdefault(names[:depth], number)
        inside_string ^= len(_MULTILINE_QUOTES.findall(line)) % 2 == 1
    return found


def _names_in(line: str, table: Names) -> tuple[Names, Names]:
    """The table in force after this line, and the full name that the line defines, empty where it defines none."""
    if header := _TABLE.match(line):
        table = _split(header["names"])
        return table, table
    if key := _KEY.match(line):
        return table, table + _split(key["names"])
    return table, ()


def _split(dotted: str) -> Names:
    """`home."light.kitchen"` → its levels, as TOML reads them; nothing where TOML does not."""
    try:
        level: object = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    names: list[str] = []
    while isinstance(level, dict):
        name, level = next(iter(level.items()))
        names.append(name)
    return tuple(names)
