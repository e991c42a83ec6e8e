"""The JSON schema of a line of a trace file, from the event classes."""

from __future__ import annotations

from dataclasses import MISSING, fields
from enum import Enum
from types import UnionType
from typing import get_args, get_origin, get_type_hints

from harness.traces.event_lines import CLASSES
from harness.traces.header import FLAGS, FORMAT, VERSION
from harness.traces.limits import MAX_PES
from reference_model.events import Event

__all__ = ["schema"]

_NUMBER = {"$ref": "#/$defs/number"}
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_DEFS: dict[str, object] = {
    "number": {
        "description": "hexadecimal, below 2^64; an integer is accepted too",
        "anyOf": [
            {"type": "string", "pattern": "^(0x)?[0-9a-fA-F]+$"},
            {"type": "integer", "minimum": 0, "exclusiveMaximum": 1 << 64},
        ],
    },
    "origin": {
        "type": "object",
        "required": ["file", "line"],
        "additionalProperties": False,
        "properties": {
            "file": _TEXT,
            "line": _NUMBER,
            "column": _NUMBER,
            "function": _TEXT,
            "in_patch": {"type": "boolean"},
            "stack": {
                "description": "calls, innermost first: function, file, line, column",
                "type": "array",
                "items": {
                    "type": "array",
                    "prefixItems": [_TEXT, _TEXT, _NUMBER, _NUMBER],
                    "minItems": 4,
                    "maxItems": 4,
                },
            },
        },
    },
}


def schema() -> dict[str, object]:
    """Return the schema; a line is a header or an event."""
    events = [{"$ref": f"#/$defs/{tag}"} for tag in CLASSES]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "one line of a trace file of the harness",
        "description": "The first line is a header, every other one an event.",
        "anyOf": [{"$ref": "#/$defs/header"}, {"$ref": "#/$defs/event"}],
        "$defs": {
            **_DEFS,
            "header": _header(),
            "event": {"anyOf": events},
            **{tag: _event(tag, cls) for tag, cls in CLASSES.items()},
        },
    }


def _event(tag: str, cls: type[Event]) -> dict[str, object]:
    hints = get_type_hints(cls)
    listed = [f for f in fields(cls) if f.name != "origin"]
    return {
        "description": (cls.__doc__ or "").strip().split("\n\n")[0],
        "type": "object",
        "required": ["event", *(f.name for f in listed if f.default is MISSING)],
        "additionalProperties": False,
        "properties": {
            "event": {"const": tag},
            **{f.name: _type(hints[f.name]) for f in listed},
            "origin": {"$ref": "#/$defs/origin"},
        },
    }


def _type(kind: object) -> dict[str, object]:
    if isinstance(kind, UnionType):
        return {"anyOf": [_type(arg) for arg in get_args(kind)]}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _type(get_args(kind)[0])}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    plain: dict[object, dict[str, object]] = {
        bool: {"type": "boolean"},
        int: dict(_NUMBER),
        str: dict(_TEXT),
        type(None): {"type": "null"},
        Event: {"$ref": "#/$defs/event"},
    }
    return plain[kind]


def _header() -> dict[str, object]:
    iommu = {
        "type": "object",
        "required": ["vttbr", "vtcr"],
        "additionalProperties": False,
        "properties": {
            "vttbr": _NUMBER,
            "vtcr": _NUMBER,
            "coherent": {"type": "boolean"},
        },
    }
    run = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 4}
    registers = {"type": "object", "additionalProperties": _NUMBER}
    line = {"type": "array", "prefixItems": [_TEXT, _NUMBER], "maxItems": 2}
    return {
        "description": "where the trace starts",
        "type": "object",
        "required": ["format", "version", "pes"],
        "additionalProperties": False,
        "properties": {
            "format": {"const": FORMAT},
            "version": {"const": VERSION},
            "pes": {"type": "integer", "minimum": 1, "maximum": MAX_PES},
            "model": _TEXT,
            "profiles": _TEXTS,
            "assumptions": _TEXTS,
            "registers": {"type": "array", "items": registers},
            "memory": {"type": "array", "items": run},
            "inner": {"type": "array", "items": _NUMBER},
            "iommus": {"type": "array", "items": iommu},
            **{name: {"type": "boolean"} for name in FLAGS},
            "scenario": _TEXT,
            "patch": {
                "type": "object",
                "properties": {
                    "lines": {"type": "array", "items": line},
                    "functions": _TEXTS,
                },
            },
            "finding": {
                "type": "object",
                "properties": {"rule": _TEXT, "fingerprint": _TEXT},
            },
        },
    }
