"""Valves: water, gas, radiator."""

from __future__ import annotations

from edge_agent.home.components.commands import Command, fixed
from edge_agent.home.components.openings import Travel, position_command, positions_of
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources, words
from edge_agent.home.entity import EntityAction


def valve(options: Options) -> Parts:
    """One that reports its position is told positions only; the others open and close (Home Assistant, valve.mqtt)."""
    by_position = options.flag("reports_position")
    meanings = ("opening", "closing") if by_position else ("opening", "closing", "open", "closed")
    state = words(*((options.text(f"state_{meaning}", meaning), meaning) for meaning in meanings))
    travel = Travel(positions_of(options), state, has_word=False)
    sources = Sources(options)
    shown = ("state", "position") if by_position else ("state",)
    sources.add("state_topic", "value_template", travel.read_both, *shown)
    return Parts(sources, _position_actions(options) if by_position else _word_actions(options))


def _position_actions(options: Options) -> tuple[EntityAction, ...]:
    position = position_command(options, "command_topic", "command_template")
    if position is None:
        return ()
    moves = (position.action("open", 100), position.action("close", 0), position.setting())
    return moves + _stop(options, position.command)


def _word_actions(options: Options) -> tuple[EntityAction, ...]:
    command = options.command("command_topic", "command_template")
    if command is None:
        return ()
    payloads = {"open": ("payload_open", "OPEN"), "close": ("payload_close", "CLOSE")}
    wanted = {name: options.nullable_text(key, default) for name, (key, default) in payloads.items()}
    moves = tuple(fixed(name, command, payload) for name, payload in wanted.items() if payload is not None)
    return moves + _stop(options, command)


def _stop(options: Options, command: Command) -> tuple[EntityAction, ...]:
    payload = options.nullable_text("payload_stop")
    return () if payload is None else (fixed("stop", command, payload),)
