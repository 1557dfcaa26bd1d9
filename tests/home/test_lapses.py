"""States that do not last."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from edge_agent.home.components import build
from edge_agent.home.entity import Entity, Lapse
from edge_agent.home.lapses import Lapses
from edge_agent.home.registry import Record
from tests.home.components.building import built, discovered
from tests.home.learning import devices_on, home_on, until
from tests.home.small_home import entity
from tests.real_parts import Mosquitto

SOON_S = 0.1


class Watch:
    """A motion sensor whose state lasts, and what became of it."""

    def __init__(self, *lapses: Lapse) -> None:
        self.record = Record(entity("sensor.hall", "off", lapses=lapses))
        self.lapsed = asyncio.Event()
        self.lapses = Lapses(self._lapse)

    def say(self, state: str) -> float:
        self.record.entity.state = state
        self.lapses.told(self.record)
        return asyncio.get_running_loop().time()

    def _lapse(self, entity: Entity, state: str) -> None:
        entity.state = state
        self.lapsed.set()

    async def until_lapsed(self) -> float:
        async with asyncio.timeout(30):
            await self.lapsed.wait()
        return asyncio.get_running_loop().time()


async def test_each_message_begins_the_time_anew() -> None:
    watch = Watch(Lapse(SOON_S, "off", of="on"))
    watch.say("on")
    await asyncio.sleep(SOON_S / 2)
    last_s = watch.say("on")
    assert await watch.until_lapsed() >= last_s + SOON_S - 0.01
    assert watch.record.entity.state == "off"


async def test_another_state_and_a_device_that_goes_stop_it() -> None:
    stopped, gone, later = Watch(Lapse(SOON_S, "off", of="on")), Watch(Lapse(SOON_S, "gone")), Watch(Lapse(SOON_S, "x"))
    stopped.say("on")
    stopped.say("dark")
    gone.say("on")
    gone.lapses.forget(gone.record)
    later.say("on")
    await later.until_lapsed()
    assert (stopped.record.entity.state, gone.record.entity.state) == ("dark", "on")


@pytest.mark.parametrize(
    ("component", "config", "expected"),
    [
        ("sensor", {"expire_after": 60}, (Lapse(60, "unavailable"),)),
        ("sensor", {"expire_after": 0}, ()),
        ("binary_sensor", {"off_delay": 5}, (Lapse(5, "off", of="on"),)),
        ("binary_sensor", {"expire_after": "90", "off_delay": None}, (Lapse(90, "unavailable"),)),
    ],
)
def test_the_configuration_says_how_long_a_state_lasts(
    component: str, config: dict[str, Any], expected: tuple[Lapse, ...]
) -> None:
    assert built(component, **config).lapses == expected


@pytest.mark.parametrize("wrong", [-1, "soon", float("inf")])
def test_a_time_that_is_none_is_refused_with_a_sentence(wrong: object) -> None:
    with pytest.raises(ValueError, match="expire_after"):
        build(discovered("sensor", expire_after=wrong))


async def test_a_sensor_that_falls_silent_is_unavailable_and_comes_back(own_mosquitto: Mosquitto) -> None:
    sensor = {"name": "Outside", "unique_id": "o", "state_topic": "o/state", "expire_after": 0.3}
    with devices_on(own_mosquitto.port) as devices:
        devices.announce("sensor", "o", sensor)
        async with home_on(own_mosquitto.port) as (home, _):
            for _ in range(2):
                devices.say("o/state", "7", retain=False)
                await until(lambda: home.entities["sensor.outside"].state == "7", "it tells")
                await until(lambda: home.entities["sensor.outside"].state == "unavailable", "it is silent")


async def test_motion_is_over_when_it_is_not_told_again(own_mosquitto: Mosquitto) -> None:
    sensor = {"name": "Hall", "unique_id": "h", "state_topic": "h/state", "off_delay": 0.3, "device_class": "motion"}
    with devices_on(own_mosquitto.port) as devices:
        devices.announce("binary_sensor", "h", sensor)
        async with home_on(own_mosquitto.port) as (home, _):
            devices.say("h/state", "ON", retain=False)
            await until(lambda: home.entities["binary_sensor.hall"].state == "on", "somebody is there")
            await until(lambda: home.entities["binary_sensor.hall"].state == "off", "nobody is")
