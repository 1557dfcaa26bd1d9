"""What topics tell: payloads of a device's state topics, read into states and attributes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.home.components.options import Options
from edge_agent.home.entity import Entity, StateSource, Value
from edge_agent.home.templates import Template

Told = Mapping[str, Value]
# Reads what a template made of a payload; None stands for Home Assistant's `None`, "not known". What can't be read
# raises, and says nothing then.
Interpretation = Callable[[str | None], Told]

NOTHING: Told = {}
NOT_KNOWN = "None"
STATE_CHARACTERS = 255  # of a state in Home Assistant
UNREADABLE = (ValueError, TypeError, KeyError, ArithmeticError, RecursionError)


@dataclass(frozen=True)
class Reading:
    """One thing that a topic tells."""

    template: Template | None
    interpret: Interpretation

    def read(self, payload: str) -> Told:
        """{} for a payload that says nothing of this, or that can't be read."""
        try:
            text = (payload if self.template is None else self.template.render(value=payload)).strip()
            return self.interpret(None if text == NOT_KNOWN else text) if text else NOTHING
        except UNREADABLE:
            return NOTHING


class Sources:
    """Collects what an entity's topics tell, one source for each topic."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._readings: dict[str, list[Reading]] = {}
        self.tells: set[str] = set()  # "state" and attributes that some topic tells

    def add(self, topic_key: str, template_key: str | None, interpret: Interpretation, *tells: str) -> bool:
        """Whether the configuration has the topic. Raises ValueError for a wrong topic or template."""
        topic = self._options.state_topic(topic_key)
        if topic is None:
            return False
        reading = Reading(self._options.template(template_key), interpret)
        self._readings.setdefault(topic, []).append(reading)
        self.tells.update(tells)
        return True

    def attribute(
        self, name: str, topic_key: str, template_key: str | None, convert: Callable[[str], Value] | None = None
    ) -> bool:
        """A state or attribute that a topic tells by itself; `convert` is `plain` where it is not given."""
        return self.add(topic_key, template_key, valued(name, convert or plain), name)

    def all(self) -> tuple[StateSource, ...]:
        return tuple(StateSource(topic, _Topic(tuple(readings))) for topic, readings in self._readings.items())


@dataclass(frozen=True)
class _Topic:
    """Everything that one topic tells of an entity."""

    readings: tuple[Reading, ...]

    def __call__(self, _: Entity, payload: str) -> Told:
        told: dict[str, Value] = {}
        for reading in self.readings:
            told.update(reading.read(payload))
        return told


def valued(name: str, convert: Callable[[str], Value]) -> Interpretation:
    return lambda text: {name: None if text is None else convert(text)}


def words(*pairs: tuple[str, Value]) -> Callable[[str], Value]:
    """Reads a device's words, each with what it means; another word raises KeyError.

    A JSON boolean comes as `true` or, through a template, as `True`; the configuration has either.
    """
    meanings: dict[str, Value] = {}
    for word, meaning in pairs:
        spellings = (word.lower(), word.capitalize()) if word.lower() in ("true", "false") else (word,)
        for spelling in spellings:
            meanings.setdefault(spelling, meaning)
    return meanings.__getitem__


def one_of(known: Iterable[str]) -> Callable[[str], Value]:
    """Reads words that are ours already."""
    return words(*((word, word) for word in known))


def plain(text: str) -> Value:
    return text[:STATE_CHARACTERS]


def number(text: str) -> int | float:
    """A whole number as int. Raises ValueError for what is none."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return int(value) if value == int(value) else value


def json_object(text: str) -> dict[str, Any]:
    """Raises ValueError for other JSON."""
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  # one exception for all that can't be read
    return value
