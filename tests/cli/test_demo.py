from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edge_agent.cli.embedded_broker import EmbeddedBroker
from edge_agent.errors import BrokerError

from .conftest import Program


@pytest.mark.slow
def test_the_demo_acts_in_its_home_answers_shows_figures_and_ends_by_itself(program: Program) -> None:
    ran = program("demo", "--no-input")
    assert ran.returncode == 0, ran.stderr
    said = ran.stdout.splitlines()
    answers = [line.removeprefix("demo › ") for line in said if line.startswith("demo › ")]
    assert len([line for line in said if line.startswith("you › ")]) == len(answers) == 7
    assert "  Kitchen light: off → on" in said
    assert "  Bedroom blind: closed → open, position 40" in said
    assert not [line for line in said if line.startswith("  Garage door")]
    assert "Agent: ready" in ran.stderr
    assert ran.stderr.count("understood by rule") == 6
    assert ran.stderr.count("first token") == 1
    assert "daemon memory" in ran.stdout
    assert "generation" in ran.stdout


def test_a_model_that_is_none_is_told_before_anything_starts(program: Program, tmp_path: Path) -> None:
    (tmp_path / "empty.gguf").touch()
    ran = program("demo", "--no-input", "--model", str(tmp_path / "empty.gguf"))
    assert ran.returncode == 1
    assert "empty.gguf" in ran.stderr


def test_a_broker_that_is_no_address_is_refused(program: Program) -> None:
    ran = program("demo", "--no-input", "--broker", "pi")
    assert (ran.returncode, "--broker takes HOST:PORT" in ran.stderr) == (1, True)


def test_without_amqtt_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "amqtt.broker", None)
    with pytest.raises(BrokerError, match="amqtt is missing; install it with"), EmbeddedBroker():
        pass
