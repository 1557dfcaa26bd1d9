"""Colours: ours is `#rrggbb`, and devices say hue and saturation, red, green and blue, or a point in CIE xy.

A colour has no brightness of its own here, the light has: whatever comes is brought to full value.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Channels = Sequence[float]

FULL = 255
HEX = re.compile(r"#[0-9a-fA-F]{6}")


def hue_saturation(color: object) -> tuple[float, float]:
    """(degrees, percent) of `#rrggbb`. Raises ValueError for anything else."""
    if not isinstance(color, str) or not HEX.fullmatch(color):
        raise ValueError(f"{color!r:.40} is no colour; it must look like #ff8800.")
    red, green, blue = (int(color[place : place + 2], 16) / FULL for place in (1, 3, 5))
    hue, saturation, _ = colorsys.rgb_to_hsv(red, green, blue)
    return round(hue * 360, 2), round(saturation * 100, 2)


def full_rgb(hue: float, saturation: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, min(100.0, max(0.0, saturation)) / 100, 1)
    return round(red * FULL), round(green * FULL), round(blue * FULL)


def hex_color(rgb: Channels) -> str:
    """`#rrggbb` at full value. Raises ValueError where all channels are dark, which is no colour."""
    brightest = max(rgb)
    if brightest <= 0 or min(rgb) < 0:
        raise ValueError("no colour")
    return "#" + "".join(f"{round(channel * FULL / brightest):02x}" for channel in rgb)


def xy_of(rgb: Channels) -> tuple[float, float]:
    """The point in CIE 1931, by the wide gamut matrix that Philips published for its lamps."""
    red, green, blue = (_linear(channel / FULL) for channel in rgb)
    x = red * 0.664511 + green * 0.154324 + blue * 0.162028
    y = red * 0.283881 + green * 0.668433 + blue * 0.047685
    z = red * 0.000088 + green * 0.072310 + blue * 0.986039
    total = x + y + z
    return round(x / total, 4), round(y / total, 4)


def rgb_of_xy(x: float, y: float) -> tuple[float, float, float]:
    """Red, green and blue of any brightness. Raises ValueError for a point on the x axis."""
    if y <= 0:
        raise ValueError("no colour")
    big_x, big_y, big_z = x / y, 1.0, (1 - x - y) / y
    linear = (
        big_x * 1.656492 - big_y * 0.354851 - big_z * 0.255038,
        -big_x * 0.707196 + big_y * 1.655397 + big_z * 0.036152,
        big_x * 0.051713 - big_y * 0.121364 + big_z * 1.011530,
    )
    brightest = max(linear)
    red, green, blue = (FULL * _gamma(max(0.0, channel / brightest)) for channel in linear)
    return red, green, blue


def _linear(channel: float) -> float:
    """sRGB to light."""
    return float(((channel + 0.055) / 1.055) ** 2.4) if channel > 0.04045 else channel / 12.92


def _gamma(light: float) -> float:
    return float(1.055 * light ** (1 / 2.4) - 0.055) if light > 0.0031308 else light * 12.92


def _with_white(rgb: Channels) -> tuple[int, int, int, int]:
    """What the colour has of white is given to the white channel, and the rest brought to full value again."""
    white = min(rgb)
    mixed = (*(channel - white for channel in rgb), white)
    factor = FULL / max(mixed)
    red, green, blue, rest = (round(channel * factor) for channel in mixed)
    return red, green, blue, rest


def _with_two_whites(rgb: Channels) -> tuple[int, ...]:
    channels = _with_white(rgb)
    return (*channels, channels[3])


def _without_white(channels: Channels) -> tuple[float, ...]:
    white = sum(channels[3:]) / (len(channels) - 3)
    return tuple(channel + white for channel in channels[:3])


@dataclass(frozen=True)
class ColorSpace:
    """How a device says a colour: its mode, its channels as templates and JSON name them, both ways."""

    mode: str
    variables: tuple[str, ...]  # in command templates
    keys: tuple[str, ...]  # in JSON
    channels: Callable[[float, float], Channels]  # of hue and saturation
    color: Callable[[Channels], str]  # #rrggbb
    scales: bool = False  # its channels grow with the brightness

    def read(self, values: Channels) -> str:
        """Raises ValueError for another number of channels."""
        if len(values) != len(self.keys):
            raise ValueError("wrong number of channels")
        return self.color(values)


HS = ColorSpace("hs", ("hue", "sat"), ("h", "s"), lambda h, s: (h, s), lambda hs: hex_color(full_rgb(hs[0], hs[1])))
RGB = ColorSpace("rgb", ("red", "green", "blue"), ("r", "g", "b"), full_rgb, hex_color, scales=True)
XY = ColorSpace(
    "xy", ("x", "y"), ("x", "y"), lambda h, s: xy_of(full_rgb(h, s)), lambda xy: hex_color(rgb_of_xy(xy[0], xy[1]))
)
RGBW = ColorSpace(
    "rgbw",
    ("red", "green", "blue", "white"),
    ("r", "g", "b", "w"),
    lambda h, s: _with_white(full_rgb(h, s)),
    lambda rgbw: hex_color(_without_white(rgbw)),
    scales=True,
)
RGBWW = ColorSpace(
    "rgbww",
    ("red", "green", "blue", "cold_white", "warm_white"),
    ("r", "g", "b", "c", "w"),
    lambda h, s: _with_two_whites(full_rgb(h, s)),
    lambda rgbww: hex_color(_without_white(rgbww)),
    scales=True,
)
SPACES = (HS, RGB, XY, RGBW, RGBWW)  # where a light has several, the first is used
