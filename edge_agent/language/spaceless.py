"""Sentences without spaces, cut into words by what is known: fewest unknown characters, then fewest words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

IDEOGRAPHS = re.compile(r"[\u3400-\u9fff]+")
_RUNS = re.compile(r"[\u3400-\u9fff]+|[^\u3400-\u9fff]+")
# What they cost: an unknown character more than any number of words, a long number a little less than a word.
_UNKNOWN, _WORD, _LONG_NUMBER = 10_000, 10, 9


class Cutter:
    """Cuts runs of ideographs. `known`: each word, and the words that it is read as; `numbers` stay whole."""

    def __init__(self, known: Mapping[str, tuple[str, ...]], numbers: frozenset[str] = frozenset()) -> None:
        self._known = {word: read for word, read in known.items() if IDEOGRAPHS.fullmatch(word)}
        self._numbers = numbers
        self._longest = max(map(len, self._known), default=1)

    @classmethod
    def of(cls, words: Iterable[str], numbers: Iterable[str]) -> Cutter:
        numbers = frozenset(numbers)
        return cls({word: (word,) for word in (*words, *numbers)}, numbers)

    def knowing(self, words: Mapping[str, tuple[str, ...]]) -> Cutter:
        """One that knows these as well. What it knew already stays as it was."""
        return Cutter({**words, **self._known}, self._numbers)

    def cut(self, token: str) -> list[str]:
        """A token of ideographs, letters, or both, from left to right."""
        return [
            word
            for run in _RUNS.findall(token)
            for word in (self._cut_run(run) if IDEOGRAPHS.fullmatch(run) else [run])
        ]

    def _cut_run(self, run: str) -> list[str]:
        words: list[str] = []
        unknown = ""
        for piece in self._pieces(run):
            if piece not in self._known:
                unknown += piece
                continue
            words += [unknown] if unknown else []
            words, unknown = [*words, *self._known[piece]], ""
        return [*words, unknown] if unknown else words

    def _pieces(self, run: str) -> list[str]:
        """The cheapest way to cut; of equally good ones that with the longer words at the end."""
        costs, lengths = [0] * (len(run) + 1), [1] * (len(run) + 1)
        for end in range(1, len(run) + 1):
            costs[end] = costs[end - 1] + (_WORD if run[end - 1] in self._known else _UNKNOWN)
            for length in range(2, min(self._longest, end) + 1):
                word = run[end - length : end]
                cost = costs[end - length] + (_LONG_NUMBER if word in self._numbers else _WORD)
                if word in self._known and cost <= costs[end]:
                    costs[end], lengths[end] = cost, length
        pieces: list[str] = []
        end = len(run)
        while end:
            pieces.append(run[end - lengths[end] : end])
            end -= lengths[end]
        return pieces[::-1]
