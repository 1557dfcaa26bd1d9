"""Humidifiers and dehumidifiers."""

from __future__ import annotations

from edge_agent.home.components.commands import choice_setting, fixed, number_setting
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources, number, plain, words
from edge_agent.home.entity import Parameter


def humidifier(options: Options) -> Parts:
    on, off = options.text("payload_on", "ON"), options.text("payload_off", "OFF")
    sources = Sources(options)
    sources.attribute("state", "state_topic", "state_value_template", words((on, "on"), (off, "off")))
    sources.attribute("humidity", "target_humidity_state_topic", "target_humidity_state_template", number)
    sources.attribute("current_humidity", "current_humidity_topic", "current_humidity_template", number)
    sources.attribute("mode", "mode_state_topic", "mode_state_template", plain)
    command = options.required_command("command_topic", "command_template")
    actions = [fixed("turn_on", command, on), fixed("turn_off", command, off)]
    lowest, highest = options.bounds("min_humidity", "max_humidity", 0, 100)
    if target := options.command("target_humidity_command_topic", "target_humidity_command_template"):
        actions.append(number_setting("set_humidity", "humidity", Parameter("number", lowest, highest, 1), target))
    modes = options.choices("modes")
    if (mode := options.command("mode_command_topic", "mode_command_template")) and modes:
        actions.append(choice_setting("set_mode", "mode", modes, mode))
    return Parts(sources, actions)
