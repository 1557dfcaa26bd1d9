"""Boilers and heat pumps for water."""

from __future__ import annotations

from edge_agent.home.components.climate import power_actions, temperature_parameter, temperature_unit
from edge_agent.home.components.commands import choice_setting, number_setting
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources, number, one_of

MODES = ("off", "eco", "electric", "gas", "heat_pump", "high_demand", "performance")
LIMITS = {"C": (43.3, 60.0), "F": (110.0, 140.0)}


def water_heater(options: Options) -> Parts:
    modes = options.choices("modes", MODES)
    sources = Sources(options)
    sources.attribute("state", "mode_state_topic", "mode_state_template", one_of(modes))
    sources.attribute("temperature", "temperature_state_topic", "temperature_state_template", number)
    sources.attribute("current_temperature", "current_temperature_topic", "current_temperature_template", number)
    actions = power_actions(options, modes, ())
    if mode := options.command("mode_command_topic", "mode_command_template"):
        actions.append(choice_setting("set_mode", "mode", modes, mode))
    parameter = temperature_parameter(options, LIMITS)
    if temperature := options.command("temperature_command_topic", "temperature_command_template"):
        actions.append(number_setting("set_temperature", "temperature", parameter, temperature))
    return Parts(sources, actions, temperature_unit(options))
