"""Jinja for foreign templates, with bounds on everything that they can make grow.

Jinja's immutable sandbox keeps a template from Python. What it leaves, time and memory, is bounded three ways: values
have a weight that no operation may exceed, and what could exceed it in one step is checked before; all
loops of one rendering share a number of rounds; and a timer ends what takes processor time all the same, such as a
regular expression that backtracks. The timer works in the main thread, where the event loop runs.
"""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import FrameType
from typing import Any

from jinja2 import Undefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context

from edge_agent.home.filters import (
    FUNCTIONS,
    HOME_ASSISTANT_FILTERS,
    JINJA_FILTERS,
    MOST_ROUNDS,
    check_format,
    format_text,
    is_number,
    regex_match,
    regex_search,
)
from edge_agent.home.templates import MOST_OUTPUT_CHARACTERS, TemplateProblem, written_as
from edge_agent.home.weights import MOST_BITS, allow, checked, weigh

COMPILE_S, RENDER_S = 0.5, 0.2  # of processor time; Jinja compiles a page in 30 ms on a small board
MOST_NODES = 2000
MOST_STRIKES = 3
_TICK_S = 0.02

_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.With,
    nodes.Expr, nodes.Helper, nodes.EvalContextModifier, nodes.Scope,
)  # fmt: skip
_STRING_METHODS = """
lower upper title capitalize casefold swapcase strip lstrip rstrip split rsplit splitlines partition rpartition
startswith endswith removeprefix removesuffix find rfind index rindex count isdigit isnumeric isdecimal isalpha isalnum
isspace islower isupper replace join format ljust rjust center zfill
"""
_METHODS: tuple[tuple[type | tuple[type, ...], frozenset[str]], ...] = (
    (str, frozenset(_STRING_METHODS.split())),
    (dict, frozenset({"items", "keys", "values", "get"})),
    ((list, tuple), frozenset({"index", "count"})),
    ((int, float), frozenset({"is_integer", "bit_length"})),
    (datetime, frozenset({"isoformat", "strftime", "timestamp", "date", "time", "weekday", "isoweekday", "replace"})),
    (timedelta, frozenset({"total_seconds"})),
    (LoopContext, frozenset({"cycle", "changed"})),
)


class SandboxedProgram:
    """One template. Called with its variables it gives what it writes. Raises TemplateProblem."""

    def __init__(self, text: str, *, json_booleans: bool) -> None:
        self._environment = _environment(json_booleans)
        self._strikes = 0
        with _bounded(COMPILE_S):
            self._template = self._environment.from_string(text)

    def __call__(self, variables: Mapping[str, Any]) -> str:
        if self._strikes >= MOST_STRIKES:
            raise TemplateProblem("it took too long several times and is not run any more")
        self._environment.rounds_left = MOST_ROUNDS
        try:
            with _bounded(RENDER_S):
                return _joined(self._template.generate(variables))
        except _TooSlow:
            self._strikes += 1
            raise


def _joined(pieces: Iterable[str]) -> str:
    kept, characters = [], 0
    for piece in pieces:
        characters += len(piece)
        if characters > MOST_OUTPUT_CHARACTERS:
            raise TemplateProblem(f"it writes more than {MOST_OUTPUT_CHARACTERS} characters")
        kept.append(piece)
    return "".join(kept)


class _TooSlow(TemplateProblem):
    """It took more processor time than a template gets."""


class _TimeUp(BaseException):
    """From the timer. No `except Exception` of a filter swallows it."""


_timed = False  # whether a template runs under the timer now


def _ring(_: int, __: FrameType | None) -> None:
    if _timed:
        raise _TimeUp


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Bounds the processor time of what runs inside, and makes its errors TemplateProblems."""
    try:
        with _timer(seconds):
            yield
    except _TimeUp:
        raise _TooSlow(f"it takes more than {seconds:g} s") from None
    except TemplateProblem:
        raise
    except Exception as error:  # whatever a foreign template does wrong: it is run like any code
        raise TemplateProblem(f"{type(error).__name__}: {error}"[:200]) from error


@contextmanager
def _timer(seconds: float) -> Iterator[None]:
    """It rings again and again: an exception raised inside a destructor would be lost."""
    global _timed
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if signal.getsignal(signal.SIGVTALRM) is not _ring:
        signal.signal(signal.SIGVTALRM, _ring)
    _timed = True
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, _TICK_S)
    try:
        yield
    finally:
        _timed = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


class _Generator(CodeGenerator):
    """Every container and every concatenation is weighed when it is made."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        self.write("environment.concatenated(")
        for child in node.nodes:
            self.visit(child, frame)
            self.write(", ")
        self.write(")")

    def visit_List(self, node: nodes.List, frame: Frame) -> None:  # noqa: N802
        self._weighed(super().visit_List, node, frame)

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:  # noqa: N802
        self._weighed(super().visit_Dict, node, frame)

    def visit_Tuple(self, node: nodes.Tuple, frame: Frame) -> None:  # noqa: N802
        if node.ctx == "load":
            self._weighed(super().visit_Tuple, node, frame)
        else:
            super().visit_Tuple(node, frame)

    def _weighed(self, visit: Callable[[Any, Frame], None], node: nodes.Node, frame: Frame) -> None:
        self.write("environment.checked(")
        visit(node, frame)
        self.write(")")


class _Sandbox(ImmutableSandboxedEnvironment):
    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%"})
    checked = staticmethod(checked)
    rounds_left = MOST_ROUNDS

    def concatenated(self, *parts: Any) -> str:
        texts = [written_as(part, False) for part in parts]
        allow(sum(map(len, texts)))
        return "".join(texts)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator in ("*", "**"):
            _check_product(operator, left, right)
        elif operator == "%" and isinstance(left, str):
            return format_text(left, *(right if isinstance(right, tuple) else (right,)))
        elif operator == "+" and not isinstance(left, int | float):
            allow(weigh(left) + weigh(right))
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, callee: Any, /, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(callee, Undefined) and callee not in self._functions:
            _check_method(callee, args, kwargs)
        return checked(super().call(context, callee, *map(checked, args), **kwargs))

    @functools.cached_property
    def _functions(self) -> frozenset[Any]:
        return frozenset(value for value in self.globals.values() if callable(value))

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        parsed = super()._parse(source, name, filename)
        _refuse_nodes(parsed)
        for loop in parsed.find_all(nodes.For):
            loop.iter = nodes.Call(nodes.Name("__rounds", "load"), [loop.iter], [], None, None, lineno=loop.lineno)
        return parsed

    def rounds(self, iterable: Iterable[Any]) -> Iterator[Any]:
        """What a loop runs over, counted."""
        for item in iterable:
            self.rounds_left -= 1
            if self.rounds_left < 0:
                raise TemplateProblem(f"its loops take more than {MOST_ROUNDS} rounds")
            yield item


def _refuse_nodes(parsed: nodes.Template) -> None:
    """Only what values need: no macros, blocks, imports or loops that call themselves."""
    count = 0
    for node in parsed.find_all(nodes.Node):
        count += 1
        refused = not isinstance(node, _NODES) or (isinstance(node, nodes.For) and node.recursive)
        if refused or (isinstance(node, nodes.Name) and node.name.startswith("__")):
            raise TemplateProblem(f"a template of a device may not use {type(node).__name__.lower()}")
    if count > MOST_NODES:
        raise TemplateProblem("it is too long")


def _check_product(operator: str, left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
        if bits > MOST_BITS:
            raise TemplateProblem("a number is too large")
    elif not isinstance(left, int | float | Undefined) or not isinstance(right, int | float | Undefined):
        times = max((side for side in (left, right) if isinstance(side, int)), default=0)
        allow(times * sum(weigh(side) for side in (left, right) if not isinstance(side, int)))


def _check_method(callee: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    wrapped = getattr(callee, "__wrapped__", callee)  # Jinja wraps str.format
    owner, name = getattr(wrapped, "__self__", None), getattr(wrapped, "__name__", "")
    if not any(isinstance(owner, kind) and name in names for kind, names in _METHODS):
        raise SecurityError(f"{name or 'this'} can't be called")
    if not isinstance(owner, str):
        return
    if name == "format":
        check_format(owner, owner.count("{"), (*args, *kwargs.values()))
    elif name == "replace" and len(args) >= 2:
        allow(len(owner) + owner.count(str(args[0])) * len(str(args[1])))
    elif name == "join" and args:
        allow(weigh(checked(args[0])) * (1 + len(owner)))
    elif name in ("ljust", "rjust", "center", "zfill") and not (args and isinstance(args[0], int) and args[0] <= 1000):
        raise TemplateProblem("it fills up too far")


def _bounded_filter(name: str, filter_: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(filter_)
    def bounded(*args: Any, **kwargs: Any) -> Any:
        given = [checked(arg) for arg in args]
        if name == "join":  # (context, values, separator)
            separators = (*given[2:3], kwargs.get("d", ""))
            allow(sum(map(weigh, given[1:2])) * (1 + sum(len(str(separator)) for separator in separators)))
        return checked(filter_(*given, **kwargs))

    return bounded


@functools.cache
def _environment(json_booleans: bool) -> _Sandbox:
    @pass_context  # so that Jinja computes nothing while it compiles
    def finalize(_: Context, value: Any) -> str:
        return written_as(value, json_booleans)

    environment = _Sandbox(optimized=False, finalize=finalize, cache_size=0)
    known = {**{name: FILTERS[name] for name in JINJA_FILTERS}, **HOME_ASSISTANT_FILTERS}
    environment.filters = {name: _bounded_filter(name, filter_) for name, filter_ in known.items()}
    environment.tests |= {"match": regex_match, "search": regex_search, "is_number": is_number}
    environment.globals = {**FUNCTIONS, "__rounds": environment.rounds}
    return environment
