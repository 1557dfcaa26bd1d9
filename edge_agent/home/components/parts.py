"""What a component makes of its configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_agent.home.components.options import Options
from edge_agent.home.components.sources import Sources
from edge_agent.home.entity import EntityAction, Lapse


@dataclass(frozen=True)
class Parts:
    """The actions and the sources of an entity; `unit` of its state, or of its temperatures.

    `lapses`: what its state becomes where nothing more is heard.
    """

    sources: Sources
    actions: Sequence[EntityAction] = ()
    unit: str | None = None
    lapses: Sequence[Lapse] = ()


# Raises ValueError for a configuration that can't be used.
Component = Callable[[Options], Parts]
