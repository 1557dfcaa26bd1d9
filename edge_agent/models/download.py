"""Fetches a model from the hub: resumed after cuts, checked against the hub's sha256, never half there."""

from __future__ import annotations

import concurrent.futures
import contextlib
import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from edge_agent.errors import Cancelled, DownloadError, ModelFileError
from edge_agent.models.catalogue import MEGABYTE
from edge_agent.models.gguf_header import read_header
from edge_agent.models.source import HubFile
from edge_agent.models.store import ModelStore, StoredModel, sha256_of

if TYPE_CHECKING:
    from edge_agent.models.hub import Offer

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Called with (bytes that are here, bytes in all), a few times a second, from the thread that downloads."""

FIRST_CONTACT_S = 12.0  # whatever DNS and a dozen addresses that do not answer would take
FREE_MARGIN_BYTES = 200 * MEGABYTE
PROGRESS_INTERVAL_S = 0.2
RETRY_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)  # after cuts in a row that brought nothing new
STOP_POLL_S = 0.1


def pull(
    wanted: HubFile, store: ModelStore, on_progress: Progress | None = None, stop: threading.Event | None = None
) -> StoredModel:
    """Have the file in the store, as the hub has it now. Blocks, for minutes; continues what an earlier call began.

    Raises DownloadError (network, hub, disk, hash), ModelFileError when it is no model that can be loaded, and
    Cancelled soon after `stop` is set, whatever the network does.
    """
    stop = stop or threading.Event()
    return _interruptible(_Pull(wanted, store, on_progress, stop).run, stop)


def _interruptible(call: Callable[[], T], stop: threading.Event, timeout_s: float | None = None) -> T:
    """The call's result, from a thread that is left behind on `stop` (Cancelled) or when time is up (TimeoutError)."""
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name="model-download", daemon=True).start()
    give_up_at = time.monotonic() + timeout_s if timeout_s is not None else None
    while not concurrent.futures.wait([outcome], timeout=STOP_POLL_S).done:
        _raise_if_stopped(stop)
        if give_up_at is not None and time.monotonic() > give_up_at:
            raise TimeoutError
    return outcome.result()


def _raise_if_stopped(stop: threading.Event) -> None:
    if stop.is_set():
        raise Cancelled("The download was stopped. It goes on from here the next time.")


class _Pull:
    """One download."""

    def __init__(self, wanted: HubFile, store: ModelStore, on_progress: Progress | None, stop: threading.Event) -> None:
        self._wanted, self._store, self._on_progress, self._stop = wanted, store, on_progress, stop
        self._told_at = 0.0

    def run(self) -> StoredModel:
        with _disk_problems(self._store.folder):
            offer = self._first_contact()
            with self._store.locked(self._stop):
                return self._have(offer)

    def _first_contact(self) -> Offer:
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when huggingface_hub is imported
        from edge_agent.models import hub

        try:
            return _interruptible(lambda: hub.ask(self._wanted), self._stop, FIRST_CONTACT_S)
        except TimeoutError:
            raise DownloadError(
                f"The hub did not answer within {FIRST_CONTACT_S:.0f} s. Check this computer's network and try again."
            ) from None

    def _have(self, offer: Offer) -> StoredModel:
        stored = self._record_of(offer)
        here = self._store.find(HubFile(self._wanted.repository, self._wanted.file))
        if here is not None and here.sha256 == offer.sha256:
            self._store.record(stored)
            return stored
        part = self._store.part_path(self._wanted, offer.sha256)
        part.parent.mkdir(parents=True, exist_ok=True)
        self._store.discard_other_parts(self._wanted, keep=part)
        self._fetch(offer, part)
        self._check(offer, part)
        self._store.add(stored, part)
        return stored

    def _record_of(self, offer: Offer) -> StoredModel:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        wanted = self._wanted
        return StoredModel(
            wanted.repository, wanted.file, wanted.revision, offer.commit, offer.sha256, offer.size_bytes, now
        )

    def _fetch(self, offer: Offer, part: Path) -> None:
        """Raises DownloadError once the connection broke several times without bringing anything."""
        from edge_agent.models.hub import ConnectionBrokenError

        _check_room(part, offer.size_bytes)
        breaks = 0
        while (done := _size(part)) < offer.size_bytes:
            try:
                self._append(offer, part)
            except ConnectionBrokenError as error:
                breaks = 0 if _size(part) > done else breaks + 1
                if breaks >= len(RETRY_PAUSES_S):
                    raise DownloadError(_gave_up(_size(part), offer.size_bytes, error)) from error
                self._stop.wait(RETRY_PAUSES_S[breaks])
                _raise_if_stopped(self._stop)

    def _append(self, offer: Offer, part: Path) -> None:
        from edge_agent.models.hub import ConnectionBrokenError, body

        with body(offer, _size(part)) as (start, pieces), part.open("ab") as file, _removed_when_full(part):
            file.truncate(start)  # to nothing, where the server begins again
            for piece in pieces:
                _raise_if_stopped(self._stop)
                file.write(piece)
                if file.tell() > offer.size_bytes:
                    break  # more than was promised: the check refuses it, and it does not fill the disk until then
                self._tell(file.tell(), offer.size_bytes)
            file.flush()
            if file.tell() < offer.size_bytes:
                raise ConnectionBrokenError("the hub ended it early")
            os.fsync(file.fileno())

    def _tell(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._on_progress and (done == total or now - self._told_at >= PROGRESS_INTERVAL_S):
            self._told_at = now
            self._on_progress(done, total)

    def _check(self, offer: Offer, part: Path) -> None:
        """Whatever is wrong with it, it does not stay."""
        if _size(part) != offer.size_bytes or sha256_of(part, self._stop) != offer.sha256:
            part.unlink()
            raise DownloadError(
                f"{self._wanted.source} came damaged: its sha256 is not the hub's. It was removed; pull it again."
            )
        try:
            read_header(part)
        except ModelFileError as error:
            part.unlink()
            raise ModelFileError(
                f"{self._wanted.source} came as the hub has it, but it cannot be used: {error}"
            ) from error


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _check_room(part: Path, size_bytes: int) -> None:
    free, needed = shutil.disk_usage(part.parent).free, size_bytes - _size(part) + FREE_MARGIN_BYTES
    if free < needed:
        raise DownloadError(
            f"The disk has no room for it: {needed / MEGABYTE:.0f} MB are needed and {free / MEGABYTE:.0f} MB are free "
            f"in {part.parent}. Free some, remove a model with `edge-agent models remove`, or set agent.state_dir to "
            "another disk."
        )


def _gave_up(done: int, size_bytes: int, cause: Exception) -> str:
    return (
        f"The connection to the hub broke again and again ({cause}). {done / MEGABYTE:.0f} of "
        f"{size_bytes / MEGABYTE:.0f} MB are kept: pull it again when the network is better."
    )


@contextlib.contextmanager
def _removed_when_full(part: Path) -> Iterator[None]:
    """On a full disk nothing else of this computer works either: what came so far goes."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            part.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _disk_problems(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DownloadError(
                "The disk became full while the model came; what had come was removed. Free some space in "
                f"{folder} and pull it again."
            ) from error
        raise DownloadError(
            f"{error.filename or folder} cannot be used: {error.strerror}. Run this as the agent's user, or set "
            "agent.state_dir to a folder of yours."
        ) from error
