"""How the rules understand a sentence, and why: what was heard in it, what comes of that, and what policy says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, fields

from edge_agent.errors import NotAllowed
from edge_agent.home import DeviceAction, Home
from edge_agent.home.policy import Allowed, NeedsYes, Refused, check, forbid_several, needing_a_yes
from edge_agent.language import Act, Ask, Dialogue, Plan, Understanding
from edge_agent.language.clause import Clause, Reference
from edge_agent.language.lexicon import lexicon
from edge_agent.language.reading import Reader
from edge_agent.language.vocabulary import Vocabulary
from edge_agent.settings import HomeSettings

LEFT_OUT = frozenset({"said", "words"})
NOT_UNDERSTOOD = "The rules do not understand it: the model is asked."


def explanation(home: Home, settings: HomeSettings, text: str, *, area: str | None, language: str) -> Iterator[str]:
    """Lines; nothing is done. As the first sentence of a conversation: "it" stands for nothing."""
    words = lexicon(language)
    if words is None:
        yield f"There are no rules for the language {language}: the model is asked."
        return
    for clause in Reader(words, Vocabulary(words, home.entities.values(), home.areas)).read(text):
        yield f"heard       “{' '.join(clause.said)}”"
        yield from (f"            {line}" for line in _heard(clause))
    plan = Understanding(home).understand(text, Dialogue(), area=area, language=language)
    yield f"understood  {NOT_UNDERSTOOD if plan is None else _named(plan)}"
    if isinstance(plan, Act):
        yield from (f"            {line}" for line in _actions(home, settings, plan))
    elif isinstance(plan, Ask):
        yield from (f"            could be {one}" for one in plan.candidates)


def _heard(clause: Clause) -> Iterator[str]:
    for field in fields(clause):
        value = getattr(clause, field.name)
        if field.name in LEFT_OUT or _is_default(field, value):
            continue
        if field.name in ("references", "excepted"):
            yield from (f"{'device' if field.name == 'references' else 'but not'}: {_reference(one)}" for one in value)
        else:
            yield f"{field.name}: {_shown(value)}"


def _is_default(field: Field[object], value: object) -> bool:
    return value == field.default or value in ({}, ())


def _reference(reference: Reference) -> str:
    more = (
        f"{field.name} {_shown(getattr(reference, field.name))}"
        for field in fields(reference)
        if field.name not in LEFT_OUT and not _is_default(field, getattr(reference, field.name))
    )
    return ", ".join(filter(None, (f"“{reference.said}”" if reference.said else "", *more)))


def _shown(value: object) -> str:
    if isinstance(value, frozenset | tuple):
        several = sorted(value) if isinstance(value, frozenset) else value
        return ", ".join(str(one) for one in several)
    return str(value)


def _named(plan: Plan) -> str:
    """`Query: type which, state on, …`."""
    said = (
        f"{field.name} {_shown(getattr(plan, field.name))}"
        for field in fields(plan)
        if field.name not in ("actions", "candidates") and not _is_default(field, getattr(plan, field.name))
    )
    return f"{type(plan).__name__}: {', '.join(said)}".removesuffix(": ")


def _actions(home: Home, settings: HomeSettings, plan: Act) -> Iterator[str]:
    for wish in plan.actions:
        params = "".join(f", {name} {value}" for name, value in wish.params.items())
        yield f"{wish.entity_id}: {wish.action}{params} → {_verdict(home, settings, wish)}"
    try:
        forbid_several(needing_a_yes(plan.actions, home.find, settings.confirm))
    except NotAllowed as error:
        yield f"refused: {error}"


def _verdict(home: Home, settings: HomeSettings, wish: DeviceAction) -> str:
    match check(home.find(wish.entity_id), wish, confirmed=False, confirm_list=settings.confirm):
        case Allowed():
            return "done"
        case NeedsYes():
            return "done after a yes"
        case Refused(message=message):
            return f"refused: {message}"
