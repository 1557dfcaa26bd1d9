"""NVIDIA's management library, where the driver brings it: desktop GPUs, and Jetsons from JetPack 7 on.

Its C interface is called as it is: a dozen lines, and no package that most boards have no use for.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path

LIBRARY = "libnvidia-ml.so.1"
TEMPERATURE_GPU = 0  # nvmlTemperatureSensors_t
SUCCESS = 0  # nvmlReturn_t


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


@dataclass(frozen=True)
class GpuReading:
    """Of the first GPU. None: it does not tell."""

    utilization_percent: float | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    temperature_c: float | None


class Nvml:
    """Loaded at the first reading, and kept."""

    def __init__(self, root: Path) -> None:
        """Under another root than `/` the library is looked for in its usr/lib."""
        self._path = LIBRARY if root == Path("/") else str(root / "usr/lib" / LIBRARY)
        self._driver = root / "proc/driver/nvidia/version"
        self._library: ctypes.CDLL | None = None

    def read(self) -> GpuReading | None:
        """None: no driver of this kind. Raises OSError where there is one, but no library or GPU."""
        if not self._driver.exists():
            return None
        device = self._device()
        memory = self._ask(device, "nvmlDeviceGetMemoryInfo", _Memory())
        use = self._ask(device, "nvmlDeviceGetUtilizationRates", _Utilization())
        degrees = ctypes.c_uint()
        found = self._loaded().nvmlDeviceGetTemperature(device, TEMPERATURE_GPU, ctypes.byref(degrees))
        return GpuReading(
            utilization_percent=float(use.gpu) if use else None,
            memory_used_bytes=int(memory.used) if memory else None,
            memory_total_bytes=int(memory.total) if memory else None,
            temperature_c=float(degrees.value) if found == SUCCESS else None,
        )

    def _loaded(self) -> ctypes.CDLL:
        if self._library is None:
            library = ctypes.CDLL(self._path)
            if (status := library.nvmlInit_v2()) != SUCCESS:
                raise OSError(f"nvmlInit: {status}")
            self._library = library
        return self._library

    def _device(self) -> ctypes.c_void_p:
        device = ctypes.c_void_p()
        if (status := self._loaded().nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device))) != SUCCESS:
            raise OSError(f"nvmlDeviceGetHandleByIndex: {status}")
        return device

    def _ask(self, device: ctypes.c_void_p, function: str, answer: ctypes.Structure) -> ctypes.Structure | None:
        return answer if getattr(self._loaded(), function)(device, ctypes.byref(answer)) == SUCCESS else None
