"""What is wished for a while: "turn on the fan for ten minutes", in the languages that have words for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from edge_agent.home import EntityAction, Home
from edge_agent.language import Act, Dialogue, Plan, Refuse, Understanding
from edge_agent.language.plan import When
from tests.language.things import thing

NAMES = {"en": ("Fan", "Lamp"), "de": ("Ventilator", "Lampe"), "fr": ("Ventilateur", "Lampe")}


def understood(sentence: str, language: str) -> Plan | None:
    able = {name: EntityAction(name, {}, lambda entity, params: ()) for name in ("turn_on", "turn_off")}
    fan, lamp = NAMES[language]
    entities = {one.id: one for one in (thing("fan.a", fan, "off", area=None, actions=able),
                                        thing("light.b", lamp, "off", area=None, actions=able))}  # fmt: skip
    home = Understanding(cast(Home, SimpleNamespace(entities=entities, areas={}, version=1)))
    return home.understand(sentence, Dialogue(), area=None, language=language)


@pytest.mark.parametrize(
    ("language", "sentence", "minutes"),
    [
        ("en", "turn on the fan for ten minutes", 10),
        ("en", "for ten minutes, turn on the fan", 10),
        ("en", "could you turn the fan on for an hour and a half?", 90),
        ("en", "fan on for 1 hour and 20 minutes please", 80),
        ("en", "turn on the fan and the lamp for 10 minutes", 10),
        ("en", "turn on the fan for a minute", 1),
        ("en", "turn on the fan for me", None),
        ("de", "Schalte den Ventilator für zehn Minuten ein", 10),
        ("de", "Mach den Ventilator eine halbe Stunde lang an", 30),
        ("de", "Ventilator für eine Stunde und 20 Minuten an", 80),
        ("fr", "allume le ventilateur pendant dix minutes", 10),
        ("fr", "allume le ventilateur pour une demi-heure", 30),
        ("fr", "pendant 1 heure et 20 minutes, allume le ventilateur", 80),
    ],
)
def test_how_long_it_is_to_be_so(language: str, sentence: str, minutes: int | None) -> None:
    plan = understood(sentence, language)
    assert isinstance(plan, Act), plan
    assert {wish.action for wish in plan.actions} == {"turn_on"}
    assert plan.when is None
    assert plan.for_s == (None if minutes is None else 60 * minutes)


def test_later_and_for_a_while() -> None:
    plan = understood("turn on the fan in ten minutes for an hour", "en")
    assert isinstance(plan, Act)
    assert (plan.when, plan.for_s) == (When(delay_s=600), 3600)


def test_how_long_counts_for_all_that_is_named_before_it_and_not_for_another_wish() -> None:
    both = understood("turn on the fan and the lamp in 10 minutes", "en")
    assert isinstance(both, Act)
    assert [wish.entity_id for wish in both.actions] == ["fan.a", "light.b"]
    assert both.when == When(delay_s=600)
    assert isinstance(understood("turn on the fan for 10 minutes and turn off the lamp", "en"), Refuse)
