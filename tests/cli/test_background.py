from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from edge_agent.cli.background import Background
from edge_agent.errors import BrokerError


@asynccontextmanager
async def part(entering: Exception | None = None, leaving: Exception | None = None) -> AsyncIterator[list[str]]:
    if entering:
        raise entering
    said = [threading.current_thread().name]
    yield said
    if leaving:
        raise leaving


def test_a_part_lives_and_is_asked_in_a_thread_of_its_own() -> None:
    with Background(part) as background:
        assert background.call(lambda said: (said[0], threading.current_thread().name)) == ("background", "background")


def test_what_goes_wrong_while_it_is_entered_is_raised() -> None:
    with pytest.raises(BrokerError, match="away"), Background(lambda: part(BrokerError("away"))):
        pass


def test_what_goes_wrong_while_it_is_left_is_raised() -> None:
    with pytest.raises(BrokerError, match="gone"), Background(lambda: part(None, BrokerError("gone"))):
        pass


def test_what_goes_wrong_when_it_is_asked_is_raised_and_it_lives_on() -> None:
    with Background(part) as background:
        with pytest.raises(IndexError):
            background.call(lambda said: said[5])
        assert background.call(len) == 1
