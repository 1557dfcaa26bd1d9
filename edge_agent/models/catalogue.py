"""The models we know by name, and how much memory they take."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.errors import ModelUnavailable

MEGABYTE = 1_000_000
KV_CACHE_BYTES = (
    46_137_344  # f16, 2048 tokens: TinyLlama (22 layers, 4 KV heads of 64); SmolLM2-135M has about the same
)
PROGRAM_BYTES = 300 * MEGABYTE  # daemon, worker's Python and llama.cpp's compute buffers
SYSTEM_BYTES = 100 * MEGABYTE  # what a headless Linux holds besides

TINYLLAMA_REPOSITORY = "TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF"
PREFERRED_QUANTIZATION = "Q4_K_M"


@dataclass(frozen=True)
class CatalogueModel:
    """A GGUF on the hub.

    `size_bytes` is approximate: it chooses and tells, and is never compared with a file. `parameters` is a count.
    """

    name: str
    repository: str
    file: str
    quantization: str
    size_bytes: int
    parameters: int
    licence: str
    notes: str


def _tinyllama(quantization: str, megabytes: int, notes: str = "") -> CatalogueModel:
    name = f"tinyllama-1.1b-chat-v1.0.{quantization}"
    size_bytes = megabytes * MEGABYTE
    return CatalogueModel(
        name, TINYLLAMA_REPOSITORY, f"{name}.gguf", quantization, size_bytes, 1_100_048_384, "Apache-2.0", notes
    )


def _home(quantization: str, megabytes: int) -> CatalogueModel:
    name = f"Home-1B-v3.{quantization.lower()}"
    notes = "home-llm's TinyLlama, trained to control a home"
    size_bytes = megabytes * MEGABYTE
    return CatalogueModel(
        name, "acon96/Home-1B-v3-GGUF", f"{name}.gguf", quantization, size_bytes, 1_100_048_384, "Apache-2.0", notes
    )


def _smollm2(quantization: str, megabytes: int) -> CatalogueModel:
    name = f"SmolLM2-135M-Instruct-{quantization}"
    notes = "for trials and very small boards; weak"
    repository, size_bytes = "bartowski/SmolLM2-135M-Instruct-GGUF", megabytes * MEGABYTE
    return CatalogueModel(name, repository, f"{name}.gguf", quantization, size_bytes, 134_515_008, "Apache-2.0", notes)


TINYLLAMA = (
    _tinyllama("Q2_K", 483, "for boards of 1 GB"),
    _tinyllama("Q3_K_S", 500, "for boards of 1 GB"),
    _tinyllama("Q3_K_M", 551),
    _tinyllama("Q3_K_L", 593),
    _tinyllama("Q4_0", 638),
    _tinyllama("Q4_K_S", 644),
    _tinyllama("Q4_K_M", 669, "the default where there is room"),
    _tinyllama("Q5_0", 767),
    _tinyllama("Q5_K_S", 767),
    _tinyllama("Q5_K_M", 783),
    _tinyllama("Q6_K", 904),
    _tinyllama("Q8_0", 1170, "nearly the original's quality, and slow"),
)
CATALOGUE = (*TINYLLAMA, _home("Q4_K_M", 669), _home("Q8_0", 1170), _smollm2("Q4_K_M", 105), _smollm2("Q8_0", 145))


def needed_bytes(weights_bytes: int) -> int:
    """Memory of a board on which a model of this size runs beside everything else."""
    return weights_bytes + KV_CACHE_BYTES + PROGRAM_BYTES + SYSTEM_BYTES


def best_for_memory(memory_bytes: int) -> CatalogueModel:
    """The largest TinyLlama that fits, Q4_K_M at most: beyond it, speed is lost and little won.

    Raises ModelUnavailable where not even the smallest fits.
    """
    preferred = next(model for model in TINYLLAMA if model.quantization == PREFERRED_QUANTIZATION)
    candidates = [model for model in TINYLLAMA if model.size_bytes <= preferred.size_bytes]
    fitting = [model for model in candidates if needed_bytes(model.size_bytes) <= memory_bytes]
    if fitting:
        return max(fitting, key=lambda model: model.size_bytes)
    least = min(needed_bytes(model.size_bytes) for model in candidates)
    raise ModelUnavailable(
        f"No TinyLlama fits this board: the smallest needs {least / MEGABYTE:.0f} MB of memory, and there are "
        f"{memory_bytes / MEGABYTE:.0f} MB. Set model.source to {_smollm2('Q4_K_M', 105).name} or a small GGUF file."
    )
