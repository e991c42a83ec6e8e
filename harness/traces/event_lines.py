"""One event as one JSON object.

The object has the key "event", the class of reference_model.events in kebab
case ("table-free"), "pe", the number of the PE that does it, and a key for each
further field of that class.  A field that has its default may be left out.
Values of registers and descriptors and physical addresses are written in
hexadecimal, as strings; a number is accepted too.

The place that an event comes from is the object "origin": "file", "line",
"column", "function", "in_patch" and "stack", the calls around it, innermost
first, each a list of function, file, line and column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from enum import Enum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from harness.traces.limits import MAX_REPEAT, MAX_SIZE, WORD
from reference_model import events
from reference_model.coordinates import Coord, Frame, Origin
from reference_model.events import Event, Repeat, Store, Zero

__all__ = [
    "CLASSES",
    "WIDE_FIELDS",
    "Malformed",
    "check_event",
    "decode_event",
    "encode_event",
    "number",
    "tag_of",
]

WIDE_FIELDS = {"pa", "value", "operand", "va", "ipa", "root"}

CLASSES: dict[str, type[Event]] = {}
_FIELDS: dict[type[Event], tuple[_Field, ...]] = {}


class Malformed(Exception):  # noqa: N818 - says what is wrong, the reader where
    """An object that describes no event."""


def tag_of(cls: type[Event]) -> str:
    """Return the name of an event class in a file."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()


def number(value: object, what: str, limit: int = WORD) -> int:
    """Return a number below ``limit``, given as such or in hexadecimal."""
    if isinstance(value, str):
        text = value
        try:
            value = int(text, 16)
        except ValueError:
            raise Malformed(
                f"'{what}' is '{text[:24]}': write a number like \"0x1000\""
            ) from None
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(f"'{what}' must be a number")
    if not 0 <= value < limit:
        raise Malformed(f"'{what}' is {value:#x}: must be below {limit:#x}")
    return value


# ------------------------------------------------------------------- fields

_Decode = Callable[[object, str], Any]
_Encode = Callable[[Any], object]


def _decimal(value: object, what: str) -> int:
    return number(value, what)


def _flag(value: object, what: str) -> bool:
    if not isinstance(value, bool):
        raise Malformed(f"'{what}' must be true or false")
    return value


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise Malformed(f"'{what}' must be a string")
    return value


def _member(kind: type[Enum]) -> _Decode:
    members = {member.value: member for member in kind}

    def decode(value: object, what: str) -> Enum:
        found = members.get(value) if isinstance(value, str) else None
        if found is None:
            known = ", ".join(f'"{name}"' for name in members)
            raise Malformed(f"'{what}' must be one of {known}")
        return found

    return decode


def _list(inner: _Decode) -> _Decode:
    def decode(value: object, what: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Malformed(f"'{what}' must be a list")
        return tuple(inner(item, f"{what}[{n}]") for n, item in enumerate(value))

    return decode


def _optional(inner: _Decode) -> _Decode:
    return lambda value, what: None if value is None else inner(value, what)


def _event(value: object, what: str) -> Event:
    if not isinstance(value, dict):
        raise Malformed(f"'{what}' must be an object")
    return decode_event(value)


def _decoder(kind: object) -> _Decode:
    """Return what reads a value of an annotated type."""
    if isinstance(kind, UnionType):
        (inner,) = (arg for arg in get_args(kind) if arg is not type(None))
        return _optional(_decoder(inner))
    if get_origin(kind) is tuple:
        return _list(_decoder(get_args(kind)[0]))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _member(kind)
    plain: dict[object, _Decode] = {
        bool: _flag,
        int: _decimal,
        str: _text,
        Event: _event,
    }
    return plain[kind]


def _encoder(name: str, kind: object) -> _Encode:
    if isinstance(kind, UnionType):
        (inner,) = (arg for arg in get_args(kind) if arg is not type(None))
        encode = _encoder(name, inner)
        return lambda value: None if value is None else encode(value)
    if get_origin(kind) is tuple:
        encode = _encoder(name, get_args(kind)[0])
        return lambda value: [encode(item) for item in value]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda value: value.value
    if kind is Event:
        return encode_event
    if kind is int and name in WIDE_FIELDS:
        return hex
    return lambda value: value


class _Field:
    """One field of an event class: how to read and to write it."""

    __slots__ = ("decode", "default", "encode", "name")

    def __init__(self, name: str, kind: object, default: object) -> None:
        self.name = name
        self.default = default
        self.decode = _decoder(kind)
        self.encode = _encoder(name, kind)


def _fields(cls: type[Event]) -> tuple[_Field, ...]:
    hints = get_type_hints(cls)
    return tuple(
        _Field(f.name, hints[f.name], f.default)
        for f in fields(cls)
        if f.name != "origin"
    )


# ------------------------------------------------------------------- events


def encode_event(event: Event) -> dict[str, object]:
    """Return an event as a plain object."""
    data: dict[str, object] = {"event": tag_of(type(event))}
    for field in _FIELDS[type(event)]:
        value = getattr(event, field.name)
        if field.default is MISSING or value != field.default:
            data[field.name] = field.encode(value)
    if event.origin is not None:
        data["origin"] = _encode_origin(event.origin)
    return data


def decode_event(data: Mapping[str, object]) -> Event:
    """Return the event that an object describes; raises Malformed."""
    tag = data.get("event")
    cls = CLASSES.get(tag) if isinstance(tag, str) else None
    if cls is None:
        given = "no 'event'" if tag is None else f"'event' is {tag!r}"
        raise Malformed(f"{given}: must be one of {', '.join(CLASSES)}")
    values: dict[str, Any] = {}
    for field in _FIELDS[cls]:
        if field.name in data:
            values[field.name] = field.decode(data[field.name], field.name)
        elif field.default is MISSING:
            raise Malformed(f"'{tag}' needs '{field.name}'")
    if "origin" in data:
        values["origin"] = _decode_origin(data["origin"])
    if len(values) + 1 != len(data):
        unknown = next(key for key in data if key not in values and key != "event")
        raise Malformed(f"'{tag}' has no '{unknown}'")
    event = cls(**values)
    check_event(event)
    return event


def check_event(event: Event) -> None:
    """Refuse what the machine would misread."""
    if isinstance(event, (Store, Zero)) and event.pa % 8:
        raise Malformed(f"'pa' is {event.pa:#x}: must be a multiple of 8")
    if getattr(event, "size", 0) > MAX_SIZE:
        raise Malformed(f"'size' is more than {MAX_SIZE:#x} bytes")
    if isinstance(event, Repeat):
        if len(event.strides) != len(event.body):
            raise Malformed("'strides' must hold one number for each event of 'body'")
        if event.count > MAX_REPEAT:
            raise Malformed(f"'count' is {event.count}: at most {MAX_REPEAT}")
        for inner in event.body:
            if isinstance(inner, Repeat) or inner.pe != event.pe:
                raise Malformed("'body' must hold single events of the same 'pe'")


# ------------------------------------------------------------------- origins


def _encode_origin(origin: Origin) -> dict[str, object]:
    data: dict[str, object] = {"file": origin.coord.file, "line": origin.coord.line}
    if origin.coord.column:
        data["column"] = origin.coord.column
    if origin.function:
        data["function"] = origin.function
    if origin.in_patch:
        data["in_patch"] = True
    if origin.stack:
        data["stack"] = [[f.function, *f.call] for f in origin.stack]
    return data


_ORIGIN_KEYS = {"file", "line", "column", "function", "in_patch", "stack"}


def _decode_origin(data: object) -> Origin:
    if not isinstance(data, dict):
        raise Malformed("'origin' must be an object")
    unknown = next((key for key in data if key not in _ORIGIN_KEYS), None)
    if unknown is not None:
        raise Malformed(f"'origin' has no '{unknown}'")
    if "file" not in data or "line" not in data:
        raise Malformed("'origin' needs 'file' and 'line'")
    stack = data.get("stack", [])
    if not isinstance(stack, list):
        raise Malformed("'stack' must be a list")
    return Origin(
        _coord(data["file"], data["line"], data.get("column", 0)),
        _text(data.get("function", ""), "function"),
        tuple(map(_frame, stack)),
        _flag(data.get("in_patch", False), "in_patch"),
    )


def _coord(file: object, line: object, column: object) -> Coord:
    return Coord(_text(file, "file"), number(line, "line"), number(column, "column"))


def _frame(data: object) -> Frame:
    if not isinstance(data, list) or len(data) != 4:
        raise Malformed("a call in 'stack' is a list: function, file, line, column")
    return Frame(_text(data[0], "function"), _coord(*data[1:]))


for _name in events.__all__:
    _class = getattr(events, _name)
    if isinstance(_class, type) and issubclass(_class, Event) and _class is not Event:
        CLASSES[tag_of(_class)] = _class
        _FIELDS[_class] = _fields(_class)
