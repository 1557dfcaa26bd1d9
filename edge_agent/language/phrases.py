"""The words of a language: templates and word lists from its `replies.toml`, and how they are put together.

A template has values in braces, `{name}`, and in brackets words that agree with what is spoken of: `[is|are]` is
singular and plural, `allumé[|e|s|es]` is masculine and feminine in the singular, then both in the plural.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any, Literal

DATA = Path(__file__).parent / "data"
FALLBACK = "en"

# A form: which of the alternatives in brackets agrees.
MASCULINE, FEMININE, PLURAL = 0, 1, 2

_ALTERNATIVES = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
_ENDINGS = ".?!…。？！"
_DECIMALS_MOST = 3
_DECIMALS_OF_SMALL = 6


@dataclass(frozen=True)
class Said:
    """Words for one or several things, and the form that agrees with them."""

    text: str
    form: int = MASCULINE


@cache
def languages() -> frozenset[str]:
    """Those that there are words for, as BCP 47 language subtags."""
    return frozenset(path.parent.name for path in DATA.glob("*/replies.toml"))


def chosen(words: str, form: int) -> str:
    """The words with their alternatives decided."""

    def pick(match: re.Match[str]) -> str:
        alternatives = match[1].split("|")
        if len(alternatives) == 2:
            return alternatives[form // PLURAL]
        return alternatives[form] if len(alternatives) == 4 else match[0]

    return _ALTERNATIVES.sub(pick, words)


def together(forms: Sequence[int]) -> int:
    """The form of several things spoken of as one: feminine where all are."""
    if len(forms) == 1:
        return forms[0]
    return PLURAL + min((form % PLURAL for form in forms), default=MASCULINE)


class Phrases:
    """One language's templates and word lists, by table and key."""

    def __init__(self, language: str, document: Mapping[str, Any]) -> None:
        self.language = language
        self._tables = document
        self._format: Mapping[str, str] = document["format"]

    @classmethod
    def of(cls, language: str) -> Phrases:
        """For a BCP 47 tag: its language's, English where there is none."""
        base = re.split(r"[-_]", language.lower())[0]
        return _load(base if base in languages() else FALLBACK)

    def table(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._tables[name]
        return found

    def entries(self, name: str) -> Sequence[Mapping[str, Any]]:
        """An array of tables; none where the language has no need of it."""
        found: Sequence[Mapping[str, Any]] = self._tables.get(name, ())
        return found

    def has(self, table: str, key: str) -> bool:
        return key in self._tables[table]

    def fill(self, table: str, key: str, form: int = MASCULINE, /, **values: str) -> str:
        """The template, its alternatives decided and its values filled in. Raises KeyError where one is missing."""
        return chosen(self._tables[table][key], form).format_map(values)

    def listed(self, words: Iterable[str], last: Literal["and", "or", "time_and"] = "and") -> str:
        """ "a, b and c"."""
        *others, end = list(words) or [""]
        if not others:
            return end
        return self._format[last].format(first=self.enumerated(others), last=end)

    def enumerated(self, words: Iterable[str]) -> str:
        """ "a, b, c"."""
        return self._format["comma"].join(words)

    def clauses(self, clauses: Iterable[str]) -> str:
        """A sentence of several clauses."""
        return self.sentence(self._format["semicolon"].join(clauses))

    def sentence(self, words: str) -> str:
        """With a capital, unless it begins with a name like `iPad`, and a full stop."""
        words = words.strip()
        if words[:1].islower() and not words[1:2].isupper():
            words = words[0].upper() + words[1:]
        return words if not words or words[-1] in _ENDINGS else words + self._format["stop"]

    def sentences(self, sentences: Iterable[str]) -> str:
        return self._format["between_sentences"].join(sentence for sentence in sentences if sentence)

    def number(self, value: object) -> str:
        """As the device says it, with the language's decimal mark; a text that is no number stays as it is."""
        text = str(value).strip()
        if isinstance(value, bool) or not re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", text):
            return text
        if not isfinite(number := float(text)):
            return text
        if "." not in text and "e" not in text.lower():
            return text.removeprefix("+")
        decimals = _DECIMALS_MOST if abs(number) >= 10**-_DECIMALS_MOST else _DECIMALS_OF_SMALL
        digits = f"{number:.{decimals}f}".rstrip("0").rstrip(".")
        return digits.replace(".", self._format["decimal"])

    def measure(self, value: object, unit: str | None) -> str:
        """A number with its unit: 18.6 °C, 60%."""
        number = self.number(value)
        if unit == "%":
            return self._format["percent"].format(value=number)
        return f"{number} {unit}" if unit else number

    def duration(self, seconds: float) -> str:
        """In whole seconds; above an hour they don't matter."""
        whole = max(0, round(seconds))
        if whole >= 3600:
            whole = round(whole / 60) * 60
        days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
        counts = {"day": days, "hour": hours, "minute": minutes, "second": whole % 60}
        parts = [self._counted("units", unit, count) for unit, count in counts.items() if count]
        return self.listed(parts or [self._counted("units", "second", 0)], "time_and")

    def _counted(self, table: str, key: str, count: int) -> str:
        return self.fill(table, key, number_form(count), count=str(count))


def number_form(count: int) -> int:
    """The form that agrees with a number of things."""
    return MASCULINE if count == 1 else PLURAL


@cache
def _load(language: str) -> Phrases:
    with (DATA / language / "replies.toml").open("rb") as file:
        return Phrases(language, tomllib.load(file))
