"""What a virtual home is made of: a TOML file of areas and devices, checked.

[home.areas."Living Room"]          # as in the agent's own configuration
floor = "Ground floor"

[[devices]]
name = "Living room lamp"
area = "Living Room"
manner = "zigbee2mqtt"              # whose topics and payloads it has
kind = "light"
can = ["brightness", "white"]
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from edge_agent.errors import SettingsError
from edge_agent.settings import HomeSettings, Section, slug

Ability = Literal["brightness", "color", "white", "speed", "oscillation", "position", "latch"]
Manner = Literal["zigbee2mqtt", "tasmota", "esphome", "bundled", "self-described"]
Value = str | int | float | bool | list[str] | None


class Step(Section):
    """What a scene, a script or a button does to a device."""

    device: str = Field(description="Entity id, as `edge-agent home list` shows it.")
    action: str = Field(description="One of its actions.")
    params: dict[str, Any] = Field({}, description="The action's parameters.")


class ThingDescription(Section):
    """One entity."""

    kind: str = Field(description="What it is: light, cover, sensor…")
    name: str | None = Field(None, min_length=1, description="Its own name beside the device's.")
    device_class: str | None = Field(None, description="What it measures, opens or is, in Home Assistant's words.")
    unit: str | None = Field(None, description="Unit of a sensor or number.")
    can: tuple[Ability, ...] = Field((), description="What it can beyond the least of its kind.")
    modes: tuple[str, ...] = Field((), description="Modes of a climate, humidifier or water heater.")
    presets: tuple[str, ...] = Field((), description="Presets of a climate or fan.")
    options: tuple[str, ...] = Field(
        (), description="What a select, a media player's source or a light's effect offers."
    )
    minimum: float = Field(0, description="Least value of a number, or temperature of a climate.")
    maximum: float = Field(100, description="Greatest value.")
    step: float = Field(1, gt=0, description="Step of the value.")
    state: str | int | float | None = Field(None, description="What it is at, at first; what is usual where absent.")
    attributes: dict[str, Value] = Field({}, description="Attributes at first.")
    takes_s: float | None = Field(None, ge=0, le=600, description="Seconds that a whole movement takes.")
    does: tuple[Step, ...] = Field((), description="What a scene, script or button sets off.")


class DeviceDescription(ThingDescription):
    """A device on the broker: its main entity, and `also` those that come with it."""

    name: str = Field(min_length=1, description="The device's name.")
    area: str | None = Field(None, description="The area it is in.")
    manner: Manner = Field(description="Whose topics and payloads it has.")
    aliases: tuple[str, ...] = Field((), description="Other names; only a self-described device can tell them.")
    also: tuple[ThingDescription, ...] = Field((), description="Further entities of the device.")
    fault: Literal["offline", "silent"] | None = Field(
        None, description="offline: it says that it is not there. silent: it hears commands and does nothing."
    )

    def things(self) -> Iterator[ThingDescription]:
        yield self
        yield from self.also


class HomeDescription(Section):
    """A home: what its owner says of it, and its devices."""

    home: HomeSettings = Field(default_factory=HomeSettings, description="As [home] in the agent's configuration.")
    devices: tuple[DeviceDescription, ...] = Field(description="The devices.")


def built_in_home() -> HomeDescription:
    """The home that comes with the program."""
    return _checked(resources.files(__package__).joinpath("home.toml").read_text(), "the built-in home")


def read_home(path: Path) -> HomeDescription:
    """Raises SettingsError with every mistake, one a line."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The home {path} can't be read: {getattr(error, 'strerror', None) or error}.") from error
    return _checked(text, str(path))


def _checked(text: str, shown_as: str) -> HomeDescription:
    try:
        description = HomeDescription.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{shown_as} is not TOML: {error}.") from error
    except ValidationError as error:
        mistakes = (f"{shown_as}: {_place(one['loc'])}: {one['msg']}" for one in error.errors(include_url=False))
        raise SettingsError("\n".join(mistakes)) from None
    if twice := [name for name, count in _ids(description).items() if count > 1]:
        raise SettingsError(
            f"{shown_as}: two entities would be called {', '.join(twice)}; give each a name of its own."
        )
    return description


def full_name(device: DeviceDescription, thing: ThingDescription) -> str:
    """As people see it: the device's name, and the entity's own or what its class is called."""
    own = own_name(device, thing)
    return device.name if own is None else f"{device.name} {own}"


def own_name(device: DeviceDescription, thing: ThingDescription) -> str | None:
    """Beside the device's name; None for what the device is for."""
    if thing is not device and thing.name is not None:
        return thing.name
    if thing.device_class is None or (thing is device and thing.kind not in ("sensor", "binary_sensor")):
        return None
    named_by_class = thing.device_class.replace("_", " ").capitalize()
    said_already = thing is device and device.name.casefold().endswith(named_by_class.casefold())
    return None if said_already else named_by_class


def entity_id(device: DeviceDescription, thing: ThingDescription) -> str:
    return f"{thing.kind}.{slug(full_name(device, thing))}"


def _ids(description: HomeDescription) -> Counter[str]:
    return Counter(entity_id(device, thing) for device in description.devices for thing in device.things())


def _place(location: tuple[int | str, ...]) -> str:
    """`("devices", 3, "kind")` → `devices, no. 4, kind`."""
    return ", ".join(f"no. {level + 1}" if isinstance(level, int) else level for level in location)
