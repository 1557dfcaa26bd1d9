"""Numbers, selects and texts: a value to set."""

from __future__ import annotations

import re

from edge_agent.home.components.commands import choice_setting, number_setting, setting
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import STATE_CHARACTERS, Sources, number, one_of, plain
from edge_agent.home.entity import Parameter, Value


def number_component(options: Options) -> Parts:
    lowest, highest = options.bounds("min", "max", 1, 100)
    parameter = Parameter("number", lowest, highest, options.step("step"))
    reset = options.text("payload_reset", "None")
    sources = Sources(options)

    def state(text: str) -> Value:
        return None if text == reset else str(number(text))

    sources.attribute("state", "state_topic", "value_template", state)
    command = options.required_command("command_topic", "command_template")
    unit = options.nullable_text("unit_of_measurement")
    return Parts(sources, (number_setting("set_value", "value", parameter, command),), unit)


def select(options: Options) -> Parts:
    choices = options.choices("options")
    if not choices:
        raise ValueError("`options` is missing: a select needs something to choose.")
    sources = Sources(options)
    sources.attribute("state", "state_topic", "value_template", one_of(choices))
    command = options.required_command("command_topic", "command_template")
    return Parts(
        sources,
        (
            choice_setting("select_option", "option", choices, command),
            choice_setting("set_value", "value", choices, command),
        ),
    )


def text_component(options: Options) -> Parts:
    """The state of a password is not read: it would end in prompts and replies."""
    sources = Sources(options)
    if options.text("mode", "text") != "password":
        sources.attribute("state", "state_topic", "value_template", plain)
    shortest, longest = options.integer("min", 0), options.integer("max", STATE_CHARACTERS)
    pattern = _pattern(options)

    def payload(value: object) -> str:
        text = str(value)
        if not shortest <= len(text) <= longest:
            raise ValueError(f"The text must be {shortest} to {longest} characters long; it has {len(text)}.")
        if pattern and not pattern.fullmatch(text):
            raise ValueError(f"The text must match {pattern.pattern}.")
        return text

    command = options.required_command("command_topic", "command_template")
    parameter = Parameter("text", shortest, longest)
    return Parts(sources, (setting("set_value", "value", parameter, command, payload),))


def _pattern(options: Options) -> re.Pattern[str] | None:
    source = options.nullable_text("pattern")
    try:
        return re.compile(source) if source else None
    except re.error as error:
        raise ValueError(f"`pattern` is no regular expression: {error}.") from error
