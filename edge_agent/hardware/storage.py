"""How fast a disk gives back a file."""

from __future__ import annotations

import mmap
import os
import time
from contextlib import suppress
from pathlib import Path

PIECE_BYTES = 4 * 2**20
MOST_BYTES = 128 * 2**20
LONGEST_S = 2.0


def read_bytes_s(path: Path) -> float | None:
    """Bytes a second of a long read, past the memory that holds what was read before.

    None: this file system does not read past it, or the file can't be read. Takes at most two seconds.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_DIRECT)
    except OSError:
        return None
    try:
        with suppress(OSError):
            return _rate(file)
        return None
    finally:
        os.close(file)


def _rate(file: int) -> float | None:
    """O_DIRECT wants memory at the beginning of a page, which a map is."""
    done, began_s = 0, time.monotonic()
    with mmap.mmap(-1, PIECE_BYTES) as piece:
        while done < MOST_BYTES and time.monotonic() - began_s < LONGEST_S:
            read = os.preadv(file, [piece], done)
            done += read
            if read < PIECE_BYTES:
                break
    return done / max(time.monotonic() - began_s, 1e-6) if done >= PIECE_BYTES else None
