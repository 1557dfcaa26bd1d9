"""Clauses that belong together: "the kettle and the lights on", "… to 20 percent and the lamp to 80", "but not …"."""

from __future__ import annotations

from dataclasses import replace

from edge_agent.language.clause import Clause, Reference
from edge_agent.language.plan import When
from edge_agent.language.vocabulary import Vocabulary

VALUES = ("percent", "degrees", "kelvin", "number", "color", "hvac", "tint")


def join(clauses: list[Clause], vocabulary: Vocabulary) -> list[Clause]:
    """Each of the result says whole what is to be done to what."""
    told = [_with_shared_place(clause, vocabulary) for clause in _without_reasons(clauses)]
    forward = _handed_forward(_corrected(_with_meant_pronouns(told)), vocabulary)
    return [_with_shared_place(clause, vocabulary) for clause in _handed_back(forward)]


def _without_reasons(clauses: list[Clause]) -> list[Clause]:
    """"Unlock the door so the kids can get out": what a wish is for is no wish."""
    kept: list[Clause] = []
    for clause in clauses:
        wished_before = any(one.cues and one.has_target and "story" not in one.flags for one in kept)
        if not (clause.lead == "so" and wished_before):
            kept.append(clause)
    return kept


def _with_meant_pronouns(clauses: list[Clause]) -> list[Clause]:
    """"The light is blinding, turn it down": it is the light."""
    result: list[Clause] = []
    for clause in clauses:
        if clause.is_empty:
            continue
        named = tuple(ref for ref in result[-1].references if ref.words and not ref.unknown) if result else ()
        pronouns_only = clause.has_target and all(ref.pronoun == "it" for ref in clause.references)
        if pronouns_only and named and clause.cues and not result[-1].cues:
            result[-1] = replace(clause, references=named)
        else:
            result.append(clause)
    return result


def _corrected(clauses: list[Clause]) -> list[Clause]:
    """"… two thirds, no, make that 60 percent": the later value counts."""
    result: list[Clause] = []
    for clause in clauses:
        fixes = "fix" in clause.flags and clause.has_value and not clause.has_target
        if fixes and result and result[-1].has_value:
            given = {name: getattr(clause, name) for name in VALUES}
            result[-1] = replace(result[-1], **given, flags=result[-1].flags | clause.flags)
        else:
            result.append(clause)
    return result


def _handed_forward(clauses: list[Clause], vocabulary: Vocabulary) -> list[Clause]:
    """What is named before it is said what to do with it goes to the next that says so."""
    result: list[Clause] = []
    waiting: list[Clause] = []
    ahead: When | None = None
    for number, clause in enumerate(clauses):
        silent = not clause.cues and not clause.has_value and not clause.wishes and clause.has_target
        silent = silent or _waits_for_a_value(clause, clauses[number + 1 :])
        silent = silent and not clause.flags & {"want", "same", "leave", "not", "story", "wish"}
        if silent:
            waiting.append(clause)
            continue
        if clause.when is not None and not clause.cues and not clause.has_target:
            ahead = clause.when  # "in half an hour, …"
            continue
        if ahead is not None and clause.cues:
            clause, ahead = replace(clause, when=ahead), None
        if waiting and (clause.cues or clause.has_value or "want" in clause.flags):
            references = tuple(ref for one in waiting for ref in one.references)
            if clause.has_target and all(ref.pronoun for ref in clause.references):
                references = (_one_of(references),)
            own = tuple(ref for ref in clause.references if not ref.pronoun)
            if own:
                all_places = all(_is_place(ref, vocabulary) for ref in own)
                references = tuple(
                    ref
                    for ref in references
                    if not ref.unknown
                    and (all_places or not _is_place(ref, vocabulary))
                    and (ref.words or ref.quantity or own[0].side or vocabulary.lexicon.sides & set(own[0].words))
                )
            if not result or not own or not _is_open(result[-1]):
                clause = clause.with_references(*_completed(references, own, vocabulary.lexicon.sides), *own)
            else:
                result.append(_like(result[-1], references))
            waiting = []
        result.append(clause)
    if result and ahead is not None and result[-1].when is None:
        result[-1] = replace(result[-1], when=ahead)
    for one in waiting:
        if result and any(ref.quantity == "all" and not ref.pronoun for ref in result[-1].references):
            continue  # "the whole basement, lights, fan and sauna": said already
        if not result:
            result.append(one)
        elif any(reference.words and not reference.unknown for reference in one.references):
            result.append(_like(result[-1], one.references))
    return result


def _one_of(references: tuple[Reference, ...]) -> Reference:
    """"the one on the desk, the lamp, switch it on": one thing, described twice."""
    whole = Reference()
    for reference in references:
        whole = whole.joined(reference)
    return whole


def _waits_for_a_value(clause: Clause, following: list[Clause]) -> bool:
    """"Set the living room and the office to 22 degrees"."""
    if set(clause.cues) != {"set"} or clause.has_value or not clause.has_target or not following:
        return False
    return following[0].has_value and not following[0].cues and following[0].lead == "and"


def _is_open(clause: Clause) -> bool:
    return bool(clause.cues) and not clause.flags & {"leave", "not"}


def _like(done: Clause, references: tuple[Reference, ...]) -> Clause:
    """The same wish for other devices."""
    return replace(done, references=references)


def _completed(
    references: tuple[Reference, ...], following: tuple[Reference, ...], sides: frozenset[str]
) -> tuple[Reference, ...]:
    """"left and right floor lamps": the first has no noun of its own, and takes that of the next."""
    if not following:
        return references
    noun = tuple(word for word in following[0].words if word not in sides)
    return tuple(replace(ref, words=noun, plural=False) if ref.side and not ref.words else ref for ref in references)


def _handed_back(clauses: list[Clause]) -> list[Clause]:
    """What has a value or a place but no verb goes on with the verb before it; "but leave …" is an exception to it."""
    result: list[Clause] = []
    for clause in clauses:
        before = result[-1] if result else None
        if before is not None and "leave" in clause.flags and clause.has_target:
            if any(ref.quantity == "all" or ref.plural for ref in before.references):
                result[-1] = replace(before, excepted=(*before.excepted, *clause.references))
            continue
        if before is not None and clause.excepted and not clause.cues and not clause.references:
            result[-1] = replace(before, excepted=(*before.excepted, *clause.excepted))
            continue
        if before is not None and before.cues and not clause.cues and clause.has_value and clause.has_target:
            clause = replace(clause, cues=tuple(cue for cue in before.cues if cue == "set") or ("set",))
            if clause.number is not None:
                clause = _with_unit_of(before, clause)
        if before is not None and before.cues and clause.has_value and not clause.cues and not clause.has_target:
            result[-1] = _with_values_of(clause, before)
            continue
        result.append(clause)
    return result


def _with_values_of(clause: Clause, before: Clause) -> Clause:
    """"lamp on, but only ten percent"."""
    given = {name: getattr(clause, name) for name in VALUES if getattr(clause, name) is not None}
    return replace(before, **given)


def _with_unit_of(before: Clause, clause: Clause) -> Clause:
    for name in ("percent", "degrees", "kelvin"):
        if getattr(before, name) is not None:
            return replace(clause, number=None, **{name: clause.number})
    return clause


def _with_shared_place(clause: Clause, vocabulary: Vocabulary) -> Clause:
    """A place, or "everywhere", that is said behind the things is where they are: "lights off in the hall"."""
    references: list[Reference] = []
    only_places = all(_is_place(reference, vocabulary) and reference.words for reference in clause.references)
    for reference in clause.references:
        if references and not only_places and _is_place(reference, vocabulary):
            references = [
                one if _has_place(one, vocabulary) or one.pronoun else one.joined(reference) for one in references
            ]
        else:
            references.append(reference)
    return clause.with_references(*references)


def _is_place(reference: Reference, vocabulary: Vocabulary) -> bool:
    places = vocabulary.place_words
    only_places = all(word in places and word not in vocabulary.lexicon.kinds for word in reference.words)
    return only_places and not reference.pronoun and not reference.unknown and not reference.side


def _has_place(reference: Reference, vocabulary: Vocabulary) -> bool:
    return bool(set(reference.words) & vocabulary.place_words) or reference.scope is not None
