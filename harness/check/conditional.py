"""Conditional groups of a source file: what lies between its directives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["dead_lines", "renumbered"]

_DIRECTIVE = re.compile(r"\s*#\s*(if|ifdef|ifndef|elif|else|endif|define)\b")
_RENUMBERING = re.compile(r"[ \t\f\v]*(?:#|%:)[ \t\f\v]*(?:line\b|\d)")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def renumbered(text: str) -> int | None:
    """Return the first line with a #line directive, behind which places may lie."""
    spliced = text.replace("\\\n", "\0")  # one line to the preprocessor
    plain = _COMMENT.sub(lambda m: "\n" * m.group().count("\n") or " ", spliced)
    number = 1
    for row in plain.split("\n"):
        if _RENUMBERING.match(row.replace("\0", "")):
            return number
        number += 1 + row.count("\0")
    return None


@dataclass(slots=True)
class _Group:
    """The lines of one branch of an #if, without those of inner ones."""

    lines: list[int] = field(default_factory=list)


def dead_lines(text: str, compiled: frozenset[int]) -> set[int]:
    """Return the lines of groups of which nothing reaches the compiler.

    ``compiled`` are the lines that leave something in preprocessed text.
    Comments, blank lines and directives are never returned.
    """
    plain = _COMMENT.sub(lambda m: "\n" * m.group().count("\n"), text)
    dead: set[int] = set()
    for group in _groups(plain.split("\n")):
        if group.lines and not compiled.intersection(group.lines):
            dead.update(group.lines)
    return dead


def _groups(lines: list[str]) -> Iterator[_Group]:
    """Yield every branch of a conditional."""
    stack = [_Group()]
    continued = False  # inside a directive that goes on behind a backslash
    for number, line in enumerate(lines, 1):
        directive = None if continued else _DIRECTIVE.match(line)
        inside = continued or line.lstrip().startswith("#")
        continued = inside and line.rstrip().endswith("\\")
        if directive is None:
            if not inside and line.strip():
                stack[-1].lines.append(number)
            continue
        word = directive[1]
        if word in ("elif", "else", "endif") and len(stack) > 1:
            yield stack.pop()
        if word.startswith("if") or word in ("elif", "else"):
            stack.append(_Group())
    yield from reversed(stack[1:])
