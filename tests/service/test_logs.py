from __future__ import annotations

import io
import logging
import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest

from edge_agent.errors import ModelUnavailable
from edge_agent.service import set_up_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the log goes; the root logger is as before afterwards."""
    root, package = logging.getLogger(), logging.getLogger("edge_agent")
    before = root.handlers[:], root.level, package.level
    stream = io.StringIO()
    set_up_logging(logging.INFO, stream)
    yield stream
    root.handlers[:], level, package_level = before
    root.setLevel(level)
    package.setLevel(package_level)
    logging.captureWarnings(False)


commands = logging.getLogger("edge_agent.commands")


def test_an_event_is_one_line_with_its_priority(stream: io.StringIO) -> None:
    commands.info("answered", extra={"id": "7f3a", "by": "llm", "total_ms": 840})
    assert stream.getvalue() == "<6>commands: answered id=7f3a by=llm total_ms=840\n"


@pytest.mark.parametrize(("level", "priority"), [("warning", 4), ("error", 3), ("critical", 2)])
def test_every_level_has_its_priority(stream: io.StringIO, level: str, priority: int) -> None:
    getattr(commands, level)("no broker")
    assert stream.getvalue() == f"<{priority}>commands: no broker\n"


def test_nothing_is_said_below_the_level_nor_of_libraries_below_a_warning(stream: io.StringIO) -> None:
    commands.debug("a detail")
    logging.getLogger("huggingface_hub.file_download").info("chatter")
    logging.getLogger("huggingface_hub.file_download").warning("slow")
    assert stream.getvalue() == "<4>huggingface_hub.file_download: slow\n"


@pytest.mark.parametrize(
    "hostile", ["a\n<0>kernel: panic", "a\rb", "a\x1b[2Jb", "a\x85b", "a\u2028b", "a\x00b", "\ud800"]
)
def test_no_value_or_message_can_forge_a_line(stream: io.StringIO, hostile: str) -> None:
    commands.info("refused %s", hostile, extra={"topic": hostile})
    assert stream.getvalue().count("\n") == 1
    assert all(character.isprintable() for character in stream.getvalue().rstrip("\n"))


def test_a_value_cannot_pose_as_another_key(stream: io.StringIO) -> None:
    commands.info("refused", extra={"topic": 'a by=llm "x"'})
    assert stream.getvalue() == '<6>commands: refused topic="a by=llm \\"x\\""\n'


def test_what_is_not_known_is_left_out_and_a_long_value_is_cut(stream: io.StringIO) -> None:
    commands.info("answered", extra={"by": None, "total_ms": 840.2345, "long": "x" * 5000})
    assert "by=" not in stream.getvalue()
    assert "total_ms=840.2" in stream.getvalue()
    assert len(stream.getvalue()) < 600


def _fail(error: Exception) -> None:
    try:
        raise error
    except Exception:
        commands.exception("it failed", extra={"id": "7f3a"})


def test_an_exception_is_one_line_and_says_where(stream: io.StringIO) -> None:
    _fail(ModelUnavailable("Pull the model again."))
    assert stream.getvalue().startswith(
        '<3>commands: it failed id=7f3a error="ModelUnavailable: Pull the model again. at test_logs.py:'
    )
    assert stream.getvalue().count("\n") == 1


def test_a_librarys_error_does_not_bring_in_what_a_person_said(stream: io.StringIO) -> None:
    _fail(ValueError("could not parse 'where did I hide the presents'"))
    assert "presents" not in stream.getvalue()
    assert "ValueError at test_logs.py:" in stream.getvalue()


def test_the_systems_errors_say_what_is_missing(stream: io.StringIO) -> None:
    _fail(FileNotFoundError(2, "No such file or directory", "/etc/x"))
    assert "No such file or directory: '/etc/x'" in stream.getvalue()


def test_a_traceback_comes_only_when_debugging_and_every_line_of_it_has_a_priority(stream: io.StringIO) -> None:
    logging.getLogger("edge_agent").setLevel(logging.DEBUG)
    _fail(ValueError("x"))
    first, *trace = stream.getvalue().splitlines()
    assert first.startswith("<3>commands: it failed")
    assert trace[0] == "<7>Traceback (most recent call last):"
    assert all(line.startswith("<7>") for line in trace)


LOGGING_PROGRAM = (
    "import logging; from edge_agent.service import set_up_logging; set_up_logging();"
    "logging.getLogger('edge_agent.app').info('ready')"
)


def test_on_a_terminal_there_is_no_priority() -> None:
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", LOGGING_PROGRAM], stderr=theirs, check=True)
    os.close(theirs)
    assert os.read(ours, 1000).decode().strip() == "app: ready"
    os.close(ours)


def test_into_the_journal_there_is_one() -> None:
    done = subprocess.run([sys.executable, "-c", LOGGING_PROGRAM], capture_output=True, check=True)
    assert done.stderr == b"<6>app: ready\n"


def test_setting_up_twice_says_nothing_twice(stream: io.StringIO) -> None:
    set_up_logging(logging.INFO, stream)
    commands.info("once")
    assert stream.getvalue() == "<6>commands: once\n"
