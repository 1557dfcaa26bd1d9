"""Lights of the default schema: a topic for each of their abilities (Home Assistant core, light/schema_basic.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from edge_agent.home.components.commands import Command, trimmed
from edge_agent.home.components.light.abilities import (
    Abilities,
    Brightness,
    ColorTemperature,
    Look,
    Shown,
    light_actions,
)
from edge_agent.home.components.light.colors import FULL, SPACES, ColorSpace, hue_saturation
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.ranges import clamped
from edge_agent.home.components.sources import Interpretation, Sources, Told, number, plain, words
from edge_agent.home.entity import Entity, Publication, Value

ON_COMMAND_TYPES = ("last", "first", "brightness")


def default_light(options: Options) -> Parts:
    sources = Sources(options)
    commands = _Commands.of(options)
    _Readings(options, sources, scaled=commands.scales_color).add()
    return Parts(sources, light_actions(commands.abilities(), commands.turn_on, commands.turn_off))


@dataclass(frozen=True)
class _Commands:
    """The light's command topics, and the order in which it wants them."""

    power: Command
    on: str
    off: str
    on_command_type: str
    brightness_scale: Brightness
    white_scale: Brightness
    temperature_scale: ColorTemperature
    brightness: Command | None
    color: Command | None
    space: ColorSpace | None
    temperature: Command | None
    white: Command | None
    effect: Command | None
    effects: tuple[str, ...]

    @staticmethod
    def of(options: Options) -> _Commands:
        on_command_type = options.text("on_command_type", "last")
        if on_command_type not in ON_COMMAND_TYPES:
            raise ValueError(f"`on_command_type` is {on_command_type[:20]!r}; it must be last, first or brightness.")
        space, color = _color_command(options)
        return _Commands(
            power=options.required_command("command_topic"),
            on=options.text("payload_on", "ON"),
            off=options.text("payload_off", "OFF"),
            on_command_type=on_command_type,
            brightness_scale=Brightness.of(options),
            white_scale=Brightness.of(options, "white_scale"),
            temperature_scale=ColorTemperature.of(options),
            brightness=options.command("brightness_command_topic", "brightness_command_template"),
            color=color,
            space=space,
            temperature=options.command("color_temp_command_topic", "color_temp_command_template"),
            white=options.command("white_command_topic"),
            effect=options.command("effect_command_topic", "effect_command_template"),
            effects=options.choices("effect_list"),
        )

    @property
    def scales_color(self) -> bool:
        """Without a topic for it, the brightness is in the colour's channels."""
        return self.brightness is None and self.space is not None and self.space.scales

    def abilities(self) -> Abilities:
        return Abilities(
            brightness=self._scale(),
            color=self.color is not None,
            color_temperature=self.temperature_scale if self.temperature else None,
            effects=self.effects if self.effect else (),
        )

    def _scale(self) -> Brightness | None:
        if self.brightness is not None:
            return self.brightness_scale
        return Brightness(FULL) if self.scales_color else None

    def turn_off(self) -> Sequence[Publication]:
        return (self.power.publication(self.off),)

    def turn_on(self, entity: Entity, look: Look) -> Sequence[Publication]:
        shining = self._shining(entity, look)
        if self.on_command_type == "brightness" and self.brightness:
            if look.brightness_percent is None:
                shining.append(self._dimmed(self.brightness, _present_percent(entity)))
            return shining
        switched = self.power.publication(self.on)
        return (switched, *shining) if self.on_command_type == "first" else (*shining, switched)

    def _shining(self, entity: Entity, look: Look) -> list[Publication]:
        """Colour, white, brightness and effect, each on its topic."""
        published = list(self._colored(entity, look))
        if look.brightness_percent is not None and self.brightness:
            published.append(self._dimmed(self.brightness, look.brightness_percent))
        if look.kelvin is not None and self.temperature:
            published.append(self.temperature.publication(self.temperature_scale.device_value(look.kelvin)))
        if look.effect is not None and self.effect:
            published.append(self.effect.publication(look.effect))
        return published

    def _dimmed(self, command: Command, percent: float) -> Publication:
        return command.publication(self.brightness_scale.device_value(percent))

    def _colored(self, entity: Entity, look: Look) -> Sequence[Publication]:
        percent = look.brightness_percent if look.brightness_percent is not None else _present_percent(entity)
        color = look.hue_saturation
        if color is None and look.brightness_percent is not None and self.scales_color and look.kelvin is None:
            color = _present_color(entity)
        if color is None or self.color is None or self.space is None:
            return ()
        if self.white and color[1] == 0:
            return (self.white.publication(self.white_scale.device_value(percent)),)
        channels = self.space.channels(*color)
        if self.scales_color:
            channels = [round(channel * percent / 100) for channel in channels]
        values = [trimmed(channel) if self.space.mode != "xy" else channel for channel in channels]
        text = ",".join(str(value) for value in values)
        return (self.color.publication(text, **dict(zip(self.space.variables, values, strict=True))),)


def _color_command(options: Options) -> tuple[ColorSpace | None, Command | None]:
    for space in SPACES:
        if command := options.command(f"{space.mode}_command_topic", f"{space.mode}_command_template"):
            return space, command
    return None, None


def _present_percent(entity: Entity) -> float:
    """How bright the light is or was; full where that is not known."""
    percent = entity.attributes.get("brightness_pct")
    return float(percent) if isinstance(percent, int | float) and percent > 0 else 100


def _present_color(entity: Entity) -> tuple[float, float]:
    """Hue and saturation that the light has; white where that is not known."""
    color = entity.attributes.get("color")
    return hue_saturation(color) if isinstance(color, str) else (0.0, 0.0)


class _Readings:
    """The light's state topics."""

    def __init__(self, options: Options, sources: Sources, *, scaled: bool) -> None:
        self._options, self._sources, self._scaled = options, sources, scaled
        self._shown = Shown()
        self._temperature = ColorTemperature.of(options)
        self._brightness = Brightness.of(options)

    def add(self) -> None:
        options, sources = self._options, self._sources
        on, off = options.text("payload_on", "ON"), options.text("payload_off", "OFF")
        template = "state_value_template" if "state_value_template" in options else "value_template"
        sources.attribute("state", "state_topic", template, words((on, "on"), (off, "off")))
        sources.attribute("brightness_pct", "brightness_state_topic", "brightness_value_template", self._percent)
        sources.attribute("effect", "effect_state_topic", "effect_value_template", plain)
        shown = ("color", "brightness_pct") if self._scaled else ("color",)
        for space in SPACES:
            self._add(f"{space.mode}_state_topic", f"{space.mode}_value_template", partial(self._color, space), *shown)
        self._add("color_temp_state_topic", "color_temp_value_template", self._kelvin, "color_temp_kelvin")
        self._add("color_mode_state_topic", "color_mode_value_template", self._mode)

    def _add(self, topic_key: str, template_key: str, interpret: Interpretation, *names: str) -> None:
        if self._sources.add(topic_key, template_key, interpret, *names):
            self._shown.tells.update(names)

    def _percent(self, text: str) -> Value:
        return self._brightness.percent(number(text))

    def _color(self, space: ColorSpace, text: str | None) -> Told:
        values = [] if text is None else [float(part) for part in text.strip("[]()").split(",")]
        self._shown.color = space.read(values) if values else None
        brightness = {"brightness_pct": clamped(max(values) * 100 / FULL)} if self._scaled and values else {}
        return {**self._shown.told(), **brightness}

    def _kelvin(self, text: str | None) -> Told:
        self._shown.kelvin = None if text is None else self._temperature.kelvin(number(text))
        return self._shown.told()

    def _mode(self, text: str | None) -> Told:
        self._shown.mode = text
        return self._shown.told()
