"""Switches and sirens."""

from __future__ import annotations

import json

from edge_agent.home.components.commands import Command, fixed
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources, Told, json_object, words
from edge_agent.home.entity import EntityAction, Publication


def switch(options: Options) -> Parts:
    on, off = options.text("payload_on", "ON"), options.text("payload_off", "OFF")
    sources = Sources(options)
    state = words((options.text("state_on", on), "on"), (options.text("state_off", off), "off"))
    sources.attribute("state", "state_topic", "value_template", state)
    command = options.required_command("command_topic", "command_template")
    return Parts(sources, (fixed("turn_on", command, on), fixed("turn_off", command, off)))


def siren(options: Options) -> Parts:
    """Without a template a siren is told in JSON, `{"state": "ON"}` (Home Assistant core, mqtt/siren.py)."""
    on, off = options.text("payload_on", "ON"), options.text("payload_off", "OFF")
    state = words((options.text("state_on", on), "on"), (options.text("state_off", off), "off"))
    sources = Sources(options)

    def read(text: str | None) -> Told:
        if text is not None and text.startswith("{"):
            text = str(json_object(text)["state"])
        return {"state": None if text is None else state(text)}

    sources.add("state_topic", "state_value_template", read, "state")
    off_template = "command_off_template" if "command_off_template" in options else "command_template"
    return Parts(
        sources,
        (
            _siren_action("turn_on", options.required_command("command_topic", "command_template"), on),
            _siren_action("turn_off", options.required_command("command_topic", off_template), off),
        ),
    )


def _siren_action(name: str, command: Command, payload: str) -> EntityAction:
    def publications(*_: object) -> tuple[Publication, ...]:
        value = payload if command.template else json.dumps({"state": payload}, ensure_ascii=False)
        return (command.publication(value, state=payload),)

    return EntityAction(name, {}, publications)
