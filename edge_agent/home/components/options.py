"""A component's configuration, read with checks: every mistake is a ValueError that says what to change."""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Mapping
from typing import Any

from edge_agent.home.components.commands import Command
from edge_agent.home.templates import Template

# Why a topic must not be published to, as the end of a sentence; None where it may be.
Refuses = Callable[[str], str | None]

TOPIC_BYTES = 65_535
SHOWN_CHARACTERS = 60  # of a wrong value in an error message
READABLE_ENCODINGS = ("utf-8", "ascii")


class Options:
    """What the configuration says, by Home Assistant's long keys. But for payloads, null is the same as no such key."""

    def __init__(self, config: Mapping[str, Any], refuses: Refuses) -> None:
        """Raises ValueError for a wrong `qos`, `retain` or `encoding`."""
        self._config = config
        self._refuses = refuses
        self._qos = self.integer("qos", 0)
        self._retain = self.flag("retain")
        if self._qos not in (0, 1, 2):
            raise ValueError(f"`qos` is {self._qos}; it must be 0, 1 or 2.")
        self._check_encoding()

    def __contains__(self, key: str) -> bool:
        return self._config.get(key) is not None

    def nullable_text(self, key: str, default: str | None = None) -> str | None:
        """None where the configuration says null, which switches a payload off. Booleans are `True` and `False`."""
        value = self._config.get(key, default)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool | int | float):
            return str(value)
        raise ValueError(f"`{key}` must be text; it is {_shown(value)}.")

    def text(self, key: str, default: str) -> str:
        text = self.nullable_text(key, default)
        return default if text is None else text

    def number(self, key: str, default: float) -> float:
        value = self._config.get(key)
        try:
            number = default if value is None else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if isinstance(value, bool) or not math.isfinite(number):
            raise ValueError(f"`{key}` must be a number; it is {_shown(value)}.")
        return number

    def step(self, key: str) -> float:
        """The step of a value; 1 where it is not said."""
        step = self.number(key, 1)
        if step <= 0:
            raise ValueError(f"`{key}` is {step:g}; it must be above 0.")
        return step

    def integer(self, key: str, default: int) -> int:
        return round(self.number(key, default))

    def bounds(self, low_key: str, high_key: str, low: float, high: float) -> tuple[float, float]:
        """(lowest, highest), which must differ."""
        lowest, highest = self.number(low_key, low), self.number(high_key, high)
        if lowest >= highest:
            raise ValueError(f"`{low_key}` is {lowest:g}; it must be below `{high_key}`, which is {highest:g}.")
        return lowest, highest

    def flag(self, key: str, default: bool = False) -> bool:
        value = self._config.get(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        word = str(value).lower()
        if word in ("true", "yes", "on", "1"):
            return True
        if word in ("false", "no", "off", "0"):
            return False
        raise ValueError(f"`{key}` must be true or false; it is {_shown(value)}.")

    def choices(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of texts; one alone may stand without the list."""
        value = self._config.get(key)
        if value is None:
            return default
        several = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(one, dict | list | tuple) or one is None for one in several):
            raise ValueError(f"`{key}` must be a list of texts; it is {_shown(value)}.")
        return tuple(str(one) for one in several)

    def template(self, key: str | None) -> Template | None:
        source = self.nullable_text(key) if key else None
        if source is None:
            return None
        try:
            return Template.compile(source)
        except ValueError as error:
            raise ValueError(f"`{key}` can't be used: {error}") from error

    def state_topic(self, key: str) -> str | None:
        """A topic to hear; it may be a filter, as OpenMQTTGateway's `+/+/BTtoMQTT/…`, but not one that hears all."""
        topic = self._topic(key)
        if topic is None:
            return None
        if not _is_filter(topic.split("/")):
            raise ValueError(f"`{key}` is {_shown(topic)}, which can't be subscribed to.")
        return topic

    def command(self, topic_key: str, template_key: str | None = None) -> Command | None:
        """Where to publish; None where there is no such topic."""
        topic = self._topic(topic_key)
        if topic is None:
            return None
        if "+" in topic or "#" in topic:
            raise ValueError(f"`{topic_key}` is {_shown(topic)}; a topic to publish to holds no wildcard.")
        if reason := self._refuses(topic):
            raise ValueError(f"`{topic_key}` is {_shown(topic)}, which nothing is published to: {reason}.")
        return Command(topic, self.template(template_key), self._qos, self._retain)

    def required_command(self, topic_key: str, template_key: str | None = None) -> Command:
        command = self.command(topic_key, template_key)
        if command is None:
            raise ValueError(f"`{topic_key}` is missing.")
        return command

    def _topic(self, key: str) -> str | None:
        topic = self._config.get(key)
        if topic is None:
            return None
        if not isinstance(topic, str) or not topic or "\x00" in topic or len(topic.encode()) > TOPIC_BYTES:
            raise ValueError(f"`{key}` must be a topic; it is {_shown(topic)}.")
        return topic

    def _check_encoding(self) -> None:
        encoding = self.text("encoding", "utf-8")
        try:
            readable = codecs.lookup(encoding).name in READABLE_ENCODINGS
        except LookupError:
            readable = False
        if not readable:
            raise ValueError(f"`encoding` is {_shown(encoding)}; only utf-8 can be read.")


def _is_filter(levels: list[str]) -> bool:
    """Whether these levels can be subscribed to, and at least one of them is a name."""
    whole = all(level in ("+", "#") or not {"+", "#"} & set(level) for level in levels)
    return whole and "#" not in levels[:-1] and any(level not in ("", "+", "#") for level in levels)


def _shown(value: object) -> str:
    """A wrong value as a message quotes it; it comes from anyone on the broker and may be long."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
