"""What the engine makes of llama.cpp, beside llama.cpp itself: `python -m bench.engine [--model FILE.gguf]`."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from bench.bare_loop import BareLoop
from bench.chart import write_chart
from bench.daemon import machine
from bench.figures import Figure, Target, ratio, tables
from bench.processes import Memory
from bench.talking import Asked, loaded_worker, sampling, tuning_of, user
from bench.understanding import broker
from bench.unknown_sentences import STORY, UnknownSentences, bars, beside_a_story, measure
from edge_agent.home.simulation import built_in_home
from edge_agent.inference import ChatMessage, Generation, InferenceWorker
from tests.home.simulation.living import lived_in
from tests.real_parts import small_model

GENERATION = "Generation, beside the C API in a bare loop"
VERSE = "The old mill by the river turns all day and turns all night, said the fox to the owl. "
REPLY_SCHEMA = {
    "type": "object",
    "properties": {
        "summary_of_the_evening": {"type": "string", "maxLength": 40},
        "number_of_open_windows": {"type": "integer", "minimum": 0, "maximum": 20},
        "is_everything_locked": {"type": "boolean"},
    },
    "required": ["summary_of_the_evening", "number_of_open_windows", "is_everything_locked"],
    "additionalProperties": False,
}


async def alone(worker: InferenceWorker, bare: BareLoop, rounds: int, tokens: int) -> Iterator[Figure]:
    ours, theirs = [], []
    for number in range(rounds):
        theirs.append(bare.tokens_per_second(1, tokens))
        done = await Asked(worker, f"{STORY} {number}", tokens).task
        ours.append((done.completion_tokens - 1) / (done.generation_ms / 1000))
    return ratio(GENERATION, "one conversation", ours, theirs, "tokens/s", Target(0.97, at_least=True))


async def together(
    worker: InferenceWorker, bare: BareLoop, rounds: int, tokens: int, sequences: int = 4
) -> AsyncIterator[Figure]:
    ours, theirs, spreads = [], [], []
    for number in range(rounds):
        theirs.append(bare.tokens_per_second(sequences, tokens))
        asked = [Asked(worker, f"{STORY} {number} {place}", tokens) for place in range(sequences)]
        for one in asked:
            await one.begun.wait()
        began_s = time.monotonic()
        done = [await one.task for one in asked]
        ours.append(_total_rate(done, time.monotonic() - began_s))
        waits = [one.end_s for one in asked]
        spreads.append(max(waits) / statistics.mean(waits))
    what = f"{sequences} conversations together"
    for figure in ratio(GENERATION, what, ours, theirs, "tokens/s", Target(0.9, at_least=True)):
        yield figure
    yield Figure(GENERATION, "the longest wait of the four, by their mean", max(spreads), "", target=Target(2))


def _total_rate(done: Sequence[Generation], seconds: float) -> float:
    """Since all had begun: the first tokens of those that began earlier are left out, by the slowest's share."""
    shortest_ms = min(one.generation_ms for one in done)
    counted = sum((one.completion_tokens - 1) * shortest_ms / one.generation_ms for one in done)
    return counted / seconds


async def restart(model: Path, system: str, rounds: int) -> AsyncIterator[Figure]:
    messages = [ChatMessage(role="system", content=system)]
    table = "From the loaded model to the first token, with a prefix of the home's description"
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "prefixes"
        async with loaded_worker(model, kept) as worker:
            worker.prime(messages)
            began_s = time.monotonic()
            await worker.generate([*messages, *user("Hi.")], sampling(1), None, lambda text: None)
            cold_s = time.monotonic() - began_s
            while not list(kept.glob("*.prefix")):
                await worker.generate(user("Hi."), sampling(1), None, lambda text: None)
        warm_s = []
        for _ in range(rounds):
            async with loaded_worker(model, kept) as worker:
                began_s = time.monotonic()
                warm = await worker.generate([*messages, *user("Hi.")], sampling(1), None, lambda text: None)
                warm_s.append(time.monotonic() - began_s)
    what = f"{warm.prompt_tokens} tokens, {warm.cached_tokens} of them from disk"
    yield Figure(table, what, statistics.median(warm_s), "s", cold_s, Target(0.5))


async def forced(worker: InferenceWorker, plan_schema: dict[str, object]) -> AsyncIterator[Figure]:
    table = "Tokens that the grammar forces: decodes, the prompt's included, beside the tokens of the answer"
    for name, schema in (("a plan for the home as JSON", plan_schema), ("a JSON reply", REPLY_SCHEMA)):
        done = await Asked(worker, f"Answer for {name}.", 96, schema).task
        yield Figure(table, name, done.decodes, "decodes", done.completion_tokens)
    yield Figure(table, "a plan as the daemon makes it, by likelihood", 0, "tokens that are generated")


async def lookup(model: Path, rounds: int, tokens: int) -> AsyncIterator[Figure]:
    """The same text with and without guesses, of a model that is asked to repeat its prompt."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    decodes: dict[bool, int] = {}
    async with loaded_worker(model) as without, loaded_worker(model, prompt_lookup=True) as guessing:
        for number in range(rounds):
            for worker, guesses in ((without, False), (guessing, True)):
                asked = f"Repeat this word by word, again and again: {number} {VERSE * 6}"
                done = await Asked(worker, asked, tokens).task
                rates[guesses].append((done.completion_tokens - 1) / (done.generation_ms / 1000))
                decodes[guesses] = done.decodes
    table = "Text that repeats its prompt, with guesses from it beside without"
    for figure in ratio(table, "rate", rates[True], rates[False], "tokens/s", Target(1, at_least=True)):
        yield figure
    yield Figure(table, f"decodes for {tokens} tokens", decodes[True], "decodes", decodes[False])


def memory(worker: InferenceWorker) -> Iterator[Figure]:
    assert worker.pid
    assert worker.loaded
    rss_mb, loaded = Memory.of(worker.pid).rss_mb, worker.loaded
    limit = (loaded.weights_bytes + loaded.kv_bytes) / 1e6 + 150
    yield Figure(
        "Memory of the worker, beside its plan", "RSS", rss_mb, "MB", loaded.planned_bytes / 1e6, Target(limit)
    )


async def run(model: Path, server: Path | None, rounds: int, tokens: int) -> list[Figure]:
    found: list[Figure] = []
    with broker() as mosquitto:
        async with lived_in(mosquitto.port, built_in_home()) as (_, home, _):
            async with loaded_worker(model) as worker:
                tuning, unknown = tuning_of(worker), UnknownSentences(home, worker)
                with BareLoop(model, tuning) as bare:
                    found += await alone(worker, bare, rounds, tokens)
                    found += [one async for one in together(worker, bare, rounds, tokens)]
                found += [one async for one in measure(unknown, model, tuning, server, rounds)]
                found += await beside_a_story(unknown, worker, rounds)
                found += [one async for one in forced(worker, unknown.plan_schema())]
                found += memory(worker)
            found += [one async for one in lookup(model, rounds, tokens)]
            found += [one async for one in restart(model, unknown.described(0), rounds)]
            return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--model", type=Path, help="GGUF file; SmolLM2-135M-Instruct where absent")
    parser.add_argument("--llama-server", type=Path, help="its binary, to be measured too")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument("--tokens", type=int, default=128, help="of a generated answer")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--chart", type=Path, help="draw what an unknown sentence costs as SVG there")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    model = given.model or small_model()
    found = asyncio.run(run(model, given.llama_server, given.rounds, given.tokens))
    print("\n\n".join((f"{model.name}, {machine()}", *tables(found))))
    if given.json:
        given.json.write_text(json.dumps([one.as_json() for one in found], indent=1))
    if given.chart:
        write_chart("A sentence that no rule understands, to what is to be done", bars(found), given.chart)
    return int(any(one.met is False for one in found))


if __name__ == "__main__":
    sys.exit(main())
