"""Read a file of a tree by its name, never through a symbolic link."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from pathlib import Path

from harness.errors import ApplyError, TreeError
from reference_model.coordinates import Coord

__all__ = ["regular_file"]


def regular_file(
    top: Path, name: str, coord: Coord | None = None, leaving: Collection[str] = ()
) -> tuple[bytes, bool] | None:
    """Return a file and whether it is executable; None if it is not there.

    ``leaving`` are files that are gone where a directory of that name is meant.
    """
    source = top
    parts = name.split("/")
    mode = 0
    for depth, component in enumerate(parts, 1):
        source = source / component
        try:
            mode = source.lstat().st_mode
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TreeError(f"cannot read '{source}': {error.strerror}") from error
        here = "/".join(parts[:depth])
        if stat.S_ISLNK(mode):
            raise ApplyError(
                f"'{here}' is a symbolic link in the tree: not followed", coord
            )
        if depth == len(parts):
            if not stat.S_ISREG(mode):
                raise ApplyError(f"'{here}' is not a regular file in the tree", coord)
        elif not stat.S_ISDIR(mode):
            if here in leaving:
                return None
            raise ApplyError(f"'{here}' is not a directory in the tree", coord)
    try:
        # O_NOFOLLOW: the file may have been replaced since it was looked at.
        with open(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            return stream.read(), bool(mode & stat.S_IXUSR)
    except OSError as error:
        raise TreeError(f"cannot read '{source}': {error.strerror}") from error
