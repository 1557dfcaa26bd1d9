"""Writes small GGUF files, right and wrong ones."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field

UINT16, UINT32, STRING, ARRAY = 2, 4, 8, 9
F32, Q4_0 = 0, 2


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def entry(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def texts(count: int, *, says: int | None = None) -> bytes:
    """An array of short strings; `says` is the count that it claims to have."""
    body = b"".join(text(f"word{number}") for number in range(count))
    return struct.pack("<IQ", STRING, count if says is None else says) + body


def number(value: int) -> bytes:
    return struct.pack("<I", value)


@dataclass
class Tensor:
    name: str = "token_embd.weight"
    shape: tuple[int, ...] = (64, 32)
    kind: int = Q4_0
    offset: int | None = None  # None: where it belongs

    @property
    def weights_bytes(self) -> int:
        values = 1
        for length in self.shape:
            values *= length
        return values // 32 * 18 if self.kind == Q4_0 else values * 4


@dataclass
class Gguf:
    """A small model; each part can be replaced by a wrong one."""

    magic: bytes = b"GGUF"
    version: bytes = field(default_factory=lambda: struct.pack("<I", 3))
    entries: list[bytes] = field(
        default_factory=lambda: [
            entry("general.architecture", STRING, text("llama")),
            entry("general.name", STRING, text("Small Test")),
            entry("general.file_type", UINT32, number(2)),
            entry("llama.context_length", UINT32, number(2048)),
            entry("tokenizer.ggml.tokens", ARRAY, texts(50)),
            entry("tokenizer.chat_template", STRING, text("{{ messages }}")),
        ]
    )
    tensors: list[Tensor] = field(
        default_factory=lambda: [Tensor(), Tensor("output_norm.weight", (33,), F32), Tensor("blk.0.attn_q.weight")]
    )
    says_tensors: int | None = None
    says_entries: int | None = None
    alignment: int = 32

    def header(self) -> bytes:
        tensor_count = len(self.tensors) if self.says_tensors is None else self.says_tensors
        entry_count = len(self.entries) if self.says_entries is None else self.says_entries
        head = self.magic + self.version + struct.pack("<QQ", tensor_count, entry_count) + b"".join(self.entries)
        end = 0
        for tensor in self.tensors:
            offset = self._aligned(end) if tensor.offset is None else tensor.offset
            end = self._aligned(end) + tensor.weights_bytes
            head += text(tensor.name) + struct.pack("<I", len(tensor.shape))
            head += b"".join(struct.pack("<Q", length) for length in tensor.shape)
            head += struct.pack("<IQ", tensor.kind, offset)
        return head

    def to_bytes(self) -> bytes:
        head = self.header()
        weights = b""
        for tensor in self.tensors:
            weights += bytes(self._aligned(len(weights)) - len(weights))
            weights += random.Random(tensor.name).randbytes(tensor.weights_bytes)
        return head + bytes(self._aligned(len(head)) - len(head)) + weights

    def _aligned(self, position: int) -> int:
        return -(-position // self.alignment) * self.alignment


def model_of(megabytes: int, seed: str = "") -> bytes:
    """A right GGUF of about this size."""
    return Gguf(tensors=[Tensor(f"output.weight{seed}", (250_000, megabytes), F32)]).to_bytes()
