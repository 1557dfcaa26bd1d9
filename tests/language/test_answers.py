"""Answers to questions about the home, from its states."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.home import Entity
from edge_agent.language.answers import answer, is_in_state
from edge_agent.language.plan import Query
from edge_agent.language.wording import Wording
from tests.language.things import Things, thing

FRONT = thing("lock.front", "Front Door", "locked")
BACK = thing("lock.back", "Back Door", "unlocked")
CELLAR = thing("lock.cellar", "Cellar Door", "unlocked")
KITCHEN = thing("light.kitchen", "Kitchen Light", "off")
FLOOR = thing("light.floor", "Floor Lamp", "on", attributes={"brightness_pct": 60})
BEDROOM = thing("light.bedroom", "Bedroom Light", "on")
DARK = thing("light.shed", "Shed Light", "on", available=False)
NEW = thing("light.new", "Porch Light")
BLINDS = thing("cover.blinds", "Living Room Blinds", "open", device_class="blind", attributes={"position": 35})
GYM = thing("binary_sensor.gym", "Gym Window", "on", device_class="window")
STUDY = thing("binary_sensor.study", "Study Window", "off", device_class="window")
LEAK = thing("binary_sensor.leak", "Utility Room Leak Sensor", "off", device_class="moisture")
MOTION = thing("binary_sensor.motion", "Hallway Motion Sensor", "on", device_class="motion")
BATTERY = thing("binary_sensor.remote", "Remote", "on", device_class="battery")
POOL = thing("sensor.pool", "Pool Temperature", "24.5", device_class="temperature", unit="°C")
BATH = thing("sensor.bath", "Bathroom Humidity", "62", device_class="humidity", unit="%")
HEATING = thing(
    "climate.flat", "Heating", "heat", unit="°C", attributes={"temperature": 22.0, "current_temperature": 18.6}
)
ROSIE = thing("vacuum.rosie", "Rosie", "cleaning", attributes={"battery_level": 80})
TV = thing("media_player.tv", "Bedroom TV", "playing", attributes={"volume_level": 30, "media_title": "The News"})
SHOPPING = thing("todo.shopping", "Shopping List", "3", attributes={"items": ["toilet paper", "Milk", "tea"]})
CHORES = thing("todo.chores", "Chores", "0", attributes={"items": []})
HOME = Things(
    FRONT, BACK, CELLAR, KITCHEN, FLOOR, BEDROOM, DARK, NEW, BLINDS, GYM, STUDY, LEAK, MOTION, BATTERY, POOL, BATH,
    HEATING, ROSIE, TV, SHOPPING, CHORES,
)  # fmt: skip
WORDING = Wording.of("en")


def said(query_type: Any, *entities: Entity, language: str = "en", **given: Any) -> str:
    query = Query(query_type, tuple(entity.id for entity in entities), **given)
    return answer(query, HOME, Wording.of(language))


@pytest.mark.parametrize(
    ("entities", "given", "sentence"),
    [
        ((FRONT,), {"state": "locked"}, "Yes, the front door is locked."),
        ((BACK,), {"state": "locked"}, "No, the back door is unlocked."),
        ((FRONT,), {"state": "open"}, "No, the front door is locked."),
        ((BACK,), {"state": "open"}, "The back door is unlocked."),
        ((KITCHEN,), {"state": "on"}, "No, the kitchen light is off."),
        ((GYM,), {"state": "open"}, "Yes, the gym window is open."),
        ((GYM,), {"state": "on"}, "Yes, the gym window is open."),
        ((LEAK,), {"state": "wet"}, "No, the utility room leak sensor is dry."),
        ((LEAK,), {"state": "on"}, "No, the utility room leak sensor is dry."),
        ((MOTION,), {"state": "on"}, "Yes, the hallway motion sensor sees motion."),
        ((BATTERY,), {"state": "low"}, "Yes, the remote has a low battery."),
        ((ROSIE,), {"state": "cleaning"}, "Yes, Rosie is cleaning."),
        ((TV,), {"state": "on"}, "Yes, the bedroom TV is playing."),
        ((GYM, STUDY), {"state": "closed", "every": True}, "No, the gym window is open."),
        ((FLOOR, BEDROOM), {"state": "on", "every": True}, "Yes, the floor lamp and the bedroom light are on."),
        ((KITCHEN, FLOOR), {"state": "on"}, "Yes, the floor lamp is on."),
        ((FRONT, STUDY), {"state": "open"}, "No, no device is open."),
        ((DARK,), {"state": "on"}, "The shed light can't be reached."),
        ((FLOOR, DARK), {"state": "off"}, "No, the floor lamp is on; the shed light can't be reached."),
        ((NEW,), {"state": "on"}, "I do not know what the porch light is at."),
    ],
)
def test_whether_it_is_so(entities: tuple[Entity, ...], given: dict[str, Any], sentence: str) -> None:
    assert said("is", *entities, **given) == sentence


@pytest.mark.parametrize(
    ("entities", "state", "sentence"),
    [
        ((KITCHEN, FLOOR, BEDROOM), "on", "The floor lamp and the bedroom light are on."),
        ((KITCHEN,), "on", "No light is on."),
        ((STUDY,), "open", "No window is open."),
        ((LEAK,), "wet", "None."),
        ((FRONT, BACK), "unlocked", "The back door is unlocked."),
        ((KITCHEN, TV), "on", "The bedroom TV is playing."),
        ((KITCHEN, DARK), "on", "No light is on; the shed light can't be reached."),
        ((DARK,), "on", "The shed light can't be reached."),
    ],
)
def test_which_are_so(entities: tuple[Entity, ...], state: str, sentence: str) -> None:
    assert said("which", *entities, state=state) == sentence


@pytest.mark.parametrize(
    ("entities", "state", "sentence"),
    [
        ((KITCHEN, FLOOR, BEDROOM), "on", "2 lights are on: the floor lamp and the bedroom light."),
        ((KITCHEN, FLOOR), "on", "1 light is on: the floor lamp."),
        ((FRONT, BACK, CELLAR), "unlocked", "2 locks are unlocked: the back door and the cellar door."),
        ((FLOOR, TV), "on", "2 devices are on: the floor lamp and the bedroom TV."),
        ((MOTION,), "on", "1 sensor sees motion: the hallway motion sensor."),
        ((KITCHEN,), "on", "No light is on."),
    ],
)
def test_how_many_are_so(entities: tuple[Entity, ...], state: str, sentence: str) -> None:
    assert said("count", *entities, state=state) == sentence


def test_a_crowd_is_only_counted() -> None:
    lamps = [thing(f"light.l{place}", f"Lamp {place}", "on") for place in range(11)]
    home, ids = Things(*lamps), tuple(lamp.id for lamp in lamps)
    assert answer(Query("count", ids, state="on"), home, WORDING) == "11 lights are on."
    assert answer(Query("which", ids, state="on"), home, WORDING) == "11 lights are on."


@pytest.mark.parametrize(
    ("entity", "attribute", "sentence"),
    [
        (POOL, "temperature", "It is 24.5 °C."),
        (POOL, None, "It is 24.5 °C."),
        (POOL, "current_temperature", "It is 24.5 °C."),
        (BATH, "humidity", "The humidity is 62%."),
        (HEATING, "temperature", "The heating is set to 22 °C."),
        (HEATING, "current_temperature", "It is 18.6 °C."),
        (FLOOR, "brightness_pct", "The floor lamp is at 60%."),
        (KITCHEN, "brightness_pct", "The kitchen light is off."),
        (BEDROOM, "brightness_pct", "The bedroom light is on."),
        (BLINDS, "position", "The living room blinds are 35% open."),
        (TV, "volume_level", "The volume of the bedroom TV is 30%."),
        (TV, "media_title", "The bedroom TV is playing The News."),
        (ROSIE, "battery_level", "The battery of Rosie is at 80%."),
        (ROSIE, "battery", "The battery of Rosie is at 80%."),
        (POOL, "humidity", "I do not know what the pool temperature is at."),
        (NEW, "brightness_pct", "I do not know what the porch light is at."),
        (DARK, "brightness_pct", "The shed light can't be reached."),
    ],
)
def test_what_it_is_at(entity: Entity, attribute: str | None, sentence: str) -> None:
    assert said("value", entity, attribute=attribute) == sentence


def test_a_thermostat_that_tells_no_target_is_asked_for_what_it_measures() -> None:
    entity = thing("climate.hall", "Hallway Thermostat", "off", unit="°C", attributes={"current_temperature": 17})
    query = Query("value", ("climate.hall",), attribute="temperature")
    assert answer(query, Things(entity), WORDING) == "It is 17 °C."


def test_several_values_are_told_with_their_names_and_what_tells_none_is_left_out() -> None:
    sentence = "The pool temperature: 24.5 °C; the heating: 18.6 °C."
    assert said("value", POOL, HEATING, KITCHEN, attribute="current_temperature") == sentence


@pytest.mark.parametrize(
    ("entity", "sentence"),
    [
        (ROSIE, "Rosie is cleaning."),
        (FLOOR, "The floor lamp is on (60%)."),
        (HEATING, "The heating is in heating mode (set to 22 °C, 18.6 °C measured)."),
        (TV, "The bedroom TV is playing (The News)."),
        (LEAK, "The utility room leak sensor is dry."),
        (POOL, "The pool temperature: 24.5 °C."),
        (SHOPPING, "The shopping list has toilet paper, Milk and tea."),
        (NEW, "I do not know what the porch light is at."),
    ],
)
def test_how_it_is(entity: Entity, sentence: str) -> None:
    assert said("state", entity) == sentence


def test_several_of_the_same_state_are_told_together() -> None:
    sentence = "The kitchen light is off; the floor lamp and the bedroom light are on."
    assert said("state", KITCHEN, FLOOR, BEDROOM) == sentence


def test_what_is_on_a_list() -> None:
    assert said("contains", SHOPPING, item="milk") == "Yes, the list has Milk."
    assert said("contains", SHOPPING, item="butter") == "No, the list does not have butter."
    assert said("items", SHOPPING) == "The shopping list has toilet paper, Milk and tea."
    assert said("items", CHORES) == "The chores are empty."
    assert said("count_items", SHOPPING) == "The shopping list has 3 entries."


def test_a_list_that_has_told_nothing_is_not_said_to_be_empty() -> None:
    silent = Things(thing("todo.x", "Shopping List"))
    for query_type in ("items", "count_items", "contains"):
        said_of_it = answer(Query(query_type, ("todo.x",), item="tea"), silent, WORDING)
        assert said_of_it == "I do not know what the shopping list is at."


def test_a_question_about_nothing_is_answered() -> None:
    assert answer(Query("which", (), state="on"), HOME, WORDING) == "There is nothing like that here."
    assert answer(Query("value", ("sensor.none",)), HOME, WORDING) == "Nothing here tells me that."


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("de", "Es sind 24,5 °C."),
        ("fr", "Il fait 24,5 °C."),
        ("es", "La temperatura es 24,5 °C."),
        ("zh", "现在是24.5 °C。"),
    ],
)
def test_numbers_are_written_in_the_manner_of_the_language(language: str, sentence: str) -> None:
    assert said("value", POOL, language=language, attribute="temperature") == sentence


@pytest.mark.parametrize(
    ("language", "sentence"), [("de", "Keine Lampe ist an."), ("fr", "Aucune lampe allumée."), ("zh", "没有灯开着。")]
)
def test_none_agrees_with_its_kind(language: str, sentence: str) -> None:
    assert said("which", KITCHEN, language=language, state="on") == sentence


@pytest.mark.parametrize(
    ("entity", "state", "so"),
    [
        (thing("cover.c", "Blind", "closing"), "open", True),
        (thing("cover.c", "Blind", "closing"), "closed", False),
        (thing("cover.c", "Blind", "open"), "on", None),
        (thing("lock.l", "Door", "jammed"), "unlocked", None),
        (thing("lock.l", "Door", "unlocking"), "locked", False),
        (thing("climate.c", "Heating", "auto", attributes={"hvac_action": "heating"}), "heating", True),
        (thing("climate.c", "Heating", "off"), "on", False),
        (thing("media_player.m", "TV", "playing", attributes={"is_volume_muted": True}), "muted", True),
        (thing("media_player.m", "TV", "playing"), "muted", None),
        (thing("binary_sensor.b", "Sensor", "on", device_class="smoke"), "detected", True),
        (thing("binary_sensor.b", "Sensor", "on", device_class="window"), "locked", None),
        (thing("switch.s", "Plug", "unavailable"), "on", None),
        (thing("switch.s", "Plug"), "off", None),
    ],
)
def test_a_state_that_is_asked_for_is_compared_with_what_the_kind_means_by_it(
    entity: Entity, state: str, so: bool | None
) -> None:
    assert is_in_state(entity, state) is so


@pytest.mark.parametrize("language", ["de", "en", "es", "fr", "it", "nl", "zh"])
def test_every_question_can_be_answered_in_every_language(language: str) -> None:
    for query_type in ("is", "which", "count", "value", "state", "contains", "items", "count_items"):
        for entity in HOME.entities.values():
            assert said(query_type, entity, language=language, state="on", item="tea", attribute="temperature")
