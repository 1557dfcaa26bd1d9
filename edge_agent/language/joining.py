"""Clauses that belong together: "the kettle and the lights on", "… to 20 percent and the lamp to 80", "but not …"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edge_agent.language.clause import Clause, Reference
from edge_agent.language.vocabulary import SMALL_WORDS, Vocabulary
from edge_agent.language.words import spoken

CHANGES = frozenset({"brighter", "darker", "warmer", "colder", "louder", "quieter", "stronger", "weaker", "set"})
VALUES = ("percent", "degrees", "kelvin", "number", "color", "hvac", "tint", "factor")


def join(clauses: list[Clause], vocabulary: Vocabulary) -> list[Clause]:
    """Each of the result says whole what is to be done to what."""
    clauses = _with_late_but(_without_reasons(clauses))
    named = (_called_by_name(_of_light(clause, vocabulary), vocabulary) for clause in clauses)
    told = _with_shared_kind([_with_shared_place(clause, vocabulary) for clause in named], vocabulary)
    told = _with_nouns_of_ones(_corrected(_with_meant_pronouns(told)), vocabulary)
    forward = _Forward(vocabulary).clauses(_with_the_rest(told))
    return [_with_shared_place(clause, vocabulary) for clause in _handed_back(_without_repeats(forward))]


def _with_late_but(clauses: list[Clause]) -> list[Clause]:
    """ "Alles aus, im Flur aber anlassen": a `but` behind what it is about."""
    result: list[Clause] = []
    for clause in clauses:
        before = result[-1] if result else None
        is_late = before is not None and before.lead == "break" and _is_named_only(before) and not clause.has_target
        if before is not None and is_late and clause.lead == "but":
            result[-1] = replace(clause.with_references(*before.references), words=(*before.words, *clause.words))
        else:
            result.append(clause)
    return result


def _without_reasons(clauses: list[Clause]) -> list[Clause]:
    """ "Unlock the door so the kids can get out": what a wish is for is no wish."""
    kept: list[Clause] = []
    for clause in clauses:
        wished_before = any(one.cues and one.has_target and "story" not in one.flags for one in kept)
        if not (clause.lead == "so" and wished_before):
            kept.append(clause)
    return kept


def _of_light(clause: Clause, vocabulary: Vocabulary) -> Clause:
    """A temperature in kelvin is that of a light."""
    if clause.kelvin is None:
        return clause
    temperature = vocabulary.lexicon.canonical("temperature")
    kept = tuple(
        replace(ref, words=tuple(word for word in ref.words if word != temperature)) for ref in clause.references
    )
    attribute = "color" if clause.attribute == "temperature" else clause.attribute
    return replace(clause, attribute=attribute, references=tuple(ref for ref in kept if not ref.is_empty))


def _called_by_name(clause: Clause, vocabulary: Vocabulary) -> Clause:
    """ "The scene Movie Night", "the volume, on the TV": a word for a kind beside the name of one is no other thing."""
    if len(clause.references) < 2:
        return clause
    named = [words for ref in clause.references for words in vocabulary.named_wholly(frozenset(ref.words))]
    kinds = frozenset.intersection(*(words.kinds for words in named)) if named else frozenset()
    aspects = vocabulary.lexicon.aspects
    kept = tuple(
        ref
        for ref in clause.references
        if not (ref.only_says_a_kind and set(ref.words) <= kinds)
        and not (ref.words and set(ref.words) <= aspects and not ref.unknown)
    )
    names_a_thing = any(not _is_place(ref, vocabulary) for ref in kept)  # "in the kitchen pause the music"
    return clause.with_references(*kept) if names_a_thing else clause


def _with_shared_kind(clauses: list[Clause], vocabulary: Vocabulary) -> list[Clause]:
    """ "Turn off the kitchen, the hall and the bedroom lights": what is said of the last place is of all."""
    result = list(clauses)
    for at in range(len(clauses) - 1, 0, -1):
        last, first = result[at], result[at - 1]
        is_last_of_several = last.lead == "and" or (at + 1 < len(result) and result[at + 1].lead == "and")
        if not (is_last_of_several and _is_named_only(last) and first.references):
            continue
        thing, place = last.references[-1], first.references[-1]
        has_both = _has_place(thing, vocabulary) and not _is_place(thing, vocabulary)
        if has_both and place.words and not place.quantity and _is_place(place, vocabulary):
            shared = _elsewhere(thing, place, vocabulary)
            result[at - 1] = first.with_references(*first.references[:-1], shared)
    return result


def _is_named_only(clause: Clause) -> bool:
    return len(clause.references) == 1 and not (clause.cues or clause.has_value or clause.wishes or clause.excepted)


def _with_meant_pronouns(clauses: list[Clause]) -> list[Clause]:
    """ "The light is blinding, turn it down": it is the light."""
    result: list[Clause] = []
    for clause in clauses:
        if clause.is_empty:
            continue
        named = tuple(ref for ref in result[-1].references if ref.words and not ref.unknown) if result else ()
        told = bool(result) and bool(result[-1].wishes)
        pronouns_only = (clause.has_target or told) and all(ref.pronoun == "it" for ref in clause.references)
        does_something = bool(set(clause.cues) - {"set"}) or clause.has_value  # not "do something about it"
        if pronouns_only and named and does_something and clause.cues and not result[-1].cues:
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


def _with_the_rest(clauses: list[Clause]) -> list[Clause]:
    """ "Leave the lamp on but switch off the other lights": all of the kind that were not named before."""
    result: list[Clause] = []
    for clause in clauses:
        named = tuple(ref for one in result for ref in one.references if ref.words and not ref.unknown)
        others = [ref for ref in clause.references if ref.pronoun == "other"]
        things = [ref for ref in clause.references if ref.pronoun != "other"]
        things += [replace(ref, pronoun=None) for ref in others if ref.quantity == "all"]
        if others and named and things:
            kept = tuple(replace(ref, quantity="all") for ref in things)
            clause = replace(clause, references=kept, excepted=(*clause.excepted, *named))
        elif others and things:  # "… everything else off": than what was done before
            kept = tuple(replace(ref, quantity="all") for ref in things)
            clause = replace(clause, references=kept, flags=clause.flags | {"rest"})
        result.append(clause)
    return result


class _Forward:
    """What is named before it is said what to do with it goes to the next clause that says so."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._result: list[Clause] = []
        self._waiting: list[Clause] = []
        self._ahead = Clause()  # "in half an hour, …"

    def clauses(self, clauses: list[Clause]) -> list[Clause]:
        clauses = _excepted_too(_excepted_behind(clauses))
        for number, clause in enumerate(clauses):
            if _is_silent(clause, clauses[number + 1 :]):
                self._waiting.append(clause)
            elif (clause.when or clause.for_s) and not clause.cues and not clause.has_target:
                self._ahead = clause
            else:
                self._say(clause)
        if self._result:
            self._result[-1] = self._timed(self._result[-1])
        listed = bool(self._waiting) and self._waiting[-1].lead == "and"
        for one in self._waiting:
            self._add_what_is_left(replace(one, lead="and") if listed else one)
        return self._result

    def _say(self, clause: Clause) -> None:
        if clause.cues:
            clause, self._ahead = self._timed(clause), Clause()
        if self._waiting and (clause.cues or clause.has_value or "want" in clause.flags):
            clause = self._with_waiting(clause)
        self._result.append(clause)

    def _timed(self, clause: Clause) -> Clause:
        """With the time that was said ahead, where it has none of its own."""
        return replace(clause, when=clause.when or self._ahead.when, for_s=clause.for_s or self._ahead.for_s)

    def _with_waiting(self, clause: Clause) -> Clause:
        own = tuple(ref for ref in clause.references if not ref.pronoun)
        if len(own) < len(clause.references) and not any(ref.words or ref.unknown for ref in own):
            own = ()  # "turn all of that off"
        named = tuple(ref for one in self._waiting for ref in one.references)
        self._waiting = []
        if clause.has_target and not own:
            named = (_one_of(named),)
        if own and clause.lead in ("break", "asked") and self._is_where(named, own):
            own = tuple(ref.joined(named[0]) for ref in own)  # "downstairs: all lights off"
            return clause.with_references(*own)
        if own:
            named = tuple(self._beside(ref, own, clause.lead) for ref in named)
            named = tuple(ref for ref in named if self._stands_beside(ref, own))
        if self._result and own and _is_open(self._result[-1]):
            self._result.append(replace(self._result[-1], references=named))
            return clause
        return clause.with_references(*_completed(named, own, self._vocabulary.lexicon.sides), *own)

    def _is_where(self, named: tuple[Reference, ...], own: tuple[Reference, ...]) -> bool:
        is_place = len(named) == 1 and (named[0].words or named[0].scope) and _is_place(named[0], self._vocabulary)
        things = not any(_is_place(ref, self._vocabulary) or _has_place(ref, self._vocabulary) for ref in own)
        return bool(is_place) and things and (not named[0].quantity or named[0].scope == "house")

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
        elif any(self._is_everything(reference) for reference in self._result[-1].references):
            return  # "the whole basement, lights, fan and sauna": said already
        elif any(self._names_something(reference, clause.lead) for reference in clause.references):
            before = self._result[-1]
            # "… and the lamp in ten minutes": both then
            before = replace(before, when=before.when or clause.when, for_s=before.for_s or clause.for_s)
            self._result[-1] = before
            of_all = bool(before.references) and before.references[-1].quantity == "all"
            there = (
                _elsewhere(before.references[-1], one, self._vocabulary)
                if before.references and _is_place(one, self._vocabulary)
                else one
                for one in clause.references
            )
            named = (replace(one, quantity=one.quantity or "all") if of_all else one for one in there)
            self._result.append(before.with_references(*named))

    def _is_everything(self, reference: Reference) -> bool:
        kinds = self._vocabulary.lexicon.kinds.keys() - self._vocabulary.place_words
        return reference.quantity == "all" and not reference.pronoun and kinds.isdisjoint(reference.words)

    def _names_something(self, reference: Reference, lead: str | None) -> bool:
        only_a_place = _is_place(reference, self._vocabulary) and lead != "and"
        return bool(reference.words) and not reference.unknown and not only_a_place


def _excepted_behind(clauses: list[Clause]) -> list[Clause]:
    """ "Except for the kitchen, all lights off": said first, it belongs to the wish behind it."""
    if len(clauses) < 2 or not clauses[0].excepted or clauses[0].cues or clauses[0].references:
        return clauses
    first, second, *others = clauses
    return [replace(second, excepted=(*first.excepted, *second.excepted)), *others]


def _excepted_too(clauses: list[Clause]) -> list[Clause]:
    """ "All lights off except the one in the hall and the one in the kitchen"."""
    result: list[Clause] = []
    for clause in clauses:
        goes_on = clause.lead == "and" and _is_named_only(clause) and clause.flags <= {"one", "same"}
        if result and result[-1].excepted and result[-1].cues and goes_on:
            before = result[-1]
            result[-1] = replace(before, excepted=(*before.excepted, *clause.references))
        else:
            result.append(clause)
    return result


def _is_silent(clause: Clause, following: list[Clause]) -> bool:
    """It names something and says nothing of it."""
    if not clause.has_target or clause.flags & {"want", "same", "leave", "not", "story", "wish"}:
        return False
    return not (clause.cues or clause.has_value or clause.wishes) or _waits_for_the_rest(clause, following)


def _one_of(references: tuple[Reference, ...]) -> Reference:
    """ "the one on the desk, the lamp, switch it on": one thing, described twice."""
    whole = Reference()
    for reference in references:
        whole = whole.joined(reference)
    return whole


def _waits_for_the_rest(clause: Clause, following: list[Clause]) -> bool:
    """ "Set the living room and the office to 22 degrees", "make the lamp and the spots brighter"."""
    if set(clause.cues) != {"set"} or clause.has_value or not clause.has_target or not following:
        return False
    says_the_rest = (following[0].has_value or bool(following[0].cues)) and "set" not in following[0].cues
    return says_the_rest and following[0].has_target and following[0].lead == "and"


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
        elif _leaves_out(clause, before) and clause.has_target:
            if any(ref.quantity == "all" or ref.plural for ref in before.references):
                result[-1] = replace(before, excepted=(*before.excepted, *clause.references))
        elif "same" in clause.flags and _is_named_only(clause) and before.cues and before.has_target:
            result.append(before.with_references(*clause.references))  # "the floor lamp on and the ceiling lamp too"
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


def _without_repeats(clauses: list[Clause]) -> list[Clause]:
    return [clause for at, clause in enumerate(clauses) if not at or not _only_repeats(clause, clauses[at - 1])]


def _only_repeats(clause: Clause, before: Clause) -> bool:
    """ "Hold it, Rosie, pause": the same is said twice."""
    adds = clause.has_target or clause.has_value or clause.excepted or clause.when or clause.for_s
    again = before.has_target and clause.cues == before.cues and clause.lead != "and"
    return bool(clause.cues) and again and not adds


def _leaves_out(clause: Clause, before: Clause) -> bool:
    """ "But leave the lamp", "but not the lamp", "don't turn off the lamp"."""
    return "leave" in clause.flags or ("not" in clause.flags and set(clause.cues) <= set(before.cues))


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
    elsewhere = [_has_place(one, vocabulary) and not _may_be_in(one, place, vocabulary) for one in things]
    if place.words and all(elsewhere):
        return [*things, _elsewhere(things[-1], place, vocabulary)]
    return [
        one if is_elsewhere or one.pronoun else one.joined(place)
        for one, is_elsewhere in zip(things, elsewhere, strict=True)
    ]


def _may_be_in(thing: Reference, place: Reference, vocabulary: Vocabulary) -> bool:
    """ "The bathroom light in the master bathroom": what is said of its place is said of that place too."""
    places = set(thing.words) & vocabulary.place_words - SMALL_WORDS
    return thing.scope in (None, "house") and bool(places) and places < set(place.words)


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
    return replace(thing, words=(*words, *place.words), scope=place.scope, said=spoken((thing.said, place.said)))


def _is_place(reference: Reference, vocabulary: Vocabulary) -> bool:
    places = vocabulary.place_words
    only_places = all(
        word in SMALL_WORDS or (word in places and word not in vocabulary.lexicon.kinds) for word in reference.words
    )
    return only_places and not reference.pronoun and not reference.unknown and not reference.side


def _has_place(reference: Reference, vocabulary: Vocabulary) -> bool:
    return bool(set(reference.words) & vocabulary.place_words) or reference.scope not in (None, "house")
