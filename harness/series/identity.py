"""What a patch is known by in every version of a series, wherever it applies."""

from __future__ import annotations

import hashlib

from harness.series.hunk import Hunk
from harness.series.patch import FilePatch, Patch

__all__ = ["identity"]


def identity(patch: Patch) -> str:
    """Digest what a patch changes, as ``git patch-id --stable`` does.

    Line numbers, blob ids, white space, the order of files and the message do
    not count.  The digest is not git's.
    """
    files = sorted(_file(part) for part in patch.files)
    return hashlib.sha256(b"".join(files)).hexdigest()[:16]


def _file(part: FilePatch) -> bytes:
    digest = hashlib.sha256()
    for name in (part.old or "", part.new or "", part.old_mode, part.new_mode):
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0")
    for hunk in part.hunks:
        digest.update(_hunk(hunk))
    return digest.digest()


def _hunk(hunk: Hunk) -> bytes:
    return b"".join(
        origin.encode() + b"".join(text.split()) + b"\n" for origin, text in hunk.lines
    )
