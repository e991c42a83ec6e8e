"""Statements to add: instructions, or calls of functions that execute them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.check.causes.edits import instruction
from harness.check.mending import Mending, Missing
from harness.check.repairs.macros import spelled
from harness.check.repairs.patched_code import PatchedCode, Place
from harness.check.repairs.placing import beside
from harness.check.repairs.source import Source, Statement
from harness.check.repairs.texts import Change
from harness.ir.nodes import FunctionDef
from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    Event,
    Isb,
    Repeat,
    Store,
    Tlbi,
)
from reference_model.tlbi import By, decode_operation

__all__ = ["insertions", "stronger_calls"]

_CALLS = 3  # functions tried for one step at one place
_LOOPS = frozenset({"for", "while", "do"})


@dataclass(frozen=True, slots=True)
class _Spot:
    """A statement that something may be put before or after."""

    place: Place
    source: Source
    statement: Statement
    after: bool
    repeated: bool  # in a loop of the function
    away: int  # calls and statements between it and the event


def insertions(
    code: PatchedCode, mending: Mending
) -> Iterator[tuple[bool, int, tuple[Change, ...]]]:
    """Add what is missing.

    Yields with it whether it is in a loop, and how far from the event.
    """
    if len(mending.missing) != 1:
        return
    missing = mending.missing[0]
    for spot in _spots(code, mending, missing):
        for lines in _lines(code, spot, missing):
            change = beside(spot.source, spot.statement, lines, after=spot.after)
            if change:
                yield spot.repeated, spot.away, change


def stronger_calls(
    code: PatchedCode, mending: Mending
) -> Iterator[tuple[bool, int, tuple[Change, ...]]]:
    """Call what removes more than is missing: correct, where nothing less is.

    Yields the same with it.
    """
    if len(mending.missing) != 1:
        return
    missing = mending.missing[0]
    wanted = [event for event in missing.events if isinstance(event, Tlbi)]
    if not wanted or _no_call(missing.events) or isinstance(missing.events[0], Store):
        return
    for spot in _spots(code, mending, missing):
        for call in _calls(code, spot, code.effects.stronger(wanted[0])):
            change = beside(spot.source, spot.statement, (call,), after=spot.after)
            if change:
                yield spot.repeated, spot.away, change


def _spots(code: PatchedCode, mending: Mending, missing: Missing) -> Iterator[_Spot]:
    """Yield the places of the events, and of the branches and loops around them."""
    sides = [(missing.at, missing.after)]
    if mending.at is not None and mending.at.coord != missing.at.coord:
        sides.append((mending.at, True))
    for origin, after in sides:
        for calls, place in enumerate(code.places(origin)):
            source = code.source(place.coord.file)
            path = code.path(place)
            assert source is not None
            for depth in range(len(path) - 1, 0, -1):
                statement = path[depth]
                if statement.kind == "compound":
                    continue
                repeated = any(
                    s.kind in _LOOPS or s.kind not in ("compound", "if", "switch")
                    for s in path[:depth]
                )
                away = calls + len(path) - 1 - depth
                yield _Spot(place, source, statement, after, repeated, away)


def _lines(
    code: PatchedCode, spot: _Spot, missing: Missing
) -> Iterator[tuple[str, ...]]:
    """Yield statements that come to the events, the shortest first."""
    events = missing.events
    wanted = [event for event in events if isinstance(event, Tlbi)]
    if _no_call(events):
        return
    if isinstance(events[0], Store):
        for broken in _breaks(code, spot):
            for call in _exact(code, spot, wanted[-1]) if wanted else ():
                yield (broken, call)
        return
    if wanted:
        before = events[0]
        stronger = isinstance(before, Barrier) and before.access is Access.ALL
        for call in _exact(code, spot, wanted[0]):
            yield (call,)
            if stronger:
                yield (spelled(_plain(before), code.macros), call)
    if all(_is_plain(event) for event in events):
        yield tuple(spelled(_plain(event), code.macros) for event in events)


def _no_call(events: tuple[Event, ...]) -> bool:
    """Tell of what goes by address: to flush all is not what the code is for."""
    return any(isinstance(event, Repeat) for event in events) or any(
        isinstance(event, Tlbi) and _addressed(event) for event in events
    )


def _addressed(event: Tlbi) -> bool:
    by = decode_operation(event.op).by
    return by in (By.INTERMEDIATE, By.RANGE) or (by is By.VIRTUAL and event.operand > 0)


def _is_plain(event: Event) -> bool:
    """Tell whether an event is an instruction without operand."""
    return isinstance(event, (Barrier, Isb, Tlbi))


def _plain(event: Event) -> str:
    if isinstance(event, Isb):
        return "isb"
    if isinstance(event, Barrier) and event.kind is BarrierKind.DMB:
        return f"dmb {event.domain.value}{event.access.value}"
    text = instruction(event).lower()
    virtual = isinstance(event, Tlbi) and decode_operation(event.op).by is By.VIRTUAL
    return f"{text}, xzr" if virtual else text


# ---------------------------------------------------------------------- calls


def _exact(code: PatchedCode, spot: _Spot, wanted: Tlbi) -> Iterator[str]:
    """Yield calls of functions that execute a TLBI."""
    return _calls(code, spot, code.effects.reaching(f"tlbi {wanted.op.lower()}"))


def _calls(code: PatchedCode, spot: _Spot, names: Iterator[str]) -> Iterator[str]:
    """Yield calls of functions with what is in scope, the first few."""
    count = 0
    for name in names:
        call = _call(code, spot, name)
        if call:
            yield call
            count += 1
        if count == _CALLS:
            return


def _call(code: PatchedCode, spot: _Spot, name: str) -> str:
    """Return a call with variables of just the types wanted, or ""."""
    function = code.effects.function(name)
    around = code.effects.function(spot.place.function)
    if function is None or around is None or function.variadic:
        return ""
    if spot.place.function in code.effects.reach(name).functions:
        return ""  # it would call itself
    scope = _in_scope(around, spot)
    arguments: list[str] = []
    for parameter in function.parameters:
        fitting = [n for n, t in scope if t == str(parameter.type)]
        if len(fitting) != 1:
            return ""  # none, or a guess
        arguments.append(fitting[0])
    return f"{name}({', '.join(arguments)});"


def _in_scope(around: FunctionDef, spot: _Spot) -> list[tuple[str, str]]:
    """Return name and type of the variables that are named before a statement."""
    function = spot.source.function_at(spot.source.line_of(spot.statement.start))
    if function is None:
        return []
    before = {
        token.text
        for token in spot.source.within(function.start, spot.statement.start)
        if token.kind == "name"
    }
    variables = dict.fromkeys(
        (v.name, str(v.type)) for v in (*around.parameters, *around.variables)
    )
    return [(name, kind) for name, kind in variables if name in before]


def _breaks(code: PatchedCode, spot: _Spot) -> Iterator[str]:
    """Yield calls that store to the same descriptor with arguments of the same call.

    A function that calls the one that stores, and is given all but the value.
    """
    stored = code.effects.function(spot.place.callee)
    arguments = _arguments(spot)
    if stored is None or len(arguments) != len(stored.parameters):
        return
    types = [str(p.type) for p in stored.parameters]
    count = 0
    for name in code.effects.calling(spot.place.callee):
        function = code.effects.function(name)
        if (
            function is None
            or spot.place.function in code.effects.reach(name).functions
        ):
            continue
        chosen = _subsequence([str(p.type) for p in function.parameters], types)
        if chosen and len(chosen) < len(types):
            yield f"{name}({', '.join(arguments[n] for n in chosen)});"
            count += 1
        if count == _CALLS:
            return


def _subsequence(wanted: list[str], types: list[str]) -> list[int]:
    """Return where the wanted types are among others, in order; [] if not."""
    found: list[int] = []
    number = 0
    for each in wanted:
        while number < len(types) and types[number] != each:
            number += 1
        if number == len(types):
            return []
        found.append(number)
        number += 1
    return found


def _arguments(spot: _Spot) -> list[str]:
    """Return the arguments of the call at a spot, as they are written."""
    tokens = spot.source.within(spot.statement.start, spot.statement.head)
    names = [n for n, t in enumerate(tokens) if t.text == spot.place.callee]
    if len(names) != 1 or tokens[names[0] + 1].text != "(":
        return []
    depth, start, found = 0, tokens[names[0] + 1].end, []
    for token in tokens[names[0] + 1 :]:
        depth += (token.text in "([{") - (token.text in ")]}")
        if not depth or (depth == 1 and token.text == ","):
            found.append(" ".join(spot.source.text[start : token.start].split()))
            start = token.end
        if not depth:
            break
    return found
