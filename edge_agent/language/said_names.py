"""How devices and areas are called in a sentence: their names, with an article where the language wants one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_agent.home import Entity
from edge_agent.language.phrases import FEMININE, MASCULINE, PLURAL, Phrases, Said, number_form, together

MOST_NAMED = 3  # more are counted
# Kinds that people give a person's name: a single word that no list knows is one.
_NAMED_LIKE_PEOPLE = frozenset({"vacuum", "lawn_mower"})


@dataclass(frozen=True)
class _Noun:
    article: str
    form: int


class SaidNames:
    """A language's articles and forms, from `[names]` and `[[nouns]]`.

    `[names]`: `head`, the word that a name's form goes by, `first` or `last`; `article`, for names whose head is in no
    list; `bare`, words that want none at the front; `lower`, words that are written small inside a sentence;
    `endings`, true where a noun in the list is also the end of longer ones.
    """

    def __init__(self, phrases: Phrases) -> None:
        self._phrases = phrases
        rules = phrases.table("names")
        self._head_is_last = rules["head"] == "last"
        self._article: str = rules["article"]
        self._bare = frozenset(rules["bare"].split())
        self._endings: bool = rules["endings"]
        self._nouns: dict[str, _Noun] = {}
        for entry in phrases.entries("nouns"):
            noun = _Noun(entry.get("article", self._article), entry.get("form", MASCULINE))
            self._nouns |= dict.fromkeys(entry["words"].split(), noun)
        small = self._bare | frozenset(rules["lower"].split())
        self._lower = small | self._nouns.keys() if self._head_is_last else small

    def device(self, entity: Entity) -> Said:
        like_a_person = entity.kind in _NAMED_LIKE_PEOPLE and len(entity.name.split()) == 1
        return self._said(entity.name, like_a_person=like_a_person)

    def called(self, name: str) -> Said:
        """An area, or a device that only its name is known of."""
        return self._said(name, like_a_person=False)

    def devices(self, entities: Sequence[Entity], most: int = MOST_NAMED) -> Said:
        """Their names, or how many of what there are where they are more than `most`."""
        if len(entities) > most:
            return self.counted(entities)
        said = [self.device(entity) for entity in entities]
        return Said(self._phrases.listed(one.text for one in said), together([one.form for one in said]))

    def counted(self, entities: Sequence[Entity]) -> Said:
        """ "4 lights"."""
        noun = self.noun(entities, len(entities))
        text = self._phrases.fill("format", "counted", noun.form, count=str(len(entities)), kind=noun.text)
        return Said(text, noun.form)

    def noun(self, entities: Sequence[Entity], count: int) -> Said:
        """What they are called together: lights, or devices where they are of several kinds."""
        kinds = self._phrases.table("kinds")
        keys = {_kind_key(entity, kinds) for entity in entities}
        words = {tuple(kinds[key]) for key in keys}
        one, many, gender = words.pop() if len(words) == 1 else kinds["device"]
        form = number_form(count) + (FEMININE if gender == "f" else MASCULINE)
        return Said(many if form >= PLURAL else one, form)

    def _said(self, name: str, *, like_a_person: bool) -> Said:
        words = name.split()
        noun = next((found for word in self._by_weight(words) if (found := self._noun(word)) is not None), None)
        form = MASCULINE if noun is None else noun.form
        article = self._article_of(words, noun, like_a_person)
        if article and not self._head_is_last:
            words = [_small(words[0]), *words[1:]]
        return Said(article + " ".join(self._in_sentence(word) for word in words), form)

    def _article_of(self, words: Sequence[str], noun: _Noun | None, like_a_person: bool) -> str:
        first = words[0].casefold() if words else ""
        if first in self._bare or first.endswith(("'s", "’s", "s'")):
            return ""
        if noun is None:
            return "" if like_a_person else self._article
        # "Salon lampe" has its noun behind: an article in front would be the wrong one.
        return noun.article if self._head_is_last or self._noun(words[0]) is noun else ""

    def _by_weight(self, words: Sequence[str]) -> Iterator[str]:
        """Where the last word tells, only that one does."""
        return iter(words[-1:] if self._head_is_last else words)

    def _noun(self, word: str) -> _Noun | None:
        word = word.casefold()
        if not self._endings or word in self._nouns:
            return self._nouns.get(word)
        ends = (self._nouns.get(word[start:]) for start in range(1, len(word) - 2))
        return next((noun for noun in ends if noun is not None), None)

    def _in_sentence(self, word: str) -> str:
        return _small(word) if word.casefold() in self._lower else word


def _small(word: str) -> str:
    """Without its capital; a word like `TV` has no such."""
    return word if word[1:].lower() != word[1:] or len(word) < 2 else word.lower()


def _kind_key(entity: Entity, kinds: Mapping[str, object]) -> str:
    exact = f"{entity.kind}_{entity.device_class}"
    return next((key for key in (exact, entity.kind) if key in kinds), "device")
