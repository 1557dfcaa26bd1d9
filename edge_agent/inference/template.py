"""Chat templates: the Jinja text that a model file brings, run so that it can do no harm.

A template is code from whoever made the file. It runs in Jinja's immutable sandbox, with a second of processor time and
a bounded amount of memory and output. It never sees what people wrote but stand-ins for it, so that what comes back is
known piece by piece to be the template's own text or somebody's words.
"""

from __future__ import annotations

import json
import re
import resource
import secrets
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from .protocol import ChatMessage

# TinyLlama's own form (Zephyr), for files without a template. `</s>` is the model's end token.
ZEPHYR = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + eos_token + '\n' }}"
    "{% endfor %}{{ '<|assistant|>\n' }}"
)
_TIME_S = 1.0
_MEMORY_BYTES = 256 * 2**20
_MOST_CHARACTERS = 200_000


class TemplateError(Exception):
    """The template can't be used; the message says why, without what people said."""


@dataclass(frozen=True)
class Segment:
    """A piece of a rendered prompt: the template's own text, or a message's."""

    text: str
    is_content: bool


class ChatTemplate:
    """One template, compiled. Raises TemplateError where that fails or takes too long."""

    def __init__(self, source: str, bos_text: str, eos_text: str) -> None:
        if len(source) > _MOST_CHARACTERS:
            raise TemplateError("it is too long")
        self._texts = {"bos_token": bos_text, "eos_token": eos_text}
        with _bounded():
            self._template = _environment().from_string(source)

    def render(self, messages: Sequence[ChatMessage]) -> list[Segment]:
        """The prompt for the next answer, in order. Raises TemplateError."""
        stand_ins = _StandIns()
        given = [{"role": message.role, "content": stand_ins.put(message.content)} for message in messages]
        with _bounded():
            pieces = self._template.generate(messages=given, add_generation_prompt=True, tools=None, **self._texts)
            rendered = _joined(pieces)
        return stand_ins.take(rendered)


class _StandIns:
    """Text that stands for a message's content while the template runs.

    The blanks around a content stay outside, so that a template's `trim` does what it would have done. Digits only:
    a template may change the case of what it is given.
    """

    def __init__(self) -> None:
        self._nonce = secrets.randbits(64)
        self._contents: list[str] = []

    def put(self, content: str) -> str:
        core = content.strip()
        if not core:
            return content
        self._contents.append(core)
        before, _, after = content.partition(core)
        return f"{before}\ue000{self._nonce}.{len(self._contents) - 1}\ue001{after}"

    def take(self, rendered: str) -> list[Segment]:
        parts = re.split(rf"\ue000{self._nonce}\.(\d+)\ue001", rendered)
        segments = [
            Segment(self._contents[int(part)], is_content=True) if index % 2 else Segment(part, is_content=False)
            for index, part in enumerate(parts)
        ]
        return [segment for segment in segments if segment.text]


class _Sandbox(ImmutableSandboxedEnvironment):
    """Without the arithmetic whose one step can take for ever: no timer interrupts a product of huge numbers."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        numbers = [side for side in (left, right) if isinstance(side, int)]
        if any(abs(number) > 2**32 for number in numbers) or (operator == "**" and right not in range(9)):
            raise SecurityError("a number is too large")
        return super().call_binop(context, operator, left, right)


def _environment() -> _Sandbox:
    environment = _Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.globals |= {"raise_exception": _raise_exception, "strftime_now": time.strftime}
    environment.filters["tojson"] = _to_json
    return environment


def _joined(pieces: Iterable[str]) -> str:
    kept, characters = [], 0
    for piece in pieces:
        characters += len(piece)
        if characters > _MOST_CHARACTERS:
            raise TemplateError("it writes too much")
        kept.append(piece)
    return "".join(kept)


def _raise_exception(message: object) -> NoReturn:
    raise TemplateError(f"it says: {message}"[:200])


def _to_json(value: Any, **_: Any) -> str:
    """As transformers does it, and other than Jinja: nothing is escaped for HTML."""
    return json.dumps(value, ensure_ascii=False)


@contextmanager
def _bounded() -> Iterator[None]:
    """Bounds the time and memory of what runs inside, in the main thread, and makes its errors TemplateErrors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    allowed = in_use + _MEMORY_BYTES
    previous = signal.signal(signal.SIGVTALRM, _too_slow)
    resource.setrlimit(resource.RLIMIT_AS, (allowed if soft == resource.RLIM_INFINITY else min(allowed, soft), hard))
    signal.setitimer(signal.ITIMER_VIRTUAL, _TIME_S)
    try:
        yield
    except TemplateError:
        raise
    except MemoryError:
        raise TemplateError("it takes too much memory") from None
    except Exception as error:  # whatever a foreign template does wrong: it is run like any code
        raise TemplateError(f"{type(error).__name__}: {error}"[:200]) from error
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGVTALRM, previous)


def _too_slow(_: int, __: FrameType | None) -> NoReturn:
    raise TemplateError("it takes too long")
