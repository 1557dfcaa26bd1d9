"""`edge-agent doctor`: what is wrong here, and what to do about it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from edge_agent.cli.console import console
from edge_agent.cli.finding import Finding
from edge_agent.cli.findings import find_all, machine_findings, settings_finding
from edge_agent.cli.options import ConfigOption, SetOption
from edge_agent.configuration import load_settings
from edge_agent.errors import AgentError, SettingsError
from edge_agent.hardware import Board, Sensors
from edge_agent.hardware.tuning import Tuning, decide
from edge_agent.messages import TuningStatus
from edge_agent.models import resolve
from edge_agent.settings import Settings

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]

MARKS = {"ok": "[green]ok     [/]", "warning": "[yellow]warning[/]", "error": "[red]error  [/]"}


def doctor(config: ConfigOption = None, set_: SetOption = None, as_json: JsonOption = False) -> None:
    """Check the board, the model, the broker and the permissions; exit 1 where something has to be put right."""
    try:
        settings, wrong = load_settings(config, set_ or []), None
    except SettingsError as error:
        settings, wrong = Settings(), settings_finding(error)
    board = Board.probe(settings.hardware.root)
    sensors = Sensors(settings.hardware.root, settings.agent.state_dir)
    findings = [wrong, *machine_findings(settings, board, sensors)] if wrong else find_all(settings, board, sensors)
    if as_json:
        print(json.dumps(_examination(settings, board, sensors, findings), ensure_ascii=False))
    else:
        _print(board, findings)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


def _examination(settings: Settings, board: Board, sensors: Sensors, findings: list[Finding]) -> dict[str, Any]:
    return {
        "device": board.to_status().model_dump(),
        "tuning": planned_tuning(settings, board).model_dump(),
        "sensors": _sensors(sensors),
        "findings": [finding.model_dump() for finding in findings],
    }


def _sensors(sensors: Sensors) -> dict[str, Any]:
    gpu = sensors.gpu()
    return {"system": sensors.system().model_dump(), "gpu": gpu.model_dump() if gpu else None}


def planned_tuning(settings: Settings, board: Board) -> TuningStatus:
    """How the model would run on this board's processor; Status says how it does run."""
    try:
        offline = settings.model.model_copy(update={"offline": True})
        model = resolve(offline, settings.agent.state_dir, board.memory_bytes).path
        decision = Tuning(model, board, settings.inference, settings.agent.state_dir).decision()
    except AgentError:
        decision = decide(settings.inference, board, None)
    choice = decision.choice
    return TuningStatus(
        threads=choice.threads,
        threads_batch=choice.threads_batch,
        gpu_layers=choice.gpu_layers or 0,
        batch=choice.batch,
        context=choice.context,
        flash_attention=choice.flash_attention,
        kv_type=choice.kv_type,
        source=decision.source,
    )


def _print(board: Board, findings: list[Finding]) -> None:
    parts = [board.name, board.cpu, f"{board.cores} cores", f"{board.memory_bytes / 2**20:.0f} MiB", board.gpu]
    console.print(", ".join(filter(None, parts)), style="bold", markup=False, soft_wrap=True)
    for finding in findings:
        console.print(MARKS[finding.severity], end="  ")
        console.print(finding.message, markup=False, soft_wrap=True)
        if finding.remedy:
            console.print(f"         {finding.remedy}", style="dim", markup=False, soft_wrap=True)
