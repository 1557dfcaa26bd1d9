"""What asyncio runs, beside a command line that waits for people."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import Generic, Self, TypeVar

Part = TypeVar("Part")
Answer = TypeVar("Answer")


class Background(Generic[Part]):
    """Enters a part in an event loop of a thread of its own; leaving leaves it there. Its errors are raised here."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[Part]]) -> None:
        """`opening` is called in the loop."""
        self._opening = opening
        self._loop = asyncio.new_event_loop()
        self._entered: Future[Part] = Future()
        self._left: Future[None] = Future()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._entered.result()
        except BaseException:  # its own, or Ctrl-C meanwhile
            with suppress(RuntimeError):  # its loop has ended
                self._loop.call_soon_threadsafe(self._stop.set)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._left.result()
        self._thread.join()

    def call(self, ask: Callable[[Part], Answer]) -> Answer:
        """What `ask` says of the part, in the loop that the part lives in."""
        part = self._entered.result()

        async def asked() -> Answer:
            return ask(part)

        return asyncio.run_coroutine_threadsafe(asked(), self._loop).result()

    def wait_for(self, act: Callable[[Part], Coroutine[object, object, None]]) -> None:
        """Returns when what `act` makes of the part has run in its loop."""
        asyncio.run_coroutine_threadsafe(act(self._entered.result()), self._loop).result()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._live())
            self._left.set_result(None)
        except BaseException as error:
            if self._entered.done():
                self._left.set_exception(error)
            else:
                self._entered.set_exception(error)
        finally:
            self._loop.close()

    async def _live(self) -> None:
        entering = asyncio.ensure_future(self._stay())
        stopping = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait([entering, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not self._entered.done() and not entering.done():
            entering.cancel()
        stopping.cancel()
        await entering

    async def _stay(self) -> None:
        async with self._opening() as part:
            self._entered.set_result(part)
            await self._stop.wait()
