"""Devices as plain data, for tests of what is said about them."""

from __future__ import annotations

from typing import Any

from edge_agent.home import ActionResult, DeviceAction, Entity


def thing(entity_id: str, name: str, state: str | None = None, **given: Any) -> Entity:
    kind = entity_id.partition(".")[0]
    return Entity(id=entity_id, kind=kind, name=name, unique_id=entity_id, state=state, **given)


class Things:
    """A home of these."""

    def __init__(self, *entities: Entity) -> None:
        self.entities = {entity.id: entity for entity in entities}

    def find(self, entity_id: str) -> Entity | None:
        return self.entities.get(entity_id)


def result(entity_id: str, action: str, became: Any, /, code: str | None = None, **given: Any) -> ActionResult:
    """`values` are the trouble's; the rest are the action's parameters."""
    values = given.pop("values", {})
    return ActionResult(DeviceAction(entity_id, action, given), became, None, code, values)
