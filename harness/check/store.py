"""Analyses kept between runs, so that what did not change is not run again.

Kept under ``$XDG_CACHE_HOME/harness`` (``~/.cache/harness``), in a directory
that only its owner can write: the files are pickles.  A file is named by
everything that its content depends on.  ``HARNESS_NO_CACHE`` turns it off.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import stat
import tempfile
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.check.tree_analysis import TreeAnalysis

__all__ = ["key_of", "load", "save"]

_KEPT = 64  # files; the oldest go first


def key_of(*parts: object) -> str:
    """Return a name for what depends on ``parts`` and on the program itself."""
    digest = hashlib.sha256(_program().encode())
    for part in parts:
        digest.update(repr(part).encode() + b"\0")
    return digest.hexdigest()


@cache
def _program() -> str:
    """Digest the program's own source."""
    digest = hashlib.sha256()
    for package in ("harness", "reference_model"):
        root = Path(str(resources.files(package)))
        for file in sorted(root.rglob("*.py")):
            digest.update(str(file.relative_to(root)).encode() + b"\0")
            digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def _directory() -> Path | None:
    """Return the directory, made if need be; None where there can be none."""
    if os.environ.get("HARNESS_NO_CACHE"):
        return None
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
        path = base / "harness"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
    except (OSError, RuntimeError):
        return None
    foreign = status.st_uid != os.geteuid()
    return None if foreign or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else path


def load(key: str) -> TreeAnalysis | None:
    """Return what was saved under a key, or None."""
    directory = _directory()
    if directory is None:
        return None
    path = directory / key
    try:
        with path.open("rb") as file:
            kept: TreeAnalysis = pickle.load(file)
        os.utime(path)
    except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError):
        return None
    return kept


def save(key: str, analysis: TreeAnalysis) -> None:
    """Save an analysis; where that cannot be done, nothing happens."""
    directory = _directory()
    if directory is None:
        return
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=directory)
        with os.fdopen(handle, "wb") as file:
            pickle.dump(analysis, file)
        os.replace(name, directory / key)
        _prune(directory)


def _prune(directory: Path) -> None:
    files = sorted(directory.iterdir(), key=lambda f: f.stat().st_mtime, reverse=True)
    for file in files[_KEPT:]:
        file.unlink(missing_ok=True)
