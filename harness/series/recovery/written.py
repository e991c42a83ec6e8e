"""Write the hunks that were recovered as a patch that git reads."""

from __future__ import annotations

from collections.abc import Sequence

from harness.series.recovery.outline import FileText
from harness.series.recovery.proof import Placed
from harness.series.recovery.reading import Reading

__all__ = ["write_file"]

_NO_NEWLINE = b"\n\\ No newline at end of file\n"


def write_file(
    part: FileText,
    base: Sequence[bytes],
    hunks: Sequence[tuple[Placed, Reading, bytes]],
) -> bytes:
    """Return the diff of one file; each hunk comes with the words of its header."""
    old = _encode(part.old or part.new)
    new = _encode(part.new or part.old)
    out = [b"diff --git a/%s b/%s\n" % (old, new)]
    out.extend(line + b"\n" for line in part.extended)
    if part.old_blob:
        mode = b" " + part.mode.encode() if part.mode else b""
        ids = (part.old_blob.encode(), part.new_blob.encode(), mode)
        out.append(b"index %s..%s%s\n" % ids)
    if hunks:
        out.append(b"--- a/%s\n" % old if part.old else b"--- /dev/null\n")
        out.append(b"+++ b/%s\n" % new if part.new else b"+++ /dev/null\n")
    shift = 0
    for placed, reading, section in hunks:
        out.extend(_hunk(base, placed, reading, section, shift))
        made = sum(step.kind != "-" for step in reading.steps)
        shift += made - placed.old_count
    return b"".join(out)


def _encode(name: str | None) -> bytes:
    return (name or "").encode("utf-8", "surrogateescape")


def _hunk(
    base: Sequence[bytes], placed: Placed, reading: Reading, section: bytes, shift: int
) -> list[bytes]:
    made = sum(step.kind != "-" for step in reading.steps)
    start = placed.first + (placed.old_count > 0)
    new_start = placed.first + shift + (made > 0)
    words = b" " + section if section else b""
    numbers = (start, placed.old_count, new_start, made, words)
    out = [b"@@ -%d,%d +%d,%d @@%s\n" % numbers]
    for step in reading.steps:
        if step.kind == "+":
            line = step.texts[0] + (b"\n" if step.newline else b"")
        else:
            line = base[placed.first + step.old]
        line = line if line.endswith(b"\n") else line + _NO_NEWLINE
        out.append(step.kind.encode() + line)
    return out
