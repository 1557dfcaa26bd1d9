"""The words of a language, from its folder of data: what they mean for a home."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from unicode_rbnf import RbnfEngine

from edge_agent.language.words import Splitter, plain

LARGEST_SPELLED = 100


@dataclass(frozen=True)
class Meaning:
    """What a phrase means: `type` is the table of the lexicon it stands in, `value` its key there."""

    type: str
    value: str


@dataclass(frozen=True)
class ListWords:
    """How things are put on lists and taken off, as regular expressions over the sentence as said."""

    patterns: Mapping[str, tuple[re.Pattern[str], ...]]
    separator: re.Pattern[str]
    article: re.Pattern[str]
    more: re.Pattern[str]
    pronouns: frozenset[str]
    buying: re.Pattern[str]
    bought: frozenset[str]  # words in the names of lists of what is to be bought

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> ListWords:
        def compiled(pattern: str) -> re.Pattern[str]:
            return re.compile(pattern, re.IGNORECASE)

        return cls(
            patterns={name: tuple(map(compiled, some)) for name, some in table["patterns"].items()},
            separator=compiled(table["separator"]),
            article=compiled(table["article"]),
            more=compiled(table["more"]),
            pronouns=frozenset(table["pronouns"]),
            buying=compiled(table["buying"]),
            bought=frozenset(table["bought"]),
        )


class Lexicon:
    """Phrases of one language, found by their words."""

    def __init__(self, language: str, tables: Mapping[str, Any]) -> None:
        self.language = language
        self.splitter = Splitter(_numbers(language, tables), elides=bool(tables.get("elides")))
        self._singulars = {plain(k): plain(v) for k, v in tables.get("singular", {}).items()}
        self._plurals = {plain(k): plain(v) for k, v in tables.get("plurals", {}).items()}  # ends of words
        self._endings = tuple(tables.get("plural_endings", ()))
        several = tables.get("several")  # plurals that only the article or an accent tells
        self._several = re.compile(several, re.IGNORECASE) if several else None
        self._same = {
            self.stem(plain(word)): self.stem(plain(name))
            for name, words in tables.get("same", {}).items()
            for word in words
        }
        self.particles = frozenset(map(plain, tables.get("particles", ())))  # small words inside names: "de", "la"
        self.phrases: dict[tuple[str, ...], tuple[Meaning, ...]] = {}
        self.means: dict[tuple[str, ...], tuple[Meaning, ...]] = {}  # other names of what a home may have
        for table, entries in tables.items():
            if isinstance(entries, Mapping) and table not in (
                "same",
                "kinds",
                "singular",
                "numbers",
                "compounds",
                "plurals",
                "separable",
                "lists",
            ):
                self._add(table, entries)
        self.longest = max(map(len, (*self.phrases, *self.means)), default=1)
        self.kinds: dict[str, tuple[str, ...]] = {
            self.canonical(plain(word)): tuple(kinds) for kinds, word in _kind_words(tables.get("kinds", {}))
        }
        self.small_words = self.particles | {
            words[0]
            for words, found in self.phrases.items()
            if len(words) == 1 and any(one.type in ("article", "join", "quantity", "pronoun") for one in found)
        }
        self.sides = frozenset(
            words[0] for words, found in self.phrases.items() if len(words) == 1 and found[0].type == "side"
        )
        self.lists = ListWords.of(tables["lists"]) if "lists" in tables else None
        heads = map(plain, tables.get("compounds", {}).get("heads", ()))
        self.compounds = tuple(sorted(heads, key=len, reverse=True))
        self.separable: dict[tuple[str, str], tuple[Meaning, ...]] = _separable(tables.get("separable", {}))
        self.separable_starts = frozenset(verb for verb, _ in self.separable)

    def _add(self, table: str, entries: Mapping[str, Iterable[str]]) -> None:
        known = self.means if table == "means" else self.phrases
        for value, phrases in entries.items():
            for phrase in phrases:
                words = tuple(word.plain for word in self.splitter.words(phrase))
                known[words] = (*known.get(words, ()), Meaning(table, value))

    def stem(self, word: str) -> str:
        """A plural as its singular, roughly: names and speech are stemmed alike."""
        if (singular := self._singulars.get(word)) is not None:
            return singular
        for plural, singular in self._plurals.items():
            if word.endswith(plural):
                return word[: -len(plural)] + singular
        for ending in self._endings:
            if word.endswith(ending) and len(word) - len(ending) >= 3:
                return word[: -len(ending)]
        return word

    def without_particles(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """`lumiere de la cuisine` → `lumiere cuisine`; but `lamp a` stays: at the end it is none."""
        return (*(word for word in words[:-1] if word not in self.particles), *words[-1:])

    def is_plural(self, word: str) -> bool:
        return self.stem(word) != word

    def tells_several(self, word: str, before: str) -> bool:
        """Whether a word as it was said is a plural, behind the word `before`: `die Rollläden`, `die Fenster`."""
        return self._several is not None and self._several.search(f"{before} {word}") is not None

    def canonical(self, word: str) -> str:
        """One word for those that mean the same: `television`, `telly`, `tvs` → `tv`."""
        stem = self.stem(word)
        return self._same.get(stem, stem)


def _kind_words(kinds: Mapping[str, Iterable[str]]) -> Iterable[tuple[list[str], str]]:
    """([kind or kind:device_class, …], word); a word may stand under several."""
    by_word: dict[str, list[str]] = {}
    for kind, words in kinds.items():
        for word in words:
            by_word.setdefault(word, []).append(kind)
    return [(found, word) for word, found in by_word.items()]


def _separable(verbs: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], tuple[Meaning, ...]]:
    """(verb, its particle at the end of the clause) → what both mean together."""
    return {
        (plain(form), plain(particle)): tuple(Meaning(*_table_and_value(one)) for one in means)
        for verb in verbs.values()
        for form in verb["forms"]
        for particle, means in verb.items()
        if particle != "forms"
    }


def _table_and_value(meaning: str) -> tuple[str, str]:
    """`not.leave`; a bare word is a cue."""
    table, dot, value = meaning.partition(".")
    return (table, value) if dot else ("cue", meaning)


def _numbers(language: str, tables: Mapping[str, Any]) -> dict[tuple[str, ...], float]:
    engine = RbnfEngine.for_language(language)
    numbers: dict[tuple[str, ...], float] = {}
    bare = Splitter({}, elides=False)
    for number in range(2, LARGEST_SPELLED + 1):
        for text in engine.format_number(number).text_by_ruleset.values():
            numbers[tuple(word.plain for word in bare.words(text.replace("\xad", "").replace("-", " ")))] = number
    for value, phrases in tables.get("numbers", {}).items():
        for phrase in phrases:
            numbers[tuple(word.plain for word in bare.words(phrase))] = float(value)
    return numbers


@cache
def lexicon(language: str) -> Lexicon | None:
    """Of a BCP 47 tag; None for a language that has none."""
    base = language.split("-")[0].lower()
    file = files("edge_agent.language").joinpath("data", base, "lexicon.toml")
    return Lexicon(base, tomllib.loads(file.read_text("utf-8"))) if file.is_file() else None
