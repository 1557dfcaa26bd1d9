"""What is said beside a wish: why, for whom, what the person is about to do. Nothing of it is ever acted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edge_agent.language.lexicon import Lexicon, Meaning
from edge_agent.language.marks import VALUE_TABLES, Mark

EXCEPT = Meaning("except", "except")
CONDITION = Meaning("condition", "condition")


def without_remarks(found: Sequence[Mark], lexicon: Lexicon) -> list[Mark]:
    """ "Light off in the kitchen I'm done cooking" → "light off in the kitchen"."""
    if not lexicon.has_remarks:
        return list(found)
    found = [_as_exception(found, at, _as_condition(found, at)) for at in range(len(found))]
    kept: list[Mark] = []
    start = at = 0  # of the stretch in `kept`, of the mark in `found`
    wished_before = False
    while at < len(found):
        mark = found[at]
        if mark.has("break") or (mark.has("join") and not mark.home):
            wished_before = wished_before or _is_whole(kept[start:])
            start = len(kept) + 1
        elif taken := _for_somebody(found, at):
            at += taken
            continue
        elif _begins(found, at) and _may_end(kept[start:], wished_before):
            end = _end(found, at)
            if not _wishes_more(found[at:end]):
                at = end
                continue
        kept.append(mark)
        at += 1
    return kept


def _as_condition(found: Sequence[Mark], at: int) -> Mark:
    """ "When it rains", "if the lamp is off"; "when you have a minute" is none."""
    following = found[at + 1] if at + 1 < len(found) else None
    if following is None or not found[at].has("remark", "condition"):
        return found[at]
    tells = following.home or following.has("remark", "subject") or any(map(following.has, ("article", "pronoun")))
    return replace(found[at], meanings=(CONDITION,)) if tells else found[at]


def _as_exception(found: Sequence[Mark], at: int, mark: Mark) -> Mark:
    """ "Every room but the study", "everything but the TV off": behind a quantity, and with one wish in all."""
    if not mark.has("join", "but") or mark.home or not mark.has("except"):
        return mark
    before, behind = _stretch(found, at, -1), _stretch(found, at, 1)
    does = [any(one.has("cue") and not one.home for one in stretch) for stretch in (before, behind)]
    takes_out = any(one.has("not") or one.has("want") or one.has("pronoun") for one in behind) or all(does)
    of_all = any(one.has("quantity", "all") or one.has("scope", "house") for one in before)
    return replace(mark, meanings=(EXCEPT,)) if of_all and behind and not takes_out else mark


def _stretch(found: Sequence[Mark], at: int, step: int) -> list[Mark]:
    """The marks from `at` to the next break or word that joins."""
    stretch: list[Mark] = []
    at += step
    while 0 <= at < len(found) and not (found[at].has("break") or (found[at].has("join") and not found[at].home)):
        stretch.append(found[at])
        at += step
    return stretch


def _begins(found: Sequence[Mark], at: int) -> bool:
    """A subject with its verb, or a word for a reason; but not "to its maximum", nor "what I …" of a question."""
    mark, following = found[at], found[at + 1] if at + 1 < len(found) else None
    if following is None or following.has("break"):
        return False
    if mark.has("remark", "reason"):
        return following.number is None
    before = found[at - 1] if at else None
    if mark.has("article") and before is not None and following.unknown is not None:
        ends = before.home or (before.has("cue") and not before.has("place") and not before.has("verb"))
        return bool(ends) and at + 2 < len(found) and not found[at + 2].home  # "… the delivery's here"
    if before is None or not mark.has("remark", "subject") or following.has("article"):
        return False
    is_object = mark.has("pronoun") and any(map(before.has, ("place", "little", "article")))  # "to its maximum"
    return not is_object and not before.has("question") and not before.has("condition")


def _wishes_more(stretch: Sequence[Mark]) -> bool:
    """ "I want the TV on" is no remark, "I want to sleep" is one; an exception is never a remark."""
    if any(mark.has("except") for mark in stretch):
        return True
    return any(mark.has("want") for mark in stretch) and any(mark.home or mark.has("pronoun") for mark in stretch)


def _may_end(stretch: Sequence[Mark], wished_before: bool) -> bool:
    """Whether nothing is missing before a remark: a whole wish, or one before the comma and nothing since."""
    return _is_whole(stretch) or (wished_before and all(mark.has("filler") for mark in stretch))


def _does(mark: Mark) -> bool:
    return mark.value("cue") not in (None, "set", "add") and (not mark.home or mark.has("verb"))


def _is_whole(stretch: Sequence[Mark]) -> bool:
    """Whether it says what is to be done, and to what."""
    says_what = any(_does(mark) or mark.number is not None or any(map(mark.has, VALUE_TABLES)) for mark in stretch)
    return says_what and any(mark.home or mark.has("pronoun") or mark.has("quantity") for mark in stretch)


def _end(found: Sequence[Mark], at: int) -> int:
    """Where the next clause begins that may be a wish again."""
    while at < len(found) and not found[at].has("break") and not _joins_a_wish(found, at):
        at += 1
    return at


def _joins_a_wish(found: Sequence[Mark], at: int) -> bool:
    following = found[at + 1] if at + 1 < len(found) else None
    return found[at].has("join") and following is not None and (following.has("verb") or bool(following.home))


def _for_somebody(found: Sequence[Mark], at: int) -> int:
    """ "For the kids": how many marks tell whom it is done for; 0 where it is no such thing."""
    if not found[at].has("remark", "for"):
        return 0
    end = at + 1
    while end < len(found) and found[end].has("article"):
        end += 1
    person = end
    while end < len(found) and found[end].unknown is not None:
        end += 1
    is_place = end < len(found) and bool(found[end].home)
    return 0 if end == person or is_place else end - at
