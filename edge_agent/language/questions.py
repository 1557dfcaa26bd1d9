"""A question about the home → a Query; None where it is about something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from edge_agent.home import Entity
from edge_agent.language.clause import Clause, Reference
from edge_agent.language.dialogue import Dialogue
from edge_agent.language.lexicon import Lexicon
from edge_agent.language.plan import Ask, Plan, Query
from edge_agent.language.targets import Found, Targets, of_kinds
from edge_agent.language.vocabulary import Vocabulary

# Which kinds can be asked for a state, where the person names none.
STATE_KINDS = {
    "on": ("light", "switch", "fan", "media_player", "humidifier", "siren"),
    "off": ("light", "switch", "fan", "media_player", "humidifier", "siren"),
    "open": ("cover", "valve", "binary_sensor:window", "binary_sensor:door", "binary_sensor:garage_door",
             "binary_sensor:opening"),
    "locked": ("lock",), "unlocked": ("lock",), "playing": ("media_player",), "cleaning": ("vacuum",),
    "wet": ("binary_sensor:moisture",),
}  # fmt: skip
STATE_KINDS["closed"] = STATE_KINDS["open"]
# Where an attribute is told, best first: (kinds, attribute of the entity; None: its state).
SOURCES: dict[str, tuple[tuple[tuple[str, ...], str | None], ...]] = {
    "temperature": ((("sensor:temperature",), None), (("climate", "water_heater"), "current_temperature")),
    "humidity": ((("sensor:humidity",), None), (("humidifier", "climate"), "current_humidity")),
    "brightness_pct": ((("light",), "brightness_pct"), (("sensor:illuminance",), None)),
    "volume_level": ((("media_player",), "volume_level"),),
    "position": ((("cover", "valve"), "position"),),
    "percentage": ((("fan",), "percentage"),),
    "battery": ((("sensor:battery",), None), (("vacuum",), "battery_level")),
    "power": ((("sensor:power",), None),),
}
SET_ATTRIBUTES = {"climate": "temperature", "humidifier": "humidity", "water_heater": "temperature"}
QUESTION_WORDS = frozenset({"question:question", "question:which", "question:count"})


def is_question(clauses: list[Clause]) -> bool:
    """Whether something is asked, and nothing is to be done: "could you turn it on?" is a wish."""
    asked = [clause for clause in clauses if "question" in clause.flags and "request" not in clause.flags]
    says_what_to_do = any(clause.cues or clause.has_value for clause in clauses)
    in_words = not says_what_to_do and any(clause.flags & QUESTION_WORDS for clause in asked)
    requested = any("request" in clause.flags for clause in clauses)
    wanted = any("want" in clause.flags for clause in clauses) and not in_words  # "is it on, please"
    explicitly = any("question:ask" in clause.flags for clause in clauses)  # "can you tell me if …"
    return explicitly or (bool(asked) and not (requested or wanted))


def question_plan(
    clauses: Sequence[Clause], targets: Targets, dialogue: Dialogue, lexicon: Lexicon, vocabulary: Vocabulary
) -> Plan | None:
    """Questions are never acted on."""
    asked = next((clause for clause in clauses if "question" in clause.flags), clauses[0])
    references = [reference for clause in clauses for reference in clause.references if not reference.pronoun]
    states = tuple(state for clause in clauses for state in clause.states)
    attribute = next((clause.attribute for clause in clauses if clause.attribute), None)
    merged = replace(asked, references=tuple(references), states=states, attribute=attribute,
                     cues=tuple(cue for clause in clauses for cue in clause.cues))  # fmt: skip
    query = _Question(merged, targets, dialogue, lexicon, vocabulary).query()
    if isinstance(query, Query):
        dialogue.entity_ids = _spoken_of(query, vocabulary) or dialogue.entity_ids
    return query


def _spoken_of(query: Query, vocabulary: Vocabulary) -> tuple[str, ...]:
    """What "it" means afterwards: of those in a state, the ones that are."""
    if query.type not in ("which", "count"):
        return query.entity_ids
    by_id = {words.entity.id: words.entity for words in vocabulary.entities}
    return tuple(one for one in query.entity_ids if is_in(by_id[one], query.state))


class _Question:
    def __init__(
        self, clause: Clause, targets: Targets, dialogue: Dialogue, lexicon: Lexicon, vocabulary: Vocabulary
    ) -> None:
        self._clause, self._targets, self._dialogue = clause, targets, dialogue
        self._lexicon, self._vocabulary = lexicon, vocabulary
        joined = Reference()
        for reference in clause.references:
            joined = joined.joined(reference)
        self._reference = joined

    def query(self) -> Plan | None:
        has_place = bool(self._vocabulary.place_words & set(self._reference.words))
        if self._reference.unknown and not has_place and not self._known_by_name():
            return None
        for rule in (self._target_value, self._value, self._in_state, self._state_of):
            if (plan := rule()) is not None:
                return plan
        return None

    def _known_by_name(self) -> bool:
        spoken = frozenset(self._reference.words)
        return any(words.fully_named_by(spoken) for words in self._vocabulary.entities)

    def _find(self, fits: Callable[[Entity], bool], reference: Reference | None = None) -> Found:
        wanted = replace(reference or self._reference, unknown=())
        return self._targets.find(wanted, fits)

    def _without(self, *words: str) -> Reference:
        """The reference without words that only say what is asked for."""
        kept = tuple(word for word in self._reference.words if word not in words)
        return replace(self._reference, words=kept)

    def _target_value(self) -> Plan | None:
        """What is it set to?"""
        if "set" not in self._clause.cues:
            return None
        found = self._find(of_kinds(*SET_ATTRIBUTES))
        if not found.entities:
            return None
        if found.ambiguous:
            return self._which(found)
        entity = found.entities[0].entity
        return Query("value", (entity.id,), attribute=SET_ATTRIBUTES[entity.kind])

    def _value(self) -> Plan | None:
        attribute = self._clause.attribute
        if attribute not in SOURCES or self._clause.flags & {"question:count"} or "is" in self._clause.words[:1]:
            return None
        asked = self._without("temperature", "humidity", "battery", "power", "brightness", "heating")
        places = [self._here(one) for one in (self._reference, asked)] if not self._names_a_place() else []
        for reference in (*places, self._reference, asked, replace(asked, plural=False), self._anywhere(asked)):
            for kinds, name in SOURCES[attribute]:
                found = self._find(of_kinds(*kinds), reference)
                if found.entities and not found.ambiguous:
                    ids = tuple(words.entity.id for words in found.entities[:1] if found.entities)
                    return Query("value", ids, attribute=name)
        return None

    def _names_a_place(self) -> bool:
        return bool(self._vocabulary.place_words & set(self._reference.words)) or self._reference.scope is not None

    def _anywhere(self, reference: Reference) -> Reference:
        """Where nothing measures it "in here", what there is in the home tells."""
        return replace(reference, plural=False, scope=None if reference.scope == "here" else reference.scope)

    def _here(self, reference: Reference) -> Reference:
        return replace(reference, scope="here")

    def _in_state(self) -> Plan | None:
        """Is it on? Which are open? How many are unlocked?"""
        states = [state for state in self._clause.states if state in STATE_KINDS or state == "docked"]
        if not states:
            return None
        state = next((state for state in states if self._some_can_be(state)), states[0])
        can_be = of_kinds(*STATE_KINDS.get(state, ("vacuum",)))
        if state == "wet":
            state, self._reference = "on", self._without("leak", "water")
        found = self._find(can_be, self._in_scope())
        if not found.entities:
            found = self._find(lambda entity: entity.kind not in ("scene", "script", "button"))
            if not found.entities or not self._reference.words:
                return None
        ids = tuple(words.entity.id for words in found.entities)
        type_ = self._type(found)
        if type_ == "is" and found.ambiguous:
            type_ = "which" if "question:which" in self._clause.flags else "is"
        return Query(type_, ids, state=state, every=self._reference.quantity in ("all", "both"))  # type: ignore[arg-type]

    def _some_can_be(self, state: str) -> bool:
        """Where a word means several states, the thing that is asked about tells which."""
        return bool(self._find(of_kinds(*STATE_KINDS.get(state, ("vacuum",))), self._in_scope()).entities)

    def _in_scope(self) -> Reference:
        if self._reference.quantity == "any" and not self._reference.words:
            return replace(self._reference, quantity="all")
        quantity = "all" if self._reference.quantity == "any" or self._asks_for_several() else self._reference.quantity
        return replace(self._reference, quantity=quantity, plural=self._reference.plural)

    def _asks_for_several(self) -> bool:
        return bool({"question:count", "question:which"} & self._clause.flags)

    def _type(self, found: Found) -> str:
        if "question:count" in self._clause.flags:
            return "count"
        if "question:which" in self._clause.flags:
            return "which"
        if self._reference.quantity == "any":
            return "which"
        return "is"

    def _state_of(self) -> Plan | None:
        """What is Rosie up to?"""
        if not self._reference.words:
            return None
        found = self._find(lambda entity: entity.kind not in ("scene", "script", "button"))
        if not found.entities or found.ambiguous:
            return None
        spoken = frozenset(self._reference.words)
        if not any(words.fully_named_by(spoken) for words in found.entities) and len(found.entities) > 1:
            return None
        return Query("state", tuple(words.entity.id for words in found.entities))

    def _which(self, found: Found) -> Ask:
        return Ask("which_one", {}, tuple(words.entity.id for words in found.entities))


def is_in(entity: Entity, state: str | None) -> bool | None:
    """Whether it is in that state, in the words of questions; None where it is not known."""
    if entity.state is None:
        return None
    if entity.kind == "binary_sensor":
        return entity.state == ("on" if state in ("on", "open", "wet", "unlocked") else "off")
    if entity.kind == "lock":
        state = {"closed": "locked", "open": "unlocked"}.get(state or "", state)
    if state == "on":
        return entity.is_on
    if state == "off":
        return None if entity.is_on is None else not entity.is_on
    if state == "closed":
        return entity.state == "closed"
    if state == "open":
        return entity.state in ("open", "opening")
    return entity.state == state
