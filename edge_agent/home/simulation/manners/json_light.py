"""Lights that speak JSON on one topic, as zigbee2mqtt's and ESPHome's do."""

from __future__ import annotations

import json
from collections.abc import Sequence

from edge_agent.home.components.light.colors import ColorSpace, hex_color, hue_saturation
from edge_agent.home.simulation.behaviour import Thing
from edge_agent.home.simulation.manners.speech import Config, Order

COLDEST_MIREDS, WARMEST_MIREDS = 153, 500


def light_config(thing: Thing, space: ColorSpace, scale: int) -> Config:
    config: Config = {"schema": "json", "supported_color_modes": _modes(thing, space)}
    if thing.can("brightness"):
        config |= {"brightness": True, "brightness_scale": scale}
    if thing.can("white"):
        config |= {"min_mireds": COLDEST_MIREDS, "max_mireds": WARMEST_MIREDS}
    if thing.description.options:
        config |= {"effect": True, "effect_list": list(thing.description.options)}
    return config


def _modes(thing: Thing, space: ColorSpace) -> list[str]:
    colours = [space.mode] if thing.can("color") else []
    whites = ["color_temp"] if thing.can("white") else []
    return [*colours, *whites] or ["brightness" if thing.can("brightness") else "onoff"]


def light_state(thing: Thing, space: ColorSpace, scale: int) -> Config:
    said: Config = {"state": "ON" if thing.state == "on" else "OFF"}
    attributes = thing.attributes
    if isinstance(percent := attributes.get("brightness_pct"), int | float):
        said["brightness"] = max(1, round(percent * scale / 100))
    if isinstance(kelvin := attributes.get("color_temp_kelvin"), int | float):
        said |= {"color_mode": "color_temp", "color_temp": round(1e6 / kelvin)}
    elif isinstance(color := attributes.get("color"), str):
        channels = space.channels(*hue_saturation(color))
        said |= {"color_mode": space.mode, "color": dict(zip(space.keys, channels, strict=True))}
    if thing.description.options:
        said["effect"] = attributes.get("effect", "none")
    return said


def light_orders(thing: Thing, space: ColorSpace, scale: int, payload: str) -> Sequence[Order]:
    wanted = json.loads(payload)
    if wanted.get("state") == "OFF" or wanted.get("brightness") == 0:
        return [Order(thing, "turn_off")]
    params: Config = {}
    if "brightness" in wanted and thing.can("brightness"):
        params["brightness_pct"] = round(wanted["brightness"] * 100 / scale)
    if "color_temp" in wanted and thing.can("white"):
        params["color_temp_kelvin"] = round(1e6 / wanted["color_temp"])
    if "color" in wanted and thing.can("color"):
        channels = [float(wanted["color"][key]) for key in space.keys]
        params["color"] = hex_color(channels) if space.mode == "rgb" else space.read(channels)
    if wanted.get("effect") in thing.description.options:
        params["effect"] = wanted["effect"]
    return [Order(thing, "turn_on", params)]
