"""The downloaded models: files under `<state_dir>/models`, each with a record of where it came from beside it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from edge_agent.errors import Cancelled, ModelFileError
from edge_agent.models.gguf_header import GgufHeader, read_header
from edge_agent.models.source import HubFile

HASH_PIECE_BYTES = 1024 * 1024
LOCK_POLL_S = 0.2
SHORTEST_COMMIT = 7


@dataclass(frozen=True)
class StoredModel:
    """A model that is here. `revision`: as asked for; `commit`: what that was then; `downloaded_at`: UTC, ISO 8601."""

    repository: str
    file: str
    revision: str | None
    commit: str
    sha256: str
    size_bytes: int
    downloaded_at: str

    @property
    def hub_file(self) -> HubFile:
        return HubFile(self.repository, self.file)

    @property
    def name(self) -> str:
        return self.hub_file.name

    @property
    def source(self) -> str:
        return HubFile(self.repository, self.file, self.commit).source

    def is_called(self, name: str) -> bool:
        return name.casefold() == self.name.casefold() or name in (self.source, self.hub_file.source)

    def answers(self, wanted: HubFile) -> bool:
        """Whether this is what `wanted` asks for; a branch that has moved on meanwhile still is."""
        if (self.repository, self.file) != (wanted.repository, wanted.file):
            return False
        asked = wanted.revision
        is_commit = asked is not None and len(asked) >= SHORTEST_COMMIT and self.commit.startswith(asked)
        return asked is None or asked == self.revision or is_commit


_RECORD = TypeAdapter(StoredModel)


def sha256_of(path: Path, stop: threading.Event | None = None) -> str:
    """Hexadecimal. Raises Cancelled when `stop` is set meanwhile, OSError when the file cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(HASH_PIECE_BYTES):
            if stop is not None and stop.is_set():
                raise Cancelled("Checking the model was stopped.")
            digest.update(piece)
    return digest.hexdigest()


class ModelStore:
    """One folder a repository; `<file>` beside `<file>.json`, and `<file>.<sha256>.part` while it is coming."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def records(self) -> tuple[StoredModel, ...]:
        """What was downloaded, sorted by name, whatever has become of the files since."""
        records = (self._read(path) for path in self.folder.glob("*/*.json"))
        return tuple(sorted((stored for stored in records if stored), key=lambda stored: (stored.name, stored.source)))

    def models(self) -> tuple[StoredModel, ...]:
        """What is here and whole, by size."""
        return tuple(stored for stored in self.records() if self._is_whole(stored))

    def find(self, wanted: HubFile) -> StoredModel | None:
        """None where it is not here, not whole, or of another revision than the one asked for."""
        stored = self._read(_record_path(self._path(wanted)))
        return stored if stored and stored.answers(wanted) and self._is_whole(stored) else None

    def named(self, name: str) -> StoredModel:
        """A downloaded model by its name or its `hf:` source. Raises ModelFileError where there is none."""
        found = [stored for stored in self.records() if stored.is_called(name)]
        if len(found) == 1:
            return found[0]
        if found:
            sources = " or ".join(stored.source for stored in found)
            raise ModelFileError(f"{name} is downloaded from several repositories. Say which: {sources}.")
        here = ", ".join(stored.name for stored in self.records()) or "none"
        raise ModelFileError(f"{name} is not among the downloaded models ({here}).")

    def path(self, stored: StoredModel) -> Path:
        return self._path(stored.hub_file)

    def part_path(self, wanted: HubFile, sha256: str) -> Path:
        """Where a download grows; named by its hash, so that it is only continued with the same file's bytes."""
        path = self._path(wanted)
        return path.with_name(f"{path.name}.{sha256[:16]}.part")

    def discard_other_parts(self, wanted: HubFile, keep: Path) -> None:
        for part in self._parts(wanted):
            if part != keep:
                part.unlink(missing_ok=True)

    def add(self, stored: StoredModel, part: Path) -> None:
        """Take a finished download in. Whenever the power fails, the file is whole or taken as not here."""
        path = self.path(stored)
        self.record(stored)
        part.replace(path)
        _sync_folder(path.parent)

    def record(self, stored: StoredModel) -> None:
        path = _record_path(self.path(stored))
        temporary = path.with_name(f"{path.name}.new")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(asdict(stored), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)

    def verify(self, stored: StoredModel) -> GgufHeader:
        """Hash the whole file and check its header. Raises ModelFileError."""
        path = self.path(stored)
        header = read_header(path)
        if sha256_of(path) != stored.sha256:
            raise ModelFileError(
                f"{path} is not what was downloaded: its sha256 differs. Remove it with "
                f"`edge-agent models remove {stored.name}` and pull it again; if it happens again, check the disk."
            )
        return header

    def remove(self, wanted: HubFile) -> int:
        """Delete the file, its record, and what came of an unfinished download; returns the bytes that this frees.

        Raises ModelFileError where nothing of it is here, or this user may not.
        """
        path = self._path(wanted)
        files = [path, *self._parts(wanted)]
        freed = sum(file.stat().st_size for file in files if file.exists())
        if not freed and not _record_path(path).exists():
            raise ModelFileError(f"{wanted.name} is not downloaded: there is nothing to remove.")
        try:
            for file in (_record_path(path), *files):
                file.unlink(missing_ok=True)
        except OSError as error:
            raise ModelFileError(f"{path} cannot be removed: {error.strerror}. Try as the agent's user.") from error
        return freed

    @contextlib.contextmanager
    def locked(self, stop: threading.Event) -> Iterator[None]:
        """One download at a time, of all processes. Waits for its turn; raises Cancelled when `stop` is set."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            while not _try_lock(file.fileno()):
                if stop.wait(LOCK_POLL_S):
                    raise Cancelled("Waiting for another download was stopped.")
            yield

    def _path(self, wanted: HubFile) -> Path:
        return self.folder / wanted.repository.replace("/", "--") / wanted.file.replace("/", "--")

    def _parts(self, wanted: HubFile) -> list[Path]:
        path = self._path(wanted)
        return [part for part in path.parent.glob("*.part") if part.name.startswith(f"{path.name}.")]

    def _read(self, record: Path) -> StoredModel | None:
        """None for a record that is damaged, or that someone put where it does not belong."""
        with contextlib.suppress(OSError, ValidationError):
            stored = _RECORD.validate_json(record.read_bytes())
            if _record_path(self.path(stored)) == record:
                return stored
        return None

    def _is_whole(self, stored: StoredModel) -> bool:
        with contextlib.suppress(OSError):
            return self.path(stored).stat().st_size == stored.size_bytes
        return False


def _record_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
