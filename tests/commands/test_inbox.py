"""The inbox on a real disk: what it keeps, and what it makes of a disk that does not keep its word."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edge_agent.commands.inbox import REDELIVERED_S, REMEMBERED_MOST, SCHEMA_VERSION, Inbox
from tests.commands.conftest import MakeEntry, fill


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "inbox.db"


async def ids(file: Path) -> list[str]:
    async with Inbox(file) as inbox:
        return [entry.id for entry in await inbox.entries()]


async def test_entries_survive_reopening_whole_and_in_order(file: Path, entry: MakeEntry) -> None:
    first = entry(
        "first",
        payload=b'{"text": "hi"}\x00\xff',
        response_topic="answers/ä",
        correlation_data=b"\x00\x01",
        expires_at=time.time() + 60,
        received_at=time.time() - 5,
    )
    second = entry("second")
    async with Inbox(file) as inbox:
        await inbox.add(second)
        await inbox.add(first)
    async with Inbox(file) as inbox:
        assert await inbox.entries() == [first, second]


async def test_an_answer_and_its_publication_survive_reopening(file: Path, entry: MakeEntry) -> None:
    async with Inbox(file) as inbox:
        for request_id in ("waits", "answered", "published"):
            await inbox.add(entry(request_id))
        for request_id in ("answered", "published"):
            await inbox.answer("edge-agent/pi/command", request_id, b"the reply")
        await inbox.published("edge-agent/pi/command", "published")
    async with Inbox(file) as inbox:
        kept = {entry.id: (entry.reply, entry.published) for entry in await inbox.entries()}
    assert kept == {"waits": (None, False), "answered": (b"the reply", False), "published": (b"the reply", True)}


async def test_the_same_id_on_two_topics_is_two_entries(file: Path, entry: MakeEntry) -> None:
    async with Inbox(file) as inbox:
        await inbox.add(entry("same"))
        await inbox.add(entry("same", topic="edge-agent/pi/command/attic"))
        await inbox.answer("edge-agent/pi/command/attic", "same", b"the reply")
        assert {entry.topic: entry.reply for entry in await inbox.entries()} == {
            "edge-agent/pi/command": None,
            "edge-agent/pi/command/attic": b"the reply",
        }


async def test_what_is_published_is_forgotten_after_its_time_and_what_waits_is_not(
    file: Path, entry: MakeEntry
) -> None:
    old = time.time() - REDELIVERED_S - 1
    async with Inbox(file) as inbox:
        await inbox.add(entry("waits", received_at=old))
        await inbox.add(entry("old", received_at=old, reply=b"the reply", published=True))
        await inbox.add(entry("new", reply=b"the reply"))
        assert [entry.id for entry in await inbox.entries()] == ["waits", "new"]
        await inbox.published("edge-agent/pi/command", "new")
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT count(*) FROM commands").fetchone() == (2,)


async def test_of_many_only_the_newest_published_are_kept(file: Path, entry: MakeEntry) -> None:
    async with Inbox(file) as inbox:
        await inbox.add(entry("waits", received_at=1.0))
        await inbox.add(entry("oldest", received_at=time.time() - 10))
    with sqlite3.connect(file) as database:
        database.executemany(
            "INSERT INTO commands SELECT topic, ?, packet_id, ?, expires_at, payload, NULL, NULL, payload, 1 "
            "FROM commands WHERE id = 'waits'",
            [(f"id{number}", time.time()) for number in range(REMEMBERED_MOST)],
        )
    async with Inbox(file) as inbox:
        await inbox.published("edge-agent/pi/command", "oldest")
        kept = {entry.id for entry in await inbox.entries()}
    assert len(kept) == REMEMBERED_MOST + 1
    assert "waits" in kept
    assert "oldest" not in kept


async def test_what_must_not_be_done_twice_is_on_the_disk_and_not_on_its_way(
    file: Path, entry: MakeEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def connect(*given: Any, **more: Any) -> sqlite3.Connection:
        database = sqlite3.Connection(*given, **more)
        database.set_trace_callback(said.append)
        return database

    monkeypatch.setattr("edge_agent.commands.inbox.sqlite3.connect", connect)
    async with Inbox(file) as inbox:
        await inbox.add(entry("acts", reply=b"interrupted"))
        await inbox.answer("edge-agent/pi/command", "acts", b"done")
    writes = [place for place, statement in enumerate(said) if statement.startswith(("INSERT", "UPDATE"))]
    assert len(writes) == 2
    for place in writes:
        assert next(one for one in reversed(said[:place]) if "synchronous" in one) == "PRAGMA synchronous = FULL"


WRITER = """
import asyncio, sys, time
from pathlib import Path
from edge_agent.commands.inbox import Entry, Inbox
async def write():
    async with Inbox(Path(sys.argv[1])) as inbox:
        await inbox.add(Entry("t", "kept", 1, time.time(), None, b"hello"))
        print("written", flush=True)
        await asyncio.Event().wait()
asyncio.run(write())
"""


def test_what_was_added_survives_sigkill(file: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    assert asyncio.run(ids(file)) == ["kept"]


def set_aside(folder: Path) -> list[Path]:
    return list(folder.glob("inbox.db.damaged-*"))


@pytest.fixture
def no_database(file: Path) -> bytes:
    """What the file holds."""
    content = b"not a database" * 1000
    file.write_bytes(content)
    return content


async def test_a_file_that_is_no_database_is_set_aside_and_a_new_one_begun(
    file: Path, no_database: bytes, entry: MakeEntry, caplog: pytest.LogCaptureFixture
) -> None:
    async with Inbox(file) as inbox:
        assert await inbox.entries() == []
        await inbox.add(entry("new"))
    assert await ids(file) == ["new"]
    assert [path.read_bytes() for path in set_aside(file.parent)] == [no_database]
    assert "damaged" in caplog.text


async def test_a_file_of_a_newer_version_is_set_aside_as_it_is(file: Path, entry: MakeEntry) -> None:
    async with Inbox(file) as inbox:
        await inbox.add(entry("theirs"))
    with sqlite3.connect(file) as database:
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    assert await ids(file) == []
    (aside,) = set_aside(file.parent)
    with sqlite3.connect(aside) as database:
        assert database.execute("SELECT id FROM commands").fetchall() == [("theirs",)]


def damage(file: Path, chance: random.Random) -> None:
    """A byte, a sector or a page of it is something else."""
    content, length = bytearray(file.read_bytes()), chance.choice([1, 512, 4096])
    start = chance.randrange(len(content) - length)
    content[start : start + length] = chance.randbytes(length)
    file.write_bytes(content)


@pytest.mark.parametrize("seed", range(40))
async def test_damage_anywhere_never_keeps_it_from_opening(file: Path, entry: MakeEntry, seed: int) -> None:
    async with Inbox(file) as inbox:
        for number in range(20):
            await inbox.add(entry(f"id{number}", payload=b"x" * 700))
    damage(file, random.Random(seed))
    async with Inbox(file) as inbox:
        found = await inbox.entries()
        assert len(found) in (0, 20)
        assert len(set_aside(file.parent)) == (not found)
        await inbox.add(entry("new"))


async def test_a_disk_that_fills_up_refuses_an_entry_and_keeps_the_others(small_disk: Path, entry: MakeEntry) -> None:
    file = small_disk / "inbox.db"
    async with Inbox(file) as inbox:
        await inbox.add(entry("first"))
        filler = fill(small_disk)
        with pytest.raises(sqlite3.Error):
            await inbox.add(entry("second", payload=b"x" * 60_000))
        filler.unlink()
        await inbox.add(entry("third"))
    assert await ids(file) == ["first", "third"]


async def test_an_inbox_that_a_full_disk_keeps_shut_is_left_alone_and_opened_later(
    small_disk: Path, entry: MakeEntry, caplog: pytest.LogCaptureFixture
) -> None:
    file = small_disk / "inbox.db"
    async with Inbox(file) as inbox:
        await inbox.add(entry("earlier"))
    filler = fill(small_disk)
    async with Inbox(file) as inbox:
        assert await inbox.entries() == []
        assert "free some space" in caplog.text
        with pytest.raises(sqlite3.Error):
            await inbox.add(entry("now"))
        filler.unlink()
        await inbox.add(entry("later"))
    assert set_aside(small_disk) == []
    assert await ids(file) == ["earlier", "later"]


def make_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


async def test_a_read_only_disk_keeps_what_is_on_it(small_disk: Path, entry: MakeEntry) -> None:
    file = small_disk / "inbox.db"
    async with Inbox(file) as inbox:
        await inbox.add(entry("earlier"))
    make_read_only(small_disk)
    async with Inbox(file) as inbox:
        with pytest.raises(sqlite3.Error):
            await inbox.add(entry("now"))
    assert set_aside(small_disk) == []
