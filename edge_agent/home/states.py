"""What the state topics tell: each is subscribed to once, and goes to every entity that it tells of."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from edge_agent.home.entity import Entity, StateSource, Value
from edge_agent.home.lapses import Lapses
from edge_agent.home.registry import Record

log = logging.getLogger(__name__)

MOST_PAYLOAD_BYTES = 131_072

Heard = Callable[[str], None]


class Message(Protocol):
    """What arrived on a topic."""

    @property
    def topic(self) -> str: ...

    @property
    def payload(self) -> bytes: ...

    @property
    def retained(self) -> bool: ...

    def acknowledge(self) -> None: ...


class Subscribes(Protocol):
    """The broker session, as far as states need it."""

    def subscribe(self, topic_filter: str, handler: Callable[[Message], None], *, qos: int = 1) -> None: ...

    def unsubscribe(self, topic_filter: str) -> None: ...


@dataclass
class _Route:
    """Everyone whom a topic tells something, and what it told last."""

    readers: list[tuple[Record, StateSource]] = field(default_factory=list)
    last: str | None = None


class States:
    """Keeps `state`, `attributes`, `available` and `changed_s` of the entities as their topics tell them."""

    def __init__(self, broker: Subscribes) -> None:
        self._broker = broker
        self._routes: dict[str, _Route] = {}
        self._watchers: dict[str, list[Heard]] = {}
        self._complained: set[str] = set()
        self._lapses = Lapses(lambda entity, state: _update(entity, {"state": state}))

    def follow(self, record: Record) -> None:
        """Hears for it from now on, and what its topics said last where they are known."""
        for source in record.entity.sources:
            route = self._routes.get(source.topic)
            if route is None:
                route = self._routes[source.topic] = _Route()
                # QoS 0: a state is worth nothing later, and must not fill the queue that the broker keeps for commands.
                self._broker.subscribe(source.topic, partial(self._hear, route), qos=0)
            route.readers.append((record, source))
            if route.last is not None:
                self._tell(record, source, route.last)

    def close(self) -> None:
        """Nothing changes by itself any more."""
        self._lapses.close()

    def leave(self, record: Record) -> None:
        self._lapses.forget(record)
        for topic in {source.topic for source in record.entity.sources}:
            route = self._routes[topic]
            route.readers = [reader for reader in route.readers if reader[0] is not record]
            if not route.readers:
                del self._routes[topic]
                self._complained.discard(topic)
                self._broker.unsubscribe(topic)

    @contextmanager
    def watch(self, entity_ids: Collection[str], heard: Heard) -> Iterator[None]:
        """Calls `heard` with an entity's id after every message on one of its topics, also where nothing changed."""
        for entity_id in entity_ids:
            self._watchers.setdefault(entity_id, []).append(heard)
        try:
            yield
        finally:
            for entity_id in entity_ids:
                self._watchers[entity_id].remove(heard)
                if not self._watchers[entity_id]:
                    del self._watchers[entity_id]

    def _hear(self, route: _Route, message: Message) -> None:
        message.acknowledge()
        try:
            if len(message.payload) > MOST_PAYLOAD_BYTES:
                raise ValueError("it is too long")
            route.last = payload = message.payload.decode()
        except ValueError as error:
            self._complain(message.topic, str(error))
            return
        for record, source in tuple(route.readers):
            self._tell(record, source, payload)
        for record in {id(record): record for record, _ in route.readers}.values():
            for heard in tuple(self._watchers.get(record.entity.id, ())):
                heard(record.entity.id)

    def _tell(self, record: Record, source: StateSource, payload: str) -> None:
        try:
            told = source.read(record.entity, payload)
        except Exception as error:  # one device's oddity is not the others' problem
            self._complain(source.topic, f"{type(error).__name__}: {error}"[:200])
            return
        if told:
            _update(record.entity, told)
        if "state" in told:
            self._lapses.told(record)

    def _complain(self, topic: str, reason: str) -> None:
        """Once a topic."""
        if topic not in self._complained and len(self._complained) < len(self._routes) + 1:
            self._complained.add(topic)
            log.warning("a state can't be read", extra={"topic": topic[:200], "reason": reason})


def _update(entity: Entity, told: Mapping[str, Value]) -> None:
    changed = False
    for name, value in told.items():
        if name == "available":
            entity.available = bool(value)
        elif name == "state":
            changed |= entity.state != value
            entity.state = None if value is None else str(value)
        elif value is None:
            changed |= entity.attributes.pop(name, None) is not None
        else:
            changed |= entity.attributes.get(name) != value
            entity.attributes[name] = value
    if changed:
        entity.changed_s = time.monotonic()
