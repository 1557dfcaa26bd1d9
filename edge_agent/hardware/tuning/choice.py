"""How llama.cpp is to run a model, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Source = Literal["default", "profile", "measured", "settings"]
KvType = Literal["f16", "q8_0"]
Kind = Literal["prompt", "generation"]


@dataclass(frozen=True)
class Choice:
    """Tokens of `context` and `batch`; `gpu_layers` None: all. `flash_attention` None: llama.cpp decides."""

    threads: int
    threads_batch: int
    batch: int
    context: int
    flash_attention: bool | None = None
    kv_type: KvType = "f16"
    gpu_layers: int | None = None


@dataclass(frozen=True)
class Rates:
    """Tokens a second: of a prompt that is read, and of an answer that is written. None: not measured."""

    prompt: float | None
    generation: float | None
