"""What is said of timers in one language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edge_agent.language.words import Word

Phrase = tuple[str, ...]  # plain words


class TimerWords:
    """The nouns that timers are called by, and what other words do beside them.

    Roles: cancel; more and less, for longer and shorter; ask; set; called, before a name; of, before its length.
    """

    def __init__(self, nouns: Iterable[Phrase], roles: Mapping[str, Iterable[Phrase]]) -> None:
        self._nouns = tuple(sorted(nouns, key=len, reverse=True))
        self._roles: dict[Phrase, frozenset[str]] = {}
        for role, phrases in roles.items():
            for words in phrases:
                self._roles[words] = self._roles.get(words, frozenset()) | {role}
        self._longest = max(map(len, self._roles), default=1)

    def speak_of_one(self, words: Sequence[Word]) -> bool:
        spoken = tuple(word.plain for word in words)
        return any(self.ends_with_noun(word) is not None for word in spoken) or any(
            spoken[at : at + len(noun)] == noun for noun in self._nouns for at in range(len(spoken))
        )

    def ends_with_noun(self, word: str) -> str | None:
        """The noun that a word is, or ends with: `nudeltimer`."""
        return next((noun for (noun, *more) in self._nouns if not more and word.endswith(noun)), None)

    def roles(self, stretches: Sequence[Sequence[Word]]) -> list[frozenset[str]]:
        """Of each stretch of a sentence: those of all phrases that it is part of."""
        spoken = [word.plain for stretch in stretches for word in stretch]
        of_words: list[set[str]] = [set() for _ in spoken]
        for start in range(len(spoken)):
            for length in range(1, self._longest + 1):
                for place in range(start, min(start + length, len(spoken))):
                    of_words[place] |= self._roles.get(tuple(spoken[start : start + length]), frozenset())
        found: list[frozenset[str]] = []
        at = 0
        for stretch in stretches:
            found.append(frozenset().union(*of_words[at : at + len(stretch)]))
            at += len(stretch)
        return found
