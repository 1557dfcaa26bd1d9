from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Program

SENTENCES = """
[[sentences]]
say = "Turn on the desk lamp"
becomes = { "light.desk_lamp" = "on" }

[[sentences]]
say = "Turn off the desk lamp"
given = { "light.desk_lamp" = { state = "on", brightness_pct = 30 } }
becomes = { "light.desk_lamp" = { state = "off", brightness_pct = 30 } }

[[sentences]]
say = "Turn on the desk lamp"
becomes = { "light.kitchen_light" = "on" }

[[sentences]]
say = "Open the garage door"
becomes = { "cover.garage_door" = "open" }
"""


@pytest.mark.slow
def test_each_sentence_is_said_in_a_fresh_home_and_judged_by_what_the_devices_did(
    program: Program, tmp_path: Path
) -> None:
    (tmp_path / "sentences.toml").write_text(SENTENCES)
    program.environ |= {"EDGE_AGENT_AGENT__STATE_DIR": str(tmp_path / "state")}
    ran = program("eval", str(tmp_path / "sentences.toml"), "--json")
    assert ran.returncode == 1, ran.stderr
    outcomes = json.loads(ran.stdout)
    assert [one["verdict"] for one in outcomes] == ["right", "right", "wrong", "asked back"]
    assert {one["by"] for one in outcomes} == {"rule"}
    assert all(0 < one["took_ms"] < 5000 for one in outcomes)
    assert outcomes[2]["differences"][0] == "light.kitchen_light state is off, not on"
    assert outcomes[2]["differences"][1].startswith("light.desk_lamp changed: off, ")


def test_a_file_with_mistakes_is_refused_before_anything_starts(program: Program, tmp_path: Path) -> None:
    (tmp_path / "sentences.toml").write_text('[[sentences]]\nsays = "Hello"\n')
    ran = program("eval", str(tmp_path / "sentences.toml"))
    assert ran.returncode == 1
    assert "sentences, no. 1, says" in ran.stderr
    assert "Agent" not in ran.stderr
