"""Several changes of one event, made at once."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TypeVar

from reference_model.events import Access, Barrier, Domain, Event, Repeat, Tlbi

__all__ = ["broadcast", "merged"]

_E = TypeVar("_E", bound=Event)


def broadcast(op: str) -> str:
    """Return the inner-shareable form of a local TLBI."""
    stem, scope, nxs = _split(op)
    return stem + (scope or "IS") + nxs


def merged(original: Event, first: Event, second: Event) -> Event:
    """Join two changes of an event: what either makes stronger stays so."""
    if first == original or type(first) is not type(second):
        return second
    match original, first, second:
        case Repeat(), Repeat(), Repeat() if len(first.body) == len(second.body):
            bodies = zip(original.body, first.body, second.body, strict=True)
            return replace(second, body=tuple(merged(*each) for each in bodies))
        case Tlbi(), Tlbi(), Tlbi():
            op = _operation(original.op, first.op, second.op)
            return replace(_latest(original, first, second), op=op)
        case Barrier(), Barrier(), Barrier():
            return _barrier(original, first, second)
        case _:
            return _latest(original, first, second)


def _latest(original: _E, first: _E, second: _E) -> _E:
    """Return ``first`` with the fields that ``second`` has changed."""
    changed = {
        field.name: getattr(second, field.name)
        for field in fields(second)
        if getattr(second, field.name) != getattr(original, field.name)
    }
    return replace(first, **changed)


def _barrier(original: Barrier, first: Barrier, second: Barrier) -> Barrier:
    order = list(Domain)
    return replace(
        _latest(original, first, second),
        domain=max(first.domain, second.domain, key=order.index),
        access=Access.ALL
        if Access.ALL in (first.access, second.access)
        else first.access,
        nxs=first.nxs and second.nxs,
    )


def _operation(original: str, first: str, second: str) -> str:
    """Return the mnemonic that removes what both remove."""
    was, one, two = _split(original), _split(first), _split(second)
    stem = one[0] if two[0] == was[0] else two[0]
    scope = one[1] or two[1]
    nxs = one[2] if one[2] == two[2] else ""
    return stem + scope + nxs


def _split(op: str) -> tuple[str, str, str]:
    """Split a mnemonic into what it does, IS or OS, and NXS."""
    nxs = "NXS" if op.endswith("NXS") else ""
    stem = op.removesuffix("NXS")
    scope = next((s for s in ("IS", "OS") if stem.endswith(s)), "")
    return stem.removesuffix(scope) if scope else stem, scope, nxs
