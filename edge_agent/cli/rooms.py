"""Rooms and what their devices are at, for `watch`: a line a room, what changed last standing out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.table import Table
from rich.text import Text

from edge_agent.cli.console import printable
from edge_agent.home import Entity, Home

RECENT_S = 8.0
NOWHERE = "elsewhere"
# What is told beside the state, by kind: attribute and unit.
TOLD: Mapping[str, tuple[str, str]] = {
    "light": ("brightness_pct", " %"),
    "fan": ("percentage", " %"),
    "cover": ("position", " %"),
    "climate": ("temperature", "°"),
    "humidifier": ("humidity", " %"),
    "media_player": ("volume_level", " %"),
}
STATELESS = frozenset({"scene", "script", "button", "event"})


@dataclass(frozen=True)
class Room:
    """A room, and its devices as they were at one moment."""

    name: str
    entities: Sequence[Entity]

    @property
    def changed_s(self) -> float:
        return max(entity.changed_s for entity in self.entities)


def rooms_of(home: Home) -> list[Room]:
    """By floor and name; copies, which another thread may read."""
    floors = {area.name: area.floor or "" for area in home.areas.values()}
    found: dict[str, list[Entity]] = {}
    for entity in home.entities.values():
        if entity.kind not in STATELESS:
            copied = replace(entity, attributes=dict(entity.attributes))
            found.setdefault(entity.area or NOWHERE, []).append(copied)
    return [Room(name, found[name]) for name in sorted(found, key=lambda name: (floors.get(name, "~"), name))]


def rooms_table(rooms: Iterable[Room], most: int, since_s: float = 0) -> Table:
    """A line a room; where there is no place for all, those that changed last.

    What changed before `since_s` of the monotonic clock was learned then, and does not stand out.
    """
    since_s = max(since_s, time.monotonic() - RECENT_S)
    shown = list(rooms)
    if len(shown) > most:
        latest = sorted(shown, key=lambda room: -room.changed_s)[:most]
        shown = [room for room in shown if room in latest]
    table = Table.grid(padding=(0, 2))
    for room in shown:
        table.add_row(Text(printable(room.name), style="bold"), _devices(room, since_s))
    return table


def _devices(room: Room, since_s: float) -> Text:
    """What changed last comes first, then what is on, then the rest."""
    line = Text(overflow="ellipsis", no_wrap=True)
    for entity in sorted(room.entities, key=lambda one: (-_lately(one, since_s), not one.is_on, one.name)):
        line.append(" · " if line else "")
        line.append(_device(entity, room.name), style=_style(entity, since_s))
    return line


def _lately(entity: Entity, since_s: float) -> float:
    """When it changed, if that is not long ago; else 0."""
    return entity.changed_s if entity.changed_s > since_s else 0


def _style(entity: Entity, since_s: float) -> str:
    if not entity.available:
        return "dim strike"
    if _lately(entity, since_s):
        return "bold yellow"
    return "green" if entity.is_on and entity.kind != "sensor" else "dim"


def _device(entity: Entity, room: str) -> str:
    """`ceiling light on 80 %`: without the room's name, which stands before it."""
    name = entity.name
    if name.casefold().startswith(f"{room.casefold()} "):
        name = name[len(room) + 1 :]
    unit = f" {entity.unit}" if entity.kind in ("sensor", "number") and entity.unit else ""
    return printable(f"{name} {entity.state or '?'}{unit}{_told(entity)}")


def _told(entity: Entity) -> str:
    attribute, unit = TOLD.get(entity.kind, ("", ""))
    value = entity.attributes.get(attribute)
    if not isinstance(value, int | float) or (entity.kind in ("light", "fan") and not entity.is_on):
        return ""
    return f" {value:g}{unit}"
