from __future__ import annotations

import asyncio
from typing import Any

import pytest

from edge_agent.errors import SettingsError
from edge_agent.home import DeviceAction, Entity, Parameter
from edge_agent.home.descriptors import KIND_ACTIONS
from edge_agent.home.simulation import VirtualHome, built_in_home
from edge_agent.home.simulation.manners import MANNERS
from tests.home.learning import PATIENCE_S, devices_on, home_on, until
from tests.home.simulation.living import described, lived_in, virtual_home_on
from tests.real_parts import Mosquitto, Person

# What an action takes, where any value of its range would do.
VALUES = {"query": "Jazz", "item": "eggs", "source": "Netflix", "effect": "Candle", "hvac_mode": "heat"}


def some_value(name: str, parameter: Parameter) -> Any:
    if name in VALUES and (not parameter.choices or VALUES[name] in parameter.choices):
        return VALUES[name]
    if parameter.type == "number":
        low, high = parameter.minimum or 0, parameter.maximum or 100
        return low + (high - low) // 2
    return {"choice": parameter.choices[-1:], "color": ["#ff0000"], "boolean": [True], "text": ["words"]}[
        parameter.type
    ][0]


def wishes_for(entity: Entity) -> list[DeviceAction]:
    """Every action, with every parameter that goes with the others."""
    wishes = []
    for name, action in entity.actions.items():
        params = {parameter: some_value(parameter, given) for parameter, given in action.parameters.items()}
        if "color" in params:
            params.pop("color_temp_kelvin", None)
        wishes.append(DeviceAction(entity.id, name, params))
    if entity.kind == "todo":  # a list can't lose what is not on it
        wishes.insert(2, DeviceAction(entity.id, "add_item", {"item": VALUES["item"]}))
    return wishes


def test_the_built_in_home_has_every_kind_and_manner() -> None:
    home = built_in_home()
    kinds = {thing.kind for device in home.devices for thing in device.things()}
    assert kinds == set(KIND_ACTIONS) - {"event", "device_tracker", "text"}
    assert {device.manner for device in home.devices} == set(MANNERS)
    assert {area.floor for area in home.home.areas.values()} == {"Ground floor", "Upstairs", "Outside"}
    assert {device.area for device in home.devices if device.area} == set(home.home.areas)


async def test_the_agent_learns_it_as_it_is(own_mosquitto: Mosquitto) -> None:
    async with lived_in(own_mosquitto.port, built_in_home()) as (virtual, home, _):
        real = virtual.entities()
        assert {entity.id: entity.name for entity in home.entities.values()} == {
            entity_id: one.name for entity_id, one in real.items()
        }
        shown = {entity.id: entity.state for entity in home.entities.values() if entity.kind != "todo"}
        assert shown == {
            entity_id: None if one.state is None else str(one.state)
            for entity_id, one in real.items()
            if not entity_id.startswith("todo.")
        }
        assert home.entities["todo.shopping_list"].attributes["items"] == ["milk", "bread"]
        assert all(entity.available for entity in home.entities.values())
        assert home.areas["kids_room"].floor == "Upstairs"


async def test_every_device_does_all_that_it_offers(own_mosquitto: Mosquitto) -> None:
    async with lived_in(own_mosquitto.port, built_in_home()) as (virtual, home, acting):
        results = {}
        for entity in list(home.entities.values()):
            for wish in wishes_for(entity):
                (done,) = await acting.carry_out([wish], confirmed=True)
                await virtual.still()
                results[wish.entity_id, wish.action] = done.result, done.reason
        wrong = {what: result for what, result in results.items() if result[0] in ("failed", "unconfirmed")}
        assert not wrong
        assert len(results) > 100
        real = virtual.entities()
        assert (real["cover.bedroom_blind"].state, real["cover.bedroom_blind"].attributes["position"]) == ("open", 50)
        assert real["light.star_lamp"].attributes["color"] == "#ff0000"
        assert real["fan.bedroom_fan"].attributes["oscillating"] is True
        assert real["media_player.tv"].attributes["source"] == "Netflix"
        assert real["number.sprinkler_minutes"].state == 30


async def test_a_light_remembers_its_brightness_while_it_is_off(own_mosquitto: Mosquitto) -> None:
    async with lived_in(own_mosquitto.port, built_in_home()) as (virtual, home, acting):
        lamp = "light.bedside_lamp"
        for action, params in (("turn_on", {"brightness_pct": 30}), ("turn_off", {}), ("turn_on", {})):
            await acting.carry_out([DeviceAction(lamp, action, params)])
        assert virtual.entities()[lamp].attributes["brightness_pct"] == 30
        assert home.entities[lamp].state == "on"
        assert home.entities[lamp].attributes["brightness_pct"] == 30


async def test_a_scene_sets_other_devices(own_mosquitto: Mosquitto) -> None:
    async with lived_in(own_mosquitto.port, built_in_home()) as (virtual, home, acting):
        (done,) = await acting.carry_out([DeviceAction("scene.movie_night", "activate")])
        assert done.result == "sent"
        await until(lambda: home.entities["cover.living_room_shutters"].state == "closed", "the shutters are down")
        assert home.entities["light.floor_lamp"].attributes["brightness_pct"] == 15
        assert virtual.entities()["media_player.tv"].state == "on"


async def test_a_cover_takes_its_time_and_stands_where_it_is_stopped(own_mosquitto: Mosquitto) -> None:
    async with lived_in(own_mosquitto.port, SLOW_BLIND) as (virtual, home, acting):
        blind = home.entities["cover.blind"]
        heard: list[tuple[str | None, object]] = []
        moved = asyncio.Event()

        def hear(_: str) -> None:
            heard.append((blind.state, blind.attributes.get("position")))
            if blind.attributes.get("position") not in (0, 100):
                moved.set()

        with home.watch([blind.id], hear):
            await acting.carry_out([DeviceAction(blind.id, "open")])
            async with asyncio.timeout(PATIENCE_S):
                await moved.wait()
            await acting.carry_out([DeviceAction(blind.id, "stop")])
            await virtual.still()
        assert heard[0][0] == "opening"
        real = virtual.entities()[blind.id]
        assert real.state == "open"
        assert 0 < float(real.attributes["position"]) < 100  # type: ignore[arg-type]


async def test_nothing_is_left_on_the_broker(own_mosquitto: Mosquitto) -> None:
    async with virtual_home_on(own_mosquitto.port, built_in_home()):
        pass
    person = Person(own_mosquitto.port)
    try:
        person.publish("homeassistant/marker", "seen", retain=True)
        person.hear(lambda message: message.topic == "homeassistant/marker", "the marker")
        left = [message.topic for message in person.all("") if message.retained and message.payload]
        assert left == []
    finally:
        person.close()


async def test_a_broker_that_loses_its_memory_is_told_again(own_mosquitto: Mosquitto) -> None:
    async with virtual_home_on(own_mosquitto.port, SLOW_BLIND):
        own_mosquitto.stop(9)
        for kept in own_mosquitto.folder.glob("*.db"):
            kept.unlink()
        own_mosquitto.start()
        async with home_on(own_mosquitto.port) as (home, _):
            await until(lambda: "cover.blind" in home.entities, "the blind is known")


async def test_reset_and_put_make_it_what_it_should_be(own_mosquitto: Mosquitto) -> None:
    async with lived_in(own_mosquitto.port, SLOW_BLIND) as (virtual, home, _):
        virtual.put({"cover.blind": ("open", {"position": 70})})
        await until(lambda: home.entities["cover.blind"].attributes["position"] == 70, "the blind is at 70")
        virtual.reset()
        await until(lambda: home.entities["cover.blind"].state == "closed", "the blind is down")
        with pytest.raises(SettingsError, match=r"has no light\.moon; it has cover\.blind"):
            virtual.put({"light.moon": ("on", {})})


async def test_faulty_devices_are_offline_or_silent(own_mosquitto: Mosquitto) -> None:
    async with lived_in(own_mosquitto.port, FAULTY) as (virtual, home, acting):
        assert not home.entities["light.lost"].available
        assert home.entities["light.deaf"].available
        (done,) = await acting.carry_out([DeviceAction("light.deaf", "turn_on")])
        assert done.result == "unconfirmed"
        assert virtual.entities()["light.deaf"].state == "off"


async def test_what_a_device_does_not_understand_changes_nothing(own_mosquitto: Mosquitto) -> None:
    async with lived_in(own_mosquitto.port, built_in_home()) as (virtual, _, acting):
        before = virtual.entities()
        with devices_on(own_mosquitto.port) as somebody:
            for topic in ("virtual/zigbee2mqtt/kitchen_light/set", "virtual/cmnd/hallway_light/POWER"):
                for payload in (b"\xff", "{", "[]", "{}x", "BLINK", "9" * 5000, '{"brightness": "much"}'):
                    somebody.say(topic, payload, retain=False)
        (done,) = await acting.carry_out([DeviceAction("light.hallway_light", "turn_on")])
        assert done.result == "confirmed"
        before.pop("light.hallway_light")
        assert {one: virtual.entities()[one] for one in before} == before


async def test_a_kind_that_a_manner_does_not_have_is_refused() -> None:
    description = described('[[devices]]\nname = "Robot"\nmanner = "tasmota"\nkind = "vacuum"')
    with pytest.raises(SettingsError, match="Robot: tasmota has no vacuum; it has light, sensor, switch"):
        VirtualHome(description, None, None)  # type: ignore[arg-type]  # neither is reached


SLOW_BLIND = described(
    '[[devices]]\nname = "Blind"\nmanner = "zigbee2mqtt"\nkind = "cover"\ncan = ["position"]\ntakes_s = 100'
)
FAULTY = described(
    '[[devices]]\nname = "Lost"\nmanner = "zigbee2mqtt"\nkind = "light"\nfault = "offline"\n'
    '[[devices]]\nname = "Deaf"\nmanner = "esphome"\nkind = "light"\nfault = "silent"\n'
)
