"""Every kind by plain topics: a topic for each thing that an entity says or hears, below a base topic of its own.

https://www.home-assistant.io/integrations/mqtt, each component's page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from edge_agent.home.components.light.colors import RGB, full_rgb, hex_color, hue_saturation
from edge_agent.home.simulation.behaviour import Thing
from edge_agent.home.simulation.manners.json_light import light_config, light_orders, light_state
from edge_agent.home.simulation.manners.speech import (
    Config,
    Hears,
    Order,
    compact,
    measure,
    number,
    on_off,
    switching,
)

LIGHT_SCALE = 255
FAN_SPEEDS = 4

Says = Callable[[], object]
Read = Callable[[str], Any]


class Plain:
    """Collects what an entity says and hears. Its configuration has Home Assistant's long keys; `~` is the base."""

    def __init__(self, thing: Thing, base: str) -> None:
        self.thing, self.base = thing, base
        self.config: Config = {"~": base, **measure(thing)}
        self.says: dict[str, Says] = {}
        self.hears: dict[str, Hears] = {}

    def tell(self, key: str, level: str, says: Says) -> None:
        """A state topic; nothing is published while `says` gives None."""
        self.config[key] = f"~/{level}"
        self.says[f"{self.base}/{level}"] = says

    def tell_attribute(self, key: str, level: str, name: str) -> None:
        self.tell(key, level, lambda: self.thing.attributes.get(name))

    def hear(self, key: str, level: str, hears: Hears) -> None:
        self.config[key] = f"~/{level}"
        self.hears[f"{self.base}/{level}"] = hears

    def hear_word(self, key: str, level: str, actions: Mapping[str, str]) -> None:
        """A command topic whose payloads are words, each with its action."""
        self.hear(key, level, lambda payload: [Order(self.thing, actions[payload])])

    def hear_value(self, key: str, level: str, action: str, parameter: str, read: Read = str) -> None:
        """A command topic whose payload is the only parameter of an action."""
        self.hear(key, level, lambda payload: [Order(self.thing, action, {parameter: read(payload)})])

    def state(self, says: Says | None = None, key: str = "state_topic") -> None:
        self.tell(key, "state", says or (lambda: self.thing.state))

    def states(self) -> Mapping[str, str]:
        said = {topic: says() for topic, says in self.says.items()}
        return {
            topic: value if isinstance(value, str) else compact(value)
            for topic, value in said.items()
            if value is not None
        }


def plain(thing: Thing, base: str, *, json_lights: bool) -> Plain:
    """`json_lights`: lights speak JSON on one topic, as ESPHome's do. Raises KeyError for a kind that is none."""
    wire = Plain(thing, base)
    (_json_light if json_lights and thing.kind == "light" else PLAIN_KINDS[thing.kind])(wire)
    return wire


def _json_light(wire: Plain) -> None:
    wire.config |= light_config(wire.thing, RGB, LIGHT_SCALE)
    wire.state(partial(light_state, wire.thing, RGB, LIGHT_SCALE))
    wire.hear("command_topic", "command", partial(light_orders, wire.thing, RGB, LIGHT_SCALE))


def _light(wire: Plain) -> None:
    thing = wire.thing
    _switch(wire)
    if thing.can("brightness"):
        wire.tell("brightness_state_topic", "brightness/state", lambda: _scaled_brightness(thing))
        wire.hear("brightness_command_topic", "brightness/command", partial(_hear_brightness, thing))
    if thing.can("color"):
        wire.tell("rgb_state_topic", "rgb/state", lambda: _channels(thing))
        wire.hear_value("rgb_command_topic", "rgb/command", "turn_on", "color", _color)
    if thing.can("white"):
        wire.config["color_temp_kelvin"] = True
        wire.tell_attribute("color_temp_state_topic", "white/state", "color_temp_kelvin")
        wire.hear_value("color_temp_command_topic", "white/command", "turn_on", "color_temp_kelvin", number)
    if thing.can("color") and thing.can("white"):
        wire.tell("color_mode_state_topic", "mode", lambda: "rgb" if "color" in thing.attributes else "color_temp")
    if thing.description.options:
        wire.config["effect_list"] = list(thing.description.options)
        wire.tell_attribute("effect_state_topic", "effect/state", "effect")
        wire.hear_value("effect_command_topic", "effect/command", "turn_on", "effect")


def _scaled_brightness(thing: Thing) -> int:
    return round(float(thing.attributes["brightness_pct"]) * LIGHT_SCALE / 100)  # type: ignore[arg-type]


def _hear_brightness(thing: Thing, payload: str) -> Sequence[Order]:
    percent = round(number(payload) * 100 / LIGHT_SCALE)
    return [Order(thing, "turn_on", {"brightness_pct": percent}) if percent > 0 else Order(thing, "turn_off")]


def _channels(thing: Thing) -> str | None:
    color = thing.attributes.get("color")
    return ",".join(str(channel) for channel in full_rgb(*hue_saturation(color))) if color else None


def _color(payload: str) -> str:
    return hex_color([float(channel) for channel in payload.split(",")])


def _switch(wire: Plain) -> None:
    wire.state(partial(on_off, wire.thing))
    wire.hear("command_topic", "command", lambda payload: [Order(wire.thing, switching(payload))])


def _siren(wire: Plain) -> None:
    wire.config["command_template"] = "{{ value }}"
    _switch(wire)


def _fan(wire: Plain) -> None:
    thing = wire.thing
    _switch(wire)
    if thing.can("speed"):
        wire.config |= {"speed_range_min": 1, "speed_range_max": FAN_SPEEDS}
        wire.tell("percentage_state_topic", "speed_level/state", lambda: _speed(thing))
        wire.hear_value(
            "percentage_command_topic",
            "speed_level/command",
            "set_percentage",
            "percentage",
            lambda payload: number(payload) * 100 / FAN_SPEEDS,
        )
    if thing.can("oscillation"):
        wire.tell("oscillation_state_topic", "oscillation/state", lambda: _oscillation(thing))
        wire.hear_value(
            "oscillation_command_topic",
            "oscillation/command",
            "oscillate",
            "oscillating",
            lambda payload: {"oscillate_on": True, "oscillate_off": False}[payload],
        )
    _presets(wire)


def _speed(thing: Thing) -> int:
    percentage = float(thing.attributes.get("percentage") or 0)  # type: ignore[arg-type]
    return max(1, round(percentage * FAN_SPEEDS / 100))


def _oscillation(thing: Thing) -> str:
    return "oscillate_on" if thing.attributes.get("oscillating") else "oscillate_off"


def _presets(wire: Plain) -> None:
    if presets := wire.thing.description.presets:
        wire.config["preset_modes"] = list(presets)
        wire.tell_attribute("preset_mode_state_topic", "preset/state", "preset_mode")
        wire.hear_value("preset_mode_command_topic", "preset/command", "set_preset_mode", "preset_mode")


def _cover(wire: Plain) -> None:
    wire.state()
    wire.hear_word("command_topic", "command", {"OPEN": "open", "CLOSE": "close", "STOP": "stop"})
    if wire.thing.can("position"):
        wire.tell_attribute("position_topic", "position/state", "position")
        wire.hear_value("set_position_topic", "position/command", "set_position", "position", number)


def _valve(wire: Plain) -> None:
    """One that can stand anywhere says and hears its position alone."""
    thing = wire.thing
    if thing.can("position"):
        wire.config["reports_position"] = True
        wire.state(lambda: thing.attributes["position"])
        wire.hear_value("command_topic", "command", "set_position", "position", number)
    else:
        wire.state()
        wire.hear_word("command_topic", "command", {"OPEN": "open", "CLOSE": "close"})


def _lock(wire: Plain) -> None:
    wire.state(lambda: str(wire.thing.state).upper())
    words = {"LOCK": "lock", "UNLOCK": "unlock"}
    if wire.thing.can("latch"):
        words["OPEN"] = "open"
        wire.config["payload_open"] = "OPEN"
    wire.hear_word("command_topic", "command", words)


def _climate(wire: Plain) -> None:
    given = wire.thing.description
    wire.config |= {"modes": list(given.modes or ("off", "heat")), "temperature_unit": "C", "temp_step": given.step}
    wire.state(key="mode_state_topic")
    wire.hear_value("mode_command_topic", "mode/command", "set_hvac_mode", "hvac_mode")
    _temperatures(wire)
    _presets(wire)
    if given.options:
        wire.config["fan_modes"] = list(given.options)
        wire.tell_attribute("fan_mode_state_topic", "fan_mode/state", "fan_mode")
        wire.hear_value("fan_mode_command_topic", "fan_mode/command", "set_fan_mode", "fan_mode")


def _temperatures(wire: Plain) -> None:
    wire.config |= {"min_temp": wire.thing.description.minimum, "max_temp": wire.thing.description.maximum}
    wire.tell_attribute("current_temperature_topic", "current_temperature/state", "current_temperature")
    wire.tell_attribute("temperature_state_topic", "target_temperature/state", "temperature")
    wire.hear_value("temperature_command_topic", "target_temperature/command", "set_temperature", "temperature", number)


def _water_heater(wire: Plain) -> None:
    wire.config |= {"modes": list(wire.thing.description.modes or ("off", "eco")), "temperature_unit": "C"}
    wire.state(key="mode_state_topic")
    wire.hear_value("mode_command_topic", "mode/command", "set_mode", "mode")
    _temperatures(wire)


def _humidifier(wire: Plain) -> None:
    given = wire.thing.description
    _switch(wire)
    wire.config |= {"min_humidity": given.minimum, "max_humidity": given.maximum}
    wire.tell_attribute("current_humidity_topic", "current_humidity/state", "current_humidity")
    wire.tell_attribute("target_humidity_state_topic", "target_humidity/state", "humidity")
    wire.hear_value("target_humidity_command_topic", "target_humidity/command", "set_humidity", "humidity", number)
    if given.modes:
        wire.config["modes"] = list(given.modes)
        wire.tell_attribute("mode_state_topic", "mode/state", "mode")
        wire.hear_value("mode_command_topic", "mode/command", "set_mode", "mode")


def _vacuum(wire: Plain) -> None:
    thing = wire.thing
    wire.config["supported_features"] = ["start", "pause", "stop", "return_home", "locate", "status"]
    wire.state(lambda: {"state": thing.state, "battery_level": thing.attributes["battery_level"]})
    wire.hear_word(
        "command_topic", "command", {word: word for word in ("start", "pause", "stop", "return_to_base", "locate")}
    )


def _lawn_mower(wire: Plain) -> None:
    wire.state(key="activity_state_topic")
    for word, action in (("start_mowing", "start"), ("pause", "pause"), ("dock", "return_to_base")):
        wire.hear_word(f"{word}_command_topic", word, {word: action})


def _alarm(wire: Plain) -> None:
    wire.config |= {"code_arm_required": False, "code_disarm_required": False}
    wire.config["supported_features"] = ["arm_home", "arm_away", "arm_night"]
    wire.state()
    actions = ("arm_home", "arm_away", "arm_night", "disarm")
    wire.hear_word("command_topic", "command", {action.upper(): action for action in actions})


def _number(wire: Plain) -> None:
    given = wire.thing.description
    wire.config |= {"min": given.minimum, "max": given.maximum, "step": given.step}
    wire.state()
    wire.hear_value("command_topic", "command", "set_value", "value", number)


def _select(wire: Plain) -> None:
    wire.config["options"] = list(wire.thing.description.options)
    _text(wire)


def _text(wire: Plain) -> None:
    wire.state()
    wire.hear_value("command_topic", "command", "set_value", "value")


def _button(wire: Plain) -> None:
    wire.hear_word("command_topic", "command", {"PRESS": "press"})


def _scene(wire: Plain) -> None:
    wire.hear_word("command_topic", "command", {"ON": "activate"})


def _binary_sensor(wire: Plain) -> None:
    wire.state(partial(on_off, wire.thing))


PLAIN_KINDS: Mapping[str, Callable[[Plain], None]] = {
    "alarm_control_panel": _alarm,
    "binary_sensor": _binary_sensor,
    "button": _button,
    "climate": _climate,
    "cover": _cover,
    "device_tracker": Plain.state,
    "fan": _fan,
    "humidifier": _humidifier,
    "lawn_mower": _lawn_mower,
    "light": _light,
    "lock": _lock,
    "number": _number,
    "scene": _scene,
    "select": _select,
    "sensor": Plain.state,
    "siren": _siren,
    "switch": _switch,
    "text": _text,
    "vacuum": _vacuum,
    "valve": _valve,
    "water_heater": _water_heater,
}
