"""`edge-agent home`: what the agent sees, and a virtual home to try things out."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from edge_agent.cli.console import console, note, printable, problems
from edge_agent.cli.explaining import explanation
from edge_agent.cli.learning import learned_home, virtual_home
from edge_agent.cli.options import ConfigOption, SetOption
from edge_agent.cli.rooms import STATELESS
from edge_agent.configuration import load_settings
from edge_agent.home import Area, Entity, Home, Parameter
from edge_agent.home.simulation import HomeDescription, built_in_home, read_home
from edge_agent.service.logs import set_up_logging
from edge_agent.settings import Settings

app = typer.Typer(help="See the home as the agent does, or serve a virtual one.", no_args_is_help=True)

HomeOption = Annotated[
    Path | None, typer.Option("--home", metavar="FILE", help="TOML file of a virtual home; the built-in where absent.")
]
NO_AREA = "–"


@app.command("list")
def list_(
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """List areas and devices as the agent learns them from the broker: kinds, states, actions."""
    with problems():
        set_up_logging(logging.WARNING)  # what can't be used is told, and why
        settings = load_settings(config, set_ or [])
        areas, entities = asyncio.run(_learn(settings))
    if json_:
        print(json.dumps(_as_json(areas, entities), ensure_ascii=False, indent=2))
        return
    if not entities:
        note("No device has announced itself on this broker. docs/home.md says how devices do.")
        return
    console.print(_table(areas, entities))
    note(f"{len(entities)} devices in {len(areas)} areas.")


async def _learn(settings: Settings) -> tuple[list[Area], list[Entity]]:
    async with learned_home(settings) as home:
        return list(home.areas.values()), _in_order(home)


def _in_order(home: Home) -> list[Entity]:
    floors = {area.name: area.floor or "" for area in home.areas.values()}
    return sorted(home.entities.values(), key=lambda one: (floors.get(one.area or "", ""), one.area or "", one.id))


def _table(areas: list[Area], entities: list[Entity]) -> Table:
    floors = {area.name: area.floor for area in areas}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("area", "device", "id", "state", "actions"):
        table.add_column(heading, no_wrap=heading == "id", overflow="fold")
    last = ""
    for entity in entities:
        floor = floors.get(entity.area or "")
        area = f"{entity.area or NO_AREA}" + (f" ({floor})" if floor else "")
        also = f" ({', '.join(entity.aliases)})" if entity.aliases else ""
        shown = (
            area if area != last else "",
            entity.name + also,
            entity.id,
            state_of(entity),
            ", ".join(entity.actions),
        )
        table.add_row(*(printable(text) for text in shown), style=None if entity.available else "dim")
        last = area
    return table


def state_of(entity: Entity) -> str:
    """In a few words: `on, brightness pct 40`, `21.5 °C`, `not there`."""
    if not entity.available:
        return "not there"
    state = entity.state or ("" if entity.kind in STATELESS else "unknown")
    if entity.unit and entity.kind in ("sensor", "number") and entity.state is not None:
        state = f"{state} {entity.unit}"
    attributes = (f"{name.replace('_', ' ')} {_words(value)}" for name, value in sorted(entity.attributes.items()))
    return ", ".join(filter(None, (state, *attributes)))


def _words(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(str(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _as_json(areas: list[Area], entities: list[Entity]) -> dict[str, Any]:
    floors = {area.name: area.floor for area in areas}
    return {
        "areas": [{"name": one.name, "slug": one.slug, "floor": one.floor, "aliases": one.aliases} for one in areas],
        "devices": [
            {
                "id": one.id,
                "name": one.name,
                "kind": one.kind,
                "area": one.area,
                "floor": floors.get(one.area or ""),
                "aliases": one.aliases,
                "device_class": one.device_class,
                "unit": one.unit,
                "available": one.available,
                "state": one.state,
                "attributes": one.attributes,
                "actions": {
                    name: {parameter: _parameter(given) for parameter, given in action.parameters.items()}
                    for name, action in one.actions.items()
                },
            }
            for one in entities
        ],
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    known = {
        "type": parameter.type,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "step": parameter.step,
        "choices": parameter.choices or None,
        "required": parameter.required,
    }
    return {name: value for name, value in known.items() if value is not None}


@app.command()
def explain(
    text: Annotated[str, typer.Argument(help="The sentence.")],
    area: Annotated[str | None, typer.Option(help="The area you are in.")] = None,
    language: Annotated[str | None, typer.Option(help="BCP 47 tag; the settings' where absent.")] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Show how the rules understand a sentence in this home, and why. Nothing is done."""
    with problems():
        settings = load_settings(config, set_ or [])
        lines = asyncio.run(_explain(settings, text, area, language or settings.agent.language))
    for line in lines:
        console.print(printable(line), markup=False, soft_wrap=True)


async def _explain(settings: Settings, text: str, area: str | None, language: str) -> list[str]:
    async with learned_home(settings) as home:
        return list(explanation(home, settings.home, text, area=area, language=language))


@app.command()
def simulate(home: HomeOption = None, config: ConfigOption = None, set_: SetOption = None) -> None:
    """Serve a virtual home on the broker until Ctrl-C; then take everything of it away again."""
    with problems():
        set_up_logging(logging.WARNING)
        description = home_description(home)
        asyncio.run(_serve(load_settings(config, set_ or []), description))


def home_description(file: Path | None) -> HomeDescription:
    """The home in a file, or the built-in one. Raises SettingsError."""
    return built_in_home() if file is None else read_home(file)


async def _serve(settings: Settings, description: HomeDescription) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving = virtual_home(settings.mqtt, description, discovery_prefix=settings.home.discovery_prefix)
    async with serving as virtual:
        note(f"{virtual.count} virtual devices are on {settings.mqtt.host}:{settings.mqtt.port}; Ctrl-C ends it.")
        note("Floors and other names of areas are no part of MQTT: give them in [home.areas], as docs/home.md says.")
        await stop.wait()
    note("They are gone again.")
