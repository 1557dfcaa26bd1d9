"""Stopping llama.cpp in the middle of a decode."""

from __future__ import annotations

import ctypes


class Abort:
    """A flag that llama.cpp looks at between the nodes of a graph, some thousand times a token.

    A Python callback would cost a tenth of the speed. C's `strlen` is a callback too: of this flag it is 0 while it is
    down and 1 once it is up, which is what llama.cpp takes for false and true. It works on CPU only; elsewhere a cancel
    takes effect behind the piece that is being decoded.
    """

    def __init__(self) -> None:
        self._flag = ctypes.create_string_buffer(2)
        self.callback = ctypes.CDLL(None).strlen
        self.callback_argument = ctypes.cast(self._flag, ctypes.c_void_p)

    @property
    def is_up(self) -> bool:
        return self._flag[0] != b"\0"

    def put_up(self) -> None:
        self._flag[0] = b"\1"

    def take_down(self) -> None:
        self._flag[0] = b"\0"
