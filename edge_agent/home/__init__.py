"""The home: its devices and areas, what they are at, and acting on them."""

from edge_agent.home.entity import (
    ActionResult,
    Area,
    DeviceAction,
    Entity,
    EntityAction,
    Parameter,
    Publication,
    StateSource,
)
from edge_agent.home.home import Home

__all__ = [
    "ActionResult",
    "Area",
    "DeviceAction",
    "Entity",
    "EntityAction",
    "Home",
    "Parameter",
    "Publication",
    "StateSource",
]
