"""What a light can do, whatever its schema: the parameters of its actions, and what it shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge_agent.home.components.commands import number_of
from edge_agent.home.components.light.colors import SPACES, hue_saturation
from edge_agent.home.components.options import Options
from edge_agent.home.components.ranges import clamped
from edge_agent.home.entity import Entity, EntityAction, Parameter, Params, Publication, Value

COLDEST_KELVIN, WARMEST_KELVIN = 6535.0, 2000.0  # Home Assistant core, light/const.py
COLOR_MODES = frozenset(space.mode for space in SPACES)
WHITE_MODES = frozenset({"color_temp", "white", "brightness", "onoff"})
WHITE = "#ffffff"


@dataclass(frozen=True)
class ColorTemperature:
    """What whites a light makes, in kelvin, and whether it counts in mireds (1,000,000 / kelvin)."""

    in_kelvin: bool
    warmest: float
    coldest: float

    @staticmethod
    def of(options: Options) -> ColorTemperature:
        """Home Assistant's bounds; in mireds they are as wide as a whole mired goes."""
        in_kelvin = options.flag("color_temp_kelvin")
        if "min_kelvin" in options or "max_kelvin" in options:
            warmest, coldest = options.bounds("min_kelvin", "max_kelvin", WARMEST_KELVIN, COLDEST_KELVIN)
        else:
            lowest, highest = options.bounds("min_mireds", "max_mireds", 153, 500)
            if lowest < 1:
                raise ValueError(f"`min_mireds` is {lowest:g}; it must be 1 or more.")
            warmest, coldest = 1e6 / (highest + 0.5), 1e6 / (lowest - 0.5)
        if warmest < 1:
            raise ValueError(f"`min_kelvin` is {warmest:g}; it must be 1 or more.")
        return ColorTemperature(in_kelvin, warmest, coldest)

    def parameter(self) -> Parameter:
        return Parameter("number", round(self.warmest), round(self.coldest), required=False)

    def device_value(self, kelvin: float) -> int:
        within = min(self.coldest, max(self.warmest, kelvin))
        return round(within if self.in_kelvin else 1e6 / within)

    def kelvin(self, value: float) -> int:
        return round(value if self.in_kelvin else 1e6 / value)


@dataclass(frozen=True)
class Brightness:
    """A device's scale, from 1 to `scale`."""

    scale: float

    @staticmethod
    def of(options: Options, key: str = "brightness_scale") -> Brightness:
        scale = options.number(key, 255)
        if scale < 1:
            raise ValueError(f"`{key}` is {scale:g}; it must be 1 or more.")
        return Brightness(scale)

    def parameter(self) -> Parameter:
        """In percent, as finely as the device goes."""
        return Parameter("number", 0, 100, max(1.0, 100 / self.scale), required=False)

    def device_value(self, percent: float) -> int:
        """Never 0, which turns a light off."""
        return max(1, round(percent * self.scale / 100))

    def percent(self, value: float) -> int:
        """At least 1 for a light that shines. Raises ValueError for 0: that is said by the state."""
        if value <= 0:
            raise ValueError("dark")
        return max(1, clamped(value * 100 / self.scale))


@dataclass(frozen=True)
class Look:
    """How a light should shine; None leaves it as it is."""

    brightness_percent: float | None = None
    hue_saturation: tuple[float, float] | None = None
    kelvin: float | None = None
    effect: str | None = None

    @staticmethod
    def of(params: Params) -> Look:
        """Raises ValueError for parameters that are none."""
        brightness, kelvin, color = params.get("brightness_pct"), params.get("color_temp_kelvin"), params.get("color")
        effect = params.get("effect")
        return Look(
            None if brightness is None else min(100, number_of(brightness)),
            None if color is None else hue_saturation(color),
            None if kelvin is None else number_of(kelvin),
            None if effect is None else str(effect),
        )

    @property
    def is_dark(self) -> bool:
        """A brightness of 0 means off."""
        return self.brightness_percent is not None and self.brightness_percent <= 0


@dataclass(frozen=True)
class Abilities:
    """What `turn_on` takes."""

    brightness: Brightness | None = None
    color: bool = False
    color_temperature: ColorTemperature | None = None
    effects: tuple[str, ...] = ()

    def parameters(self) -> dict[str, Parameter]:
        known = {
            "brightness_pct": self.brightness.parameter() if self.brightness else None,
            "color": Parameter("color", required=False) if self.color else None,
            "color_temp_kelvin": self.color_temperature.parameter() if self.color_temperature else None,
            "effect": Parameter("choice", choices=self.effects, required=False) if self.effects else None,
        }
        return {name: parameter for name, parameter in known.items() if parameter}


@dataclass
class Shown:
    """The colours that a light last told, of which its mode says the one that counts.

    Lights go on telling the colour that they had before they were white, and the other way round.
    """

    color: str | None = None
    kelvin: int | None = None
    mode: str | None = None
    tells: set[str] = field(default_factory=set)  # those of `color` and `color_temp_kelvin` that it can tell

    def told(self) -> dict[str, Value]:
        color = None if self.mode in WHITE_MODES else self.color
        kelvin = None if self.mode in COLOR_MODES or self.mode == "white" else self.kelvin
        if self.mode == "white":
            color = WHITE
        values: dict[str, Value] = {"color": color, "color_temp_kelvin": kelvin}
        return {name: value for name, value in values.items() if name in self.tells}


TurnOn = Callable[[Entity, Look], Sequence[Publication]]
TurnOff = Callable[[], Sequence[Publication]]


def light_actions(abilities: Abilities, turn_on: TurnOn, turn_off: TurnOff) -> tuple[EntityAction, EntityAction]:
    def on(entity: Entity, params: Params) -> Sequence[Publication]:
        look = Look.of(params)
        return turn_off() if look.is_dark else turn_on(entity, look)

    off = EntityAction("turn_off", {}, lambda entity, params: turn_off())
    return EntityAction("turn_on", abilities.parameters(), on), off
