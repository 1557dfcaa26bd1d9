"""Lights that are told and read by templates alone (Home Assistant core, light/schema_template.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from edge_agent.home.components.commands import Command
from edge_agent.home.components.light.abilities import (
    Abilities,
    Brightness,
    ColorTemperature,
    Look,
    Shown,
    light_actions,
)
from edge_agent.home.components.light.colors import FULL, full_rgb, hex_color
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources, Told, number, one_of, plain
from edge_agent.home.entity import Entity, Publication, Value

BRIGHTNESS = Brightness(FULL)
COLOR_TEMPLATES = ("red_template", "green_template", "blue_template")


def template_light(options: Options) -> Parts:
    light = _TemplateLight.of(options)
    sources = Sources(options)
    if "state_template" in options:
        sources.attribute("state", "state_topic", "state_template", one_of(("on", "off")))
    if light.abilities.brightness:
        sources.attribute("brightness_pct", "state_topic", "brightness_template", _percent)
    if "effect_template" in options:
        sources.attribute("effect", "state_topic", "effect_template", plain)
    if light.abilities.color_temperature:
        light.shown.tells.add("color_temp_kelvin")
        sources.add("state_topic", "color_temp_template", light.read_kelvin, "color_temp_kelvin")
    if light.abilities.color:
        light.shown.tells.add("color")
        for place, key in enumerate(COLOR_TEMPLATES):
            sources.add("state_topic", key, partial(light.read_channel, place), "color")
    return Parts(sources, light_actions(light.abilities, light.turn_on, light.turn_off))


def _percent(text: str) -> Value:
    return BRIGHTNESS.percent(number(text))


@dataclass
class _TemplateLight:
    """What it can, how it is told, and the colours that it last said."""

    on: Command
    off: Command
    abilities: Abilities
    temperature: ColorTemperature
    channels: list[float | None] = field(default_factory=lambda: [None, None, None])
    shown: Shown = field(default_factory=Shown)

    @staticmethod
    def of(options: Options) -> _TemplateLight:
        for key in ("command_on_template", "command_off_template"):
            if key not in options:
                raise ValueError(f"`{key}` is missing.")
        temperature = ColorTemperature.of(options)
        abilities = Abilities(
            brightness=BRIGHTNESS if "brightness_template" in options else None,
            color=all(key in options for key in COLOR_TEMPLATES),
            color_temperature=temperature if "color_temp_template" in options else None,
            effects=options.choices("effect_list"),
        )
        return _TemplateLight(
            options.required_command("command_topic", "command_on_template"),
            options.required_command("command_topic", "command_off_template"),
            abilities,
            temperature,
        )

    def turn_off(self) -> Sequence[Publication]:
        return (self.off.publication(None, state=False),)

    def turn_on(self, _: Entity, look: Look) -> Sequence[Publication]:
        """The template sees only what is wished: `brightness` (to 255), `red`, `green`, `blue`, `hue`, `sat`, …"""
        wanted: dict[str, Any] = {"state": True}
        if look.brightness_percent is not None:
            wanted["brightness"] = BRIGHTNESS.device_value(look.brightness_percent)
        if look.kelvin is not None:
            wanted["color_temp"] = self.temperature.device_value(look.kelvin)
        if look.hue_saturation is not None:
            red, green, blue = full_rgb(*look.hue_saturation)
            hue, saturation = look.hue_saturation
            wanted |= {"red": red, "green": green, "blue": blue, "hue": hue, "sat": saturation}
        if look.effect is not None:
            wanted["effect"] = look.effect
        return (self.on.publication(None, **wanted),)

    def read_kelvin(self, text: str | None) -> Told:
        self.shown.kelvin = None if text is None else self.temperature.kelvin(number(text))
        return self.shown.told()

    def read_channel(self, place: int, text: str | None) -> Told:
        """One of red, green and blue; they are a colour once all three are known."""
        self.channels[place] = None if text is None else number(text)
        known = [channel for channel in self.channels if channel is not None]
        self.shown.color = hex_color(known) if len(known) == len(self.channels) else None
        return self.shown.told()
