"""Where the pre-images of a patch may be found."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Protocol

from harness.errors import ApplyError
from harness.series.checkout import is_reachable
from harness.series.regular_file import regular_file
from harness.series.repository import Repository

__all__ = ["Blobs", "DirectoryBlobs", "RepositoryBlobs", "blob_id"]

_SIZE_LIMIT = 8 << 20


class Blobs(Protocol):
    """Contents of files by the id that git gives them, or by their name."""

    def by_id(self, prefix: str) -> bytes | None:
        """Return the blob whose id starts so; None if there is none, or several."""
        ...

    def by_path(self, path: str) -> bytes | None:
        """Return a file of the tree that the patch is most likely made for."""
        ...


def blob_id(content: bytes, algorithm: str = "sha1") -> str:
    """Return the id that git gives to the content of a file."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    digest.update(b"blob %d\0" % len(content))
    digest.update(content)
    return digest.hexdigest()


class RepositoryBlobs:
    """All blobs of a repository; files are those of one commit."""

    def __init__(self, repository: Repository, commit: str | None) -> None:
        self._repository = repository
        self._commit = commit

    def by_id(self, prefix: str) -> bytes | None:
        """Return the blob whose id starts so; None if there is none, or several."""
        return self._repository.blob(prefix)

    def by_path(self, path: str) -> bytes | None:
        """Return the file of the commit."""
        if self._commit is None:
            return None
        return self._repository.file(self._commit, path)


class DirectoryBlobs:
    """The files of a tree that is no repository."""

    def __init__(self, top: Path) -> None:
        self._top = top

    def by_id(self, prefix: str) -> bytes | None:
        """Return the file whose content has such an id."""
        names = {n for oid, n in self._ids.items() if oid.startswith(prefix)}
        return self.by_path(names.pop()) if len(names) == 1 and prefix else None

    def by_path(self, path: str) -> bytes | None:
        """Return the file; None for what is none, or is a link."""
        if path.startswith("/") or {"", ".", ".."} & set(path.split("/")):
            return None
        try:
            found = regular_file(self._top, path)
        except ApplyError:
            return None
        return None if found is None else found[0]

    @cached_property
    def _ids(self) -> dict[str, str]:
        """Return the name of a file by the id of its content."""
        found = {}
        for folder, folders, names in os.walk(self._top / "xen"):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                inside = path.relative_to(self._top).as_posix()
                if not is_reachable(inside) or path.is_symlink():
                    continue
                if path.is_file() and path.stat().st_size <= _SIZE_LIMIT:
                    found[blob_id(path.read_bytes())] = inside
        return found
