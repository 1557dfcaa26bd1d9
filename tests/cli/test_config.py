from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.cli.config import is_secret
from edge_agent.setting_reference import sample_toml

from .conftest import Program


def test_show_says_every_value_and_where_it_came_from(program: Program, tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text('[agent]\nid = "pi"\n')
    program.environ["EDGE_AGENT_MQTT__PORT"] = "1884"
    ran = program("config", "show", "--set", "mqtt.keepalive_s=10")
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in ran.stdout.splitlines()}
    assert rows["agent.id"] == ['"pi"', f"{tmp_path}/empty.toml:2"]
    assert rows["mqtt.port"] == ["1884", "EDGE_AGENT_MQTT__PORT"]
    assert rows["mqtt.keepalive_s"] == ["10", "command line"]
    assert rows["mqtt.username"] == ["absent", "default"]
    assert ran.returncode == 0


def test_check_says_every_mistake_and_exits_1(program: Program, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("[mqtt]\nport = 0\nhots = 'pi'\n")
    ran = program("config", "check", str(tmp_path / "wrong.toml"))
    assert ran.returncode == 1
    assert [line.split(": ")[0] for line in ran.stderr.splitlines()] == [f"{tmp_path}/wrong.toml:{n}" for n in (2, 3)]


def test_check_says_which_files_are_missing(program: Program, tmp_path: Path) -> None:
    (tmp_path / "tls.toml").write_text("[mqtt]\ntls_ca_file = '/none/ca.pem'\n")
    ran = program("config", "check", str(tmp_path / "tls.toml"))
    assert (ran.returncode, "mqtt.tls_ca_file: /none/ca.pem is not there" in ran.stderr) == (1, True)


def test_the_sample_passes_the_check(program: Program, tmp_path: Path) -> None:
    sample = program("config", "sample").stdout
    assert sample == sample_toml()
    (tmp_path / "sample.toml").write_text(sample)
    assert program("config", "check", str(tmp_path / "sample.toml")).returncode == 0


@pytest.mark.parametrize(
    ("name", "secret"), [("password", True), ("api_key", True), ("password_file", False), ("max_tokens", False)]
)
def test_a_secret_is_known_by_its_name(name: str, secret: bool) -> None:
    assert is_secret(name) == secret
