from __future__ import annotations

import io
import json
import signal
from collections.abc import Callable

import pytest
from rich.console import Console

from edge_agent.cli.client import Heard
from edge_agent.cli.observed import AGENTS_LIMIT, HISTORY_LIMIT, PASSED_LIMIT, Observed
from edge_agent.cli.watch import picture, sparkline

from .conftest import Answer, Peer, Program

STATUS = {"state": "degraded", "reason": "no GPU", "since": "2026-01-01T00:00:00Z", "model": {"name": "tiny"}}


def hear(observed: Observed, topic: str, payload: object) -> str | None:
    encoded = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    passed = observed.hear(Heard(f"edge-agent/{topic}", encoded, False))
    return passed and f"{passed.agent} {passed.kind} {passed.text}"


def test_in_a_pipe_it_prints_a_line_a_message(on_broker: Program, peer: Callable[[Answer], Peer]) -> None:
    with peer(lambda *_: None) as agent:
        agent.say("status", json.dumps(STATUS).encode(), retain=True)
        process = on_broker.start("watch", "--agent", agent.id)
        retained = sorted(process.stdout.readline().split(" ", 1)[1] for _ in range(2))
        assert retained == [f"{agent.id} availability online\n", f"{agent.id} status degraded · no GPU · tiny\n"]
        agent.say("reply/kitchen", b'{"id": "a", "text": "Hello\\nyou", "timing_ms": {"total": 12}}')
        assert process.stdout.readline().endswith(f"{agent.id} reply/kitchen a Hello you (12 ms)\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        agent.say("status", b"", retain=True)


def test_agent_and_all_together_are_wrong(on_broker: Program) -> None:
    assert on_broker("watch", "--agent", "pi", "--all").returncode == 1


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff\xfe\x00",
        b"{",
        b"[" * 100_000,
        b"[1]",
        b"null",
        b'{"text": {"a": [1]}}',
        b"\x1b[2J",
        b"9" * 10_000_000,
        b"",
    ],
)
@pytest.mark.parametrize(
    "kind", ["availability", "status", "telemetry", "event", "command", "reply/a/b/c", "cancel", "x"]
)
def test_garbage_is_one_short_line(kind: str, payload: bytes) -> None:
    observed = Observed("edge-agent", None)
    passed = observed.hear(Heard(f"edge-agent/pi/{kind}", payload, False))
    assert passed is not None
    assert str(passed).isprintable()
    assert len(passed.text) <= 500
    Console(width=80, file=io.StringIO()).print(picture(observed, Console()))


def test_telemetry_becomes_figures_with_units_and_graphs() -> None:
    observed = Observed("edge-agent", None)
    for count in range(3):
        hear(
            observed,
            "pi/telemetry",
            {
                "process": {"rss_bytes": 50_000_000 + count * 1_000_000},
                "worker": {"rss_bytes": None},
                "latency_ms": {"first_token": {"p50": 210.0}},
                "tokens_per_second": {"generation": {"p50": "fast"}},
            },
        )
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(picture(observed, console))
    shown = console.export_text()
    assert "52 MB  ▁▅█" in shown
    assert "210 ms" in shown
    assert "worker memory" not in shown
    assert "generation" not in shown


def test_what_is_remembered_is_bounded() -> None:
    observed = Observed("edge-agent", None)
    for number in range(1000):
        hear(observed, f"agent{number}/availability", b"online")
        hear(observed, "agent0/telemetry", {"process": {"rss_bytes": number}})
    assert len(observed.agents) == AGENTS_LIMIT
    assert len(observed.passed) == PASSED_LIMIT
    assert len(observed.agents["agent0"].history["daemon memory"]) == HISTORY_LIMIT


def test_an_error_reply_shows_its_code() -> None:
    observed = Observed("edge-agent", "pi")
    reply = {"id": "a", "text": "Try again.", "error": {"code": "busy", "message": "m"}}
    assert hear(observed, "pi/reply", reply) == "pi reply a [busy] Try again."
    assert observed.filters[0] == "edge-agent/pi/availability"


def test_a_sparkline_goes_from_the_lowest_to_the_highest() -> None:
    assert sparkline([0, 7, 3.5]) == "▁█▅"
    assert sparkline([5, 5]) == "▄▄"
