"""How fast those are told who are refused for being too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager

from edge_agent.commands.slots import Sender, Slots
from edge_agent.errors import Busy

PAUSE_S = 0.02
WAITING_MOST = 400


class Refusals:
    """One refusal after the other, with a pause behind each, by fair turns; the first at once.

    A program that asks again as soon as it is refused would else keep the board busy with refusing, and the model,
    which shares the cores, would hardly get on with what it has accepted.
    """

    def __init__(self, in_a_hurry: Callable[[], bool]) -> None:
        """There is no pause while `in_a_hurry`."""
        self._in_a_hurry = in_a_hurry
        self._slots = Slots(lambda: 1, lambda: WAITING_MOST, busy="Too many wait to be refused.")

    @asynccontextmanager
    async def turn(self, sender: Sender) -> AsyncIterator[None]:
        """Tell it inside. Where too many wait already, whoever has the most of them is told at once."""
        with ExitStack() as held:
            try:
                await held.enter_context(self._slots.queued(sender)).given
            except Busy:
                yield
                return
            yield
            if not self._in_a_hurry():
                await asyncio.sleep(PAUSE_S)
