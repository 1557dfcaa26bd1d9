"""Fans."""

from __future__ import annotations

from collections.abc import Sequence

from edge_agent.home.components.commands import choice_setting, fixed, given, number_of, setting
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.ranges import Speeds
from edge_agent.home.components.sources import Sources, number, plain, words
from edge_agent.home.entity import Entity, EntityAction, Parameter, Params, Publication


def fan(options: Options) -> Parts:
    on, off = options.text("payload_on", "ON"), options.text("payload_off", "OFF")
    sources = Sources(options)
    sources.attribute("state", "state_topic", "state_value_template", words((on, "on"), (off, "off")))
    command = options.required_command("command_topic", "command_template")
    turn_on, turn_off = fixed("turn_on", command, on), fixed("turn_off", command, off)
    others = (
        _percentage(options, sources, turn_on, turn_off),
        _preset(options, sources, turn_on),
        _oscillation(options, sources),
    )
    return Parts(sources, (turn_on, turn_off, *(action for action in others if action)))


def _percentage(
    options: Options, sources: Sources, turn_on: EntityAction, turn_off: EntityAction
) -> EntityAction | None:
    lowest, highest = options.integer("speed_range_min", 1), options.integer("speed_range_max", 100)
    if lowest >= highest or lowest < 1:
        raise ValueError(f"`speed_range_min` is {lowest}; it must be 1 or more, and less than `speed_range_max`.")
    speeds, reset = Speeds(lowest, highest), options.text("payload_reset_percentage", "None")
    sources.attribute(
        "percentage",
        "percentage_state_topic",
        "percentage_value_template",
        lambda text: None if text == reset else speeds.percent(number(text)),
    )
    command = options.command("percentage_command_topic", "percentage_command_template")
    if command is None:
        return None

    def publications(entity: Entity, params: Params) -> Sequence[Publication]:
        percentage = number_of(given(params, "percentage"))
        if percentage <= 0:
            return turn_off.publications(entity, params)
        return (*_running(entity, turn_on), command.publication(speeds.value(percentage)))

    parameter = Parameter("number", 0, 100, 100 / speeds.count)
    return EntityAction("set_percentage", {"percentage": parameter}, publications)


def _preset(options: Options, sources: Sources, turn_on: EntityAction) -> EntityAction | None:
    reset = options.text("payload_reset_preset_mode", "None")
    sources.attribute(
        "preset_mode",
        "preset_mode_state_topic",
        "preset_mode_value_template",
        lambda text: None if text == reset else plain(text),
    )
    command = options.command("preset_mode_command_topic", "preset_mode_command_template")
    presets = options.choices("preset_modes")
    if command is None or not presets:
        return None
    chosen = choice_setting("set_preset_mode", "preset_mode", presets, command)

    def publications(entity: Entity, params: Params) -> Sequence[Publication]:
        return (*_running(entity, turn_on), *chosen.publications(entity, params))

    return EntityAction(chosen.name, chosen.parameters, publications)


def _running(entity: Entity, turn_on: EntityAction) -> Sequence[Publication]:
    """A fan that is off is turned on first: not every one starts for being told its speed."""
    return turn_on.publications(entity, {}) if entity.state == "off" else ()


def _oscillation(options: Options, sources: Sources) -> EntityAction | None:
    on = options.text("payload_oscillation_on", "oscillate_on")
    off = options.text("payload_oscillation_off", "oscillate_off")
    meaning = words((on, True), (off, False))
    sources.attribute("oscillating", "oscillation_state_topic", "oscillation_value_template", meaning)
    command = options.command("oscillation_command_topic", "oscillation_command_template")
    if command is None:
        return None
    return setting("oscillate", "oscillating", Parameter("boolean"), command, lambda wanted: on if wanted else off)
