"""From the bytes of tokens to text that may be shown."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class AnswerText:
    """Gives out whole characters, and nothing that is or may become a stop string.

    `text` is all that was given out, `said` included. Bytes that are no UTF-8 are dropped, as llama-cpp-python does.
    """

    def __init__(self, stops: Sequence[str], said: str = "") -> None:
        self._stops = tuple(stops)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="ignore")
        self._held = ""
        self._given = [said] if said else []
        self.stopped = False

    @property
    def text(self) -> str:
        return "".join(self._given)

    def feed(self, piece: bytes) -> str:
        """The text that a token's bytes set free. After a stop string has come, `stopped` is true."""
        if self.stopped:
            return ""
        held = self._held + self._decoder.decode(piece)
        if found := [at for at in map(held.find, self._stops) if at >= 0]:
            self.stopped = True
            self._held = ""
            return self._give(held[: min(found)])
        free = len(held) - self._may_become_stop(held)
        self._held = held[free:]
        return self._give(held[:free])

    def finish(self) -> str:
        """What was held back, once nothing more can come. Half a character is dropped."""
        held, self._held = self._held, ""
        return self._give(held)

    def _may_become_stop(self, held: str) -> int:
        """Length of the longest end of `held` that a stop string begins with."""
        longest = 0
        for stop in self._stops:
            for length in range(min(len(stop) - 1, len(held)), longest, -1):
                if held.endswith(stop[:length]):
                    longest = length
                    break
        return longest

    def _give(self, text: str) -> str:
        if text:
            self._given.append(text)
        return text
