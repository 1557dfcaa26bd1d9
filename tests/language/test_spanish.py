"""Spanish sentences about a home in Spain → Plans."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.language import Act, Ask, Clock, LetBe, Plan, Query, Refuse, TimerWish, Understanding
from edge_agent.language.plan import When
from tests.language import homes
from tests.language.homes import device, understanding_of, wished

DEVICES = (
    device("light.salon", "Luz del salón", "Salón", homes.LIGHT, state="on", attributes=homes.HALF_LIT),
    device("light.lectura", "Lámpara de lectura", "Salón", homes.COLOUR_LIGHT, state="on", attributes=homes.HALF_LIT),
    device("light.cocina", "Luz de la cocina", "Cocina", homes.LIGHT),
    device("light.encimera", "Tira LED", "Cocina", homes.COLOUR_LIGHT),
    device("light.dormitorio", "Lámpara de techo", "Dormitorio", homes.COLOUR_LIGHT),
    device("light.mesita", "Mesita de noche", "Dormitorio", homes.LIGHT),
    device("light.bano", "Foco", "Baño", homes.LIGHT),
    device("light.pasillo", "Luz del pasillo", "Pasillo", homes.LIGHT),
    device("light.terraza", "Farolillos", "Terraza", homes.LIGHT),
    device("switch.cafetera", "Cafetera", "Cocina", homes.SWITCH),
    device("switch.lavadora", "Enchufe de la lavadora", "Baño", homes.SWITCH),
    device("fan.dormitorio", "Ventilador", "Dormitorio", homes.FAN, state="on", attributes={"percentage": 40}),
    device("cover.salon", "Persiana del salón", "Salón", homes.COVER, device_class="shutter", state="open",
           attributes={"position": 100}),
    device("cover.dormitorio", "Cortinas", "Dormitorio", homes.COVER, device_class="curtain", state="closed",
           attributes={"position": 0}),
    device("cover.toldo", "Toldo", "Terraza", homes.COVER, device_class="awning", state="closed",
           attributes={"position": 0}),
    device("cover.garaje", "Puerta del garaje", "Garaje", homes.GATE, device_class="garage", state="closed"),
    device("climate.salon", "Termostato del salón", "Salón", homes.CLIMATE, state="heat",
           attributes=homes.TWENTY_DEGREES),
    device("climate.dormitorio", "Aire acondicionado", "Dormitorio", homes.CLIMATE, state="cool",
           attributes=homes.TWENTY_DEGREES),
    device("lock.entrada", "Puerta principal", "Entrada", homes.LOCK, state="locked"),
    device("valve.riego", "Riego del jardín", "Jardín", homes.VALVE, state="closed"),
    device("vacuum.robot", "Conga", None, homes.VACUUM, state="docked"),
    device("lawn_mower.jardin", "Cortacésped", "Jardín", homes.MOWER, state="docked"),
    device("media_player.tele", "Televisor", "Salón", homes.PLAYER, state="playing", device_class="tv",
           attributes={"volume_level": 30}),
    device("media_player.cocina", "Altavoz de la cocina", "Cocina", homes.PLAYER, state="paused",
           attributes={"volume_level": 40}),
    device("todo.compra", "Lista de la compra", None, homes.LIST, state="2", attributes={"items": ["huevos", "pan"]}),
    device("scene.cine", "Noche de cine", "Salón", homes.SCENE, state=None),
    device("sensor.bano", "Temperatura del baño", "Baño", {}, state="22.5", device_class="temperature"),
    device("sensor.humedad", "Humedad del baño", "Baño", {}, state="61", device_class="humidity"),
    device("binary_sensor.ventana", "Ventana de la cocina", "Cocina", {}, state="on", device_class="window"),
)  # fmt: skip
FLOORS = {
    "Salón": "Planta baja", "Cocina": "Planta baja", "Entrada": "Planta baja", "Pasillo": "Primera planta",
    "Dormitorio": "Primera planta", "Baño": "Primera planta", "Terraza": None, "Jardín": None, "Garaje": None,
}  # fmt: skip
LIGHTS = {entity.id for entity in DEVICES if entity.kind == "light"}


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return understanding_of(DEVICES, FLOORS)


def said(understanding: Understanding, *turns: str, area: str | None = None) -> Plan | None:
    return homes.said(understanding, "es", *turns, area=area)


@pytest.mark.parametrize(
    ("sentence", "entity", "action", "params"),
    [
        ("Enciende la luz de la cocina", "light.cocina", "turn_on", {}),
        ("enciendeme la lampara de lectura, por favor", "light.lectura", "turn_on", {}),
        ("¿Puedes apagar la cafetera?", "switch.cafetera", "turn_off", {}),
        ("¿Me apagas la luz del pasillo?", "light.pasillo", "turn_off", {}),
        ("Apague usted el foco del baño, si es tan amable", "light.bano", "turn_off", {}),
        ("¿Podría encender el ventilador?", "fan.dormitorio", "turn_on", {}),
        ("Encended la luz del pasillo", "light.pasillo", "turn_on", {}),
        ("Prendé la luz del baño", "light.bano", "turn_on", {}),
        ("No te olvides de apagar la cafetera", "switch.cafetera", "turn_off", {}),
        ("quiero que apagues la tele", "media_player.tele", "turn_off", {}),
        ("que se apague la tele", "media_player.tele", "turn_off", {}),
        ("Quiero la luz del salón apagada", "light.salon", "turn_off", {}),
        ("desenchufa la lavadora", "switch.lavadora", "turn_off", {}),
        ("Apaga la luz de la cocina que ya he terminado", "light.cocina", "turn_off", {}),
        ("Pon la lámpara de lectura al 30 %", "light.lectura", "turn_on", {"brightness_pct": 30}),
        ("Deja la luz del salón al veintiuno por ciento", "light.salon", "turn_on", {"brightness_pct": 21}),
        ("Baja la lámpara de lectura un veinte por ciento", "light.lectura", "turn_on", {"brightness_pct": 30}),
        ("sube la luz del salón al 80", "light.salon", "turn_on", {"brightness_pct": 80}),
        ("Quiero la luz del salón más tenue", "light.salon", "turn_on", {"brightness_pct": 30}),
        ("lámpara de lectura a tope", "light.lectura", "turn_on", {"brightness_pct": 100}),
        ("Pon la tira LED roja", "light.encimera", "turn_on", {"color": "#ff0000"}),
        ("La tira led en verde, por favor", "light.encimera", "turn_on", {"color": "#00ff00"}),
        ("Pon la lámpara de lectura a tres mil kelvin", "light.lectura", "turn_on", {"color_temp_kelvin": 3000}),
        ("lámpara de lectura en blanco cálido", "light.lectura", "turn_on", {"color_temp_kelvin": 2700}),
        ("Sube la persiana", "cover.salon", "open", {}),
        ("Baja la persiana del salón hasta la mitad", "cover.salon", "set_position", {"position": 50}),
        ("Cierra un poco la persiana del salón", "cover.salon", "set_position", {"position": 87.5}),
        ("pon las cortinas al setenta por ciento", "cover.dormitorio", "set_position", {"position": 70}),
        ("para la persiana", "cover.salon", "stop", {}),
        ("Baja la persiana para que no entre el sol", "cover.salon", "close", {}),
        ("Está lloviendo, recoge el toldo", "cover.toldo", "close", {}),
        ("saca el toldo", "cover.toldo", "open", {}),
        ("¿Me puedes abrir el garaje?", "cover.garaje", "open", {}),
        ("Cierra la puerta principal con llave", "lock.entrada", "lock", {}),
        ("Quita el cerrojo de la puerta principal", "lock.entrada", "unlock", {}),
        (
            "Pon el termostato del salón a veintiún grados y medio",
            "climate.salon",
            "set_temperature",
            {"temperature": 21.5},
        ),
        ("Sube la calefacción del salón dos grados", "climate.salon", "set_temperature", {"temperature": 22}),
        ("Baja el aire acondicionado un grado", "climate.dormitorio", "set_temperature", {"temperature": 19}),
        ("Dos grados más en el salón", "climate.salon", "set_temperature", {"temperature": 22}),
        ("baja dos grados más la calefacción del salón", "climate.salon", "set_temperature", {"temperature": 18}),
        ("Apaga el aire acondicionado", "climate.dormitorio", "set_hvac_mode", {"hvac_mode": "off"}),
        ("Pon el aire en modo calefacción", "climate.dormitorio", "set_hvac_mode", {"hvac_mode": "heat"}),
        ("Ventilador al 60", "fan.dormitorio", "set_percentage", {"percentage": 60}),
        ("Riega el jardín", "valve.riego", "open", {}),
        ("Corta el césped", "lawn_mower.jardin", "start", {}),
        ("Pasa la aspiradora", "vacuum.robot", "start", {}),
        ("Manda a Conga a la base", "vacuum.robot", "return_to_base", {}),
        ("La tele está muy alta", "media_player.tele", "set_volume", {"volume_level": 20}),
        ("pon el volumen de la tele al 15", "media_player.tele", "set_volume", {"volume_level": 15}),
        ("Quítale el sonido a la tele", "media_player.tele", "mute", {}),
        ("Quita el silencio de la tele", "media_player.tele", "unmute", {}),
        ("Continúa la música en la cocina", "media_player.cocina", "play", {}),
        ("Activa la escena noche de cine", "scene.cine", "activate", {}),
        ("Añade leche a la lista de la compra", "todo.compra", "add_item", {"item": "leche"}),
        ("Nos hemos quedado sin café, apúntalo en la lista", "todo.compra", "add_item", {"item": "café"}),
        ("Borra el pan de la lista", "todo.compra", "remove_item", {"item": "pan"}),
        ("He comprado los huevos, táchalos", "todo.compra", "complete_item", {"item": "huevos"}),
    ],
)
def test_one_wish_for_one_device(
    understanding: Understanding, sentence: str, entity: str, action: str, params: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence)) == {entity: (action, params)}


@pytest.mark.parametrize(
    ("sentence", "entities"),
    [
        ("Apaga las luces de la cocina", {"light.cocina", "light.encimera"}),
        ("Apaga todas las luces de la planta baja", {"light.salon", "light.lectura", "light.cocina", "light.encimera"}),
        ("apaga las luces de arriba", {"light.dormitorio", "light.mesita", "light.bano", "light.pasillo"}),
        ("Apaga todas las luces menos las de la cocina", LIGHTS - {"light.cocina", "light.encimera"}),
        ("Apaga todas las luces salvo la del baño y la del pasillo", LIGHTS - {"light.bano", "light.pasillo"}),
        ("apaga todo en la cocina", {"light.cocina", "light.encimera", "switch.cafetera", "media_player.cocina"}),
        ("Enciende la luz de la cocina y la del pasillo", {"light.cocina", "light.pasillo"}),
        ("apaga la tele y luego abre las cortinas", {"media_player.tele", "cover.dormitorio"}),
        ("Me voy a dormir, apaga todas las luces", LIGHTS),
    ],
)  # fmt: skip
def test_several_devices(understanding: Understanding, sentence: str, entities: set[str]) -> None:
    assert wished(said(understanding, sentence)).keys() == entities


@pytest.mark.parametrize(
    ("area", "sentence", "expected"),
    [
        ("Pasillo", "Enciende la luz", {"light.pasillo": ("turn_on", {})}),
        ("Pasillo", "está muy oscuro aquí", {"light.pasillo": ("turn_on", {})}),
        ("Salón", "Tengo frío", {"climate.salon": ("set_temperature", {"temperature": 21})}),
        ("Dormitorio", "Hace mucho calor", {"climate.dormitorio": ("set_temperature", {"temperature": 19})}),
        ("Cocina", "sigue con la música", {"media_player.cocina": ("play", {})}),
    ],
)  # fmt: skip
def test_the_room_that_the_person_is_in_counts(
    understanding: Understanding, area: str, sentence: str, expected: dict[str, Any]
) -> None:
    assert wished(said(understanding, sentence, area=area)) == expected


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (("Enciende la lámpara de lectura", "ponla en azul"), {"light.lectura": ("turn_on", {"color": "#0000ff"})}),
        (("Enciende el foco del baño", "¿puedes apagarlo?"), {"light.bano": ("turn_off", {})}),
        (("Abre las cortinas", "ciérralas"), {"cover.dormitorio": ("close", {})}),
        (("Pon el termostato del salón a 20", "no, mejor a 21"),
        {"climate.salon": ("set_temperature", {"temperature": 21})}),
        (("Pon la calefacción a 19", "la del salón"), {"climate.salon": ("set_temperature", {"temperature": 19})}),
        (("Enciende la luz del pasillo", "y la de la cocina también"), {"light.cocina": ("turn_on", {})}),
        (("Añade arroz a la lista de la compra", "y pimienta"), {"todo.compra": ("add_item", {"item": "pimienta"})}),
    ],
)  # fmt: skip
def test_a_conversation(understanding: Understanding, turns: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert wished(said(understanding, *turns)) == expected


@pytest.mark.parametrize(
    ("sentence", "when"),
    [
        ("Apaga la tele dentro de un cuarto de hora", When(delay_s=900)),
        ("En dos horas y media apaga la tele", When(delay_s=9000)),
        ("Apaga la tele en un minuto", When(delay_s=60)),
        ("Apaga la tele a las 22:30", When(hour=22, minute=30)),
        ("Apaga la tele a las ocho menos cuarto", When(hour=7, minute=45)),
        ("apaga la tele a las siete y veinte de la tarde", When(hour=19, minute=20)),
        ("Apaga la tele a la una", When(hour=1)),
        ("Apaga la tele a medianoche", When(hour=0)),
        ("Mañana a las siete de la mañana enciende la tele", When(hour=7, tomorrow=True)),
    ],
)
def test_a_time_is_kept_with_the_wish(understanding: Understanding, sentence: str, when: When) -> None:
    plan = said(understanding, sentence)
    assert isinstance(plan, Act)
    assert [wish.entity_id for wish in plan.actions] == ["media_player.tele"]
    assert plan.when == when


def test_for_how_long_is_kept_with_the_wish(understanding: Understanding) -> None:
    plan = said(understanding, "Enciende la luz del pasillo durante diez minutos")
    assert isinstance(plan, Act)
    assert plan.for_s == 600


@pytest.mark.parametrize(
    ("sentence", "plan"),
    [
        ("Pon un temporizador de diez minutos para la pasta", TimerWish("set", 600, "pasta")),
        ("¿Cuánto le queda al temporizador?", TimerWish("ask")),
        ("Añade cinco minutos al temporizador", TimerWish("add", 300)),
        ("cancela el temporizador", TimerWish("cancel")),
    ],
)
def test_a_timer(understanding: Understanding, sentence: str, plan: TimerWish) -> None:
    assert said(understanding, sentence) == plan


@pytest.mark.parametrize(
    ("sentence", "plan"),
    [
        ("Enciende la luz", Ask),
        ("Añade algo a la lista de la compra", Ask),
        ("Enciende el coche", Refuse),
        ("Pon la calefacción a 21", Ask),
        ("Apágala", Ask),
        ("Enciende la luz del desván", Refuse),
        ("Abre la ventana de la cocina", Refuse),
        ("Sube la persiana del baño", Refuse),
        ("No apagues la luz del salón", LetBe),
        ("Mejor no enciendas la tele", LetBe),
        ("Ni se te ocurra abrir el garaje", LetBe),
        ("No quiero que abras las cortinas", LetBe),
        ("Deja encendida la luz del salón", LetBe),
        ("Olvídalo", LetBe),
        ("Gracias, eso es todo", LetBe),
        ("¿Qué hora es?", Clock),
        ("dime qué día es hoy", Clock),
    ],
)
def test_what_is_no_wish_for_a_device(understanding: Understanding, sentence: str, plan: type[Plan]) -> None:
    assert isinstance(said(understanding, sentence), plan)


@pytest.mark.parametrize(
    "sentence",
    [
        "¿Cuál es la capital del Perú?",
        "cuéntame un chiste",
        "Mi vecina siempre se olvida de apagar la luz del pasillo",
        "La luz del pasillo ha estado encendida toda la noche",
        "La luz de la cocina está encendida",
        "mi hijo dijo que apagara la luz",
        "La luz del pasillo se enciende sola",
    ],
)
def test_what_the_rules_leave_to_the_model(understanding: Understanding, sentence: str) -> None:
    assert said(understanding, sentence) is None


@pytest.mark.parametrize(
    ("sentence", "query"),
    [
        ("¿Está cerrada la puerta principal con llave?", Query("is", ("lock.entrada",), state="locked")),
        ("esta abierta la ventana de la cocina", Query("is", ("binary_sensor.ventana",), state="open")),
        ("¿Está encendida la luz de la cocina, por favor?", Query("is", ("light.cocina",), state="on")),
        ("¿La cafetera sigue encendida?", Query("is", ("switch.cafetera",), state="on")),
        ("Dime si la tele está apagada", Query("is", ("media_player.tele",), state="off")),
        ("¿Puedes comprobar si el garaje está abierto?", Query("is", ("cover.garaje",), state="open")),
        ("¿Qué temperatura hace en el baño?", Query("value", ("sensor.bano",))),
        ("cuantos grados hay en el baño", Query("value", ("sensor.bano",))),
        ("¿Qué humedad hay en el baño?", Query("value", ("sensor.humedad",))),
        ("¿Qué hay en la lista de la compra?", Query("items", ("todo.compra",))),
        ("¿Qué falta por comprar?", Query("items", ("todo.compra",))),
        ("¿Hay huevos en la lista?", Query("contains", ("todo.compra",), item="huevos")),
        ("¿Debería cerrar las persianas?", Query("state", ("cover.salon",))),
        ("¿Por qué está encendida la luz del pasillo?", Query("is", ("light.pasillo",), state="on")),
    ],
)
def test_a_question_is_never_acted_on(understanding: Understanding, sentence: str, query: Query) -> None:
    assert said(understanding, sentence) == query


@pytest.mark.parametrize("sentence", ["¿Cuántas luces están encendidas?", "cuantas luces hay encendidas"])
def test_what_is_counted(understanding: Understanding, sentence: str) -> None:
    plan = said(understanding, sentence)
    assert isinstance(plan, Query)
    assert (plan.type, plan.state, set(plan.entity_ids)) == ("count", "on", LIGHTS)
