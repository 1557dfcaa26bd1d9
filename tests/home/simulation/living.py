"""A virtual home on a real broker, and the agent's home that learns it."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from edge_agent.broker import Broker
from edge_agent.home import Home
from edge_agent.home.acting import Acting
from edge_agent.home.simulation import HomeDescription, Prefixes, VirtualHome
from edge_agent.settings import MqttSettings
from tests.home.learning import TOPICS, home_on

PREFIXES = Prefixes(TOPICS.discovery_prefix, TOPICS.base)
# Fast, and slow enough that a movement has a beginning, a middle and an end.
PACE = 0.02


def described(text: str) -> HomeDescription:
    return HomeDescription.model_validate(tomllib.loads(text))


@asynccontextmanager
async def virtual_home_on(port: int, description: HomeDescription, pace: float = PACE) -> AsyncIterator[VirtualHome]:
    settings = MqttSettings(port=port, reconnect_max_s=1)
    async with (
        Broker(settings, "virtual-home-test", None, lasting=False) as broker,
        VirtualHome(description, broker, PREFIXES, pace=pace) as virtual,
    ):
        yield virtual


@asynccontextmanager
async def lived_in(port: int, description: HomeDescription) -> AsyncIterator[tuple[VirtualHome, Home, Acting]]:
    """The virtual home, what the agent has learned of it, and what acts on it."""
    confirm_nothing: dict[str, object] = {"confirm": [], "confirm_s": 5}
    settings = description.home.model_dump(exclude_unset=True) | confirm_nothing
    async with virtual_home_on(port, description) as virtual, home_on(port, **settings) as (home, broker):
        parsed = type(description.home).model_validate(settings)
        yield virtual, home, Acting(home, broker, parsed)
