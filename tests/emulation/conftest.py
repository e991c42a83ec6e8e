"""Fixtures of the comparison with compiled code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from changed_tree import ChangedTree
from compiler import require_compiler
from worlds import Source, read_source

__all__ = ["source"]


@pytest.fixture(scope="session")
def source(
    xen_tree: Callable[[str], Path],
    base_tree: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Source]:
    """Return a function from a version, or "embedded", to its text and IR."""
    require_compiler()
    known: dict[str, Source] = {}

    def read(version: str) -> Source:
        if version not in known:
            tree = base_tree if version == "embedded" else xen_tree(version)
            place = tmp_path_factory.mktemp("emulation")
            known[version] = read_source(ChangedTree(tree), place)
        return known[version]

    return read
