"""What a conversation was about: for "it", "the other one", "and the kitchen", and for answers to our questions."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from edge_agent.home import DeviceAction
from edge_agent.language.clause import Clause
from edge_agent.language.plan import Act, Ask, TimerWish


@dataclass
class Dialogue:
    """One conversation. `question` is ours, still open; `wish` what it was asked for, or `timer_wish`."""

    entity_ids: tuple[str, ...] = ()  # last spoken of
    clause: Clause | None = None  # last understood
    question: Ask | None = None
    wish: Clause | None = None
    timer_wish: TimerWish | None = None
    unconfirmed: Act | None = None  # waits for a yes
    used_s: float = field(default_factory=time.monotonic)

    def acted(self, actions: Sequence[DeviceAction]) -> None:
        self.entity_ids = tuple(dict.fromkeys(action.entity_id for action in actions))

    def asked(self, question: Ask, wish: Clause | None) -> None:
        self.question, self.wish = question, wish

    def closed(self) -> None:
        """Our question is answered, or no longer of interest."""
        self.question = self.wish = self.timer_wish = self.unconfirmed = None


class Dialogues:
    """By session; forgotten when silent for long, the longest silent first."""

    def __init__(self, idle_s: float, most: int) -> None:
        self._idle_s, self._most = idle_s, most
        self._sessions: OrderedDict[str, Dialogue] = OrderedDict()

    def of(self, session: str | None) -> Dialogue:
        """The conversation of this session; a new one, kept by nobody, where there is no session."""
        if session is None:
            return Dialogue()
        dialogue = self._sessions.pop(session, None)
        if dialogue is None or time.monotonic() - dialogue.used_s > self._idle_s:
            dialogue = Dialogue()
        dialogue = replace(dialogue, used_s=time.monotonic())
        self._sessions[session] = dialogue
        while len(self._sessions) > self._most:
            self._sessions.popitem(last=False)
        return dialogue
