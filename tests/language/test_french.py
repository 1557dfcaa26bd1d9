"""French sentences about a small home → Plans. Other sentences than these have to be understood as well."""

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
    LIGHT,
    LIST,
    LOCK,
    PLAYER,
    SWITCH,
    device,
    understanding_of,
    wished,
)

HALF_LIT, EIGHTEEN_DEGREES = {"brightness_pct": 50}, {"temperature": 18}
DEVICES = (
    device("light.veranda", "Plafonnier de la véranda", "Véranda", LIGHT, state="on", attributes=HALF_LIT),
    device("light.lecture", "Lampe de lecture", "Véranda", COLOUR_LIGHT, state="on", attributes=HALF_LIT),
    device("light.escalier", "Lumière de l'escalier", "Escalier", LIGHT),
    device("light.atelier", "Néon", "Atelier", LIGHT),
    device("light.amis", "Lumière de la chambre d'amis", "Chambre d'amis", LIGHT),
    device("light.chambre", "Applique", "Chambre", LIGHT),
    device("switch.grille_pain", "Grille-pain", "Cuisine", SWITCH),
    device("cover.atelier", "Persienne de l'atelier", "Atelier", COVER, device_class="shutter", state="closed",
           attributes={"position": 0}),
    device("cover.store", "Store", "Terrasse", COVER, device_class="awning", state="open", attributes={"position": 80}),
    device("climate.veranda", "Poêle de la véranda", "Véranda", CLIMATE, state="heat", attributes=EIGHTEEN_DEGREES),
    device("climate.atelier", "Radiateur de l'atelier", "Atelier", CLIMATE, state="heat", attributes=EIGHTEEN_DEGREES),
    device("lock.portillon", "Portillon du jardin", "Jardin", LOCK, state="locked"),
    device("media_player.radio", "Radio", "Cuisine", PLAYER, state="playing", attributes={"volume_level": 30}),
    device("todo.courses", "Liste de courses", None, LIST, state="1", attributes={"items": ["œufs"]}),
    device("sensor.atelier", "Température de l'atelier", "Atelier", {}, state="17.5", device_class="temperature"),
    device("binary_sensor.atelier", "Fenêtre de l'atelier", "Atelier", {}, state="on", device_class="window"),
)  # fmt: skip
FLOORS = {
    "Véranda": "Rez-de-chaussée",
    "Cuisine": "Rez-de-chaussée",
    "Escalier": None,
    "Atelier": "Étage",
    "Chambre": "Étage",
    "Chambre d'amis": "Étage",
    "Jardin": None,
    "Terrasse": None,
}


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return understanding_of(DEVICES, FLOORS)


def said(understanding: Understanding, *turns: str, area: str | None = None) -> Plan | None:
    return homes.said(understanding, "fr", *turns, area=area)


@pytest.mark.parametrize(
    ("sentence", "entity", "action", "params"),
    [
        ("Allume le grille-pain", "switch.grille_pain", "turn_on", {}),
        ("Pourriez-vous éteindre le grille-pain, s'il vous plaît ?", "switch.grille_pain", "turn_off", {}),
        ("tu me mets la lumière de l'escalier", "light.escalier", "turn_on", {}),
        ("Je voudrais que tu éteignes la lumière dans l'escalier", "light.escalier", "turn_off", {}),
        ("coupe neon", "light.atelier", "turn_off", {}),
        ("N'oublie pas d'allumer l'applique", "light.chambre", "turn_on", {}),
        ("Lampe de lecture à 70 %", "light.lecture", "turn_on", {"brightness_pct": 70}),
        ("Baisse la lampe de lecture de quinze pour cent", "light.lecture", "turn_on", {"brightness_pct": 35}),
        ("Mets la lampe de lecture à quatre-vingt-cinq pour cent", "light.lecture", "turn_on", {"brightness_pct": 85}),
        ("La lampe de lecture en vert", "light.lecture", "turn_on", {"color": "#00ff00"}),
        ("Passe la lampe de lecture à trois mille kelvins", "light.lecture", "turn_on", {"color_temp_kelvin": 3000}),
        ("Un peu plus de lumière sur la lampe de lecture", "light.lecture", "turn_on", {"brightness_pct": 60}),
        ("Remonte la persienne", "cover.atelier", "open", {}),
        ("Ouvre la persienne à moitié", "cover.atelier", "set_position", {"position": 50}),
        ("Lève un peu la persienne de l'atelier", "cover.atelier", "set_position", {"position": 12.5}),
        ("Rentre le store, il y a du vent", "cover.store", "close", {}),
        ("Mets le poêle à vingt et un degrés et demi", "climate.veranda", "set_temperature", {"temperature": 21.5}),
        ("Monte le radiateur de l'atelier à 20", "climate.atelier", "set_temperature", {"temperature": 20}),
        ("Deux degrés de plus dans la véranda", "climate.veranda", "set_temperature", {"temperature": 20}),
        ("Baisse le chauffage de l'atelier d'un degré", "climate.atelier", "set_temperature", {"temperature": 17}),
        ("Arrête de chauffer l'atelier", "climate.atelier", "set_hvac_mode", {"hvac_mode": "off"}),
        ("Ferme le portillon à clé", "lock.portillon", "lock", {}),
        ("Déverrouille le portillon du jardin", "lock.portillon", "unlock", {}),
        ("Coupe le son de la radio", "media_player.radio", "mute", {}),
        ("La radio moins fort", "media_player.radio", "set_volume", {"volume_level": 20}),
        ("Volume de la radio à 15", "media_player.radio", "set_volume", {"volume_level": 15}),
        ("La radio est trop forte", "media_player.radio", "set_volume", {"volume_level": 20}),
        ("Rajoute de l'huile aux courses", "todo.courses", "add_item", {"item": "huile"}),
        ("On n'a plus de sel, note-le sur la liste", "todo.courses", "add_item", {"item": "sel"}),
        ("Raye les oeufs de la liste de courses", "todo.courses", "remove_item", {"item": "œufs"}),
        ("J'ai acheté les œufs, coche-les", "todo.courses", "complete_item", {"item": "œufs"}),
    ],
)
def test_one_wish_for_one_device(
    understanding: Understanding, sentence: str, entity: str, action: str, params: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence)) == {entity: (action, params)}


@pytest.mark.parametrize(
    ("sentence", "entities"),
    [
        ("Éteins la radio et le néon", {"media_player.radio", "light.atelier"}),
        ("Allume les lumières de la véranda", {"light.veranda", "light.lecture"}),
        ("Éteins toutes les lumières à l'étage", {"light.atelier", "light.amis", "light.chambre"}),
        ("Éteins toutes les lampes sauf celles de la véranda",
         {"light.escalier", "light.atelier", "light.amis", "light.chambre"}),
        ("Allume le grille-pain, puis ouvre la persienne", {"switch.grille_pain", "cover.atelier"}),
        ("Dans la cuisine, coupe tout", {"switch.grille_pain", "media_player.radio"}),
        ("Allume la lumière de la chambre", {"light.chambre"}),
        ("Allume la lumière de la chambre d'amis", {"light.amis"}),
    ],
)  # fmt: skip
def test_several_devices(understanding: Understanding, sentence: str, entities: set[str]) -> None:
    assert wished(said(understanding, sentence)).keys() == entities


@pytest.mark.parametrize(
    ("area", "sentence", "expected"),
    [
        ("Atelier", "Éteins la lumière", {"light.atelier": ("turn_off", {})}),
        ("Escalier", "On n'y voit rien", {"light.escalier": ("turn_on", {})}),
        ("Véranda", "Brr, ça caille", {"climate.veranda": ("set_temperature", {"temperature": 19})}),
        ("Atelier", "Il fait trop chaud", {"climate.atelier": ("set_temperature", {"temperature": 17})}),
    ],
)
def test_the_room_that_the_person_is_in_counts(
    understanding: Understanding, area: str, sentence: str, expected: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence, area=area)) == expected


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (("Allume la lampe de lecture", "mets-la en bleu"), {"light.lecture": ("turn_on", {"color": "#0000ff"})}),
        (("Allume la lampe de lecture", "Tu peux l'éteindre ?"), {"light.lecture": ("turn_off", {})}),
        (("Mets le poêle à 20", "Non, plutôt 20,5"), {"climate.veranda": ("set_temperature", {"temperature": 20.5})}),
        (("Mets le chauffage à 19", "celui de l'atelier"),
         {"climate.atelier": ("set_temperature", {"temperature": 19})}),
        (("Allume la lumière de l'escalier", "et celle de la chambre d'amis"), {"light.amis": ("turn_on", {})}),
        (("Ouvre la persienne", "ferme-la"), {"cover.atelier": ("close", {})}),
        (("Ajoute du riz à la liste de courses", "et du poivre"),
         {"todo.courses": ("add_item", {"item": "poivre"})}),
    ],
)  # fmt: skip
def test_a_conversation(understanding: Understanding, turns: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert wished(said(understanding, *turns)) == expected


@pytest.mark.parametrize(
    ("sentence", "when"),
    [
        ("Éteins la radio dans un quart d'heure", When(delay_s=900)),
        ("Éteins la radio dans deux heures et demie", When(delay_s=9000)),
        ("Éteins la radio à 22h15", When(hour=22, minute=15)),
        ("Éteins la radio à huit heures moins le quart", When(hour=7, minute=45)),
        ("Ce soir à neuf heures, éteins la radio", When(hour=21)),
        ("Éteins la radio demain matin à sept heures", When(hour=7, tomorrow=True)),
        ("Éteins la radio à minuit", When(hour=0)),
    ],
)
def test_a_time_is_kept_with_the_wish(understanding: Understanding, sentence: str, when: When) -> None:
    plan = said(understanding, sentence)
    assert isinstance(plan, Act)
    assert [wish.entity_id for wish in plan.actions] == ["media_player.radio"]
    assert plan.when == when


@pytest.mark.parametrize(
    ("sentence", "plan"),
    [
        ("Mets le chauffage à 21", Ask),
        ("Allume la lumière du grenier", Refuse),
        ("Allume la clim", Refuse),
        ("Mets la lumière de l'escalier en rouge", Refuse),
        ("Ferme la fenêtre de l'atelier", Refuse),
        ("N'éteins surtout pas la radio", LetBe),
        ("Laisse le néon allumé", LetBe),
        ("Non, laisse tomber", LetBe),
        ("Merci, c'est tout", LetBe),
        ("Quelle heure est-il ?", Clock),
        ("Mets un minuteur de cinq minutes", TimerWish),
    ],
)
def test_what_is_no_wish_for_a_device(understanding: Understanding, sentence: str, plan: type[Plan]) -> None:
    assert isinstance(said(understanding, sentence), plan)


@pytest.mark.parametrize(
    "sentence",
    [
        "Quelle est la capitale du Pérou ?",
        "Raconte-moi une histoire",
        "Ma voisine oublie toujours d'éteindre la lumière de l'escalier",
        "La lumière de l'escalier est restée allumée toute la nuit",
        "J'ai éteint la radio hier soir",
    ],
)
def test_what_the_rules_leave_to_the_model(understanding: Understanding, sentence: str) -> None:
    assert said(understanding, sentence) is None


@pytest.mark.parametrize(
    ("sentence", "query"),
    [
        ("Le portillon est verrouillé ?", Query("is", ("lock.portillon",), state="locked")),
        ("Est-ce que la fenêtre de l'atelier est ouverte ?", Query("is", ("binary_sensor.atelier",), state="open")),
        ("La radio est-elle allumée ?", Query("is", ("media_player.radio",), state="on")),
        ("Tu peux me dire si le néon est éteint ?", Query("is", ("light.atelier",), state="off")),
        ("Il fait combien dans l'atelier ?", Query("value", ("sensor.atelier",))),
        ("Le poêle est réglé sur combien ?", Query("value", ("climate.veranda",), attribute="temperature")),
        ("Qu'est-ce qu'il y a sur la liste de courses ?", Query("items", ("todo.courses",))),
        ("Y a-t-il du beurre sur la liste ?", Query("contains", ("todo.courses",), item="beurre")),
    ],
)
def test_a_question_is_never_acted_on(understanding: Understanding, sentence: str, query: Query) -> None:
    assert said(understanding, sentence) == query


def test_what_is_counted(understanding: Understanding) -> None:
    plan = said(understanding, "Combien de lumières sont allumées ?")
    assert isinstance(plan, Query)
    assert (plan.type, plan.state) == ("count", "on")
    assert set(plan.entity_ids) == {entity.id for entity in DEVICES if entity.kind == "light"}


@pytest.mark.parametrize(
    ("sentence", "entity", "action"),
    [
        ("Éteins le néon parce que je vais me coucher", "light.atelier", "turn_off"),
        ("Coupe la radio, le bébé dort", "media_player.radio", "turn_off"),
        ("Ferme la persienne il fait nuit", "cover.atelier", "close"),
        ("Le néon est encore allumé, éteins-le", "light.atelier", "turn_off"),
        ("Auriez-vous l'amabilité d'allumer le néon ?", "light.atelier", "turn_on"),
        ("Que la persienne remonte", "cover.atelier", "open"),
        ("Néon on", "light.atelier", "turn_on"),
        ("euh, comment dire, la lumière là, celle de l'escalier, éteinte", "light.escalier", "turn_off"),
        ("eteins la lumierre de l'escalier", "light.escalier", "turn_off"),
    ],
)
def test_a_wish_among_other_words(understanding: Understanding, sentence: str, entity: str, action: str) -> None:
    assert {one: wish[0] for one, wish in wished(said(understanding, sentence)).items()} == {entity: action}


def test_a_place_is_kept_behind_words_that_may_begin_a_remark(understanding: Understanding) -> None:
    assert wished(said(understanding, "Éteins tout ça dans la cuisine")).keys() == {
        "switch.grille_pain", "media_player.radio",
    }  # fmt: skip


@pytest.mark.parametrize("sentence", ["Plus aucune lumière à l'étage", "Plus une seule lumière allumée à l'étage"])
def test_none_any_more_is_all_of_them_off(understanding: Understanding, sentence: str) -> None:
    off = ("turn_off", {})
    assert wished(said(understanding, sentence)) == dict.fromkeys(("light.atelier", "light.amis", "light.chambre"), off)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("La radio deux fois moins fort", {"media_player.radio": ("set_volume", {"volume_level": 15})}),
        ("18 degrés suffisent dans l'atelier", {"climate.atelier": ("set_temperature", {"temperature": 18})}),
        (
            "20 dans l'atelier et 21 et demi dans la véranda",
            {
                "climate.atelier": ("set_temperature", {"temperature": 20}),
                "climate.veranda": ("set_temperature", {"temperature": 21.5}),
            },
        ),
        (
            "Mets des pâtes sur la liste de courses et lance la radio",
            {"todo.courses": ("add_item", {"item": "pâtes"}), "media_player.radio": ("play", {})},
        ),
        ("Les œufs c'est bon, retire-les de la liste", {"todo.courses": ("remove_item", {"item": "œufs"})}),
        ("Les œufs, tu peux les rayer de la liste", {"todo.courses": ("remove_item", {"item": "œufs"})}),
        ("Il n'y a plus de lait, note-le", {"todo.courses": ("add_item", {"item": "lait"})}),
    ],
)
def test_amounts_and_lists(understanding: Understanding, sentence: str, expected: dict[str, Any]) -> None:
    assert wished(said(understanding, sentence)) == expected


@pytest.mark.parametrize(
    ("sentence", "query"),
    [
        ("Le poêle est réglé sur combien", Query("value", ("climate.veranda",), attribute="temperature")),
        ("Le son de la radio est à combien", Query("value", ("media_player.radio",), attribute="volume_level")),
        ("Tu crois que le portillon est verrouillé ?", Query("is", ("lock.portillon",), state="locked")),
    ],
)
def test_a_question_that_ends_with_its_word(understanding: Understanding, sentence: str, query: Query) -> None:
    assert said(understanding, sentence) == query


@pytest.mark.parametrize("sentence", ["J'ai vraiment très froid", "Il fait quand même un peu frisquet ici"])
def test_words_between_those_that_tell_how_it_is(understanding: Understanding, sentence: str) -> None:
    plan = said(understanding, sentence, area="Atelier")
    assert wished(plan) == {"climate.atelier": ("set_temperature", {"temperature": 19})}


def test_what_is_left_of_a_timer(understanding: Understanding) -> None:
    assert said(understanding, "Il reste combien de temps ?") == TimerWish("ask")
