"""The p2m code of real Xen trees, unbuilt, goes through the front end whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.frontend.unit import load_unit
from harness.ir.layout import offset_of, size_of
from harness.ir.nodes import Unit, UnsupportedExpr, UnsupportedStatement
from harness.ir.printer import print_unit

SOURCES = {"4.20.3": "xen/arch/arm/mmu/p2m.c", "4.17.5": "xen/arch/arm/p2m.c"}

Trees = Callable[[str], Path]


def load(xen_tree: Trees, version: str, work_dir: Path) -> Unit:
    return load_unit(
        xen_tree(version),
        [SOURCES[version]],
        work_dir=work_dir,
        probes=("PAGE_SHIFT", "BUILD_ID_NOT_THERE", "INVALID_VMID"),
    )


def _unsupported(node: object) -> Iterator[str]:
    """Find all Unsupported nodes below an IR node."""
    if isinstance(node, UnsupportedExpr | UnsupportedStatement):
        yield f"{node.coord}: {node.what}"
    elif isinstance(node, tuple):
        for item in node:
            yield from _unsupported(item)
    elif dataclasses.is_dataclass(node):
        for item in dataclasses.fields(node):
            if item.name != "type":
                yield from _unsupported(getattr(node, item.name))


@pytest.mark.parametrize("version", sorted(SOURCES))
def test_everything_is_lowered(version: str, xen_tree: Trees, tmp_path: Path) -> None:
    unit = load(xen_tree, version, tmp_path)
    places = [where for f in unit.functions.values() for where in _unsupported(f.body)]
    assert not places
    assert not [w for g in unit.globals.values() for w in _unsupported(g.initial)]
    for name in ("p2m_set_entry", "p2m_get_entry", "p2m_restore_state", "p2m_init"):
        assert unit.functions[name].coord.file == SOURCES[version]
    assert unit.constants["__harness_PAGE_SHIFT"] == 12
    assert "__harness_BUILD_ID_NOT_THERE" not in unit.constants


def test_layout_of_the_structs_that_matter(xen_tree: Trees, tmp_path: Path) -> None:
    # From GCC for AArch64, with the same configuration.
    unit = load(xen_tree, "4.20.3", tmp_path)
    p2m = unit.records["struct p2m_domain"]
    assert size_of(unit.typedefs["lpae_t"]) == 8
    assert offset_of(p2m, "vttbr").offset == 48
    assert offset_of(p2m, "need_flush").offset == 73
    base = offset_of(unit.typedefs["lpae_t"], "p2m.base")
    assert base.bits is not None
    assert (base.bits.offset, base.bits.width) == (12, 36)


def test_result_is_deterministic(xen_tree: Trees, tmp_path: Path) -> None:
    first = load(xen_tree, "4.20.3", tmp_path / "one")
    second = load(xen_tree, "4.20.3", tmp_path / "two")
    for unit in (first, second):
        for name in ("p2m_init", "p2m_set_entry")[:: 1 if unit is first else -1]:
            assert unit.functions[name]
    assert print_unit(first) == print_unit(second)
    assert str(tmp_path) not in print_unit(first)
