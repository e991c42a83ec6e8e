"""Read a git repository: objects and refs, and nothing that it could run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Commit", "Repository"]


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as git tells of it."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    subject: str
    author: str
    date: str  # of the author, as in a mail


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository: a clone, a linked worktree or a bare one."""

    git_dir: Path
    common_dir: Path
    worktree: Path | None  # None: bare

    @classmethod
    def at(cls, path: Path) -> Repository | None:
        """Return the repository at or above a path; None where there is none."""
        raise NotImplementedError

    def resolve(self, revision: str) -> str | None:
        """Return the id of the commit that a revision names."""
        raise NotImplementedError

    def range(self, text: str) -> tuple[str, ...]:
        """Return the ids of ``A..B``, oldest first, or of one commit."""
        raise NotImplementedError

    def commit(self, oid: str) -> Commit:
        """Return what git knows of a commit."""
        raise NotImplementedError

    def format_patch(self, oid: str) -> bytes:
        """Return a commit as a mail with its diff against its first parent."""
        raise NotImplementedError

    def blob(self, prefix: str) -> bytes | None:
        """Return the blob whose id starts so; None if there is none, or several."""
        raise NotImplementedError

    def file(self, commit: str, path: str) -> bytes | None:
        """Return a file of a commit; None if it has none of that name."""
        raise NotImplementedError
