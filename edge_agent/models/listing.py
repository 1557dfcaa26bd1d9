"""What `edge-agent models list` shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_agent.errors import AgentError
from edge_agent.models.catalogue import CATALOGUE, CatalogueModel, needed_bytes
from edge_agent.models.gguf_header import read_header
from edge_agent.models.resolution import model_store, wanted_name
from edge_agent.models.source import hub_file
from edge_agent.models.store import ModelStore, StoredModel
from edge_agent.settings import ModelSettings


@dataclass(frozen=True)
class ListedModel:
    """A model of the catalogue or of the store. `size_bytes` is approximate until it is downloaded."""

    name: str
    quantization: str | None
    size_bytes: int
    fits: bool
    downloaded: StoredModel | None
    in_use: bool
    notes: str


def list_models(settings: ModelSettings, state_dir: Path, memory_bytes: int) -> tuple[ListedModel, ...]:
    """The catalogue in its order, then what was downloaded besides. Never asks the hub."""
    store = model_store(state_dir)
    in_use = _name_in_use(settings, memory_bytes)
    known = [(model.name, model, store.find(hub_file(model))) for model in CATALOGUE]
    listed = {stored for _, _, stored in known if stored}
    others = [(stored.name, None, stored) for stored in store.models() if stored not in listed]
    return tuple(_listed(name, model, stored, store, memory_bytes, in_use) for name, model, stored in (*known, *others))


def _name_in_use(settings: ModelSettings, memory_bytes: int) -> str | None:
    try:
        return wanted_name(settings, memory_bytes)
    except AgentError:  # the list helps to put it right
        return None


def _listed(
    name: str,
    model: CatalogueModel | None,
    stored: StoredModel | None,
    store: ModelStore,
    memory_bytes: int,
    in_use: str | None,
) -> ListedModel:
    size_bytes = stored.size_bytes if stored else model.size_bytes if model else 0
    quantization = model.quantization if model else _quantization(store, stored)
    fits = needed_bytes(size_bytes) <= memory_bytes
    notes = model.notes if model else stored.source if stored else ""
    return ListedModel(name, quantization, size_bytes, fits, stored, name == in_use, notes)


def _quantization(store: ModelStore, stored: StoredModel | None) -> str | None:
    try:
        return read_header(store.path(stored)).quantization if stored else None
    except AgentError:
        return None
