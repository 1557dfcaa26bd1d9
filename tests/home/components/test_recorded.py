"""Devices as their firmware announces them, written down from its documentation and sources, one file a device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_agent.home.components import build
from edge_agent.home.discovery import read_discovery
from edge_agent.home.entity import Entity
from tests.home.components.building import hear, published, shown

DEVICES = sorted((Path(__file__).parent / "recorded").glob("*.json"))


@pytest.fixture(params=DEVICES, ids=lambda path: path.stem)
def device(request: pytest.FixtureRequest) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads(request.param.read_text())
    return recorded


@pytest.fixture
def entity(device: dict[str, Any]) -> Entity:
    levels = device["topic"].split("/")
    (config,) = read_discovery(levels[1], levels[-2], json.dumps(device["config"]).encode())
    entity = build(config)
    assert entity is not None
    return entity


def test_its_messages_are_understood(device: dict[str, Any], entity: Entity) -> None:
    assert entity.id == device["id"]
    for topic, payload, expected in device["messages"]:
        assert shown(hear(entity, payload, topic)) == expected


def test_it_is_told_in_its_own_words(device: dict[str, Any], entity: Entity) -> None:
    topic, payload, _ = device["messages"][0]
    hear(entity, payload, topic)
    for action, params, expected in device["wishes"]:
        assert [list(one) for one in published(entity, action, **params)] == expected
    assert not entity.assumed
