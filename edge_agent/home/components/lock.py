"""Locks."""

from __future__ import annotations

from edge_agent.home.components.commands import fixed
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources, words
from edge_agent.home.entity import EntityAction

# Home Assistant's states; an unlatched lock is unlocked.
STATES = {
    "locked": "locked",
    "unlocked": "unlocked",
    "locking": "locking",
    "unlocking": "unlocking",
    "jammed": "jammed",
    "open": "unlocked",
    "opening": "unlocking",
}


def lock(options: Options) -> Parts:
    """A lock that wants a code (`code_format`) can only be read: nobody told us the code."""
    sources = Sources(options)
    state = words(*((options.text(f"state_{word}", word.upper()), meaning) for word, meaning in STATES.items()))
    sources.attribute("state", "state_topic", "value_template", state)
    return Parts(sources, _actions(options))


def _actions(options: Options) -> tuple[EntityAction, ...]:
    command = options.required_command("command_topic", "command_template")
    if "code_format" in options:
        return ()
    payloads = {
        "lock": options.text("payload_lock", "LOCK"),
        "unlock": options.text("payload_unlock", "UNLOCK"),
        "open": options.nullable_text("payload_open"),
    }
    return tuple(fixed(name, command, payload, code=None) for name, payload in payloads.items() if payload is not None)
