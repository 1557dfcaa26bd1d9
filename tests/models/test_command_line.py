"""`edge-agent models` as a person runs it: another process, with the hub at HF_ENDPOINT."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from gguf_bytes import Gguf, model_of
from hub_server import Hub

from edge_agent.models import ModelStore

NAME = "SmolLM2-135M-Instruct-Q4_K_M"
REPOSITORY = "bartowski/SmolLM2-135M-Instruct-GGUF"
SCRIPT = "from edge_agent.cli.models import app; app()"


@pytest.fixture
def environment(store: ModelStore, hub: Hub, tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "EDGE_AGENT_"))}
    return kept | {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(tmp_path / "hf"),
        "HOME": str(tmp_path),
        "EDGE_AGENT_AGENT__STATE_DIR": str(store.folder.parent),
        "COLUMNS": "200",
    }


def models(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_a_model_is_pulled_listed_verified_and_removed(hub: Hub, environment: dict[str, str]) -> None:
    hub.put(REPOSITORY, f"{NAME}.gguf", model_of(1))
    pulled = models(environment, "pull", NAME.lower())
    assert pulled.returncode == 0, pulled.stderr
    assert f"{NAME} is here, whole and checked" in pulled.stdout
    assert "agent-harnesses" not in "".join(seen.path for seen in hub.seen)
    hub.seen.clear()
    listed = models(environment, "list")
    row = next(line.split("\t") for line in listed.stdout.splitlines() if line.startswith(NAME))
    assert row[:2] == [NAME, "Q4_K_M"]
    assert row[4] != "no"
    verified = models(environment, "verify")
    assert verified.returncode == 0
    assert f"{NAME}: right (llama, 1 tensors)" in verified.stdout
    removed = models(environment, "remove", NAME)
    assert removed.returncode == 0
    assert "is removed" in removed.stdout
    assert models(environment, "verify", NAME).returncode == 1
    assert hub.seen == []


def test_verify_fails_on_a_changed_file_and_checks_the_others(
    hub: Hub, store: ModelStore, environment: dict[str, str]
) -> None:
    for file in ("a.gguf", "b.gguf"):
        hub.put("o/r", file, model_of(1, seed=file))
        assert models(environment, "pull", f"hf:o/r/{file}").returncode == 0
    with store.path(store.named("a")).open("r+b") as changed:
        changed.seek(500_000)
        changed.write(b"changed")
    verified = models(environment, "verify")
    assert verified.returncode == 1
    assert "sha256 differs" in verified.stderr
    assert "b: right" in verified.stdout


def test_a_problem_is_one_sentence_and_exit_status_1(hub: Hub, environment: dict[str, str]) -> None:
    hub.put(REPOSITORY, "other.gguf", Gguf().to_bytes())
    for arguments, sentence in (
        (("pull", NAME), "It has other.gguf"),
        (("pull", "smollm"), "Did you mean"),
        (("pull", NAME, "--revision", "v7"), "no revision v7"),
        (("remove", NAME), "not downloaded"),
        (("pull", NAME, "--set", "model.offline=true"), "model.offline"),
    ):
        failed = models(environment, *arguments)
        assert failed.returncode == 1, arguments
        assert sentence in failed.stderr
        assert "Traceback" not in failed.stderr


def test_a_wrong_use_is_exit_status_2(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").touch()
    assert models(environment, "pull").returncode == 2
    assert models(environment, "pull", str(tmp_path / "mine.gguf")).returncode == 2


def test_ctrl_c_ends_a_pull_at_once_and_the_next_one_goes_on(hub: Hub, environment: dict[str, str]) -> None:
    hub.put(REPOSITORY, f"{NAME}.gguf", model_of(30))  # more than sockets hold
    hanging, go_on = threading.Event(), threading.Event()

    def hang_in_the_middle(sent: int) -> None:
        if sent >= 20_000_000:
            hanging.set()
            go_on.wait(60)

    hub.on_piece = hang_in_the_middle
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "pull", NAME], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert hanging.wait(60)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=10)
    assert process.returncode != 0
    assert "Traceback" not in complaint
    go_on.set()
    assert models(environment, "pull", NAME).returncode == 0
    assert hub.bodies[-1].range is not None
