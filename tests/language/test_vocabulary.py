from __future__ import annotations

from edge_agent.language.lexicon import lexicon
from edge_agent.language.vocabulary import Vocabulary
from tests.language.homes import LIGHT, SWITCH, device

DEVICES = (
    device("light.desk", "Desk Lamp", None, LIGHT),
    device("light.floor", "Floor Lamp", None, LIGHT),
    device("switch.desk", "Desk Heater", None, SWITCH),
)


def known_by(*words: str) -> set[str]:
    english = lexicon("en")
    assert english is not None
    return {one.entity.id for one in Vocabulary(english, DEVICES, {}).known_by(frozenset(words))}


def test_what_is_known_by_words_is_known_by_each_of_them() -> None:
    assert known_by("desk") == {"light.desk", "switch.desk"}
    assert known_by("desk", "lamp") == {"light.desk"}
    assert known_by("floor", "heater") == set()
    assert known_by("chandelier") == set()


def test_without_words_everything_is_meant() -> None:
    assert known_by() == {entity.id for entity in DEVICES}
