"""Lawn mowers: each thing they do has a topic of its own."""

from __future__ import annotations

from edge_agent.home.components.commands import fixed
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources, one_of

STATES = ("mowing", "docked", "paused", "returning", "error")
# action → Home Assistant's word for it, which is the payload and begins the keys
COMMANDS = {"start": "start_mowing", "pause": "pause", "stop": "stop", "return_to_base": "dock"}


def lawn_mower(options: Options) -> Parts:
    sources = Sources(options)
    sources.attribute("state", "activity_state_topic", "activity_value_template", one_of(STATES))
    actions = []
    for name, word in COMMANDS.items():
        if command := options.command(f"{word}_command_topic", f"{word}_command_template"):
            actions.append(fixed(name, command, word))
    return Parts(sources, actions)
