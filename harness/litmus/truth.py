"""Whether what a condition is made of holds of one final result."""

from __future__ import annotations

from harness.errors import ParseError
from harness.litmus.condition import Atom, holds
from harness.litmus.instructions import Cell, Content, Load, Wait
from harness.litmus.program import observed
from harness.litmus.test import Test
from harness.litmus.world import World
from reference_model.exploration.program import Fault, FaultKind, Outcome

__all__ = ["ends_as_asked"]

_KINDS = {
    "translation": FaultKind.TRANSLATION,
    "permission": FaultKind.PERMISSION,
    "access": FaultKind.ACCESS_FLAG,
}


def ends_as_asked(test: Test, world: World, outcome: Outcome) -> bool:
    """Evaluate the condition of a test."""
    assert test.condition is not None
    return holds(test.condition, lambda atom: _true(atom, test, world, outcome))


def _true(atom: Atom, test: Test, world: World, outcome: Outcome) -> bool:
    if atom.label:
        return any(
            number == atom.pe and _is_at(atom, label) and _matches(atom, fault)
            for number, label, fault in outcome.faults
        )
    if atom.pe < 0:
        value = outcome.cell(observed(atom, world, test))
        return value == _wanted(atom, atom.cell, next(iter(test.vms)), world)
    found = outcome.register(atom.pe, f"r{atom.register}")
    if isinstance(found, Fault):
        return atom.value is None and atom.entry is None and _matches(atom, found)
    if atom.entry is None:
        return found == atom.value
    return found == _wanted(atom, _loaded_from(atom, test), _context(atom, test), world)


def _is_at(atom: Atom, label: str) -> bool:
    return label.startswith(f"{atom.pe}: {atom.label}:")


def _matches(atom: Atom, fault: Fault) -> bool:
    """Tell whether a fault is the one that is asked for."""
    return (
        (atom.stage is None or atom.stage == fault.stage)
        and (atom.level is None or atom.level == fault.level)
        and (not atom.kind or _KINDS[atom.kind] is fault.kind)
    )


def _wanted(atom: Atom, cell: Cell | None, context: str, world: World) -> int | None:
    if atom.entry is None:
        return atom.value
    if atom.entry.content is Content.INVALID:
        return 0
    assert cell is not None
    return world.stored(atom.entry, cell, context)[1]


def _context(atom: Atom, test: Test) -> str:
    return test.pes[atom.pe].context


def _loaded_from(atom: Atom, test: Test) -> Cell:
    """Return the descriptor whose value a register holds."""
    pe = test.pes[atom.pe]
    for each in pe.body + pe.on_fault:
        if not isinstance(each, (Load, Wait)) or each.register != atom.register:
            continue
        if isinstance(each.place, Cell):
            return each.place
    raise ParseError(
        f"r{atom.register} of pe {atom.pe} is not loaded from a descriptor", atom.coord
    )
