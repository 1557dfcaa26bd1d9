"""Asking sensors that may fail."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LAST_PAUSE_S = 60.0, 3600.0

Reading = TypeVar("Reading")


class Reader(Generic[Reading]):
    """One way to read one thing. One that fails is logged once, gives None, and is asked again after ever longer
    pauses; it never harms the others."""

    def __init__(
        self, name: str, read: Callable[[], Reading | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name, self._read, self._clock = name, read, clock
        self._pause_s = FIRST_PAUSE_S
        self._not_before_s = float("-inf")
        self._is_logged = False

    def __call__(self) -> Reading | None:
        if self._clock() < self._not_before_s:
            return None
        try:
            reading = self._read()
        except Exception as error:  # drivers and firmware find ever new ways to fail; telemetry goes on without them
            self._fail(error)
            return None
        self._pause_s = FIRST_PAUSE_S
        return reading

    def _fail(self, error: Exception) -> None:
        self._not_before_s = self._clock() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LAST_PAUSE_S)
        if not self._is_logged:
            self._is_logged = True
            reason = f"{type(error).__name__}: {error}"
            log.warning("a sensor can't be read", extra={"sensor": self._name, "reason": reason})
