"""Put statements before or after another one, the way the code around is laid out."""

from __future__ import annotations

import re

from harness.check.repairs.source import Source, Statement
from harness.check.repairs.texts import Change

__all__ = ["beside", "unbraced"]

_REST = re.compile(r"[ \t]*(?:/\*[^\n]*?\*/[ \t]*)?\n")
_COMMENT = re.compile(r"^[ \t]*/\*(?:(?!\*/).)*\*/[ \t]*\n\Z", re.M | re.S)
_DIRECTIVE = re.compile(r"^[ \t]*#", re.M)
_STEP = "    "


def beside(
    source: Source, statement: Statement, lines: tuple[str, ...], *, after: bool
) -> tuple[Change, ...]:
    """Return the changes; () where the layout leaves no place for them."""
    inside = source.text[statement.start : statement.end]
    if not _own_line(source, statement) or _DIRECTIVE.search(inside):
        return ()
    indent = source.indent(statement.start)
    lines = _needed(source, statement, lines, after=after)
    text = "".join(f"{indent}{line}\n" for line in lines)
    end = _line_end(source, statement)
    if end is None or (statement.declares and not after):
        return ()
    if statement.alone:
        return _braced(source, statement, text, end, after=after)
    if after:
        if _declaration_follows(source, statement):
            return ()
        return (Change(source.name, end, end, text),)
    if statement.labelled:
        return ()
    start = _above(source, statement)
    return (Change(source.name, start, start, text),)


def _above(source: Source, statement: Statement) -> int:
    """Return where the line of a statement starts, or of the comment on it."""
    start = source.line_start(source.line_of(statement.start))
    found = _COMMENT.search(source.text, source.last_end(statement.start), start)
    return found.start() if found else start


def _needed(
    source: Source, statement: Statement, lines: tuple[str, ...], *, after: bool
) -> tuple[str, ...]:
    """Leave out what would be executed twice in a row."""
    here = source.text[statement.start : statement.end]
    around = [s for s in source.siblings(statement) if s.kind == "simple"]
    before = [s for s in around if s.end <= statement.start][-1:]
    behind = [s for s in around if s.start >= statement.end][:1]
    previous = [here] if after else [source.text[s.start : s.end] for s in before]
    following = [source.text[s.start : s.end] for s in behind] if after else [here]
    if len(lines) > 1 and lines[:1] == tuple(previous):
        lines = lines[1:]
    if len(lines) > 1 and lines[-1:] == tuple(following):
        lines = lines[:-1]
    return lines


def _own_line(source: Source, statement: Statement) -> bool:
    line = source.line_start(source.line_of(statement.start))
    return not source.text[line : statement.start].strip()


def _line_end(source: Source, statement: Statement) -> int | None:
    """Return where the line of its end ends, if nothing else is on it."""
    found = _REST.match(source.text, statement.end)
    return found.end() if found else None


def _braced(
    source: Source, statement: Statement, text: str, end: int, *, after: bool
) -> tuple[Change, ...]:
    """Put braces around the only statement of a branch, and the new ones into them."""
    start, head = statement.around
    outer = source.indent(start)
    opening = source.line_start(source.line_of(head) + 1)
    if opening > statement.start:
        return ()
    before = f"{outer}{{\n" + ("" if after else text)
    behind = (text if after else "") + f"{outer}}}\n"
    return (
        Change(source.name, opening, opening, before),
        Change(source.name, end, end, behind),
    )


def _declaration_follows(source: Source, statement: Statement) -> bool:
    """Tell whether a declaration comes next: no statement may come before one."""
    behind = [s for s in source.siblings(statement) if s.start >= statement.end]
    return bool(behind) and behind[0].declares


def unbraced(source: Source, branch: Statement) -> tuple[Change, ...]:
    """Leave out the condition of a branch: its body is executed always."""
    body = branch.body[0]
    start = source.line_start(source.line_of(branch.start))
    if not _own_line(source, branch) or len(branch.body) != 1:
        return ()
    if body.kind == "compound":
        inner = source.text[body.head : body.end - 1]
        if not inner.startswith("\n"):
            return ()
        text = inner[1:].rstrip(" \t")
    else:
        first = source.line_start(source.line_of(branch.head - 1) + 1)
        text = source.text[first : body.end] + "\n"
        if first > body.start or "#" in text:
            return ()
    end = _line_end(source, branch)
    if end is None:
        return ()
    outer = source.indent(branch.start)
    inner_indent = outer + _STEP
    moved = "".join(
        outer + line[len(inner_indent) :] if line.startswith(inner_indent) else line
        for line in text.splitlines(keepends=True)
    )
    return (Change(source.name, start, end, moved),)
