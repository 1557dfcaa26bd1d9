"""The inference process: `python -m edge_agent.inference.worker <fd>`, where fd is one end of a socket pair.

Three threads: one reads the socket, one beats, and the main thread decodes. It answers Generate and Score frames one
after the other and leaves when the socket closes, which it also does when the daemon dies.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from edge_agent.openmp import waiting

from .abort import Abort
from .failures import LoadError, RequestError
from .log import ERROR, say
from .protocol import (
    REQUESTS,
    Cancel,
    Failed,
    Frame,
    Generate,
    Heartbeat,
    Load,
    LoadFailed,
    Piece,
    Score,
    Threads,
    to_line,
)

if TYPE_CHECKING:
    from .engine import Engine

_HEARTBEAT_S = 1.0
_PIECE_S = 0.025
_OOM_SCORE_ADJ = 500
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Requests:
    """What is asked and not yet answered, first come, first served. Thread-safe."""

    def __init__(self, abort: Abort) -> None:
        self._abort = abort
        self._changed = threading.Condition()
        self._waiting: deque[Generate | Score] = deque()
        self._running: int | None = None

    @property
    def is_busy(self) -> bool:
        return self._running is not None

    def put(self, request: Generate | Score) -> None:
        with self._changed:
            self._waiting.append(request)
            self._changed.notify()

    def cancel(self, request_id: int) -> bool:
        """True where it was still waiting and is gone now. One that runs is told to stop."""
        with self._changed:
            if self._running == request_id:
                self._abort.put_up()
            before = len(self._waiting)
            self._waiting = deque(request for request in self._waiting if request.id != request_id)
            return len(self._waiting) < before

    def next(self) -> Generate | Score:
        """The next request, which runs from now on; waits for one."""
        with self._changed:
            self._running = None
            self._changed.wait_for(lambda: self._waiting)
            request = self._waiting.popleft()
            self._running = request.id
            self._abort.take_down()
            return request


class Pieces:
    """The text of one answer on its way to the daemon, at most once in `_PIECE_S`.

    A small model makes tokens faster than anyone reads, and on a small board the daemon's work for each, up to the
    broker's, is taken from the cores that decode.
    """

    def __init__(self, request_id: int, send: Callable[[Frame], None]) -> None:
        self._id, self._send = request_id, send
        self._held: list[str] = []
        self._sent_at = float("-inf")

    def give(self, text: str) -> None:
        self._held.append(text)
        if time.monotonic() - self._sent_at >= _PIECE_S:
            self.flush()

    def flush(self) -> None:
        if self._held:
            self._send(Piece(id=self._id, text="".join(self._held)))
            self._held.clear()
            self._sent_at = time.monotonic()


class Worker:
    """The worker's end of the protocol, around the engine."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._sending = threading.Lock()
        self._abort = Abort()
        self._requests = Requests(self._abort)
        self._engine: Engine | None = None

    def run(self) -> None:
        """Load what the first frame says and answer until the process ends. Returns where the model can't be used."""
        lines = self._link.makefile("rb")
        load = REQUESTS.validate_json(lines.readline())
        if not isinstance(load, Load):
            raise TypeError(f"the first frame must be load, not {load.type}")
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        threading.Thread(target=self._read, args=(lines,), name="reader", daemon=True).start()
        from .engine import Engine  # takes seconds from a slow card, so the heart beats first

        try:
            self._engine = Engine(load, self._abort)
        except LoadError as error:
            self._send(LoadFailed(message=str(error)))
            return
        self._send(self._engine.loaded)
        while True:
            self._answer(self._engine, self._requests.next())

    def _answer(self, engine: Engine, request: Generate | Score) -> None:
        try:
            if isinstance(request, Score):
                self._send(engine.score(request))
            else:
                self._generate(engine, request)
        except RequestError as error:
            self._send(Failed(id=request.id, code=error.code, message=error.message))
        except Exception as error:  # one request's trouble must not become the next one's
            place = traceback.extract_tb(error.__traceback__)[-1]
            say(ERROR, f"request={request.id} failed: {type(error).__name__} in {place.filename}:{place.lineno}")
            self._send(Failed(id=request.id, code="internal", message="The inference failed; the log says where."))

    def _generate(self, engine: Engine, request: Generate) -> None:
        pieces = Pieces(request.id, self._send)
        finished = engine.answer(request, pieces.give)
        pieces.flush()
        self._send(finished)

    def _read(self, lines: IO[bytes]) -> None:
        """Take frames until the socket closes, and then leave, whatever the main thread is doing."""
        try:
            for line in lines:
                self._take(line)
        except Exception as error:
            say(ERROR, f"the daemon's frame can't be read: {type(error).__name__}")
        os._exit(0)

    def _take(self, line: bytes) -> None:
        frame = REQUESTS.validate_json(line)
        if isinstance(frame, Threads) and self._engine:
            self._engine.use_threads(frame.threads, frame.threads_batch)
        if isinstance(frame, Generate | Score):
            self._requests.put(frame)
        elif isinstance(frame, Cancel) and self._requests.cancel(frame.id):
            self._send(Failed(id=frame.id, code="cancelled", message="The request was cancelled."))

    def _beat(self) -> None:
        while True:
            progress = self._engine.progress if self._engine else 0
            self._send(Heartbeat(progress=progress, busy=self._requests.is_busy))
            time.sleep(_HEARTBEAT_S)

    def _send(self, frame: Frame) -> None:
        line = to_line(frame)
        try:
            with self._sending:
                self._link.sendall(line)
        except OSError:  # nobody is left to answer to
            os._exit(0)


def _become_expendable() -> None:
    """Die first when memory runs out, die with the daemon, and leave a terminal's or systemd's signals to it.

    The daemon ends us by closing the socket, once the running requests are answered.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE_ADJ))
    with suppress(AttributeError):  # only Linux has prctl
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    _become_expendable()
    os.environ |= waiting(os.environ)
    Worker(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
