"""Home Assistant's filters and functions, as its MQTT configurations use them (homeassistant/helpers/template)."""

from __future__ import annotations

import base64
import functools
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from jinja2 import Undefined
from jinja2.exceptions import UndefinedError
from jinja2.utils import Namespace

from edge_agent.home.templates import TemplateProblem
from edge_agent.home.weights import allow, collected, weigh

MOST_ROUNDS = 10_000  # of all loops in one rendering
_MOST_PATTERN = 1000  # characters


_NO_DEFAULT: Any = object()
_UNREADABLE = (ValueError, TypeError, OverflowError, UndefinedError)


def _or_default(name: str, value: Any, default: Any) -> Any:
    if default is _NO_DEFAULT:
        raise TemplateProblem(f"{name} can't read {str(value)[:40]!r}")
    return default


def _float(value: Any, default: Any = _NO_DEFAULT) -> Any:
    try:
        return float(value)
    except _UNREADABLE:
        return _or_default("float", value, default)


def _int(value: Any, default: Any = _NO_DEFAULT, base: int = 10) -> Any:
    try:
        if isinstance(value, str) and (base != 10 or len(value) > 100):
            return int(value[:100], base)
        return int(float(value)) if isinstance(value, str) and not value.strip().lstrip("+-").isdigit() else int(value)
    except _UNREADABLE:
        return _or_default("int", value, default)


def _bool(value: Any, default: Any = _NO_DEFAULT) -> Any:
    words = {"1": True, "true": True, "yes": True, "on": True, "enable": True,
             "0": False, "false": False, "no": False, "off": False, "disable": False}  # fmt: skip
    word = str(value).lower().strip()
    return words[word] if word in words else _or_default("bool", value, default)


def _round(value: Any, precision: int = 0, method: str = "common", default: Any = _NO_DEFAULT) -> Any:
    try:
        if not -12 <= precision <= 12:
            raise ValueError("precision")
        number, scale = float(value), 10.0**precision
        if method == "half":
            number = round(number * 2) / 2
        else:
            direction: Callable[[float], float] | None = {"ceil": math.ceil, "floor": math.floor}.get(method)
            number = direction(number * scale) / scale if direction else round(number, precision)
        return int(number) if precision == 0 else number
    except _UNREADABLE:
        return _or_default("round", value, default)


def _multiply(value: Any, amount: Any, default: Any = _NO_DEFAULT) -> Any:
    try:
        return float(value) * float(amount)
    except _UNREADABLE:
        return _or_default("multiply", value, default)


def _add(value: Any, amount: Any, default: Any = _NO_DEFAULT) -> Any:
    try:
        return float(value) + float(amount)
    except _UNREADABLE:
        return _or_default("add", value, default)


def _iif(value: Any, if_true: Any = True, if_false: Any = False, if_none: Any = _NO_DEFAULT) -> Any:
    if value is None and if_none is not _NO_DEFAULT:
        return if_none
    return if_true if value else if_false


def _is_defined(value: Any) -> Any:
    if isinstance(value, Undefined):
        raise UndefinedError("the payload does not hold what the template asks for")
    return value


def is_number(value: Any) -> bool:
    number = _float(value, None)
    return number is not None and math.isfinite(number)


def _to_json(value: Any, ensure_ascii: bool = False, pretty_print: bool = False, sort_keys: bool = False) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=2 if pretty_print else None, sort_keys=sort_keys, allow_nan=False
    )


def _from_json(value: Any, default: Any = _NO_DEFAULT) -> Any:
    try:
        return json.loads(str(value))
    except ValueError:
        return _or_default("from_json", value, default)


def _pattern(find: Any, ignorecase: bool) -> re.Pattern[str]:
    if len(str(find)) > _MOST_PATTERN:
        raise TemplateProblem("a pattern is too long")
    return re.compile(str(find), re.IGNORECASE if ignorecase else 0)


def regex_match(value: Any, find: Any = "", ignorecase: bool = False) -> bool:
    return _pattern(find, ignorecase).match(str(value)) is not None


def regex_search(value: Any, find: Any = "", ignorecase: bool = False) -> bool:
    return _pattern(find, ignorecase).search(str(value)) is not None


def _regex_replace(value: Any = "", find: Any = "", replace: Any = "", ignorecase: bool = False) -> str:
    written = 0

    def replacement(match: re.Match[str]) -> str:
        nonlocal written
        groups = max((len(group or "") for group in (match[0], *match.groups())), default=0)
        written += len(template) * (1 + (groups if "\\" in template else 0))
        allow(written)
        return match.expand(template)

    template = str(replace)
    return _pattern(find, ignorecase).sub(replacement, str(value))


def _regex_findall(value: Any, find: Any = "", ignorecase: bool = False) -> list[Any]:
    def groups(match: re.Match[str]) -> Any:
        found = match.groups("")
        return match[0] if not found else found[0] if len(found) == 1 else found

    return collected(map(groups, _pattern(find, ignorecase).finditer(str(value))))


def _regex_findall_index(value: Any, find: Any = "", index: int = 0, ignorecase: bool = False) -> Any:
    return _regex_findall(value, find, ignorecase)[index]


def _as_datetime(value: Any, default: Any = _NO_DEFAULT) -> Any:
    try:
        if isinstance(value, datetime):
            return value
        if is_number(value):
            return datetime.fromtimestamp(float(value), UTC)
        return datetime.fromisoformat(str(value))
    except (*_UNREADABLE, OSError):
        return _or_default("as_datetime", value, default)


def _as_timestamp(value: Any, default: Any = _NO_DEFAULT) -> Any:
    moment = _as_datetime(value, None)
    return _or_default("as_timestamp", value, default) if moment is None else moment.timestamp()


def _timestamp_custom(
    value: Any, date_format: str = "%Y-%m-%d %H:%M:%S", local: bool = True, default: Any = _NO_DEFAULT
) -> Any:
    try:
        moment = datetime.fromtimestamp(float(value), UTC)
        return (moment.astimezone() if local else moment).strftime(date_format[:200])
    except (*_UNREADABLE, OSError):
        return _or_default("timestamp_custom", value, default)


def _timestamp_iso(value: Any, default: Any = _NO_DEFAULT, *, local: bool) -> Any:
    try:
        moment = datetime.fromtimestamp(float(value), UTC)
        return (moment.astimezone() if local else moment).isoformat()
    except (*_UNREADABLE, OSError):
        return _or_default("timestamp", value, default)


def _strptime(value: Any, date_format: str, default: Any = _NO_DEFAULT) -> Any:
    try:
        return datetime.strptime(str(value)[:200], date_format[:200])
    except _UNREADABLE:
        return _or_default("strptime", value, default)


def _square_root(value: Any, default: Any = _NO_DEFAULT) -> Any:
    try:
        return math.sqrt(float(value))
    except _UNREADABLE:
        return _or_default("sqrt", value, default)


def _logarithm(value: Any, base: Any = math.e, default: Any = _NO_DEFAULT) -> Any:
    try:
        return math.log(float(value), float(base))
    except (*_UNREADABLE, ZeroDivisionError):
        return _or_default("log", value, default)


def _replace(value: Any, old: Any, new: Any, count: int = -1) -> str:
    text = str(value)
    allow(len(text) + text.count(str(old)) * len(str(new)))
    return text.replace(str(old), str(new), -1 if count is None else count)


def _slugify(value: Any, separator: str = "_") -> str:
    return re.sub(r"[^a-z0-9]+", str(separator)[:1], str(value).lower()).strip("_")


def bounded_range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MOST_ROUNDS:
        raise TemplateProblem("a range is too long")
    return numbers


def check_format(text: str, fields: int, values: Iterable[Any]) -> None:
    if re.search(r"\d{4,}|\*|\{[^{}]*\{", text):
        raise TemplateProblem("a width in a format is too large")
    allow(len(text) + fields * (1000 + max(map(weigh, values), default=0)))


def format_text(text: Any, *values: Any) -> str:
    text = str(text)
    check_format(text, text.count("%"), values)
    return str(text % (values[0] if len(values) == 1 and isinstance(values[0], dict) else values))


HOME_ASSISTANT_FILTERS: Mapping[str, Callable[..., Any]] = {
    "float": _float, "int": _int, "bool": _bool, "round": _round, "multiply": _multiply, "add": _add, "iif": _iif,
    "is_defined": _is_defined, "is_number": is_number, "tojson": _to_json, "to_json": _to_json,
    "from_json": _from_json, "regex_match": regex_match, "regex_search": regex_search,
    "regex_replace": _regex_replace, "regex_findall": _regex_findall, "regex_findall_index": _regex_findall_index,
    "as_datetime": _as_datetime, "as_timestamp": _as_timestamp, "timestamp_custom": _timestamp_custom,
    "timestamp_local": functools.partial(_timestamp_iso, local=True),
    "timestamp_utc": functools.partial(_timestamp_iso, local=False),
    "as_local": lambda moment: moment.astimezone(), "sqrt": _square_root, "log": _logarithm, "replace": _replace,
    "slugify": _slugify, "format": format_text, "ord": ord, "contains": lambda value, item: item in value,
    "bitwise_and": lambda value, other: int(value) & int(other),
    "bitwise_or": lambda value, other: int(value) | int(other),
    "bitwise_xor": lambda value, other: int(value) ^ int(other),
    "base64_encode": lambda value: base64.b64encode(str(value).encode()).decode(),
    "base64_decode": lambda value: base64.b64decode(str(value)).decode(),
}  # fmt: skip
JINJA_FILTERS = (
    "abs", "attr", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "items", "join", "last",
    "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort",
    "string", "sum", "title", "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
)  # fmt: skip
FUNCTIONS: Mapping[str, Any] = {
    "range": bounded_range, "namespace": Namespace, "dict": dict, "float": _float, "int": _int, "bool": _bool,
    "iif": _iif, "is_number": is_number, "max": max, "min": min, "as_timestamp": _as_timestamp,
    "as_datetime": _as_datetime,
    "strptime": _strptime, "timedelta": timedelta, "sqrt": _square_root, "log": _logarithm,
    "now": lambda: datetime.now().astimezone(), "utcnow": lambda: datetime.now(UTC), "pi": math.pi, "e": math.e,
}  # fmt: skip
