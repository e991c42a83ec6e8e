"""Recognise a Xen source tree and read its version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from harness.errors import TreeError
from harness.series.repository import Repository

__all__ = ["Tree", "enclosing_tree", "is_unreachable"]

_ARCHITECTURES = "xen/arch"
_ARCHITECTURE = "xen/arch/arm"
# Programs of the build and of the test suite; no hypervisor source includes them.
_UNREACHABLE = frozenset({"xen/scripts", "xen/test", "xen/tools"})
_LANDMARKS = ("xen/arch/arm", "xen/include/xen")
_VERSION = re.compile(
    r"^\s*(?:export\s+)?XEN_(VERSION|SUBVERSION|EXTRAVERSION)\s*[?:]?=[ \t]*(.*)$",
    re.M,
)
_VARIABLE = re.compile(r"\$\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Tree:
    """A Xen source tree: its top, links resolved, and the version it states.

    A tree written out from a ``commit`` holds only what the preprocessor can
    reach: other files are in the ``repository``.
    """

    top: Path
    major: int
    minor: int
    extra: str = ""
    repository: Repository | None = None
    commit: str = ""

    @property
    def version(self) -> str:
        """Return the version as Xen prints it, without a vendor's suffix."""
        return f"{self.major}.{self.minor}{self.extra}"

    @property
    def place(self) -> str:
        """Return what a user knows the tree by."""
        if self.repository is None:
            return str(self.top)
        return f"{self.repository.place}, commit {self.commit[:12]}"

    @classmethod
    def at(cls, path: Path) -> Tree:
        """Return the tree whose top is ``path``, or say why it is none."""
        if not path.is_dir():
            raise TreeError(f"'{path}' is not a directory")
        top = path.resolve()
        for landmark in _LANDMARKS:
            if not (top / landmark).is_dir():
                outer = _top_above(top)
                hint = f": it is inside the Xen tree '{outer}'" if outer else ""
                raise TreeError(
                    f"'{path}' is not the top of a Xen tree: no {landmark}/ in it{hint}"
                )
        return cls(top, *_read_version(top))


def is_unreachable(directory: str) -> bool:
    """Tell whether nothing below a directory can be part of the hypervisor."""
    folder = directory.rpartition("/")[0]
    other = folder == _ARCHITECTURES and directory != _ARCHITECTURE
    return other or directory in _UNREACHABLE


def enclosing_tree(path: Path) -> Tree | None:
    """Return the Xen tree that ``path`` is in, if it is in one."""
    top = _top_above(path.resolve())
    return Tree.at(top) if top is not None else None


def _top_above(path: Path) -> Path | None:
    for top in (path, *path.parents):
        if all((top / landmark).is_dir() for landmark in _LANDMARKS):
            return top
    return None


def _read_version(top: Path) -> tuple[int, int, str]:
    makefile = top / "xen" / "Makefile"
    try:
        text = makefile.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise TreeError(f"cannot read '{makefile}': {error.strerror}") from error
    found = dict(reversed(_VERSION.findall(text)))  # the first one counts
    major, minor = found.get("VERSION", ""), found.get("SUBVERSION", "")
    if not major.strip().isdecimal() or not minor.strip().isdecimal():
        raise TreeError(f"'{makefile}' states no XEN_VERSION and XEN_SUBVERSION")
    extra = _VARIABLE.sub("", found.get("EXTRAVERSION", "")).strip()
    return int(major), int(minor), extra
