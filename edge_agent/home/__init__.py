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
from edge_agent.home.policy import Allowed, NeedsYes, Refusal, Refused, SeveralNeedAYes
from edge_agent.home.timer_file import DelayedCommand, Timer
from edge_agent.home.timers import TimerRefused, Timers
from edge_agent.home.undoing import undoing

__all__ = [
    "Acting",
    "ActionResult",
    "Allowed",
    "Area",
    "DelayedCommand",
    "DeviceAction",
    "Entity",
    "EntityAction",
    "Home",
    "NeedsYes",
    "Parameter",
    "Publication",
    "Refusal",
    "Refused",
    "SeveralNeedAYes",
    "StateSource",
    "Timer",
    "TimerRefused",
    "Timers",
    "Trouble",
    "undoing",
]
