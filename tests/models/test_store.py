from __future__ import annotations

from pathlib import Path

import pytest
from gguf_bytes import Gguf, model_of

from edge_agent.errors import ModelFileError
from edge_agent.models import HubFile, ModelStore, StoredModel
from edge_agent.models.store import sha256_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def add(store: ModelStore, repository: str = "o/r", file: str = "a.gguf", content: bytes | None = None) -> StoredModel:
    wanted = HubFile(repository, file)
    part = store.part_path(wanted, "f" * 64)
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(Gguf().to_bytes() if content is None else content)
    stored = StoredModel(repository, file, "v1", COMMIT, sha256_of(part), part.stat().st_size, "2026-01-01T00:00:00Z")
    store.add(stored, part)
    return stored


def test_a_stored_model_is_found_by_another_store_on_the_same_folder(store: ModelStore) -> None:
    stored = add(store)
    assert ModelStore(store.folder).models() == (stored,)
    assert ModelStore(store.folder).find(HubFile("o/r", "a.gguf")) == stored


@pytest.mark.parametrize(
    ("revision", "found"),
    [(None, True), ("v1", True), (COMMIT, True), (COMMIT[:7], True), ("v2", False), ("01", False)],
)
def test_a_revision_that_was_asked_for_must_be_the_one_that_is_here(
    store: ModelStore, revision: str | None, found: bool
) -> None:
    add(store)
    assert (store.find(HubFile("o/r", "a.gguf", revision)) is not None) is found


def test_a_file_of_another_length_is_taken_as_not_here(store: ModelStore) -> None:
    stored = add(store)
    with store.path(stored).open("ab") as file:
        file.truncate(stored.size_bytes - 1)
    assert store.find(stored.hub_file) is None
    assert store.models() == ()
    assert store.records() == (stored,)
    store.path(stored).unlink()
    assert store.find(stored.hub_file) is None


def test_files_in_folders_and_repositories_do_not_meet(store: ModelStore) -> None:
    kept = [
        add(store, "o/r", "a.gguf", model_of(1)),
        add(store, "o/r", "folder/a.gguf"),
        add(store, "o/s", "a.gguf"),
    ]
    assert {stored.source for stored in store.models()} == {stored.source for stored in kept}
    store.verify(kept[0])


def test_a_damaged_or_misplaced_record_is_no_model(store: ModelStore, tmp_path: Path) -> None:
    stored = add(store)
    record = next(store.folder.rglob("*.json"))
    good = record.read_bytes()
    for bad in (b"", b"{}", b"\xff", good[:-5], good.replace(b"o/r", b"../../o")):
        record.write_bytes(bad)
        assert store.records() == ()
    record.write_bytes(good)
    assert store.records() == (stored,)


def test_verify_finds_a_single_changed_bit(store: ModelStore) -> None:
    stored = add(store, content=model_of(1))
    assert store.verify(stored).architecture == "llama"
    with store.path(stored).open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))
    assert store.find(stored.hub_file) == stored  # its size is right
    with pytest.raises(ModelFileError, match=r"sha256 differs.*models remove a"):
        store.verify(stored)


def test_verify_tells_a_missing_and_a_truncated_file(store: ModelStore) -> None:
    stored = add(store)
    with store.path(stored).open("ab") as file:
        file.truncate(stored.size_bytes - 1)
    with pytest.raises(ModelFileError, match="truncated"):
        store.verify(stored)
    store.path(stored).unlink()
    with pytest.raises(ModelFileError, match="cannot be read"):
        store.verify(stored)


def test_a_model_is_named_in_any_case_or_by_its_source(store: ModelStore) -> None:
    stored = add(store, file="Model.Q4_0.gguf")
    for name in ("model.q4_0", "hf:o/r/Model.Q4_0.gguf", f"hf:o/r/Model.Q4_0.gguf@{COMMIT}"):
        assert store.named(name) == stored
    with pytest.raises(ModelFileError, match=r"not among the downloaded models \(Model\.Q4_0\)"):
        store.named("other")
    add(store, "o/s", "Model.Q4_0.gguf")
    with pytest.raises(ModelFileError, match=r"Say which: hf:o/r/.* or hf:o/s/"):
        store.named("Model.Q4_0")


def test_remove_frees_the_file_and_what_came_of_an_unfinished_download(store: ModelStore) -> None:
    stored = add(store)
    part = store.part_path(stored.hub_file, "e" * 64)
    part.write_bytes(b"12345")
    other = add(store, file="a.gguf.gguf")
    assert store.remove(stored.hub_file) == stored.size_bytes + 5
    assert store.models() == (other,)
    assert not part.exists()
    with pytest.raises(ModelFileError, match="not downloaded"):
        store.remove(stored.hub_file)
