"""Whether a device is there, as its availability topics tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from edge_agent.home.entity import Entity, StateSource, Value
from edge_agent.home.templates import Template, TemplateProblem

Mode = Literal["all", "any", "latest"]
MOST_TOPICS = 20  # of one device


@dataclass(frozen=True)
class AvailabilityTopic:
    """What one topic says when the device is there and when it is not."""

    topic: str
    online: str = "online"
    offline: str = "offline"
    template: Template | None = None

    def read(self, payload: str) -> bool | None:
        """None where it says neither."""
        try:
            said = payload if self.template is None else self.template.render(payload)
        except TemplateProblem:
            return None
        return {self.online: True, self.offline: False}.get(said)


class Availability:
    """What several topics say together. A topic that has said nothing yet holds nobody away."""

    def __init__(self, topics: Sequence[AvailabilityTopic], mode: Mode = "latest") -> None:
        self._topics, self._mode = topics, mode
        self._said: dict[int, bool] = {}

    def sources(self) -> tuple[StateSource, ...]:
        return tuple(StateSource(one.topic, partial(self._hear, index, one)) for index, one in enumerate(self._topics))

    def _hear(self, index: int, topic: AvailabilityTopic, _: Entity, payload: str) -> Mapping[str, Value]:
        available = topic.read(payload)
        if available is None:
            return {}
        self._said[index] = available
        if self._mode == "all":
            available = all(self._said.values())
        elif self._mode == "any":
            available = any(self._said.values())
        return {"available": available}


def availability_sources(config: Mapping[str, Any]) -> tuple[StateSource, ...]:
    """Of a discovered configuration: `availability_topic`, or the list `availability` with its mode.

    Raises ValueError, with a sentence, for what can't be used.
    """
    if isinstance(config.get("availability_topic"), str):
        template = config.get("availability_template")
        return Availability([_topic(config, config["availability_topic"], template)]).sources()
    entries = config.get("availability") or []
    if len(entries) > MOST_TOPICS:
        raise ValueError(f"`availability` has more than {MOST_TOPICS} topics.")
    mode = config.get("availability_mode", "latest")
    if mode not in ("all", "any", "latest"):
        raise ValueError("`availability_mode` must be all, any or latest.")
    topics = [_topic(entry, entry.get("topic"), entry.get("value_template")) for entry in entries]
    return Availability(topics, mode).sources()


def _topic(entry: Mapping[str, Any], topic: object, template: object) -> AvailabilityTopic:
    if not isinstance(topic, str) or not topic:
        raise ValueError("An entry of `availability` has no `topic`.")
    return AvailabilityTopic(
        topic,
        str(entry.get("payload_available", "online")),
        str(entry.get("payload_not_available", "offline")),
        Template.compile(template) if isinstance(template, str) else None,
    )


def plain_availability(topic: str) -> tuple[StateSource, ...]:
    """Of a topic that says `online` or `offline`."""
    return Availability([AvailabilityTopic(topic)]).sources()
