"""What flickers, or has to be added up: the GPU's load, and the energy of the tokens."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge_agent.hardware import Sensors
from edge_agent.telemetry.measurements import Window

SAMPLE_S = 2.0
LONGEST_STEP_S = 3 * SAMPLE_S  # between two samples further apart nobody knows what the board drew


class Sampler:
    """Looks at the board every `SAMPLE_S` seconds, and only at what has to be looked at that often."""

    def __init__(self, sensors: Sensors, clock: Callable[[], float] = time.monotonic) -> None:
        self._sensors, self._clock = sensors, clock
        self._has_gpu = sensors.has_gpu
        self._loads: list[float] = []
        self._joules = Window(clock)
        self._before: tuple[float, float] | None = None  # seconds, watts: while the model was at work

    def sample(self, is_generating: bool) -> None:
        """Blocks for as long as the sensors take."""
        if self._has_gpu and (load := self._sensors.gpu_percent()) is not None:
            self._loads.append(load)
        if not is_generating:
            self._before = None
        elif (watts := self._sensors.power_w()) is not None:
            self._add(self._clock(), watts)

    def gpu_percent(self) -> float | None:
        """The mean since the last call; None: no sample."""
        loads, self._loads = self._loads, []
        return round(sum(loads) / len(loads), 1) if loads else None

    def joules_per_token(self, tokens: float) -> float | None:
        """What the whole board drew while the model was at work in the last five minutes, by the tokens of it."""
        joules = sum(self._joules.values())
        return round(joules / tokens, 3) if joules and tokens else None

    def _add(self, at_s: float, watts: float) -> None:
        if self._before is not None and at_s - self._before[0] <= LONGEST_STEP_S:
            before_s, before_w = self._before
            self._joules.add((at_s - before_s) * (before_w + watts) / 2)
        self._before = (at_s, watts)
