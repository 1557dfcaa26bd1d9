"""How people say things beside a wish, and around it: remarks, fillers, slips, exceptions, lists without a verb."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.language import Act, Ask, Query, Refuse, Understanding
from tests.language.homes import wished
from tests.language.test_understanding import of_home, said

RADIO_OFF = {"media_player.radio": ("turn_off", {})}
TOASTER_ON: dict[str, tuple[str, dict[str, Any]]] = {"switch.toaster": ("turn_on", {})}
SHUTTER_SHUT = {"cover.parlour_shutter": ("close", {})}
ALL_LIGHTS = {"light.sink_light", "light.stove_light", "light.reading_lamp", "light.attic_light"}


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return of_home()


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("radio off I'm on the phone", RADIO_OFF),
        ("switch the radio off she's asleep", RADIO_OFF),
        ("shutter down before we leave", SHUTTER_SHUT),
        ("close the shutter because the neighbours are nosy", SHUTTER_SHUT),
        ("toaster on for the guests", TOASTER_ON),
        ("radio off the baby is sleeping", RADIO_OFF),
        ("I'm done with the news turn the radio off", RADIO_OFF),
        ("did anyone turn off the radio? switch it off please", RADIO_OFF),
        ("when you get a minute, toaster on", TOASTER_ON),
    ],
)
def test_a_remark_beside_a_wish_spoils_nothing(
    understanding: Understanding, sentence: str, expected: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence)) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "turn on the toaster when I get home",
        "if it rains close the shutter",
        "the reading lamp is nine years old",
        "my wife said she would turn the radio off",
        "you needn't turn the radio off",
        "the radio was on all day",
        "turn on my neighbour's lamp",
        "attic chandelier on",
        "play opera on the radio",
    ],
)
def test_what_is_told_or_depends_or_is_not_here_is_not_acted_on(understanding: Understanding, sentence: str) -> None:
    assert not isinstance(said(understanding, sentence), Act)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("oops radio off pls", RADIO_OFF),
        ("right so basically um the toaster on", TOASTER_ON),
        ("radio whatsit off", RADIO_OFF),
        ("radio back off", RADIO_OFF),
    ],
)
def test_words_that_mean_nothing_are_no_part_of_a_name(
    understanding: Understanding, sentence: str, expected: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence)) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("toaster onn", TOASTER_ON),
        ("trun teh toaster on", TOASTER_ON),
        ("radio of", RADIO_OFF),
        ("lok the celar door", {"lock.cellar_door": ("lock", {})}),
        ("clothes the shutter", SHUTTER_SHUT),
        ("readinglamp off", {"light.reading_lamp": ("turn_off", {})}),
    ],
)
def test_words_that_say_what_to_do_may_be_misspelled(
    understanding: Understanding, sentence: str, expected: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence)) == expected


@pytest.mark.parametrize(
    ("sentence", "brightness_pct"),
    [
        ("reading lamp up ten percent", 50),
        ("reading lamp up to ten percent", 10),
        ("another 10 percent brighter on the reading lamp", 50),
        ("halve the brightness of the reading lamp", 20),
        ("reading lamp as low as it'll go", 1),
        ("could the reading lamp be a tad stronger", 50),
        ("soften the reading lamp", 20),
    ],
)
def test_amounts_count_from_where_it_is(understanding: Understanding, sentence: str, brightness_pct: int) -> None:
    expected = {"light.reading_lamp": ("turn_on", {"brightness_pct": brightness_pct})}
    assert wished(said(understanding, sentence)) == expected


@pytest.mark.parametrize(
    ("sentence", "left_out"),
    [
        ("all lights off bar the reading lamp", "light.reading_lamp"),
        ("lights off in every room but the attic", "light.attic_light"),
        ("leave the sink light on but switch off the other lights", "light.sink_light"),
    ],
)
def test_exceptions_are_left_alone(understanding: Understanding, sentence: str, left_out: str) -> None:
    assert wished(said(understanding, sentence)).keys() == ALL_LIGHTS - {left_out}


def test_a_place_that_is_said_first_is_where_all_of_it_is(understanding: Understanding) -> None:
    assert wished(said(understanding, "kitchen: all lights off")).keys() == {"light.sink_light", "light.stove_light"}


@pytest.mark.parametrize(
    ("sentence", "degrees"),
    [("parlour to nineteen", 19), ("pop the attic up to twenty and a half", 20.5), ("parlour one degree warmer", 21)],
)
def test_a_room_and_a_number_that_can_be_degrees_is_its_heating(
    understanding: Understanding, sentence: str, degrees: float
) -> None:
    plan = said(understanding, sentence)
    assert [params for _, params in wished(plan).values()] == [{"temperature": degrees}]


@pytest.mark.parametrize(
    ("sentence", "action", "items"),
    [
        ("pepper on the shopping list please", "add_item", ["pepper"]),
        ("shopping list add rice and beans", "add_item", ["rice", "beans"]),
        ("we're nearly out of rice, add it to the shopping list", "add_item", ["rice"]),
        ("bought the salt, take it off the list", "remove_item", ["salt"]),
        ("the salt is sorted, tick it off the shopping list", "complete_item", ["salt"]),
        ("actually scrap the salt", "remove_item", ["salt"]),
    ],
)
def test_lists_are_spoken_to_in_many_ways(
    understanding: Understanding, sentence: str, action: str, items: list[str]
) -> None:
    plan = said(understanding, sentence)
    assert isinstance(plan, Act), plan
    assert [(wish.action, wish.params["item"]) for wish in plan.actions] == [(action, item) for item in items]


def test_a_wish_before_one_for_a_list_is_carried_out_too(understanding: Understanding) -> None:
    plan = said(understanding, "toaster on and add rice to the shopping list")
    assert wished(plan).keys() == {"switch.toaster", "todo.shopping_list"}


def test_what_is_on_a_list_is_asked_for_in_many_ways(understanding: Understanding) -> None:
    plan = said(understanding, "have we got salt on the shopping list")
    assert isinstance(plan, Query)
    assert (plan.type, plan.item) == ("contains", "salt")


def test_a_correction_goes_to_the_other_device(understanding: Understanding) -> None:
    assert wished(said(understanding, "turn off the sink light", "oops I meant the stove light")) == {
        "light.stove_light": ("turn_off", {})
    }


def test_it_is_what_was_spoken_of_and_nothing_else(understanding: Understanding) -> None:
    assert isinstance(said(understanding, "turn on the toaster", "dim it"), Ask | Refuse)


def test_warmth_is_spoken_of_in_degrees(understanding: Understanding) -> None:
    plan = said(understanding, "it's too warm, make it eighteen", area="attic")
    assert wished(plan) == {"climate.attic_heating": ("set_temperature", {"temperature": 18})}


def test_nosy_neighbours_are_shut_out(understanding: Understanding) -> None:
    assert wished(said(understanding, "the neighbours can see straight into the parlour")) == SHUTTER_SHUT


@pytest.mark.parametrize("sentence", ["dim the attic light", "make it darker in the attic", "dim the sink light"])
def test_what_is_off_can_t_be_darker_and_is_told_to_be_off(understanding: Understanding, sentence: str) -> None:
    assert {action for action, _ in wished(said(understanding, sentence)).values()} == {"turn_off"}


@pytest.mark.parametrize(("sentence", "name"), [("open the kitchen lights", "Sink Light"), ("mute the attic", "Attic")])
def test_what_is_there_but_can_t_do_that_is_not_told_to_be_missing(
    understanding: Understanding, sentence: str, name: str
) -> None:
    plan = said(understanding, sentence)
    assert isinstance(plan, Refuse)
    assert plan.key == "cannot"
    assert name in plan.values["name"]
