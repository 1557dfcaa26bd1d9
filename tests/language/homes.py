"""Homes of which sentences in several languages are about: the same kinds of devices, named in that language."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from edge_agent.home import Area, Entity, EntityAction, Home, Parameter
from edge_agent.language import Act, Dialogue, Plan, Understanding
from tests.language.things import thing

PERCENT = Parameter("number", 0, 100, required=False)
LIGHT = {"turn_on": {"brightness_pct": PERCENT}, "turn_off": {}}
COLOUR_LIGHT = {
    "turn_on": {
        "brightness_pct": PERCENT,
        "color": Parameter("color", required=False),
        "color_temp_kelvin": Parameter("number", 2200, 6500, required=False),
    },
    "turn_off": {},
}
SWITCH: dict[str, dict[str, Parameter]] = {"turn_on": {}, "turn_off": {}}
FAN = {"turn_on": {}, "turn_off": {}, "set_percentage": {"percentage": PERCENT}}
COVER = {"open": {}, "close": {}, "stop": {}, "set_position": {"position": PERCENT}}
GATE: dict[str, dict[str, Parameter]] = {"open": {}, "close": {}, "stop": {}}
CLIMATE = {
    "set_temperature": {"temperature": Parameter("number", 5, 30)},
    "set_hvac_mode": {"hvac_mode": Parameter("choice", choices=("off", "heat", "cool"))},
}
LOCK: dict[str, dict[str, Parameter]] = {"lock": {}, "unlock": {}}
VALVE: dict[str, dict[str, Parameter]] = {"open": {}, "close": {}}
VACUUM: dict[str, dict[str, Parameter]] = {"start": {}, "pause": {}, "stop": {}, "return_to_base": {}, "locate": {}}
MOWER: dict[str, dict[str, Parameter]] = {"start": {}, "pause": {}, "return_to_base": {}}
PLAYER = {
    **{name: {} for name in ("turn_on", "turn_off", "play", "pause", "stop", "next", "previous", "mute", "unmute")},
    "set_volume": {"volume_level": PERCENT},
}
LIST = {name: {"item": Parameter("text")} for name in ("add_item", "complete_item", "remove_item")}
SCENE: dict[str, dict[str, Parameter]] = {"activate": {}}
HALF_LIT, TWENTY_DEGREES = {"brightness_pct": 50}, {"temperature": 20, "current_temperature": 19}


def device(entity_id: str, name: str, area: str | None, able: dict[str, dict[str, Parameter]], **given: Any) -> Entity:
    actions = {
        action: EntityAction(action, parameters, lambda entity, params: ()) for action, parameters in able.items()
    }
    return thing(entity_id, name, given.pop("state", "off"), area=area, actions=actions, **given)


def understanding_of(devices: tuple[Entity, ...], floors: dict[str, str | None]) -> Understanding:
    """`floors`: each area with its floor."""
    areas = {name.casefold(): Area(name, name.casefold(), floor) for name, floor in floors.items()}
    home = SimpleNamespace(entities={entity.id: entity for entity in devices}, areas=areas, version=1)
    return Understanding(cast(Home, home))


def said(understanding: Understanding, language: str, *turns: str, area: str | None = None) -> Plan | None:
    """The Plan of the last turn; what was to be done before is taken as done."""
    dialogue, plan = Dialogue(), None
    for turn in turns:
        plan = understanding.understand(turn, dialogue, area=area, language=language)
        if isinstance(plan, Act):
            dialogue.acted(plan.actions)
    return plan


def wished(plan: Plan | None) -> dict[str, tuple[str, dict[str, Any]]]:
    """By entity: the action and its parameters."""
    assert isinstance(plan, Act), plan
    return {wish.entity_id: (wish.action, dict(wish.params)) for wish in plan.actions}
