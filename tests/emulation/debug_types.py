"""Types as the compiler lays them out, from its debugging information."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

__all__ = ["Field", "Layout", "Types", "read_types"]

_QUALIFIERS = ("const_type", "volatile_type", "restrict_type", "typedef")


@dataclass(frozen=True, slots=True)
class Field:
    """A member: its name, first bit, size in bits, and what it is.

    ``what`` is "u64" or "s32" for a number, "pointer", "[16] u8" for an array, or
    the layout of a record.
    """

    name: str
    bit: int
    width: int
    what: object


@dataclass(frozen=True, slots=True)
class Layout:
    """A struct or union."""

    kind: str
    size: int
    fields: tuple[Field, ...]


@dataclass(slots=True)
class Types:
    """Records and typedefs by name, enumerators, and variables' sizes."""

    records: dict[str, object]
    typedefs: dict[str, object]
    constants: dict[str, int]


class _Reader:
    def __init__(self, unit: Any) -> None:
        self.unit = unit
        self.known: dict[int, object] = {}
        self.dies = {die.offset: die for die in unit.iter_DIEs()}

    def target(self, die: Any) -> Any:
        attribute = die.attributes.get("DW_AT_type")
        if attribute is None:
            return None
        return self.dies[attribute.value + self.unit.cu_offset]

    def stripped(self, die: Any) -> Any:
        while die is not None and die.tag.removeprefix("DW_TAG_") in _QUALIFIERS:
            die = self.target(die)
        return die

    def what(self, die: Any) -> object:
        die = self.stripped(die)
        if die is None:
            return "void"
        if die.offset not in self.known:
            self.known[die.offset] = self.described(die)
        return self.known[die.offset]

    def described(self, die: Any) -> object:
        tag = die.tag.removeprefix("DW_TAG_")
        match tag:
            case "base_type" | "enumeration_type":
                return self.number(die)
            case "pointer_type":
                return "pointer"
            case "array_type":
                return self.array(die)
            case "structure_type" | "union_type":
                return self.record(die, tag.removesuffix("_type"))
            case "subroutine_type":
                return "function"
        raise AssertionError(die.tag)

    def number(self, die: Any) -> str:
        size = die.attributes["DW_AT_byte_size"].value
        encoding = die.attributes.get("DW_AT_encoding")
        if encoding is None:
            base = self.stripped(self.target(die))
            return str(self.what(base))
        # DW_ATE: 2 boolean, 5 and 6 signed, 7 and 8 unsigned
        sign = {2: "b", 5: "s", 6: "s", 7: "u", 8: "u"}.get(encoding.value, "f")
        return f"{sign}{8 * size}"

    def array(self, die: Any) -> str:
        what = self.what(self.target(die))
        counts = []
        for child in die.iter_children():
            bound = child.attributes.get("DW_AT_upper_bound")
            count = child.attributes.get("DW_AT_count")
            if count is not None:
                counts.append(str(count.value))
            else:
                counts.append("" if bound is None else str(bound.value + 1))
        return "".join(f"[{count}] " for count in counts) + repr(what)

    def record(self, die: Any, kind: str) -> object:
        size = die.attributes.get("DW_AT_byte_size")
        if size is None:
            return "incomplete"
        kind = "struct" if kind == "structure" else kind
        fields = []
        for child in die.iter_children():
            if child.tag == "DW_TAG_member":
                fields.append(self.member(child))
        return Layout(kind, size.value, tuple(fields))

    def member(self, die: Any) -> Field:
        get = die.attributes.get
        name = get("DW_AT_name")
        target = self.target(die)
        what = self.what(target)
        place = get("DW_AT_data_member_location")
        bit = 8 * place.value if place is not None else 0
        if (offset := get("DW_AT_data_bit_offset")) is not None:
            bit = offset.value
        width = get("DW_AT_bit_size")
        return Field(
            name.value.decode() if name is not None else "",
            bit,
            width.value if width is not None else 0,
            what,
        )


def read_types(path: Path) -> Types:
    """Read the types of an object file with debugging information."""
    types = Types({}, {}, {})
    with path.open("rb") as stream:
        elf: Any = ELFFile(stream)
        for unit in elf.get_dwarf_info().iter_CUs():
            reader = _Reader(unit)
            for die in unit.get_top_DIE().iter_children():
                _take(reader, die, types)
    return types


def _take(reader: _Reader, die: Any, types: Types) -> None:
    attribute = die.attributes.get("DW_AT_name")
    name = attribute.value.decode() if attribute is not None else ""
    if die.tag == "DW_TAG_enumeration_type":
        for child in die.iter_children():
            constant = child.attributes["DW_AT_name"].value.decode()
            types.constants[constant] = child.attributes["DW_AT_const_value"].value
        if name and "DW_AT_byte_size" in die.attributes:
            types.records[f"enum {name}"] = reader.what(die)
    elif not name:
        return
    elif die.tag in ("DW_TAG_structure_type", "DW_TAG_union_type"):
        kind = "struct" if die.tag == "DW_TAG_structure_type" else "union"
        what = reader.what(die)
        if what != "incomplete":
            types.records[f"{kind} {name}"] = what
    elif die.tag == "DW_TAG_typedef":
        types.typedefs[name] = reader.what(die)
