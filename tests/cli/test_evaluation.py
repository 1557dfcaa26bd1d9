from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_agent.cli.evaluate import summary
from edge_agent.cli.evaluation import Outcome, Sentence, judge, read_evaluation
from edge_agent.errors import SettingsError
from edge_agent.home.simulation import Snapshot
from edge_agent.messages import Reply

LAMP, BLIND = "light.lamp", "cover.blind"
BEFORE = {
    LAMP: Snapshot("Lamp", "off", {"brightness_pct": 100, "color": "#ffffff"}),
    BLIND: Snapshot("Blind", "open", {"position": 100}),
}
TIMING = {"queued": 0.1, "total": 4.0}


def reply(text: str = "Done.", **fields: Any) -> Reply:
    return Reply.model_validate({"id": "a", "status": "ok", "text": text, "timing_ms": TIMING, **fields})


def judged(said: Reply, *, lamp: Snapshot | None = None, **sentence: Any) -> Outcome:
    after = BEFORE | ({LAMP: lamp} if lamp else {})
    return judge(Sentence.model_validate({"say": "Do it", **sentence}), BEFORE, after, said)


def on(**attributes: Any) -> Snapshot:
    return Snapshot("Lamp", "on", {**BEFORE[LAMP].attributes, **attributes})


def test_what_came_as_it_should_is_right() -> None:
    assert judged(reply(), lamp=on(), becomes={LAMP: "on"}).verdict == "right"
    assert judged(reply("It is locked."), reply="LOCKED").verdict == "right"
    assert judged(reply("Hello!")).verdict == "right"


@pytest.mark.parametrize(
    ("name", "wanted", "real", "verdict"),
    [
        ("brightness_pct", 40, 41, "right"),
        ("brightness_pct", 40, 44, "wrong"),
        ("brightness_pct", 40, True, "wrong"),
        ("color", "#ff0000", "#fb0306", "right"),
        ("color", "#ff0000", "#ff8800", "wrong"),
        ("color_temp_kelvin", 2700, 2732, "right"),
        ("color_temp_kelvin", 2700, 4000, "wrong"),
        ("temperature", 21, 21.5, "wrong"),
        ("effect", "candle", "Candle", "right"),
        ("items", ["Eggs", "milk"], ["milk", "eggs"], "right"),
        ("items", ["eggs"], ["milk", "eggs"], "wrong"),
        ("is_volume_muted", True, True, "right"),
    ],
)
def test_values_are_compared_as_devices_round_them(name: str, wanted: Any, real: Any, verdict: str) -> None:
    outcome = judged(reply(), lamp=on(**{name: real}), becomes={LAMP: {"state": "on", name: wanted}})
    assert outcome.verdict == verdict


def test_what_changes_though_it_should_not_is_wrong() -> None:
    outcome = judged(reply(), lamp=on(), becomes={BLIND: "open"})
    assert (outcome.verdict, len(outcome.differences)) == ("wrong", 1)
    assert outcome.differences[0].startswith("light.lamp changed: off, ")


def test_what_does_not_change_though_it_should_is_wrong() -> None:
    assert judged(reply("Done!"), becomes={LAMP: "on"}).differences == ("light.lamp state is off, not on",)
    assert judged(reply(), becomes={"light.moon": "on"}).differences == ("light.moon is not in this home",)


def test_asking_is_right_where_it_is_wanted_and_told_apart_where_not() -> None:
    asking = reply("Which light?", expects_answer=True)
    assert judged(asking, asks=True).verdict == "right"
    assert judged(asking, becomes={}).verdict == "asked back"
    assert judged(asking, lamp=on(), asks=True).verdict == "wrong"
    assert judged(reply("No idea."), asks=True).differences == ("it did not ask back, it said: No idea.",)


def test_asking_instead_of_acting_is_not_wrong() -> None:
    asked = judged(reply("Which light?", expects_answer=True), becomes={LAMP: "on"})
    assert (asked.verdict, asked.differences) == ("asked back", ("it asked: Which light?",))


def test_an_error_is_right_only_where_it_is_wanted() -> None:
    failed = reply("x", status="error", error={"code": "not_understood", "message": "Say it otherwise."})
    assert judged(failed, refused=True).verdict == "right"
    assert judged(failed).differences == ("it failed: Say it otherwise.",)
    assert judged(reply("Done."), refused=True).verdict == "wrong"


def test_the_summary_counts_and_gives_medians() -> None:
    right = judged(reply(handled_by="intent"))
    slow = judged(reply(handled_by="llm", timing_ms={"queued": 0, "total": 900}), becomes={LAMP: "on"})
    told = "2 of 3 right, 1 wrong; by rule 2 (4 ms), by model 1 (900 ms)"
    assert summary([right, right, slow]) == told


def test_a_file_is_read_with_its_home_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "sentences.toml"
    path.write_text('home = "mine.toml"\n[[sentences]]\nsay = "Hello"\n')
    assert read_evaluation(path).home == tmp_path / "mine.toml"


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "sentences.toml"
    path.write_text('[[sentences]]\nsay = ""\n[[sentences]]\nsay = "a"\nreply = "("\nbecome = {}\n')
    with pytest.raises(SettingsError) as told:
        read_evaluation(path)
    places = [line.removeprefix(f"{path}: ").split(":")[0] for line in str(told.value).splitlines()]
    assert places == ["sentences, no. 1, say", "sentences, no. 2, reply", "sentences, no. 2, become"]


def test_the_example_is_right() -> None:
    assert len(read_evaluation(Path(__file__).parents[2] / "docs" / "sentences.toml").sentences) >= 5
