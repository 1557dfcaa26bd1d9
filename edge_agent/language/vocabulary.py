"""The words of this home: what its devices, rooms and floors are called, also when said loosely."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from edge_agent.home import Area, Entity
from edge_agent.language.lexicon import Lexicon
from edge_agent.language.spaceless import IDEOGRAPHS

# In "ground floor" they say nothing alone.
SMALL_WORDS = frozenset({"floor", "etage", "geschoss", "stock", "piso", "piano", "planta", "verdieping"})
SHORTEST_LOOSE = 3  # letters: shorter words are taken as they are


@dataclass(frozen=True)
class EntityWords:
    """An entity by the words that may mean it. `names`: its name and aliases, each as the set of its words."""

    entity: Entity
    names: tuple[frozenset[str], ...]
    kinds: frozenset[str]  # "light", "blind": words for what it is
    area: frozenset[str]
    floor: frozenset[str]

    def named_by(self, words: frozenset[str]) -> frozenset[str]:
        """Those of `words` that its best fitting name has."""
        return max((name & words for name in self.names), key=len)

    def fully_named_by(self, words: frozenset[str]) -> int:
        """How many words the longest of its names has that is said whole; 0: none is."""
        return max((len(name) for name in self.names if name <= words), default=0)


class Vocabulary:
    """All words of one home in one language."""

    def __init__(self, lexicon: Lexicon, entities: Iterable[Entity], areas: Mapping[str, Area]) -> None:
        self.lexicon = lexicon
        self._areas = {area.name: area for area in areas.values()}
        self.words: frozenset[str] = frozenset()
        self._name_splitter = lexicon.name_splitter.knowing(self._place_names())
        self._places = {
            word for area in areas.values() for name in (area.name, *area.aliases) for word in self.canonical(name)
        }
        self.area_names = {
            self._set(name): area for area in areas.values() for name in (area.name, *area.aliases) if self._set(name)
        }
        self.floors = {self._set(area.floor): area.floor for area in areas.values() if area.floor}
        self.entities = [self._entity_words(entity) for entity in entities]
        self._by_word = self._index()
        self.lists = [words for words in self.entities if words.entity.kind == "todo"]
        self.phrases = self._phrases()
        names = {word for words in self.entities for name in words.names for word in name}
        places = {word for name in self.area_names for word in name}
        # "first" is a floor only in "first floor".
        places |= {word for name in self.floors if len(name) == 1 for word in name}
        self.options = self._options()
        self.words = frozenset(names | places | set(lexicon.kinds)) - lexicon.small_words
        self.floor_words = frozenset(word for name in self.floors for word in name) - SMALL_WORDS
        self.place_words = frozenset(places | self.floor_words)
        self.splitter = lexicon.splitter.knowing(self._said_as())
        here = self.words & (names | places | {word for words in self.entities for word in words.kinds})
        sayable = here - (lexicon.keys_only - self._spelled_in_names())
        self._here = {word: word for word in sayable} | lexicon.spellings(here)  # spelling → word
        self._loose = lru_cache(2048)(self._find_loosely)

    def known_by(self, words: frozenset[str]) -> list[EntityWords]:
        """The entities that every one of `words` may mean, by name, kind or place; without words all."""
        if not words:
            return self.entities
        found = set.intersection(*(self._by_word.get(word, set()) for word in words))
        return [self.entities[at] for at in sorted(found)]

    def _index(self) -> dict[str, set[int]]:
        """Word → places in `entities`."""
        index: dict[str, set[int]] = {}
        for at, entity in enumerate(self.entities):
            for word in entity.area.union(entity.floor, entity.kinds, *entity.names):
                index.setdefault(word, set()).add(at)
        return index

    def _set(self, name: str) -> frozenset[str]:
        return frozenset(self.canonical(name))

    def canonical(self, name: str) -> tuple[str, ...]:
        words = self._name_splitter.names(name)
        return tuple(map(self.lexicon.canonical, self.lexicon.without_particles(words)))

    def _spelled_in_names(self) -> set[str]:
        """The words of all names as they are written, but for plurals."""
        names = [name for words in self.entities for name in (words.entity.name, *words.entity.aliases)]
        names += [name for area in self._areas.values() for name in (area.name, *area.aliases, area.floor) if name]
        return {self.lexicon.stem(word) for name in names for word in self._name_splitter.names(name)}

    def _place_names(self) -> dict[str, tuple[str, ...]]:
        """The names of areas and floors, each as one word."""
        names = [name for area in self._areas.values() for name in (area.name, *area.aliases, area.floor) if name]
        return {name: (name,) for name in map(self.lexicon.splitter.unified, names)}

    def _said_as(self) -> dict[str, tuple[str, ...]]:
        """Names of this home and their words → the words that they are read as, to be found where no space tells."""
        names = [name for words in self.entities for name in (words.entity.name, *words.entity.aliases)]
        read = {self.lexicon.splitter.unified(name): self._name_splitter.names(name) for name in names}
        parts = {part: (part,) for words in read.values() for part in words}
        return {**read, **parts, **self._place_names()}

    def _entity_words(self, entity: Entity) -> EntityWords:
        area = self._areas.get(entity.area or "")
        place = {word for name in ((area.name, *area.aliases) if area else ()) for word in self.canonical(name)}
        said = [self._set(name) for name in (entity.name, *entity.aliases)]
        said += [taken_apart for name in said if (taken_apart := self._taken_apart(name)) != name]
        names = tuple(filter(None, said)) or (frozenset({entity.id}),)
        return EntityWords(
            entity=entity,
            names=names,
            kinds=self._kinds(entity, names),
            area=frozenset(place),
            floor=self._set(area.floor) if area and area.floor else frozenset(),
        )

    def _kinds(self, entity: Entity, names: Iterable[frozenset[str]]) -> frozenset[str]:
        """Words for what it is; a player that is called TV is no radio."""
        words = frozenset(word for word, kinds in self.lexicon.kinds.items() if means(kinds, entity))
        called = frozenset(word for name in names for word in name)
        return words - {word for some in self.lexicon.distinct if some & called for word in some - called}

    def _taken_apart(self, name: frozenset[str]) -> frozenset[str]:
        return frozenset(part for word in name for part in self.parts(word) or (word,))

    def parts(self, word: str) -> tuple[str, ...]:
        """`küchenlicht` → kitchen and light, for languages that write such as one word; () where it is no such word."""
        head = next(
            (head for head in self.lexicon.compounds if word.endswith(head) and len(word) > len(head) + 2), None
        )
        if head is None:
            return ()
        rest = word[: -len(head)]
        forms = [self.lexicon.canonical(form) for form in (rest, *_unlinked(rest))]
        known = (self._places, self.lexicon.kinds, self.words)
        first = next((form for words in known for form in forms if form in words), forms[0])
        return first, self.lexicon.canonical(head)

    def _phrases(self) -> dict[tuple[str, ...], str]:
        """Names of several words: they are one thing, whatever their words mean alone."""
        said = [name for words in self.entities for name in (words.entity.name, *words.entity.aliases)]
        said += [name for area in self._areas.values() for name in (area.name, *area.aliases)]
        said += [area.floor for area in self._areas.values() if area.floor]
        canonical = (self.canonical(name) for name in said)
        return {words: "name" for words in canonical if len(words) > 1}

    def _options(self) -> dict[tuple[str, ...], str]:
        """What some device can be set to by name: presets, effects, sources."""
        choices = {
            choice
            for words in self.entities
            for action in words.entity.actions.values()
            for parameter in action.parameters.values()
            for choice in parameter.choices
        }
        named = {self.canonical(choice.replace("_", " ")): choice for choice in choices}
        return {words: choice for words, choice in named.items() if words and words not in self.lexicon.phrases}

    def has_name(self, words: frozenset[str]) -> bool:
        """Whether a device or a place has all of these in its name."""
        names = (*(name for entity in self.entities for name in entity.names), *self.area_names)
        return any(words <= name for name in names)

    def named_wholly(self, spoken: frozenset[str]) -> list[EntityWords]:
        """Devices that one of their names is said whole of, and more than a word for what they are."""
        return [
            words
            for words in self.entities
            if any(name <= spoken and not name <= self.lexicon.kinds.keys() for name in words.names)
        ]

    def near(self, word: str) -> str | None:
        """The word of this home that is meant by a mistyped or misheard one; None where none is, or several."""
        return None if self._is_spelled_right(word) else self._loose(word)

    def _is_spelled_right(self, word: str) -> bool:
        """`bathroom` is no slip of `bedroom`, nor `badlampe` of `wandlampe`; and one ideograph more is another word."""
        first = next(iter(self.parts(word)), word)
        return not self.lexicon.ordinary.isdisjoint((word, first)) or IDEOGRAPHS.fullmatch(word) is not None

    def _find_loosely(self, word: str) -> str | None:
        if len(word) < SHORTEST_LOOSE:
            return None
        from rapidfuzz.distance import OSA  # 5 MB, only for those who need it

        allowed = 0 if len(word) < 4 else 1 if len(word) <= 5 else 2  # slips of the finger
        found = {
            known: OSA.distance(word, known, score_cutoff=allowed)
            for known in self._here
            if len(known) >= SHORTEST_LOOSE and abs(len(known) - len(word)) <= allowed
        }
        close = {
            known: distance
            for known, distance in found.items()
            if distance <= min(allowed, 1) or (distance <= allowed and known[0] == word[0])
        }
        if close:
            best = min(close.values())
            nearest = [known for known, distance in close.items() if distance == best]
            return self._only(nearest) or self._by_sound(word, nearest)
        return self._by_sound(word, self._here)

    def _only(self, found: Iterable[str]) -> str | None:
        """What all of these spellings mean; None where it is not one thing."""
        meant = {self._here[known] for known in found}
        return meant.pop() if len(meant) == 1 else None

    def _by_sound(self, word: str, among: Iterable[str]) -> str | None:
        from rapidfuzz.distance import OSA

        key = sound(word)
        if len(key) < 2:
            return None
        alike = [
            known
            for known in among
            if sound(known) == key and OSA.distance(word, known) <= min(3, (max(len(word), len(known)) + 1) // 2)
        ]
        return self._only(alike)


def _unlinked(first: str) -> Iterator[str]:
    """The first word of a compound without what links it: `wohnungs`, `küchen`, `sonnen`."""
    for link in ("s", "n", "en", "er"):
        if first.endswith(link) and len(first) > len(link) + 2:
            yield first.removesuffix(link)
    yield f"{first}e"


SOUNDS = str.maketrans("bpkgqcdtvfszjxmn", "ppkkkkttffsssknn")


@lru_cache(8192)
def sound(word: str) -> str:
    """Its consonants, those that sound alike as one: `back` and `bag`, `floor` and `flaw`."""
    word = word.replace("ph", "f").replace("ck", "k").replace("sch", "s").replace("sh", "s").replace("wr", "r")
    key = ""
    for character in word.translate(SOUNDS):
        if not key and character in "aeiou":
            key = "a"
        if character in "aeiouyhrw" and key:
            continue
        if not key or key[-1] != character:
            key += character
    return key


def means(kinds: Iterable[str], entity: Entity) -> bool:
    """Whether one of `kind` or `kind:device_class` is what the entity is."""
    return any(
        entity.kind == kind and (not device_class or (entity.device_class or "none") == device_class)
        for kind, _, device_class in (one.partition(":") for one in kinds)
    )
