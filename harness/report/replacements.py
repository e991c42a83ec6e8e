"""A unified diff as replacements of whole lines, by file."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Replacement", "region", "replacements"]

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? ")


@dataclass(frozen=True, slots=True)
class Replacement:
    """``count`` lines from ``line`` on become ``text``; 0 lines: it goes before."""

    line: int
    count: int
    text: str


def replacements(diff: str) -> dict[str, list[Replacement]]:
    """Return what a diff replaces."""
    found: dict[str, list[Replacement]] = {}
    file, line, start, deleted = "", 0, 0, 0
    added: list[str] = []

    def finish() -> None:
        nonlocal deleted
        if deleted or added:
            text = "".join(f"{each}\n" for each in added)
            found.setdefault(file, []).append(Replacement(start, deleted, text))
        deleted = 0
        added.clear()

    for text in diff.split("\n"):
        head = _HUNK.match(text)
        if text.startswith(("--- a/", "diff --git ")):
            finish()
            continue
        if text.startswith("+++ b/"):
            file = text.removeprefix("+++ b/")
        elif head is not None:
            finish()
            # Of an insertion the line before it is named.
            line = int(head[1]) + (head[2] == "0")
        elif text[:1] in ("-", "+"):
            if not deleted and not added:
                start = line
            if text[0] == "-":
                deleted += 1
                line += 1
            else:
                added.append(text[1:])
        elif text[:1] == " ":
            finish()
            line += 1
    finish()
    return found


def region(replacement: Replacement) -> dict[str, int]:
    """Return what is replaced as a SARIF region."""
    first, after = replacement.line, replacement.line + replacement.count
    return {"startLine": first, "startColumn": 1, "endLine": after, "endColumn": 1}
