"""A clause → what is to be done with which devices: the cue, the kind of device and the values say it together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.home import DeviceAction, Entity
from edge_agent.language.clause import Clause

STEP = {"brightness_pct": 20.0, "volume_level": 10.0, "position": 25.0, "percentage": 20.0, "temperature": 1.0,
        "humidity": 5.0, "color_temp_kelvin": 800.0}  # fmt: skip
FACTORS = {"halve": 0.5, "double": 2.0}
LITTLE = 0.5  # of a step: "a bit"
UPWARD = frozenset({"up", "brighter", "warmer", "louder", "stronger"})
DOWNWARD = frozenset({"down", "darker", "colder", "quieter", "weaker"})
SWITCHED = frozenset({"light", "switch", "fan", "humidifier", "media_player", "siren", "climate", "water_heater"})
LEVELS: Mapping[str, tuple[str, str]] = {  # kind → (action, parameter) of its percentage
    "light": ("turn_on", "brightness_pct"),
    "fan": ("set_percentage", "percentage"),
    "cover": ("set_position", "position"),
    "valve": ("set_position", "position"),
    "media_player": ("set_volume", "volume_level"),
    "humidifier": ("set_humidity", "humidity"),
}


@dataclass(frozen=True)
class Wish:
    """What a clause wants of one entity; None of `action`: it can't do that."""

    action: str | None
    params: Mapping[str, Any]


NOTHING = Wish(None, {})


def wish_for(entity: Entity, clause: Clause) -> Wish:
    """What this clause means for this device."""
    if not _suits(entity, clause):
        return NOTHING
    for rule in (_scene, _todo_is_not_here, _multiplied, _light, _level, _temperature, _mode, _relative, _simple):
        if (wish := rule(entity, clause)) is not None:
            return wish if wish.action is None or wish.action in entity.actions else NOTHING
    return NOTHING


def fits(clause: Clause) -> Callable[[Entity], bool]:
    return lambda entity: wish_for(entity, clause).action is not None


def actions_for(entities: Iterable[Entity], clause: Clause) -> tuple[DeviceAction, ...]:
    wishes = [
        (entity, wish)
        for entity in entities
        for wish in (*_switched_on_first(entity, clause), wish_for(entity, clause))
    ]
    return tuple(DeviceAction(entity.id, wish.action, wish.params) for entity, wish in wishes if wish.action)


def _switched_on_first(entity: Entity, clause: Clause) -> tuple[Wish, ...]:
    """ "Run the humidifier at 60 percent" is two things for a humidifier."""
    wanted = entity.kind == "humidifier" and clause.percent is not None and {"on", "start"} & set(clause.cues)
    return (Wish("turn_on", {}),) if wanted and "turn_on" in entity.actions else ()


def _scene(entity: Entity, clause: Clause) -> Wish | None:
    if entity.kind not in ("scene", "script", "button"):
        return None
    stopping = {"off", "close", "stop", "lock", "unlock"} & set(clause.cues)
    return NOTHING if stopping or clause.has_value else Wish("press" if entity.kind == "button" else "activate", {})


def _todo_is_not_here(entity: Entity, clause: Clause) -> Wish | None:
    return NOTHING if entity.kind == "todo" else None


def _multiplied(entity: Entity, clause: Clause) -> Wish | None:
    """ "Half as bright", "twice as loud": of what it is now."""
    if clause.factor is None:
        return None
    action, parameter = LEVELS.get(entity.kind, ("", ""))
    bounds, now = _parameter(entity, action, parameter), entity.attributes.get(parameter)
    if bounds is None or not isinstance(now, int | float) or entity.is_on is False:
        return NOTHING
    return Wish(action, {parameter: _tidy(_bounded(now * clause.factor, bounds))})


def _light(entity: Entity, clause: Clause) -> Wish | None:
    if entity.kind != "light":
        return None
    params: dict[str, Any] = {}
    if clause.color is not None:
        params["color"] = clause.color
    if clause.kelvin is not None and clause.color is None:
        params["color_temp_kelvin"] = clause.kelvin
    if clause.tint is not None or (clause.color is None and {"warmer", "colder"} & set(clause.cues)):
        warmer = clause.tint == "warmer" or "warmer" in clause.cues
        now = entity.attributes.get("color_temp_kelvin")
        parameter = _parameter(entity, "turn_on", "color_temp_kelvin")
        if parameter is None:
            return NOTHING
        current = float(now) if isinstance(now, int | float) else (parameter.minimum + parameter.maximum) / 2
        target = current + (-1 if warmer else 1) * STEP["color_temp_kelvin"] * (LITTLE if clause.little else 1)
        params["color_temp_kelvin"] = round(_bounded(target, parameter))
    level = clause.percent if clause.percent is not None else _bare(clause)
    if level is not None and not clause.by and not _is_by_so_much(clause):
        params["brightness_pct"] = level
    if not params:
        return None
    if params.get("brightness_pct") == 0:
        return Wish("turn_off", {})
    able = entity.actions["turn_on"].parameters if "turn_on" in entity.actions else {}
    return Wish("turn_on", params) if params.keys() <= able.keys() else NOTHING


def _bare(clause: Clause) -> float | None:
    """A number without a unit is a percentage where nothing else is said of it."""
    return clause.number if clause.number is not None and 0 <= clause.number <= 100 else None


def _level(entity: Entity, clause: Clause) -> Wish | None:
    if entity.kind not in LEVELS or entity.kind == "light" or clause.by or _further(entity, clause):
        return None
    level = clause.percent if clause.percent is not None else _bare(clause)
    if level is None:
        return None
    if entity.kind not in ("cover", "valve") and _is_by_so_much(clause):
        return None
    action, parameter = LEVELS[entity.kind]
    if entity.kind in ("cover", "valve") and clause.percent in (100, 0) and "level" in clause.flags:
        return Wish("close" if "close" in clause.cues or "down" in clause.cues else "open", {})
    if _parameter(entity, action, parameter) is None:
        return NOTHING
    return Wish(action, {parameter: _tidy(level)})


def _temperature(entity: Entity, clause: Clause) -> Wish | None:
    if entity.kind not in ("climate", "water_heater"):
        return None
    number = clause.degrees if clause.degrees is not None else clause.number
    if number is None:
        return None
    direction = _direction(clause)
    if clause.by or (direction and "exact" not in clause.flags):
        now = entity.attributes.get("temperature")
        if not isinstance(now, int | float) or not direction:
            return NOTHING
        number = _raised(entity, clause, now, direction * number)
    return Wish("set_temperature", {"temperature": _tidy(number)})


def _raised(entity: Entity, clause: Clause, now: float, change: float) -> float:
    """ "Turn it up 22" is to 22 degrees where by as many it can't be."""
    bounds = _parameter(entity, "set_temperature", "temperature")
    is_possible = bounds is None or _bounded(now + change, bounds) == now + change
    return now + change if is_possible or clause.by else abs(change)


def _mode(entity: Entity, clause: Clause) -> Wish | None:
    if entity.kind == "climate" and clause.hvac is not None:
        return Wish("set_hvac_mode", {"hvac_mode": clause.hvac})
    hvac = (clause.hvac,) if clause.hvac is not None else ()
    for extra in (*clause.extras, *hvac):
        for action in entity.actions.values():
            for name, parameter in action.parameters.items():
                if extra in parameter.choices:
                    return Wish(action.name, {name: extra})
    return None


def _is_by_so_much(clause: Clause) -> bool:
    """ "Up ten percent" is from where it is; "up to ten percent" is not."""
    return bool(_direction(clause)) and not clause.flags & {"exact", "level"}


def _direction(clause: Clause) -> int:
    """The first that is said counts: "lower it by two more" is lower."""
    return next(((1 if cue in UPWARD else -1) for cue in clause.cues if cue in UPWARD | DOWNWARD), 0)


def _relative(entity: Entity, clause: Clause) -> Wish | None:
    """Up, down, brighter, warmer, louder; or half as much."""
    if factors := [FACTORS[cue] for cue in clause.cues if cue in FACTORS]:
        return _times(entity, factors[0])
    direction = _further(entity, clause) or _direction(clause) or _part_way(entity, clause)
    shut_down = "close" in clause.cues and entity.kind not in ("cover", "valve")
    is_plain = _is_plain(entity, clause) and not _further(entity, clause)
    if direction == 0 or shut_down or is_plain or entity.kind not in RELATIVE_KINDS:
        return None
    action, parameter = LEVELS.get(entity.kind, ("set_temperature", "temperature"))
    bounds = _parameter(entity, action, parameter)
    if bounds is None or (entity.state == "off" and direction < 0):
        return NOTHING
    said = clause.percent if clause.percent is not None else clause.number
    by_so_much = said and (clause.by or _is_by_so_much(clause) or _further(entity, clause))
    step = said if said and by_so_much else STEP[parameter] * (LITTLE if clause.little else 1)
    now = entity.attributes.get(parameter)
    if not isinstance(now, int | float):
        return NOTHING
    target = now + direction * step
    if parameter == "brightness_pct":
        target = max(target, 5.0)
        if target >= now > 0 and direction < 0:
            target = max(1.0, now / 2)
    return Wish(action, {parameter: _tidy(_bounded(target, bounds))})


def _times(entity: Entity, factor: float) -> Wish:
    action, parameter = LEVELS.get(entity.kind, ("", ""))
    bounds, now = _parameter(entity, action, parameter), entity.attributes.get(parameter)
    if bounds is None or not isinstance(now, int | float):
        return NOTHING
    return Wish(action, {parameter: _tidy(_bounded(round(now * factor), bounds))})


def _part_way(entity: Entity, clause: Clause) -> int:
    """ "Open the blind a bit" is up by a bit, where it can stop on its way."""
    if not (clause.little or clause.by) or _parameter(entity, "set_position", "position") is None:
        return 0
    return ("open" in clause.cues) - ("close" in clause.cues)


def _further(entity: Entity, clause: Clause) -> int:
    """ "20 percent more closed" is down by so much, though more is up."""
    moves = ("open" in clause.cues) - ("close" in clause.cues)
    more = clause.by or not {"up", "resume"}.isdisjoint(clause.cues)
    is_by = more and clause.percent is not None and not clause.flags & {"exact", "level"}
    return moves if is_by and entity.kind in ("cover", "valve") else 0


def _is_plain(entity: Entity, clause: Clause) -> bool:
    """Blinds go up and down as a whole, unless by a bit or an amount."""
    return entity.kind in ("cover", "valve") and not clause.little and not clause.by


def _suits(entity: Entity, clause: Clause) -> bool:
    """Whether what is said can be meant of such a device at all: nobody waters a lamp."""
    for name, kinds in VALUE_KINDS.items():
        if getattr(clause, name) is not None and entity.kind not in kinds:
            return False
    if clause.attribute in ATTRIBUTE_KINDS and entity.kind not in ATTRIBUTE_KINDS[clause.attribute]:
        return False
    return all(entity.kind in CUE_KINDS[cue] for cue in clause.cues if cue in CUE_KINDS)


HEATERS = frozenset({"climate", "water_heater"})
RELATIVE_KINDS = frozenset({*LEVELS, *HEATERS})
VALUE_KINDS = {
    "degrees": HEATERS,
    "hvac": frozenset({"climate", "fan"}),
    "kelvin": frozenset({"light"}),
    "color": frozenset({"light"}),
    "tint": frozenset({"light"}),
    "percent": frozenset(LEVELS),
}
ATTRIBUTE_KINDS = {
    "temperature": HEATERS,
    "humidity": frozenset({"humidifier"}),
    "brightness_pct": frozenset({"light"}),
    "volume_level": frozenset({"media_player"}),
    "position": frozenset({"cover", "valve"}),
    "percentage": frozenset({"fan"}),
    "color": frozenset({"light"}),
}
CUE_KINDS = {
    "brighter": frozenset({"light"}),
    "darker": frozenset({"light"}),
    "dark": frozenset({"light"}),
    "lit": frozenset({"light"}),
    "warmer": frozenset({"climate", "water_heater", "light"}),
    "colder": frozenset({"climate", "water_heater", "light"}),
    "louder": frozenset({"media_player"}),
    "quieter": frozenset({"media_player"}),
    "mute": frozenset({"media_player"}),
    "play": frozenset({"media_player"}),
    "unmute": frozenset({"media_player"}),
    "heat": HEATERS,
    "water": frozenset({"valve"}),
    "clean": frozenset({"vacuum"}),
    "mow": frozenset({"lawn_mower"}),
    "dock": frozenset({"vacuum", "lawn_mower"}),
}

SIMPLE: Mapping[str, Mapping[str, str]] = {  # kind → cue → action
    "cover": {"open": "open", "up": "open", "out": "open", "close": "close", "down": "close", "in": "close",
              "stop": "stop"},
    "valve": {"open": "open", "on": "open", "start": "open", "water": "open", "resume": "open",
              "close": "close", "off": "close", "stop": "stop_or_close"},
    "lock": {"lock": "lock", "close_lock": "lock", "unlock": "unlock", "open": "unlock"},
    "vacuum": {"dock": "return_to_base", "in": "return_to_base",
               "pause": "pause", "stop": "stop", "locate": "locate", "off": "return_to_base",
               "clean": "start", "start": "start", "on": "start", "resume": "start"},
    "lawn_mower": {"dock": "return_to_base", "in": "return_to_base",
                   "pause": "pause", "stop": "pause", "mow": "start", "start": "start",
                   "on": "start", "resume": "start", "off": "return_to_base"},
    "media_player": {"mute": "mute", "unmute": "unmute", "pause": "pause", "resume": "play", "play": "play",
                     "next": "next", "previous": "previous", "stop": "stop", "off": "turn_off",
                     "start": "play", "on": "turn_on"},
    "alarm_control_panel": {"arm": "arm_away", "disarm": "disarm", "on": "arm_away", "off": "disarm"},
}  # fmt: skip
ON_OFF: Mapping[str, str] = {
    **dict.fromkeys(("on", "lit", "start", "heat", "open"), "turn_on"),
    **dict.fromkeys(("off", "out", "stop", "close", "dark"), "turn_off"),
}


def _simple(entity: Entity, clause: Clause) -> Wish | None:
    if entity.kind == "climate":
        return _climate(entity, clause)
    table = SIMPLE.get(entity.kind) or (ON_OFF if entity.kind in SWITCHED else {})
    if entity.kind == "media_player" and clause.attribute == "volume_level":
        table = {**table, "off": "mute", "on": "unmute"}  # the sound is off, not the player
    if entity.kind == "media_player" and entity.state == "paused":
        table = {**table, "on": table["resume"]}  # "the music back on"
    for cue in _by_strength(clause.cues):
        action = table.get(cue)
        if action == "stop_or_close":
            action = "close"
        if action is not None and action in entity.actions and _is_sane(entity, cue):
            return Wish(action, {})
    if "want" in clause.flags and not clause.cues and not clause.has_value:
        action = "open" if entity.kind == "valve" else "turn_on"
        return Wish(action, {}) if action in entity.actions else None
    return None


def _is_sane(entity: Entity, cue: str) -> bool:
    if cue in ("open", "close"):
        return entity.kind in ("cover", "valve", "lock") or (cue == "close" and entity.kind in SWITCHED)
    return not (cue == "dark" and entity.kind != "light")


def _climate(entity: Entity, clause: Clause) -> Wish | None:
    cues = set(clause.cues)
    parameter = _parameter(entity, "set_hvac_mode", "hvac_mode")
    modes = parameter.choices if parameter is not None else ()
    if cues & {"off", "stop", "close"}:
        if "off" in modes:
            return Wish("set_hvac_mode", {"hvac_mode": "off"})
        return Wish("turn_off", {})
    if cues & {"on", "heat", "start"} or ("want" in clause.flags and not cues):
        if "heat" in modes:
            return Wish("set_hvac_mode", {"hvac_mode": "heat"})
        return Wish("turn_on", {})
    return None


def _by_strength(cues: Iterable[str]) -> list[str]:
    """What says most first: "put … on" is on, "set" alone says nothing."""
    weak = {"set": 4, "add": 5, "start": 3, "on": 2, "water": 2, "clean": 2, "mow": 2, "stop": 1}
    # What can pause is paused by "halt an"
    return sorted(cues, key=lambda cue: weak.get(cue, 0))


def _parameter(entity: Entity, action: str, name: str) -> Any:
    found = entity.actions.get(action)
    return found.parameters.get(name) if found is not None else None


def _bounded(value: float, parameter: Any) -> float:
    low = parameter.minimum if parameter.minimum is not None else value
    high = parameter.maximum if parameter.maximum is not None else value
    return min(max(value, low), high)


def _tidy(number: float) -> float | int:
    rounded = round(number, 2)
    return int(rounded) if rounded == int(rounded) else rounded
