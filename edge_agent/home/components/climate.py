"""Thermostats and air conditioners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from edge_agent.home.components.commands import Command, choice_setting, fixed, given, number_of, number_setting
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources, Told, number, one_of, plain
from edge_agent.home.entity import Entity, EntityAction, Parameter, Params, Publication, Value

MODES = ("auto", "off", "cool", "heat", "dry", "fan_only")
FAN_MODES = ("auto", "low", "medium", "high")
ON_MODES = ("heat_cool", "heat", "cool")  # what "on" means, the first that there is (Home Assistant core, climate)
LIMITS = {"C": (7.0, 35.0), "F": (45.0, 95.0)}
PAIR_GAP = 4.0  # degrees between the two temperatures of a climate that has not told them
NO_PRESET = "none"


def climate(options: Options) -> Parts:
    sources = Sources(options)
    modes = options.choices("modes", MODES)
    sources.attribute("state", "mode_state_topic", "mode_state_template", one_of(modes))
    attribute = sources.attribute
    attribute("current_temperature", "current_temperature_topic", "current_temperature_template", number)
    attribute("current_humidity", "current_humidity_topic", "current_humidity_template", number)
    attribute("hvac_action", "action_topic", "action_template")
    actions = [*_modes(options, modes), *_temperature(options, sources)]
    if preset := _preset(options, sources):
        actions.append(preset)
    if fan := _fan(options, sources):
        actions.append(fan)
    return Parts(sources, actions, temperature_unit(options))


def temperature_unit(options: Options) -> str | None:
    """`°C` or `°F`; None where the device does not say which."""
    unit = options.nullable_text("temperature_unit")
    return f"°{unit.upper()}" if unit else None


def temperature_parameter(options: Options, limits: dict[str, tuple[float, float]]) -> Parameter:
    """In the device's unit; celsius where it does not say."""
    unit = options.text("temperature_unit", "C").upper()
    if unit not in limits:
        raise ValueError(f"`temperature_unit` is {unit[:20]!r}; it must be C or F.")
    lowest, highest = options.bounds("min_temp", "max_temp", *limits[unit])
    return Parameter("number", lowest, highest, options.step("temp_step"))


def power_actions(options: Options, modes: tuple[str, ...], on_modes: tuple[str, ...]) -> list[EntityAction]:
    """On and off by the power topic, else by the mode: the first of `on_modes` that there is, or any but off."""
    if power := options.command("power_command_topic", "power_command_template"):
        on, off = options.text("payload_on", "ON"), options.text("payload_off", "OFF")
        return [fixed("turn_on", power, on), fixed("turn_off", power, off)]
    command = options.command("mode_command_topic", "mode_command_template")
    running = [mode for mode in (*on_modes, *modes) if mode in modes and mode != "off"]
    if command is None or "off" not in modes:
        return []
    on_action = [fixed("turn_on", command, running[0])] if running else []
    return [*on_action, fixed("turn_off", command, "off")]


def _modes(options: Options, modes: tuple[str, ...]) -> list[EntityAction]:
    actions = power_actions(options, modes, ON_MODES)
    if command := options.command("mode_command_topic", "mode_command_template"):
        actions.append(choice_setting("set_hvac_mode", "hvac_mode", modes, command))
    return actions


def _temperature(options: Options, sources: Sources) -> Sequence[EntityAction]:
    command = options.command("temperature_command_topic", "temperature_command_template")
    low = options.command("temperature_low_command_topic", "temperature_low_command_template")
    high = options.command("temperature_high_command_topic", "temperature_high_command_template")
    parameter = temperature_parameter(options, LIMITS)
    single = sources.attribute("temperature", "temperature_state_topic", "temperature_state_template", number)
    if command or not (low and high):
        return (number_setting("set_temperature", "temperature", parameter, command),) if command else ()
    pair = _Pair(low, high)
    if not single:
        pair.listen(sources)
    return (EntityAction("set_temperature", {"temperature": parameter}, pair.publications),)


@dataclass
class _Pair:
    """Two temperatures between which a climate keeps a room; ours is the one that its mode works towards.

    While it may do both, heat and cool, ours is the middle, and the two move together.
    """

    low_command: Command
    high_command: Command
    low: float | None = None
    high: float | None = None
    mode: str | None = None

    def listen(self, sources: Sources) -> None:
        sources.add("mode_state_topic", "mode_state_template", self._read_mode)
        low, high = partial(self._read_end, "low"), partial(self._read_end, "high")
        sources.add("temperature_low_state_topic", "temperature_low_state_template", low, "temperature")
        sources.add("temperature_high_state_topic", "temperature_high_state_template", high, "temperature")

    def publications(self, entity: Entity, params: Params) -> Sequence[Publication]:
        wanted = float(number_of(given(params, "temperature")))
        if entity.state == "heat":
            return (self.low_command.publication(number_of(wanted)),)
        if entity.state == "cool":
            return (self.high_command.publication(number_of(wanted)),)
        half = (self.high - self.low) / 2 if self.low is not None and self.high is not None else PAIR_GAP / 2
        low, high = number_of(wanted - half), number_of(wanted + half)
        return (self.low_command.publication(low), self.high_command.publication(high))

    def _read_mode(self, text: str | None) -> Told:
        self.mode = text
        return {"temperature": self._shown()}

    def _read_end(self, end: Literal["low", "high"], text: str | None) -> Told:
        setattr(self, end, None if text is None else number(text))
        return {"temperature": self._shown()}

    def _shown(self) -> Value:
        if self.mode in ("heat", "cool"):
            return self.low if self.mode == "heat" else self.high
        known = [end for end in (self.low, self.high) if end is not None]
        return number_of(sum(known) / len(known)) if known else None


def _preset(options: Options, sources: Sources) -> EntityAction | None:
    presets = tuple(preset for preset in options.choices("preset_modes") if preset != NO_PRESET)
    sources.attribute("preset_mode", "preset_mode_state_topic", "preset_mode_value_template", plain)
    command = options.command("preset_mode_command_topic", "preset_mode_command_template")
    if command is None or not presets:
        return None
    return choice_setting("set_preset_mode", "preset_mode", (NO_PRESET, *presets), command)


def _fan(options: Options, sources: Sources) -> EntityAction | None:
    modes = options.choices("fan_modes", FAN_MODES)
    sources.attribute("fan_mode", "fan_mode_state_topic", "fan_mode_state_template", plain)
    command = options.command("fan_mode_command_topic", "fan_mode_command_template")
    return choice_setting("set_fan_mode", "fan_mode", modes, command) if command else None
