"""What is said about wishes: from their results alone."""

from __future__ import annotations

from datetime import datetime

import pytest

from edge_agent.home import DeviceAction, Entity, Timer
from edge_agent.language.plan import Ask, LetBe, Refuse, When
from edge_agent.language.wording import Wording
from tests.language.things import Things, result, thing

LIGHT = thing("light.kitchen", "Kitchen Light", "off")
COUNTER = thing("light.counter", "Counter Lights", "on")
LILY = thing("light.lily", "Lily's Night Light", "on")
DESK = thing("light.desk", "Desk Lamp", "on")
HALL = thing("light.hall", "Hallway Light", "on")
FAN = thing("fan.study", "Study Fan", "on")
TV = thing("media_player.tv", "Living Room TV", "playing")
DOOR = thing("lock.front", "Front Door", "locked")
BLINDS = thing("cover.blinds", "Living Room Blinds", "opening", device_class="blind")
GARAGE = thing("cover.garage", "Garage Door", "closed", device_class="garage")
HEATING = thing("climate.living", "Living Room Thermostat", "heat", unit="°C")
ROSIE = thing("vacuum.rosie", "Rosie", "cleaning")
SHOPPING = thing("todo.shopping", "Shopping List", "2")
BELL = thing("button.bell", "Doorbell")
HOME = Things(LIGHT, COUNTER, LILY, DESK, HALL, FAN, TV, DOOR, BLINDS, GARAGE, HEATING, ROSIE, SHOPPING, BELL)
WORDING = Wording.of("en")


def said(*results: object) -> str:
    return WORDING.results(results, HOME)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("became", "sentence"),
    [
        (result("light.kitchen", "turn_on", "confirmed"), "Turned on the kitchen light."),
        (result("light.kitchen", "turn_off", "already"), "The kitchen light is already off."),
        (result("light.counter", "turn_on", "already"), "The counter lights are already on."),
        (result("light.lily", "turn_off", "confirmed"), "Turned off Lily's night light."),
        (result("vacuum.rosie", "return_to_base", "confirmed"), "Sent Rosie back to base."),
        (result("vacuum.rosie", "start", "already"), "Rosie is already cleaning."),
        (result("light.kitchen", "turn_on", "confirmed", brightness_pct=50), "Set the kitchen light to 50%."),
        (result("light.kitchen", "turn_on", "confirmed", color="#ff1a00"), "Set the kitchen light to red."),
        (result("light.kitchen", "turn_on", "confirmed", color_temp_kelvin=2700), "Set the kitchen light to 2700 K."),
        (result("light.kitchen", "turn_on", "confirmed", brightness_pct=0), "Turned off the kitchen light."),
        (result("light.kitchen", "turn_on", "confirmed", transition=2), "Turned on the kitchen light."),
        (result("light.kitchen", "turn_on", "already", brightness_pct=50), "The kitchen light is already at 50%."),
        (
            result("climate.living", "set_temperature", "confirmed", temperature=21.5),
            "Set the living room thermostat to 21.5 °C.",
        ),
        (
            result("climate.living", "set_hvac_mode", "confirmed", hvac_mode="off"),
            "Turned off the living room thermostat.",
        ),
        (
            result("climate.living", "set_hvac_mode", "confirmed", hvac_mode="cool"),
            "Set the living room thermostat to cooling.",
        ),
        (
            result("media_player.tv", "set_volume", "confirmed", volume_level=30),
            "Set the volume of the living room TV to 30%.",
        ),
        (result("media_player.tv", "next", "sent"), "Skipped to the next on the living room TV."),
        (result("todo.shopping", "add_item", "confirmed", item="oat milk"), "Put oat milk on the shopping list."),
        (result("todo.shopping", "add_item", "already", item="tea"), "Tea is on the shopping list already."),
        (result("button.bell", "press", "sent"), "Pressed the doorbell."),
        (result("fan.study", "oscillate", "confirmed", oscillating=False), "The study fan no longer swings."),
    ],
)
def test_one_result_is_one_sentence(became: object, sentence: str) -> None:
    assert said(became) == sentence


def test_what_is_still_on_its_way_is_not_said_to_have_arrived() -> None:
    assert said(result("cover.blinds", "open", "confirmed")) == "The living room blinds are opening."


def test_what_no_state_shows_is_not_said_to_be_done() -> None:
    sentence = said(result("light.kitchen", "turn_on", "sent"))
    assert sentence == "Sent the order to turn on the kitchen light, but I can't see whether it was followed."


def test_what_shows_only_a_part_is_not_said_to_be_done() -> None:
    became = result("light.kitchen", "turn_on", "sent", "not_shown", brightness_pct=50)
    assert said(became).startswith("Sent the order to set the kitchen light to 50%")


def test_several_are_named_together() -> None:
    names = ("light.kitchen", "light.counter", "light.lily")
    sentence = "Turned off the kitchen light, the counter lights and Lily's night light."
    assert said(*(result(name, "turn_off", "confirmed") for name in names)) == sentence


def test_many_are_counted_and_who_failed_is_named() -> None:
    names = ("light.kitchen", "light.counter", "light.lily", "light.desk")
    results = [result(name, "turn_off", "confirmed") for name in names]
    silent = result("light.hall", "turn_off", "unconfirmed", "no_answer", values={"name": "Hallway Light"})
    assert said(*results, silent) == "Turned off 4 lights; the hallway light did not answer."


def test_many_of_several_kinds_are_devices() -> None:
    names = ("light.kitchen", "light.counter", "fan.study", "media_player.tv")
    assert said(*(result(name, "turn_off", "confirmed") for name in names)) == "Turned off 4 devices."


def test_trouble_comes_last_whatever_the_order_of_the_wishes() -> None:
    silent = result("light.hall", "turn_off", "unconfirmed", "no_answer")
    done = result("light.desk", "turn_off", "confirmed")
    assert said(silent, done) == "Turned off the desk lamp; the hallway light did not answer."


def test_a_device_that_was_wished_for_twice_is_counted_once() -> None:
    became = result("light.kitchen", "turn_on", "confirmed")
    assert said(became, became) == "Turned on the kitchen light."


def test_a_crowd_that_was_so_before_is_not_worth_a_word_where_something_was_done() -> None:
    already = [
        result(name, "turn_off", "already") for name in ("light.kitchen", "light.counter", "light.lily", "light.desk")
    ]
    assert said(*already, result("light.hall", "turn_off", "confirmed")) == "Turned off the hallway light."
    assert said(*already) == "4 lights are already off."


@pytest.mark.parametrize(
    ("became", "sentence"),
    [
        (
            result("light.kitchen", "turn_on", "unconfirmed", "no_answer"),
            "The kitchen light did not answer and may still be off.",
        ),
        (
            result("light.kitchen", "turn_on", "unconfirmed", "no_answer", brightness_pct=50),
            "The kitchen light did not answer.",
        ),
        (
            result("cover.garage", "open", "unconfirmed", "other_state", values={"state": "closed"}),
            "The garage door did not do it and is closed.",
        ),
        (
            result("lock.front", "lock", "unconfirmed", "still_underway", values={"state": "locking"}),
            "The front door is still locking.",
        ),
        (
            result("lock.front", "lock", "failed", "says_failed", values={"state": "jammed"}),
            "The front door is jammed.",
        ),
        (result("media_player.tv", "turn_on", "failed", "unavailable"), "The living room TV can't be reached."),
        (result("fan.study", "lock", "failed", "unknown_action"), "The study fan can't do that."),
        (
            result(
                "climate.living",
                "set_temperature",
                "failed",
                "out_of_range",
                values={"minimum": 5.0, "maximum": 30, "unit": "°C"},
            ),
            "The living room thermostat can be set from 5 to 30 °C.",
        ),
        (
            result(
                "fan.study",
                "set_percentage",
                "failed",
                "out_of_range",
                values={"minimum": 10, "maximum": None, "unit": "%"},
            ),
            "The study fan can be set to 10% or more.",
        ),
        (
            result(
                "climate.living", "set_hvac_mode", "failed", "not_a_choice", values={"choices": ("off", "heat", "Eco")}
            ),
            "The living room thermostat can be set to off, heating or Eco.",
        ),
        (
            result("todo.shopping", "remove_item", "failed", "not_listed", values={"item": "tea"}),
            "Tea is not on the shopping list.",
        ),
        (result("light.kitchen", "turn_on", "failed", "some_new_code"), "The kitchen light could not be controlled."),
        (
            result("light.gone", "turn_on", "failed", "vanished", values={"name": "Porch Light"}),
            "Porch Light has gone from the home.",
        ),
        (result("light.none", "turn_on", "failed", "unknown_device"), "There is no light.none."),
    ],
)
def test_trouble_is_said_with_its_reason(became: object, sentence: str) -> None:
    assert said(became) == sentence


def test_what_needs_a_yes_is_asked() -> None:
    assert said(result("lock.front", "unlock", "needs_confirmation")) == "Shall I unlock the front door?"


def test_what_was_done_is_said_before_the_question() -> None:
    done, asked = result("light.kitchen", "turn_on", "confirmed"), result("lock.front", "unlock", "needs_confirmation")
    assert said(asked, done) == "Turned on the kitchen light. Shall I unlock the front door?"


def test_a_name_with_braces_and_brackets_is_only_a_name() -> None:
    odd = thing("light.odd", "{name} [a|b] {0.__class__}", "off")
    sentence = WORDING.results([result("light.odd", "turn_on", "confirmed")], Things(odd))
    assert sentence == "Turned on the {name} [a|b] {0.__class__}."


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        (thing("vacuum.v", "Robot Vacuum"), "Started the robot vacuum."),
        (thing("vacuum.v", "Vacuum"), "Started the vacuum."),
        (thing("vacuum.v", "The Hoover"), "Started the hoover."),
        (thing("vacuum.v", "Sonos One"), "Started the Sonos One."),
        (thing("vacuum.v", "My Robot"), "Started my robot."),
        (thing("vacuum.v", "Anna’s Room Vacuum"), "Started Anna’s room vacuum."),
    ],
)
def test_a_name_has_the_article_that_people_give_it(device: Entity, sentence: str) -> None:
    assert WORDING.results([result("vacuum.v", "start", "confirmed")], Things(device)) == sentence


@pytest.mark.parametrize(
    ("color", "name"),
    [
        ("#ff0000", "red"),
        ("#ffa500", "orange"),
        ("#ffff00", "yellow"),
        ("#00ff00", "green"),
        ("#0000ff", "blue"),
        ("#800080", "magenta"),
        ("#8a2be2", "violet"),
        ("#ffc0cb", "pink"),
        ("#ff69b4", "pink"),
        ("#40e0d0", "turquoise"),
        ("#fff4e5", "white"),
        ("#ffffff", "white"),
        ("teal", "teal"),
    ],
)
def test_a_colour_has_the_name_of_the_nearest(color: str, name: str) -> None:
    assert WORDING.terms.color(color) == name


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (
            Ask("which_one", {}, ("light.kitchen", "light.lily")),
            "Which one do you mean: the kitchen light or Lily's night light?",
        ),
        (Ask("which_area", {"areas": ("Kitchen", "Study")}), "In which room: Kitchen or Study?"),
        (Ask("value_missing", {"name": HEATING}), "What shall I set the living room thermostat to?"),
        (Ask("value_missing", {"name": "climate.living"}), "What shall I set the living room thermostat to?"),
        (Ask("confirm", {"wish": DeviceAction("lock.front", "open")}), "Shall I unlatch the front door?"),
        (
            Ask("confirm", {"wish": [DeviceAction("light.desk", "turn_off"), DeviceAction("cover.garage", "close")]}),
            "Shall I turn off the desk lamp and close the garage door?",
        ),
        (
            Ask("too_wide", {"wish": [DeviceAction(name, "turn_off") for name in HOME.entities]}),
            "That is a lot at once. Shall I really turn off 14 devices?",
        ),
        (Ask("say_again"), "I did not understand. Could you say it another way?"),
    ],
)
def test_a_question_is_asked(question: Ask, sentence: str) -> None:
    assert WORDING.ask(question, HOME) == sentence


def test_candidates_of_the_same_name_are_told_apart_by_their_areas() -> None:
    lamps = [thing(f"light.{slug}", "Lamp", area=area) for slug, area in (("a", "Study"), ("b", "Hall"))]
    question = Ask("which_one", {}, ("light.a", "light.b"))
    assert WORDING.ask(question, Things(*lamps)) == "Which one do you mean: the lamp (Study) or the lamp (Hall)?"


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (Refuse("no_such_device", {"name": "disco ball"}), "I know no disco ball here."),
        (Refuse("cannot", {"name": "Living Room Blinds"}), "The living room blinds can't do that."),
        (
            Refuse("out_of_range", {"name": "Study Fan", "low": 10, "high": 80, "unit": "%"}),
            "The study fan can be set from 10 to 80%.",
        ),
        (Refuse("no_such_choice", {"choices": ("heat", "cool")}), "The choice is heating or cooling."),
        (
            Refuse("one_at_a_time", {"name": (DOOR, GARAGE)}),
            "I only do that for one at a time: the front door and the garage door. Which one do you mean?",
        ),
        (Refuse("unavailable", {"name": TV}), "The living room TV can't be reached."),
    ],
)
def test_a_refusal_says_why(refusal: Refuse, sentence: str) -> None:
    assert WORDING.refuse(refusal, HOME) == sentence


def test_a_key_without_a_sentence_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        WORDING.refuse(Refuse("nonsense"), HOME)


def test_leaving_alone_agrees_with_what_is_left() -> None:
    assert WORDING.let_be(LetBe("left_alone", {"name": LIGHT})) == "All right, I leave the kitchen light as it is."
    assert (
        WORDING.let_be(LetBe("left_alone", {"name": COUNTER})) == "All right, I leave the counter lights as they are."
    )


def test_an_error_without_words_is_an_internal_one() -> None:
    assert WORDING.error("busy") == "I am busy. Please try again in a moment."
    assert WORDING.error("unheard_of") == WORDING.error("internal")


def test_what_is_done_later_is_said_with_its_time() -> None:
    wish = [DeviceAction("light.desk", "turn_off")]
    assert WORDING.delayed(wish, When(delay_s=600), HOME) == "All right, I will turn off the desk lamp in 10 minutes."
    tomorrow = WORDING.delayed(wish, When(hour=0, minute=5, tomorrow=True), HOME)
    assert tomorrow == "All right, I will turn off the desk lamp tomorrow at 12:05 am."


TEA, UNNAMED = Timer("a", 300, 0, name="tea"), Timer("b", 600, 0)


def test_timers_are_told_apart_by_their_names() -> None:
    assert WORDING.timer_set(300) == "Timer set for 5 minutes."
    assert WORDING.timer_set(300, "tea") == "Tea timer set for 5 minutes."
    assert WORDING.timers_changed([(UNNAMED, 61)]) == "The timer now has 1 minute and 1 second left."
    assert WORDING.timers_left([(TEA, 5.2)]) == "The tea timer has 5 seconds left."
    both = "The tea timer has 5 seconds left; the timer for 10 minutes has 1 minute left."
    assert WORDING.timers_left([(TEA, 5.2), (UNNAMED, 60)]) == both
    assert WORDING.no_timer() == "No timer is set."
    assert WORDING.no_timer("tea") == "There is no tea timer."


def test_it_is_said_which_timer_was_cancelled() -> None:
    assert WORDING.timers_cancelled([TEA]) == "Tea timer cancelled."
    assert WORDING.timers_cancelled([UNNAMED]) == "Timer for 10 minutes cancelled."
    assert WORDING.timers_cancelled([TEA, UNNAMED]) == "Tea timer cancelled; timer for 10 minutes cancelled."
    assert WORDING.which_timer([TEA, UNNAMED]) == "Which timer do you mean: tea or 10 minutes?"


def test_what_is_done_for_a_while_is_said_to_be_undone() -> None:
    wish = [DeviceAction("light.desk", "turn_off")]
    assert WORDING.undone(wish, When(delay_s=600), HOME) == "In 10 minutes I will turn off the desk lamp."


def test_the_clock_is_told_in_the_manner_of_the_language() -> None:
    now = datetime(2026, 3, 3, 19, 5)
    assert [Wording.of(tag).clock("time", now) for tag in ("en", "de", "fr")] == [
        "It is 7:05 pm.",
        "Es ist 19:05 Uhr.",
        "Il est 19 h 05.",
    ]
    assert WORDING.clock("date", now) == "It is Tuesday, 3 March 2026."
    assert Wording.of("zh").clock("date", now) == "今天是2026年3月3日，星期二。"


@pytest.mark.parametrize(
    ("language", "names", "sentence"),
    [
        ("de", ("Küchenlicht", "Stehlampen"), "Küchenlicht und Stehlampen sind schon aus."),
        ("fr", ("Lumière de la cuisine",), "La lumière de la cuisine est déjà éteinte."),
        ("fr", ("Lampe de chevet", "Lampadaire"), "La lampe de chevet et le lampadaire sont déjà éteints."),
        ("es", ("Luces del salón",), "Las luces del salón ya están apagadas."),
        (
            "it",
            ("Luce della cucina", "Lampada da terra"),
            "La luce della cucina e la lampada da terra sono già spente.",
        ),
        ("nl", ("Keukenlamp",), "Keukenlamp is al uit."),
        ("zh", ("厨房灯",), "厨房灯已经关着。"),
    ],
)
def test_a_state_agrees_with_what_it_is_said_of(language: str, names: tuple[str, ...], sentence: str) -> None:
    lights = [thing(f"light.l{place}", name, "off") for place, name in enumerate(names)]
    results = [result(light.id, "turn_off", "already") for light in lights]
    assert Wording.of(language).results(results, Things(*lights)) == sentence


@pytest.mark.parametrize("language", ["de", "en", "es", "fr", "it", "nl", "zh"])
def test_every_result_can_be_said_in_every_language(language: str) -> None:
    wording = Wording.of(language)
    for became in ("confirmed", "already", "sent", "unconfirmed", "failed", "needs_confirmation"):
        for key in wording.phrases.table("wish"):
            assert wording.results([result("light.desk", key, became, item="tea")], HOME)
