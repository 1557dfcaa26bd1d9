"""Choosing how llama.cpp runs a model on this board: by what is known of it, then by measurement."""

from edge_agent.hardware.tuning.choice import Choice, Rates
from edge_agent.hardware.tuning.deciding import Decision, decide, to_settings
from edge_agent.hardware.tuning.kept import Record
from edge_agent.hardware.tuning.probing import Stopped
from edge_agent.hardware.tuning.search import Probe
from edge_agent.hardware.tuning.tuning import LIMIT_S, Tuning

__all__ = ["LIMIT_S", "Choice", "Decision", "Probe", "Rates", "Record", "Stopped", "Tuning", "decide", "to_settings"]
