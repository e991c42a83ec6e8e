"""Copies of the embedded tree with a change in them."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

P2M = "xen/arch/arm/mmu/p2m.c"


@dataclass(frozen=True)
class ChangedTree:
    """A view of a tree; ``lines`` are what a patch would have touched."""

    root: Path
    lines: frozenset[tuple[str, int]] = frozenset()

    @property
    def roots(self) -> tuple[Path, ...]:
        return (self.root,)

    def touched(self, file: str, line: int) -> bool:
        return (file, line) in self.lines


def copy_of(tree: Path, place: Path) -> ChangedTree:
    """Copy a tree."""
    shutil.copytree(tree, place)
    return ChangedTree(place)


def changed(
    tree: Path, place: Path, old: str, new: str, file: str = P2M
) -> ChangedTree:
    """Copy a tree and replace one piece of text in it; its lines are touched."""
    copy_of(tree, place)
    path = place / file
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
    first = text[: text.index(old)].count("\n") + 1
    path.write_text(text.replace(old, new))
    lines = range(first, first + new.count("\n") + 1)
    return ChangedTree(place, frozenset((file, line) for line in lines))


def renamed(tree: Path, place: Path, names: list[str]) -> ChangedTree:
    """Copy a tree and give functions of its p2m.c other names."""
    copy_of(tree, place)
    path = place / P2M
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\b")
    path.write_text(pattern.sub(r"other_\1", path.read_text()))
    return ChangedTree(place)
