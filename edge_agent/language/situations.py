"""How it is, said instead of what is wanted: "it's too dark in here", "I'm freezing", "there's a burst pipe"."""

from __future__ import annotations

from dataclasses import replace

from edge_agent.home import Entity
from edge_agent.language.clause import Clause, Reference
from edge_agent.language.deciding import actions_for, fits
from edge_agent.language.plan import Act, Plan, Refuse
from edge_agent.language.targets import Fits, Found, Targets, both, of_kinds
from edge_agent.language.vocabulary import SMALL_WORDS, Vocabulary

# What helps, in the order in which it is tried: (kinds, cue).
HELP: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    "brighter_here": ((("light",), "on"), (("light",), "brighter")),
    "darker_here": ((("light",), "darker"), (("cover",), "close")),
    "sun_here": ((("cover:blind", "cover:curtain", "cover:shutter", "cover:shade", "cover:awning"), "close"),),
    "warmer_here": ((("climate",), "warmer"),),
    "colder_here": ((("climate",), "colder"), (("fan",), "on")),
    "fresher_here": ((("fan",), "on"),),
    "damper_here": ((("humidifier",), "on"),),
    "cleaner_here": ((("vacuum",), "clean"),),
    "quieter_here": ((("media_player",), "quieter"),),
    "louder_here": ((("media_player",), "louder"),),
    "thirsty_here": ((("valve",), "water"),),
    "shut_water": ((("valve",), "close"),),
    "daylight_here": ((("cover:blind", "cover:curtain", "cover:shutter", "cover:shade"), "open"),),
}


def situation_clause(clause: Clause, targets: Targets, vocabulary: Vocabulary, area: str | None) -> Plan | None:
    """What helps, where it is one device that can; None where nothing does or several could."""
    elsewhere = _in_rooms_of_other_homes(clause, vocabulary)
    if elsewhere:
        return Refuse("no_such_device", {"name": elsewhere[0].said})
    helpful = [one for wish in clause.wishes for one in HELP.get(wish, ())]
    for reference in _places(clause, area, targets, vocabulary):
        for kinds, cue in helpful:
            wished = Clause(cues=(cue,))
            found = targets.find(reference, both(of_kinds(*kinds), both(fits(wished), _not_yet(cue))), prefer=_plays)
            if found.ambiguous and _shade_one_room(found):
                found = replace(found, ambiguous=False)
            if found.entities and not found.ambiguous:
                actions = actions_for([words.entity for words in found.entities], wished)
                if actions:
                    return Act(actions, clause.when)
            if found.entities:
                return None
    return None


def _in_rooms_of_other_homes(clause: Clause, vocabulary: Vocabulary) -> list[Reference]:
    """ "It's cold in the bathroom", where there is none; but neighbours may look into any room."""
    rooms = vocabulary.lexicon.rooms
    if "sun_here" in clause.wishes or any(ref.words or ref.scope for ref in clause.references):
        return []
    return [ref for ref in clause.references if not rooms.isdisjoint(ref.unknown)]


def _shade_one_room(found: Found) -> bool:
    """Who is looked at closes blinds and curtains."""
    rooms = {words.entity.area for words in found.entities}
    return len(rooms) == 1 and None not in rooms and all(words.entity.kind == "cover" for words in found.entities)


def _not_yet(cue: str) -> Fits:
    """What is on already is no help when it is turned on."""
    return lambda entity: cue != "on" or not entity.is_on


def _plays(entity: Entity) -> bool:
    return entity.state == "playing"


def _places(clause: Clause, area: str | None, targets: Targets, vocabulary: Vocabulary) -> list[Reference]:
    """What was named, then where the person is, then the whole home; only what was named, where that is a device."""
    named = [
        replace(ref, unknown=(), words=() if SMALL_WORDS.issuperset(ref.words) else ref.words)
        for ref in clause.references
        if ref.words or ref.scope
    ]
    things = [ref for ref in named if vocabulary.lexicon.kinds.keys() & set(ref.words)]
    if any(targets.find(ref, lambda entity: bool(entity.actions)).entities for ref in things):
        return named
    here = [Reference(scope="here")] if area is not None else []
    return [*named, *here, Reference()]
