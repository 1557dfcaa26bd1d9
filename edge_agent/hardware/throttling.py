"""What holds the board back: the Raspberry Pi firmware's word, else what the kernel does against heat."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edge_agent.hardware import vcgencmd
from edge_agent.hardware.files import read_int, read_text
from edge_agent.hardware.readers import Reader

Names = tuple[str, ...]

# Bits of the Raspberry Pi firmware's get_throttled; the same four, 16 bits up, have been set since the boot.
THROTTLE_BITS = {0: "under_voltage", 1: "frequency_capped", 2: "throttled", 3: "soft_temperature_limit"}
OCCURRED_SHIFT = 16
# Kernels' names of what they slow down against heat: cpufreq's and devfreq's, and those of NVIDIA's kernels.
CLOCK_COOLERS = (
    "thermal-cpufreq",
    "cpufreq-",
    "thermal-devfreq",
    "devfreq-",
    "processor",
    "cpu-throttle",
    "gpu-throttle",
)


class Throttling:
    """What holds the board back now, and what did since the boot (`…_occurred`). None: this board does not tell."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._firmware_file = Reader("get_throttled", self._by_file)
        self._program = Reader("vcgencmd", self._by_program)
        self._alarm = Reader("rpi_volt", self._by_alarm)
        self._coolers = Reader("cooling_device", self._by_coolers)

    def __call__(self) -> Names | None:
        for reader in (self._firmware_file, self._program, self._alarm, self._coolers):
            if (names := reader()) is not None:
                return names
        return None

    def _by_file(self) -> Names | None:
        """All bits; only Raspberry Pi's own kernels have it, and newer ones not all."""
        for pattern in ("*firmware*", "*/*firmware*"):
            for path in self._root.glob(f"sys/devices/platform/{pattern}/get_throttled"):
                if (text := read_text(path)) is not None:
                    return throttle_names(int(text, 16))
        return None

    def _by_program(self) -> Names | None:
        """All bits, where we may open the firmware's node."""
        return throttle_names(vcgencmd.throttle_bits(self._root)) if vcgencmd.is_there(self._root) else None

    def _by_alarm(self) -> Names | None:
        """Under-voltage alone; every kernel of a Pi has it, for everyone."""
        for folder in self._root.glob("sys/class/hwmon/hwmon*"):
            if read_text(folder / "name") == "rpi_volt" and (alarm := read_text(folder / "in0_lcrit_alarm")):
                return ("under_voltage",) if alarm == "1" else ()
        return None

    def _by_coolers(self) -> Names | None:
        """On boards without that firmware: whether the kernel lowers a clock because of heat."""
        states = [read_int(cooler / "cur_state") for cooler in self._clock_coolers()]
        known = [state for state in states if state is not None]
        if not known:
            return None
        return ("frequency_capped",) if any(state > 0 for state in known) else ()

    def _clock_coolers(self) -> Iterable[Path]:
        for cooler in self._root.glob("sys/class/thermal/cooling_device*"):
            if (read_text(cooler / "type") or "").lower().startswith(CLOCK_COOLERS):
                yield cooler


def throttle_names(bits: int) -> Names:
    """`0x50005` → under_voltage, throttled, under_voltage_occurred, throttled_occurred."""
    now = [name for bit, name in THROTTLE_BITS.items() if bits >> bit & 1]
    occurred = [f"{name}_occurred" for bit, name in THROTTLE_BITS.items() if bits >> (bit + OCCURRED_SHIFT) & 1]
    return (*now, *occurred)
