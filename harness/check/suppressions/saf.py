"""SAF comments: how Xen's source says that a finding of an analyser is known.

``/* SAF-7-safe why */`` in the line above, or at the end of the line itself, names
an entry of ``docs/misra/safe.json``; one whose "analyser" holds "harness" says which
rule is meant.  ``SAF-7-false-positive-harness`` is one of
``docs/misra/false-positive-harness.json``, with the rule as "violation-id".
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["DATABASES", "Database", "Entry", "Tag", "database", "tags_of"]

# A file, and how the tags of its entries end.
DATABASES = {
    "docs/misra/safe.json": "safe",
    "docs/misra/false-positive-harness.json": "false-positive-harness",
}
_TOOL = "harness"
_LIMIT = 1 << 20  # bytes of a database
_REASON = 500  # characters
_TAG = re.compile(
    r"/\*\s*(SAF-(?:0|[1-9][0-9]{0,8})-(?:safe|false-positive-harness))(?![\w-])"
)
_COMMENT = re.compile(r"\s*/\*(?:(?!\*/).)*\*/\s*", re.DOTALL)
_LINES = 20  # of one comment


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a database; ``rule`` is "" where it is for other analysers."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Database:
    """The entries of one file by tag; ``broken`` says why it cannot be used."""

    entries: dict[str, Entry] = field(default_factory=dict)
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag, and the lines of its comment."""

    name: str
    first: int
    last: int

    @property
    def file(self) -> str:
        """Return the database that it belongs to."""
        ends = DATABASES.items()
        return next(file for file, end in ends if self.name.endswith(f"-{end}"))


# --------------------------------------------------------------------- comments


def tags_of(lines: Sequence[str], number: int) -> list[Tag]:
    """Return the tags of a line: those at its end, and in the comments above it."""
    if not 1 <= number <= len(lines):
        return []
    found = [Tag(m[1], number, number) for m in _TAG.finditer(lines[number - 1])]
    last = number - 1
    while last > 0:
        first = _beginning(lines, last)
        if first is None:
            break
        text = "\n".join(lines[first - 1 : last])
        found += [Tag(m[1], first, last) for m in _TAG.finditer(text)]
        last = first - 1
    return found


def _beginning(lines: Sequence[str], last: int) -> int | None:
    """Return where the comment begins that ends in a line; None if it is code."""
    if not lines[last - 1].rstrip().endswith("*/"):
        return None
    for first in range(last, max(0, last - _LINES), -1):
        if "/*" in lines[first - 1]:
            text = "\n".join(lines[first - 1 : last])
            return first if _COMMENT.fullmatch(text) else None
    return None


# --------------------------------------------------------------------- database


def database(content: bytes | None, name: str) -> Database:
    """Read a database; one that is not there has no entries."""
    if content is None:
        return Database()
    try:
        return Database(_entries(content, name))
    except _BrokenError as broken:
        return Database(broken=f"{name} cannot be used: {broken}")


class _BrokenError(Exception):
    """A database is not of the form that Xen's documentation gives."""


def _entries(content: bytes, name: str) -> dict[str, Entry]:
    if len(content) > _LIMIT:
        raise _BrokenError(f"it is longer than {_LIMIT} bytes")
    try:
        data = json.loads(content)
    except json.JSONDecodeError as error:
        raise _BrokenError(f"no JSON at line {error.lineno}") from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise _BrokenError("no JSON in UTF-8") from None
    listed = data.get("content") if isinstance(data, dict) else None
    if not isinstance(listed, list):
        raise _BrokenError("it has no list 'content'")
    entries: dict[str, Entry] = {}
    for item in listed:
        tag, entry = _entry(item)
        if tag in entries:
            raise _BrokenError(f"two entries are called '{tag}'")
        if tag.endswith(f"-{DATABASES[name]}"):
            entries[tag] = entry
    return entries


def _entry(item: object) -> tuple[str, Entry]:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        raise _BrokenError("an entry has no 'id'")
    tag: str = item["id"]
    analysers = item.get("analyser", {})
    if not isinstance(analysers, dict):
        raise _BrokenError(f"'analyser' of '{tag}' is no object")
    rule = analysers.get(_TOOL, item.get("violation-id", ""))
    texts = [item.get("name", ""), item.get("text", "")]
    if not isinstance(rule, str) or not all(isinstance(text, str) for text in texts):
        raise _BrokenError(f"the rule, 'name' or 'text' of '{tag}' is no string")
    reason = " ".join(". ".join(text for text in texts if text).split())
    return tag, Entry(rule, reason[:_REASON])
