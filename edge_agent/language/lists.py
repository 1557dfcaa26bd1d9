"""To-do and shopping lists: what is added, taken off and ticked off is said in free words."""

from __future__ import annotations

import re

from edge_agent.home import DeviceAction, Entity
from edge_agent.language.dialogue import Dialogue
from edge_agent.language.lexicon import ListWords
from edge_agent.language.plan import Act, Ask, Plan, Query
from edge_agent.language.vocabulary import EntityWords, Vocabulary
from edge_agent.language.words import plain

ARTICLES = frozenset({"the", "a", "an", "some", "my", "die", "der", "das", "den", "le", "la", "les", "l", "du", "de",
                      "des", "el", "los", "las", "un", "una", "il", "lo", "i", "gli"})  # fmt: skip
GENERIC = frozenset({"list", "liste", "lista"})


def list_plan(text: str, vocabulary: Vocabulary, dialogue: Dialogue) -> tuple[Plan | None, str | None]:
    """(None where it is not about a list, what else is said behind it)."""
    lists, words = vocabulary.lists, vocabulary.lexicon.lists
    if not lists or words is None:
        return None, None
    return ListSpeech(text.strip(" .!?。！？"), lists, words, dialogue, vocabulary).plan()


class ListSpeech:
    def __init__(
        self,
        text: str,
        lists: list[EntityWords],
        words: ListWords,
        dialogue: Dialogue,
        vocabulary: Vocabulary,
    ) -> None:
        self._lists, self._words, self._dialogue, self._vocabulary = lists, words, dialogue, vocabulary
        self._said, self._text = text, vocabulary.splitter.unified(text)

    def plan(self) -> tuple[Plan | None, str | None]:
        """(what is to be done with the list, what else is said behind that)."""
        for action, patterns in self._words.patterns.items():
            for pattern in patterns:
                if (match := pattern.search(self._text)) is not None:
                    plan = self._plan(action, match)
                    if plan is not None:
                        return plan, self._as_said(match, "rest") or self._wish_before(match)
        return self._and_that_too(), None

    def _wish_before(self, match: re.Match[str]) -> str | None:
        """ "Toaster on and add rice to the list"."""
        words = self._vocabulary.splitter.words(self._said[: match.start()])
        joins = bool(words) and self._vocabulary.lexicon.phrases.get((words[-1].plain,), ())
        joined = bool(words) and (words[-1].is_break or (joins and any(one.type == "join" for one in joins)))
        return self._said[: match.start()].rstrip(" ,;") if joined else None

    def _as_said(self, match: re.Match[str], group: str) -> str | None:
        """In the characters that it was said in."""
        start, end = match.span(group) if group in match.re.groupindex else (-1, -1)
        return self._said[start:end] if start >= 0 else None

    def _plan(self, action: str, match: re.Match[str]) -> Plan | None:
        groups = match.groupdict()
        named = groups.get("name") if groups.get("list") is None else groups["list"]
        if "name" in match.re.groupindex and not self._is_name(match["name"]):
            return None
        item = (self._as_said(match, "item") or "").strip(" ,.'\"")
        if match.groupdict().get("done"):
            item = f"{item} {match['done']}"  # "the gate's fixed" is "fix the gate"
        if action in ("items", "count_items"):
            entity = self._entity(named)
            return Query(action, (entity.id,)) if entity is not None and self._means_a_list(named) else None  # type: ignore[arg-type]
        if action == "contains":
            entity = self._entity(named) or self._holding(item)
            return Query("contains", (entity.id,), item=item) if entity is not None else None
        if named is None and action == "add_item":
            return None
        entity = self._entity(named) if named is not None else None
        if entity is None and action != "add_item":
            entity = self._holding(item)
        if entity is None:
            return self._which(named)
        if action == "add_item" and plain(item) in self._words.untold:
            return Ask("which_item", {"name": entity.name}, (entity.id,))
        items = self._items(item, entity, action)
        if not items:
            return None
        self._dialogue.entity_ids = (entity.id,)
        return Act(tuple(DeviceAction(entity.id, action, {"item": one}) for one in items))

    def _means_a_list(self, named: str | None) -> bool:
        return named is not None

    def _is_name(self, said: str) -> bool:
        """Whether a list is called just so."""
        spoken = frozenset(self._vocabulary.canonical(said)) - self._vocabulary.lexicon.small_words
        names = [name for one in self._lists for name in one.names]
        return bool(spoken) and any(spoken in (name, name - GENERIC, name | GENERIC) for name in names)

    def _which(self, named: str | None) -> Plan | None:
        candidates = tuple(words.entity.id for words in self._lists)
        return Ask("which_one", {}, candidates) if named is not None and len(candidates) > 1 else None

    def _entity(self, named: str | None) -> Entity | None:
        """The list of this name; the only one; the one spoken of."""
        whole = self._vocabulary.canonical(named or "")
        spoken = frozenset((*whole, *(part for word in whole for part in self._vocabulary.parts(word))))
        own = [words for words in self._lists if self._own(words) & spoken]
        if len(own) == 1:
            return own[0].entity
        if len(self._lists) == 1:
            return self._lists[0].entity
        if self._words.buying.search(self._text):
            shops = self._shops()
            if len(shops) == 1:
                return shops[0].entity
        recent = [words.entity for words in self._lists if words.entity.id in self._dialogue.entity_ids]
        return recent[0] if len(recent) == 1 else None

    def _own(self, words: EntityWords) -> frozenset[str]:
        """What only this list is called."""
        names = frozenset(word for name in words.names for word in name)
        others = frozenset(word for other in self._lists if other is not words for name in other.names for word in name)
        return names - others - GENERIC or names

    def _holding(self, item: str) -> Entity | None:
        item = self._words.article.sub("", item)
        holding = [words.entity for words in self._lists if _entry(item, words.entity) is not None]
        if len(holding) > 1 and self._words.buying.search(self._text):
            holding = [words.entity for words in self._shops() if words.entity in holding]
        return holding[0] if len(holding) == 1 else None

    def _shops(self) -> list[EntityWords]:
        """Lists of what is to be bought."""
        return [words for words in self._lists if any(name & self._words.bought for name in words.names)]

    def _items(self, item: str, entity: Entity, action: str) -> list[str]:
        whole = _entry(self._words.article.sub("", item), entity)
        if action != "add_item":
            several = [_entry(self._words.article.sub("", part), entity) for part in self._words.separator.split(item)]
            found = [whole] if whole is not None else [one for one in several if one is not None]
            return found if whole is not None or len(found) == len(several) else []
        if plain(item) in self._words.pronouns:
            return []
        parts = self._words.separator.split(item)
        return [self._words.article.sub("", part.strip()) for part in parts if part.strip()]

    def _and_that_too(self) -> Plan | None:
        """ "and jam", right after something was put on a list."""
        entity = next((words.entity for words in self._lists if words.entity.id in self._dialogue.entity_ids), None)
        match = self._words.more.fullmatch(self._text)
        if entity is None or match is None:
            return None
        return Act((DeviceAction(entity.id, "add_item", {"item": match["item"].strip()}),))


def _entry(item: str, entity: Entity) -> str | None:
    """The entry of the list that is meant, as it stands there."""
    wanted = _content(item)
    entries = entity.attributes.get("items")
    for entry in entries if isinstance(entries, list) else ():
        if wanted and wanted == _content(entry):
            return entry
    done = [entry for entry in entries if _stems(item) >= _stems(entry)] if isinstance(entries, list) else []
    return done[0] if len(done) == 1 else None


def _stems(text: str) -> set[str]:
    """ "Mowed the lawn" is "mow the lawn", done."""
    return {re.sub(r"(?<=\w\w\w)(?:ed|ing|s)$", "", word) for word in _content(text)}


def _content(text: str) -> set[str]:
    return set(re.findall(r"\w+", plain(text))) - ARTICLES
