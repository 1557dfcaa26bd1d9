"""A model's tokens: text to ids, ids to bytes, and which of them mean more than their letters."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

from llama_cpp import llama_cpp as llama

_SPECIAL = llama.LLAMA_TOKEN_ATTR_CONTROL | llama.LLAMA_TOKEN_ATTR_UNKNOWN
_PIECE_BYTES = 1024


@dataclass(frozen=True)
class SpecialToken:
    """A token that is written by templates, never by people. Some swallow the blanks beside them."""

    id: int
    strips_left: bool
    strips_right: bool


class Vocab:
    """The vocabulary of a loaded model. Token ids are ints from 0 to `size - 1`; a piece is the bytes of one."""

    def __init__(self, pointer: Any) -> None:
        self.pointer = pointer
        self.size: int = llama.llama_vocab_n_tokens(pointer)
        self.adds_bos = bool(llama.llama_vocab_get_add_bos(pointer))
        self.bos: int = llama.llama_vocab_bos(pointer)
        self.eos: int = llama.llama_vocab_eos(pointer)
        self._buffer = ctypes.create_string_buffer(_PIECE_BYTES)
        attributes = [int(llama.llama_vocab_get_attr(pointer, token)) for token in range(self.size)]
        self.special = {
            self.text(token): _special_token(token, attribute)
            for token, attribute in enumerate(attributes)
            if attribute & _SPECIAL and self.text(token)
        }
        # llama.cpp finds these in any text, also where it is told not to look for special tokens.
        self.user_defined = frozenset(
            self.text(token)
            for token, attribute in enumerate(attributes)
            if attribute & llama.LLAMA_TOKEN_ATTR_USER_DEFINED and self.text(token)
        )
        ends = {special.id for special in self.special.values() if self.is_end(special.id)}
        self.ends: tuple[int, ...] = (self.eos, *sorted(ends - {self.eos})) if self.eos >= 0 else tuple(sorted(ends))

    def text(self, token: int) -> str:
        """How the vocabulary spells a token; empty for an id that is none, as where a model has no BOS."""
        if not 0 <= token < self.size:
            return ""
        return str((llama.llama_vocab_get_text(self.pointer, token) or b"").decode(errors="replace"))

    def tokenize(self, text: str) -> list[int]:
        """The tokens of plain text: no BOS is added, and control tokens that it spells stay plain text."""
        raw = text.encode(errors="replace")
        room = len(raw) + 8
        while True:
            tokens = (llama.llama_token * room)()
            count: int = llama.llama_tokenize(self.pointer, raw, len(raw), tokens, room, False, False)
            if count >= 0:
                return list(tokens[:count])
            room = -count

    def piece(self, token: int) -> bytes:
        """The bytes that a generated token writes; none for a control token."""
        written: int = llama.llama_token_to_piece(self.pointer, token, self._buffer, _PIECE_BYTES, 0, False)
        return self._buffer.raw[: max(written, 0)]

    def is_end(self, token: int) -> bool:
        """Whether the model ends its answer with this token."""
        return bool(llama.llama_vocab_is_eog(self.pointer, token))


def _special_token(token: int, attribute: int) -> SpecialToken:
    return SpecialToken(
        token, bool(attribute & llama.LLAMA_TOKEN_ATTR_LSTRIP), bool(attribute & llama.LLAMA_TOKEN_ATTR_RSTRIP)
    )
