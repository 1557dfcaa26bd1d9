"""What is spoken of, in words: values, states, colours, and wishes as they stand behind "shall I"."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from edge_agent.home import DeviceAction, Entity
from edge_agent.language.phrases import MASCULINE, Phrases, chosen
from edge_agent.language.said_names import SaidNames

PERCENTAGES = frozenset({"brightness_pct", "percentage", "position", "volume_level", "humidity", "current_humidity"})
PERCENTAGES |= {"battery_level"}
TEMPERATURES = frozenset({"temperature", "current_temperature", "target_temp_high", "target_temp_low"})
UNKNOWN_STATES = frozenset({None, "unknown", "unavailable"})

# The hues in degrees that a name is given to; below the saturation everything is white.
_HUES = {
    "red": 0, "orange": 30, "yellow": 57, "lime": 85, "green": 120, "turquoise": 168, "cyan": 185, "light_blue": 203,
    "blue": 235, "violet": 270, "magenta": 300, "pink": 330,
}  # fmt: skip
_WHITE_BELOW = 0.2
_PALE_BELOW = 0.6

_WITH_A_VALUE = frozenset({"play_media", "add_item", "complete_item", "remove_item"})
# What is how, not what: no word is lost on it.
_UNSAID = frozenset({"transition", "flash"})


class Devices(Protocol):
    """The home, as far as wording needs it."""

    def find(self, entity_id: str) -> Entity | None: ...


class Terms:
    """One language's words for what a home has."""

    def __init__(self, phrases: Phrases) -> None:
        self.phrases = phrases
        self.names = SaidNames(phrases)

    def phrase(self, wish: DeviceAction, entity: Entity) -> tuple[str, str]:
        """The key of a wish in the tables `wish` and `done`, and the value that goes with it, "" for none."""
        action, params = wish.action, {name: value for name, value in wish.params.items() if name not in _UNSAID}
        if action in ("turn_on", "set_percentage") and _is_zero(params):
            return "turn_off", ""
        if action == "set_hvac_mode" and params.get("hvac_mode") == "off":
            return "turn_off", ""
        if action == "oscillate":
            return ("oscillate_on" if params.get("oscillating") else "oscillate_off"), ""
        if action == "open" and entity.kind == "lock":
            return "unlatch", ""
        values = [self.parameter(entity, name, value) for name, value in params.items() if value is not None]
        value = self.phrases.listed(values)
        if action == "set_volume":
            return "volume", value
        if self.phrases.has("wish", action) and (not values or action in _WITH_A_VALUE):
            return action, value
        return ("set_to", value) if values else ("other", "")

    def wish(self, wishes: Sequence[DeviceAction], home: Devices) -> str:
        """ "turn off the kitchen light and close 4 blinds"."""
        groups: dict[tuple[str, str], dict[str, Entity]] = {}
        for wish in wishes:
            if (entity := home.find(wish.entity_id)) is not None:
                groups.setdefault(self.phrase(wish, entity), {})[entity.id] = entity
        return self.phrases.listed(self.wished(key, value, list(of.values())) for (key, value), of in groups.items())

    def wished(self, key: str, value: str, entities: Sequence[Entity]) -> str:
        """One wish for several devices."""
        named = self.names.devices(entities)
        return self.phrases.fill("wish", key, named.form, name=named.text, value=value)

    def parameter(self, entity: Entity, name: str, value: Any) -> str:
        """A parameter or an attribute, as it is said: 50%, 21 °C, red."""
        if name == "color":
            return self.color(str(value))
        if name == "color_temp_kelvin":
            return self.phrases.measure(value, "K")
        if name in PERCENTAGES:
            return self.phrases.measure(value, "%")
        if name in TEMPERATURES:
            return self.temperature(value, entity.unit)
        if name == "hvac_mode":
            return str(self.phrases.table("modes").get(value, value))
        return self.phrases.measure(value, entity.unit if name == "value" else None)

    def temperature(self, value: object, unit: str | None) -> str:
        if unit is None:
            return self.phrases.fill("format", "degrees", value=self.phrases.number(value))
        return self.phrases.measure(value, unit)

    def color(self, color: str) -> str:
        """The name nearest to `#rrggbb`."""
        try:
            red, green, blue = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
        except ValueError:
            return color
        hue, saturation, _ = colorsys.rgb_to_hsv(red, green, blue)
        return chosen(self.phrases.table("colors")[_color_name(hue * 360, saturation)], MASCULINE)

    def state_words(self, entity: Entity, state: str | None) -> str:
        """The words for a state, with their alternatives; a state that no list has is said as the device says it."""
        state = state or "unknown"
        known = self.phrases.table("states").get(state)
        return str(known) if known is not None else self.phrases.measure(state, entity.unit)

    def choices(self, choices: Iterable[str]) -> str:
        modes = self.phrases.table("modes")
        return self.phrases.listed((str(modes.get(choice, choice)) for choice in choices), "or")

    def bounds(self, low: object, high: object, unit: str | None) -> tuple[str, dict[str, str]]:
        """Which of the three sentences about bounds, and the bounds; the unit is said once."""
        if low is not None and high is not None:
            return "out_of_range", {"low": self.phrases.number(low), "high": self.phrases.measure(high, unit)}
        if low is not None:
            return "at_least", {"low": self.phrases.measure(low, unit)}
        return "at_most", {"high": self.phrases.measure(high, unit)}


def _is_zero(params: Mapping[str, Any]) -> bool:
    return any(params.get(name) == 0 for name in ("brightness_pct", "percentage"))


def _color_name(hue: float, saturation: float) -> str:
    if saturation < _WHITE_BELOW:
        return "white"
    apart = {name: min(abs(hue - place), 360 - abs(hue - place)) for name, place in _HUES.items()}
    nearest = min(apart, key=apart.__getitem__)
    return "pink" if saturation < _PALE_BELOW and nearest in ("red", "magenta") else nearest
