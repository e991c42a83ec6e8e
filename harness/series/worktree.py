"""Compare the files of a working directory with a commit, without git's index."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from harness.series.blobs import blob_id
from harness.series.checkout import is_reachable
from harness.series.repository import Entry, Repository

__all__ = ["changed_files"]

_ALGORITHMS = {40: "sha1", 64: "sha256"}  # by the length of an id


def changed_files(repository: Repository, commit: str, top: Path) -> list[str]:
    """List files of a commit that are not the same in the directory ``top``.

    Only those that the preprocessor can reach are compared, as bytes: git's
    filters have no say.
    """
    every = repository.entries(commit)
    return [e.name for e in every if is_reachable(e.name) and _differs(e, top / e.name)]


def _differs(entry: Entry, path: Path) -> bool:
    try:
        status = path.lstat()
        if entry.mode == "120000":
            content = os.fsencode(path.readlink())
        elif not stat.S_ISREG(status.st_mode) or status.st_size != entry.size:
            return True
        else:
            content = path.read_bytes()
    except OSError:
        return True
    return blob_id(content, _ALGORITHMS[len(entry.oid)]) != entry.oid
