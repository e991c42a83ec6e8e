"""Analyses kept between runs, so that what did not change is not run again.

The files are pickles, in the directory of ``harness.cache``, which only its
owner can write to.  A file is named by everything that its content depends on.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import tempfile
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cache import cache_directory

if TYPE_CHECKING:
    from harness.check.tree_analysis import TreeAnalysis

__all__ = ["key_of", "load", "load_text", "save", "save_text"]

# Bytes; the oldest go first.
_KEPT = 256 << 20  # a thousand trees or more
_TEXTS = "tokens"  # a directory of its own: they are many, and small
_KEPT_TEXTS = 4 << 20


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


def load(key: str) -> TreeAnalysis | None:
    """Return what was saved under a key, or None."""
    directory = cache_directory()
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
    directory = cache_directory()
    if directory is None:
        return
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=directory)
        with os.fdopen(handle, "wb") as file:
            pickle.dump(analysis, file)
        os.replace(name, directory / key)
        _prune(directory, _KEPT)


def load_text(key: str) -> str | None:
    """Return the text that was saved under a key, or None."""
    directory = cache_directory(_TEXTS)
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return None if directory is None else (directory / key).read_text("ascii")
    return None


def save_text(key: str, text: str) -> None:
    """Save a short text; where that cannot be done, nothing happens."""
    directory = cache_directory(_TEXTS)
    if directory is None:
        return
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=directory)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
        os.replace(name, directory / key)
        _prune(directory, _KEPT_TEXTS)


def _prune(directory: Path, room: int) -> None:
    files = []
    for file in directory.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another run was faster
            if file.is_file():
                status = file.stat()
                files.append((status.st_mtime, file.name, status.st_size))
    for _, name, size in sorted(files, reverse=True):
        room -= size
        if room < 0:
            (directory / name).unlink(missing_ok=True)
