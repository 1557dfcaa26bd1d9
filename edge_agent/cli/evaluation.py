"""Sentences and what should come of them: how they are written down, and whether it came true."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from edge_agent.errors import SettingsError
from edge_agent.home.simulation import Snapshot
from edge_agent.messages import Reply
from edge_agent.settings import Section

Verdict = Literal["right", "asked back", "wrong"]
# A state, or an object with `state` and attributes.
Wanted = str | int | float | dict[str, str | int | float | bool | list[str]]

PERCENT_TOLERANCE = 1.5  # devices round to their own scales
KELVIN_TOLERANCE = 0.02
CHANNEL_TOLERANCE = 12  # of 255


class Sentence(Section):
    """What is said, where, and what should come of it. What is not named must stay as it is."""

    say: str = Field(min_length=1, description="The sentence.")
    area: str | None = Field(None, description="Where the person is.")
    language: str | None = Field(None, description="Its language; the agent's where absent.")
    confirmed: bool = Field(False, description="The person has said yes already.")
    given: dict[str, Wanted] = Field({}, description="Device id → what it is at before.")
    after: tuple[str, ...] = Field((), description="What was said before, in the same conversation.")
    becomes: dict[str, Wanted] = Field({}, description="Device id → what it should be at.")
    reply: str | None = Field(None, description="Regular expression that the reply's text holds, in any case.")
    asks: bool = Field(False, description="The agent should ask back, and do nothing.")
    refused: bool = Field(False, description="The agent should say that it can't, and do nothing.")

    @field_validator("reply")
    @classmethod
    def _is_expression(cls, expression: str | None) -> str | None:
        try:
            re.compile(expression or "")
        except re.error as error:
            raise ValueError(f"it is no regular expression: {error}") from error
        return expression


class Evaluation(Section):
    """A file of sentences, and the home that they are said in."""

    home: Path | None = Field(
        None, description="TOML file of a virtual home, beside this file; the built-in if absent."
    )
    sentences: tuple[Sentence, ...] = Field(description="The sentences.")


def read_evaluation(path: Path) -> Evaluation:
    """Raises SettingsError with every mistake, one a line."""
    try:
        evaluation = Evaluation.model_validate(tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.") from error
    except ValidationError as error:
        mistakes = (f"{path}: {_place(one['loc'])}: {one['msg']}" for one in error.errors(include_url=False))
        raise SettingsError("\n".join(dict.fromkeys(mistakes))) from None
    if evaluation.home is None:
        return evaluation
    return evaluation.model_copy(update={"home": path.parent / evaluation.home})


def _place(location: tuple[int | str, ...]) -> str:
    return ", ".join(f"no. {level + 1}" if isinstance(level, int) else level for level in location[:3])


@dataclass(frozen=True)
class Outcome:
    """What came of a sentence. `differences` says in words what should have been otherwise."""

    sentence: Sentence
    verdict: Verdict
    reply: Reply
    differences: tuple[str, ...] = ()

    @property
    def by(self) -> str:
        return {"intent": "rule", "llm": "model", None: "nobody"}[self.reply.handled_by]

    @property
    def took_ms(self) -> float | None:
        return self.reply.timing_ms.total if self.reply.timing_ms else None

    def as_json(self) -> dict[str, Any]:
        return {
            "say": self.sentence.say,
            "verdict": self.verdict,
            "by": self.by,
            "took_ms": self.took_ms,
            "reply": self.reply.text,
            "differences": self.differences,
        }


def judge(sentence: Sentence, before: Mapping[str, Snapshot], after: Mapping[str, Snapshot], reply: Reply) -> Outcome:
    """`before` and `after`: what every device of the home was at, by id."""
    if reply.expects_answer and not sentence.asks and before == after:
        return Outcome(sentence, "asked back", reply, (f"it asked: {reply.text}",))
    differences = (*_differences(sentence, before, after), *_reply_differences(sentence, reply))
    return Outcome(sentence, "wrong" if differences else "right", reply, differences)


def _differences(sentence: Sentence, before: Mapping[str, Snapshot], after: Mapping[str, Snapshot]) -> Iterator[str]:
    for entity_id, now in after.items():
        if (wanted := sentence.becomes.get(entity_id)) is not None:
            yield from _unmet(entity_id, now, wanted)
        elif now != before[entity_id]:
            yield f"{entity_id} changed: {_shown(before[entity_id])} → {_shown(now)}"
    for unknown in sorted(sentence.becomes.keys() - after.keys()):
        yield f"{unknown} is not in this home"


def _unmet(entity_id: str, now: Snapshot, wanted: Wanted) -> Iterator[str]:
    for name, value in as_state(wanted).items():
        real = now.state if name == "state" else now.attributes.get(name)
        if not _same(name, value, real):
            yield f"{entity_id} {name} is {real}, not {value}"


def as_state(wanted: Wanted) -> dict[str, Any]:
    """`state` and attributes, of what a file says in short."""
    return dict(wanted) if isinstance(wanted, dict) else {"state": wanted}


def _same(name: str, wanted: Any, real: Any) -> bool:
    if isinstance(wanted, list) and isinstance(real, list):
        return sorted(one.casefold() for one in wanted) == sorted(str(one).casefold() for one in real)
    if name == "color" and isinstance(real, str):
        return all(
            abs(one - other) <= CHANNEL_TOLERANCE for one, other in zip(*map(_channels, (wanted, real)), strict=True)
        )
    if isinstance(wanted, bool) or not isinstance(wanted, int | float):
        return str(wanted).casefold() == str(real).casefold()
    if isinstance(real, bool) or not isinstance(real, int | float):
        return False
    return abs(wanted - real) <= (KELVIN_TOLERANCE * real if name == "color_temp_kelvin" else _tolerance(name))


def _tolerance(name: str) -> float:
    return 0.01 if name in ("temperature", "state") else PERCENT_TOLERANCE


def _channels(color: str) -> Sequence[int]:
    return bytes.fromhex(color.lstrip("#"))


def _reply_differences(sentence: Sentence, reply: Reply) -> Iterator[str]:
    if sentence.asks and not reply.expects_answer:
        yield f"it did not ask back, it said: {reply.text}"
    if sentence.refused and reply.status != "error":
        yield f"it did not refuse, it said: {reply.text}"
    if reply.status == "error" and not sentence.refused:
        yield f"it failed: {reply.error.message if reply.error else reply.text}"
    elif sentence.reply is not None and re.search(sentence.reply, reply.text, re.IGNORECASE) is None:
        yield f"it said: {reply.text}"


def _shown(one: Snapshot) -> str:
    return ", ".join([str(one.state), *(f"{name} {value}" for name, value in one.attributes.items())])
