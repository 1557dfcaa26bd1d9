"""Answers questions about the home, from what its entities are at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from edge_agent.home import Entity
from edge_agent.language.phrases import chosen, number_form
from edge_agent.language.plan import Query, Refuse
from edge_agent.language.terms import UNKNOWN_STATES, Devices
from edge_agent.language.wording import Wording

# Which of these are on: more are counted only.
MOST_LISTED = 10

# What `on` and `off` of a binary sensor are called, by its device class. The first is in the words for states.
_OPENING = (("open",), ("closed",))
_SENSED = (("on", "detected"), ("off", "clear"))
_BINARY_WORDS: Mapping[str | None, tuple[tuple[str, ...], tuple[str, ...]]] = {
    **dict.fromkeys(("door", "garage_door", "opening", "window"), _OPENING),
    "lock": (("unlocked", "open"), ("locked", "closed")),
    "moisture": (("on", "wet", "detected"), ("off", "dry", "clear")),
    "battery": (("on", "low"), ("off", "normal")),
    "battery_charging": (("on", "charging"), ("off", "not_charging")),
    "cold": (("on", "cold"), ("off", "normal")),
    "heat": (("on", "hot"), ("off", "normal")),
    "connectivity": (("on", "connected", "home"), ("off", "disconnected", "not_home")),
    "motion": (("on", "detected", "motion"), ("off", "clear")),
    "occupancy": (("on", "occupied", "detected", "home"), ("off", "clear", "empty", "not_home")),
    "presence": (("home", "on", "occupied", "detected"), ("not_home", "off", "clear", "empty")),
    "plug": (("on", "plugged_in"), ("off", "unplugged")),
    "running": (("on", "running"), ("off", "not_running")),
}
_SAID_AS_STATES = frozenset({"door", "garage_door", "opening", "window", "lock", None})

# Where an entity does not tell the one, the other is meant.
_INSTEAD = {"temperature": "current_temperature", "humidity": "current_humidity", "battery": "battery_level"}
_CLAUSES = {
    "current_temperature": "temperature_is", "current_humidity": "humidity_is", "brightness_pct": "level_is",
    "percentage": "level_is", "position": "position_is", "volume_level": "volume_is", "battery_level": "battery_is",
    "media_title": "plays", "color_temp_kelvin": "level_is",
}  # fmt: skip
_CLAUSES_OF_CLASSES = {"temperature": "temperature_is", "humidity": "humidity_is"}
# What only says something while it is on.
_WHILE_ON = frozenset({"brightness_pct", "percentage", "color", "color_temp_kelvin", "effect", "volume_level"})
_MEASURING_KINDS = frozenset({"sensor", "number", "text", "select"})
# What goes with a state, in brackets behind it.
_DETAILS = {"light": "brightness_pct", "fan": "percentage", "cover": "position", "valve": "position",
            "media_player": "media_title"}  # fmt: skip


def answer(query: Query, home: Devices, wording: Wording) -> str:
    """The answer in whole sentences."""
    entities = [entity for one in query.entity_ids if (entity := home.find(one)) is not None]
    if not entities:
        key = "no_reading" if query.type in ("value", "state") else "nothing_like_that"
        return wording.refuse(Refuse(key), home)
    answers = _Answers(query, entities, wording)
    clauses = _WAYS[query.type](answers)
    return wording.phrases.clauses([*clauses, *answers.unreachable()])


def is_in_state(entity: Entity, state: str) -> bool | None:
    """Whether the entity is in a state that a person named; None where it does not tell."""
    if entity.state in UNKNOWN_STATES or not entity.available:
        return None
    if entity.kind == "binary_sensor":
        return _binary_is(entity, state)
    if entity.kind in ("cover", "valve") and state == "open":
        return entity.state != "closed"
    if entity.kind == "lock":
        return _lock_is(entity, state)
    if state == "muted":
        muted = entity.attributes.get("is_volume_muted")
        return muted if isinstance(muted, bool) else None
    if entity.state == state or (state in ("heating", "cooling") and entity.attributes.get("hvac_action") == state):
        return True
    if state in ("on", "off"):
        return None if entity.kind in ("cover", "valve", "sensor") else entity.is_on is (state == "on")
    return False


def _binary_is(entity: Entity, state: str) -> bool | None:
    on, off = _BINARY_WORDS.get(entity.device_class, _SENSED)
    if state in (*on, "on"):
        return entity.state == "on"
    return entity.state == "off" if state in (*off, "off") else None


def _lock_is(entity: Entity, state: str) -> bool | None:
    """An unlocked door may be open or not; a jammed lock is neither locked nor surely unlocked."""
    locked = entity.state == "locked"
    if entity.state == state:
        return True
    if state == "unlocked":
        return None if entity.state == "jammed" else not locked and entity.state != "locking"
    if state in ("open", "closed"):
        return (state == "closed") if locked else None
    return False


class _Answers:
    """One question, and the entities that it is about; those that can't be reached are told of at the end."""

    def __init__(self, query: Query, entities: Sequence[Entity], wording: Wording) -> None:
        self._query, self._wording = query, wording
        self._phrases, self._terms = wording.phrases, wording.terms
        self._away = [entity for entity in entities if not entity.available or entity.state == "unavailable"]
        self._entities = [entity for entity in entities if entity not in self._away]

    def unreachable(self) -> list[str]:
        return [self._about("unavailable", self._away)] if self._away else []

    def is_so(self) -> list[str]:
        fitting, others, untold = self._sorted()
        if not fitting and not others:
            return self._states(untold)
        if self._query.every:
            if others:
                return self._answered("no", self._states(others))
            return [*self._answered("yes", self._states(fitting)), *self._states(untold)]
        if fitting:
            return self._answered("yes", self._states(fitting))
        said = self._states(others) if len(others) == 1 else self._none()
        return [*self._answered("no", said), *self._states(untold)]

    def which(self) -> list[str]:
        fitting, others, untold = self._sorted()
        if fitting:
            return self._states(fitting)
        return [*(self._none() if others else ()), *self._states(untold)]

    def count(self) -> list[str]:
        fitting, others, untold = self._sorted()
        if not fitting:
            return [*(self._none() if others else ()), *self._states(untold)]
        counted = self._terms.names.counted(fitting)
        predicates = {self._predicate(entity) for entity in fitting}
        key, words = predicates.pop() if len(predicates) == 1 else ("is_at", self._asked_words(fitting[0]))
        said = chosen(words, counted.form)
        values = {"state": said, "predicate": said}
        if len(fitting) > MOST_LISTED:
            return [self._phrases.fill("clauses", key, counted.form, name=counted.text, **values)]
        names = self._terms.names.devices(fitting, MOST_LISTED)
        key = {"is_at": "counted_at", "says": "counted_says"}.get(key, "counted_at")
        return [self._phrases.fill("clauses", key, counted.form, names=counted.text, name=names.text, **values)]

    def value(self) -> list[str]:
        readings = [(one, found) for one in self._entities if (found := self._reading(one)) is not None]
        if not readings:
            return self._unknown(self._entities)
        if len(readings) == 1:
            entity, (key, text) = readings[0]
            return [self._value_clause(entity, key, text)]
        return [self._about("says_value", [entity], value=text) for entity, (_, text) in readings]

    def state(self) -> list[str]:
        if len(self._entities) > 1:
            return self._states(self._entities)
        return [clause for entity in self._entities for clause in self._state_of(entity)]

    def contains(self) -> list[str]:
        item = self._query.item or ""
        lists = self._lists()
        if not lists:
            return self._unknown(self._entities)
        listed = next((one for items in lists.values() for one in items if _plain(one) == _plain(item)), None)
        key, said = ("on_list", "yes") if listed is not None else ("not_on_list", "no")
        return self._answered(said, [self._phrases.fill("clauses", key, item=listed or item)])

    def items(self) -> list[str]:
        lists = self._lists()
        if not lists:
            return self._unknown(self._entities)
        entities = {entity.id: entity for entity in self._entities}
        return [self._items(entities[entity_id], items) for entity_id, items in lists.items()]

    def count_items(self) -> list[str]:
        lists = self._lists()
        if not lists:
            return self._unknown(self._entities)
        entities = {entity.id: entity for entity in self._entities}
        return [self._item_count(entities[entity_id], len(items)) for entity_id, items in lists.items()]

    def _sorted(self) -> tuple[list[Entity], list[Entity], list[Entity]]:
        """Those in the state that was asked for, those that are not, and those that do not tell."""
        asked = self._query.state or "on"
        told = [(entity, is_in_state(entity, asked)) for entity in self._entities]
        fitting, others, untold = ([entity for entity, fits in told if fits is one] for one in (True, False, None))
        return fitting, others, untold

    def _answered(self, said: str, clauses: Sequence[str]) -> list[str]:
        first, *rest = clauses
        return [self._phrases.fill("answers", said, clause=first), *rest]

    def _none(self) -> list[str]:
        """ "No light is on"; where no such word is known, "none"."""
        state = self._asked_words(self._entities[0])
        noun = self._terms.names.noun(self._entities, 1)
        if not self._phrases.has("states", self._asked_state(self._entities[0])):
            return [self._phrases.fill("clauses", "none")]
        values = {"kind": noun.text, "state": chosen(state, noun.form)}
        return [self._phrases.fill("clauses", "none_at", noun.form, **values)]

    def _asked_words(self, entity: Entity) -> str:
        return self._terms.state_words(entity, self._asked_state(entity))

    def _asked_state(self, entity: Entity) -> str:
        """The asked state as this kind of thing calls it: a window that is `on` is open."""
        asked = self._query.state or "on"
        if entity.kind != "binary_sensor" or asked not in ("on", "off"):
            return asked
        on, off = _BINARY_WORDS.get(entity.device_class, _SENSED)
        if entity.device_class not in _SAID_AS_STATES:
            return ""
        return on[0] if asked == "on" else off[0]

    def _states(self, entities: Sequence[Entity]) -> list[str]:
        """A clause for each state that some of them are in."""
        groups: dict[tuple[str, str], list[Entity]] = {}
        for entity in entities:
            groups.setdefault(self._predicate(entity), []).append(entity)
        return [self._group_clause(key, words, group) for (key, words), group in groups.items()]

    def _group_clause(self, key: str, words: str, entities: Sequence[Entity]) -> str:
        named = self._terms.names.devices(entities, MOST_LISTED)
        said = chosen(words, named.form)
        return self._phrases.fill("clauses", key, named.form, name=named.text, state=said, predicate=said, value=said)

    def _predicate(self, entity: Entity) -> tuple[str, str]:
        """A clause's key and the words in it, with their alternatives."""
        if entity.state in UNKNOWN_STATES:
            return "unknown", ""
        if entity.kind in _MEASURING_KINDS:
            return "says_value", self._phrases.measure(entity.state, entity.unit)
        if entity.kind != "binary_sensor":
            return "is_at", self._terms.state_words(entity, entity.state)
        on, off = _BINARY_WORDS.get(entity.device_class, _SENSED)
        if entity.device_class not in _SAID_AS_STATES and self._phrases.has("binary", key := _binary_key(entity)):
            return "says", str(self._phrases.table("binary")[key])
        return "is_at", self._terms.state_words(entity, on[0] if entity.state == "on" else off[0])

    def _reading(self, entity: Entity) -> tuple[str, str] | None:
        """The clause's key and the value as it is said; None where the entity does not tell it."""
        attribute = self._query.attribute
        if entity.kind in _MEASURING_KINDS and _measures(entity, attribute):
            if entity.state in UNKNOWN_STATES:
                return None
            key = _CLAUSES_OF_CLASSES.get(entity.device_class or "", "value_is")
            return key, self._phrases.measure(entity.state, entity.unit)
        if attribute is None or (attribute in _WHILE_ON and entity.is_on is False):
            return self._state_instead(entity)
        for name in (attribute, _INSTEAD.get(attribute, "")):
            if (told := entity.attributes.get(name)) is not None:
                return _CLAUSES.get(name, "set_to_is"), self._terms.parameter(entity, name, told)
        return self._state_instead(entity) if attribute in _WHILE_ON or attribute == "position" else None

    def _state_instead(self, entity: Entity) -> tuple[str, str] | None:
        key, words = self._predicate(entity)
        return None if key == "unknown" else (key, words)

    def _value_clause(self, entity: Entity, key: str, words: str) -> str:
        named = self._terms.names.device(entity)
        return self._group_clause(key, chosen(words, named.form), [entity])

    def _state_of(self, entity: Entity) -> list[str]:
        if isinstance(items := entity.attributes.get("items"), list) and entity.kind == "todo":
            return [self._items(entity, items)]
        details = self._details(entity)
        key, words = self._predicate(entity)
        if not details or key != "is_at":
            return [self._group_clause(key, words, [entity])]
        named = self._terms.names.device(entity)
        state, detail = chosen(words, named.form), self._phrases.enumerated(details)
        return [self._about("is_at_with", [entity], state=state, detail=detail)]

    def _details(self, entity: Entity) -> list[str]:
        told = entity.attributes
        if entity.kind in ("climate", "water_heater", "humidifier"):
            pairs = {"temperature": "set_value", "humidity": "set_value",
                     "current_temperature": "measured_value", "current_humidity": "measured_value"}  # fmt: skip
            return [
                self._phrases.fill("clauses", key, value=self._terms.parameter(entity, name, told[name]))
                for name, key in pairs.items()
                if told.get(name) is not None
            ]
        name = _DETAILS.get(entity.kind, "")
        if told.get(name) is None or not entity.is_on:
            return []
        return [self._terms.parameter(entity, name, told[name])]

    def _lists(self) -> dict[str, list[str]]:
        """The entries of the lists that tell them, by entity id."""
        found = ((entity.id, entity.attributes.get("items")) for entity in self._entities)
        return {entity_id: items for entity_id, items in found if isinstance(items, list)}

    def _items(self, entity: Entity, items: Sequence[str]) -> str:
        if not items:
            return self._about("items_none", [entity])
        return self._about("items", [entity], items=self._phrases.listed(items))

    def _item_count(self, entity: Entity, count: int) -> str:
        if not count:
            return self._about("items_none", [entity])
        entries = self._phrases.fill("clauses", "items_count", number_form(count), count=str(count))
        return self._about("items_counted", [entity], entries=entries)

    def _unknown(self, entities: Sequence[Entity]) -> list[str]:
        return [self._about("unknown", entities)] if entities else []

    def _about(self, key: str, entities: Sequence[Entity], **values: str) -> str:
        named = self._terms.names.devices(entities)
        return self._phrases.fill("clauses", key, named.form, name=named.text, **values)


_WAYS: Mapping[str, Callable[[_Answers], list[str]]] = {
    "is": _Answers.is_so,
    "which": _Answers.which,
    "count": _Answers.count,
    "value": _Answers.value,
    "state": _Answers.state,
    "contains": _Answers.contains,
    "items": _Answers.items,
    "count_items": _Answers.count_items,
}


def _binary_key(entity: Entity) -> str:
    return f"{entity.device_class}_{entity.state}"


def _measures(entity: Entity, attribute: str | None) -> bool:
    """Whether its state is what is asked for: without a device class it may be anything."""
    measured = entity.device_class
    if attribute is None or measured is None:
        return True
    return measured in (attribute, attribute.removeprefix("current_"), attribute.removesuffix("_level"))


def _plain(item: str) -> str:
    return " ".join(item.casefold().split())
