"""Alarm control panels."""

from __future__ import annotations

from edge_agent.home.components.commands import fixed
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts
from edge_agent.home.components.sources import Sources, one_of
from edge_agent.home.entity import EntityAction

STATES = (
    "disarmed",
    "armed_home",
    "armed_away",
    "armed_night",
    "armed_vacation",
    "armed_custom_bypass",
    "arming",
    "disarming",
    "pending",
    "triggered",
)
PAYLOADS = {
    "arm_home": ("payload_arm_home", "ARM_HOME"),
    "arm_away": ("payload_arm_away", "ARM_AWAY"),
    "arm_night": ("payload_arm_night", "ARM_NIGHT"),
    "disarm": ("payload_disarm", "DISARM"),
}
REMOTE_CODES = ("REMOTE_CODE", "REMOTE_CODE_TEXT")  # only the panel knows the code


def alarm_control_panel(options: Options) -> Parts:
    sources = Sources(options)
    sources.attribute("state", "state_topic", "value_template", one_of(STATES))
    supported = {"disarm", *options.choices("supported_features", tuple(PAYLOADS))}
    return Parts(sources, tuple(_actions(options, supported)))


def _actions(options: Options, supported: set[str]) -> list[EntityAction]:
    """Those that need no code, or whose code the configuration gives."""
    command = options.required_command("command_topic", "command_template")
    code = options.nullable_text("code")
    known = None if code in REMOTE_CODES else code
    actions = []
    for name, (key, default) in PAYLOADS.items():
        required = options.flag("code_disarm_required" if name == "disarm" else "code_arm_required", default=True)
        payload = options.text(key, default)
        if name in supported and (known == code or not required):
            actions.append(fixed(name, command, payload, action=payload, code=known))
    return actions
