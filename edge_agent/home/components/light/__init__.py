"""Lights, in Home Assistant's three schemas."""

from __future__ import annotations

from edge_agent.home.components.light.default_schema import default_light
from edge_agent.home.components.light.json_schema import json_light
from edge_agent.home.components.light.template_schema import template_light
from edge_agent.home.components.options import Options
from edge_agent.home.components.parts import Parts

__all__ = ["light"]

SCHEMAS = {"default": default_light, "basic": default_light, "json": json_light, "template": template_light}


def light(options: Options) -> Parts:
    schema = options.text("schema", "default").lower()
    if schema not in SCHEMAS:
        raise ValueError(f"`schema` is {schema[:20]!r}; it must be default, json or template.")
    return SCHEMAS[schema](options)
