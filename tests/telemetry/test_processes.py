from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import IO

import psutil
import pytest

from edge_agent.telemetry.processes import SHORTEST_SPAN_S, ProcessSampler
from tests.real_parts import wait_until

# Occupies 30 MB, says so, then works until it is told to end.
CHILD = "held = b'x' * 30_000_000; print('ready', flush=True)\nwhile True: sum(range(1000))"


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE) as process:
        output: IO[bytes] | None = process.stdout
        assert output is not None
        assert output.readline() == b"ready\n"
        yield process
        process.kill()


def test_a_running_worker_is_measured(child: subprocess.Popen[bytes]) -> None:
    seen = ProcessSampler().worker(child.pid, restarts=2)
    assert seen.rss_bytes is not None
    assert seen.rss_anon_bytes is not None
    assert 30_000_000 < seen.rss_anon_bytes < seen.rss_bytes
    assert seen.restarts == 2


def test_cpu_use_is_unknown_at_the_first_look_and_measured_at_the_next(child: subprocess.Popen[bytes]) -> None:
    """A busy machine may let it have little of a core: what is told is what the kernel has counted."""
    sampler, kernel = ProcessSampler(), psutil.Process(child.pid)
    assert sampler.worker(child.pid, 0).cpu_percent is None
    began_s, used_before_s = time.monotonic(), kernel.cpu_times().user
    wait_until(lambda: kernel.cpu_times().user - used_before_s > 2 * SHORTEST_SPAN_S, "it has worked for a while")
    told = sampler.worker(child.pid, 0).cpu_percent
    counted = 100 * (kernel.cpu_times().user - used_before_s) / (time.monotonic() - began_s)
    assert told == pytest.approx(counted, rel=0.25)


def test_a_worker_that_has_ended_and_was_not_waited_for_is_unknown_and_not_zero(child: subprocess.Popen[bytes]) -> None:
    sampler = ProcessSampler()
    sampler.worker(child.pid, 0)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert sampler.worker(child.pid, 0).rss_bytes is None
    assert sampler.worker(child.pid, 0).rss_anon_bytes is None


def test_a_worker_that_has_ended_is_unknown(child: subprocess.Popen[bytes]) -> None:
    sampler = ProcessSampler()
    sampler.worker(child.pid, 0)
    child.kill()
    child.wait()
    for _ in range(2):
        gone = sampler.worker(child.pid, 1)
        assert (gone.rss_bytes, gone.rss_anon_bytes, gone.cpu_percent, gone.restarts) == (None, None, None, 1)
    assert ProcessSampler().worker(child.pid, 1).rss_bytes is None


def test_without_a_worker_only_its_restarts_are_known() -> None:
    none = ProcessSampler().worker(None, 4)
    assert (none.rss_bytes, none.rss_anon_bytes, none.cpu_percent, none.restarts) == (None, None, None, 4)


def test_another_worker_is_another_measurement(child: subprocess.Popen[bytes]) -> None:
    sampler = ProcessSampler()
    first = sampler.worker(child.pid, 0).rss_bytes
    with subprocess.Popen(["sleep", "60"]) as small:
        second = sampler.worker(small.pid, 1).rss_bytes
        small.kill()
    assert first is not None
    assert second is not None
    assert second < first


def test_the_daemon_itself_is_measured() -> None:
    assert (ProcessSampler().own().rss_bytes or 0) > 1_000_000
