from __future__ import annotations

import io
import time

from rich.console import Console

from edge_agent.cli.background import Background
from edge_agent.cli.learning import learned_home
from edge_agent.cli.observed import Observed
from edge_agent.cli.rooms import Room, rooms_of, rooms_table
from edge_agent.cli.watch import picture
from edge_agent.home import Entity
from edge_agent.settings import MqttSettings, Settings
from tests.home.learning import devices_on, switch
from tests.real_parts import Mosquitto, wait_until


def entity(entity_id: str, name: str, state: str | None, changed_s: float = -1000, **given: object) -> Entity:
    kind = entity_id.partition(".")[0]
    return Entity(entity_id, kind, name, entity_id, state=state, changed_s=changed_s, **given)  # type: ignore[arg-type]


def shown(*rooms: Room, most: int = 10, since_s: float = -2000) -> list[str]:
    console = Console(width=100, file=io.StringIO(), record=True)
    console.print(rooms_table(rooms, most, since_s))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_a_room_is_a_line_with_what_changed_last_in_front() -> None:
    now_s = time.monotonic()
    lamp = entity("light.a", "Kitchen lamp", "on", attributes={"brightness_pct": 40})
    blind = entity("cover.a", "Kitchen blind", "open", now_s, attributes={"position": 70})
    sensor = entity("sensor.a", "Air", "21.5", unit="°C")
    assert shown(Room("Kitchen", [sensor, lamp, blind])) == ["Kitchen  blind open 70 % · Air 21.5 °C · lamp on 40 %"]


def test_what_was_so_before_does_not_stand_out() -> None:
    now_s = time.monotonic()
    lamp, blind = entity("light.a", "Lamp", "on"), entity("cover.a", "Blind", "closed", now_s)
    assert shown(Room("Hall", [blind, lamp]), since_s=now_s + 1) == ["Hall  Lamp on · Blind closed"]


def test_where_there_is_no_place_for_all_rooms_those_that_changed_last_are_shown() -> None:
    rooms = [Room(f"Room {number}", [entity("light.a", "Lamp", "on", float(number))]) for number in range(20)]
    assert [line.split("  ")[0] for line in shown(*rooms, most=2)] == ["Room 18", "Room 19"]


def test_a_name_cant_steer_the_terminal() -> None:
    (line,) = shown(Room("Hall", [entity("light.a", "\x1b[2J[bold]lamp", "on")]))
    assert line == "Hall   [2J[bold]lamp on"


def test_watch_shows_a_device_change_while_it_runs(own_mosquitto: Mosquitto) -> None:
    settings = Settings(mqtt=MqttSettings(port=own_mosquitto.port))
    with devices_on(own_mosquitto.port) as devices:
        devices.announce("switch", "pump", switch("Pump", device={"identifiers": ["a"], "suggested_area": "Cellar"}))
        devices.say("pump/state", "OFF")
        with Background(lambda: learned_home(settings)) as home:

            def screen() -> str:
                console = Console(width=100, file=io.StringIO(), record=True)
                console.print(picture(Observed("edge-agent", None), console, home.call(rooms_of)))
                return console.export_text()

            assert "Cellar  Pump off" in screen()
            devices.say("pump/state", "ON")
            wait_until(lambda: "Cellar  Pump on" in screen(), "the pump is on")
