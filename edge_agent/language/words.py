"""A sentence as words: one spelling of everything, numbers as numbers."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

BREAKS = frozenset(",;:.!?…–—")
TOKEN = re.compile(r"\d+(?:[.,:]\d+)?|[^\W\d_]+|%|°|[,;:.!?…–—]")
POSSESSIVE = re.compile(r"(?<=\w)['’]s?(?=\W|$)|(?<=\w)['’](?=\w)")
CJK = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class Word:
    """A word in its plain spelling; `number` where it is one. `text` is as it was said."""

    plain: str
    text: str
    number: float | None = None

    @property
    def is_break(self) -> bool:
        return self.plain in BREAKS


@lru_cache(4096)
def plain(text: str) -> str:
    """Without case and accents: `Küche` → `kuche`, `Straße` → `strasse`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("æ", "ae"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


class Splitter:
    """Sentences of one language into words. `elides`: an apostrophe ends a word (French `l'entrée`)."""

    def __init__(self, numbers: dict[tuple[str, ...], float], *, elides: bool) -> None:
        self._numbers, self._elides = numbers, elides
        self._longest = max(map(len, numbers), default=1)

    def words(self, sentence: str) -> list[Word]:
        sentence = sentence.replace("’", "'")
        sentence = sentence.replace("'", " ") if self._elides else sentence.replace("'", "")
        words = [Word(plain(found), found, _digits(found)) for found in TOKEN.findall(sentence)]
        return self._with_numbers([word for word in words if word.plain != "°"])

    def names(self, name: str) -> tuple[str, ...]:
        """The words of a name, without breaks; numbers stay as they are spelled."""
        return tuple(word.plain for word in self.words(name) if not word.is_break)

    def _with_numbers(self, words: list[Word]) -> list[Word]:
        """Number words as numbers: `twenty five` is one word, 25."""
        result: list[Word] = []
        at = 0
        while at < len(words):
            for length in range(min(self._longest, len(words) - at), 0, -1):
                spelled = tuple(word.plain for word in words[at : at + length])
                if (number := self._numbers.get(spelled)) is not None:
                    said = " ".join(word.text for word in words[at : at + length])
                    result.append(Word(" ".join(spelled), said, number))
                    at += length
                    break
            else:
                result.append(words[at])
                at += 1
        return result


def _digits(text: str) -> float | None:
    try:
        return float(text.replace(",", ".").replace(":", "."))
    except ValueError:
        return None
