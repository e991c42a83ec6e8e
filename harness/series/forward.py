"""Follow a line of a file through a later patch of its series."""

from __future__ import annotations

from harness.series.hunk import Hunk
from harness.series.view import View

__all__ = ["forward"]


def forward(view: View, file: str, line: int) -> tuple[str, int] | None:
    """Return where a line from before the last patch is now; None if it is gone."""
    assert view.patch is not None
    for part in view.patch.files:
        if part.old != file:
            continue
        if part.new is None:
            return None
        if part.new != file and file in view.files:
            continue  # copied: the file itself stays
        offsets = view.offsets.get(part.path, (0,) * len(part.hunks))
        moved = _through(part.hunks, offsets, line)
        return None if moved is None else (part.new, moved)
    return file, line


def _through(
    hunks: tuple[Hunk, ...], offsets: tuple[int, ...], line: int
) -> int | None:
    shift = 0  # of the lines behind the hunks so far
    for hunk, offset in zip(hunks, offsets, strict=True):
        new = hunk.post_index(offset) + 1
        old = new - shift
        if line < old:
            break
        for origin, _ in hunk.lines:
            if origin != "+" and old == line:
                return new if origin == " " else None
            old += origin != "+"
            new += origin != "-"
        shift = new - old
    return line + shift
