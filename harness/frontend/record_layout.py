"""Lay out structs and unions as AAPCS64 (and GCC for AArch64) does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.frontend.scopes import Declared
from harness.ir.layout import align_of, round_up, size_of
from harness.ir.types import Array, CType, Integer, Member, Record

__all__ = ["Field", "lay_out"]


@dataclass(frozen=True, slots=True)
class Field:
    """A member as declared; ``name`` is "" if anonymous."""

    name: str
    declared: Declared
    width: int | None = None  # of a bit-field
    packed: bool = False
    align: int = 0  # from an attribute of the member itself


def lay_out(
    record: Record, fields: Sequence[Field], packed: bool, align: int, limit: int = 0
) -> None:
    """Give ``record`` its members, size and alignment.

    ``limit`` is the most that a member is aligned to, as ``#pragma pack`` says.
    """
    end = 0  # in bits
    record_align = max(1, align)
    members: list[Member] = []
    for item in fields:
        start = 0 if record.kind == "union" else end
        ctype = item.declared.type
        natural = _alignment(item, packed)
        if limit and item.width != 0:
            natural = min(natural, limit)
        loose = packed or item.packed or limit > 0
        if item.width is not None:
            assert isinstance(ctype, Integer)
            asked = min(item.align, limit or item.align)
            start = _place_bits(start, item, ctype, natural, loose, asked)
            length = item.width
        else:
            start = round_up(start, 8 * natural)
            length = 8 * _occupied(ctype)
        record_align = max(record_align, _contributed(item, natural, limit))
        if item.name or item.width is None:
            members.append(_member(item, ctype, start, loose))
        end = max(end, start + length)
    record.members = members
    record.align = record_align
    record.size = round_up((end + 7) // 8, record_align)


def _occupied(ctype: CType) -> int:
    """Return the size that a member takes; a flexible array takes none."""
    if isinstance(ctype, Array) and ctype.count is None:
        return 0
    return size_of(ctype)


def _alignment(item: Field, packed: bool) -> int:
    """Return the alignment in bytes that a member asks for."""
    natural = item.declared.align or align_of(item.declared.type)
    if item.width == 0:
        return natural  # ":0" aligns to its type even in a packed record
    return max(item.align, 1 if packed or item.packed else natural)


def _contributed(item: Field, natural: int, limit: int) -> int:
    """Return the alignment that a member gives to its record.

    For a bit-field, ``#pragma pack`` takes the place of ``packed``.
    """
    if limit and item.width:
        declared = item.declared.align or align_of(item.declared.type)
        return max(natural, min(declared, limit))
    return natural


def _place_bits(
    start: int,
    item: Field,
    ctype: Integer,
    natural: int,
    loose: bool,
    asked: int,
) -> int:
    """Return the bit at which a bit-field begins."""
    width = item.width or 0
    if width == 0:
        return round_up(start, 8 * natural)
    if asked:
        start = round_up(start, 8 * asked)
    if loose:
        return start  # bit after bit, across any boundary
    unit = 8 * natural
    spanned = (start % unit + width + unit - 1) // unit
    return round_up(start, unit) if spanned > 8 * ctype.size // unit else start


def _member(item: Field, ctype: CType, start: int, loose: bool) -> Member:
    volatile = item.declared.volatile
    if item.width is None:
        return Member(item.name, ctype, start // 8, volatile=volatile)
    assert isinstance(ctype, Integer)
    unit = 1 if loose else ctype.size
    offset = start // 8 // unit * unit
    return Member(item.name, ctype, offset, start - 8 * offset, item.width, volatile)
