"""German sentences about a small home → Plans. Other sentences than these have to be understood as well."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.language import Act, Ask, Clock, Dialogue, LetBe, Plan, Query, Refuse, TimerWish, Understanding
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

SOFA, PENDANT = {"brightness_pct": 50}, {"brightness_pct": 40, "color_temp_kelvin": 3000}
OPEN, TWENTY_DEGREES = {"position": 100}, {"temperature": 20}
DEVICES = (
    device("light.sofa", "Sofalampe", "Wohnzimmer", LIGHT, state="on", attributes=SOFA),
    device("light.decke", "Deckenleuchte", "Wohnzimmer", LIGHT),
    device("light.pendel", "Pendelleuchte", "Esszimmer", COLOUR_LIGHT, state="on", attributes=PENDANT),
    device("light.treppe", "Licht an der Treppe", "Diele", LIGHT),
    device("light.terrasse", "Terrassenlicht", "Terrasse", LIGHT),
    device("light.kinder", "Sternenlicht", "Kinderzimmer", LIGHT),
    device("switch.kaffee", "Kaffeemaschine", "Küche", SWITCH),
    device("fan.luefter", "Badlüfter", "Bad", FAN, attributes={"percentage": 20}),
    device(
        "cover.links", "Rollladen links", "Wohnzimmer", COVER, device_class="shutter", state="open", attributes=OPEN
    ),
    device(
        "cover.rechts", "Rollladen rechts", "Wohnzimmer", COVER, device_class="shutter", state="open", attributes=OPEN
    ),
    device("cover.rollo", "Küchenrollo", "Küche", COVER, state="open", attributes=OPEN),
    device("cover.markise", "Markise", "Terrasse", COVER, device_class="awning", state="closed"),
    device("climate.bad", "Heizkörper Bad", "Bad", CLIMATE, state="heat", attributes={"temperature": 22}),
    device(
        "climate.kinder", "Thermostat Kinderzimmer", "Kinderzimmer", CLIMATE, state="heat", attributes=TWENTY_DEGREES
    ),
    device("lock.haus", "Haustür", "Diele", LOCK, state="locked"),
    device("lock.keller", "Kellertür", None, LOCK, state="unlocked"),
    device(
        "media_player.tv",
        "Fernseher",
        "Wohnzimmer",
        PLAYER,
        device_class="tv",
        state="playing",
        attributes={"volume_level": 30},
    ),
    device("vacuum.rosi", "Rosi", "Diele", VACUUM, state="docked", attributes={"battery_level": 80}),
    device("todo.einkauf", "Einkaufsliste", None, LIST, state="2", attributes={"items": ["Salz", "Eier"]}),
    device("todo.aufgaben", "Aufgaben", None, LIST, state="1", attributes={"items": ["Rasen mähen"]}),
    device("scene.kino", "Filmabend", None, {"activate": {}}, state="unknown"),
    device("sensor.aussen", "Außentemperatur", None, {}, state="3.5", device_class="temperature"),
    device("binary_sensor.fenster", "Badfenster", "Bad", {}, device_class="window"),
)
FLOORS = {
    "Wohnzimmer": "Erdgeschoss",
    "Esszimmer": "Erdgeschoss",
    "Küche": "Erdgeschoss",
    "Diele": "Erdgeschoss",
    "Kinderzimmer": "Obergeschoss",
    "Bad": "Obergeschoss",
    "Terrasse": None,
}


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return understanding_of(DEVICES, FLOORS)


def said(understanding: Understanding, *turns: str, area: str | None = None) -> Plan | None:
    return homes.said(understanding, "de", *turns, area=area)


@pytest.mark.parametrize(
    ("sentence", "entity", "action", "params"),
    [
        ("Mach mal die Sofalampe aus", "light.sofa", "turn_off", {}),
        ("Schalten Sie bitte die Sofalampe ein", "light.sofa", "turn_on", {}),
        ("könntest du das sternenlicht anmachen", "light.kinder", "turn_on", {}),
        ("Auf der Terrasse bitte Licht", "light.terrasse", "turn_on", {}),
        ("Mach Licht auf der Terrasse", "light.terrasse", "turn_on", {}),
        ("Treppenlicht an", "light.treppe", "turn_on", {}),
        ("Pendellampe auf ein Viertel", "light.pendel", "turn_on", {"brightness_pct": 25}),
        ("20 Prozent heller im Esszimmer", "light.pendel", "turn_on", {"brightness_pct": 60}),
        ("Mach die Pendelleuchte türkis", "light.pendel", "turn_on", {"color": "#00ffff"}),
        ("Die Pendelleuchte soll warmweiß leuchten", "light.pendel", "turn_on", {"color_temp_kelvin": 2700}),
        ("Ich hätte gern einen Kaffee", "switch.kaffee", "turn_on", {}),
        ("Küchenrolladen runter", "cover.rollo", "close", {}),
        ("Mach den linken Rollladen auf", "cover.links", "open", {}),
        ("Fahr den rechten Rollladen auf 30 Prozent", "cover.rechts", "set_position", {"position": 30}),
        ("Mach das Rollo in der Küche halb zu", "cover.rollo", "set_position", {"position": 50}),
        ("Fahr die Markise aus", "cover.markise", "open", {}),
        ("Fahr die Markise wieder ein", "cover.markise", "close", {}),
        ("Dreh die Heizung im Kinderzimmer auf", "climate.kinder", "set_temperature", {"temperature": 21}),
        ("Dreh die Heizung im Bad runter auf 19", "climate.bad", "set_temperature", {"temperature": 19}),
        ("Kinderzimmer auf neunzehn Komma fünf Grad", "climate.kinder", "set_temperature", {"temperature": 19.5}),
        ("Badheizung aus", "climate.bad", "set_hvac_mode", {"hvac_mode": "off"}),
        ("Schließ die Kellertür ab", "lock.keller", "lock", {}),
        ("Sperr die Haustür auf", "lock.haus", "unlock", {}),
        ("Mach den Ton vom Fernseher aus", "media_player.tv", "mute", {}),
        ("Glotze etwas leiser", "media_player.tv", "set_volume", {"volume_level": 25}),
        ("Badlüfter auf 60", "fan.luefter", "set_percentage", {"percentage": 60}),
        ("Lass Rosi saugen", "vacuum.rosi", "start", {}),
        ("Schick den Staubsauger nach Hause", "vacuum.rosi", "return_to_base", {}),
        ("Wir haben kein Mehl mehr, schreib es auf die Einkaufsliste", "todo.einkauf", "add_item", {"item": "Mehl"}),
        ("Schreib Keller aufräumen auf die Aufgabenliste", "todo.aufgaben", "add_item", {"item": "Keller aufräumen"}),
        ("Streich das Salz von der Einkaufsliste", "todo.einkauf", "remove_item", {"item": "Salz"}),
        ("Starte Filmabend", "scene.kino", "activate", {}),
    ],
)
def test_one_wish_for_one_device(
    understanding: Understanding, sentence: str, entity: str, action: str, params: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence)) == {entity: (action, params)}


ALL_LIGHTS = {"light.sofa", "light.decke", "light.pendel", "light.treppe", "light.terrasse", "light.kinder"}


@pytest.mark.parametrize(
    ("sentence", "action", "entities"),
    [
        ("Mach überall das Licht aus", "turn_off", ALL_LIGHTS),
        ("Alle Lampen aus außer der Sofalampe", "turn_off", ALL_LIGHTS - {"light.sofa"}),
        ("Alle Lichter aus, aber nicht im Kinderzimmer", "turn_off", ALL_LIGHTS - {"light.kinder"}),
        ("Alle Lichter aus, nur die Pendelleuchte bleibt an", "turn_off", ALL_LIGHTS - {"light.pendel"}),
        ("Licht aus im Wohnzimmer", "turn_off", {"light.sofa", "light.decke"}),
        ("Esszimmer und Kinderzimmer Licht aus", "turn_off", {"light.pendel", "light.kinder"}),
        ("Licht im Esszimmer und im Kinderzimmer aus", "turn_off", {"light.pendel", "light.kinder"}),
        (
            "Mach Sofalampe, Pendelleuchte und Fernseher aus",
            "turn_off",
            {"light.sofa", "light.pendel", "media_player.tv"},
        ),
        ("Mach oben das Licht an", "turn_on", {"light.kinder"}),
        ("Lass die Rollläden im Wohnzimmer runter", "close", {"cover.links", "cover.rechts"}),
        ("Beide Rollläden im Wohnzimmer zu", "close", {"cover.links", "cover.rechts"}),
        ("Schließ die Haustür und die Kellertür ab", "lock", {"lock.haus", "lock.keller"}),
    ],
)
def test_the_same_for_several_devices(
    understanding: Understanding, sentence: str, action: str, entities: set[str]
) -> None:
    assert wished(said(understanding, sentence)) == dict.fromkeys(entities, (action, {}))


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Sofalampe aus und Markise raus", {"light.sofa": ("turn_off", {}), "cover.markise": ("open", {})}),
        ("Sofalampe aus Kaffeemaschine an", {"light.sofa": ("turn_off", {}), "switch.kaffee": ("turn_on", {})}),
        (
            "Stell die Heizung im Bad auf 23 und im Kinderzimmer auf 20 Grad",
            {"climate.bad": ("set_temperature", {"temperature": 23}),
             "climate.kinder": ("set_temperature", {"temperature": 20})},
        ),
        (
            "Mach die Pendelleuchte grün und etwas dunkler",
            {"light.pendel": ("turn_on", {"color": "#00ff00", "brightness_pct": 30})},
        ),
    ],
)  # fmt: skip
def test_several_wishes(understanding: Understanding, sentence: str, expected: dict[str, Any]) -> None:
    assert wished(said(understanding, sentence)) == expected


@pytest.mark.parametrize(
    ("sentence", "when"),
    [
        ("Mach in einer halben Stunde die Kaffeemaschine aus", When(delay_s=1800)),
        ("Schalte um sieben die Kaffeemaschine ein", When(hour=7)),
        ("Morgen früh um sieben das Küchenrollo hoch", When(hour=7, tomorrow=True)),
        ("Heute Abend um halb acht Terrassenlicht an", When(hour=19, minute=30)),
        ("Terrassenlicht um 20:15 Uhr an", When(hour=20, minute=15)),
        ("Terrassenlicht um Viertel vor neun an", When(hour=8, minute=45)),
    ],
)
def test_later(understanding: Understanding, sentence: str, when: When) -> None:
    plan = said(understanding, sentence)
    assert isinstance(plan, Act)
    assert plan.when == when


def test_a_timer(understanding: Understanding) -> None:
    assert said(understanding, "Stell einen Timer auf acht Minuten") == TimerWish("set", 480)


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (("Sofalampe an", "Mach sie wieder aus"), {"light.sofa": ("turn_off", {})}),
        (("Sofalampe an", "mach das wieder aus"), {"light.sofa": ("turn_off", {})}),
        (("Sofalampe an", "und die Pendelleuchte auch"), {"light.pendel": ("turn_on", {})}),
        (("Sofalampe an", "Schalten Sie den Fernseher aus"), {"media_player.tv": ("turn_off", {})}),
        (("Mach den Rollladen im Wohnzimmer runter", "Den linken"), {"cover.links": ("close", {})}),
        (
            ("Heizung im Bad auf 24 Grad", "Nein, doch lieber 23,5"),
            {"climate.bad": ("set_temperature", {"temperature": 23.5})},
        ),
    ],
)
def test_a_conversation(understanding: Understanding, turns: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert wished(said(understanding, *turns)) == expected


@pytest.mark.parametrize(
    ("sentence", "area", "expected"),
    [
        ("Licht an", "esszimmer", {"light.pendel": ("turn_on", {})}),
        ("Mir ist kalt", "Kinderzimmer", {"climate.kinder": ("set_temperature", {"temperature": 21})}),
        ("Hier ist es viel zu dunkel", "Kinderzimmer", {"light.kinder": ("turn_on", {})}),
        ("Die Pendelleuchte blendet, etwas dunkler bitte", None, {"light.pendel": ("turn_on", {"brightness_pct": 30})}),
        ("Der Fernseher ist zu laut", None, {"media_player.tv": ("set_volume", {"volume_level": 20})}),
    ],
)
def test_how_it_is_tells_what_helps(
    understanding: Understanding, sentence: str, area: str | None, expected: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence, area=area)) == expected


@pytest.mark.parametrize(
    ("sentence", "query"),
    [
        ("Ist die Haustür abgeschlossen?", Query("is", ("lock.haus",), state="locked")),
        ("Hab ich die Haustür abgeschlossen?", Query("is", ("lock.haus",), state="locked")),
        ("Kannst du mir sagen, ob das Licht auf der Terrasse an ist?", Query("is", ("light.terrasse",), state="on")),
        ("Steht das Badfenster offen?", Query("is", ("binary_sensor.fenster",), state="open")),
        ("Läuft der Fernseher noch?", Query("is", ("media_player.tv",), state="on")),
        ("Wie kalt ist es draußen?", Query("value", ("sensor.aussen",))),
        ("Auf wie viel Grad steht die Heizung im Bad?", Query("value", ("climate.bad",), attribute="temperature")),
        ("Wie voll ist der Akku von Rosi?", Query("value", ("vacuum.rosi",), attribute="battery_level")),
        ("Was steht auf der Einkaufsliste?", Query("items", ("todo.einkauf",))),
        ("Steht Salz auf der Einkaufsliste?", Query("contains", ("todo.einkauf",), item="Salz")),
    ],
)
def test_a_question(understanding: Understanding, sentence: str, query: Query) -> None:
    assert said(understanding, sentence) == query


@pytest.mark.parametrize(
    ("sentence", "type_"), [("Welche Lampen sind an?", "which"), ("Wie viele Lichter brennen noch?", "count")]
)
def test_a_question_about_several(understanding: Understanding, sentence: str, type_: str) -> None:
    plan = said(understanding, sentence)
    assert isinstance(plan, Query)
    assert (plan.type, plan.state, set(plan.entity_ids)) == (type_, "on", ALL_LIGHTS)


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("Wie spät ist es?", Clock),
        ("Lass die Sofalampe an", LetBe),
        ("Mach die Sofalampe nicht aus", LetBe),
        ("Ach, vergiss es", LetBe),
        ("Öffne das Badfenster", Refuse),
        ("Mach die Sofalampe blau", Refuse),
        ("Balkonlampe an", Refuse),
        ("Stell die Heizung auf 23 Grad", Ask),
        ("Wenn es dunkel wird, mach das Terrassenlicht an", Refuse),
        ("Wie heißt die Hauptstadt von Portugal?", type(None)),
        ("Meine Frau sagt, ich soll immer das Licht ausmachen", type(None)),
    ],
)
def test_what_is_no_wish_for_a_device(understanding: Understanding, sentence: str, kind: type) -> None:
    assert isinstance(said(understanding, sentence), kind)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Mach die Sofalampe aus weil ich jetzt ins Bett gehe", {"light.sofa": ("turn_off", {})}),
        ("Küchenrollo runter, ich steh gleich auf", {"cover.rollo": ("close", {})}),
        ("Kaffeemaschine an ich bin so müde", {"switch.kaffee": ("turn_on", {})}),
        ("Mach den Fernseher aus, ich will noch lesen", {"media_player.tv": ("turn_off", {})}),
        (
            "Sofalampe aus, ich möchte die Pendelleuchte an",
            {"light.sofa": ("turn_off", {}), "light.pendel": ("turn_on", {})},
        ),
        ("Im Esszimmer ist das Licht noch an, mach es aus", {"light.pendel": ("turn_off", {})}),
    ],
)
def test_what_is_only_told_is_no_wish(
    understanding: Understanding, sentence: str, expected: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    assert wished(said(understanding, sentence)) == expected


@pytest.mark.parametrize(
    ("sentence", "entity", "action"),
    [
        ("kuechenrollo zu", "cover.rollo", "close"),
        ("oeffne das kuechenrollo", "cover.rollo", "open"),
        ("schliess die haustuer ab", "lock.haus", "lock"),
        ("sofa lampe aus", "light.sofa", "turn_off"),
        ("decken leuchte ein schalten", "light.decke", "turn_on"),
        ("haus tür ab schließen", "lock.haus", "lock"),
        ("schalte das thermosdat im kinderzimmer aus", "climate.kinder", "set_hvac_mode"),
    ],
)
def test_words_without_umlauts_or_apart_or_misspelt(
    understanding: Understanding, sentence: str, entity: str, action: str
) -> None:
    assert {one: wish[0] for one, wish in wished(said(understanding, sentence)).items()} == {entity: action}


@pytest.mark.parametrize(
    ("sentence", "entity", "params"),
    [
        ("Heizkörper Bad auf einundzwanzigeinhalb Grad", "climate.bad", {"temperature": 21.5}),
        ("Heizung im Bad auf drei und zwanzig Grad", "climate.bad", {"temperature": 23}),
        ("Im Bad reichen zwanzig Grad", "climate.bad", {"temperature": 20}),
        ("Ein halbes Grad mehr im Bad", "climate.bad", {"temperature": 22.5}),
        ("Zwei Grad weniger im Bad", "climate.bad", {"temperature": 20}),
        ("Die Pendelleuchte halb so hell wie jetzt", "light.pendel", {"brightness_pct": 20}),
        ("Den Fernseher doppelt so laut", "media_player.tv", {"volume_level": 60}),
        ("Fernseher bitte nur auf 15 Prozent", "media_player.tv", {"volume_level": 15}),
    ],
)
def test_amounts(understanding: Understanding, sentence: str, entity: str, params: dict[str, Any]) -> None:
    assert {one: wish[1] for one, wish in wished(said(understanding, sentence)).items()} == {entity: params}


@pytest.mark.parametrize(
    ("sentence", "left_out"),
    [
        ("Alle Lichter aus, auf der Terrasse aber anlassen", "light.terrasse"),
        ("Mach alle Lampen aus, die Pendelleuchte aber nicht", "light.pendel"),
        ("In allen Räumen das Licht aus, nur im Kinderzimmer nicht", "light.kinder"),
    ],
)
def test_an_exception_behind_its_wish(understanding: Understanding, sentence: str, left_out: str) -> None:
    assert wished(said(understanding, sentence)).keys() == ALL_LIGHTS - {left_out}


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (("Ist das Licht an der Treppe an?", "Dann mach es aus"), {"light.treppe": ("turn_off", {})}),
        (("Fernseher leiser", "noch ein bisschen"), {"media_player.tv": ("set_volume", {"volume_level": 25})}),
        (("Rollladen links zu", "der andere auch"), {"cover.rechts": ("close", {})}),
        (("Wie warm ist das Bad eingestellt?", "Zwei Grad mehr"),
         {"climate.bad": ("set_temperature", {"temperature": 24})}),
    ],
)  # fmt: skip
def test_what_goes_on_from_before(
    understanding: Understanding, turns: tuple[str, ...], expected: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    assert wished(said(understanding, *turns)) == expected


def test_what_is_to_be_written_down_is_asked(understanding: Understanding) -> None:
    dialogue = Dialogue()
    asked = understanding.understand("Schreib was auf die Einkaufsliste", dialogue, area=None, language="de")
    assert isinstance(asked, Ask)
    assert asked.key == "which_item"
    plan = understanding.understand("Tomaten und Reis", dialogue, area=None, language="de")
    assert isinstance(plan, Act)
    assert [(wish.entity_id, wish.params["item"]) for wish in plan.actions] == [
        ("todo.einkauf", "Tomaten"), ("todo.einkauf", "Reis"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "action", "item"),
    [
        ("Die Milch ist alle, schreib sie auf die Einkaufsliste", "add_item", "Milch"),
        ("Auf die Einkaufsliste bitte noch Senf", "add_item", "Senf"),
        ("Packst du noch Reis auf die Einkaufsliste?", "add_item", "Reis"),
        ("Die Eier doch wieder runter", "remove_item", "Eier"),
        ("Salz kann von der Einkaufsliste", "remove_item", "Salz"),
        ("Das Salz hab ich schon", "complete_item", "Salz"),
    ],
)
def test_lists_in_other_words(understanding: Understanding, sentence: str, action: str, item: str) -> None:
    assert wished(said(understanding, sentence)) == {"todo.einkauf": (action, {"item": item})}


@pytest.mark.parametrize("sentence", ["Mir ist heute irgendwie echt kalt", "Ich frier mir hier einen ab"])
def test_words_between_those_that_tell_how_it_is(understanding: Understanding, sentence: str) -> None:
    plan = said(understanding, sentence, area="Kinderzimmer")
    assert wished(plan) == {"climate.kinder": ("set_temperature", {"temperature": 21})}
