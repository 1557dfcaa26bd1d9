"""A sentence from the results of a wish. Only results go in, never what was hoped for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge_agent.home import ActionResult, DeviceAction, Entity
from edge_agent.language.phrases import MASCULINE, Said, chosen, together
from edge_agent.language.said_names import MOST_NAMED
from edge_agent.language.terms import UNKNOWN_STATES, Devices, Terms

# Wishes whose end no state shows, on any device: that they went out is all there is to say.
_NEVER_SHOWN = frozenset({
    "activate", "press", "next", "previous", "locate", "play_media", "stop", "pause", "volume_up", "volume_down"
})  # fmt: skip
_REACHED = {
    "turn_on": "on", "turn_off": "off", "open": "open", "close": "closed", "lock": "locked", "unlock": "unlocked",
    "unlatch": "unlocked", "return_to_base": "docked", "play": "playing", "pause": "paused", "mute": "muted",
    "arm_home": "armed_home", "arm_away": "armed_away", "arm_night": "armed_night", "disarm": "disarmed",
}  # fmt: skip
_STARTED = {"vacuum": "cleaning", "lawn_mower": "mowing"}
_MOVING = frozenset({"opening", "closing"})
# Whoever is told "it did not answer" wants to know what it is still at; more would be guesswork.
_STAYS = frozenset({"turn_on", "turn_off", "open", "close", "lock", "unlock", "unlatch"})


@dataclass(frozen=True)
class _Clause:
    """A clause that several devices may share; `state` is a word that agrees with them."""

    rank: int
    table: str
    key: str
    values: tuple[tuple[str, str], ...] = ()
    state: str | None = None


@dataclass
class _Group:
    """The devices that a clause is about, each once; `names` of those that are not there."""

    entities: dict[str, Entity] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


# In this order they are said.
_DONE, _ALREADY, _SENT, _UNCONFIRMED, _FAILED = range(5)


def result_clauses(terms: Terms, results: Sequence[ActionResult], home: Devices) -> list[str]:
    """What was done first, what went wrong last; devices that the same can be said of are spoken of together."""
    return _Outcomes(terms).clauses(results, home)


class _Outcomes:
    """One language's words for results."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._phrases = terms.phrases

    def clauses(self, results: Sequence[ActionResult], home: Devices) -> list[str]:
        return [self._say(clause, group) for clause, group in self._grouped(results, home)]

    def _grouped(self, results: Sequence[ActionResult], home: Devices) -> list[tuple[_Clause, _Group]]:
        groups: dict[_Clause, _Group] = {}
        for result in results:
            entity = home.find(result.wish.entity_id)
            group = groups.setdefault(self._clause(result, entity, alone=len(results) == 1), _Group())
            if entity is not None:
                group.entities[entity.id] = entity
            else:
                group.names.append(str(result.values.get("name", result.wish.entity_id)))
        in_order = sorted(groups.items(), key=lambda one: one[0].rank)
        return in_order if len(results) == 1 else _without_many_already(in_order)

    def _clause(self, result: ActionResult, entity: Entity | None, *, alone: bool) -> _Clause:
        if entity is None:
            known = result.code if result.code in ("no_broker", "unknown_device") else "vanished"
            return _Clause(_FAILED, "clauses", known)
        if result.result in ("failed", "unconfirmed"):
            return self._trouble(result, entity, alone=alone)
        key, value = self._terms.phrase(result.wish, entity)
        if result.result == "already":
            return self._already(entity, key, value)
        if result.result == "sent" and key not in _NEVER_SHOWN:
            return _Clause(_SENT, "wish", key, (("value", value),))
        if key in ("open", "close", "set_to") and entity.state in _MOVING:
            return _Clause(_DONE, "clauses", "moving", state=self._terms.state_words(entity, entity.state))
        return _Clause(_DONE, "done", key, (("value", value),))

    def _already(self, entity: Entity, key: str, value: str) -> _Clause:
        state = _STARTED.get(entity.kind) if key == "start" else _REACHED.get(key)
        if state is not None:
            return _Clause(_ALREADY, "clauses", "already", state=self._terms.state_words(entity, state))
        if key in ("add_item", "complete_item", "remove_item"):
            listed = "already_listed" if key == "add_item" else "already_unlisted"
            return _Clause(_ALREADY, "clauses", listed, (("item", value),))
        if value:
            return _Clause(_ALREADY, "clauses", "already_at", (("value", value),))
        return _Clause(_ALREADY, "clauses", "already_so")

    def _trouble(self, result: ActionResult, entity: Entity, *, alone: bool) -> _Clause:
        rank = _UNCONFIRMED if result.result == "unconfirmed" else _FAILED
        code, state = result.code or "no_answer", result.values.get("state")
        if code == "no_answer" and alone and self._stays(result.wish, entity):
            return _Clause(rank, "clauses", "no_answer_still", state=self._terms.state_words(entity, entity.state))
        if code == "other_state" and state in UNKNOWN_STATES:
            code = "no_answer"
        if not self._phrases.has("clauses", code):
            return _Clause(rank, "clauses", "not_done")
        words = self._terms.state_words(entity, str(state)) if state is not None else None
        key, values = self._refusal_values(code, result.values)
        return _Clause(rank, "clauses", key, tuple(values.items()), words)

    def _stays(self, wish: DeviceAction, entity: Entity) -> bool:
        key, value = self._terms.phrase(wish, entity)
        return key in _STAYS and not value and entity.state not in UNKNOWN_STATES and entity.state != _REACHED[key]

    def _refusal_values(self, code: str, given: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """The clause's key and what stands in it, besides the name."""
        if code == "out_of_range":
            return self._terms.bounds(given.get("minimum"), given.get("maximum"), given.get("unit"))
        values = {}
        if code == "not_a_choice":
            values["choices"] = self._terms.choices(given.get("choices", ()))
        if code == "not_listed":
            values["item"] = str(given.get("item", ""))
        return code, values

    def _say(self, clause: _Clause, group: _Group) -> str:
        named = self._named(list(group.entities.values()), group.names)
        values = dict(clause.values)
        if clause.state is not None:
            values["state"] = chosen(clause.state, named.form)
        said = self._phrases.fill(clause.table, clause.key, named.form, name=named.text, **values)
        return self._phrases.fill("clauses", "order_sent", wish=said) if clause.rank == _SENT else said

    def _named(self, entities: Sequence[Entity], others: Sequence[str]) -> Said:
        if not others:
            return self._terms.names.devices(entities)
        said = [self._terms.names.devices(entities)] if entities else []
        texts = [*(one.text for one in said), *dict.fromkeys(others)]
        forms = [*(one.form for one in said), *(MASCULINE for _ in dict.fromkeys(others))]
        return Said(self._phrases.listed(texts), together(forms))


def _without_many_already(groups: list[tuple[_Clause, _Group]]) -> list[tuple[_Clause, _Group]]:
    """Where something was done, a crowd that was so before is not worth a word."""
    done = any(clause.rank == _DONE for clause, _ in groups)
    return [
        (clause, group)
        for clause, group in groups
        if not (done and clause.rank == _ALREADY and len(group.entities) > MOST_NAMED)
    ]
