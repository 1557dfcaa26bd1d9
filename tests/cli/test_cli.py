from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
import typer

from edge_agent import __version__
from edge_agent.cli import app

from .conftest import PROGRAM, Program

README = Path(__file__).parent.parent.parent / "README.md"


def test_the_version_is_printed(program: Program) -> None:
    assert program("--version").stdout == f"edge-agent {__version__}\n"


def test_without_a_command_the_help_is_shown(program: Program) -> None:
    shown = program().stdout + program().stderr
    assert all(command in shown for command in ("run", "ask", "watch", "demo", "models", "config"))


def test_shell_completion_can_be_had(program: Program) -> None:
    """Asked from a shell: the program looks for the one that it was started by."""
    command = ["bash", "-c", f"'{PROGRAM}' --show-completion; exit $?"]
    ran = subprocess.run(command, env=program.environ, capture_output=True, text=True, check=True)
    assert "_EDGE_AGENT_COMPLETE=complete_bash" in ran.stdout


def test_wrong_usage_exits_2(program: Program) -> None:
    assert program("ask").returncode == 2
    assert program("run", "--nothing").returncode == 2


def test_wrong_settings_stop_the_daemon_with_sentences_and_exit_status_1(program: Program) -> None:
    ran = program("run", "--set", "mqtt.port=0", "--set", "mqtt.hots=pi")
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        "command line: there is no setting mqtt.hots; did you mean mqtt.host?",
        'command line: mqtt.port is "0", but mqtt.port takes a whole number from 1 to 65535.',
    ]


def test_run_keeps_its_process_id_and_leaves_the_command_lines_modules_behind(program: Program, tmp_path: Path) -> None:
    fifo = tmp_path / "config.toml"
    os.mkfifo(fifo)  # the daemon waits here while we look at it
    process = program.start("run", "--config", str(fifo))
    try:
        with fifo.open("w"):
            command = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
            assert command[1:-1] == [b"-P", b"-m", b"edge_agent", b"--config", str(fifo).encode()]
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def test_the_readme_names_only_commands_that_exist() -> None:
    group = typer.main.get_command(app)
    named = set(re.findall(r"^(?:.*[`/ ])?edge-agent ([a-z]+)", README.read_text(), flags=re.MULTILINE))
    assert named <= set(group.commands) | {"is", "does"}


@pytest.mark.parametrize("name", ["json.py", "asyncio.py"])
def test_a_module_in_the_current_folder_is_not_taken_for_pythons(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_text("raise SystemExit('taken')")
    monkeypatch.chdir(tmp_path)
    ran = program("run", "--set", "mqtt.port=0")
    assert "taken" not in ran.stderr
