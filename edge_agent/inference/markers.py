"""Role markers: what a chat template writes to say who speaks, and people must not be able to."""

from __future__ import annotations

import re
from collections.abc import Iterable

# The markers of the usual chat formats, whatever this model's own are: models have seen each other's.
_USUAL = (
    r"<[|｜][^<>\s]{1,60}[|｜]>|</?s>|<(?:bos|eos|unk|pad|mask)>|<(?:start|end)_of_[a-z_]{1,20}>|<</?SYS>>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT)\]"
    r"|#{2,3} ?(?:System|User|Human|Assistant|Instruction|Input|Response):"
)
_LOOKS_LIKE_ONE = re.compile(r"[<\[{].+[>\]}]", re.DOTALL)
_MOST_PASSES = 10


def markers_in(literals: Iterable[str]) -> tuple[str, ...]:
    """The markers that a template itself writes, each once, in the order of their first use."""
    return tuple(dict.fromkeys(marker for text in literals for marker in re.findall(_USUAL, text)))


class MarkerBreaker:
    """Splits markers in what people or models wrote: `<|user|>` becomes `< |user|>`, which is no marker any more."""

    def __init__(self, special_texts: Iterable[str]) -> None:
        own = sorted((text for text in special_texts if _LOOKS_LIKE_ONE.fullmatch(text)), key=len, reverse=True)
        self._marker = re.compile("|".join([*map(re.escape, own), _USUAL]), re.IGNORECASE)

    def break_up(self, text: str) -> str:
        """The text with a blank behind the first character of each marker; unchanged where it holds none."""
        for _ in range(_MOST_PASSES):  # one pass misses a marker that overlaps the one before it
            broken = self._marker.sub(lambda match: f"{match[0][0]} {match[0][1:]}", text)
            if broken == text:
                return text
            text = broken
        return self._marker.sub("", text)
