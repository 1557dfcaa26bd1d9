from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from edge_agent.hardware.tuning import Rates
from edge_agent.hardware.tuning.kept import KeptTuning

from .conftest import Program


@pytest.fixture
def tuner(program: Program, tmp_path: Path, model_file: Path) -> Program:
    program.environ |= {
        "EDGE_AGENT_AGENT__STATE_DIR": str(tmp_path / "state"),
        "EDGE_AGENT_MODEL__SOURCE": str(model_file),
        "EDGE_AGENT_INFERENCE__CONTEXT": "512",
    }
    return program


def test_what_it_finds_is_printed_and_kept(tuner: Program, tmp_path: Path) -> None:
    ran = tuner("tune", "--json", "--limit", "8")
    assert ran.returncode == 0
    told = json.loads(ran.stdout)
    kept = KeptTuning(tmp_path / "state").find(told["key"])
    assert kept is not None
    assert kept.rates == Rates(**told["rates"])
    assert {probe["kind"] for probe in told["measured"]} >= {"generation"}
    assert all(probe["choice"]["context"] == 512 for probe in told["measured"])


def test_for_people_it_explains_the_choice_in_a_table(tuner: Program) -> None:
    tuner.environ["EDGE_AGENT_INFERENCE__THREADS"] = "1"
    ran = tuner("tune", "--limit", "8")
    assert ran.returncode == 0
    assert "tokens/s" in ran.stdout
    assert "SmolLM2-135M-Instruct.Q4_1: 1+1 threads" in ran.stdout
    assert "Left as your settings have them: threads that generate, threads that read." in ran.stderr


def test_ctrl_c_gives_up_and_keeps_nothing(tuner: Program, tmp_path: Path) -> None:
    with tuner.start("tune", "--json", "--limit", "100") as process:
        prober = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not prober.read_text().split():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 1
        assert process.stderr is not None
        assert "nothing is changed" in process.stderr.read()
    assert not (tmp_path / "state/tuning.json").exists()


def test_a_model_that_is_not_there_is_told_with_its_remedy(tuner: Program) -> None:
    tuner.environ["EDGE_AGENT_MODEL__SOURCE"] = "/not/there.gguf"
    ran = tuner("tune")
    assert (ran.returncode, "/not/there.gguf" in ran.stderr) == (1, True)
