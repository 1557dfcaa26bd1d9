"""What was said before in each session. In memory only: what people say is never written down."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from edge_agent.language import Turn
from edge_agent.settings import ConversationSettings


@dataclass
class _Conversation:
    turns: deque[Turn]
    last_used_s: float = field(default_factory=time.monotonic)


class Conversations:
    """Turns by session; a conversation is dropped after `idle_s` of silence, the longest silent first."""

    def __init__(self, settings: ConversationSettings) -> None:
        self._settings = settings
        self._sessions: OrderedDict[str, _Conversation] = OrderedDict()

    def turns(self, session: str | None) -> tuple[Turn, ...]:
        """Oldest first."""
        self._drop_idle()
        conversation = self._sessions.get(session) if session else None
        return tuple(conversation.turns) if conversation else ()

    def add(self, session: str | None, turn: Turn) -> None:
        if not session:
            return
        self._drop_idle()
        conversation = self._sessions.setdefault(session, _Conversation(deque(maxlen=self._settings.max_turns)))
        conversation.turns.append(turn)
        conversation.last_used_s = time.monotonic()
        self._sessions.move_to_end(session)
        while len(self._sessions) > self._settings.max_sessions:
            self._sessions.popitem(last=False)

    def __len__(self) -> int:
        return len(self._sessions)

    def _drop_idle(self) -> None:
        oldest_s = time.monotonic() - self._settings.idle_s
        while self._sessions and next(iter(self._sessions.values())).last_used_s < oldest_s:
            self._sessions.popitem(last=False)
