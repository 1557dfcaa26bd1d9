"""Covers: blinds, shutters, awnings, garage doors, gates. Their slats' tilt is left to Home Assistant."""

from __future__ import annotations

from edge_agent.home.components.commands import fixed
from edge_agent.home.components.openings import STOPPED, Travel, position_command, positions_of
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources, words
from edge_agent.home.entity import EntityAction

PAYLOADS = {"open": ("payload_open", "OPEN"), "close": ("payload_close", "CLOSE"), "stop": ("payload_stop", "STOP")}


def cover(options: Options) -> Parts:
    sources = Sources(options)
    meanings = ("open", "opening", "closed", "closing", STOPPED)
    state = words(*((options.text(f"state_{meaning}", meaning), meaning) for meaning in meanings))
    travel = Travel(positions_of(options), state, has_word="state_topic" in options)
    shown = ("position",) if travel.has_word else ("position", "state")
    # The position first: where both are on one topic, `stopped` is understood by the newest one.
    sources.add("position_topic", "position_template", travel.read_position, *shown)
    sources.add("state_topic", "value_template", travel.read_state, "state")
    return Parts(sources, _actions(options))


def _actions(options: Options) -> tuple[EntityAction, ...]:
    """A cover that only takes positions is opened and closed by them."""
    command = options.command("command_topic")
    position = position_command(options, "set_position_topic", "set_position_template")
    actions: list[EntityAction] = []
    if command:
        payloads = {name: options.nullable_text(key, default) for name, (key, default) in PAYLOADS.items()}
        actions += [fixed(name, command, payload) for name, payload in payloads.items() if payload is not None]
    elif position:
        actions += [position.action("open", 100), position.action("close", 0)]
    if position:
        actions.append(position.setting())
    return tuple(actions)
