"""Read patches from a file, a directory of ``git format-patch``, or a Maildir."""

from __future__ import annotations

import os
import re
import stat
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import PatchError
from harness.series.damage import NoDiffError
from harness.series.diff import read_diff
from harness.series.entry import Entry, Letter, read_entries
from harness.series.mail import Tag, unix_lines
from harness.series.mailbox import Message, is_mail, split_mailbox
from harness.series.patch import Patch
from harness.series.series import (
    SERIES_LIMIT,
    Series,
    read_patch,
    read_series,
    series_of,
)
from harness.series.thread import spans

if TYPE_CHECKING:
    from harness.series.blobs import Blobs

__all__ = ["load_patch", "read_path"]

_FILES = 1024
_PATCH = re.compile(r"(?:v(\d{1,6})(?:\.\d+)?-)?(\d{1,9})-.*")
_SUFFIXES = (".patch", ".diff", ".eml", ".mbox", ".mbx")


def read_path(path: Path, blobs: Blobs | None = None) -> Series:
    """Read a file, or all patches of a directory in the order of their numbers."""
    if not path.is_dir():
        return read_series(_content(path, follow=True), str(path), blobs)
    if (path / "cur").is_dir() and (path / "new").is_dir():
        return _read_maildir(path, blobs)
    return _read_directory(path, blobs)


def load_patch(source: str) -> Patch:
    """Read one patch from a file, or from standard input for ``-``."""
    if source == "-":
        return read_patch(sys.stdin.buffer.read(SERIES_LIMIT + 1), "<stdin>")
    return read_patch(_content(Path(source), follow=True), source)


def _content(path: Path, *, follow: bool = False) -> bytes:
    """Read a file; what lies in a directory must be a plain one."""
    try:
        if not follow and not stat.S_ISREG(path.lstat().st_mode):
            raise PatchError(f"'{path}' is not a regular file: remove it")
        flags = os.O_RDONLY | (0 if follow else os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(os.open(path, flags), "rb") as stream:
            return stream.read(SERIES_LIMIT + 1)
    except OSError as error:
        raise PatchError(f"cannot read patch '{path}': {error.strerror}") from error


def _listed(path: Path) -> list[str]:
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise PatchError(f"cannot read '{path}': {error.strerror}") from error
    if len(names) > _FILES:
        raise PatchError(f"more than {_FILES} files in '{path}'")
    return names


def _read_directory(path: Path, blobs: Blobs | None) -> Series:
    names = [name for name in _listed(path) if name.lower().endswith(_SUFFIXES)]
    if not names:
        raise PatchError(
            f"no patch in the directory '{path}': give one that git format-patch -o "
            "wrote, or a Maildir"
        )
    names.sort(key=_order)
    contents = _contents([path / name for name in names])
    entries: list[Entry] = []
    for file, data in contents:
        entries += _entries(file, data)
    series = series_of(entries, str(path), blobs)
    notes = [*series.notes, *_gaps(names, series)]
    return Series(series.patches, tuple(notes), series.base_commit, series.alternatives)


def _order(name: str) -> tuple[int, int, str]:
    found = _PATCH.fullmatch(name)
    if found is None:
        return (0, 0, name)
    return (int(found[1] or 1), int(found[2]), name)


def _contents(files: list[Path]) -> list[tuple[Path, bytes]]:
    found = []
    total = 0
    for file in files:
        data = _content(file)
        total += len(data)
        if total > SERIES_LIMIT:
            raise PatchError(
                f"patches in '{file.parent}' are larger than {SERIES_LIMIT >> 20} MiB"
            )
        found.append((file, data))
    return found


def _entries(file: Path, data: bytes) -> list[Entry]:
    """Read one file of a directory: mails, or a diff without any."""
    name = str(file)
    if is_mail(data):
        messages = split_mailbox(data, name)
        return [entry for message in messages for entry in read_entries(message)]
    entry = Entry(Message(data, name), Letter(Tag(file.stem)), data)
    text = unix_lines(data)
    try:
        diff = read_diff(text, name)
    except NoDiffError as error:
        raise PatchError(error.message, error.coord) from error
    return [Entry(entry.message, entry.letter, text, diff)]


def _gaps(names: list[str], series: Series) -> list[str]:
    """Name numbers that are missing among the files, where no subject has any."""
    if any(patch.number for patch in series.patches):
        return []
    numbered = [found for name in names if (found := _PATCH.fullmatch(name))]
    numbers = sorted({int(found[2]) for found in numbered} - {0})
    every = spans(numbers)
    return [
        f"no file between number {before[1]} and {after[0]}"
        for before, after in pairwise(every)
    ]


def _read_maildir(path: Path, blobs: Blobs | None) -> Series:
    files = [
        path / folder / name
        for folder in ("cur", "new")
        for name in _listed(path / folder)
        if not name.startswith(".")
    ]
    if not files:
        raise PatchError(f"no mail in the Maildir '{path}'")
    files.sort(key=lambda file: _natural(file.name))
    entries: list[Entry] = []
    for file, data in _contents(files):
        if not data.strip():
            raise PatchError(f"mail '{file}' is empty")
        entries += read_entries(Message(data, str(file)))
    return series_of(entries, str(path), blobs)


def _natural(name: str) -> list[tuple[int, str]]:
    """Order names by the numbers in them, as ``git mailsplit`` does."""
    words = re.split(r"(\d{1,18})", name[:255])
    return [(int(word), "") if word.isdigit() else (-1, word) for word in words]
