"""One file's part of a diff as written, and what it says of that file."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.errors import PatchError
from harness.series.filename import check_name, strip_prefix
from harness.series.hunk import Hunk
from harness.series.patch import FilePatch
from reference_model.coordinates import Coord

__all__ = ["FilePart", "common_strip", "finish"]


# Git's ids of a file that is not there, and of an empty one.
_NOTHING = (
    "0" * 64,
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
)


def _is_empty(blob: str) -> bool:
    return any(nothing.startswith(blob) for nothing in _NOTHING)


@dataclass(slots=True)
class FilePart:
    """One file's part as written: names still carry their prefix.

    ``strip`` is how many components of the names are a prefix, None where the
    part does not tell. ``start`` and ``end`` are the lines it was read from;
    ``special`` is the mode of a symbolic link or submodule.
    """

    coord: Coord
    old: str | None
    new: str | None
    is_git: bool
    hunks: list[Hunk] = field(default_factory=list)
    strip: int | None = 1
    start: int = 0
    end: int = 0
    created: bool = False
    deleted: bool = False
    copied: bool = False
    renamed_from: str | None = None
    renamed_to: str | None = None
    old_mode: str = ""
    new_mode: str = ""
    old_blob: str = ""
    new_blob: str = ""
    special: str = ""
    special_coord: Coord | None = None

    @property
    def changes_metadata(self) -> bool:
        """Tell whether a part without hunks does anything."""
        renamed = self.renamed_from is not None or self.renamed_to is not None
        moded = self.old_mode != self.new_mode
        return self.created or self.deleted or renamed or moded

    @property
    def changes_content(self) -> bool:
        """Tell whether the ids say that there must be hunks."""
        before, after = (
            "" if _is_empty(blob) else blob for blob in (self.old_blob, self.new_blob)
        )
        return before != after

    def learn_strip(self) -> None:
        """Tell by the names on rename lines, which have none, what is a prefix."""
        if self.renamed_from is None or self.renamed_to is None:
            return
        if self.old is None or self.new is None:
            self.strip = None
        elif (self.old, self.new) == (self.renamed_from, self.renamed_to):
            self.strip = 0

    @property
    def plain_names(self) -> list[str]:
        """Return every name that the part gives its file, without prefix."""
        marked = [name for name in (self.old, self.new) if name is not None]
        strip = 1 if self.strip is None else self.strip
        names = [strip_prefix(name, strip) for name in marked]
        moved = (self.renamed_from, self.renamed_to)
        names += [name for name in moved if name is not None]
        return list(dict.fromkeys(names))


def common_strip(parts: list[FilePart], top: Coord) -> int:
    """Return how many leading components git is to drop from every name."""
    strips = {part.strip for part in parts if part.strip is not None}
    if len(strips) > 1:
        raise PatchError("some file names carry a/ and b/ and some do not", top)
    return strips.pop() if strips else 1


def finish(part: FilePart, strip: int) -> FilePatch:
    """Return what a part does to its file, as git apply would understand it."""
    if part.renamed_from is not None or part.renamed_to is not None:
        old, new = part.renamed_from, part.renamed_to
    else:
        old = None if part.old is None else strip_prefix(part.old, strip)
        new = None if part.new is None else strip_prefix(part.new, strip)
        if not part.is_git and not part.created and not part.deleted:
            # As git apply does: the second name, but not "file.orig" for "file".
            old = new = old if old and new and new.startswith(old) else new
    if part.created:
        old = None
    if part.deleted:
        new = None
    if not old and not new:
        raise PatchError("patch names no file here", part.coord)
    for name in (old, new):
        if name is not None:
            check_name(name, part.coord)
    return FilePatch(
        part.coord,
        old,
        new,
        tuple(part.hunks),
        part.old_mode,
        part.new_mode,
        part.old_blob,
        part.new_blob,
    )
