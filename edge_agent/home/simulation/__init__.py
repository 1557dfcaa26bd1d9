"""A virtual home: devices on the broker that are announced, commanded and heard like real ones, from a description."""

from edge_agent.home.simulation.description import HomeDescription, built_in_home, read_home
from edge_agent.home.simulation.manners import Prefixes
from edge_agent.home.simulation.virtual_home import Snapshot, VirtualHome

__all__ = ["HomeDescription", "Prefixes", "Snapshot", "VirtualHome", "built_in_home", "read_home"]
