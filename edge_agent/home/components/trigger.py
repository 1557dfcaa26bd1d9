"""Buttons and scenes: they are set off and have no state."""

from __future__ import annotations

from edge_agent.home.components.commands import fixed
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources


def button(options: Options) -> Parts:
    command = options.required_command("command_topic", "command_template")
    return Parts(Sources(options), (fixed("press", command, options.text("payload_press", "PRESS")),))


def scene(options: Options) -> Parts:
    command = options.required_command("command_topic", "command_template")
    return Parts(Sources(options), (fixed("activate", command, options.text("payload_on", "ON")),))
