"""What is answered to a question that the model's understanding made us ask."""

from __future__ import annotations

import pytest

from edge_agent.home import DeviceAction
from edge_agent.language import Act, Ask, Dialogue, Plan
from tests.language.homes import wished
from tests.language.test_understanding import of_home

LAMPS = ("light.sink_light", "light.stove_light")
OFF = tuple(DeviceAction(one, "turn_off") for one in LAMPS)


def answered(question: Ask, text: str) -> Plan | None:
    dialogue = Dialogue(entity_ids=question.candidates)
    dialogue.asked(question, None)
    return of_home().answer(text, dialogue, language="en")


@pytest.mark.parametrize("text", ["The stove light", "the stove one", "stove"])
def test_of_the_devices_that_we_offered_the_one_that_is_named_is_asked_about(text: str) -> None:
    plan = answered(Ask("which_one", {"wish": OFF}, LAMPS), text)
    assert plan == Ask("confirm", {"wish": OFF[1:]}, LAMPS[1:])


def test_both_are_asked_about_together() -> None:
    assert answered(Ask("which_one", {"wish": OFF}, LAMPS), "both") == Ask("confirm", {"wish": OFF}, LAMPS)


@pytest.mark.parametrize("text", ["What is the capital of Peru", "the attic", "turn on the toaster"])
def test_what_names_none_of_them_is_no_answer(text: str) -> None:
    assert answered(Ask("which_one", {"wish": OFF}, LAMPS), text) is None


@pytest.mark.parametrize("text", ["Turn it off", "Off, please", "switch off"])
def test_what_to_do_is_answered_with_what_to_do(text: str) -> None:
    question = Ask("what_to_do", {"name": "switch.toaster"}, ("switch.toaster",))
    assert wished(answered(question, text)) == {"switch.toaster": ("turn_off", {})}


@pytest.mark.parametrize("text", ["Turn off the radio", "Is it on?", "Don't turn it off", "Tell me about tea"])
def test_what_to_do_is_not_answered_by_another_wish_a_question_or_a_no(text: str) -> None:
    question = Ask("what_to_do", {"name": "switch.toaster"}, ("switch.toaster",))
    assert not isinstance(answered(question, text), Act)


def test_never_mind_ends_the_question() -> None:
    dialogue = Dialogue()
    dialogue.asked(Ask("what_to_do", {"name": "switch.toaster"}, ("switch.toaster",)), None)
    home = of_home()
    home.answer("Never mind", dialogue, language="en")
    assert home.answer("Turn it off", dialogue, language="en") is None


@pytest.mark.parametrize("text", ["Write a poem about the attic light", "A joke about my toaster, please"])
def test_rules_leave_talk_to_the_model(text: str) -> None:
    assert of_home().understand(text, Dialogue(), area=None, language="en") is None
