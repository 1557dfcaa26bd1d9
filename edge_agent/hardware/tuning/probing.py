"""The measuring process, as the one sees it that asks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edge_agent.hardware.tuning.choice import Choice, Kind
from edge_agent.openmp import waiting

GOODBYE_S = 2.0


class ProbeFailed(Exception):
    """This way of running does not work here; the message says why, as the end of a sentence."""


class Stopped(Exception):
    """`stop` was called while something was measured."""


class Prober:
    """A child process with the model in it. `stop` may be called from another thread."""

    def __init__(self, model: Path, gpu_layers: int | None = None) -> None:
        self._model, self._gpu_layers = model, gpu_layers
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False
        self.layers = 0
        self.has_gpu = False

    def __enter__(self) -> Self:
        """Loads the model. Raises ProbeFailed."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "edge_agent.hardware.tuning.prober"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | waiting(os.environ),  # as the inference process has it, where it has to hold
        )
        try:
            told = self._ask({"path": str(self._model), "gpu_layers": self._gpu_layers})
        except BaseException:
            self._end()
            raise
        self.layers, self.has_gpu = told["layers"], told["gpu"]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def measure(self, choice: Choice, kind: Kind, seconds: float) -> float:
        """Tokens a second; takes about so many seconds. Raises ProbeFailed, or Stopped."""
        wanted = asdict(choice)
        del wanted["gpu_layers"]
        return float(self._ask({**wanted, "kind": kind, "seconds": seconds})["rate"])

    def stop(self) -> None:
        """Ends the process, and whatever it is measuring."""
        self._stopped = True
        if self._process:
            self._process.kill()

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ProbeFailed("the measuring process does not run")
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
        line = process.stdout.readline()
        if self._stopped:
            raise Stopped
        if not line:
            raise ProbeFailed(_cause(process.wait()))
        told: dict[str, Any] = json.loads(line)
        if "error" in told:
            raise ProbeFailed(str(told["error"]))
        return told

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        try:
            process.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _cause(status: int) -> str:
    if status == -signal.SIGKILL:
        return "the measuring process was killed, most likely because memory ran out"
    return f"the measuring process crashed with {signal.Signals(-status).name}" if status < 0 else f"status {status}"
