"""Read a saved JSON report, and trust nothing in it.

What is read has to have the fields of the contract with their types; fields that
are not known are left alone.  A file is read up to a limit.
"""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, cast, get_args, get_origin, get_type_hints, is_typeddict

import harness
from harness.errors import ReportError
from harness.model_version import model_version
from harness.report import contract

__all__ = ["LIMIT", "parsed", "read_report"]

LIMIT = 1 << 28  # bytes of a file

_NAMES: dict[object, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
}


def read_report(path: Path) -> contract.Report:
    """Read a file; raises ReportError where it is not a report of the harness."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ReportError(f"cannot read '{path}': {why}") from error
    if len(data) > LIMIT:
        raise ReportError(f"'{path}' is larger than {LIMIT >> 20} MiB")
    return parsed(data, str(path))


def parsed(data: bytes, name: str) -> contract.Report:
    """Return a report; ``name`` is that of its file."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ReportError(
            f"'{name}' is no result of 'harness check --format json': no JSON"
        ) from error
    tool = value.get("tool") if isinstance(value, dict) else None
    if not isinstance(tool, dict) or tool.get("name") != "harness":
        raise ReportError(
            f"'{name}' is no result of 'harness check --format json': it does not say "
            "that harness made it"
        )
    made = (tool.get("version"), tool.get("model"))
    if made != (harness.__version__, model_version()):
        raise ReportError(
            f"'{name}' was made by harness {made[0]}, model {made[1]}; this one is "
            f"{harness.__version__}, model {model_version()}: run the check again"
        )
    wrong = _wrong(contract.Report, value, "")
    if wrong:
        raise ReportError(f"'{name}' is damaged: {wrong}")
    return cast(contract.Report, value)


def _wrong(kind: object, value: object, where: str) -> str:
    """Say what is wrong with a value; "" if it is of that type."""
    if get_origin(kind) is Annotated:
        plain, note = get_args(kind)
        if isinstance(note, type) and issubclass(note, Enum):
            if value not in [member.value for member in note]:
                return f"{where} is none of {', '.join(m.value for m in note)}"
            return ""
        return _wrong(plain, value, where)
    if isinstance(kind, type) and is_typeddict(kind):
        return _wrong_record(kind, value, where)
    if kind in _NAMES:
        # A truth value is a number to Python, not to anybody else.
        fits = type(value) is kind or (kind is float and type(value) is int)
        return "" if fits else f"{where} is not {_NAMES[kind]}"
    return _wrong_generic(kind, value, where)


def _wrong_record(kind: type, value: object, where: str) -> str:
    if not isinstance(value, dict):
        return f"{where} has no fields"
    for field, of in get_type_hints(kind, include_extras=True).items():
        if field not in value:
            return f"{where} has no field '{field}'".lstrip()
        wrong = _wrong(of, value[field], f"{where}.{field}".lstrip("."))
        if wrong:
            return wrong
    return ""


def _wrong_generic(kind: object, value: object, where: str) -> str:
    arguments = get_args(kind)
    origin = get_origin(kind)
    if origin is UnionType:
        each = [_wrong(one, value, where) for one in arguments]
        return "" if "" in each else each[0]
    if origin is list:
        if not isinstance(value, list):
            return f"{where} is not a list"
        items = ((f"{where}[{number}]", item) for number, item in enumerate(value))
        return next(filter(None, (_wrong(arguments[0], i, w) for w, i in items)), "")
    if origin is dict:
        if not isinstance(value, dict):
            return f"{where} has no fields"
        named = ((f"{where}.{name}", item) for name, item in value.items())
        return next(filter(None, (_wrong(arguments[1], i, w) for w, i in named)), "")
    raise TypeError(f"a report field cannot be of type {kind}")
