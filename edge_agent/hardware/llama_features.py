"""Says what this llama.cpp was built for, as JSON: `python -m edge_agent.hardware.llama_features`.

A process of its own: a build for another processor dies here of an illegal instruction, and not the program that asks.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from typing import Any


def features() -> dict[str, Any]:
    """`system` is llama.cpp's own line, as `CPU : NEON = 1 | DOTPROD = 1 | CUDA : ARCHS = 870 |`."""
    from llama_cpp import llama_cpp as llama

    told = llama.llama_print_system_info().decode(errors="replace")
    architectures = re.search(r"CUDA : ARCHS = ([\d,]+)", told)
    return {
        "version": version("llama-cpp-python"),
        "instructions": sorted(name.lower() for name in re.findall(r"(\w+) = 1", told)),
        "has_gpu": bool(llama.llama_supports_gpu_offload()),
        "cuda_architectures": architectures[1].split(",") if architectures else [],
    }


if __name__ == "__main__":
    print(json.dumps(features()))
