"""States that do not last: a sensor falls silent, a motion sensor never says that it sees nobody any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.home.entity import Entity, Lapse
from edge_agent.home.registry import Record

Key = tuple[int, int]  # of the record, and which of its lapses


@dataclass
class _Pending:
    """`due_s` moves on with every message, on the loop's clock; the call looks whether it has come."""

    due_s: float
    call: asyncio.TimerHandle


class Lapses:
    """Calls `lapse` with an entity and the state that it has come to because nothing more was heard.

    There is one pending call for each lapse, however often its state is told.
    """

    def __init__(self, lapse: Callable[[Entity, str], None]) -> None:
        self._lapse = lapse
        self._pending: dict[Key, _Pending] = {}

    def told(self, record: Record) -> None:
        """Its state has just been heard."""
        for place, lapse in enumerate(record.entity.lapses):
            if lapse.of is not None and record.entity.state != lapse.of:
                self._cancel((id(record), place))
            else:
                self._begin_anew(record, place, lapse)

    def forget(self, record: Record) -> None:
        for place in range(len(record.entity.lapses)):
            self._cancel((id(record), place))

    def close(self) -> None:
        for key in list(self._pending):
            self._cancel(key)

    def _begin_anew(self, record: Record, place: int, lapse: Lapse) -> None:
        loop, key = asyncio.get_running_loop(), (id(record), place)
        due_s = loop.time() + lapse.after_s
        if (pending := self._pending.get(key)) is not None:
            pending.due_s = due_s
        else:
            self._pending[key] = _Pending(due_s, loop.call_at(due_s, self._look, record, place, lapse))

    def _look(self, record: Record, place: int, lapse: Lapse) -> None:
        loop, key = asyncio.get_running_loop(), (id(record), place)
        pending = self._pending[key]
        if loop.time() < pending.due_s:
            pending.call = loop.call_at(pending.due_s, self._look, record, place, lapse)
            return
        del self._pending[key]
        self._lapse(record.entity, lapse.state)

    def _cancel(self, key: Key) -> None:
        if (pending := self._pending.pop(key, None)) is not None:
            pending.call.cancel()
