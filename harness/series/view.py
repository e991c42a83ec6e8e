"""Show a tree with a patch applied, without touching the tree.

The view is a temporary directory: real directories, the patched files as real
files, every other file a symbolic link into the tree. Directories are never
linked: the kernel resolves ``..`` behind a link in the tree it points to, so
``#include "../x.h"`` from a linked directory would read the unpatched file.
"""

from __future__ import annotations

import os
import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import TreeError
from harness.series.git_apply import Offsets, apply_to_copies
from harness.series.patch import Patch
from harness.series.tree import Tree

__all__ = ["View", "apply"]

_ARCHITECTURES = "xen/arch"
_ARCHITECTURE = "xen/arch/arm"
_SHARED_MEMORY = "/dev/shm"
# Programs of the build and of the test suite; no hypervisor source includes them.
_UNREACHABLE = frozenset({"xen/scripts", "xen/test", "xen/tools"})


@dataclass(frozen=True, slots=True)
class View:
    """A readable tree, patched or not.

    ``roots`` are the only places where what is read may really lie: a file
    whose resolved name is below none of them came in through a link or an
    ``#include`` that leaves the tree. ``files`` are the patched files that
    exist, ``deleted`` those that the patch took away. ``offsets`` holds the
    files with hunks that went elsewhere than their headers say.
    """

    root: Path
    roots: tuple[Path, ...]
    tree: Tree
    patch: Patch | None = None
    files: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    offsets: Offsets = field(default_factory=dict)
    lines: dict[str, frozenset[int]] = field(default_factory=dict)

    def name(self, file: str) -> str:
        """Return a file's name relative to the top, given so or below ``root``."""
        name = posixpath.normpath(file)
        if name.startswith("/"):
            return posixpath.relpath(name, self.root)
        return name

    def admits(self, file: str) -> bool:
        """Tell whether a file that was read may be: inside, and not unpatched."""
        real = Path(self.root, file).resolve()
        if not any(real.is_relative_to(root) for root in self.roots):
            return False
        if self.patch is None or not real.is_relative_to(self.tree.top):
            return True
        name = real.relative_to(self.tree.top).as_posix()
        return name not in self.files and name not in self.deleted

    def touched(self, file: str, line: int) -> bool:
        """Tell whether the patch added this line or deleted what stood before it."""
        return line in self.lines.get(self.name(file), ())


@contextmanager
def apply(tree: Tree, patch: Patch | None) -> Iterator[View]:
    """Yield the tree as it is with the patch; the tree itself for None."""
    if patch is None:
        yield View(tree.top, (tree.top,), tree)
        return
    with tempfile.TemporaryDirectory(prefix="harness-", dir=_memory()) as name:
        root = Path(name).resolve()
        offsets = apply_to_copies(tree, patch, root)
        try:
            _Mirror(tree, patch, root).build()
        except OSError as error:
            raise TreeError(f"cannot write '{root}': {error.strerror}") from error
        yield View(
            root,
            (root, tree.top),
            tree,
            patch,
            tuple(part.new for part in patch.files if part.new is not None),
            tuple(sorted(_deleted(patch, root))),
            offsets,
            _touched_lines(patch, offsets),
        )


def _memory() -> str | None:
    # A thousand links take 5 ms in memory and up to seconds on a disk; where the
    # user has said where temporary files go, they go there.
    if any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")):
        return None
    return _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK) else None


def _deleted(patch: Patch, root: Path) -> set[str]:
    # The source of a copy is named as old as well, and stays.
    names = {part.old for part in patch.files if part.old is not None}
    return {name for name in names if not os.path.lexists(root / name)}


def _touched_lines(patch: Patch, offsets: Offsets) -> dict[str, frozenset[int]]:
    found = {}
    for part in patch.files:
        if part.new is None:
            continue
        each = offsets.get(part.path, (0,) * len(part.hunks))
        moved = zip(part.hunks, each, strict=True)
        found[part.new] = frozenset(n for hunk, by in moved for n in hunk.touched(by))
    return found


class _Mirror:
    """Link what the preprocessor can reach into a directory of patched files."""

    def __init__(self, tree: Tree, patch: Patch, root: Path) -> None:
        self.top = str(tree.top)
        self.root = str(root)
        # Before anything is linked: what the patch names and left behind.
        self.own = {name for part in patch.files for name in part.names}
        self.seen: set[str] = set()

    def build(self) -> None:
        """Mirror xen/ and the directories that links inside it lead to."""
        waiting = ["xen"]
        while waiting:
            self._directory(waiting.pop(), waiting)

    def _directory(self, name: str, waiting: list[str]) -> None:
        if name in self.seen:
            return
        self.seen.add(name)
        os.makedirs(f"{self.root}/{name}", exist_ok=True)
        try:
            with os.scandir(f"{self.top}/{name}") as listing:
                entries = list(listing)
        except OSError as error:
            raise TreeError(
                f"cannot read '{self.top}/{name}': {error.strerror}"
            ) from error
        for entry in entries:
            self._entry(entry, f"{name}/{entry.name}", waiting)

    def _entry(self, entry: os.DirEntry[str], name: str, waiting: list[str]) -> None:
        if name in self.own:
            return
        if entry.is_symlink():
            self._link(entry.path, name, waiting)
        elif entry.is_dir(follow_symlinks=False):
            folder = name.rpartition("/")[0]
            other = folder == _ARCHITECTURES and name != _ARCHITECTURE
            if not other and name not in _UNREACHABLE:
                waiting.append(name)
        else:
            os.symlink(entry.path, f"{self.root}/{name}")

    def _link(self, path: str, name: str, waiting: list[str]) -> None:
        """Carry a link of the tree over so that it leads to the same place here."""
        target = os.path.realpath(path)
        within = os.path.relpath(target, self.top)
        if self.top == target or self.top.startswith(f"{target.rstrip('/')}/"):
            # Through it, the unpatched files could be read.
            raise TreeError(f"symbolic link '{path}' leads above the tree: remove it")
        if within.startswith("../"):
            os.symlink(target, f"{self.root}/{name}")  # refused by the roots if read
            return
        os.symlink(f"{self.root}/{within}", f"{self.root}/{name}")
        if os.path.isdir(target):
            waiting.append(within)
        elif os.path.exists(target) and "/" in within:
            waiting.append(posixpath.dirname(within))
