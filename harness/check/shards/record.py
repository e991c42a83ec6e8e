"""Values of the analysis as plain data, to be passed on between machines.

What is read is trusted for nothing: each value has to be of the type that its
field is declared with.  Records are lists, in the order of their fields; those
that can be of several kinds, as events are, have the name of theirs in front.
"""

from __future__ import annotations

import base64
import json
import sys
import types
import zlib
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import TypeVar, cast, get_args, get_origin, get_type_hints

from harness.errors import ReportError

__all__ = ["packed", "plain", "read", "unpacked"]

_T = TypeVar("_T")
_LIMIT = 1 << 28  # bytes of what is unpacked
_SCALARS = (str, bool, int, float, types.NoneType)


def packed(value: object) -> str:
    """Return a value as text that fits into JSON."""
    text = json.dumps(plain(value), separators=(",", ":"))
    return base64.b85encode(zlib.compress(text.encode(), 6)).decode()


def unpacked(kind: type[_T], text: str) -> _T:
    """Return what was packed; raises ReportError where that is something else."""
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(base64.b85decode(text), _LIMIT)
        if unpacking.unconsumed_tail or not unpacking.eof:
            raise ReportError("it is cut short, or much too large")
        value = json.loads(data)
    except (ValueError, zlib.error, RecursionError) as error:
        raise ReportError("what it holds cannot be unpacked") from error
    return read(kind, value)


def plain(value: object) -> object:
    """Return a value as what JSON knows."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, bytes):
        return base64.b85encode(value).decode()
    if isinstance(value, dict):
        return [[plain(key), plain(item)] for key, item in value.items()]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=json.dumps)
    if isinstance(value, list | tuple):  # a named tuple as well
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        each = [plain(getattr(value, field.name)) for field in fields(value)]
        return [kind.__name__, *each] if kind.__name__ in _kinds(kind) else each
    raise TypeError(f"no plain data for {type(value).__name__}")


def read(kind: type[_T], data: object) -> _T:
    """Return a value of a type; raises ReportError where the data is of another."""
    return cast(_T, _read(kind, data))


def _read(kind: object, data: object) -> object:
    if kind is object:
        return _anything(data)
    if kind is bytes:
        return _bytes(data)
    if kind in _SCALARS:
        # A truth value is a number to Python, not to anybody else.
        if type(data) is kind or (kind is float and type(data) is int):
            return data
        raise _unexpected(kind, data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(data)
        except ValueError:
            raise _unexpected(kind, data) from None
    if get_origin(kind) is types.UnionType:
        return _union(kind, data)
    if not isinstance(data, list):
        raise _unexpected(kind, data)
    if isinstance(kind, type) and (kinds := _kinds(kind)):
        name, *data = data or [None]
        kind = kinds.get(name) if isinstance(name, str) else None
        if kind is None:
            raise ReportError(f"there is no '{str(name)[:40]}'")
    if record := _record(kind):
        make, members = record
        each = _each(members.values(), data, kind)
        return make(**dict(zip(members, each, strict=True)))
    return _collection(kind, data)


def _collection(kind: object, data: list[object]) -> object:
    arguments = get_args(kind)
    origin = get_origin(kind)
    if origin is tuple and arguments[-1] is not ...:
        return tuple(_each(arguments, data, kind))
    if origin is dict:
        pair = tuple[arguments[0], arguments[1]]  # type: ignore[valid-type]
        pairs = (_read(pair, item) for item in data)
        return dict(cast(Iterable[tuple[object, object]], pairs))
    if origin in (tuple, list, set, frozenset):
        return origin(_read(arguments[0], item) for item in data)
    raise TypeError(f"no way to read {kind}")


def _each(kinds: Iterable[object], data: list[object], kind: object) -> list[object]:
    wanted = tuple(kinds)
    if len(wanted) != len(data):
        raise _unexpected(kind, data)
    return [_read(one, item) for one, item in zip(wanted, data, strict=True)]


def _union(kind: object, data: object) -> object:
    for one in get_args(kind):
        try:
            return _read(one, data)
        except ReportError:
            continue
    raise _unexpected(kind, data)


@cache
def _record(
    kind: object,
) -> tuple[Callable[..., object], dict[str, object]] | None:
    """Return how a dataclass or a named tuple is made, and of which types."""
    hints = get_type_hints(kind) if isinstance(kind, type) else {}
    if isinstance(kind, type) and is_dataclass(kind):
        return kind, {field.name: hints[field.name] for field in fields(kind)}
    if isinstance(kind, type) and hasattr(kind, "_fields"):
        return kind, {name: hints[name] for name in kind._fields}
    return None


@cache
def _kinds(kind: type) -> dict[str, type]:
    """Return what a value of a dataclass can be, by name; nothing if only that."""
    below: list[type] = kind.__subclasses__()
    above = [base for base in kind.__mro__[1:] if is_dataclass(base)]
    if not is_dataclass(kind) or not (below or above):
        return {}
    found = {kind.__name__: kind}
    for each in below:
        # What a dataclass with slots was made from is left behind as well.
        if getattr(sys.modules[each.__module__], each.__name__, None) is each:
            found |= _kinds(each)
    return found


def _anything(data: object) -> object:
    if isinstance(data, list):
        return tuple(_anything(item) for item in data)
    if type(data) in _SCALARS:
        return data
    raise _unexpected(object, data)


def _bytes(data: object) -> bytes:
    if not isinstance(data, str):
        raise _unexpected(bytes, data)
    try:
        return base64.b85decode(data)
    except ValueError:
        raise _unexpected(bytes, data) from None


def _unexpected(kind: object, data: object) -> ReportError:
    name = getattr(kind, "__name__", str(kind))
    return ReportError(f"{type(data).__name__} where {name} should be")
