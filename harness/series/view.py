"""Show a tree with patches applied, without touching the tree.

The view is a temporary directory: real directories, the patched files as real
files, every other file a symbolic link into the tree. Directories are never
linked: the kernel resolves ``..`` behind a link in the tree it points to, so
``#include "../x.h"`` from a linked directory would read the unpatched file.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import ApplyError, TreeError
from harness.series.git_apply import Offsets, apply_to_copies
from harness.series.patch import Patch
from harness.series.tree import Tree, is_unreachable

__all__ = ["View", "apply", "patched", "stacked"]

_SHARED_MEMORY = "/dev/shm"


@dataclass(frozen=True, slots=True)
class View:
    """A readable tree, with patches of a series applied or none.

    ``roots`` are the only places where what is read may really lie: a file
    whose resolved name is below none of them came in through a link or an
    ``#include`` that leaves the tree. ``files`` are the files of the patches
    that exist, ``deleted`` those that they took away. ``patch`` is the last
    one, and ``lines`` what it touched, ``before`` the view without it.
    ``offsets`` holds its files with hunks that went elsewhere than their
    headers say.
    """

    root: Path
    roots: tuple[Path, ...]
    tree: Tree
    patch: Patch | None = None
    files: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    offsets: Offsets = field(default_factory=dict)
    lines: dict[str, frozenset[int]] = field(default_factory=dict)
    before: View | None = None

    @classmethod
    def of(cls, tree: Tree) -> View:
        """Return a tree as it is."""
        return cls(tree.top, (tree.top,), tree)

    def untouched(self) -> View:
        """Return the same files as what another patch is compared with."""
        return replace(self, patch=None, offsets={}, lines={}, before=None)

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
        if not real.is_relative_to(self.tree.top):
            return True
        name = real.relative_to(self.tree.top).as_posix()
        return name not in self.files and name not in self.deleted

    def touched(self, file: str, line: int) -> bool:
        """Tell whether the last patch added a line, or deleted what was before it."""
        return line in self.lines.get(self.name(file), ())

    def deletions(self) -> tuple[tuple[str, int, int], ...]:
        """Return (file, first, behind) of the lines left where code was deleted.

        There are none if ``behind`` is ``first``.
        """
        found = []
        for part in self.patch.files if self.patch is not None else ():
            each = self.offsets.get(part.path, (0,) * len(part.hunks))
            if part.new is not None:
                for hunk, by in zip(part.hunks, each, strict=True):
                    found += [(part.new, *lines) for lines in hunk.deletions(by)]
        return tuple(found)


@contextmanager
def apply(tree: Tree, patches: tuple[Patch, ...] = ()) -> Iterator[View]:
    """Yield the tree with patches applied, one after the other."""
    with stacked(tree, patches) as views:
        yield views[-1]


@contextmanager
def stacked(tree: Tree, patches: tuple[Patch, ...]) -> Iterator[tuple[View, ...]]:
    """Yield the tree, and then what it is with each patch on top of those before."""
    views = [View.of(tree)]
    with ExitStack() as stack:
        for number, patch in enumerate(patches, 1):
            try:
                views.append(stack.enter_context(patched(views[-1], patch)))
            except ApplyError as error:
                if len(patches) == 1:
                    raise
                which = f"patch {number} of {len(patches)}"
                raise ApplyError(f"{which}: {error.message}", error.coord) from error
        yield tuple(views)


@contextmanager
def patched(view: View, patch: Patch) -> Iterator[View]:
    """Yield what a view is with one more patch."""
    tree = view.tree
    before = {*view.files, *view.deleted}
    with tempfile.TemporaryDirectory(prefix="harness-", dir=_memory()) as name:
        root = Path(name).resolve()
        for file in view.files:
            target = root / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(view.root / file, target)
        offsets = apply_to_copies(tree, patch, root, before)
        own = before.union(*(part.names for part in patch.files))
        # Before anything is linked: what the patches name and left behind.
        files = {name for name in own if os.path.lexists(root / name)}
        try:
            _Mirror(tree, own, root).build()
        except OSError as error:
            raise TreeError(f"cannot write '{root}': {error.strerror}") from error
        yield View(
            root,
            (root, tree.top),
            tree,
            patch,
            tuple(sorted(files)),
            tuple(sorted(own - files)),
            offsets,
            _touched_lines(patch, offsets),
            view,
        )


def _memory() -> str | None:
    # A thousand links take 5 ms in memory and up to seconds on a disk; where the
    # user has said where temporary files go, they go there.
    if any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")):
        return None
    return _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK) else None


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

    def __init__(self, tree: Tree, own: set[str], root: Path) -> None:
        self.top = str(tree.top)
        self.root = str(root)
        self.own = own
        self.seen: set[str] = set()

    def build(self) -> None:
        """Mirror xen/, config/ and the directories that links inside them lead to."""
        waiting = [name for name in ("xen", "config") if self._has(name)]
        while waiting:
            self._directory(waiting.pop(), waiting)

    def _has(self, name: str) -> bool:
        path = f"{self.top}/{name}"
        return os.path.isdir(path) and not os.path.islink(path)

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
            if not is_unreachable(name):
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
