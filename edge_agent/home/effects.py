"""What an action should lead to, in states and attributes; whether it is so already; whether the device followed.

`expected` knows each kind. Where it gives None, no state shows the action: what is published can only be `sent`.
"""

from __future__ import annotations

import colorsys
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from edge_agent.home.entity import Entity, Params, Value

Progress = Literal["done", "underway", "failed", "not_shown", "other"]

# Devices round: to their own scale, to mireds, to half a degree of the other unit.
TOLERANCES = {"temperature": 0.05, "target_temp_high": 0.05, "target_temp_low": 0.05, "color_temp_kelvin": 50.0}
PERCENT_TOLERANCE = 1.0
PERCENTAGES = frozenset({"brightness_pct", "percentage", "position", "volume_level", "humidity"})
VALUE_TOLERANCE = 1e-6
# Beyond a percent's rounding, a device that is fully open says 98 or 99.
FULLY_OPEN_FROM = 98.0
HUE_TOLERANCE = 12 / 360
SATURATION_TOLERANCE = 0.15

HOW_NOT_WHAT = frozenset({"transition", "flash"})  # parameters that no state shows afterwards
OFF_STATES = frozenset({"off", "standby"})
UNKNOWN_STATES = frozenset({"unknown", "unavailable"})
COLOR_MODES_OF_WHITE = frozenset({"color_temp", "white"})


@dataclass(frozen=True)
class Wanted:
    """A value that an attribute should have. Numbers may differ by `tolerance`; `above` and `below` are exclusive."""

    value: Value = None
    tolerance: float = 0.0
    above: float | None = None
    below: float | None = None
    holds: str | None = None  # an entry that the list should hold
    lacks: str | None = None  # one that it should not
    if_shown: bool = False  # a device that does not tell this attribute is not asked for it

    def fits(self, value: Value, tolerance: float | None = None) -> bool:
        if self.holds is not None or self.lacks is not None:
            return isinstance(value, list) and self._list_fits(value)
        if self.above is not None or self.below is not None:
            return self._lies_between(value)
        return _same(self.value, value, self.tolerance if tolerance is None else tolerance)

    def _list_fits(self, entries: Sequence[str]) -> bool:
        listed = {_plain(entry) for entry in entries}
        return _plain(self.holds) in listed if self.holds is not None else _plain(self.lacks) not in listed

    def _lies_between(self, value: Value) -> bool:
        number = as_number(value)
        low, high = self.above, self.below
        return number is not None and (low is None or number > low) and (high is None or number < high)


@dataclass(frozen=True)
class Effect:
    """What the device's topics should show.

    `states`: any of them; `not_states`: none of them; both empty: the state tells nothing about the action.
    `underway`: states on the way there. `ways`: attribute → (where it was, where it is going), for what moves slowly.
    `patient`: only the end counts, being on the way does not. `failed`: states by which the device says that it can't.
    """

    states: frozenset[str] = frozenset()
    not_states: frozenset[str] = frozenset()
    number: Wanted | None = None  # a state that is a number
    attributes: Mapping[str, Wanted] = field(default_factory=dict)
    underway: frozenset[str] = frozenset()
    ways: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    patient: bool = False
    failed: frozenset[str] = frozenset()
    partial: bool = False  # the device's topics never tell all that was asked for


def expected(entity: Entity, action: str, params: Params) -> Effect | None:
    """What `action` should lead to from where the entity is now; None where no state can show it.

    `params` as policy has passed them.
    """
    if entity.assumed:
        return None
    rule = _RULES.get((entity.kind, action)) or _RULES.get(("*", action)) or _by_parameters
    effect = rule(entity, params)
    told = None if effect is None else _as_far_as_told(entity, effect)
    return None if told is None else _on_the_devices_scale(entity, action, params, told)


def is_so(entity: Entity, effect: Effect) -> bool:
    """Whether state and attributes are as wanted."""
    return _state_fits(entity, effect) and all(
        wanted.fits(value) if (value := entity.attributes.get(name)) is not None else wanted.if_shown
        for name, wanted in effect.attributes.items()
    )


def is_already(entity: Entity, effect: Effect) -> bool:
    """Whether nothing has to be published. Stricter than `is_so`: where it is not sure, publishing does no harm."""
    if effect.partial or (_has_state(effect) and entity.state is None):
        return False
    if not is_so(entity, effect) or not _shows_the_colour_that_counts(entity, effect):
        return False
    strict = ((name, wanted) for name, wanted in effect.attributes.items() if name in PERCENTAGES)
    return all(
        wanted.fits(value, min(wanted.tolerance, PERCENT_TOLERANCE))
        for name, wanted in strict
        if (value := entity.attributes.get(name)) is not None
    )


def progress(entity: Entity, effect: Effect) -> Progress:
    """How far the device has followed.

    `not_shown`: all that it tells is as wanted, but it does not tell all that was asked for.
    """
    if is_so(entity, effect):
        return "not_shown" if effect.partial else "done"
    if entity.state in effect.failed:
        return "failed"
    if entity.state in effect.underway or _moves(entity, effect):
        return "underway"
    shown = {name: wanted for name, wanted in effect.attributes.items() if entity.attributes.get(name) is not None}
    missing = shown.keys() != effect.attributes.keys()
    return "not_shown" if missing and is_so(entity, replace(effect, attributes=shown)) else "other"


def as_number(value: Value) -> float | None:
    """A finite number, also where it is written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def has_entry(entries: Value, entry: str) -> bool:
    """Whether a list holds it, whatever the case and the spaces."""
    return isinstance(entries, list) and Wanted(holds=entry).fits(entries)


def _has_state(effect: Effect) -> bool:
    return bool(effect.states or effect.not_states or effect.number)


def _state_fits(entity: Entity, effect: Effect) -> bool:
    if not _has_state(effect):
        return True
    state = entity.state
    if state is None:  # a device that tells its attributes alone
        return any(entity.attributes.get(name) is not None for name in effect.attributes)
    if state in UNKNOWN_STATES:
        return False
    if effect.number is not None:
        return effect.number.fits(state)
    return (not effect.states or state in effect.states) and state not in effect.not_states


def _moves(entity: Entity, effect: Effect) -> bool:
    """Whether an attribute has come nearer to where it should go."""
    for name, (start, goal) in effect.ways.items():
        now = as_number(entity.attributes.get(name))
        if now is not None and abs(goal - now) < abs(goal - start) - PERCENT_TOLERANCE:
            return True
    return False


def _shows_the_colour_that_counts(entity: Entity, effect: Effect) -> bool:
    """A light may still tell the colour that it had before it was white, and the other way round."""
    asked = {"color", "color_temp_kelvin"} & effect.attributes.keys()
    if not asked:
        return True
    mode = entity.attributes.get("color_mode")
    if isinstance(mode, str):
        return (mode in COLOR_MODES_OF_WHITE) == ("color_temp_kelvin" in asked)
    told = [entity.attributes.get(name) for name in ("color", "color_temp_kelvin")]
    return None in told


def _plain(entry: str | None) -> str:
    return " ".join((entry or "").casefold().split())


def _same(wanted: Value, value: Value, tolerance: float) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool):
        return wanted is value
    if _is_color(wanted) and _is_color(value):
        return _same_color(str(wanted), str(value))
    first, second = as_number(wanted), as_number(value)
    if first is not None and second is not None:
        return abs(first - second) <= tolerance + VALUE_TOLERANCE
    return isinstance(wanted, str) and isinstance(value, str) and wanted.casefold() == value.casefold()


def _is_color(value: Value) -> bool:
    return isinstance(value, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", value) is not None


def _same_color(first: str, second: str) -> bool:
    """Hue and saturation; how bright it is, is the brightness's. A pale colour has no hue to speak of."""
    (hue, saturation, _), (other_hue, other_saturation, _) = _hsv(first), _hsv(second)
    if abs(saturation - other_saturation) > SATURATION_TOLERANCE:
        return False
    apart = abs(hue - other_hue)
    return min(apart, 1 - apart) <= HUE_TOLERANCE or max(saturation, other_saturation) <= SATURATION_TOLERANCE


def _hsv(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return colorsys.rgb_to_hsv(red, green, blue)


def _want(name: str, value: Value) -> Wanted:
    tolerance = PERCENT_TOLERANCE if name in PERCENTAGES else TOLERANCES.get(name, 0.0)
    return Wanted(value, tolerance)


def _as_far_as_told(entity: Entity, effect: Effect) -> Effect | None:
    """Without what no topic of the entity tells; None where the rest is so already, or nothing is left."""
    if entity.tells is None:
        return effect
    told = {name: wanted for name, wanted in effect.attributes.items() if name in entity.tells}
    untold = [name for name, wanted in effect.attributes.items() if name not in entity.tells and not wanted.if_shown]
    stateless = _has_state(effect) and "state" not in entity.tells
    if (stateless and not told) or not (_has_state(effect) or told):
        return None
    rest = replace(effect, attributes=told, partial=bool(untold))
    return None if rest.partial and is_so(entity, rest) else rest


def _on_the_devices_scale(entity: Entity, action: str, params: Params, effect: Effect) -> Effect:
    """A value between two steps of the device ends at one of them: a fan of three speeds asked for 50 %."""
    described = entity.actions.get(action)
    wanted = dict(effect.attributes)
    for name in PERCENTAGES & wanted.keys() & params.keys():
        parameter = described.parameters.get(name) if described is not None else None
        if parameter is None or not parameter.step:
            continue
        steps = (float(params[name]) - (parameter.minimum or 0)) / parameter.step
        if abs(steps - round(steps)) * parameter.step > PERCENT_TOLERANCE:
            wanted[name] = replace(wanted[name], tolerance=parameter.step)
    return replace(effect, attributes=wanted)


Rule = Callable[[Entity, Params], Effect | None]


def _states(*states: str, underway: Sequence[str] = (), failed: Sequence[str] = (), patient: bool = False) -> Rule:
    effect = Effect(frozenset(states), underway=frozenset(underway), failed=frozenset(failed), patient=patient)

    def rule(entity: Entity, params: Params) -> Effect:
        return replace(effect, failed=effect.failed - {entity.state})  # it was so before: that is no answer

    return rule


def _unseen(entity: Entity, params: Params) -> None:
    return None


def _by_parameters(entity: Entity, params: Params) -> Effect | None:
    """`set_humidity(humidity)` shows in the attribute `humidity`, and so on."""
    return Effect(attributes={name: _want(name, value) for name, value in params.items()}) if params else None


def _on(entity: Entity, params: Params) -> Effect:
    shown = {name: _want(name, value) for name, value in params.items() if name not in HOW_NOT_WHAT}
    if any(as_number(params.get(name)) == 0 for name in ("brightness_pct", "percentage")):
        return Effect(OFF_STATES)
    return Effect(not_states=OFF_STATES, attributes=shown)


def _siren_on(entity: Entity, params: Params) -> Effect:
    """Its tone, volume and duration are told to it, not by it."""
    return Effect(not_states=OFF_STATES)


def _state_is(parameter: str) -> Rule:
    def rule(entity: Entity, params: Params) -> Effect:
        value = params[parameter]
        number = None if isinstance(value, bool) else as_number(value)
        if number is not None:
            return Effect(number=Wanted(number, max(0.001, abs(number) * 1e-5)))  # 32 bit floats
        return Effect(frozenset({str(value)}))

    return rule


def _opened(entity: Entity, params: Params) -> Effect:
    wanted = {"position": Wanted(above=FULLY_OPEN_FROM - 1, if_shown=True)}
    return Effect(frozenset({"open"}), attributes=wanted, underway=frozenset({"opening"}), ways=_way(entity, 100))


def _closed(entity: Entity, params: Params) -> Effect:
    return Effect(frozenset({"closed"}), underway=frozenset({"closing"}), ways=_way(entity, 0))


def _positioned(entity: Entity, params: Params) -> Effect:
    goal, start = float(params["position"]), as_number(entity.attributes.get("position"))
    towards = () if start is None else ("opening",) if goal > start else ("closing",)
    return Effect(
        attributes={"position": _want("position", goal)}, underway=frozenset(towards), ways=_way(entity, goal)
    )


def _way(entity: Entity, goal: float) -> dict[str, tuple[float, float]]:
    start = as_number(entity.attributes.get("position"))
    return {} if start is None else {"position": (start, goal)}


def _from(states: Sequence[str], then: Rule) -> Rule:
    """Stopping what is at rest shows nothing; nor does unlatching what is unlocked."""

    def rule(entity: Entity, params: Params) -> Effect | None:
        return then(entity, params) if entity.state in states else None

    return rule


def _louder(direction: int) -> Rule:
    def rule(entity: Entity, params: Params) -> Effect | None:
        start = as_number(entity.attributes.get("volume_level"))
        if start is None or (start >= 100 and direction > 0) or (start <= 0 and direction < 0):
            return None
        wanted = Wanted(above=start) if direction > 0 else Wanted(below=start)
        return Effect(attributes={"volume_level": wanted})

    return rule


def _muted(muted: bool) -> Rule:
    return lambda entity, params: Effect(attributes={"is_volume_muted": Wanted(muted)})


def _listed(held: bool) -> Rule:
    def rule(entity: Entity, params: Params) -> Effect:
        item = str(params["item"])
        return Effect(attributes={"items": Wanted(holds=item) if held else Wanted(lacks=item)})

    return rule


_MOVING = ("opening", "closing")
_PLAYED = ("playing", "paused", "buffering")
_ARMING = ("arming", "pending")
_unlatched = _states("unlocked", "open", underway=("unlocking", "opening"), failed=("jammed",), patient=True)

_RULES: Mapping[tuple[str, str], Rule] = {
    ("*", "turn_on"): _on,
    ("*", "turn_off"): _states(*OFF_STATES),
    ("siren", "turn_on"): _siren_on,
    ("fan", "set_percentage"): _on,
    ("fan", "set_preset_mode"): _on,
    ("cover", "open"): _opened,
    ("cover", "close"): _closed,
    ("cover", "set_position"): _positioned,
    ("cover", "stop"): _from(_MOVING, _states("open", "closed")),
    ("valve", "open"): _opened,
    ("valve", "close"): _closed,
    ("valve", "set_position"): _positioned,
    ("valve", "stop"): _from(_MOVING, _states("open", "closed")),
    ("lock", "lock"): _states("locked", underway=("locking",), failed=("jammed",), patient=True),
    ("lock", "unlock"): _states("unlocked", "open", underway=("unlocking",), failed=("jammed",), patient=True),
    ("lock", "open"): _from(
        ("locked", "locking"),
        _states("unlocked", "open", underway=("unlocking", "opening"), failed=("jammed",), patient=True),
    ),
    ("climate", "set_hvac_mode"): _state_is("hvac_mode"),
    ("water_heater", "set_mode"): _state_is("mode"),
    ("vacuum", "start"): _states("cleaning", failed=("error",)),
    ("vacuum", "pause"): _from(("cleaning", "returning"), _states("paused")),
    ("vacuum", "stop"): _from(("cleaning", "returning"), _states("idle", "paused", "docked")),
    ("vacuum", "return_to_base"): _states("docked", underway=("returning",), failed=("error",)),
    ("lawn_mower", "start"): _states("mowing", failed=("error",)),
    ("lawn_mower", "pause"): _from(("mowing", "returning"), _states("paused")),
    ("lawn_mower", "stop"): _from(("mowing", "returning"), _states("idle", "paused", "docked")),
    ("lawn_mower", "return_to_base"): _states("docked", underway=("returning",), failed=("error",)),
    ("media_player", "play"): _states("playing", underway=("buffering",)),
    ("media_player", "pause"): _from(_PLAYED, _states("paused")),
    ("media_player", "stop"): _from(_PLAYED, _states("idle", "on", "stopped", *OFF_STATES)),
    ("media_player", "volume_up"): _louder(+1),
    ("media_player", "volume_down"): _louder(-1),
    ("media_player", "mute"): _muted(True),
    ("media_player", "unmute"): _muted(False),
    ("media_player", "play_media"): _unseen,
    ("todo", "add_item"): _listed(True),
    ("todo", "complete_item"): _listed(False),
    ("todo", "remove_item"): _listed(False),
    ("scene", "activate"): _unseen,
    ("script", "activate"): _unseen,
    ("button", "press"): _unseen,
    ("number", "set_value"): _state_is("value"),
    ("text", "set_value"): _state_is("value"),
    ("select", "set_value"): _state_is("value"),
    ("select", "select_option"): _state_is("option"),
    ("alarm_control_panel", "arm_home"): _states("armed_home", underway=_ARMING),
    ("alarm_control_panel", "arm_away"): _states("armed_away", underway=_ARMING),
    ("alarm_control_panel", "arm_night"): _states("armed_night", underway=_ARMING),
    ("alarm_control_panel", "disarm"): _states("disarmed"),
}
