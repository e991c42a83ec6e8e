"""Sizes, alignments and member places of C types.

Answers questions about finished types: how large a type is, and at which byte
and bits of a record a member lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from harness.errors import TreeError
from harness.ir.nodes import BitField
from harness.ir.types import Array, CType, Function, Integer, Member, Pointer, Record

__all__ = [
    "Place",
    "align_of",
    "bits_of",
    "find_member",
    "offset_of",
    "round_up",
    "scalar_of",
    "size_of",
]

_STEP = re.compile(r"\.?([A-Za-z_$][\w$]*)|\[(\d+)\]")


class Place(NamedTuple):
    """Where a member lies: byte offset, its type, and its bits if a bit-field."""

    offset: int
    type: CType
    bits: BitField | None = None


def round_up(value: int, align: int) -> int:
    """Round ``value`` up to a multiple of ``align``."""
    return (value + align - 1) // align * align


def size_of(ctype: CType) -> int:
    """Return the size in bytes; raise TreeError for a type that has none."""
    if isinstance(ctype, Integer | Pointer):
        return ctype.size
    if isinstance(ctype, Array) and ctype.count is not None:
        return ctype.count * size_of(ctype.element)
    if isinstance(ctype, Record) and ctype.size is not None:
        return ctype.size
    raise TreeError(f"type '{ctype}' has no size here")


def align_of(ctype: CType) -> int:
    """Return the natural alignment in bytes (functions and void: 1)."""
    if isinstance(ctype, Integer | Pointer):
        return ctype.size
    if isinstance(ctype, Array):
        return align_of(ctype.element)
    if isinstance(ctype, Function):
        return 4  # size of an A64 or A32 instruction
    return ctype.align if isinstance(ctype, Record) else 1


def scalar_of(ctype: CType) -> Integer | Pointer | None:
    """Return the scalar that a value of this type is, if it is one.

    A struct whose only member is a scalar is that scalar.
    """
    if isinstance(ctype, Integer | Pointer):
        return ctype
    if not isinstance(ctype, Record) or ctype.kind != "struct":
        return None
    if len(ctype.members) != 1 or ctype.size is None:
        return None
    member = ctype.members[0]
    if member.bit_width is not None or member.offset:
        return None
    scalar = scalar_of(member.type)
    return scalar if scalar is not None and size_of(scalar) == ctype.size else None


def bits_of(record: Record, member: Member) -> Place:
    """Return the storage unit and bits of the bit-field ``member``.

    The unit is the declared type where that lies inside the record.  In a
    packed record it may not, and the smallest unit that does is taken.
    """
    assert member.bit_width is not None
    size = size_of(member.type)
    end = member.bit_offset + member.bit_width
    room = (record.size or 0) - member.offset
    if end <= 8 * size and (size <= room or record.kind == "union"):
        bits = BitField(size, member.bit_offset, member.bit_width)
        return Place(member.offset, member.type, bits)
    offset = member.offset + member.bit_offset // 8
    shift = member.bit_offset % 8
    bytes_needed = (shift + member.bit_width + 7) // 8
    for unit in (1, 2, 4, 8):
        if unit < bytes_needed:
            continue
        back = max(0, offset + unit - (record.size or 0))
        if back <= offset and 8 * back + shift + member.bit_width <= 8 * unit:
            bits = BitField(unit, 8 * back + shift, member.bit_width)
            return Place(offset - back, member.type, bits)
    # No such word lies inside: take the bytes that hold the field.
    bits = BitField(bytes_needed, shift, member.bit_width)
    return Place(offset, member.type, bits)


def find_member(record: Record, name: str) -> Place | None:
    """Find member ``name``, looking into anonymous members as C does."""
    for member in record.members:
        if member.name == name:
            if member.bit_width is not None:
                return bits_of(record, member)
            return Place(member.offset, member.type)
        if not member.name and isinstance(member.type, Record):
            inner = find_member(member.type, name)
            if inner is not None:
                return inner._replace(offset=inner.offset + member.offset)
    return None


def _steps(path: str) -> Iterator[str | int]:
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise TreeError(f"'{path}' is not a member path")
        yield match[1] if match[1] is not None else int(match[2])
        position = match.end()


def offset_of(record: CType, path: str) -> Place:
    """Follow a path such as ``arch.p2m.root`` or ``vcpu[3].lock``.

    Raise TreeError when a step does not exist: the tree declares the type
    otherwise than the caller expects.
    """
    place = Place(0, record)
    for step in _steps(path):
        here = place.type
        if isinstance(step, int):
            if not isinstance(here, Array):
                raise TreeError(f"'{here}' is no array in path '{path}'")
            offset = place.offset + step * size_of(here.element)
            place = Place(offset, here.element)
            continue
        inner = find_member(here, step) if isinstance(here, Record) else None
        if inner is None:
            raise TreeError(f"'{here}' has no member '{step}' (path '{path}')")
        place = inner._replace(offset=inner.offset + place.offset)
    return place
