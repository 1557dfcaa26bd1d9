"""A house of any size on a broker: rooms of four devices each, announced as Home Assistant's discovery has it.

A device does at once what it is told, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice, product

import paho.mqtt.client as mqtt

ROOT = "bench/house"
COMMANDS = f"{ROOT}/+/+/set"
DEVICES_A_ROOM = 4
WINGS = (
    "Oak",
    "Elm",
    "Ash",
    "Birch",
    "Cedar",
    "Maple",
    "Pine",
    "Willow",
    "Hazel",
    "Alder",
    "Larch",
    "Walnut",
    "Cherry",
)
WINGS_BEYOND = (
    "Juniper",
    "Laurel",
    "Linden",
    "Poplar",
    "Rowan",
    "Spruce",
    "Sycamore",
    "Yew",
    "Acacia",
    "Cypress",
    "Myrtle",
    "Olive",
)
ROOMS = ("Bedroom", "Bathroom", "Kitchen", "Office", "Hallway", "Lounge", "Library", "Studio", "Pantry", "Cellar")
# What is said to a room, and the device that is meant; at the end it is as it was, but for the level.
SAID = (
    ("turn on the {room} light", "light"),
    ("set the {room} light to {level} percent", "light"),
    ("turn on the {room} plug", "plug"),
    ("open the {room} blind", "blind"),
    ("turn off the {room} light", "light"),
    ("switch the {room} plug off", "plug"),
    ("close the {room} blind", "blind"),
)
LEVELS = (40, 60)
STRIDE = 37  # a prime: every room is visited before one is again
STATES_AT_FIRST = {"light": '{"state": "OFF"}', "plug": "OFF", "blind": "closed", "climate": '{"temperature": 20.5}'}
COVER_STATES = {b"OPEN": b"open", b"CLOSE": b"closed"}


class House:
    """`devices` of them, in rooms of four; the rooms' names do not repeat."""

    def __init__(self, devices: int) -> None:
        names = product((*WINGS, *WINGS_BEYOND), ROOMS)
        self.rooms = [f"{wing} {room}" for wing, room in islice(names, devices // DEVICES_A_ROOM)]

    @property
    def devices(self) -> int:
        return DEVICES_A_ROOM * len(self.rooms)

    def announcements(self) -> Iterator[tuple[str, str]]:
        """(topic, payload) of all that devices have a broker retain: configurations, then states."""
        for room in self.rooms:
            for device, component, more in _DEVICES:
                config = {**_described(room, device), **more}
                yield f"homeassistant/{component}/{_slug(room)}_{device}/config", json.dumps(config)
        for room in self.rooms:
            for device, state in STATES_AT_FIRST.items():
                yield f"{ROOT}/{_slug(room)}/{device}", state

    def saying(self, number: int) -> tuple[str, str]:
        """The command of this number and the topic that it must lead to; seven in turn are said to a room."""
        visit, step = divmod(number, len(SAID))
        room = self.rooms[visit * STRIDE % len(self.rooms)]
        text, device = SAID[step]
        level = LEVELS[visit // len(self.rooms) % len(LEVELS)]  # another one than at the visit before
        return text.format(room=room.lower(), level=level), f"{ROOT}/{_slug(room)}/{device}/set"


def obey(client: mqtt.Client, topic: str, payload: bytes) -> None:
    """What a device says when it is told something."""
    client.publish(topic.removesuffix("/set"), COVER_STATES.get(payload, payload))


def _slug(room: str) -> str:
    return room.lower().replace(" ", "_")


def _described(room: str, device: str) -> dict[str, object]:
    topic, unique_id = f"{ROOT}/{_slug(room)}/{device}", f"{_slug(room)}_{device}"
    shown = {"identifiers": [unique_id], "name": f"{room} {device}", "manufacturer": "Bench", "suggested_area": room}
    return {
        "name": None,
        "unique_id": unique_id,
        "device": shown,
        "state_topic": topic,
        "command_topic": f"{topic}/set",
    }


_TEMPERATURE: dict[str, object] = {
    "device_class": "temperature",
    "unit_of_measurement": "°C",
    "value_template": "{{ value_json.temperature }}",
}
_DEVICES: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("light", "light", {"schema": "json", "brightness": True, "supported_color_modes": ["brightness"]}),
    ("plug", "switch", {}),
    ("blind", "cover", {"device_class": "blind"}),
    ("climate", "sensor", _TEMPERATURE),
)
