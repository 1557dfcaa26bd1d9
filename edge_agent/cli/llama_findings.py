"""What `edge-agent doctor` says of the installed llama.cpp: whether it was built for this board and its GPU."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from edge_agent.cli.finding import Finding, fine, warning, wrong
from edge_agent.hardware import Board
from edge_agent.hardware.llama_build import LlamaBroken, LlamaBuild, can_build_cuda, rebuild_command


def llama_findings(board: Board) -> list[Finding]:
    """What the installed llama.cpp makes of this board. Asking it takes a second, on a slow card several."""
    try:
        build = LlamaBuild.ask()
    except LlamaBroken as error:
        return [wrong("llama_cpp", str(error), f"Build it here: {rebuild_command(board, _installed_version())}")]
    return [instructions_finding(board, build), *gpu_findings(board, build)]


def _installed_version() -> str:
    try:
        return version("llama-cpp-python")
    except PackageNotFoundError:
        return "0.3.36"


def instructions_finding(board: Board, build: LlamaBuild) -> Finding:
    if not (missing := build.missing_instructions(board)):
        return fine("llama_cpp", f"llama.cpp ({build.version}) uses what this processor can do.")
    told = (
        f"llama.cpp ({build.version}) was built without {', '.join(missing)}, which this processor has: it is slower."
    )
    return warning("llama_cpp", told, f"Build it here: {rebuild_command(board, build.version)}")


def gpu_findings(board: Board, build: LlamaBuild) -> Iterator[Finding]:
    """Nothing on a board that has none."""
    gpu = board.graphics
    if gpu is None:
        return
    command = rebuild_command(board, build.version)
    if not can_build_cuda(board):
        yield fine("gpu", f"{gpu.name}: today's llama.cpp can't be built for JetPack 4, so the processor computes.")
    elif gpu.state == "absent":
        told = f"{gpu.name} did not come up: its device is not there, so the processor computes."
        remedy = (
            "Switch the board off and on again."
            if gpu.shares_memory
            else "Install NVIDIA's driver (`nvidia-smi` must work)."
        )
        yield warning("gpu", told, f"{remedy} In a unit or container, its devices have to be let in.")
    elif gpu.state == "forbidden":
        told = f"{gpu.name} may not be opened by this user, so the processor computes."
        remedy = "sudo usermod -aG video,render $USER, and log in again (for the service: SupplementaryGroups=)."
        yield warning("gpu", told, remedy)
    elif build.lacks_architecture(board):
        told = f"llama.cpp was built for other GPUs ({', '.join(build.cuda_architectures)}) than {gpu.name}."
        yield wrong("gpu", told, f"Build it for this one: {command}")
    elif not build.has_gpu:
        told = f"{gpu.name} is not used: this llama.cpp was built without CUDA, so the processor computes."
        yield warning("gpu", told, f"{_toolkit(board)}Build it: {command}")
    else:
        yield fine("gpu", f"llama.cpp can use {gpu.name}.")


def _toolkit(board: Board) -> str:
    package = "nvidia-jetpack" if board.jetson else "nvidia-cuda-toolkit"
    compiler = f"`nvcc --version` must work (PATH=/usr/local/cuda/bin:$PATH, or sudo apt install {package})"
    return f"CUDA's compiler is needed: {compiler}. "
