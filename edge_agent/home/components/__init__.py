"""Home Assistant's MQTT components: what a discovered configuration can do, and what its topics tell.

One module a kind or family. Each makes `Parts`, actions and sources, of its configuration's `Options`.
"""

from __future__ import annotations

from collections.abc import Mapping

from edge_agent.home.components.alarm_control_panel import alarm_control_panel
from edge_agent.home.components.climate import climate
from edge_agent.home.components.cover import cover
from edge_agent.home.components.fan import fan
from edge_agent.home.components.humidifier import humidifier
from edge_agent.home.components.lawn_mower import lawn_mower
from edge_agent.home.components.light import light
from edge_agent.home.components.lock import lock
from edge_agent.home.components.options import Options, Refuses
from edge_agent.home.components.parts import Component, Parts
from edge_agent.home.components.sensor import binary_sensor, device_tracker, event, sensor
from edge_agent.home.components.setting import number_component, select, text_component
from edge_agent.home.components.switch import siren, switch
from edge_agent.home.components.trigger import button, scene
from edge_agent.home.components.vacuum import vacuum
from edge_agent.home.components.valve import valve
from edge_agent.home.components.water_heater import water_heater
from edge_agent.home.discovery import DiscoveredConfig
from edge_agent.home.entity import Entity

__all__ = ["COMPONENTS", "build"]

COMPONENTS: Mapping[str, Component] = {
    "alarm_control_panel": alarm_control_panel,
    "binary_sensor": binary_sensor,
    "button": button,
    "climate": climate,
    "cover": cover,
    "device_tracker": device_tracker,
    "event": event,
    "fan": fan,
    "humidifier": humidifier,
    "lawn_mower": lawn_mower,
    "light": light,
    "lock": lock,
    "number": number_component,
    "scene": scene,
    "select": select,
    "sensor": sensor,
    "siren": siren,
    "switch": switch,
    "text": text_component,
    "vacuum": vacuum,
    "valve": valve,
    "water_heater": water_heater,
}
SWITCHING = frozenset({"turn_on", "turn_off"})


def build(discovered: DiscoveredConfig, *, refuses: Refuses = lambda topic: None) -> Entity | None:
    """The entity that a configuration describes; None for a component that there is nothing to do or say with.

    `refuses` says why a topic must not be published to. Raises ValueError, with a sentence, for a configuration that
    can't be used.
    """
    component = COMPONENTS.get(discovered.component)
    if component is None:
        return None
    options = Options(discovered.config, refuses)
    parts = component(options)
    if not parts.actions and not parts.sources.tells:
        raise ValueError("It has neither a topic to read nor one to publish to.")
    actions = {action.name: action for action in parts.actions}
    return Entity(
        id=discovered.entity_id,
        kind=discovered.component,
        name=discovered.name,
        unique_id=discovered.unique_id,
        area=discovered.area,
        device_class=options.nullable_text("device_class"),
        unit=parts.unit,
        device_name=discovered.device_name,
        actions=actions,
        sources=parts.sources.all(),
        tells=frozenset(parts.sources.tells),
        lapses=parts.lapses,
        assumed=bool(actions) and (options.flag("optimistic") or not _shows_what_it_does(parts)),
    )


def _shows_what_it_does(parts: Parts) -> bool:
    """What is switched on and off shows it by its state; what only takes values, by any of them."""
    if "state" in parts.sources.tells:
        return True
    return bool(parts.sources.tells) and SWITCHING.isdisjoint(action.name for action in parts.actions)
