"""Home Assistant's templates in discovery and descriptors: what they say of a payload, or make of a wish.

A template is code from whoever can publish on the broker. Most only pick a field, `{{ value_json.battery }}`: those are
read here, without Jinja. The others run in `sandbox`, which is imported when the first of them comes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NoReturn, Protocol

MOST_TEMPLATE_CHARACTERS = 16_384
MOST_INPUT_CHARACTERS = 131_072
MOST_OUTPUT_CHARACTERS = 65_536
_COMPILED_MOST = 4096

_CHAIN = re.compile(
    r"""\s*([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[\s*(?:'[^'\\]*'|"[^"\\]*"|\d{1,6})\s*\])*)\s*(\|\s*is_defined\s*)?""",
    re.ASCII,
)
_STEP = re.compile(r"""\.([A-Za-z_]\w*)|\[\s*(?:'([^'\\]*)'|"([^"\\]*)"|(\d{1,6}))\s*\]""", re.ASCII)
_EXPRESSION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
# Names that mean something else than a variable in Jinja.
_NOT_VARIABLES = """
true True false False none None not now utcnow range dict namespace float int bool iif is_number max min as_timestamp
as_datetime timedelta strptime sqrt log pi e
"""


class TemplateProblem(ValueError):
    """The template can't be used, or says nothing for this payload; the message says why."""


class _Program(Protocol):
    def __call__(self, variables: Mapping[str, Any]) -> str: ...


class Template:
    """One template, compiled. Make it with `compile`: equal texts share one."""

    __slots__ = ("_program", "text")

    def __init__(self, text: str, program: _Program) -> None:
        self.text, self._program = text, program

    @staticmethod
    def compile(text: str, *, json_booleans: bool = False) -> Template:
        """`json_booleans`: true and false, not Home Assistant's True and False. Raises TemplateProblem."""
        return _compiled(text, json_booleans)

    def render(self, value: object = None, **variables: Any) -> str:
        """What it writes, without blanks around it. `value_json` is the value where that is text and JSON.

        Raises TemplateProblem, and nothing else.
        """
        if isinstance(value, str):
            if len(value) > MOST_INPUT_CHARACTERS:
                raise TemplateProblem(f"the payload has more than {MOST_INPUT_CHARACTERS} characters")
            parsed = _value_json(value)
            if parsed is not MISSING:
                variables["value_json"] = parsed
        if value is not None:
            variables["value"] = value
        written = self._program(variables).strip()
        if len(written) > MOST_OUTPUT_CHARACTERS:
            raise TemplateProblem(f"it writes more than {MOST_OUTPUT_CHARACTERS} characters")
        return written


@lru_cache(maxsize=_COMPILED_MOST)
def _compiled(text: str, json_booleans: bool) -> Template:
    if len(text) > MOST_TEMPLATE_CHARACTERS:
        raise TemplateProblem(f"it has more than {MOST_TEMPLATE_CHARACTERS} characters")
    program = _simple_program(text, json_booleans)
    if program is None:
        from edge_agent.home.sandbox import SandboxedProgram  # 6 MB: only where a config needs it

        program = SandboxedProgram(text, json_booleans=json_booleans)
    return Template(text, program)


class _Missing:
    """What a path leads to where there is nothing."""


MISSING = _Missing()
_last_parsed: tuple[str | None, Any] = (None, MISSING)


def _value_json(value: str) -> Any:
    """The JSON in it, or MISSING. The last one is kept: many entities read the same payload one after another."""
    global _last_parsed
    if _last_parsed[0] is not value:
        _last_parsed = (value, _parsed(value))
    return _last_parsed[1]


def _parsed(value: str) -> Any:
    try:
        return json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return MISSING


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def written_as(value: object, json_booleans: bool) -> str:
    """A value as a template writes it."""
    if json_booleans and isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _simple_program(text: str, json_booleans: bool) -> _Program | None:
    """Of plain text and paths such as `value_json.a["b"]`; None where it takes Jinja."""
    if "{%" in text or "{#" in text:
        return None
    plain_and_expressions = _EXPRESSION.split(text)
    if any("{{" in plain for plain in plain_and_expressions[::2]):
        return None
    pieces: list[str | Callable[[Mapping[str, Any]], Any]] = []
    for index, piece in enumerate(plain_and_expressions):
        path = _path(piece) if index % 2 else piece
        if path is None:
            return None
        if path != "":
            pieces.append(path)
    return _joined(pieces, json_booleans)


def _joined(pieces: list[str | Callable[[Mapping[str, Any]], Any]], json_booleans: bool) -> _Program:
    def program(variables: Mapping[str, Any]) -> str:
        return "".join(
            piece if isinstance(piece, str) else written_as(piece(variables), json_booleans) for piece in pieces
        )

    return program


def _path(expression: str) -> Callable[[Mapping[str, Any]], Any] | None:
    """Reads what a path leads to; None where the expression is more than a path."""
    found = _CHAIN.fullmatch(expression)
    if found is None or found.group(1) in _NOT_VARIABLES.split():
        return None
    name, required = found.group(1), found.group(3) is not None
    steps = [
        int(index) if index else attribute or single or double
        for attribute, single, double, index in _STEP.findall(found.group(2))
    ]
    return _Path(name, steps, required)


class _Path:
    """A variable and the way into it."""

    __slots__ = ("_name", "_required", "_steps")

    def __init__(self, name: str, steps: list[str | int], required: bool) -> None:
        self._name, self._steps, self._required = name, steps, required

    def __call__(self, variables: Mapping[str, Any]) -> Any:
        here = variables.get(self._name, MISSING)
        for step in self._steps:
            if here is MISSING:
                raise TemplateProblem(f"{self._name} holds nothing at {step!r}: the payload does not fit the template")
            here = _inside(here, step)
        if here is not MISSING:
            return here
        if self._required:
            raise TemplateProblem(f"{self._name} does not hold what the template asks for")
        return ""


def _inside(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(step, MISSING)
    if isinstance(value, list | tuple | str) and isinstance(step, int) and step < len(value):
        return value[step]
    return MISSING
