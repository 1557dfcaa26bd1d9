"""What a component makes of its configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_agent.home.components.options import Options
from edge_agent.home.components.sources import Sources
from edge_agent.home.entity import EntityAction


@dataclass(frozen=True)
class Parts:
    """The actions and the sources of an entity; `unit` of its state, or of its temperatures."""

    sources: Sources
    actions: Sequence[EntityAction] = ()
    unit: str | None = None


# Raises ValueError for a configuration that can't be used.
Component = Callable[[Options], Parts]
