from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import Hub, endpoint_is, serve

from edge_agent.models import ModelStore

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # before huggingface_hub is imported, as the program does it


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "state" / "models")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running hub, which huggingface_hub takes for its own in this process."""
    hub = Hub()
    servers = serve(hub)
    endpoint_is(monkeypatch, hub.endpoint)
    yield hub
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub is where nobody listens."""
    endpoint_is(monkeypatch, "http://127.0.0.1:9")
