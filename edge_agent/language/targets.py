"""Which devices a reference means: one, several on purpose, none, or one of several that fit equally."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from edge_agent.home import Entity
from edge_agent.language.clause import Reference
from edge_agent.language.lexicon import Lexicon
from edge_agent.language.vocabulary import SMALL_WORDS, EntityWords, Vocabulary, means

Fits = Callable[[Entity], bool]

# Rooms and floors that people call so, whatever their names are; in the canonical words of the language's lexicon.
OUTDOOR_AREAS = frozenset({"garden", "terrace", "balcony", "patio", "yard", "driveway", "pool", "outside", "porch",
                           "garten", "terrasse", "balkon", "hof", "jardin", "cour", "balcon", "exterieur",
                           "piscine", "allee", "potager", "pergola", "terraza", "piscina", "porche",
                           "giardino", "terrazza", "balcone", "cortile", "exterior", "esterno"})  # fmt: skip
GROUND_FLOORS = frozenset({"ground", "downstairs", "erdgeschoss", "rez", "parterre", "baja", "bajo", "terra",
                           "pianterreno"})  # fmt: skip
LOW_FLOORS = frozenset({"basement", "cellar", "keller", "untergeschoss", "sous", "cave", "sotano", "interrato",
                        "seminterrato", "cantina"})  # fmt: skip


SIDES = frozenset({"left", "right"})


@dataclass(frozen=True)
class Found:
    """`entities` are meant, all of them; or, where `ambiguous`, one of them. `missing` is what nothing is called."""

    entities: tuple[EntityWords, ...] = ()
    ambiguous: bool = False
    missing: str | None = None
    unfit: tuple[EntityWords, ...] = ()  # named, but not able to do that
    doubtful: bool = False  # only what many things are was said of its name: "the machine"


class Targets:
    """Resolves references in one home; `area` is where the person is."""

    def __init__(self, vocabulary: Vocabulary, lexicon: Lexicon, area: str | None) -> None:
        self._vocabulary, self._lexicon = vocabulary, lexicon
        self._area = area

    def find(self, reference: Reference, fits: Fits, *, prefer: Fits | None = None) -> Found:
        """As `_found`; "here" is nowhere in particular where nobody knows where the person is."""
        found = self._found(reference, fits, prefer=prefer)
        is_nowhere = reference.scope == "here" and self._area is None
        several_rooms = len({words.entity.area for words in found.entities}) > 1
        return replace(found, ambiguous=True) if is_nowhere and several_rooms else found

    def _found(self, reference: Reference, fits: Fits, *, prefer: Fits | None) -> Found:
        """`fits`: whether an entity can do what is wished; `prefer` chooses among several that are meant equally."""
        is_elsewhere = not self._lexicon.rooms.isdisjoint(reference.unknown)
        if is_elsewhere or (reference.unknown and not self._is_well_named(reference)):
            return Found(missing=reference.said)
        spoken = frozenset(reference.words)
        scope = self._within(spoken, reference)
        able = [words for words in scope if fits(words.entity)]
        named = self._named(spoken, able, reference)
        if named:
            return replace(self._chosen(named, reference, prefer), doubtful=self._is_doubtful(spoken, named))
        unfit = self._named(spoken, scope, reference) if spoken else []
        there = self._within(spoken - self._specific(spoken), reference)
        group = self._group(spoken, [words for words in there if fits(words.entity)], reference)
        if not group:
            is_of_a_kind = spoken and not self._specific(spoken)
            unfit = unfit or (self._group(spoken, there, reference) if is_of_a_kind else [])
            return Found(missing=reference.said or None, unfit=tuple(unfit))
        if self._specific(spoken):
            return Found(missing=reference.said, unfit=tuple(unfit))
        return self._from_group(group, reference, prefer)

    def _within(self, words: frozenset[str], reference: Reference) -> list[EntityWords]:
        """What all of `words` may mean, in the scope of the reference."""
        known = self._vocabulary.known_by(words - SMALL_WORDS)
        places = words & self._vocabulary.place_words
        area = self._vocabulary.area_names.get(places)
        return [
            one
            for one in known
            if self._in_scope(one, reference)
            and (area is None or one.entity.area in (area.name, None) or places <= one.named_by(words))
        ]

    def _is_doubtful(self, spoken: frozenset[str], named: Sequence[EntityWords]) -> bool:
        specific = self._specific(spoken)
        is_whole = any(words.fully_named_by(spoken) for words in named)
        says_little = specific <= self._lexicon.generic or spoken <= self._lexicon.rooms  # "the wine", "the cellar"
        return bool(specific) and says_little and not is_whole

    def _is_well_named(self, reference: Reference) -> bool:
        """A whole name with other words around it is still that name."""
        spoken = frozenset(reference.words)
        return any(words.fully_named_by(spoken) > 1 for words in self._vocabulary.entities)

    def _specific(self, spoken: frozenset[str]) -> frozenset[str]:
        """Words that only a name has: neither a kind of device nor a place."""
        rest = spoken - self._lexicon.kinds.keys() - self._vocabulary.place_words
        return rest - SMALL_WORDS if spoken & self._vocabulary.floor_words else rest

    def _named(self, spoken: frozenset[str], among: Sequence[EntityWords], reference: Reference) -> list[EntityWords]:
        """Those that are called so: whole names first, the longest; else what has all its special words."""
        explained = [words for words in among if self._explains(words, spoken)]
        if reference.plural_kinds(self._lexicon) and reference.quantity is None:
            spelled = self._spelled(explained, reference)  # "the spots", where one light is called "Spots"
            if len(spelled) == 1:
                return spelled
        whole = {words.entity.id: words.fully_named_by(spoken) for words in explained}
        longest = max(whole.values(), default=0)
        if longest and not reference.plural_kinds(self._lexicon):
            best = [words for words in explained if whole[words.entity.id] == longest]
            if self._means_the_room(reference, best):
                return []
            if longest > 1 or self._specific(spoken) or len(spoken) == 1:
                return self._sided(self._called_just_so(best, reference), reference)
        specific = self._specific(spoken)
        if not specific:
            return []
        fitting = [words for words in explained if specific <= words.named_by(spoken) and _may_be_short(words, spoken)]
        most = max((len(words.named_by(spoken)) for words in fitting), default=0)
        return self._sided([words for words in fitting if len(words.named_by(spoken)) == most], reference)

    def _called_just_so(self, found: list[EntityWords], reference: Reference) -> list[EntityWords]:
        """The lamp under the shelf, not the lamp over the shelf."""
        return self._spelled(found, reference) or found

    def _spelled(self, found: list[EntityWords], reference: Reference) -> list[EntityWords]:
        """Those with a name that is spelled as it is said."""
        said = self._lexicon.splitter.names(reference.said)
        return [
            one
            for one in found
            if any(self._lexicon.splitter.names(name) == said for name in (one.entity.name, *one.entity.aliases))
        ]

    def _means_the_room(self, reference: Reference, named: Sequence[EntityWords]) -> bool:
        """ "The lights of the hall" are all there are, even where one of them is called "light of the hall"."""
        if not reference.plural or not self._is_room_light(reference) or self._specific(frozenset(reference.words)):
            return False
        names = (name for one in named for name in (one.entity.name, *one.entity.aliases))
        return not any(self._lexicon.is_plural(word) for name in names for word in self._lexicon.splitter.names(name))

    def _explains(self, words: EntityWords, spoken: frozenset[str]) -> bool:
        rest = spoken - words.named_by(spoken) - words.kinds - words.area - words.floor - SMALL_WORDS
        return not rest

    def _sided(self, found: list[EntityWords], reference: Reference) -> list[EntityWords]:
        if reference.side is None:
            return found
        sided = [words for words in found if any(reference.side in name for name in words.names)]
        other = SIDES - {reference.side}
        return sided or [words for words in found if not any(other & name for name in words.names)]

    def _group(self, spoken: frozenset[str], among: Sequence[EntityWords], reference: Reference) -> list[EntityWords]:
        """All of a kind, in a place: "the lights in the hall"."""
        kinds = {word for word in spoken if word in self._lexicon.kinds}
        places = spoken & self._vocabulary.place_words - SMALL_WORDS
        found = [words for words in among if places <= words.area | words.floor | words.named_by(spoken)]
        for word in kinds - places:
            found = [words for words in found if word in words.kinds or word in words.named_by(spoken)]
        # "the bedroom" is not the guest bedroom, where there is a bedroom.
        area = self._vocabulary.area_names.get(places)
        exact = [words for words in found if area is not None and words.entity.area == area.name]
        return self._sided(exact or found, reference)

    def _from_group(self, group: list[EntityWords], reference: Reference, prefer: Fits | None) -> Found:
        if reference.quantity == "both":
            return _pair(group)
        if reference.quantity == "all" or len(group) == 1:
            return Found(tuple(group))
        here = self._near(group, reference)
        if here is not None:
            group = here
            if self._may_be_several(reference) or len(group) == 1:
                return Found(tuple(group))
        lights = all(words.entity.kind == "light" for words in group)
        if not reference.plural and not (lights and self._is_room_light(reference)):
            group = self._best_named(group, reference)
        if self._may_be_several(reference) and self._has_place(reference):
            return Found(tuple(group))
        return self._chosen(group, reference, prefer, one_of_a_group=True)

    def _may_be_several(self, reference: Reference) -> bool:
        """A plural; where a language has none, any word for a kind."""
        is_of_a_kind = any(word in self._lexicon.kinds for word in reference.words)
        return reference.plural or (is_of_a_kind and not self._lexicon.has_plurals)

    def _best_named(self, group: list[EntityWords], reference: Reference) -> list[EntityWords]:
        """Of a kind, those in whose names most of the words stand."""
        spoken = frozenset(reference.words)
        being = [words for words in group if spoken & words.kinds]
        if len(being) == 1:  # the TV, and not the lamp behind the TV
            return being
        most = max(len(words.named_by(spoken)) for words in group)
        return [words for words in group if len(words.named_by(spoken)) == most]

    def _near(self, group: list[EntityWords], reference: Reference) -> list[EntityWords] | None:
        """Those where the person is; None where that does not matter or nothing is there."""
        if self._area is None or (self._has_place(reference) and reference.scope != "here"):
            return None
        here = [words for words in group if words.entity.area == self._area]
        return here or None

    def _has_place(self, reference: Reference) -> bool:
        return bool(frozenset(reference.words) & self._vocabulary.place_words) or reference.scope is not None

    def _chosen(
        self, found: list[EntityWords], reference: Reference, prefer: Fits | None, *, one_of_a_group: bool = False
    ) -> Found:
        if reference.quantity == "both":
            return _pair(found)
        if len(found) == 1 or (reference.quantity in ("all", "both")) or (reference.plural and not one_of_a_group):
            return Found(tuple(found))
        here = self._near(found, reference)
        if here is not None:
            found = here
        if len(found) > 1 and prefer is not None:
            preferred = [words for words in found if prefer(words.entity)]
            found = preferred if len(preferred) == 1 else found
        in_a_room = here is not None or self._has_place(reference)
        if in_a_room and all(words.entity.kind == "light" for words in found) and self._is_room_light(reference):
            return Found(tuple(found))
        return Found(tuple(found), ambiguous=len(found) > 1)

    def _is_room_light(self, reference: Reference) -> bool:
        """ "The light" of a room is all the light there is in it."""
        if self._has_place(reference) and set(reference.words) <= self._vocabulary.place_words | SMALL_WORDS:
            return True  # "the hall in blue", "a bit darker here"
        kinds = {word for word in reference.words if "light" in self._lexicon.kinds.get(word, ())}
        return kinds == {self._lexicon.canonical("light")}

    def _in_scope(self, words: EntityWords, reference: Reference) -> bool:
        match reference.scope:
            case "upstairs":
                return self._is_upstairs(words) or "upstairs" in {word for name in words.names for word in name}
            case "downstairs":
                return self._is_downstairs(words) or "downstairs" in {word for name in words.names for word in name}
            case "outside":
                own = {word for name in words.names for word in name}
                return bool((words.area | own) & OUTDOOR_AREAS)
            case "here":
                return self._area is None or words.entity.area == self._area
            case _:
                return True

    def _is_upstairs(self, words: EntityWords) -> bool:
        return bool(words.floor) and not words.floor & (GROUND_FLOORS | LOW_FLOORS)

    def _is_downstairs(self, words: EntityWords) -> bool:
        return bool(words.floor & GROUND_FLOORS)


def _may_be_short(words: EntityWords, spoken: frozenset[str]) -> bool:
    """Scenes are called by their whole names: half of one is something else."""
    return words.entity.kind not in ("scene", "script") or bool(words.fully_named_by(spoken) or spoken & words.kinds)


def _pair(found: Sequence[EntityWords]) -> Found:
    """ "Both" are two: of more than two those that are in one room."""
    by_area: dict[str | None, list[EntityWords]] = {}
    for words in found:
        by_area.setdefault(words.entity.area, []).append(words)
    pairs = [some for some in by_area.values() if len(some) == 2]
    if len(found) > 2 and len(pairs) == 1:
        return Found(tuple(pairs[0]))
    return Found(tuple(found), ambiguous=len(found) > 2)


def of_kinds(*kinds: str) -> Fits:
    """`kind` or `kind:device_class`."""
    return lambda entity: means(kinds, entity)


def both(first: Fits, second: Fits) -> Fits:
    return lambda entity: first(entity) and second(entity)


def unique(found: Iterable[EntityWords]) -> tuple[EntityWords, ...]:
    return tuple({words.entity.id: words for words in found}.values())
