"""What each stretch of a sentence may mean, before it is known what it means together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.language.lexicon import Lexicon, Meaning
from edge_agent.language.vocabulary import Vocabulary
from edge_agent.language.words import Word

BREAK = Meaning("break", "break")
NUMBER = Meaning("number", "number")


@dataclass(frozen=True)
class Mark:
    """`home`: canonical words that this home knows. `unknown`: a word that neither it nor the language does."""

    words: tuple[Word, ...]
    meanings: tuple[Meaning, ...] = ()
    home: tuple[str, ...] = ()
    unknown: str | None = None
    option: str | None = None  # as the device spells it

    @property
    def said(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def number(self) -> float | None:
        return self.words[0].number if len(self.words) == 1 else None

    def value(self, *types: str) -> str | None:
        """What it means in the first of these tables that it stands in."""
        for type_ in types:
            for meaning in self.meanings:
                if meaning.type == type_:
                    return meaning.value
        return None

    def has(self, type_: str, value: str | None = None) -> bool:
        return any(one.type == type_ and (value is None or one.value == value) for one in self.meanings)


def marks(words: Sequence[Word], lexicon: Lexicon, vocabulary: Vocabulary) -> list[Mark]:
    """The sentence from left to right; of the phrases that begin at a word the longest counts."""
    found: list[Mark] = []
    at = 0
    while at < len(words):
        mark = _mark_at(words, at, lexicon, vocabulary)
        found.append(mark)
        at += len(mark.words)
    return found


def _mark_at(words: Sequence[Word], at: int, lexicon: Lexicon, vocabulary: Vocabulary) -> Mark:
    word = words[at]
    if word.is_break:
        return Mark((word,), (BREAK,))
    name = _longest_name(words, at, lexicon, vocabulary)
    meant = _meant(words, at, lexicon, vocabulary)
    if meant is not None and len(meant.words) > len(name):
        return meant
    phrase = _longest_phrase(words, at, lexicon)
    if name and len(name) >= len(phrase):
        return Mark(name, home=tuple(lexicon.canonical(one.plain) for one in name))
    if len(phrase) > 1:
        return Mark(phrase, lexicon.phrases[_plain(phrase)])
    if (option := vocabulary.options.get((lexicon.canonical(word.plain),))) is not None and not phrase:
        return Mark((word,), option=option)
    meanings = lexicon.phrases.get(_plain(phrase), ()) if phrase else ()
    if word.number is not None:
        return Mark((word,), (NUMBER, *meanings), home=_known(word, lexicon, vocabulary))
    home = _known(word, lexicon, vocabulary)
    if meanings or home:
        return Mark((word,), meanings, home)
    return _loosely(words, at, lexicon, vocabulary)


def _meant(words: Sequence[Word], at: int, lexicon: Lexicon, vocabulary: Vocabulary) -> Mark | None:
    """A thing or place by another name than its own, where this home has it and nothing of that name."""
    for length in range(min(lexicon.longest, len(words) - at), 0, -1):
        stretch = tuple(words[at : at + length])
        for meaning in lexicon.phrases.get(_plain(stretch), ()):
            home = vocabulary.canonical(meaning.value) if meaning.type == "means" else ()
            known_itself = length == 1 and lexicon.canonical(stretch[0].plain) in vocabulary.words
            if home and vocabulary.has_name(frozenset(home)) and not known_itself:
                return Mark(stretch, home=home)
    return None


def _plain(words: Sequence[Word]) -> tuple[str, ...]:
    return tuple(word.plain for word in words)


def _known(word: Word, lexicon: Lexicon, vocabulary: Vocabulary) -> tuple[str, ...]:
    canonical = lexicon.canonical(word.plain)
    if canonical in vocabulary.words:
        return (canonical,)
    return _compound(word.plain, lexicon, vocabulary)


def _compound(word: str, lexicon: Lexicon, vocabulary: Vocabulary) -> tuple[str, ...]:
    """`wohnzimmerrollladen` → a word of this home and what it is: for languages that write such as one word."""
    for head in lexicon.compounds:
        if word.endswith(head) and len(word) > len(head) + 2:
            rest = word[: -len(head)].rstrip("-")
            for first in (rest, rest.removesuffix("s"), rest.removesuffix("n"), rest.removesuffix("en"), f"{rest}e"):
                if (canonical := lexicon.canonical(first)) in vocabulary.words:
                    return canonical, lexicon.canonical(head)
    return ()


def _longest_name(words: Sequence[Word], at: int, lexicon: Lexicon, vocabulary: Vocabulary) -> tuple[Word, ...]:
    for length in range(min(6, len(words) - at), 1, -1):
        stretch = tuple(words[at : at + length])
        if tuple(lexicon.canonical(word.plain) for word in stretch) in vocabulary.phrases:
            return stretch
    return ()


def _longest_phrase(words: Sequence[Word], at: int, lexicon: Lexicon) -> tuple[Word, ...]:
    for length in range(min(lexicon.longest, len(words) - at), 0, -1):
        stretch = tuple(words[at : at + length])
        if _plain(stretch) in lexicon.phrases:
            return stretch
    return ()


def _loosely(words: Sequence[Word], at: int, lexicon: Lexicon, vocabulary: Vocabulary) -> Mark:
    """A word that nobody knows: with the next one it may be a known one (`thermos tat`), or it is mistyped."""
    word = words[at]
    if at + 1 < len(words) and not words[at + 1].is_break and words[at + 1].number is None:
        both = word.plain + words[at + 1].plain
        canonical = lexicon.canonical(both)
        if canonical in vocabulary.words:
            return Mark(tuple(words[at : at + 2]), home=(canonical,))
        near = vocabulary.near(both) if len(both) > 4 and not _known(words[at + 1], lexicon, vocabulary) else None
        if near is not None and len(near) > 3:
            return Mark(tuple(words[at : at + 2]), home=(near,))
    near = vocabulary.near(lexicon.canonical(word.plain))
    if near is not None:
        return Mark((word,), home=(near,))
    return Mark((word,), unknown=word.plain)
