from __future__ import annotations

from gguf_bytes import Gguf
from hub_server import Hub

from edge_agent.models import CATALOGUE, HubFile, ModelStore, list_models, pull
from edge_agent.settings import ModelSettings

GIB = 1024**3


def test_the_list_says_what_fits_what_is_here_and_what_is_used(hub: Hub, store: ModelStore) -> None:
    hub.put("o/r", "other.gguf", Gguf().to_bytes())
    hub.put(CATALOGUE[0].repository, CATALOGUE[0].file, Gguf().to_bytes())
    pull(HubFile("o/r", "other.gguf"), store)
    pull(HubFile(CATALOGUE[0].repository, CATALOGUE[0].file), store)
    hub.seen.clear()
    listed = list_models(ModelSettings(), store.folder.parent, GIB)
    assert [model.name for model in listed] == [*(model.name for model in CATALOGUE), "other"]
    assert {model.name for model in listed if model.downloaded} == {CATALOGUE[0].name, "other"}
    assert [model.quantization for model in listed if model.in_use] == ["Q3_K_L"]
    assert {model.quantization for model in listed if "tinyllama" in model.name and model.fits} == {
        "Q2_K",
        "Q3_K_S",
        "Q3_K_M",
        "Q3_K_L",
    }
    assert listed[-1].quantization == "Q4_0"
    assert listed[0].size_bytes == len(Gguf().to_bytes())
    assert hub.seen == []


def test_the_list_is_shown_also_while_the_source_is_wrong(store: ModelStore) -> None:
    listed = list_models(ModelSettings(source="nonsense"), store.folder.parent, GIB)
    assert len(listed) == len(CATALOGUE)
    assert not any(model.in_use for model in listed)


def test_a_source_given_by_the_hub_s_name_is_the_one_in_use(store: ModelStore) -> None:
    settings = ModelSettings(source="SMOLLM2-135M-instruct-q4_k_m")
    listed = list_models(settings, store.folder.parent, GIB)
    assert [model.name for model in listed if model.in_use] == ["SmolLM2-135M-Instruct-Q4_K_M"]
