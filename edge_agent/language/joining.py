"""Clauses that belong together: "the kettle and the lights on", "… to 20 percent and the lamp to 80", "but not …"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edge_agent.language.clause import Clause, Reference
from edge_agent.language.plan import When
from edge_agent.language.vocabulary import Vocabulary

CHANGES = frozenset({"brighter", "darker", "warmer", "colder", "louder", "quieter", "stronger", "weaker", "set"})
VALUES = ("percent", "degrees", "kelvin", "number", "color", "hvac", "tint")


def join(clauses: list[Clause], vocabulary: Vocabulary) -> list[Clause]:
    """Each of the result says whole what is to be done to what."""
    told = [_with_shared_place(clause, vocabulary) for clause in _without_reasons(clauses)]
    told = _with_nouns_of_ones(_corrected(_with_meant_pronouns(told)), vocabulary)
    forward = _Forward(vocabulary).clauses(told)
    return [_with_shared_place(clause, vocabulary) for clause in _handed_back(forward)]


def _without_reasons(clauses: list[Clause]) -> list[Clause]:
    """ "Unlock the door so the kids can get out": what a wish is for is no wish."""
    kept: list[Clause] = []
    for clause in clauses:
        wished_before = any(one.cues and one.has_target and "story" not in one.flags for one in kept)
        if not (clause.lead == "so" and wished_before):
            kept.append(clause)
    return kept


def _with_meant_pronouns(clauses: list[Clause]) -> list[Clause]:
    """ "The light is blinding, turn it down": it is the light."""
    result: list[Clause] = []
    for clause in clauses:
        if clause.is_empty:
            continue
        named = tuple(ref for ref in result[-1].references if ref.words and not ref.unknown) if result else ()
        told = bool(result) and bool(result[-1].wishes)
        pronouns_only = (clause.has_target or told) and all(ref.pronoun == "it" for ref in clause.references)
        if pronouns_only and named and clause.cues and not result[-1].cues:
            result[-1] = replace(clause, references=named)
        elif pronouns_only and named and clause.has_target and (clause.cues or clause.has_value):
            result.append(clause.with_references(*named))  # "turn the radio on and set it to 30"
        else:
            result.append(clause)
    return result


def _corrected(clauses: list[Clause]) -> list[Clause]:
    """ "… two thirds, no, make that 60 percent": the later value counts."""
    result: list[Clause] = []
    for clause in clauses:
        fixes = "fix" in clause.flags and clause.has_value and not clause.has_target
        if fixes and result and result[-1].has_value:
            given = {name: getattr(clause, name) for name in VALUES}
            result[-1] = replace(result[-1], **given, flags=result[-1].flags | clause.flags)
        else:
            result.append(clause)
    return result


def _with_nouns_of_ones(clauses: list[Clause], vocabulary: Vocabulary) -> list[Clause]:
    """ "The lamp in the hall to 20 and the one in the study to 40": the one is a lamp."""
    kinds = vocabulary.lexicon.kinds.keys() - vocabulary.place_words
    noun: tuple[str, ...] = ()
    result: list[Clause] = []
    for clause in clauses:
        named = {word for reference in clause.references for word in reference.words}
        if "one" in clause.flags and noun and not kinds & named:
            references = (replace(one, words=(*noun, *one.words)) if one.words else one for one in clause.references)
            clause = clause.with_references(*references)
        noun = tuple(kinds & named) or noun
        result.append(clause)
    return result


class _Forward:
    """What is named before it is said what to do with it goes to the next clause that says so."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._result: list[Clause] = []
        self._waiting: list[Clause] = []
        self._ahead: When | None = None  # "in half an hour, …"

    def clauses(self, clauses: list[Clause]) -> list[Clause]:
        for number, clause in enumerate(clauses):
            if _is_silent(clause, clauses[number + 1 :]):
                self._waiting.append(clause)
            elif clause.when is not None and not clause.cues and not clause.has_target:
                self._ahead = clause.when
            else:
                self._say(clause)
        if self._ahead is not None and self._result and self._result[-1].when is None:
            self._result[-1] = replace(self._result[-1], when=self._ahead)
        for one in self._waiting:
            self._add_what_is_left(one)
        return self._result

    def _say(self, clause: Clause) -> None:
        if self._ahead is not None and clause.cues:
            clause, self._ahead = replace(clause, when=self._ahead), None
        if self._waiting and (clause.cues or clause.has_value or "want" in clause.flags):
            clause = self._with_waiting(clause)
        self._result.append(clause)

    def _with_waiting(self, clause: Clause) -> Clause:
        own = tuple(ref for ref in clause.references if not ref.pronoun)
        named = tuple(ref for one in self._waiting for ref in one.references)
        self._waiting = []
        if clause.has_target and not own:
            named = (_one_of(named),)
        if own:
            named = tuple(self._beside(ref, own, clause.lead) for ref in named)
            named = tuple(ref for ref in named if self._stands_beside(ref, own))
        if self._result and own and _is_open(self._result[-1]):
            self._result.append(replace(self._result[-1], references=named))
            return clause
        return clause.with_references(*_completed(named, own, self._vocabulary.lexicon.sides), *own)

    def _beside(self, reference: Reference, own: tuple[Reference, ...], lead: str | None) -> Reference:
        """ "kitchen and hall lights": the lights of both."""
        both_places = (
            _is_place(reference, self._vocabulary) and _has_place(own[0], self._vocabulary) and reference.words
        )
        if lead != "and" or not both_places or _is_place(own[0], self._vocabulary):
            return reference
        return _elsewhere(own[0], reference, self._vocabulary)

    def _stands_beside(self, reference: Reference, own: tuple[Reference, ...]) -> bool:
        """Whether it is another thing of the same wish, and not only something that was mentioned."""
        if reference.unknown:
            return False
        if _is_place(reference, self._vocabulary) and not all(_is_place(ref, self._vocabulary) for ref in own):
            return False
        has_side = own[0].side is not None or bool(self._vocabulary.lexicon.sides & set(own[0].words))
        return bool(reference.words or reference.quantity) or has_side

    def _add_what_is_left(self, clause: Clause) -> None:
        if not self._result:
            self._result.append(clause)
        elif any(ref.quantity == "all" and not ref.pronoun for ref in self._result[-1].references):
            return  # "the whole basement, lights, fan and sauna": said already
        elif any(self._names_something(reference, clause.lead) for reference in clause.references):
            before = self._result[-1]
            there = (
                _elsewhere(before.references[-1], one, self._vocabulary)
                if before.references and _is_place(one, self._vocabulary)
                else one
                for one in clause.references
            )
            self._result.append(before.with_references(*there))

    def _names_something(self, reference: Reference, lead: str | None) -> bool:
        only_a_place = _is_place(reference, self._vocabulary) and lead != "and"
        return bool(reference.words) and not reference.unknown and not only_a_place


def _is_silent(clause: Clause, following: list[Clause]) -> bool:
    """It names something and says nothing of it."""
    if not clause.has_target or clause.flags & {"want", "same", "leave", "not", "story", "wish"}:
        return False
    return not (clause.cues or clause.has_value or clause.wishes) or _waits_for_a_value(clause, following)


def _one_of(references: tuple[Reference, ...]) -> Reference:
    """ "the one on the desk, the lamp, switch it on": one thing, described twice."""
    whole = Reference()
    for reference in references:
        whole = whole.joined(reference)
    return whole


def _waits_for_a_value(clause: Clause, following: list[Clause]) -> bool:
    """ "Set the living room and the office to 22 degrees"."""
    if set(clause.cues) != {"set"} or clause.has_value or not clause.has_target or not following:
        return False
    return following[0].has_value and not following[0].cues and following[0].lead == "and"


def _is_open(clause: Clause) -> bool:
    return bool(clause.cues) and not clause.flags & {"leave", "not"}


def _completed(
    references: tuple[Reference, ...], following: tuple[Reference, ...], sides: frozenset[str]
) -> tuple[Reference, ...]:
    """ "left and right floor lamps": the first has no noun of its own, and takes that of the next."""
    if not following:
        return references
    noun = tuple(word for word in following[0].words if word not in sides)
    return tuple(replace(ref, words=noun, plural=False) if ref.side and not ref.words else ref for ref in references)


def _handed_back(clauses: list[Clause]) -> list[Clause]:
    """What has a value or a place but no verb goes on with the verb before it; "but leave …" is an exception to it."""
    result: list[Clause] = []
    for clause in clauses:
        before = result[-1] if result else None
        if before is None:
            result.append(clause)
        elif ("leave" in clause.flags or ("not" in clause.flags and not clause.cues)) and clause.has_target:
            if any(ref.quantity == "all" or ref.plural for ref in before.references):
                result[-1] = replace(before, excepted=(*before.excepted, *clause.references))
        elif clause.excepted and not clause.cues and not clause.references:
            result[-1] = replace(before, excepted=(*before.excepted, *clause.excepted))
        elif clause.lead == "and" and before.has_target and not clause.has_target and _goes_on(clause):
            result.append(clause.with_references(*before.references))
        elif (
            (before.cues or before.has_value)
            and clause.has_value
            and set(clause.cues) <= {"set"}
            and not (clause.cues and clause.has_target)
        ):
            if clause.has_target:
                result.append(_with_unit_of(before, replace(clause, cues=("set",))))
            else:
                result[-1] = _with_values_of(clause, before)
        else:
            result.append(clause)
    return result


def _goes_on(clause: Clause) -> bool:
    """ "green and a bit darker": of what was named before."""
    return bool(clause.cues) and CHANGES.issuperset(clause.cues)


def _with_values_of(clause: Clause, before: Clause) -> Clause:
    """ "lamp on, but only ten percent"."""
    given = {name: getattr(clause, name) for name in VALUES if getattr(clause, name) is not None}
    return replace(before, **given, flags=before.flags | (clause.flags & {"exact"}))


def _with_unit_of(before: Clause, clause: Clause) -> Clause:
    for name in ("percent", "degrees", "kelvin") if clause.number is not None else ():
        if getattr(before, name) is not None:
            unit: dict[str, Any] = {name: clause.number, "number": None}
            return replace(clause, **unit)
    return clause


def _with_shared_place(clause: Clause, vocabulary: Vocabulary) -> Clause:
    """A place, or "everywhere", that is said behind the things is where they are: "lights off in the hall"."""
    if all(_is_place(reference, vocabulary) and reference.words for reference in clause.references):
        return clause
    references: list[Reference] = []
    for reference in clause.references:
        if _is_place(reference, vocabulary) and any(not one.pronoun for one in references):
            references = _there(references, reference, vocabulary)
        else:
            references.append(reference)
    return clause.with_references(*_led_by_place(references, vocabulary))


def _there(things: list[Reference], place: Reference, vocabulary: Vocabulary) -> list[Reference]:
    """The things of before with the place that is said behind them."""
    if place.quantity and not place.scope and _is_place(things[-1], vocabulary):
        return [*things[:-1], things[-1].joined(place)]  # "in the kitchen, everything off"
    if place.words and all(_has_place(one, vocabulary) for one in things):
        return [*things, _elsewhere(things[-1], place, vocabulary)]
    return [one if _has_place(one, vocabulary) or one.pronoun else one.joined(place) for one in things]


def _led_by_place(references: list[Reference], vocabulary: Vocabulary) -> list[Reference]:
    """ "In the hall turn off the lights": a place that stands first is that of the things behind."""
    if len(references) < 2:
        return references
    first, *others = references
    if not (first.words or first.scope) or first.quantity or not _is_place(first, vocabulary):
        return references
    return [one if _has_place(one, vocabulary) or one.pronoun else one.joined(first) for one in others]


def _elsewhere(thing: Reference, place: Reference, vocabulary: Vocabulary) -> Reference:
    """ "the light in the hall and in the kitchen": the same thing in another place."""
    words = tuple(word for word in thing.words if word not in vocabulary.place_words)
    return replace(thing, words=(*words, *place.words), scope=place.scope, said=f"{thing.said} {place.said}".strip())


def _is_place(reference: Reference, vocabulary: Vocabulary) -> bool:
    places = vocabulary.place_words
    only_places = all(word in places and word not in vocabulary.lexicon.kinds for word in reference.words)
    return only_places and not reference.pronoun and not reference.unknown and not reference.side


def _has_place(reference: Reference, vocabulary: Vocabulary) -> bool:
    return bool(set(reference.words) & vocabulary.place_words) or reference.scope is not None
