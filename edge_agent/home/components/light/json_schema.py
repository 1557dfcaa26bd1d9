"""Lights that speak JSON on one topic, as zigbee2mqtt's and ESPHome's (Home Assistant core, light/schema_json.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge_agent.home.components.commands import Command, trimmed
from edge_agent.home.components.light.abilities import (
    Abilities,
    Brightness,
    ColorTemperature,
    Look,
    Shown,
    light_actions,
)
from edge_agent.home.components.light.colors import SPACES, ColorSpace
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources, Told, json_object, plain
from edge_agent.home.entity import Entity, Publication, Value

STATES: Mapping[object, Value] = {"ON": "on", "OFF": "off", None: None}
DARK_MODES = frozenset({"onoff"})  # those that say nothing of brightness


def json_light(options: Options) -> Parts:
    light = _JsonLight.of(options)
    sources = Sources(options)
    abilities = light.abilities
    shown = {"state"}
    shown |= {"brightness_pct"} if abilities.brightness else set()
    shown |= {"effect"} if abilities.effects else set()
    light.shown.tells |= {"color"} if abilities.color else set()
    light.shown.tells |= {"color_temp_kelvin"} if abilities.color_temperature else set()
    sources.add("state_topic", "value_template", light.read, *shown, *light.shown.tells)
    return Parts(sources, light_actions(abilities, light.turn_on, light.turn_off))


@dataclass
class _JsonLight:
    """What it can, how it says it, and what it last said."""

    command: Command
    abilities: Abilities
    scale: Brightness
    white_scale: Brightness
    temperature: ColorTemperature
    space: ColorSpace | None
    has_white: bool
    shown: Shown = field(default_factory=Shown)

    @staticmethod
    def of(options: Options) -> _JsonLight:
        modes = _modes(options)
        space = next((space for space in SPACES if space.mode in modes), None)
        temperature = ColorTemperature.of(options)
        scale = Brightness.of(options)
        abilities = Abilities(
            brightness=scale if options.flag("brightness") or modes - DARK_MODES else None,
            color=space is not None,
            color_temperature=temperature if "color_temp" in modes else None,
            effects=options.choices("effect_list") if options.flag("effect", default=True) else (),
        )
        return _JsonLight(
            options.required_command("command_topic"),
            abilities,
            scale,
            Brightness.of(options, "white_scale"),
            temperature,
            space,
            "white" in modes,
        )

    def turn_off(self) -> Sequence[Publication]:
        return (self._publication({"state": "OFF"}),)

    def turn_on(self, _: Entity, look: Look) -> Sequence[Publication]:
        wanted: dict[str, Any] = {"state": "ON"}
        if look.brightness_percent is not None and self.abilities.brightness:
            wanted["brightness"] = self.scale.device_value(look.brightness_percent)
        if look.kelvin is not None and self.abilities.color_temperature:
            wanted["color_temp"] = self.temperature.device_value(look.kelvin)
        if look.hue_saturation is not None and self.space:
            wanted |= self._colored(self.space, look)
        if look.effect is not None and self.abilities.effects:
            wanted["effect"] = look.effect
        return (self._publication(wanted),)

    def read(self, text: str | None) -> Told:
        """`{"state": "ON", "brightness": 120, "color_mode": "hs", "color": {"h": 30, "s": 100}}`, or less."""
        if text is None:
            return {"state": None}
        said = json_object(text)
        told: dict[str, Value] = {}
        if said.get("state", "") in STATES:
            told["state"] = STATES[said["state"]]
        if self.abilities.brightness and _is_number(said.get("brightness")) and said["brightness"] > 0:
            told["brightness_pct"] = self.scale.percent(said["brightness"])
        if self.abilities.effects and "effect" in said:
            told["effect"] = None if said["effect"] is None else plain(str(said["effect"]))
        return {**told, **self._read_colors(said)}

    def _publication(self, wanted: Mapping[str, Any]) -> Publication:
        return self.command.publication(json.dumps(wanted, ensure_ascii=False, separators=(",", ":")))

    def _colored(self, space: ColorSpace, look: Look) -> dict[str, Any]:
        hue, saturation = look.hue_saturation or (0.0, 0.0)
        if self.has_white and saturation == 0:
            percent = 100 if look.brightness_percent is None else look.brightness_percent
            return {"white": self.white_scale.device_value(percent)}
        channels = space.channels(hue, saturation)
        values = [channel if space.mode == "xy" else trimmed(channel) for channel in channels]
        return {"color": dict(zip(space.keys, values, strict=True))}

    def _read_colors(self, said: Mapping[str, Any]) -> Told:
        before = (self.shown.mode, self.shown.color, self.shown.kelvin)
        if isinstance(said.get("color_mode"), str):
            self.shown.mode = said["color_mode"]
        if isinstance(said.get("color"), dict):
            self.shown.color = _color(said["color"], self.shown.mode) or self.shown.color
        if _is_number(said.get("color_temp")) and said["color_temp"] > 0:
            self.shown.kelvin = self.temperature.kelvin(said["color_temp"])
        changed = before != (self.shown.mode, self.shown.color, self.shown.kelvin)
        return self.shown.told() if changed or "color_mode" in said else {}


def _modes(options: Options) -> set[str]:
    """The color modes; those of configurations from before them are said one by one."""
    if "supported_color_modes" in options:
        return set(options.choices("supported_color_modes"))
    older = [*(space.mode for space in SPACES), "color_temp"]
    return {mode for mode in older if options.flag(mode)}


def _color(said: Mapping[str, Any], mode: str | None) -> str | None:
    """The colour in the channels of its mode, else in any that are all there; None where none are."""
    for space in sorted(SPACES, key=lambda space: (space.mode != mode, -len(space.keys))):
        if all(_is_number(said.get(key)) for key in space.keys):
            try:
                return space.read([float(said[key]) for key in space.keys])
            except ValueError:
                continue
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
