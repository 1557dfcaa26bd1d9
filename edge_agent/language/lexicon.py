"""The words of a language, from its folder of data: what they mean for a home."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from unicode_rbnf import RbnfEngine

from edge_agent.language.spaceless import Cutter
from edge_agent.language.timer_words import TimerWords
from edge_agent.language.words import Splitter, Word

LARGEST_SPELLED = 100
SHORTEST_SLIP = 3  # letters
TABLES_OF_VERBS = frozenset({"cue", "want", "not", "question"})


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
    untold: frozenset[str]  # "something": what it is has to be asked
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
            untold=frozenset(table.get("untold", ())),
            buying=compiled(table["buying"]),
            bought=frozenset(table["bought"]),
        )


class Lexicon:
    """Phrases of one language, found by their words."""

    def __init__(self, language: str, tables: Mapping[str, Any]) -> None:
        self.language = language
        numbers = _numbers(language, tables)
        self.splitter = Splitter(
            numbers,
            elides=bool(tables.get("elides")),
            variants=_variants(tables),
            accented=frozenset(tables.get("accented", ())),
            umlauts=bool(tables.get("umlauts")),
        )
        plain = self.splitter.plain
        endings = sorted(tables.get("endings", {}).items(), key=lambda entry: -len(entry[0]))
        self._endings_of_verbs = tuple((ending, tuple(pronouns)) for ending, pronouns in endings)
        self.has_plurals = bool(tables.get("has_plurals", True))
        self.lasts_without_a_word = bool(tables.get("lasts_without_a_word"))  # "leave it open ten minutes"
        self.has_remarks = "remark" in tables
        self.asks_at_the_end = bool(tables.get("asks_at_the_end"))  # "the light is on or not?"
        self._elided: Mapping[str, str] = tables.get("elided", {})
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
        self.aspects = frozenset(map(self.canonical, map(plain, tables.get("aspects", ()))))  # of a thing, no thing
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
                "variants",
                "timers",
                "lists",
                "endings",
                "talk",
                "elided",
            ):
                self._add(table, entries)
        self.between = frozenset(map(plain, tables.get("between", ())))  # may stand within a phrase of `wish`
        self.wishes = self._long_wishes()
        self._talk = {self._plain_words(one) for some in tables.get("talk", {}).values() for one in some}
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
        self.timers = TimerWords(
            [words for words, found in self.phrases.items() if any(one.type == "timer" for one in found)],
            {role: [self._plain_words(one) for one in some] for role, some in tables.get("timers", {}).items()},
        )
        self._slip = lru_cache(1024)(self._find_slip)
        self.rooms = self._with_stems(tables.get("rooms", ()))  # of any home: said of another home they are missing
        self.ordinary = self._with_stems(tables.get("ordinary", ())) | self.rooms  # right, and no slip of another
        self.nouns = self._with_stems(tables.get("nouns", ()))  # behind an article things: "das Auto"
        self.distinct = [frozenset(map(self.canonical, map(plain, some))) for some in tables.get("distinct", ())]
        # "machine" alone names no coffee machine.
        self.generic = frozenset(map(self.canonical, self._with_stems(tables.get("generic", ()))))
        self.several = frozenset(map(plain, tables.get("several_pronouns", ())))  # "them": what was spoken of
        same = tables.get("same", {})
        self.keys_only = {self.stem(plain(name)) for name, words in same.items() if name not in words}  # never said
        self._cue_words = [
            words[0]
            for words, found in self.phrases.items()
            if len(words) == 1 and any(one.type in ("cue", "article", "join", "want", "unit") for one in found)
        ]
        self._verbs = frozenset(
            words[0] for words, found in self.phrases.items() if any(one.type == "verb" for one in found)
        )
        self.lists = ListWords.of(tables["lists"]) if "lists" in tables else None
        heads = map(plain, tables.get("compounds", {}).get("heads", ()))
        self.compounds = tuple(sorted(heads, key=len, reverse=True))
        self.verb_particles = frozenset(map(plain, tables.get("compounds", {}).get("particles", ())))
        self.separable: dict[tuple[str, str], tuple[Meaning, ...]] = _separable(tables.get("separable", {}), plain)
        self.separable_starts = frozenset(verb for verb, _ in self.separable)
        self.name_splitter = self.splitter
        if tables.get("spaceless"):
            counted = [word for words in numbers for word in words]
            named = list(_words_of_names(tables))
            self.name_splitter = self.splitter.cutting(Cutter.of(named, counted))
            said = [word for words in (*self.phrases, *self.means) for word in words]
            said += [word for words in tables.get("timers", {}).values() for word in words]
            self.splitter = self.splitter.cutting(Cutter.of([*named, *said, *tables.get("uncut", ())], counted))

    def _add(self, table: str, entries: Mapping[str, Iterable[str]]) -> None:
        known = self.means if table == "means" else self.phrases
        for value, phrases in entries.items():
            for words in dict.fromkeys(one for phrase in phrases for one in self._spellings(phrase)):
                known[words] = (*known.get(words, ()), Meaning(table, value))

    def _spellings(self, phrase: str) -> Iterator[tuple[str, ...]]:
        """As it stands before a consonant and before a vowel: `est ce que`, `est ce qu`."""
        words = self._plain_words(phrase)
        yield words
        if len(words) > 1 and (elided := self._elided.get(words[-1])) is not None:
            yield (*words[:-1], elided)

    def _long_wishes(self) -> dict[str, list[tuple[str, ...]]]:
        """Phrases of several words that say how it is, by their first."""
        found: dict[str, list[tuple[str, ...]]] = {}
        for words, meanings in self.phrases.items():
            if len(words) > 1 and any(one.type == "wish" for one in meanings):
                found.setdefault(words[0], []).append(words)
        return found

    def _with_stems(self, words: Iterable[str]) -> frozenset[str]:
        spelled = set(map(self.splitter.plain, words))
        return frozenset(spelled | set(map(self.stem, spelled)))

    def _plain_words(self, phrase: str) -> tuple[str, ...]:
        return tuple(word.plain for word in self.splitter.words(phrase))

    def is_talk(self, words: Iterable[str]) -> bool:
        """Whether plain words ask for words, not for deeds: "write a poem about a lamp"."""
        spelled = tuple(words)
        return any(spelled[at : at + len(one)] == one for one in self._talk for at in range(len(spelled)))

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

    def near(self, word: str) -> tuple[Meaning, ...]:
        """What a word means that is a slip of the finger away from one that says what to do; () where none is."""
        return () if word in self.ordinary else self._slip(word)

    def _find_slip(self, word: str) -> tuple[Meaning, ...]:
        return next((self.phrases[(known,)] for known in self._cue_words if _is_slip(word, known)), ())

    def begins_with_verb(self, words: Sequence[Word]) -> bool:
        """Whether they begin with a verb of what is asked for."""
        return bool(words) and words[0].plain in self._verbs

    def without_particles(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """`lumiere de la cuisine` → `lumiere cuisine`; but `lamp a` stays: at the end it is none."""
        return (*(word for word in words[:-1] if word not in self.particles), *words[-1:])

    def parted(self, word: str) -> tuple[str, ...]:
        """A verb and the pronouns that are written on to it: `apagalo` → `apaga`, `ello`; () where it is no such."""
        for ending, pronouns in self._endings_of_verbs:
            verb = word.removesuffix(ending)
            if verb != word and any(one.type in TABLES_OF_VERBS for one in self.phrases.get((verb,), ())):
                return verb, *pronouns
        return ()

    def is_plural(self, word: str) -> bool:
        return self.stem(word) != word

    def tells_several(self, word: str, before: str) -> bool:
        """Whether a word as it was said is a plural, behind the word `before`: `die Rollläden`, `die Fenster`."""
        return self._several is not None and self._several.search(f"{before} {word}") is not None

    def spellings(self, words: Collection[str]) -> dict[str, str]:
        """Other words that mean one of these, each with the one that it means."""
        return {word: meant for word, meant in self._same.items() if meant in words}

    def canonical(self, word: str) -> str:
        """One word for those that mean the same: `television`, `telly`, `tvs` → `tv`."""
        stem = self.stem(word)
        return self._same.get(stem, stem)


def _is_slip(word: str, meant: str) -> bool:
    """One letter too many, too few, another, or two the wrong way round, behind the right first one."""
    if len(meant) < SHORTEST_SLIP:
        return len(word) == len(meant) + 1 and len(set(meant)) > 1 and word == meant + meant[-1]  # `onn`
    if abs(len(word) - len(meant)) > 1 or (word[0] != meant[0] and set(word) != set(meant)):
        return False
    if len(word) == len(meant) == SHORTEST_SLIP:
        return sorted(word) == sorted(meant)
    from rapidfuzz.distance import OSA  # 5 MB, only for those who need it

    return OSA.distance(word, meant, score_cutoff=1) <= 1


def _kind_words(kinds: Mapping[str, Iterable[str]]) -> Iterable[tuple[list[str], str]]:
    """([kind or kind:device_class, …], word); a word may stand under several."""
    by_word: dict[str, list[str]] = {}
    for kind, words in kinds.items():
        for word in words:
            by_word.setdefault(word, []).append(kind)
    return [(found, word) for word, found in by_word.items()]


def _separable(
    verbs: Mapping[str, Mapping[str, Any]], plain: Callable[[str], str]
) -> dict[tuple[str, str], tuple[Meaning, ...]]:
    """(verb, its particle at the end of the clause) → what both mean together."""
    return {
        (plain(form), plain(particle)): tuple(Meaning(*_table_and_value(one)) for one in means)
        for verb in verbs.values()
        for form in verb["forms"]
        for particle, means in verb.items()
        if particle != "forms"
    }


def _words_of_names(tables: Mapping[str, Any]) -> Iterable[str]:
    """Words that names are made of."""
    for table in ("same", "kinds", "side", "scope"):
        for words in tables.get(table, {}).values():
            yield from words


def _variants(tables: Mapping[str, Any]) -> dict[int, str]:
    """Two strings as long as one another: characters, and what they are other ways to write."""
    variants = tables.get("variants", {})
    return dict(zip(map(ord, variants["written"]), variants["meant"], strict=True)) if variants else {}


def _table_and_value(meaning: str) -> tuple[str, str]:
    """`not.leave`; a bare word is a cue."""
    table, dot, value = meaning.partition(".")
    return (table, value) if dot else ("cue", meaning)


def _numbers(language: str, tables: Mapping[str, Any]) -> dict[tuple[str, ...], float]:
    engine = RbnfEngine.for_language(language)
    numbers: dict[tuple[str, ...], float] = {}
    bare = Splitter({}, elides=False, umlauts=bool(tables.get("umlauts")))
    for number in range(2, LARGEST_SPELLED + 1):
        for text in engine.format_number(number).text_by_ruleset.values():
            spelled = bare.names(text.replace("\xad", "").replace("-", " "))
            numbers[spelled] = number
            numbers |= dict.fromkeys(_counted_apart(spelled, number, numbers, tables), float(number))
            if half := tables.get("half_ending"):
                numbers[(*spelled[:-1], spelled[-1] + half)] = number + 0.5
    for value, phrases in tables.get("numbers", {}).items():
        for phrase in phrases:
            numbers[tuple(word.plain for word in bare.words(phrase))] = float(value)
    return numbers


def _counted_apart(
    spelled: tuple[str, ...], number: int, numbers: Mapping[tuple[str, ...], float], tables: Mapping[str, Any]
) -> Iterator[tuple[str, ...]]:
    """`zweiundzwanzig` as it is heard by machines: `zwei und zwanzig`."""
    joint = tables.get("joins_tens")
    tens = next((words[0] for words, value in numbers.items() if value == number // 10 * 10), "")
    ones = spelled[0].removesuffix(f"{joint}{tens}")
    if joint and tens and number % 10 and ones != spelled[0]:
        yield ones, joint, tens


@cache
def lexicon(language: str) -> Lexicon | None:
    """Of a BCP 47 tag; None for a language that has none."""
    base = language.split("-")[0].lower()
    file = files("edge_agent.language").joinpath("data", base, "lexicon.toml")
    return Lexicon(base, tomllib.loads(file.read_text("utf-8"))) if file.is_file() else None
