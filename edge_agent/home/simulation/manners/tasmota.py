"""Tasmota: `cmnd`, `stat` and `tele` topics, a last will, and the short keys of its own discovery (SetOption19).

https://tasmota.github.io/docs/MQTT/ and https://tasmota.github.io/docs/Commands/; SetOption59 has it say `tele/…/STATE`
after every command, retained here as its StateRetain does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from edge_agent.home.components.light.colors import full_rgb, hex_color, hue_saturation
from edge_agent.home.simulation.behaviour import Thing
from edge_agent.home.simulation.manners.speech import (
    ROOT,
    Config,
    Device,
    Hears,
    Order,
    Prefixes,
    Speech,
    compact,
    measure,
    named,
    number,
    on_off,
)

SENSOR_CHIP = "AM2301"
LONG_TO_SHORT = {"device_class": "dev_cla", "unit_of_measurement": "unit_of_meas", "name": "name"}


def tasmota(device: Device, prefixes: Prefixes) -> Speech:
    device.refuse_kinds_but(frozenset({"light", "switch", "sensor"}))
    topics = {name: f"{ROOT}/{name}/{device.slug}" for name in ("cmnd", "stat", "tele")}
    configs, hears = dict[str, Config](), dict[str, Hears]()
    for thing in device.things:
        if thing.kind == "sensor":
            config = _sensor_config(thing, topics["tele"])
        else:
            config = _switched_config(thing, device, topics)
            hears |= _commands(thing, device, topics["cmnd"])
        configs[f"{prefixes.discovery}/{thing.kind}/{device.id}_{thing.key}/config"] = {
            **{LONG_TO_SHORT[key]: value for key, value in {**named(thing), **measure(thing)}.items()},
            "uniq_id": f"{device.id}_{thing.key}",
            "avty_t": f"{topics['tele']}/LWT",
            "pl_avail": "Online",
            "pl_not_avail": "Offline",
            "dev": _short_device(device),
            **config,
        }
    will = f"{topics['tele']}/LWT"
    return Speech(
        configs,
        hears,
        partial(_states, device, topics["tele"]),
        online={will: "Online"},
        offline={will: "Offline"},
        echo=lambda: {f"{topics['stat']}/RESULT": compact(_state(device))},
    )


def _short_device(device: Device) -> Config:
    area = {"sa": device.description.area} if device.description.area else {}
    return {"ids": [device.id], "name": device.name, "mdl": "Virtual module", "sw": "15.0.1", "mf": "Tasmota", **area}


def _switched_config(thing: Thing, device: Device, topics: Mapping[str, str]) -> Config:
    power, command = _power(thing, device), topics["cmnd"]
    state = {"stat_t": f"{topics['tele']}/STATE", "val_tpl": f"{{{{value_json.{power}}}}}"}
    config: Config = {"cmd_t": f"{command}/{power}", "pl_on": "ON", "pl_off": "OFF", **state}
    if thing.can("brightness"):
        config |= {
            "bri_cmd_t": f"{command}/Dimmer",
            "bri_stat_t": state["stat_t"],
            "bri_scl": 100,
            "bri_val_tpl": "{{value_json.Dimmer}}",
            "on_cmd_type": "brightness",
        }
    if thing.can("color"):
        config |= {
            "rgb_cmd_t": f"{command}/Color2",
            "rgb_stat_t": state["stat_t"],
            "rgb_val_tpl": "{{value_json.Color.split(',')[0:3]|join(',')}}",
        }
    if thing.can("white"):
        config |= {
            "clr_temp_cmd_t": f"{command}/CT",
            "clr_temp_stat_t": state["stat_t"],
            "clr_temp_val_tpl": "{{value_json.CT}}",
        }
    return config


def _power(thing: Thing, device: Device) -> str:
    """`POWER`; of several, `POWER1` and so on."""
    switched = [one for one in device.things if one.kind != "sensor"]
    return "POWER" if len(switched) == 1 else f"POWER{switched.index(thing) + 1}"


def _commands(thing: Thing, device: Device, command: str) -> dict[str, Hears]:
    return {
        f"{command}/{_power(thing, device)}": partial(_hear_power, thing),
        f"{command}/Dimmer": partial(_hear_dimmer, thing),
        f"{command}/Color2": partial(_hear_color, thing),
        f"{command}/CT": lambda payload: [Order(thing, "turn_on", {"color_temp_kelvin": round(1e6 / float(payload))})],
    }


def _hear_power(thing: Thing, payload: str) -> Sequence[Order]:
    word = payload.upper()
    if word in ("TOGGLE", "2"):
        return [Order(thing, "turn_off" if thing.state == "on" else "turn_on")]
    return [Order(thing, {"ON": "turn_on", "1": "turn_on", "OFF": "turn_off", "0": "turn_off"}[word])]


def _hear_dimmer(thing: Thing, payload: str) -> Sequence[Order]:
    percent = number(payload)
    return [Order(thing, "turn_on", {"brightness_pct": percent}) if percent > 0 else Order(thing, "turn_off")]


def _hear_color(thing: Thing, payload: str) -> Sequence[Order]:
    """Color2 sets the colour and leaves the brightness."""
    return [Order(thing, "turn_on", {"color": hex_color([float(part) for part in payload.split(",")][:3])})]


def _sensor_config(thing: Thing, telemetry: str) -> Config:
    place = ".".join(_place(thing))
    return {"stat_t": f"{telemetry}/SENSOR", "val_tpl": f"{{{{value_json.{place}}}}}"}


def _place(thing: Thing) -> tuple[str, str]:
    """Where a sensor's value stands in the message: plugs have an energy meter."""
    device_class = thing.description.device_class or thing.key
    group = "ENERGY" if device_class in ("power", "energy", "voltage", "current") else SENSOR_CHIP
    return group, device_class.capitalize()


def _states(device: Device, telemetry: str) -> Mapping[str, str]:
    states = {f"{telemetry}/STATE": compact(_state(device))}
    sensors: dict[str, dict[str, Any]] = {}
    for thing in device.things:
        if thing.kind == "sensor":
            group, name = _place(thing)
            sensors.setdefault(group, {})[name] = thing.state
    return {**states, f"{telemetry}/SENSOR": compact(sensors)} if sensors else states


def _state(device: Device) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for thing in device.things:
        if thing.kind == "sensor":
            continue
        said[_power(thing, device)] = on_off(thing)
        for name, tell in _LOOKS.items():
            if (value := thing.attributes.get(name)) is not None:
                said |= tell(value)
    return said


def _color(value: Any) -> dict[str, Any]:
    return {"Color": ",".join(str(channel) for channel in full_rgb(*hue_saturation(value)))}


_LOOKS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "brightness_pct": lambda percent: {"Dimmer": percent},
    "color": _color,
    "color_temp_kelvin": lambda kelvin: {"CT": round(1e6 / kelvin)},
}
