"""Which token comes next: the chain of llama-cpp-python's `Llama`, so that a seed gives the same text."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from llama_cpp import llama_cpp as llama

from .protocol import Sampling

_TOP_K = 40
_MIN_P = 0.05


class Sampler:
    """llama.cpp's sampler chain for one answer. Temperature 0 always takes the likeliest token."""

    def __init__(self, sampling: Sampling) -> None:
        self._chain: Any = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        for sampler in _samplers(sampling):
            llama.llama_sampler_chain_add(self._chain, sampler)  # the chain owns it from here on

    def __enter__(self) -> Sampler:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        llama.llama_sampler_free(self._chain)

    def sample(self, context: Any) -> int:
        """A token, by the logits of what was decoded last."""
        return int(llama.llama_sampler_sample(self._chain, context, -1))


def _samplers(sampling: Sampling) -> list[Any]:
    if sampling.temperature == 0:
        return [llama.llama_sampler_init_greedy()]
    return [
        llama.llama_sampler_init_top_k(_TOP_K),
        llama.llama_sampler_init_top_p(sampling.top_p, 1),
        llama.llama_sampler_init_min_p(_MIN_P, 1),
        llama.llama_sampler_init_temp(sampling.temperature),
        llama.llama_sampler_init_dist(sampling.seed),
    ]
