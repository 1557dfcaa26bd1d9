"""`edge-agent eval FILE`: sentences against a home and a model, and a table of what came of each."""

from __future__ import annotations

import json
import logging
import statistics
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from edge_agent.cli.asking import Asking, Question
from edge_agent.cli.client import BrokerClient
from edge_agent.cli.console import console, note, printable, problems
from edge_agent.cli.evaluation import Outcome, Sentence, as_state, judge, read_evaluation
from edge_agent.cli.home import home_description
from edge_agent.cli.options import ConfigOption, SetOption
from edge_agent.cli.stage import Stage, broker_for, model_at_hand, set_stage
from edge_agent.configuration import load_settings
from edge_agent.messages import Reply
from edge_agent.service.logs import set_up_logging
from edge_agent.settings import ModelSettings, Settings

AGENT = "eval"
ANSWER_TIMEOUT_S = 300
PACE = 0.05  # nobody waits for blinds here
COLOURS = {"right": "green", "asked back": "yellow", "wrong": "red"}


def evaluate(
    file: Annotated[Path, typer.Argument(help="TOML file of sentences and what should come of them.")],
    model: Annotated[
        str | None, typer.Option(help="A name, a path or an hf: source; the settings' where absent.")
    ] = None,
    broker: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="A broker of yours; one of its own where absent.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Say sentences to an agent in a virtual home and compare what comes of them. Exits 1 where not all are right."""
    with problems(), ExitStack() as opened:
        set_up_logging(logging.WARNING)
        settings, evaluation = load_settings(config, set_ or []), read_evaluation(file)
        home = home_description(evaluation.home)
        wanted = ModelSettings(source=model) if model else settings.model
        resolved = model_at_hand(wanted, settings.agent.state_dir)
        mqtt = broker_for(opened, broker)
        stage = set_stage(opened, mqtt, AGENT, _agent_settings(settings, resolved.path), home, pace=PACE)
        stage.wait_until_ready()
        outcomes = []
        for number, sentence in enumerate(evaluation.sentences, start=1):
            note(f"{number}/{len(evaluation.sentences)} {sentence.say}")
            outcomes.append(_try(stage, number, sentence))
    if json_:
        print(json.dumps([outcome.as_json() for outcome in outcomes], ensure_ascii=False, indent=2))
    else:
        console.print(_table(outcomes))
        console.print(summary(outcomes), markup=False)
    if any(outcome.verdict != "right" for outcome in outcomes):
        raise typer.Exit(1)


def _agent_settings(settings: Settings, model: Path) -> dict[str, dict[str, object]]:
    """The person's own, but for who and where the agent is."""
    own = {
        section: getattr(settings, section).model_dump(exclude_unset=True) for section in ("inference", "chat", "home")
    }
    return {**own, "agent": {"language": settings.agent.language}, "model": {"source": model}}


def _try(stage: Stage, number: int, sentence: Sentence) -> Outcome:
    """Says one sentence in the home as it was at first, with what the sentence has given."""
    stage.agent.check()
    stage.home.call(lambda virtual: virtual.reset())
    given = {one: as_state(wanted) for one, wanted in sentence.given.items()}
    stage.home.call(lambda virtual: virtual.put({one: (said.pop("state", None), said) for one, said in given.items()}))
    stage.home.wait_for(lambda virtual: virtual.still())
    for said in sentence.after:
        _say(stage, number, sentence, said)
    stage.home.wait_for(lambda virtual: virtual.still())
    before = stage.home.call(lambda virtual: virtual.entities())
    reply = _say(stage, number, sentence, sentence.say)
    stage.home.wait_for(lambda virtual: virtual.still())
    return judge(sentence, before, stage.home.call(lambda virtual: virtual.entities()), reply)


def _say(stage: Stage, number: int, sentence: Sentence, text: str) -> Reply:
    wishes: dict[str, object] = {
        "session": f"{AGENT}-{number}",
        "area": sentence.area,
        "language": sentence.language,
        "confirmed": sentence.confirmed,
        "temperature": 0,
        "stream": False,
    }
    with BrokerClient(stage.mqtt) as client:
        asking = Asking(client, stage.topics, Question(text, wishes))
        asking.publish()
        return asking.reply(ANSWER_TIMEOUT_S, on_text=lambda _text: None, on_gone=stage.agent.check)


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table("", "by", "ms", "sentence", "what was otherwise", box=None, pad_edge=False, header_style="bold")
    for outcome in outcomes:
        took = "" if outcome.took_ms is None else f"{outcome.took_ms:.0f}"
        shown = (outcome.verdict, outcome.by, took, outcome.sentence.say, "\n".join(outcome.differences))
        table.add_row(*(printable(text) for text in shown), style=COLOURS[outcome.verdict])
    return table


def summary(outcomes: Sequence[Outcome]) -> str:
    """`12 of 14 right, 1 asked back, 1 wrong; by rule 12 (4 ms), by model 2 (910 ms)`; the times are medians."""
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    counts = [f"{verdicts['right']} of {len(outcomes)} right"]
    counts += [f"{verdicts[verdict]} {verdict}" for verdict in ("asked back", "wrong") if verdicts[verdict]]
    parts = []
    for by in ("rule", "model", "nobody"):
        times = [outcome.took_ms for outcome in outcomes if outcome.by == by and outcome.took_ms is not None]
        if times:
            parts.append(f"by {by} {len(times)} ({statistics.median(times):.0f} ms)")
    return "; ".join(filter(None, (", ".join(counts), ", ".join(parts))))
