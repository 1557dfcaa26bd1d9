"""How much a template may make of something: no value weighs more than a payload may."""

from __future__ import annotations

from collections.abc import Iterable
from types import GeneratorType
from typing import Any

from edge_agent.home.templates import TemplateProblem

MOST_WEIGHT = 131_072
MOST_BITS = 256
ELEMENT_WEIGHT = 8  # what an element of a container costs beside itself, in characters


def weigh(value: Any, left: int = MOST_WEIGHT) -> int:
    """Of its characters and elements, however deep; what is there twice counts twice. Raises TemplateProblem."""
    if isinstance(value, str | bytes):
        left -= len(value)
    elif isinstance(value, bool | float) or value is None:
        left -= 1
    elif isinstance(value, int):
        left -= 1 if value.bit_length() <= MOST_BITS else MOST_WEIGHT
    elif isinstance(value, dict):
        for key, item in value.items():
            left = MOST_WEIGHT - weigh(item, MOST_WEIGHT - weigh(key, left - ELEMENT_WEIGHT))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            left = MOST_WEIGHT - weigh(item, left - ELEMENT_WEIGHT)
    if left < 0:
        raise TemplateProblem("it makes too much of something")
    return MOST_WEIGHT - left


def checked(value: Any) -> Any:
    """The value, with iterators made lists. Raises TemplateProblem where it weighs too much."""
    if isinstance(value, GeneratorType | map | filter | zip | reversed | range):
        value = collected(value)
    if value is not None and not isinstance(value, bool | float):
        weigh(value)
    return value


def collected(values: Iterable[Any]) -> list[Any]:
    kept, weight = [], 0
    for value in values:
        weight += ELEMENT_WEIGHT + weigh(value)
        if weight > MOST_WEIGHT:
            raise TemplateProblem("it makes too much of something")
        kept.append(value)
    return kept


def allow(characters: int) -> None:
    if characters > MOST_WEIGHT:
        raise TemplateProblem("it makes too much of something")
