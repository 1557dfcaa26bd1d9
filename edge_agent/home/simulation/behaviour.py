"""What devices do when they are told: each kind's actions, as states and attributes that follow one another in time.

States and attributes are in the vocabulary of `edge_agent.home.entity`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_agent.home.simulation.description import ThingDescription, Value

Params = Mapping[str, Any]

TRAVEL_STEP_PERCENT = 10
VOLUME_STEP = 5
# Seconds of a whole movement, where the description names none.
DURATIONS_S = {"cover": 6.0, "valve": 2.0, "lock": 0.8, "vacuum": 8.0, "lawn_mower": 8.0, "alarm_control_panel": 1.0}
FIRST_STATES: Mapping[str, Value] = {
    "cover": "closed",
    "valve": "closed",
    "lock": "locked",
    "climate": "heat",
    "water_heater": "eco",
    "vacuum": "docked",
    "lawn_mower": "docked",
    "media_player": "off",
    "alarm_control_panel": "disarmed",
    "number": 0,
    "text": "",
    "device_tracker": "home",
    "weather": "sunny",
    "sensor": 0,
    "binary_sensor": "off",
    **dict.fromkeys(("light", "switch", "siren", "fan", "humidifier"), "off"),
}


@dataclass(frozen=True)
class Moment:
    """After so many seconds: the state, where it is another, and attributes; None takes one away."""

    after_s: float = 0.0
    state: Value = None
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(eq=False)
class Thing:
    """An entity as it is now."""

    id: str
    name: str  # as people see it
    own_name: str | None  # beside the device's
    key: str  # apart from the others of its device
    description: ThingDescription
    state: Value = None
    attributes: dict[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reset()

    @property
    def kind(self) -> str:
        return self.description.kind

    @property
    def duration_s(self) -> float:
        given = self.description.takes_s
        return DURATIONS_S.get(self.kind, 0.0) if given is None else given

    def can(self, ability: str) -> bool:
        return ability in self.description.can

    def reset(self) -> None:
        """As it was at first."""
        given = self.description
        first = given.options[0] if self.kind == "select" and given.options else FIRST_STATES.get(self.kind)
        self.state = first if given.state is None else given.state
        self.attributes = {**_first_attributes(self), **given.attributes}

    def change(self, moment: Moment) -> None:
        if moment.state is not None:
            self.state = moment.state
        self.attributes |= moment.attributes
        self.attributes = {name: value for name, value in self.attributes.items() if value is not None}

    def course(self, action: str, params: Params) -> Iterator[Moment]:
        """What follows from an action. Nothing for one that the kind does not have, or that changes nothing."""
        return _COURSES.get(self.kind, _still)(self, action, params)


def _first_attributes(thing: Thing) -> dict[str, Value]:
    given = thing.description
    match thing.kind:
        case "light":
            white = (
                {"color_temp_kelvin": 2700}
                if thing.can("white")
                else {"color": "#ffffff"}
                if thing.can("color")
                else {}
            )
            return {**({"brightness_pct": 100} if thing.can("brightness") else {}), **white}
        case "fan":
            return {"percentage": 50} if thing.can("speed") else {}
        case "cover" | "valve":
            return {"position": 0 if thing.state == "closed" else 100}
        case "climate":
            return {"temperature": 21, "current_temperature": 20}
        case "water_heater":
            return {"temperature": 50, "current_temperature": 48}
        case "humidifier":
            return {"humidity": 50, "current_humidity": 42, **({"mode": given.modes[0]} if given.modes else {})}
        case "vacuum" | "lawn_mower":
            return {"battery_level": 100}
        case "media_player":
            return {"volume_level": 30, "is_volume_muted": False}
        case "todo":
            return {"items": []}
    return {}


def _still(_thing: Thing, _action: str, _params: Params) -> Iterator[Moment]:
    yield from ()


def _light(thing: Thing, action: str, params: Params) -> Iterator[Moment]:
    """It remembers while it is off how bright and of what colour it was."""
    if action == "turn_off":
        yield Moment(state="off")
        return
    shining = dict(params)
    if "color" in shining:
        shining["color_temp_kelvin"] = None
    elif "color_temp_kelvin" in shining:
        shining["color"] = None
    yield Moment(state="on", attributes=shining)


def _switch(thing: Thing, action: str, params: Params) -> Iterator[Moment]:
    yield Moment(state="on" if action == "turn_on" else "off")


def _fan(thing: Thing, action: str, params: Params) -> Iterator[Moment]:
    if action == "set_percentage" and params["percentage"] <= 0:
        yield Moment(state="off")
    elif action == "oscillate":
        yield Moment(attributes=params)
    else:
        yield Moment(state="off" if action == "turn_off" else "on", attributes=params)


def _opening(thing: Thing, action: str, params: Params) -> Iterator[Moment]:
    """It goes step by step, and stands where it is stopped."""
    position = float(thing.attributes["position"])  # type: ignore[arg-type]  # always a number here
    goal = {"open": 100.0, "close": 0.0, "stop": position}.get(action)
    goal = float(params["position"]) if goal is None else goal
    steps = math.ceil(abs(goal - position) / TRAVEL_STEP_PERCENT)
    moving = "opening" if goal > position else "closing"
    if steps:
        yield Moment(state=moving)
    for step in range(1, steps):
        at = position + (goal - position) * step / steps
        yield Moment(_step_s(thing), moving, {"position": round(at)})
    yield Moment(_step_s(thing) if steps else 0, "open" if goal > 0 else "closed", {"position": round(goal)})


def _step_s(thing: Thing) -> float:
    return thing.duration_s * TRAVEL_STEP_PERCENT / 100


def _lock(thing: Thing, action: str, params: Params) -> Iterator[Moment]:
    done = "locked" if action == "lock" else "unlocked"
    if thing.state != done:
        yield Moment(state="locking" if action == "lock" else "unlocking")
        yield Moment(thing.duration_s, done)


def _climate(thing: Thing, action: str, params: Params) -> Iterator[Moment]:
    """Also humidifiers and water heaters: modes, presets and a value to reach."""
    modes = [mode for mode in thing.description.modes if mode != "off"]
    if action == "turn_off":
        yield Moment(state="off")
    elif action == "turn_on":
        yield Moment(state=modes[0] if modes and thing.kind != "humidifier" else "on")
    elif action == "set_hvac_mode":
        yield Moment(state=params["hvac_mode"])
    elif action == "set_mode" and thing.kind == "water_heater":
        yield Moment(state=params["mode"])
    else:
        yield Moment(attributes=params)


def _robot(thing: Thing, action: str, params: Params) -> Iterator[Moment]:
    working = "cleaning" if thing.kind == "vacuum" else "mowing"
    if action == "start":
        yield Moment(state=working)
    elif action == "pause" and thing.state in (working, "returning"):
        yield Moment(state="paused")
    elif action == "stop" and thing.state != "docked":
        yield Moment(state="idle" if thing.kind == "vacuum" else "paused")
    elif action == "return_to_base" and thing.state != "docked":
        yield Moment(state="returning")
        yield Moment(thing.duration_s, "docked")


def _media_player(thing: Thing, action: str, params: Params) -> Iterator[Moment]:
    volume = int(thing.attributes["volume_level"])  # type: ignore[arg-type]  # always a number here
    match action:
        case "turn_on" | "turn_off" | "play" | "pause" | "stop":
            after = {"turn_on": "on", "turn_off": "off", "play": "playing", "pause": "paused", "stop": "idle"}
            yield Moment(state=after[action])
        case "set_volume":
            yield Moment(attributes=params)
        case "volume_up" | "volume_down":
            step = VOLUME_STEP if action == "volume_up" else -VOLUME_STEP
            yield Moment(attributes={"volume_level": min(100, max(0, volume + step))})
        case "mute" | "unmute":
            yield Moment(attributes={"is_volume_muted": action == "mute"})
        case "play_media":
            yield Moment(state="playing", attributes={"media_title": params["query"]})
        case "select_source":
            yield Moment(attributes=params)


def _todo(thing: Thing, action: str, params: Params) -> Iterator[Moment]:
    items, item = thing.attributes["items"], str(params["item"])
    before = items if isinstance(items, list) else []
    if action == "add_item":
        yield Moment(attributes={"items": [*before, item]})
    else:
        yield Moment(attributes={"items": [one for one in before if one.casefold() != item.casefold()]})


def _value(thing: Thing, action: str, params: Params) -> Iterator[Moment]:
    yield Moment(state=params["value"])


def _alarm(thing: Thing, action: str, params: Params) -> Iterator[Moment]:
    done = {"arm_home": "armed_home", "arm_away": "armed_away", "arm_night": "armed_night", "disarm": "disarmed"}[
        action
    ]
    if thing.state != done and action != "disarm":
        yield Moment(state="arming")
        yield Moment(thing.duration_s, done)
    else:
        yield Moment(state=done)


_COURSES: Mapping[str, Callable[[Thing, str, Params], Iterator[Moment]]] = {
    "light": _light,
    "switch": _switch,
    "siren": _switch,
    "fan": _fan,
    "cover": _opening,
    "valve": _opening,
    "lock": _lock,
    "climate": _climate,
    "humidifier": _climate,
    "water_heater": _climate,
    "vacuum": _robot,
    "lawn_mower": _robot,
    "media_player": _media_player,
    "todo": _todo,
    "number": _value,
    "text": _value,
    "select": _value,
    "alarm_control_panel": _alarm,
}
