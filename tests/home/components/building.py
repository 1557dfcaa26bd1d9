"""Entities built from configurations with long keys, what they hear, and what they would publish."""

from __future__ import annotations

from typing import Any

from paho.mqtt.client import topic_matches_sub

from edge_agent.home.components import build
from edge_agent.home.discovery import DiscoveredConfig
from edge_agent.home.entity import Entity, Value

COMMAND_TOPIC, STATE_TOPIC = "device/set", "device/state"


def built(component: str, **config: Any) -> Entity:
    """With a command and a state topic, unless `config` says otherwise; None takes one away."""
    entity = build(discovered(component, **config))
    assert entity is not None
    return entity


def discovered(component: str, **config: Any) -> DiscoveredConfig:
    whole = {"command_topic": COMMAND_TOPIC, "state_topic": STATE_TOPIC, "name": "Thing", **config}
    return DiscoveredConfig(component, "thing", whole, "1")


def hear(entity: Entity, payload: str, topic: str = STATE_TOPIC) -> Entity:
    """What its sources make of a message, kept as the home keeps it."""
    for source in entity.sources:
        if topic_matches_sub(source.topic, topic):
            keep(entity, dict(source.read(entity, payload)))
    return entity


def keep(entity: Entity, told: dict[str, Value]) -> None:
    if "state" in told:
        state = told.pop("state")
        assert state is None or isinstance(state, str)
        entity.state = state
    entity.attributes.update(told)


def shown(entity: Entity) -> dict[str, Value]:
    """The state and the attributes that are known."""
    known = {name: value for name, value in entity.attributes.items() if value is not None}
    return {"state": entity.state, **known}


def published(entity: Entity, action: str, **params: Any) -> list[tuple[str, str]]:
    """(topic, payload), in order."""
    return [(one.topic, one.payload) for one in entity.actions[action].publications(entity, params)]


def payloads(entity: Entity, action: str, **params: Any) -> list[str]:
    return [payload for _, payload in published(entity, action, **params)]
