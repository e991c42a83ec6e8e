"""The JSON schema of the report, generated from its field types."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, get_args, get_origin, get_type_hints, is_typeddict

from harness.report import contract

__all__ = ["Schema", "schema", "schema_text"]

Schema = dict[str, object]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: dict[object, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    NoneType: "null",
}


def schema() -> Schema:
    """Return the schema of a report."""
    definitions: dict[str, Schema] = {}
    reference = _typed(contract.Report, definitions)
    return {
        "$schema": _DIALECT,
        "title": "harness report",
        **reference,
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }


def schema_text() -> str:
    """Return the schema as the text of a file."""
    return json.dumps(schema(), indent=2) + "\n"


def _typed(kind: object, definitions: dict[str, Schema]) -> Schema:
    if get_origin(kind) is Annotated:
        plain, note = get_args(kind)
        return _noted(_typed(plain, definitions), note)
    if isinstance(kind, type) and is_typeddict(kind):
        return _record(kind, definitions)
    if kind in _SCALARS:
        return {"type": _SCALARS[kind]}
    return _generic(kind, lambda inner: _typed(inner, definitions))


def _generic(kind: object, typed: Callable[[object], Schema]) -> Schema:
    arguments = get_args(kind)
    origin = get_origin(kind)
    if origin is list:
        return {"type": "array", "items": typed(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": typed(arguments[1])}
    if origin is UnionType:
        return {"anyOf": [typed(one) for one in arguments]}
    raise TypeError(f"a report field cannot be of type {kind}")


def _noted(typed: Schema, note: object) -> Schema:
    if isinstance(note, type) and issubclass(note, Enum):
        return {**typed, "enum": [member.value for member in note]}
    return {**typed, "description": note}


def _record(kind: type, definitions: dict[str, Schema]) -> Schema:
    """Define the record once and refer to it."""
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}  # taken, while its fields are being read
        fields = get_type_hints(kind, include_extras=True)
        definitions[name] = {
            "type": "object",
            "description": (kind.__doc__ or "").strip(),
            "properties": {
                field: _typed(of, definitions) for field, of in fields.items()
            },
            "required": list(fields),
            # A reader takes what it knows: fields may be added.
            "additionalProperties": True,
        }
    return {"$ref": f"#/$defs/{name}"}
