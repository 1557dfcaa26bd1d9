"""Italian sentences about a home in Italy → Plans."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.language import Act, Ask, Clock, LetBe, Plan, Query, Refuse, TimerWish, Understanding
from edge_agent.language.plan import When
from tests.language import homes
from tests.language.homes import device, understanding_of, wished

DEVICES = (
    device("light.soggiorno", "Luce del soggiorno", "Soggiorno", homes.LIGHT, state="on", attributes=homes.HALF_LIT),
    device("light.piantana", "Piantana", "Soggiorno", homes.COLOUR_LIGHT, state="on", attributes=homes.HALF_LIT),
    device("light.cucina", "Luce della cucina", "Cucina", homes.LIGHT),
    device("light.striscia", "Striscia LED", "Cucina", homes.COLOUR_LIGHT),
    device("light.camera", "Lampadario", "Camera da letto", homes.COLOUR_LIGHT),
    device("light.comodino", "Abat-jour", "Camera da letto", homes.LIGHT),
    device("light.bagno", "Faretti", "Bagno", homes.LIGHT),
    device("light.ingresso", "Luce dell'ingresso", "Ingresso", homes.LIGHT),
    device("light.giardino", "Lanterne", "Giardino", homes.LIGHT),
    device("switch.caffe", "Macchina del caffè", "Cucina", homes.SWITCH),
    device("switch.lavatrice", "Presa della lavatrice", "Bagno", homes.SWITCH),
    device("fan.camera", "Ventilatore", "Camera da letto", homes.FAN, state="on", attributes={"percentage": 40}),
    device("cover.soggiorno", "Tapparella del soggiorno", "Soggiorno", homes.COVER, device_class="shutter",
           state="open", attributes={"position": 100}),
    device("cover.camera", "Tende", "Camera da letto", homes.COVER, device_class="curtain", state="closed",
           attributes={"position": 0}),
    device("cover.sole", "Tenda da sole", "Terrazza", homes.COVER, device_class="awning", state="closed",
           attributes={"position": 0}),
    device("cover.garage", "Porta del garage", "Garage", homes.GATE, device_class="garage", state="closed"),
    device("climate.soggiorno", "Termostato del soggiorno", "Soggiorno", homes.CLIMATE, state="heat",
           attributes=homes.TWENTY_DEGREES),
    device("climate.camera", "Condizionatore", "Camera da letto", homes.CLIMATE, state="cool",
           attributes=homes.TWENTY_DEGREES),
    device("lock.ingresso", "Porta d'ingresso", "Ingresso", homes.LOCK, state="locked"),
    device("valve.giardino", "Irrigazione del giardino", "Giardino", homes.VALVE, state="closed"),
    device("vacuum.robot", "Gino", None, homes.VACUUM, state="docked"),
    device("lawn_mower.giardino", "Tosaerba", "Giardino", homes.MOWER, state="docked"),
    device("media_player.tv", "Televisore", "Soggiorno", homes.PLAYER, state="playing", device_class="tv",
           attributes={"volume_level": 30}),
    device("media_player.cucina", "Cassa della cucina", "Cucina", homes.PLAYER, state="paused",
           attributes={"volume_level": 40}),
    device("todo.spesa", "Lista della spesa", None, homes.LIST, state="2", attributes={"items": ["uova", "pane"]}),
    device("scene.cinema", "Serata cinema", "Soggiorno", homes.SCENE, state=None),
    device("sensor.bagno", "Temperatura del bagno", "Bagno", {}, state="22.5", device_class="temperature"),
    device("sensor.umidita", "Umidità del bagno", "Bagno", {}, state="61", device_class="humidity"),
    device("binary_sensor.finestra", "Finestra della cucina", "Cucina", {}, state="on", device_class="window"),
)  # fmt: skip
FLOORS = {
    "Soggiorno": "Piano terra", "Cucina": "Piano terra", "Ingresso": "Piano terra", "Camera da letto": "Primo piano",
    "Bagno": "Primo piano", "Terrazza": None, "Giardino": None, "Garage": None,
}  # fmt: skip
LIGHTS = {entity.id for entity in DEVICES if entity.kind == "light"}


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return understanding_of(DEVICES, FLOORS)


def said(understanding: Understanding, *turns: str, area: str | None = None) -> Plan | None:
    return homes.said(understanding, "it", *turns, area=area)


@pytest.mark.parametrize(
    ("sentence", "entity", "action", "params"),
    [
        ("Accendi la luce della cucina", "light.cucina", "turn_on", {}),
        ("accendimi la piantana, per favore", "light.piantana", "turn_on", {}),
        ("Puoi spegnere la macchina del caffè?", "switch.caffe", "turn_off", {}),
        ("Mi spegni la luce dell'ingresso?", "light.ingresso", "turn_off", {}),
        ("Mi accende la luce della cucina?", "light.cucina", "turn_on", {}),
        ("Spenga i faretti del bagno, per cortesia", "light.bagno", "turn_off", {}),
        ("Potrebbe accendere il ventilatore?", "fan.camera", "turn_on", {}),
        ("Accendete la luce dell ingresso", "light.ingresso", "turn_on", {}),
        ("Non dimenticarti di spegnere la macchina del caffe", "switch.caffe", "turn_off", {}),
        ("voglio che spegni la tv", "media_player.tv", "turn_off", {}),
        ("che si spenga la tv", "media_player.tv", "turn_off", {}),
        ("Vorrei la luce del soggiorno spenta", "light.soggiorno", "turn_off", {}),
        ("Togli la luce in bagno", "light.bagno", "turn_off", {}),
        ("Spegni la luce della cucina che ho finito", "light.cucina", "turn_off", {}),
        ("Metti la piantana al 30 %", "light.piantana", "turn_on", {"brightness_pct": 30}),
        ("Lascia la luce del soggiorno al ventuno per cento", "light.soggiorno", "turn_on", {"brightness_pct": 21}),
        ("Abbassa la piantana del venti per cento", "light.piantana", "turn_on", {"brightness_pct": 30}),
        ("alza la luce del soggiorno all'80", "light.soggiorno", "turn_on", {"brightness_pct": 80}),
        ("Vorrei la luce del soggiorno più soffusa", "light.soggiorno", "turn_on", {"brightness_pct": 30}),
        ("piantana al massimo", "light.piantana", "turn_on", {"brightness_pct": 100}),
        ("Metti la striscia LED rossa", "light.striscia", "turn_on", {"color": "#ff0000"}),
        ("La striscia led in verde, per favore", "light.striscia", "turn_on", {"color": "#00ff00"}),
        ("Imposta la piantana a tremila kelvin", "light.piantana", "turn_on", {"color_temp_kelvin": 3000}),
        ("piantana su bianco caldo", "light.piantana", "turn_on", {"color_temp_kelvin": 2700}),
        ("Tira su la tapparella", "cover.soggiorno", "open", {}),
        ("Abbassa la tapparella del soggiorno a metà", "cover.soggiorno", "set_position", {"position": 50}),
        ("Chiudi un po' la tapparella del soggiorno", "cover.soggiorno", "set_position", {"position": 87.5}),
        ("metti le tende al settanta per cento", "cover.camera", "set_position", {"position": 70}),
        ("ferma la tapparella", "cover.soggiorno", "stop", {}),
        ("Abbassa la tapparella così non entra il sole", "cover.soggiorno", "close", {}),
        ("Sta piovendo, chiudi la tenda da sole", "cover.sole", "close", {}),
        ("Tira fuori la tenda da sole", "cover.sole", "open", {}),
        ("Mi può aprire il garage?", "cover.garage", "open", {}),
        ("Chiudi a chiave la porta d'ingresso", "lock.ingresso", "lock", {}),
        ("Togli il chiavistello alla porta d'ingresso", "lock.ingresso", "unlock", {}),
        (
            "Metti il termostato del soggiorno a ventun gradi e mezzo",
            "climate.soggiorno",
            "set_temperature",
            {"temperature": 21.5},
        ),
        (
            "Alza il riscaldamento del soggiorno di due gradi",
            "climate.soggiorno",
            "set_temperature",
            {"temperature": 22},
        ),
        ("Abbassa il condizionatore di un grado", "climate.camera", "set_temperature", {"temperature": 19}),
        ("Due gradi in più in soggiorno", "climate.soggiorno", "set_temperature", {"temperature": 22}),
        ("Spegni l'aria condizionata", "climate.camera", "set_hvac_mode", {"hvac_mode": "off"}),
        ("Metti il condizionatore in modalità riscaldamento", "climate.camera", "set_hvac_mode", {"hvac_mode": "heat"}),
        ("Ventilatore al 60", "fan.camera", "set_percentage", {"percentage": 60}),
        ("Annaffia il giardino", "valve.giardino", "open", {}),
        ("Taglia l'erba", "lawn_mower.giardino", "start", {}),
        ("Passa l'aspirapolvere", "vacuum.robot", "start", {}),
        ("Manda Gino alla base", "vacuum.robot", "return_to_base", {}),
        ("La tv è troppo alta", "media_player.tv", "set_volume", {"volume_level": 20}),
        ("metti il volume della tele al 15", "media_player.tv", "set_volume", {"volume_level": 15}),
        ("Togli l'audio alla tv", "media_player.tv", "mute", {}),
        ("Togli il muto alla tv", "media_player.tv", "unmute", {}),
        ("Riprendi la musica in cucina", "media_player.cucina", "play", {}),
        ("Attiva la scena serata cinema", "scene.cinema", "activate", {}),
        ("Aggiungi il latte alla lista della spesa", "todo.spesa", "add_item", {"item": "latte"}),
        ("È finito il caffè, aggiungilo alla lista", "todo.spesa", "add_item", {"item": "caffè"}),
        ("Cancella il pane dalla lista", "todo.spesa", "remove_item", {"item": "pane"}),
        ("Ho comprato le uova, spuntale", "todo.spesa", "complete_item", {"item": "uova"}),
    ],
)
def test_one_wish_for_one_device(
    understanding: Understanding, sentence: str, entity: str, action: str, params: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence)) == {entity: (action, params)}


@pytest.mark.parametrize(
    ("sentence", "entities"),
    [
        ("Spegni le luci della cucina", {"light.cucina", "light.striscia"}),
        ("Spegni tutte le luci del piano terra",
        {"light.soggiorno", "light.piantana", "light.cucina", "light.striscia", "light.ingresso"}),
        ("spegni le luci di sopra", {"light.camera", "light.comodino", "light.bagno"}),
        ("Spegni tutte le luci tranne quelle della cucina", LIGHTS - {"light.cucina", "light.striscia"}),
        ("Spegni tutte le luci eccetto quella del bagno e quella dell'ingresso",
        LIGHTS - {"light.bagno", "light.ingresso"}),
        ("spegni tutto in cucina", {"light.cucina", "light.striscia", "switch.caffe", "media_player.cucina"}),
        ("Accendi la luce della cucina e quella dell'ingresso", {"light.cucina", "light.ingresso"}),
        ("spegni la tv e poi apri le tende", {"media_player.tv", "cover.camera"}),
        ("Vado a dormire, spegni tutte le luci", LIGHTS),
    ],
)  # fmt: skip
def test_several_devices(understanding: Understanding, sentence: str, entities: set[str]) -> None:
    assert wished(said(understanding, sentence)).keys() == entities


@pytest.mark.parametrize(
    ("area", "sentence", "expected"),
    [
        ("Ingresso", "Accendi la luce", {"light.ingresso": ("turn_on", {})}),
        ("Ingresso", "è troppo buio qui", {"light.ingresso": ("turn_on", {})}),
        ("Soggiorno", "Ho freddo", {"climate.soggiorno": ("set_temperature", {"temperature": 21})}),
        ("Camera da letto", "Fa troppo caldo", {"climate.camera": ("set_temperature", {"temperature": 19})}),
        ("Cucina", "riprendi la musica", {"media_player.cucina": ("play", {})}),
    ],
)  # fmt: skip
def test_the_room_that_the_person_is_in_counts(
    understanding: Understanding, area: str, sentence: str, expected: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence, area=area)) == expected


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (("Accendi la piantana", "mettila in blu"), {"light.piantana": ("turn_on", {"color": "#0000ff"})}),
        (("Accendi i faretti", "puoi spegnerli?"), {"light.bagno": ("turn_off", {})}),
        (("Apri la tenda da sole", "chiudila"), {"cover.sole": ("close", {})}),
        (("Metti il termostato del soggiorno a 20", "no, anzi a 21"),
        {"climate.soggiorno": ("set_temperature", {"temperature": 21})}),
        (("Metti il riscaldamento a 19", "quello del soggiorno"),
        {"climate.soggiorno": ("set_temperature", {"temperature": 19})}),
        (("Accendi la luce dell'ingresso", "e anche quella della cucina"), {"light.cucina": ("turn_on", {})}),
        (("Aggiungi il riso alla lista della spesa", "e il pepe"), {"todo.spesa": ("add_item", {"item": "pepe"})}),
    ],
)  # fmt: skip
def test_a_conversation(understanding: Understanding, turns: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert wished(said(understanding, *turns)) == expected


@pytest.mark.parametrize(
    ("sentence", "when"),
    [
        ("Spegni la tv tra un quarto d'ora", When(delay_s=900)),
        ("Fra due ore e mezza spegni la tv", When(delay_s=9000)),
        ("Spegni la tv tra un'ora e venti minuti", When(delay_s=4800)),
        ("Spegni la tv alle 22:30", When(hour=22, minute=30)),
        ("Spegni la tv alle otto meno un quarto", When(hour=7, minute=45)),
        ("spegni la tv alle sette e venti di sera", When(hour=19, minute=20)),
        ("Spegni la tv all'una", When(hour=1)),
        ("Spegni la tv a mezzanotte", When(hour=0)),
        ("Stasera alle nove spegni la tv", When(hour=21)),
        ("Domani alle sette del mattino accendi la tv", When(hour=7, tomorrow=True)),
    ],
)
def test_a_time_is_kept_with_the_wish(understanding: Understanding, sentence: str, when: When) -> None:
    plan = said(understanding, sentence)
    assert isinstance(plan, Act)
    assert [wish.entity_id for wish in plan.actions] == ["media_player.tv"]
    assert plan.when == when


def test_for_how_long_is_kept_with_the_wish(understanding: Understanding) -> None:
    plan = said(understanding, "Accendi la luce dell'ingresso per dieci minuti")
    assert isinstance(plan, Act)
    assert plan.for_s == 600


@pytest.mark.parametrize(
    ("sentence", "plan"),
    [
        ("Imposta un timer di dieci minuti per la pasta", TimerWish("set", 600, "pasta")),
        ("Quanto manca al timer?", TimerWish("ask")),
        ("Aggiungi cinque minuti al timer", TimerWish("add", 300)),
        ("cancella il timer", TimerWish("cancel")),
    ],
)
def test_a_timer(understanding: Understanding, sentence: str, plan: TimerWish) -> None:
    assert said(understanding, sentence) == plan


@pytest.mark.parametrize(
    ("sentence", "plan"),
    [
        ("Accendi la luce", Ask),
        ("Aggiungi qualcosa alla lista della spesa", Ask),
        ("Accendi il forno", Refuse),
        ("Metti il riscaldamento a 21", Ask),
        ("Spegnila", Ask),
        ("Accendi la luce della soffitta", Refuse),
        ("Apri la finestra della cucina", Refuse),
        ("Alza la tapparella del bagno", Refuse),
        ("Non spegnere la luce del soggiorno", LetBe),
        ("Meglio non accendere la tv", LetBe),
        ("Guai a te se apri il garage", LetBe),
        ("Non voglio che apri le tende", LetBe),
        ("Lascia accesa la luce del soggiorno", LetBe),
        ("Lascia perdere", LetBe),
        ("Grazie, è tutto", LetBe),
        ("Che ore sono?", Clock),
        ("dimmi che giorno è", Clock),
    ],
)
def test_what_is_no_wish_for_a_device(understanding: Understanding, sentence: str, plan: type[Plan]) -> None:
    assert isinstance(said(understanding, sentence), plan)


@pytest.mark.parametrize(
    "sentence",
    [
        "Qual è la capitale del Perù?",
        "raccontami una barzelletta",
        "La mia vicina si dimentica sempre di spegnere la luce dell'ingresso",
        "La luce dell'ingresso è rimasta accesa tutta la notte",
        "La luce della cucina è accesa",
        "Mio figlio ha detto di spegnere la luce",
        "La luce dell'ingresso si accende da sola",
    ],
)
def test_what_the_rules_leave_to_the_model(understanding: Understanding, sentence: str) -> None:
    assert said(understanding, sentence) is None


@pytest.mark.parametrize(
    ("sentence", "query"),
    [
        ("È chiusa a chiave la porta d'ingresso?", Query("is", ("lock.ingresso",), state="locked")),
        ("è aperta la finestra della cucina", Query("is", ("binary_sensor.finestra",), state="open")),
        ("È accesa la luce della cucina, per favore?", Query("is", ("light.cucina",), state="on")),
        ("La macchina del caffè è ancora accesa?", Query("is", ("switch.caffe",), state="on")),
        ("Dimmi se la tv è spenta", Query("is", ("media_player.tv",), state="off")),
        ("Puoi controllare se il garage è aperto?", Query("is", ("cover.garage",), state="open")),
        ("Che temperatura c'è in bagno?", Query("value", ("sensor.bagno",))),
        ("quanti gradi ci sono in bagno", Query("value", ("sensor.bagno",))),
        ("Che umidità c'è in bagno?", Query("value", ("sensor.umidita",))),
        (
            "A quanto è impostato il termostato del soggiorno?",
            Query("value", ("climate.soggiorno",), attribute="temperature"),
        ),
        ("Cosa c'è sulla lista della spesa?", Query("items", ("todo.spesa",))),
        ("Cosa dobbiamo comprare?", Query("items", ("todo.spesa",))),
        ("Ci sono le uova nella lista?", Query("contains", ("todo.spesa",), item="uova")),
        ("Come si accende il termostato?", Query("state", ("climate.soggiorno",))),
        ("Perché è accesa la luce dell'ingresso?", Query("is", ("light.ingresso",), state="on")),
    ],
)
def test_a_question_is_never_acted_on(understanding: Understanding, sentence: str, query: Query) -> None:
    assert said(understanding, sentence) == query


@pytest.mark.parametrize("sentence", ["Quante luci sono accese?", "quante luci ci sono accese"])
def test_what_is_counted(understanding: Understanding, sentence: str) -> None:
    plan = said(understanding, sentence)
    assert isinstance(plan, Query)
    assert (plan.type, plan.state, set(plan.entity_ids)) == ("count", "on", LIGHTS)
