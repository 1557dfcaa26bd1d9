"""How well a model understands what no rule does: `python -m bench.understanding --model FILE.gguf`.

On sentences for the built-in home. Right is the device and the action that the sentence means; of talk, nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.daemon import machine
from bench.figures import Figure, tables
from bench.stage import CONTEXT
from edge_agent.home import Home
from edge_agent.home.simulation import built_in_home
from edge_agent.inference import ChatMessage, Generation, InferenceWorker, Sampling
from edge_agent.language import Act, Ask, Dialogue, Plan, Understanding
from edge_agent.language.lexicon import Lexicon
from edge_agent.language.model_plan import ModelUnderstanding
from edge_agent.language.vocabulary import Vocabulary
from edge_agent.settings import InferenceSettings
from tests.home.simulation.living import lived_in
from tests.real_parts import Mosquitto, small_model

SENTENCES = Path(__file__).with_suffix(".toml")
WISHES = {
    "right": "right device and action",
    "wrong action": "right device, wrong action",
    "wrong device": "wrong device",
    "in doubt": "asked what to do, or which one",
    "nothing": "taken for talk",
}
TALK = {"nothing": "taken for talk", "in doubt": "asked what to do, or which one", "acted": "taken for a wish"}


@dataclass(frozen=True)
class Sentence:
    """`device` and `action` of a wish; None of talk."""

    say: str
    device: str | None = None
    action: str | None = None


class CountingWorker(InferenceWorker):
    """Notes what each answer took."""

    generations: list[Generation]

    async def generate(
        self,
        messages: Sequence[ChatMessage],
        sampling: Sampling,
        schema: Mapping[str, Any] | bool | None,
        on_text: Callable[[str], None],
    ) -> Generation:
        generation = await super().generate(messages, sampling, schema, on_text)
        self.generations.append(generation)
        return generation


@dataclass
class Measured:
    """`wishes`, `talk`: how often the model said what. Milliseconds of those sentences that it was asked about."""

    wishes: Counter[str] = field(default_factory=Counter)
    talk: Counter[str] = field(default_factory=Counter)
    took_ms: list[float] = field(default_factory=list)
    by_rule: int = 0


def sentences() -> Iterator[Sentence]:
    document = tomllib.loads(SENTENCES.read_text())
    for wish in document["wishes"]:
        yield Sentence(**wish)
    for talk in document["talk"]:
        yield Sentence(talk)


def verdict(sentence: Sentence, plan: Plan | None) -> str:
    if plan is None:
        return "nothing"
    if isinstance(plan, Ask):
        return "in doubt"
    assert isinstance(plan, Act)
    if sentence.device is None:
        return "acted"
    (wish,) = plan.actions
    if wish.entity_id != sentence.device:
        return "wrong device"
    return "right" if wish.action == sentence.action else "wrong action"


async def measure(home: Home, worker: CountingWorker, verbose: bool) -> Measured:
    measured, rules = Measured(), Understanding(home)
    model = ModelUnderstanding(home, worker, _vocabulary_of(home), acts_alone=True)
    for sentence in sentences():
        measured.by_rule += rules.understand(sentence.say, Dialogue(), area=None, language="en") is not None
        asked, began_s = len(worker.generations), time.monotonic()
        plan = await model.understand(sentence.say, None, "en")
        if len(worker.generations) > asked:
            measured.took_ms.append(1000 * (time.monotonic() - began_s))
        came = verdict(sentence, plan)
        (measured.talk if sentence.device is None else measured.wishes)[came] += 1
        if verbose:
            print(f"{came:13} {sentence.say} → {plan}")
    return measured


def _vocabulary_of(home: Home) -> Callable[[Lexicon], Vocabulary]:
    known: dict[str, Vocabulary] = {}

    def vocabulary_of(words: Lexicon) -> Vocabulary:
        if words.language not in known:
            known[words.language] = Vocabulary(words, home.entities.values(), home.areas)
        return known[words.language]

    return vocabulary_of


def figures(measured: Measured, generations: Sequence[Generation]) -> Iterator[Figure]:
    for title, counts, names in (("Wishes", measured.wishes, WISHES), ("Talk", measured.talk, TALK)):
        for verdict_, what in names.items():
            yield Figure(f"{title}: {counts.total()} sentences", what, counts[verdict_], "sentences")
    cost = "What it costs"
    yield Figure(cost, "sentences that a rule would take", measured.by_rule, "sentences")
    if generations:
        prompts = [one.prompt_tokens for one in generations]
        read = [one.prompt_tokens - one.cached_tokens for one in generations]
        yield Figure(cost, "prompt, median", statistics.median(prompts), "tokens")
        yield Figure(cost, "prompt, longest", max(prompts), "tokens")
        yield Figure(cost, "of it not in the KV cache, median", statistics.median(read), "tokens")
        yield Figure(cost, "a sentence, asked twice, median", statistics.median(measured.took_ms), "ms")
        yield Figure(cost, "a sentence, asked twice, slowest", max(measured.took_ms), "ms")


@asynccontextmanager
async def loaded_worker(model: Path) -> AsyncIterator[CountingWorker]:
    """Raises RuntimeError where the model does not load."""
    changed = asyncio.Event()
    settings = InferenceSettings(context=CONTEXT)
    async with CountingWorker(settings, on_change=changed.set, on_restart=lambda reason: None) as worker:
        worker.generations = []
        worker.use(model)
        while worker.state == "loading":
            changed.clear()
            await changed.wait()
        if worker.state != "ready":
            raise RuntimeError(worker.problem)
        yield worker


@contextmanager
def broker() -> Iterator[Mosquitto]:
    with tempfile.TemporaryDirectory(prefix="edge-agent-bench-") as folder:
        mosquitto = Mosquitto(Path(folder)).start()
        try:
            yield mosquitto
        finally:
            mosquitto.stop()


async def run(model: Path, verbose: bool) -> list[Figure]:
    with broker() as mosquitto:
        async with lived_in(mosquitto.port, built_in_home()) as (_, home, _), loaded_worker(model) as worker:
            return list(figures(await measure(home, worker, verbose), worker.generations))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.understanding", description=__doc__)
    parser.add_argument("--model", type=Path, help="GGUF file; SmolLM2-135M-Instruct where absent")
    parser.add_argument("-v", "--verbose", action="store_true", help="print what came of each sentence")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    model = given.model or small_model()
    measured = asyncio.run(run(model, given.verbose))
    print("\n\n".join((f"{model.name}, {machine()}", *tables(measured))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
