"""NVIDIA's library as a library of our own, built here: the calls are the real ones, only what answers is not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edge_agent.hardware import Sensors
from edge_agent.hardware.nvml import LIBRARY

BOARDS = Path(__file__).parent / "boards"
LIBRARY_SOURCE = """
#include <stddef.h>
typedef struct { unsigned int gpu, memory; } utilization;
typedef struct { unsigned long long total, free, used; } memory;
int nvmlInit_v2(void) { return INIT; }
#define DEVICE ((void *)0x1234567887654321)
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) { *device = DEVICE; return index; }
int nvmlDeviceGetUtilizationRates(void *device, utilization *rates) { rates->gpu = 37; rates->memory = 12; return 0; }
int nvmlDeviceGetMemoryInfo(void *device, memory *info)
{
    if (device != DEVICE) return 2;
    info->total = 12884901888; info->free = 8589934592; info->used = 4294967296;
    return MEMORY;
}
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned int *degrees) { *degrees = 61; return sensor; }
"""

needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def card(folder: Path, init: int = 0, memory: int = 0) -> Sensors:
    root = Path(shutil.copytree(BOARDS / "pc-rtx", folder / "pc-rtx"))
    library = root / "usr/lib" / LIBRARY
    library.parent.mkdir(parents=True)
    source = folder / "nvml.c"
    source.write_text(LIBRARY_SOURCE)
    flags = [f"-DINIT={init}", f"-DMEMORY={memory}"]
    subprocess.run(["gcc", "-shared", "-fPIC", *flags, "-o", str(library), str(source)], check=True)
    return Sensors(root, root)


@needs_compiler
def test_the_card_is_read_by_the_drivers_library(tmp_path: Path) -> None:
    gpu = card(tmp_path).gpu()
    assert gpu is not None
    assert gpu.model_dump() == {
        "name": "NVIDIA GeForce RTX 3060",
        "utilization_percent": 37.0,
        "memory_used_bytes": 4294967296,
        "memory_total_bytes": 12884901888,
        "temperature_c": 61.0,
    }


@needs_compiler
def test_what_the_driver_does_not_support_is_none(tmp_path: Path) -> None:
    gpu = card(tmp_path, memory=3).gpu()  # NVML_ERROR_NOT_SUPPORTED, as on a Jetson
    assert gpu is not None
    assert (gpu.memory_used_bytes, gpu.memory_total_bytes, gpu.utilization_percent) == (None, None, 37.0)


@needs_compiler
def test_a_driver_that_does_not_start_leaves_the_readings_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sensors = card(tmp_path, init=9)
    for _ in range(2):
        gpu = sensors.gpu()
        assert gpu is not None and gpu.utilization_percent is None
    assert [getattr(record, "sensor", "") for record in caplog.records] == ["nvml"]


def test_a_card_without_the_library_is_named_and_not_read() -> None:
    gpu = Sensors(BOARDS / "pc-rtx", Path("/")).gpu()
    assert gpu is not None and gpu.memory_total_bytes is None
