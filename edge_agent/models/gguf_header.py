"""Checks a GGUF before llama.cpp sees it, so that a damaged file is a sentence and not a dead worker.

The `gguf` library would map the whole file, allocate what the header asks for and take seconds over a vocabulary; a
file from the internet may ask for anything. This reader holds one window of 64 KiB, bounds every count, and checks what
ggml/src/gguf.cpp checks: each tensor's shape, type, place, and that its bytes are in the file.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from edge_agent.errors import ModelFileError
from edge_agent.models.gguf_types import ARRAY, QUANTIZATIONS, SCALAR_FORMATS, STRING, TENSOR_BLOCKS, UINT32

WINDOW_BYTES = 65_536
MAX_METADATA_COUNT = 16_384
MAX_TENSOR_COUNT = 65_536
MAX_KEY_BYTES = 256
MAX_KEPT_STRING_BYTES = 65_536
MAX_STRING_BYTES = 64 * 1024 * 1024  # some files carry a whole tokenizer.json
MAX_ARRAY_STRINGS = 4_194_304  # of all arrays together; the largest vocabularies have 300 000 words and as many merges
MAX_HEADER_BYTES = 256 * 1024 * 1024
MAX_TENSOR_NAME_BYTES = 63  # GGML_MAX_NAME - 1
MAX_DIMENSIONS = 4  # GGML_MAX_DIMS
MAX_TENSOR_VALUES = 2**48
DEFAULT_ALIGNMENT = 32
KEPT_STRINGS = frozenset({"general.architecture", "general.name", "general.type"})
GIT_LFS_POINTER = b"vers"

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


@dataclass(frozen=True)
class GgufHeader:
    """What a GGUF says of itself. `context_length` in tokens, `parameters` as a count."""

    architecture: str
    name: str
    quantization: str | None
    parameters: int
    context_length: int | None
    has_chat_template: bool
    tensor_count: int
    size_bytes: int


def read_header(path: Path) -> GgufHeader:
    """Check the file and say what it is. Reads the header only, however large the weights.

    Raises ModelFileError for whatever llama.cpp could not load.
    """
    try:
        with _open_regular(path) as file:
            size_bytes = os.fstat(file.fileno()).st_size
            return _Header(_Reader(path, file, size_bytes)).read()
    except OSError as error:
        raise ModelFileError(
            f"{path} cannot be read: {error.strerror}. Check that it is there and that the agent's user may read it."
        ) from error


def _open_regular(path: Path) -> BinaryIO:
    if not stat.S_ISREG(path.stat().st_mode):
        raise ModelFileError(f"{path} is not a file. Point model.source at a GGUF file.")
    return path.open("rb", buffering=WINDOW_BYTES)


class _Reader:
    """Little-endian values at a position that never leaves the file."""

    def __init__(self, path: Path, file: BinaryIO, size_bytes: int) -> None:
        self.path, self.size_bytes, self.position = path, size_bytes, 0
        self._file = file
        self._strings_left = MAX_ARRAY_STRINGS

    def damaged(self, what: str) -> ModelFileError:
        return ModelFileError(f"{self.path} is damaged or no model: {what}. Pull it again, or choose another file.")

    def truncated(self, expected_bytes: int) -> ModelFileError:
        return ModelFileError(
            f"{self.path} is truncated: {self.size_bytes} of {expected_bytes} bytes are here. Pull it again."
        )

    def take(self, count: int) -> bytes:
        taken = self._file.read(count)
        self.position += count
        if len(taken) < count:
            raise ModelFileError(
                f"{self.path} is truncated: its {self.size_bytes} bytes end inside the header. Pull it again."
            )
        if self.position > MAX_HEADER_BYTES:
            raise self.damaged("its header is larger than any model's")
        return taken

    def move_to(self, position: int) -> None:
        if position > self.size_bytes:
            raise ModelFileError(
                f"{self.path} is truncated: its {self.size_bytes} bytes end inside the header. Pull it again."
            )
        if position > MAX_HEADER_BYTES:
            raise self.damaged("its header is larger than any model's")
        self._file.seek(position)
        self.position = position

    def u32(self) -> int:
        return int(_U32.unpack(self.take(4))[0])

    def u64(self) -> int:
        return int(_U64.unpack(self.take(8))[0])

    def string(self, what: str, max_bytes: int) -> str:
        length = self.u64()
        if length > max_bytes:
            raise self.damaged(f"{what} of {length} bytes")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise self.damaged(f"{what} that is no text") from None

    def skip_string(self) -> None:
        length = self.u64()
        if length > MAX_STRING_BYTES:
            raise self.damaged(f"a text of {length} bytes in its metadata")
        self.move_to(self.position + length)

    def skip_array(self) -> None:
        kind, count = self.u32(), self.u64()
        if kind == STRING:
            self._skip_strings(count)
        elif kind in SCALAR_FORMATS:
            self.move_to(self.position + count * struct.calcsize(SCALAR_FORMATS[kind]))
        else:
            raise self.damaged(f"an array of value type {kind} in its metadata")

    def _skip_strings(self, count: int) -> None:
        """A vocabulary is hundreds of thousands of strings: their lengths are read off a window, not one by one."""
        self._strings_left -= count
        if self._strings_left < 0:
            raise self.damaged(f"an array of {count} texts in its metadata")
        start, window, at = self.position, b"", 0
        length_at = _U64.unpack_from
        for _ in range(count):
            if at + 8 > len(window):
                start, at = start + at, 0
                self.move_to(start)
                window = self._file.read(WINDOW_BYTES)
                if len(window) < 8:
                    self.take(8)
            length = length_at(window, at)[0]
            if length > MAX_STRING_BYTES:
                raise self.damaged(f"a text of {length} bytes in its metadata")
            at += 8 + length
        self.move_to(start + at)


class _Header:
    """Reads magic, metadata and tensor list, in the file's order."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._seen: set[str] = set()
        self._values: dict[str, int | float | str] = {}
        self._types: dict[str, int] = {}

    def read(self) -> GgufHeader:
        self._read_magic()
        tensor_count, metadata_count = self._read_counts()
        for _ in range(metadata_count):
            self._read_metadata()
        architecture = self._architecture()
        self._refuse_what_is_no_whole_model()
        parameters = self._read_tensors(tensor_count)
        context_length = self._values.get(f"{architecture}.context_length")
        return GgufHeader(
            architecture=architecture,
            name=str(self._values.get("general.name") or self._reader.path.stem),
            quantization=QUANTIZATIONS.get(self._integer("general.file_type", -1)),
            parameters=parameters,
            context_length=context_length if isinstance(context_length, int) else None,
            has_chat_template="tokenizer.chat_template" in self._seen,
            tensor_count=tensor_count,
            size_bytes=self._reader.size_bytes,
        )

    def _read_magic(self) -> None:
        magic = self._reader.take(4)
        if magic == GIT_LFS_POINTER:
            raise self._reader.damaged("it looks like a Git LFS pointer, the note that stands for the file")
        if magic != b"GGUF":
            raise self._reader.damaged("it does not begin with GGUF")
        version = self._reader.u32()
        if version & 0xFFFF == 0:
            raise self._reader.damaged("it is a big-endian GGUF, for other computers than this one")
        if version not in (2, 3):
            raise self._reader.damaged(f"it is of GGUF version {version}, and versions 2 and 3 can be read")

    def _read_counts(self) -> tuple[int, int]:
        tensor_count, metadata_count = self._reader.u64(), self._reader.u64()
        if not 0 < tensor_count <= MAX_TENSOR_COUNT:
            raise self._reader.damaged(f"it says it has {tensor_count} tensors")
        if metadata_count > MAX_METADATA_COUNT:
            raise self._reader.damaged(f"it says it has {metadata_count} metadata entries")
        return tensor_count, metadata_count

    def _read_metadata(self) -> None:
        key = self._reader.string("a metadata key", MAX_KEY_BYTES)
        if key in self._seen:
            raise self._reader.damaged(f"the metadata key {key!r} is there twice")
        self._seen.add(key)
        kind = self._types[key] = self._reader.u32()
        if kind == ARRAY:
            self._reader.skip_array()
        elif kind == STRING and key in KEPT_STRINGS:
            self._values[key] = self._reader.string(f"a {key}", MAX_KEPT_STRING_BYTES)
        elif kind == STRING:
            self._reader.skip_string()
        elif kind in SCALAR_FORMATS:
            value_format = SCALAR_FORMATS[kind]
            self._values[key] = struct.unpack(value_format, self._reader.take(struct.calcsize(value_format)))[0]
        else:
            raise self._reader.damaged(f"the value of {key!r} has type {kind}")

    def _integer(self, key: str, default: int) -> int:
        value = self._values.get(key, default)
        return value if isinstance(value, int) else default

    def _architecture(self) -> str:
        architecture = self._values.get("general.architecture")
        if not isinstance(architecture, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,63}", architecture):
            raise self._reader.damaged("it names no architecture")
        return architecture

    def _refuse_what_is_no_whole_model(self) -> None:
        if (parts := self._integer("split.count", 1)) > 1:
            raise ModelFileError(
                f"{self._reader.path} is one of {parts} parts. Choose a model in one file, or join the parts with "
                "llama.cpp's llama-gguf-split --merge."
            )
        kind = self._values.get("general.type", "model")
        if kind != "model":
            raise ModelFileError(f"{self._reader.path} is no model that answers, but of type {kind}. Choose another.")

    def _alignment(self) -> int:
        kind, alignment = (
            self._types.get("general.alignment", UINT32),
            self._integer("general.alignment", DEFAULT_ALIGNMENT),
        )
        if kind != UINT32 or alignment not in {1 << bits for bits in range(3, 21)}:
            raise self._reader.damaged(f"its tensors are aligned to {alignment} bytes")
        return alignment

    def _read_tensors(self, count: int) -> int:
        """Check that the tensors follow one another as llama.cpp wants them; returns the count of their values."""
        alignment, end, parameters = self._alignment(), 0, 0
        names: set[str] = set()
        for _ in range(count):
            name = self._reader.string("a tensor name", MAX_TENSOR_NAME_BYTES)
            if name in names:
                raise self._reader.damaged(f"the tensor {name!r} is there twice")
            names.add(name)
            values, weights_bytes = self._read_shape(name)
            if (offset := self._reader.u64()) != _aligned(end, alignment):
                raise self._reader.damaged(f"the tensor {name!r} begins at byte {offset}, not behind the one before it")
            end = offset + weights_bytes
            parameters += values
        expected_bytes = _aligned(self._reader.position, alignment) + end
        if expected_bytes > self._reader.size_bytes:
            raise self._reader.truncated(expected_bytes)
        return parameters

    def _read_shape(self, name: str) -> tuple[int, int]:
        """(values, bytes) of the tensor whose dimensions and type come next."""
        dimensions = self._reader.u32()
        if not 1 <= dimensions <= MAX_DIMENSIONS:
            raise self._reader.damaged(f"the tensor {name!r} has {dimensions} dimensions")
        shape = [self._reader.u64() for _ in range(dimensions)]
        values = 1
        for length in shape:
            values *= length
        if not 0 < values <= MAX_TENSOR_VALUES:
            raise self._reader.damaged(f"the tensor {name!r} has {values} values")
        kind = self._reader.u32()
        if kind not in TENSOR_BLOCKS:
            raise self._reader.damaged(f"the tensor {name!r} has type {kind}, which this version does not know")
        block_values, block_bytes = TENSOR_BLOCKS[kind]
        if shape[0] % block_values:
            raise self._reader.damaged(f"the rows of tensor {name!r} are no whole blocks of {block_values} values")
        return values, values // block_values * block_bytes


def _aligned(position: int, alignment: int) -> int:
    return (position + alignment - 1) // alignment * alignment
