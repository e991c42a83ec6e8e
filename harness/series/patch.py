"""A patch: which files it changes, where, and who wrote it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from harness.series.hunk import Hunk
from reference_model.coordinates import Coord

__all__ = ["SIZE_LIMIT", "FilePatch", "Patch", "Recovery"]

SIZE_LIMIT = 8 << 20  # bytes of one patch


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What the patch does to one file; ``old``/``new`` is None where there is none."""

    coord: Coord
    old: str | None
    new: str | None
    hunks: tuple[Hunk, ...] = ()
    old_mode: str = ""
    new_mode: str = ""
    old_blob: str = ""
    new_blob: str = ""

    @property
    def path(self) -> str:
        """Return the name after the patch, or before it if the file goes."""
        name = self.new if self.new is not None else self.old
        assert name is not None
        return name

    @property
    def names(self) -> tuple[str, ...]:
        """Return the one or two names that the patch gives the file."""
        found = [name for name in (self.old, self.new) if name is not None]
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Recovery:
    """How a patch was read out of a review.

    ``verified``: every post-image blob id of its index lines was reproduced.
    ``uncertain`` says what was guessed or had to be taken from the base file.
    """

    verified: bool
    uncertain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch as written: line numbers are those of its own hunk headers.

    ``data`` is what ``git apply`` reads. ``number`` and ``total`` are those of
    ``[PATCH n/m]``, 0 where the mail states none; ``date`` is the author's, as
    ISO 8601, or "". ``commit`` is the object id of a patch out of a repository,
    ``recipients`` whom a mail was sent to, ``heading`` its subject as it was sent.
    """

    name: str
    data: bytes
    files: tuple[FilePatch, ...]
    strip: int
    subject: str = ""
    author: str = ""
    message_id: str = ""
    references: tuple[str, ...] = ()
    date: str = ""
    number: int = 0
    total: int = 0
    version: int = 1
    recovery: Recovery | None = None
    commit: str = ""
    notes: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    heading: str = ""

    def touched(self, file: str, line: int) -> bool:
        """Tell whether a post-image line is added or follows a pure deletion."""
        name = posixpath.normpath(file)
        return any(
            line in hunk.touched()
            for part in self.files
            if part.new == name
            for hunk in part.hunks
        )
