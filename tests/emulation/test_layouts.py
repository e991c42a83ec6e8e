"""Layouts of types, against what the compiler says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from changed_tree import ChangedTree
from compiler import FLAGS, compile_text, require_compiler
from debug_types import Field, Layout, read_types
from worlds import Source, read_source

from harness.ir.layout import size_of
from harness.ir.types import Array, CType, Function, Integer, Pointer, Record

BUILT_IN, BUILT_IN_TYPEDEF = "struct __va_list", "va_list"
DEBUG = ("-g", "-fno-eliminate-unused-debug-types")


def what(ctype: CType) -> object:
    """Describe a type of the IR as ``debug_types`` describes the compiler's."""
    match ctype:
        case Integer(is_bool=True):
            return f"b{8 * ctype.size}"
        case Integer():
            return f"{'s' if ctype.signed else 'u'}{8 * ctype.size}"
        case Pointer():
            return "pointer"
        case Array():
            counts, element = "", ctype
            while isinstance(element, Array):
                count = element.count
                counts += f"[{'' if count is None else count}] "
                element = element.element
            return counts + repr(what(element))
        case Function():
            return "function"
        case Record():
            return layout(ctype)
    return "void"


def layout(record: Record) -> object:
    """Describe a record."""
    if record.size is None:
        return "incomplete"
    fields = tuple(
        Field(m.name, 8 * m.offset + m.bit_offset, m.bit_width or 0, what(m.type))
        for m in record.members
        if m.name or m.bit_width is None
    )
    return Layout(record.kind, record.size, fields)


def compare(source: Source, place: Path) -> int:
    """Compare all named types; returns how many."""
    path = compile_text(
        source.text, place, (f"-std={source.standard}", *FLAGS["plain"], *DEBUG)
    )
    types, unit = read_types(path), source.unit
    for name in source.unit.functions:
        unit.functions[name]  # completes the types that its body declares
    compared = 0
    for name, ctype in unit.records.items():
        ours = what(ctype)
        if ours == "incomplete" or name == BUILT_IN:
            continue
        assert ours == types.records[name], name
        compared += 1
    for name, ctype in unit.typedefs.items():
        if isinstance(ctype, Record) and ctype.size is None:
            continue
        theirs = types.typedefs.get(name)
        if theirs is None or name == BUILT_IN_TYPEDEF:
            continue
        ours = what(ctype)
        if isinstance(theirs, Layout) and not theirs.fields:
            # A variant of a type with another attribute repeats no members.
            assert isinstance(ours, Layout), name
            ours = Layout(ours.kind, ours.size, ())
        assert ours == theirs, name
        compared += 1
    for name, value in types.constants.items():
        if name in unit.constants:
            assert unit.constants[name] == value, name
            compared += 1
    return compared


@pytest.mark.parametrize("version", ["4.20.3", "4.17.5", "embedded"])
def test_every_type_has_the_layout_that_the_compiler_gives_it(
    version: str, xen_tree: Callable[[str], Path], base_tree: Path, tmp_path: Path
) -> None:
    require_compiler()
    tree = base_tree if version == "embedded" else xen_tree(version)
    source = read_source(ChangedTree(tree), tmp_path)
    compared = compare(source, tmp_path / "debug")
    assert compared > (90 if version == "embedded" else 1000)
    p2m = source.unit.records["struct p2m_domain"]
    assert size_of(p2m) > 100
