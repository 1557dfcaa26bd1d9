"""The home as the agent sees it, and a virtual one, for commands that look at it or serve it."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from edge_agent.broker import Broker, Topics
from edge_agent.errors import BrokerError
from edge_agent.home import Home
from edge_agent.home.simulation import HomeDescription, Prefixes, VirtualHome
from edge_agent.settings import MqttSettings, Settings

log = logging.getLogger("edge_agent.broker")

CONNECT_TIMEOUT_S = 15.0
LEARN_TIMEOUT_S = 30.0
LOOK_S = 0.1


@asynccontextmanager
async def broker_session(mqtt: MqttSettings) -> AsyncIterator[Broker]:
    """A connected session that ends with the command. Raises BrokerError where there is no broker."""
    async with Broker(mqtt, f"edge-agent-cli-{uuid.uuid4().hex[:8]}", None, lasting=False) as broker:
        log.setLevel(logging.CRITICAL)  # that there is no broker is raised
        try:
            await _connected(broker)
        except TimeoutError:
            raise BrokerError(f"The broker at {mqtt.host}:{mqtt.port} did not answer.") from None
        finally:
            log.setLevel(logging.NOTSET)
        yield broker


async def _connected(broker: Broker) -> None:
    first = asyncio.ensure_future(anext(broker.connects()))
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            while not first.done():
                await asyncio.wait([first], timeout=LOOK_S)
                if broker.problem is not None:
                    raise BrokerError(f"{broker.problem} Is it running? Are mqtt.host and mqtt.port right?")
    finally:
        first.cancel()


@asynccontextmanager
async def learned_home(settings: Settings) -> AsyncIterator[Home]:
    """The home as the agent of these settings sees it, once what the broker retains is read. Raises BrokerError."""
    topics = Topics(settings.mqtt.base_topic, settings.agent.id, settings.home.discovery_prefix)
    quiet = settings.home.model_copy(update={"announce": False})
    async with broker_session(settings.mqtt) as broker, Home(quiet, broker, topics) as home:
        try:
            async with asyncio.timeout(LEARN_TIMEOUT_S):
                await home.settled()
        except TimeoutError:
            raise BrokerError("The broker did not send what it retains. May this user read all topics?") from None
        yield home


@asynccontextmanager
async def virtual_home(
    mqtt: MqttSettings, description: HomeDescription, *, pace: float = 1.0, discovery_prefix: str = "homeassistant"
) -> AsyncIterator[VirtualHome]:
    """On the broker, until it is left. Raises BrokerError, and SettingsError for a description that can't be served."""
    prefixes = Prefixes(discovery_prefix, mqtt.base_topic)
    async with (
        broker_session(mqtt) as broker,
        VirtualHome(description, broker, prefixes, pace=pace) as virtual,
    ):
        yield virtual
