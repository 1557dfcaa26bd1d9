"""How fast those are told who are refused for being too many."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.commands.refusals import WAITING_MOST, Refusals
from edge_agent.commands.slots import Sender

FLOOD, POLITE = Sender("home/command/flood"), Sender("home/command/kitchen")


async def _tell(refusals: Refusals, sender: Sender, told: list[Sender]) -> None:
    async with refusals.turn(sender):
        told.append(sender)


async def test_the_first_is_told_at_once_and_a_flood_delays_another_sender_by_one_turn() -> None:
    refusals, told = Refusals(in_a_hurry=lambda: False), list[Sender]()
    async with asyncio.TaskGroup() as tasks:
        for sender in (*[FLOOD] * 5, POLITE):
            tasks.create_task(_tell(refusals, sender, told))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert told == [FLOOD]
    assert told == [FLOOD, POLITE, *[FLOOD] * 4]


async def test_a_pause_lies_between_two_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.commands.refusals.PAUSE_S", 1000.0)
    refusals, told = Refusals(in_a_hurry=lambda: False), list[Sender]()
    tasks = [asyncio.create_task(_tell(refusals, FLOOD, told)) for _ in range(2)]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await asyncio.gather(*tasks)
    assert told == [FLOOD]


async def test_there_is_no_pause_while_the_agent_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.commands.refusals.PAUSE_S", 1000.0)
    refusals, told = Refusals(in_a_hurry=lambda: True), list[Sender]()
    async with asyncio.timeout(10):
        await asyncio.gather(*(_tell(refusals, FLOOD, told) for _ in range(50)))
    assert len(told) == 50


async def test_where_too_many_wait_the_rest_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.commands.refusals.PAUSE_S", 1000.0)
    refusals, told = Refusals(in_a_hurry=lambda: False), list[Sender]()
    tasks = [asyncio.create_task(_tell(refusals, FLOOD, told)) for _ in range(WAITING_MOST + 10)]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    assert len(done) == 9
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert len(told) == 10  # the first, and the nine for whom there was no room
