"""What a device announces, says and hears on the broker."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge_agent.errors import SettingsError
from edge_agent.home.simulation.behaviour import Thing
from edge_agent.home.simulation.description import DeviceDescription
from edge_agent.settings import slug

ROOT = "virtual"
Config = dict[str, Any]
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError)


@dataclass(frozen=True)
class Order:
    """What a payload on a command topic wants of a thing."""

    thing: Thing
    action: str
    params: Mapping[str, Any] = field(default_factory=dict)


# Raises an error of a kind in `UNREADABLE` for a payload that the device does not understand.
Hears = Callable[[str], Sequence[Order]]


@dataclass(frozen=True)
class Prefixes:
    """Where devices announce themselves: Home Assistant's prefix, and the first level of the agents' topics."""

    discovery: str
    base: str


@dataclass(frozen=True)
class Device:
    """A device of the virtual home."""

    description: DeviceDescription
    things: tuple[Thing, ...]

    @property
    def name(self) -> str:
        return self.description.name

    @property
    def slug(self) -> str:
        return slug(self.name)

    @property
    def id(self) -> str:
        """Apart from every other device, also those of a real home."""
        return f"virtual_{self.slug}"

    def shown(self, maker: str, model: str) -> Config:
        """The `device` of a discovery configuration."""
        area = {"suggested_area": self.description.area} if self.description.area else {}
        return {"identifiers": [self.id], "name": self.name, "manufacturer": maker, "model": model, **area}

    def refuse_kinds_but(self, kinds: Sequence[str] | frozenset[str]) -> None:
        """Raises SettingsError where one of its things is none of these."""
        for thing in self.things:
            if thing.kind not in kinds:
                raise SettingsError(
                    f"{thing.name}: {self.description.manner} has no {thing.kind}; it has {', '.join(sorted(kinds))}."
                )


@dataclass(frozen=True)
class Speech:
    """Everything of one device by topic. `configs`, `states` and presence are retained, `echo` is not."""

    configs: Mapping[str, Config]
    hears: Mapping[str, Hears]
    states: Callable[[], Mapping[str, str]]
    online: Mapping[str, str]
    offline: Mapping[str, str]
    echo: Callable[[], Mapping[str, str]] = dict


def named(thing: Thing) -> Config:
    """The `name` of a discovery configuration: null where the device's says it, absent where its class does."""
    given = thing.description
    name: Config = {"name": thing.own_name} if thing.own_name else {"name": None}
    if given.device_class is None:
        return name
    named_by_class = thing.own_name == given.device_class.replace("_", " ").capitalize()
    return {"device_class": given.device_class, **({} if named_by_class else name)}


def measure(thing: Thing) -> Config:
    return {"unit_of_measurement": thing.description.unit} if thing.description.unit else {}


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def number(text: str) -> int | float:
    """Whole numbers as int."""
    value = float(text)
    return int(value) if value == int(value) else value


def on_off(thing: Thing) -> str:
    return "ON" if thing.state == "on" else "OFF"


def switching(payload: str) -> str:
    """The action of ON, OFF or TOGGLE. Raises KeyError."""
    return {"ON": "turn_on", "OFF": "turn_off"}[payload.upper()]
