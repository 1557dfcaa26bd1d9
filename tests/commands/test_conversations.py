"""What is remembered between commands, for how long and how much of it."""

from __future__ import annotations

import pytest

from edge_agent.commands import conversations as conversations_module
from edge_agent.commands.conversations import Conversations
from edge_agent.language import Turn
from edge_agent.settings import ConversationSettings


class Clock:
    """Stands in for the `time` module of the code under test: idle times are minutes."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(conversations_module, "time", clock)
    return clock


def turn(number: int) -> Turn:
    return Turn(f"question {number}", f"answer {number}")


def test_turns_come_back_oldest_first() -> None:
    conversations = Conversations(ConversationSettings())
    for number in range(3):
        conversations.add("kitchen", turn(number))
    assert conversations.turns("kitchen") == (turn(0), turn(1), turn(2))


def test_sessions_know_nothing_of_one_another() -> None:
    conversations = Conversations(ConversationSettings())
    conversations.add("kitchen", turn(1))
    assert conversations.turns("bath") == ()


@pytest.mark.parametrize("session", [None, ""])
def test_without_a_session_nothing_is_remembered(session: str | None) -> None:
    conversations = Conversations(ConversationSettings())
    conversations.add(session, turn(1))
    assert conversations.turns(session) == ()
    assert len(conversations) == 0


def test_the_oldest_turns_go_when_there_are_too_many() -> None:
    conversations = Conversations(ConversationSettings(max_turns=2))
    for number in range(5):
        conversations.add("kitchen", turn(number))
    assert conversations.turns("kitchen") == (turn(3), turn(4))


def test_no_turns_at_all_may_be_wanted() -> None:
    conversations = Conversations(ConversationSettings(max_turns=0))
    conversations.add("kitchen", turn(1))
    assert conversations.turns("kitchen") == ()


def test_the_session_longest_silent_goes_when_there_are_too_many() -> None:
    conversations = Conversations(ConversationSettings(max_sessions=2))
    for session in ("one", "two", "one", "three"):
        conversations.add(session, turn(1))
    assert [bool(conversations.turns(session)) for session in ("one", "two", "three")] == [True, False, True]
    assert len(conversations) == 2


def test_a_conversation_is_forgotten_after_its_silence_and_not_before(clock: Clock) -> None:
    conversations = Conversations(ConversationSettings(idle_s=60))
    conversations.add("kitchen", turn(1))
    clock.now_s += 60
    assert conversations.turns("kitchen") == (turn(1),)
    clock.now_s += 1
    assert conversations.turns("kitchen") == ()
    assert len(conversations) == 0


def test_a_new_turn_keeps_a_conversation_alive(clock: Clock) -> None:
    conversations = Conversations(ConversationSettings(idle_s=60))
    for number in range(3):
        conversations.add("kitchen", turn(number))
        clock.now_s += 50
    assert len(conversations.turns("kitchen")) == 3


def test_silent_conversations_take_no_room_once_another_speaks(clock: Clock) -> None:
    conversations = Conversations(ConversationSettings(idle_s=60))
    for number in range(50):
        conversations.add(f"session {number}", turn(number))
    clock.now_s += 61
    conversations.add("new", turn(1))
    assert len(conversations) == 1
