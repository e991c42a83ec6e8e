"""The directory for what is kept between runs.

It is ``$XDG_CACHE_HOME/harness``, else ``~/.cache/harness``, and only its owner
may write to it.  ``HARNESS_NO_CACHE`` turns it off.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["cache_directory"]


def cache_directory(name: str = "") -> Path | None:
    """Return the directory, or one in it, made if need be; None if there is none."""
    if os.environ.get("HARNESS_NO_CACHE"):
        return None
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
        path = _own(base / "harness")
        return _own(path / name) if path is not None and name else path
    except (OSError, RuntimeError):
        return None


def _own(path: Path) -> Path | None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.stat()
    foreign = status.st_uid != os.geteuid()
    writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return None if foreign or writable or not stat.S_ISDIR(status.st_mode) else path
