"""A home of a few entities on a real broker, and devices that do what the test's script says."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.broker import Broker, Delivery
from edge_agent.home.entity import Entity, EntityAction, Parameter, Params, Publication, StateSource, Value

ANY = Parameter("text", required=False)
PERCENT = Parameter("number", 0, 100, required=False)
TEMPERATURE = Parameter("number", 5, 30, 0.5)
ITEM = Parameter("text")
ACTIONS: Mapping[str, Mapping[str, Mapping[str, Parameter]]] = {
    "light": {
        "turn_on": {
            "brightness_pct": PERCENT,
            "color": Parameter("color", required=False),
            "color_temp_kelvin": Parameter("number", 2000, 6500, required=False),
            "effect": Parameter("choice", choices=("Rainbow", "Candle"), required=False),
        },
        "turn_off": {},
    },
    "switch": {"turn_on": {}, "turn_off": {}},
    "fan": {
        "turn_on": {"percentage": PERCENT},
        "turn_off": {},
        "set_percentage": {"percentage": Parameter("number", 0, 100, 100 / 3)},
        "oscillate": {"oscillating": Parameter("boolean")},
    },
    "cover": {"open": {}, "close": {}, "stop": {}, "set_position": {"position": Parameter("number", 0, 100)}},
    "lock": {"lock": {}, "unlock": {}, "open": {}},
    "climate": {
        "turn_on": {},
        "turn_off": {},
        "set_temperature": {"temperature": TEMPERATURE},
        "set_hvac_mode": {"hvac_mode": Parameter("choice", choices=("off", "heat", "cool"))},
    },
    "vacuum": {"start": {}, "pause": {}, "return_to_base": {}, "locate": {}},
    "media_player": {
        "play": {},
        "pause": {},
        "next": {},
        "mute": {},
        "volume_up": {},
        "set_volume": {"volume_level": Parameter("number", 0, 100)},
        "play_media": {"query": Parameter("text")},
    },
    "todo": {"add_item": {"item": ITEM}, "complete_item": {"item": ITEM}},
    "button": {"press": {}},
    "number": {"set_value": {"value": Parameter("number", 0, 10)}},
    "text": {"set_value": {"value": Parameter("text", maximum=5)}},
    "select": {"select_option": {"option": Parameter("choice", choices=("Eco", "Boost"))}},
    "alarm_control_panel": {"arm_away": {}, "disarm": {}},
    "sensor": {},
}


def entity(entity_id: str, state: str | None = None, *, root: str = "home", qos: int = 0, **given: Any) -> Entity:
    """Publishes `{"action": …, …params}` on `<root>/<id>/set`; its state is JSON on `<root>/<id>/state`."""
    kind, _, slug = entity_id.partition(".")

    def action(name: str, parameters: Mapping[str, Parameter]) -> EntityAction:
        def publications(_: Entity, params: Params) -> tuple[Publication, ...]:
            return (Publication(f"{root}/{entity_id}/set", json.dumps({"action": name, **params}), qos),)

        return EntityAction(name, parameters, publications)

    given.setdefault("actions", {name: action(name, parameters) for name, parameters in ACTIONS[kind].items()})
    return Entity(
        id=entity_id,
        kind=kind,
        name=slug.replace("_", " ").title(),
        unique_id=entity_id,
        state=state,
        sources=(StateSource(f"{root}/{entity_id}/state", lambda _, payload: json.loads(payload)),),
        **given,
    )


class SmallHome:
    """Keeps entities, and feeds them with their state topics."""

    def __init__(self, broker: Broker) -> None:
        self.root = f"home-{uuid.uuid4().hex[:8]}"
        self._broker, self._entities = broker, dict[str, Entity]()
        self._watchers: list[tuple[Collection[str], Callable[[str], None]]] = []

    def add(self, entity_id: str, state: str | None = None, **given: Any) -> Entity:
        new = self._entities[entity_id] = entity(entity_id, state, root=self.root, **given)
        (source,) = new.sources
        self._broker.subscribe(source.topic, lambda delivery: self._hear(entity_id, source, delivery))
        return new

    def remove(self, entity_id: str) -> None:
        del self._entities[entity_id]

    def find(self, entity_id: str) -> Entity | None:
        return self._entities.get(entity_id)

    @contextmanager
    def watch(self, entity_ids: Collection[str], heard: Callable[[str], None]) -> Iterator[None]:
        watcher = (frozenset(entity_ids), heard)
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)

    def _hear(self, entity_id: str, source: StateSource, delivery: Delivery) -> None:
        if (known := self._entities.get(entity_id)) is not None:
            told: dict[str, Value] = dict(source.read(known, delivery.payload.decode()))
            known.available = bool(told.pop("available", known.available))
            state = told.pop("state", known.state)
            known.state = None if state is None else str(state)
            known.attributes |= told
            for watched, heard in self._watchers:
                if entity_id in watched:
                    heard(entity_id)
        delivery.acknowledge()


Script = Callable[[dict[str, Any]], list[dict[str, Any]]]


class Devices:
    """Answer what is published to `<root>/<id>/set` by the script of that id: what they say, one after the other."""

    def __init__(self, port: int, root: str) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self._root, self._scripts = root, dict[str, Script]()
        self._delays: dict[str, float] = {}
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{root}/+/set", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(30)

    def script(self, entity_id: str, script: Script, *, delay_s: float = 0.0) -> None:
        self._scripts[entity_id], self._delays[entity_id] = script, delay_s

    def say(self, entity_id: str, said: dict[str, Any]) -> None:
        self._client.publish(f"{self._root}/{entity_id}/state", json.dumps(said), 1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        entity_id, wanted = message.topic.split("/")[1], json.loads(message.payload)
        self.told.append((entity_id, wanted))
        script = self._scripts.get(entity_id)
        if script is not None:
            threading.Timer(self._delays[entity_id], self._answer, (entity_id, script, wanted)).start()

    def _answer(self, entity_id: str, script: Script, wanted: dict[str, Any]) -> None:
        for said in script(wanted):
            self.say(entity_id, said)


def follows(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """A plain device: it is on or off, and as it was told."""
    attributes = {name: value for name, value in wanted.items() if name != "action"}
    return [{"state": "off" if wanted["action"] == "turn_off" else "on", **attributes}]


def says(*states: str) -> Script:
    return lambda _: [{"state": state} for state in states]
