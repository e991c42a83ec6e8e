"""Conditional groups of a source file: what lies between its directives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

__all__ = ["Branch", "branches", "dead_lines", "renumbered"]

_DIRECTIVE = re.compile(r"\s*(?:#|%:)\s*(if|ifdef|ifndef|elif|else|endif)\b")
_ASSEMBLY = re.compile(r"\b__ASSEMBL(?:Y|ER)__\b")
_CONSTANT = re.compile(r"\(?[01]\)?")
_RENUMBERING = re.compile(r"[ \t\f\v]*(?:#|%:)[ \t\f\v]*(?:line\b|\d)")
_COMMENT = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|/\*.*?\*/|//[^\n]*""",
    re.DOTALL,
)


def renumbered(text: str) -> int | None:
    """Return the first line with a #line directive, behind which places may lie."""
    spliced = text.replace("\\\n", "\0")  # one line to the preprocessor
    plain = _COMMENT.sub(_blank, spliced)
    number = 1
    for row in plain.split("\n"):
        if _RENUMBERING.match(row.replace("\0", "")):
            return number
        number += 1 + row.count("\0")
    return None


def _blank(found: re.Match[str]) -> str:
    """Return what is left of a string, which is all, or of a comment: its lines."""
    return found["string"] or "\n" * found[0].count("\n") or " "


@dataclass(slots=True)
class _Group:
    """The lines of one branch of an #if, without those of inner ones.

    ``directive`` is the line that it begins with, ``end`` that of the #endif.
    """

    directive: int = 0
    word: str = ""
    condition: str = ""
    lines: list[int] = field(default_factory=list)
    inner: list[int] = field(default_factory=list)  # of the branches in it
    end: int = 0


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch of an #if, by its number; the last may be an #else not written."""

    number: int
    of: int
    line: int  # of the #if
    taken: bool


def dead_lines(text: str, compiled: frozenset[int]) -> set[int]:
    """Return the lines of groups of which nothing reaches the compiler.

    ``compiled`` are the lines that leave something in preprocessed text.
    Comments, blank lines and directives are never returned.
    """
    plain = _COMMENT.sub(_blank, text)
    dead: set[int] = set()
    for group in _groups(plain.split("\n")):
        if group.lines and not compiled.intersection(group.lines):
            dead.update(group.lines)
    return dead


def branches(
    text: str, compiled: frozenset[int], touched: Callable[[int], bool]
) -> list[Branch]:
    """Return the branches of each #if of which a directive is touched.

    Nothing is said of one without any code.  The #ifndef that keeps a header
    from being read twice, and what asks for assembly, can go one way only.
    """
    plain = _COMMENT.sub(_blank, text)
    lines = plain.split("\n")
    found: list[Branch] = []
    for groups in _conditionals(lines):
        if _one_way(groups, lines) or not _is_touched(groups, touched):
            continue
        taken = [not compiled.isdisjoint((*g.lines, *g.inner)) for g in groups]
        if groups[-1].word != "else":
            taken.append(not any(taken))
        line = groups[0].directive
        of = len(taken)
        found += [Branch(n, of, line, each) for n, each in enumerate(taken, 1)]
    return found


def _is_touched(groups: list[_Group], touched: Callable[[int], bool]) -> bool:
    last = groups[-1]
    # A line deleted before it touches an #endif as well, but moves no end.
    moved = touched(last.end) and any(map(touched, (*last.lines, *last.inner)))
    return moved or any(touched(group.directive) for group in groups)


def _one_way(groups: list[_Group], lines: list[str]) -> bool:
    first = groups[0]
    if _ASSEMBLY.search(first.condition) or _CONSTANT.fullmatch(first.condition):
        return True
    if first.word != "ifndef":
        return False
    behind = (row.split() for row in lines[first.directive :] if row.strip())
    guard = ["#define", *first.condition.split()]
    return next(behind, []) == guard


def _conditionals(lines: list[str]) -> Iterator[list[_Group]]:
    """Yield the branches of each conditional."""
    chain: dict[int, list[_Group]] = {}
    for group in _groups(lines):
        chain.setdefault(group.end, []).append(group)
    for end in sorted(chain):
        if end:
            yield sorted(chain[end], key=lambda group: group.directive)


def _groups(lines: list[str]) -> Iterator[_Group]:
    """Yield every branch of a conditional."""
    stack = [_Group()]
    chains: list[list[_Group]] = []  # the branches of those that are open
    continued = False  # inside a directive that goes on behind a backslash
    for number, line in enumerate(lines, 1):
        directive = None if continued else _DIRECTIVE.match(line)
        inside = continued or line.lstrip().startswith(("#", "%:"))
        continued = inside and line.rstrip().endswith("\\")
        if directive is None:
            if not inside and line.strip():
                stack[-1].lines.append(number)
                for around in stack[1:-1]:
                    around.inner.append(number)
            continue
        word = directive[1]
        if word in ("elif", "else", "endif") and len(stack) > 1:
            stack.pop()
            if word == "endif":
                for group in chains.pop():
                    group.end = number
                    yield group
        if word.startswith("if"):
            chains.append([])
        if word.startswith("if") or (word in ("elif", "else") and chains):
            condition = line[directive.end() :].strip()
            stack.append(_Group(number, word, condition))
            chains[-1].append(stack[-1])
    for chain in chains:
        yield from chain
