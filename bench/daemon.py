"""`python -m bench.daemon`: what the running daemon costs, through a real broker and with a real model.

Memory and idle CPU of both processes, the speed of streamed answers beside `llama_cpp.Llama`'s, and the time that a
command and its reply are on the way.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from bench.asking import Answer
from bench.figures import Figure, Target, quantiles, tables
from bench.plain_llama import Messages, PlainLlama, Streamed
from bench.processes import MB, Memory, idle_cpu_percent
from bench.stage import Stage, stage
from edge_agent.messages import Status, Telemetry, TuningStatus
from edge_agent.settings import ChatSettings
from tests.real_parts import small_model

DAEMON_MB, WORKER_MB, IDLE_PERCENT, GENERATION_PERCENT = 60, 150, 0.5, 90
TELEMETRY_S = IDLE_S = 20.0  # so that exactly one telemetry message falls in what is measured as idle
LOAD_S = 900.0
WARM_ANSWERS, WARM_TOKENS = 20, 32
ANSWER_TOKENS = 128
SUBJECTS = ("a lighthouse", "a train", "a market", "a garden")


class Measured:
    """The figures of one run, in the order of their measuring."""

    def __init__(self, on: Stage, model: Path, rounds: int, commands: int) -> None:
        self._on, self._model, self._rounds, self._commands = on, model, rounds, commands
        self.figures: list[Figure] = []

    def run(self) -> None:
        self._before_the_model()
        self._on.person.status("ready", within_s=LOAD_S)
        self._daemon_memory("model ready")
        self._idle_cpu()
        for number in range(WARM_ANSWERS):
            self._on.stopwatch.answer(story(number), WARM_TOKENS)
        self._daemon_memory(f"after {WARM_ANSWERS} answers")
        worker = Memory.of(self._on.worker_pid)  # before another process maps the same file
        with (
            PlainLlama(self._model, self._tuning(), polite=True) as polite,
            PlainLlama(self._model, self._tuning(), polite=False) as usual,
        ):
            for number in range(WARM_ANSWERS):
                polite.answer(messages(story(number)), WARM_TOKENS)
            self._worker_memory(worker, Memory.of(polite.pid))
            self._generation(polite, usual)
            self._first_text(polite)
        self._refusals()

    def _before_the_model(self) -> None:
        """The worker is held as soon as it starts, so that the daemon can be looked at without a model."""
        worker_pid = self._on.worker_pid
        os.kill(worker_pid, signal.SIGSTOP)
        try:
            self._on.person.status("loading")
            self._daemon_memory("before the model is loaded")
        finally:
            os.kill(worker_pid, signal.SIGCONT)

    def _daemon_memory(self, when: str) -> None:
        table = "Memory of the daemon; baseline: a program that echoes MQTT messages (paho-mqtt)"
        ours, least = Memory.of(self._on.agent.pid), Memory.of(self._on.echo.pid)
        self._add(table, f"RSS, {when}", ours.rss_mb, "MB", least.rss_mb, Target(DAEMON_MB))
        self._add(table, f"PSS, {when}", ours.pss_mb, "MB", least.pss_mb)
        self._add(table, f"USS, {when}", ours.uss_mb, "MB", least.uss_mb)

    def _idle_cpu(self) -> None:
        table = f"CPU while nobody asks, over {IDLE_S:g} s, one telemetry message in them"
        daemon, worker = idle_cpu_percent([self._on.agent.pid, self._on.worker_pid], IDLE_S)
        self._add(table, "daemon", daemon, "% of a core", target=Target(IDLE_PERCENT))
        self._add(table, "worker", worker, "% of a core")

    def _worker_memory(self, ours: Memory, theirs: Memory) -> None:
        table = f"Memory of the worker after {WARM_ANSWERS} answers; baseline: a process with `Llama`, after the same"
        self._add(table, "RSS", ours.rss_mb, "MB", theirs.rss_mb)
        self._add(table, "RSS without mapped files", ours.anon_mb, "MB", theirs.anon_mb)
        self._add(table, "USS", ours.uss_mb, "MB")
        needed_mb = self._weights_and_kv_mb()
        self._add(table, "weights + KV cache", needed_mb, "MB")
        beyond, theirs_beyond = ours.rss_mb - needed_mb, theirs.rss_mb - needed_mb
        self._add(table, "RSS beyond weights + KV cache", beyond, "MB", theirs_beyond, Target(WORKER_MB))

    def _tuning(self) -> TuningStatus:
        tuning = Status.model_validate_json(self._newest("status")).tuning
        assert tuning is not None
        return tuning

    def _weights_and_kv_mb(self) -> float:
        model = Telemetry.model_validate_json(self._newest("telemetry")).model
        assert model.weights_bytes is not None and model.kv_bytes is not None
        return (model.weights_bytes + model.kv_bytes) / MB

    def _generation(self, polite: PlainLlama, usual: PlainLlama) -> None:
        """In turn, and who goes first changes, so that a third party's load and the heat fall on all alike."""
        ours, politely, usually = list[Answer](), list[Streamed](), list[Streamed]()
        asks: list[Callable[[str], None]] = [
            lambda text: ours.append(self._on.stopwatch.answer(text, ANSWER_TOKENS)),
            lambda text: politely.append(polite.answer(messages(text), ANSWER_TOKENS)),
            lambda text: usually.append(usual.answer(messages(text), ANSWER_TOKENS)),
        ]
        for number in range(self._rounds):
            first = number % len(asks)
            for ask in asks[first:] + asks[:first]:
                ask(story(number))
        self._speed("`Llama`, its threads waiting as the worker's do", ours, politely)
        self._speed("`Llama` as it comes, its threads spinning", ours, usually)

    def _speed(self, baseline: str, ours: list[Answer], theirs: list[Streamed]) -> None:
        table = (
            f"Speed of {ANSWER_TOKENS} tokens behind a prompt of {ours[0].streamed.prompt_tokens}, streamed over MQTT, "
            f"{len(ours)} answers each, in turn; baseline: {baseline}, behind {theirs[0].prompt_tokens}"
        )
        heard, plainly = [each.streamed.tokens_per_second for each in ours], [each.tokens_per_second for each in theirs]
        ratios = quantiles([one / other for one, other in zip(heard, plainly, strict=True)], 25, 50, 75)
        spread = f"p25 to p75: {100 * ratios['p25']:.1f} to {100 * ratios['p75']:.1f}"
        target = Target(GENERATION_PERCENT, at_least=True)
        self._add(table, f"of the baseline, pair by pair, median ({spread})", 100 * ratios["p50"], "%", target=target)
        self._add(table, "by Chunks, median", statistics.median(heard), "tokens/s", statistics.median(plainly))
        self._add(table, "by Chunks, best", max(heard), "tokens/s", max(plainly))
        said = statistics.median(answer.tokens_per_second for answer in ours)
        self._add(table, "by the Reply, median", said, "tokens/s", statistics.median(plainly))

    def _first_text(self, plain: PlainLlama) -> None:
        ours, theirs = list[float](), list[float]()
        for number in range(self._commands):
            text = f"Say the number {number}."
            ours.append(self._on.stopwatch.answer(text, max_tokens=1).first_s)
            theirs.append(plain.answer(messages(text), max_tokens=1).first_s)
        table = f"From a command to its first Chunk, {self._commands} in turn; baseline: `Llama`'s first text"
        self._quantiles(table, ours, theirs)

    def _refusals(self) -> None:
        ours, theirs = list[float](), list[float]()
        for _ in range(self._commands):
            ours.append(self._on.stopwatch.refusal_s())
            theirs.append(self._on.stopwatch.echo_s())
        table = f"From a wrong command to the Reply that refuses it, {self._commands} in turn; baseline: an MQTT echo"
        self._quantiles(table, ours, theirs)

    def _quantiles(self, table: str, ours_s: list[float], theirs_s: list[float]) -> None:
        theirs = quantiles(theirs_s, 50, 95, 99)
        for name, value_s in quantiles(ours_s, 50, 95, 99).items():
            self._add(table, name, 1000 * value_s, "ms", 1000 * theirs[name])

    def _newest(self, topic: str) -> bytes:
        return self._on.person.all(f"{self._on.person.root}/{topic}")[-1].payload

    def _add(
        self,
        table: str,
        what: str,
        value: float,
        unit: str,
        baseline: float | None = None,
        target: Target | None = None,
    ) -> None:
        self.figures.append(Figure(table, what, value, unit, baseline, target))


def story(number: int) -> str:
    return f"Tell me a long story about {SUBJECTS[number % len(SUBJECTS)]}, with every detail."


def messages(text: str) -> Messages:
    """What the agent gives its model for this command."""
    return [{"role": "system", "content": ChatSettings().system_prompt}, {"role": "user", "content": text}]


def machine() -> str:
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{os.cpu_count()} cores, {platform.machine()}, {memory_gb:.0f} GB, load {os.getloadavg()[0]:.1f}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.daemon", description=__doc__)
    parser.add_argument("--model", type=Path, help="GGUF file; SmolLM2-135M-Instruct where absent")
    parser.add_argument("--json", type=Path, help="file for the figures as JSON")
    parser.add_argument("--rounds", type=_several, default=20, help="answers of each side whose speed is measured")
    parser.add_argument("--commands", type=_several, default=200, help="commands whose latency is measured")
    return parser.parse_args()


def _several(text: str) -> int:
    """Quantiles need two values."""
    if (number := int(text)) < 2:
        raise argparse.ArgumentTypeError("at least 2")
    return number


def main() -> int:
    """0: every target is met."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that all that was started is stopped
    given = arguments()
    model = given.model or small_model()
    header = f"{model.name}, {machine()}"
    with stage(model, TELEMETRY_S) as on:
        measured = Measured(on, model, given.rounds, given.commands)
        measured.run()
    print("\n\n".join((header, *tables(measured.figures))))
    if given.json:
        given.json.write_text(json.dumps({"run": header, "figures": [each.as_json() for each in measured.figures]}))
    return int(any(figure.met is False for figure in measured.figures))


if __name__ == "__main__":
    sys.exit(main())
