"""How devices speak: for each manner, what a device announces, says and hears.

Topics are below `virtual/`, and ids begin with `virtual_`, so that nothing of a real home is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge_agent.home.simulation.manners.bundled import bundled
from edge_agent.home.simulation.manners.esphome import esphome
from edge_agent.home.simulation.manners.self_described import self_described
from edge_agent.home.simulation.manners.speech import Device, Order, Prefixes, Speech
from edge_agent.home.simulation.manners.tasmota import tasmota
from edge_agent.home.simulation.manners.zigbee2mqtt import zigbee2mqtt

__all__ = ["MANNERS", "Device", "Order", "Prefixes", "Speech"]

# Raises SettingsError for a kind that devices of this manner don't have.
MANNERS: Mapping[str, Callable[[Device, Prefixes], Speech]] = {
    "zigbee2mqtt": zigbee2mqtt,
    "tasmota": tasmota,
    "esphome": esphome,
    "bundled": bundled,
    "self-described": self_described,
}
