"""The board: what it is, and how it is doing."""

from edge_agent.hardware.board import Board
from edge_agent.hardware.sensors import Sensors

__all__ = ["Board", "Sensors"]
