"""The home: its devices and areas, what they are at, and acting on them."""

from edge_agent.home.acting import Acting, Trouble
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
from edge_agent.home.policy import NeedsYes, Refusal, SeveralNeedAYes
from edge_agent.home.timers import DelayedCommand, Timer, Timers

__all__ = [
    "Acting",
    "DelayedCommand",
    "NeedsYes",
    "Refusal",
    "SeveralNeedAYes",
    "Timer",
    "Timers",
    "Trouble",
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
