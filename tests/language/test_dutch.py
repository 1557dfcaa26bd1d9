"""Dutch sentences about a small home → Plans. Other sentences than these have to be understood as well."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.language import Act, Ask, Clock, LetBe, Plan, Query, Refuse, TimerWish, Understanding
from edge_agent.language.plan import When
from tests.language import homes
from tests.language.homes import (
    CLIMATE,
    COLOUR_LIGHT,
    COVER,
    FAN,
    LIGHT,
    LIST,
    LOCK,
    PLAYER,
    SWITCH,
    VACUUM,
    device,
    understanding_of,
    wished,
)

HALF_LIT = {"brightness_pct": 50, "color_temp_kelvin": 3000}
OPEN, EIGHTEEN_DEGREES = {"position": 100}, {"temperature": 18, "current_temperature": 17.5}
DEVICES = (
    device("light.schemer", "Schemerlamp", "Huiskamer", LIGHT, state="on", attributes=HALF_LIT),
    device("light.plafond", "Plafondlamp", "Huiskamer", LIGHT),
    device("light.eettafel", "Eettafellamp", "Eetkamer", COLOUR_LIGHT, state="on", attributes=HALF_LIT),
    device("light.aanrecht", "Aanrechtverlichting", "Keuken", LIGHT),
    device("light.overloop", "Overlooplamp", "Overloop", LIGHT),
    device("light.bureau", "Bureaulampje", "Studeerkamer", COLOUR_LIGHT),
    device("light.achtertuin", "Lamp achterdeur", "Tuin", LIGHT),
    device("switch.waterkoker", "Waterkoker", "Keuken", SWITCH),
    device("fan.plafond", "Plafondventilator", "Studeerkamer", FAN, attributes={"percentage": 20}),
    device("cover.links", "Linker gordijn", "Huiskamer", COVER, device_class="curtain", state="open", attributes=OPEN),
    device(
        "cover.rechts", "Rechter gordijn", "Huiskamer", COVER, device_class="curtain", state="open", attributes=OPEN
    ),
    device(
        "cover.rolluik", "Rolluik eetkamer", "Eetkamer", COVER, device_class="shutter", state="open", attributes=OPEN
    ),
    device("cover.scherm", "Zonnescherm", "Tuin", COVER, device_class="awning", state="closed"),
    device("climate.huis", "Thermostaat", "Huiskamer", CLIMATE, state="heat", attributes={"temperature": 20}),
    device("climate.studeer", "Radiator", "Studeerkamer", CLIMATE, state="heat", attributes=EIGHTEEN_DEGREES),
    device("lock.voor", "Voordeur", "Hal", LOCK, state="locked"),
    device("lock.schuur", "Schuurdeur", "Tuin", LOCK, state="unlocked"),
    device("media_player.tv", "Televisie", "Huiskamer", PLAYER, device_class="tv", state="playing",
           attributes={"volume_level": 30}),
    device("media_player.speaker", "Keukenspeaker", "Keuken", PLAYER, state="paused", attributes={"volume_level": 40}),
    device("vacuum.bob", "Bob", "Hal", VACUUM, state="docked", attributes={"battery_level": 70}),
    device("todo.boodschappen", "Boodschappenlijst", None, LIST, state="2", attributes={"items": ["zout", "eieren"]}),
    device("todo.klussen", "Klussen", None, LIST, state="1", attributes={"items": ["ramen lappen"]}),
    device("scene.gezellig", "Gezellige avond", None, {"activate": {}}, state="unknown"),
    device("sensor.buiten", "Buitentemperatuur", None, {}, state="3.5", device_class="temperature"),
    device("binary_sensor.raam", "Keukenraam", "Keuken", {}, device_class="window"),
)  # fmt: skip
FLOORS = {
    "Huiskamer": "Begane grond",
    "Eetkamer": "Begane grond",
    "Keuken": "Begane grond",
    "Hal": "Begane grond",
    "Overloop": "Bovenverdieping",
    "Studeerkamer": "Bovenverdieping",
    "Tuin": None,
}


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return understanding_of(DEVICES, FLOORS)


def said(understanding: Understanding, *turns: str, area: str | None = None) -> Plan | None:
    return homes.said(understanding, "nl", *turns, area=area)


@pytest.mark.parametrize(
    ("sentence", "entity", "action", "params"),
    [
        ("Doe de schemerlamp uit", "light.schemer", "turn_off", {}),
        ("Zet de plafondlamp even aan", "light.plafond", "turn_on", {}),
        ("Schakel het bureaulampje in", "light.bureau", "turn_on", {}),
        ("Schakel de bureaulamp uit alsjeblieft", "light.bureau", "turn_off", {}),
        ("kun je het licht in de keuken aandoen", "light.aanrecht", "turn_on", {}),
        ("Zou u de overlooplamp uit willen doen?", "light.overloop", "turn_off", {}),
        ("Wilt u het licht op de overloop aanzetten?", "light.overloop", "turn_on", {}),
        ("Keukenlicht aan", "light.aanrecht", "turn_on", {}),
        ("Mag het licht in de eetkamer uit?", "light.eettafel", "turn_off", {}),
        ("Ik wil graag licht op de overloop", "light.overloop", "turn_on", {}),
        ("Doe in de studeerkamer het licht aan", "light.bureau", "turn_on", {}),
        ("Zet de eettafellamp op dertig procent", "light.eettafel", "turn_on", {"brightness_pct": 30}),
        ("Eettafellamp op een kwart", "light.eettafel", "turn_on", {"brightness_pct": 25}),
        ("Dim de eettafellamp tot 15%", "light.eettafel", "turn_on", {"brightness_pct": 15}),
        ("Maak de eettafellamp wat feller", "light.eettafel", "turn_on", {"brightness_pct": 60}),
        ("Maak het licht in de eetkamer een beetje donkerder", "light.eettafel", "turn_on", {"brightness_pct": 40}),
        ("Maak de eettafellamp paars", "light.eettafel", "turn_on", {"color": "#ff00ff"}),
        ("Zet de eettafellamp op warm wit", "light.eettafel", "turn_on", {"color_temp_kelvin": 2700}),
        ("Ik heb zin in een kopje thee", "switch.waterkoker", "turn_on", {}),
        ("Doe het linker gordijn dicht", "cover.links", "close", {}),
        ("Trek het rechter gordijn open", "cover.rechts", "open", {}),
        ("Zet het gordijn rechts op 40 procent", "cover.rechts", "set_position", {"position": 40}),
        ("Laat het rolluik zakken", "cover.rolluik", "close", {}),
        ("Rolluik in de eetkamer omhoog", "cover.rolluik", "open", {}),
        ("Zet het rolluik half open", "cover.rolluik", "set_position", {"position": 50}),
        ("Rol het zonnescherm uit", "cover.scherm", "open", {}),
        ("Haal het zonnescherm op", "cover.scherm", "open", {}),
        ("Zet de verwarming in de studeerkamer op 20,5 graden", "climate.studeer", "set_temperature",
         {"temperature": 20.5}),
        ("Verwarming in de huiskamer twee graden hoger", "climate.huis", "set_temperature", {"temperature": 22}),
        ("Zet de thermostaat een graadje lager", "climate.huis", "set_temperature", {"temperature": 19}),
        ("Maak het in de studeerkamer iets warmer", "climate.studeer", "set_temperature", {"temperature": 18.5}),
        ("Doe de radiator in de studeerkamer uit", "climate.studeer", "set_hvac_mode", {"hvac_mode": "off"}),
        ("Doe de voordeur op slot", "lock.voor", "lock", {}),
        ("Haal de voordeur van het slot", "lock.voor", "unlock", {}),
        ("Vergrendel de schuurdeur", "lock.schuur", "lock", {}),
        ("Zet de tv wat harder", "media_player.tv", "set_volume", {"volume_level": 35}),
        ("Zet het volume van de televisie op 20", "media_player.tv", "set_volume", {"volume_level": 20}),
        ("Doe het geluid van de tv uit", "media_player.tv", "mute", {}),
        ("Pauzeer de televisie", "media_player.tv", "pause", {}),
        ("Ga verder met de muziek in de keuken", "media_player.speaker", "play", {}),
        ("Volgende nummer op de keukenspeaker", "media_player.speaker", "next", {}),
        ("Op de televisie het volgende nummer", "media_player.tv", "next", {}),
        ("Plafondventilator op 60", "fan.plafond", "set_percentage", {"percentage": 60}),
        ("Laat Bob stofzuigen", "vacuum.bob", "start", {}),
        ("Stuur de stofzuiger terug naar zijn basis", "vacuum.bob", "return_to_base", {}),
        ("Zet koffie op de boodschappenlijst", "todo.boodschappen", "add_item", {"item": "koffie"}),
        ("De melk is op, zet die op de boodschappenlijst", "todo.boodschappen", "add_item", {"item": "melk"}),
        ("Kun je brood aan de boodschappenlijst toevoegen", "todo.boodschappen", "add_item", {"item": "brood"}),
        ("Haal het zout van de boodschappenlijst af", "todo.boodschappen", "remove_item", {"item": "zout"}),
        ("Streep ramen lappen af", "todo.klussen", "complete_item", {"item": "ramen lappen"}),
        ("Start gezellige avond", "scene.gezellig", "activate", {}),
    ],
)  # fmt: skip
def test_one_wish_for_one_device(
    understanding: Understanding, sentence: str, entity: str, action: str, params: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence)) == {entity: (action, params)}


ALL_LIGHTS = {
    "light.schemer", "light.plafond", "light.eettafel", "light.aanrecht", "light.overloop", "light.bureau",
    "light.achtertuin",
}  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "action", "entities"),
    [
        ("Doe alle lampen uit", "turn_off", ALL_LIGHTS),
        ("Zet overal het licht uit", "turn_off", ALL_LIGHTS),
        ("Alle lichten uit behalve de schemerlamp", "turn_off", ALL_LIGHTS - {"light.schemer"}),
        ("Doe alle lampen uit, maar niet in de huiskamer", "turn_off",
         ALL_LIGHTS - {"light.schemer", "light.plafond"}),
        ("Behalve in de tuin mogen alle lampen uit", "turn_off", ALL_LIGHTS - {"light.achtertuin"}),
        ("Doe de lampen in de huiskamer aan", "turn_on", {"light.schemer", "light.plafond"}),
        ("Huiskamerlampen uit", "turn_off", {"light.schemer", "light.plafond"}),
        ("Licht uit in de keuken en de eetkamer", "turn_off", {"light.aanrecht", "light.eettafel"}),
        ("Doe boven het licht uit", "turn_off", {"light.overloop", "light.bureau"}),
        ("Doe de gordijnen in de huiskamer dicht", "close", {"cover.links", "cover.rechts"}),
        ("Huiskamergordijnen open", "open", {"cover.links", "cover.rechts"}),
        ("Doe de schemerlamp, de eettafellamp en de tv uit", "turn_off",
         {"light.schemer", "light.eettafel", "media_player.tv"}),
        ("Doe de voordeur en de schuurdeur op slot", "lock", {"lock.voor", "lock.schuur"}),
    ],
)  # fmt: skip
def test_the_same_for_several_devices(
    understanding: Understanding, sentence: str, action: str, entities: set[str]
) -> None:
    assert wished(said(understanding, sentence)) == dict.fromkeys(entities, (action, {}))


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Schemerlamp uit en zonnescherm omlaag", {"light.schemer": ("turn_off", {}), "cover.scherm": ("close", {})}),
        ("Doe de plafondlamp aan en de tv uit",
         {"light.plafond": ("turn_on", {}), "media_player.tv": ("turn_off", {})}),
        (
            "Zet de thermostaat op 21 en de radiator in de studeerkamer op 19 graden",
            {"climate.huis": ("set_temperature", {"temperature": 21}),
             "climate.studeer": ("set_temperature", {"temperature": 19})},
        ),
    ],
)  # fmt: skip
def test_several_wishes(understanding: Understanding, sentence: str, expected: dict[str, Any]) -> None:
    assert wished(said(understanding, sentence)) == expected


@pytest.mark.parametrize(
    ("sentence", "when"),
    [
        ("Doe de schemerlamp over tien minuten uit", When(delay_s=600)),
        ("Zet over een half uur de waterkoker aan", When(delay_s=1800)),
        ("Doe om half acht het licht in de keuken aan", When(hour=7, minute=30)),
        ("Waterkoker aan om kwart voor negen", When(hour=8, minute=45)),
        ("Zet vanavond om zeven uur de eettafellamp aan", When(hour=19)),
        ("Morgen om 6:45 rolluik omhoog", When(hour=6, minute=45, tomorrow=True)),
        ("Doe de overlooplamp om vijf voor half elf uit", When(hour=10, minute=25)),
    ],
)
def test_later(understanding: Understanding, sentence: str, when: When) -> None:
    plan = said(understanding, sentence)
    assert isinstance(plan, Act)
    assert plan.when == when


@pytest.mark.parametrize(
    ("sentence", "entity", "for_s"),
    [
        ("Zet de plafondventilator een half uur aan", "fan.plafond", 1800),
        ("Doe de schemerlamp aan voor tien minuten", "light.schemer", 600),
    ],
)
def test_for_a_while(understanding: Understanding, sentence: str, entity: str, for_s: float) -> None:
    plan = said(understanding, sentence)
    assert wished(plan) == {entity: ("turn_on", {})}
    assert isinstance(plan, Act)
    assert plan.for_s == for_s


@pytest.mark.parametrize(
    ("sentence", "timer"),
    [
        ("Zet een timer van acht minuten", TimerWish("set", 480)),
        ("Timer van een uur en tien minuten", TimerWish("set", 4200)),
        ("Zet een pizzatimer van twaalf minuten", TimerWish("set", 720, "pizza")),
        ("Hoe lang loopt de timer nog?", TimerWish("ask")),
        ("Stop de timer", TimerWish("cancel")),
    ],
)
def test_a_timer(understanding: Understanding, sentence: str, timer: TimerWish) -> None:
    assert said(understanding, sentence) == timer


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (("Schemerlamp aan", "Doe hem maar weer uit"), {"light.schemer": ("turn_off", {})}),
        (("Schemerlamp aan", "doe het weer uit"), {"light.schemer": ("turn_off", {})}),
        (("Schemerlamp uit", "en de plafondlamp ook"), {"light.plafond": ("turn_off", {})}),
        (("Doe het gordijn in de huiskamer dicht", "Het linker"), {"cover.links": ("close", {})}),
    ],
)
def test_a_conversation(understanding: Understanding, turns: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert wished(said(understanding, *turns)) == expected


@pytest.mark.parametrize(
    ("sentence", "area", "expected"),
    [
        ("Licht aan", "eetkamer", {"light.eettafel": ("turn_on", {})}),
        ("Het is hier te donker", "Studeerkamer", {"light.bureau": ("turn_on", {})}),
        ("Ik heb het koud", "Studeerkamer", {"climate.studeer": ("set_temperature", {"temperature": 19})}),
        ("De televisie staat te hard", None, {"media_player.tv": ("set_volume", {"volume_level": 20})}),
    ],
)
def test_how_it_is_tells_what_helps(
    understanding: Understanding, sentence: str, area: str | None, expected: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence, area=area)) == expected


@pytest.mark.parametrize(
    ("sentence", "query"),
    [
        ("Is de voordeur op slot?", Query("is", ("lock.voor",), state="locked")),
        ("Staat het keukenraam open?", Query("is", ("binary_sensor.raam",), state="open")),
        ("Brandt het licht op de overloop nog?", Query("is", ("light.overloop",), state="on")),
        ("Kun je me zeggen of de schemerlamp aan is?", Query("is", ("light.schemer",), state="on")),
        ("Weet je of het rolluik dicht is", Query("is", ("cover.rolluik",), state="closed")),
        ("Hoe koud is het buiten?", Query("value", ("sensor.buiten",))),
        ("Hoe warm is het in de studeerkamer?", Query("value", ("climate.studeer",), attribute="current_temperature")),
        ("Op hoeveel graden staat de thermostaat?", Query("value", ("climate.huis",), attribute="temperature")),
        ("Hoe vol is de accu van Bob?", Query("value", ("vacuum.bob",), attribute="battery_level")),
        ("Wat staat er op de boodschappenlijst?", Query("items", ("todo.boodschappen",))),
        ("Staat er zout op de boodschappenlijst?", Query("contains", ("todo.boodschappen",), item="zout")),
    ],
)
def test_a_question(understanding: Understanding, sentence: str, query: Query) -> None:
    assert said(understanding, sentence) == query


@pytest.mark.parametrize(
    ("sentence", "type_"), [("Welke lampen zijn aan?", "which"), ("Hoeveel lampen branden er nog?", "count")]
)
def test_a_question_about_several(understanding: Understanding, sentence: str, type_: str) -> None:
    plan = said(understanding, sentence)
    assert isinstance(plan, Query)
    assert (plan.type, plan.state, set(plan.entity_ids)) == (type_, "on", ALL_LIGHTS)


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("Hoe laat is het?", Clock),
        ("Welke dag is het vandaag?", Clock),
        ("Laat de schemerlamp aan", LetBe),
        ("Doe de schemerlamp niet uit", LetBe),
        ("Laat maar", LetBe),
        ("Dankjewel", LetBe),
        ("Open het keukenraam", Refuse),
        ("Maak de schemerlamp blauw", Refuse),
        ("Doe de kelderlamp aan", Refuse),
        ("Doe het gordijn dicht", Ask),
        ("Zet de verwarming op 21 graden", Ask),
        ("Doe de deur op slot", Ask),
        ("Als het donker wordt, doe dan de lamp bij de achterdeur aan", Refuse),
        ("Wat is de hoofdstad van Portugal?", type(None)),
        ("Mijn vrouw zegt dat ik altijd het licht uit moet doen", type(None)),
        ("Vertel eens een verhaal over een lamp", type(None)),
    ],
)
def test_what_is_no_wish_for_a_device(understanding: Understanding, sentence: str, kind: type) -> None:
    assert isinstance(said(understanding, sentence), kind)


@pytest.mark.parametrize(
    "sentence",
    [
        "Speel Bob Marley",
        "Moet ik de schemerlamp uitdoen?",
        "Waarom brandt de schemerlamp?",
        "Heb jij de schemerlamp uitgedaan?",
        "De eettafellamp is mooi",
        "Schrijf een gedicht over de schemerlamp",
        "Raak de voordeur niet aan",
        "Ik heb gisteren de schemerlamp uitgedaan",
    ],
)
def test_nothing_is_done(understanding: Understanding, sentence: str) -> None:
    assert not isinstance(said(understanding, sentence), Act)
