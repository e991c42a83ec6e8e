"""What is there already, executed always, or in another order."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.mending import Mending
from harness.check.repairs.effects import covers, instructions_of
from harness.check.repairs.macros import literal
from harness.check.repairs.patched_code import PatchedCode, Place
from harness.check.repairs.placing import unbraced
from harness.check.repairs.source import Source, Statement
from harness.check.repairs.texts import Change
from reference_model.events import Tlbi

__all__ = ["swaps", "unconditional"]


def unconditional(code: PatchedCode, mending: Mending) -> Iterator[tuple[Change, ...]]:
    """Execute always what the patch executes on a condition, if it is missing."""
    wanted = _wanted(mending)
    seen: set[tuple[str, int]] = set()
    for place in _places(code, mending):
        source = code.source(place.coord.file)
        function = source.function_at(place.coord.line) if source else None
        if source is None or function is None:
            continue
        for branch in function.body.inner():
            key = (source.name, branch.start)
            if branch.kind != "if" or len(branch.body) != 1 or key in seen:
                continue
            seen.add(key)
            head = Change(source.name, branch.start, branch.head, "")
            if code.distance(head) or not _has(code, source, branch, wanted):
                continue
            for change in _weaker(source, branch):
                if code.distance(change) == 0:
                    yield (change,)
            if changes := unbraced(source, branch):
                yield changes


def _weaker(source: Source, branch: Statement) -> Iterator[Change]:
    """Yield changes that leave out one of the conditions that have to hold."""
    tokens = source.within(branch.start, branch.head)[2:-1]
    depth, last, parts = 0, 0, []
    for number, token in enumerate(tokens):
        depth += (token.text in "([{") - (token.text in ")]}")
        if not depth and token.text in ("||", "?"):
            return
        if not depth and token.text == "&&":
            parts.append((last, number))
            last = number + 1
    if not parts:
        return
    parts.append((last, len(tokens)))
    for start, stop in parts[::-1]:
        if start:
            yield Change(source.name, tokens[start - 2].end, tokens[stop - 1].end, "")
        else:
            yield Change(source.name, tokens[0].start, tokens[stop + 1].start, "")


def swaps(code: PatchedCode, mending: Mending) -> Iterator[tuple[Change, ...]]:
    """Execute what is missing behind a statement after it, not before it."""
    wanted = _wanted(mending)
    for missing in mending.missing[:1]:
        for place in code.places(missing.at) if missing.after else ():
            source, path = code.source(place.coord.file), code.path(place)
            if source is None or len(path) < 2:
                continue
            here = path[-1]
            earlier = [s for s in path[-2].body if s.end <= here.start]
            for statement in earlier[::-1]:
                simple = statement.kind == here.kind == "simple"
                if simple and _has(code, source, statement, wanted):
                    yield _exchanged(source, statement, here)
                    break


def _exchanged(source: Source, one: Statement, other: Statement) -> tuple[Change, ...]:
    first = source.text[one.start : one.end]
    second = source.text[other.start : other.end]
    return (
        Change(source.name, one.start, one.end, second),
        Change(source.name, other.start, other.end, first),
    )


def _wanted(mending: Mending) -> list[Tlbi]:
    return [
        event
        for missing in mending.missing
        for event in missing.events
        if isinstance(event, Tlbi)
    ]


def _places(code: PatchedCode, mending: Mending) -> Iterator[Place]:
    for missing in mending.missing:
        yield from code.places(missing.at)
    if mending.at is not None:
        yield from code.places(mending.at)


def _has(
    code: PatchedCode, source: Source, statement: Statement, wanted: list[Tlbi]
) -> bool:
    """Tell whether a statement is written to execute one of the TLBIs."""
    written = _executes(code, source, statement)
    return any(covers(text, event) for text in written for event in wanted)


def _executes(code: PatchedCode, source: Source, statement: Statement) -> set[str]:
    """Return the instructions that a statement is written to execute."""
    found: set[str] = set()
    asm = ""
    for token in source.within(statement.start, statement.end):
        if token.kind == "string":
            asm += literal(token)
            continue
        asm += ";"
        if token.kind == "name" and code.effects.function(token.text):
            found |= code.effects.reach(token.text).instructions
    return found | instructions_of(asm)
