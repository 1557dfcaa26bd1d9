"""The one sequence in the KV cache: what it holds, and decoding behind it."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence as Tokens
from typing import Any

import numpy as np
from llama_cpp import llama_cpp as llama
from numpy.typing import NDArray

from .abort import Abort

MOST_OUTPUTS = 32  # tokens of a piece whose logits are kept
_ABORTED = 2  # llama_decode in llama.h


class Aborted(Exception):
    """The decode was stopped because its request was cancelled."""


class DecodeFailed(Exception):
    """llama.cpp could not decode, or what it computed is no number."""


class Sequence:
    """Tokens in the KV cache. `pieces` counts the decodes since the start: it grows while there is progress."""

    def __init__(self, context: Any, vocab_size: int, batch: int, abort: Abort) -> None:
        self._context = context
        self._memory = llama.llama_get_memory(context)
        self._input = (llama.llama_token * batch)()
        self._outputs = (ctypes.c_int8 * batch)()
        self._vocab_size = vocab_size
        self._abort = abort
        self._tokens: list[int] = []
        self._logits_at = 0
        self._logits: NDArray[np.float32] = np.zeros(0, np.float32)
        self.pieces = 0
        callback = ctypes.cast(abort.callback, llama.ggml_abort_callback)
        llama.llama_set_abort_callback(context, callback, abort.callback_argument)

    def keep(self, prompt: Tokens[int]) -> int:
        """Drop what `prompt` does not begin with; the number of its tokens that are kept, at most all but one.

        The last one is always decoded again: sampling needs its logits.
        """
        shared = min(shared_prefix(self._tokens, prompt), len(prompt) - 1)
        self._cut(shared)
        return len(self._tokens)

    def decode(self, tokens: Tokens[int]) -> None:
        """Append tokens, a batch at a time. Raises Aborted or DecodeFailed; what was decoded until then stays."""
        for start in range(0, len(tokens), len(self._input)):
            if self._abort.is_up:
                raise Aborted
            self._decode_piece(tokens[start : start + len(self._input)])

    def logits(self) -> NDArray[np.float32]:
        """Of the token behind the last one: (vocab_size,), llama.cpp's own memory until the next decode.

        Raises DecodeFailed where they hold no finite maximum, as with a damaged file.
        """
        at = ctypes.addressof(llama.llama_get_logits_ith(self._context, -1).contents)
        if at != self._logits_at:
            self._logits = np.ctypeslib.as_array((ctypes.c_float * self._vocab_size).from_address(at))
            self._logits_at = at
        if not math.isfinite(self._logits.max()):
            raise DecodeFailed("the model computes no probabilities")
        return self._logits

    def logprob(self, before: Tokens[int], text: Tokens[int]) -> float:
        """How likely `text` is behind `before`: the sum over its tokens. What is held of them is not read again.

        Raises what `decode` and `logits` raise.
        """
        first, total = len(before) - 1, 0.0  # the token behind which the text begins
        ahead = [*before, *text][:-1]
        at = self.keep(before)
        while at < len(ahead):
            if self._abort.is_up:
                raise Aborted
            piece = ahead[at : at + min(MOST_OUTPUTS, len(self._input))]
            silent = min(max(first - at, 0), len(piece))
            self._decode_piece(piece, silent=silent)
            following = text[at + silent - first :][: len(piece) - silent]
            total += self._logprobs(following)
            at += len(piece)
        return total

    def _logprobs(self, tokens: Tokens[int]) -> float:
        """Of tokens behind those whose logits the last decode kept, summed."""
        if not tokens:
            return 0.0
        at = ctypes.addressof(llama.llama_get_logits(self._context).contents)
        kept = (ctypes.c_float * (self._vocab_size * len(tokens))).from_address(at)
        logits = np.ctypeslib.as_array(kept).reshape(len(tokens), self._vocab_size)
        highest = logits.max(axis=1)
        if not np.isfinite(highest).all():
            raise DecodeFailed("the model computes no probabilities")
        chosen = logits[np.arange(len(tokens)), tokens] - highest
        return float((chosen - np.log(np.exp(logits - highest[:, None]).sum(axis=1))).sum())

    def clear(self) -> None:
        llama.llama_memory_clear(self._memory, True)
        self._tokens.clear()

    def _decode_piece(self, piece: Tokens[int], silent: int | None = None) -> None:
        """Keeps the logits of the last token, or of all but the first `silent`."""
        self._input[: len(piece)] = piece
        batch = llama.llama_batch_get_one(self._input, len(piece))
        if silent is not None:
            self._outputs[: len(piece)] = [at >= silent for at in range(len(piece))]
            batch.logits = self._outputs
        status = llama.llama_decode(self._context, batch)
        if status != 0:
            self._cut(len(self._tokens))
            if status == _ABORTED:
                raise Aborted
            raise DecodeFailed(f"llama.cpp could not decode (status {status})")
        self._tokens += piece
        self.pieces += 1

    def _cut(self, length: int) -> None:
        """Keep the first `length` tokens; none where this kind of model can't forget a part."""
        if llama.llama_memory_seq_rm(self._memory, 0, length, -1):
            del self._tokens[length:]
        else:
            self.clear()


def shared_prefix(one: Tokens[int], other: Tokens[int]) -> int:
    """How many tokens both begin with."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))
