"""Compute what a patch makes of a file, and git's name for the result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from harness.series.blobs import Blobs
from harness.series.patch import FilePatch, Patch

__all__ = ["Images", "has_id", "post_image"]


def has_id(content: bytes, prefix: str) -> bool:
    """Tell whether a file's content has this id, perhaps abbreviated."""
    blob = b"blob %d\0%s" % (len(content), content)
    sha1 = hashlib.sha1(blob, usedforsecurity=False).hexdigest()
    return sha1.startswith(prefix) or (
        hashlib.sha256(blob).hexdigest().startswith(prefix)
    )


def post_image(content: bytes, part: FilePatch) -> bytes | None:
    """Apply hunks exactly where they say; None if one does not stand there."""
    pieces = content.split(b"\n")
    lines = [piece + b"\n" for piece in pieces[:-1]]
    lines += [piece for piece in pieces[-1:] if piece]
    found: list[bytes] = []
    at = 0
    for hunk in part.hunks:
        start = hunk.old_start - (1 if hunk.old_count else 0)
        before = [text for origin, text in hunk.lines if origin != "+"]
        if start < at or lines[start : start + len(before)] != before:
            return None
        found += [*lines[at:start], *hunk.post_image()]
        at = start + len(before)
    return b"".join([*found, *lines[at:]])


class Images:
    """Follow the files of a series from patch to patch, as far as ids lead."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._made: dict[str, bytes] = {}

    def misfits(self, patch: Patch) -> list[FilePatch]:
        """Return the files whose hunks do not fit the pre-image that is named."""
        return [part for part in self._with_ids(patch) if self._image(part) is None]

    def unlike(self, patch: Patch) -> list[FilePatch]:
        """Return the files that come out otherwise than their index line says."""
        found = []
        for part in self._with_ids(patch):
            image = self._image(part)
            if image is None:
                continue
            self._made[part.new_blob] = image
            if part.new is not None and not has_id(image, part.new_blob):
                found.append(part)
        return found

    def _with_ids(self, patch: Patch) -> Iterable[FilePatch]:
        for part in patch.files:
            if part.old_blob and part.hunks and self._before(part) is not None:
                yield part

    def _before(self, part: FilePatch) -> bytes | None:
        if not part.old_blob.strip("0"):
            return b"" if part.old is None else None
        made = self._made.get(part.old_blob)
        return self._blobs.by_id(part.old_blob) if made is None else made

    def _image(self, part: FilePatch) -> bytes | None:
        before = self._before(part)
        return None if before is None else post_image(before, part)
