"""Translates the programs of a test for the exploration of all executions."""

from __future__ import annotations

from dataclasses import replace

from harness.errors import ParseError, Unsupported
from harness.litmus.condition import Atom, atoms
from harness.litmus.instructions import (
    Address,
    Barrier,
    Cell,
    Entry,
    Eret,
    Hvc,
    Instruction,
    Isb,
    Load,
    Msr,
    Number,
    Place,
    Register,
    Stage,
    Store,
    Tlbi,
    Wait,
)
from harness.litmus.names import AddressKind
from harness.litmus.operand import operand
from harness.litmus.register_value import register_value, start_registers
from harness.litmus.test import PeProgram, Test
from harness.litmus.world import World
from reference_model.exploration import program as explored
from reference_model.profiles import Profile

__all__ = ["observed", "program_of"]

# That neighbours of a Contiguous member reach its memory, and faults by nT.
_NOT_EXPLORED = ("contiguous", "nT")
_ORDERS = {
    "LDR": explored.Order.PLAIN,
    "LDAR": explored.Order.ACQUIRE,
    "LDAPR": explored.Order.ACQUIRE_PC,
    "STR": explored.Order.PLAIN,
    "STLR": explored.Order.RELEASE,
}


def program_of(test: Test, world: World, profile: Profile) -> explored.Program:
    """Return the program that the PEs of a test run on one profile."""
    _check_registers(test)
    _check_attributes(test)
    threads = tuple(_thread(test, world, pe, profile.vmid_bits) for pe in test.pes)
    cells = tuple(
        observed(atom, world, test) for atom in _condition_atoms(test) if atom.pe < 0
    )
    # After the registers: they may have made one more root.
    identity = frozenset(world.stage1_pages) if test.stages == 2 else frozenset()
    identity -= _mapped_by_the_test(test, world)
    return explored.Program(
        threads,
        {**world.descriptors, **world.data},
        identity,
        tuple(dict.fromkeys(cells)),
        profile,
    )


def _mapped_by_the_test(test: Test, world: World) -> frozenset[int]:
    """Return the IPAs that have a stage-2 descriptor a program may change."""
    return frozenset(
        world.names.number(mapping.address)
        for mapping in test.mappings
        if mapping.stage is Stage.S2
    )


def observed(atom: Atom, world: World, test: Test) -> int:
    """Return the physical address that an atom about memory is about."""
    if atom.cell is not None:
        return world.cell(atom.cell, next(iter(test.vms)))[0]
    assert atom.memory is not None
    return world.names.number(atom.memory, AddressKind.PA)


def _condition_atoms(test: Test) -> list[Atom]:
    return [] if test.condition is None else list(atoms(test.condition))


def _check_registers(test: Test) -> None:
    """Refuse a question about what no instruction of a PE does."""
    loaded = set()
    labels = set()
    for pe in test.pes:
        for each in pe.body + pe.on_fault:
            if isinstance(each, (Load, Wait)):
                loaded.add((pe.number, each.register))
            if isinstance(each, (Load, Wait, Store)):
                labels.add((pe.number, each.label))
    for atom in _condition_atoms(test):
        if atom.label:
            if (atom.pe, atom.label) not in labels:
                raise ParseError(
                    f"pe {atom.pe} has no load or store at {atom.label}", atom.coord
                )
        elif atom.pe >= 0 and (atom.pe, atom.register) not in loaded:
            raise ParseError(f"pe {atom.pe} never loads r{atom.register}", atom.coord)


def _check_attributes(test: Test) -> None:
    """Refuse descriptors whose effect an exploration does not know."""
    stores = (
        each.value
        for pe in test.pes
        for each in pe.body + pe.on_fault
        if isinstance(each, Store)
    )
    tables = (entry for table in test.tables for _, entry in table.entries)
    mapped = (mapping.entry for mapping in test.mappings)
    for entry in (*mapped, *tables, *stores):
        if isinstance(entry, Entry):
            for word in _NOT_EXPLORED:
                if word in entry.attributes:
                    raise Unsupported(entry.coord, f"'{word}' in an exploration")


def _thread(test: Test, world: World, pe: PeProgram, vmid_bits: int) -> explored.Thread:
    translator = _Translator(test, world, pe)
    code = translator.code(pe.body, pe.el)
    handler = None
    if pe.on_fault:
        handler = translator.code(pe.on_fault, pe.fault_el)
    earlier = tuple(
        start_registers(test, world, context, vmid_bits) for context in pe.after
    )
    return explored.Thread(
        code,
        start_registers(test, world, pe.context, vmid_bits),
        pe.el,
        earlier,
        on_fault=handler,
        fault_to=pe.fault_el,
    )


class _Translator:
    def __init__(self, test: Test, world: World, pe: PeProgram) -> None:
        self._test = test
        self._world = world
        self._pe = pe
        self._el: int | None = None  # None: it depends on the fault

    def code(
        self, body: tuple[Instruction, ...], el: int | None
    ) -> tuple[explored.Instruction, ...]:
        """Translate instructions that start at an EL."""
        self._el = el
        return tuple(self._labelled(each) for each in body)

    def _labelled(self, each: Instruction) -> explored.Instruction:
        return replace(
            self._instruction(each),
            label=f"{self._pe.number}: {each.text}",
            address_from=_names(each.address_from),
            control_from=_names(each.control_from),
        )

    def _instruction(self, each: Instruction) -> explored.Instruction:
        world, context = self._world, self._pe.context
        match each:
            case Load(op=op, register=register, place=place):
                return explored.Load(f"r{register}", self._at(place), _ORDERS[op])
            case Wait(op=op, register=register, place=place, value=value):
                where = self._at(place)
                return explored.Wait(f"r{register}", where, value, _ORDERS[op])
            case Store(op=op):
                data = _names(each.data_from)
                return explored.Store(*self._stored(each), _ORDERS[op], data)
            case Tlbi(times=times):
                if times != 1:
                    raise ParseError("'times' belongs to a trace", each.coord)
                return explored.Tlbi(each.op, operand(each, world, context))
            case Barrier(kind=kind, domain=domain, access=access, nxs=nxs):
                return explored.Barrier(kind, domain, access, nxs)
            case Msr():
                value = register_value(each, world, self._test)
                return explored.Msr(each.register, value)
            case _:
                return self._simple(each)

    def _simple(self, each: Instruction) -> explored.Instruction:
        match each:
            case Isb():
                return explored.Isb()
            case Eret():
                self._enter(1, each)
                return explored.Eret()
            case Hvc():
                self._enter(2, each)
                return explored.ExceptionEntry()
        raise Unsupported(each.coord, f"'{each.text}' in a program")

    def _enter(self, el: int, each: Instruction) -> None:
        if self._el == el:
            raise ParseError(f"{each.text} at EL{el} already", each.coord)
        self._el = el

    def _at(self, place: Place) -> explored.Address:
        world = self._world
        if isinstance(place, Cell):
            return explored.Physical(world.cell(place, self._pe.context)[0])
        kind = world.names.kind(place) if place.name else None
        if kind in (None, AddressKind.PA):
            return explored.Physical(world.names.number(place))
        self._check_el(place, kind)
        return explored.Virtual(world.names.number(place))

    def _check_el(self, place: Address, kind: AddressKind | None) -> None:
        wanted = 2 if kind is AddressKind.HYP else 1
        if self._el not in (None, wanted):
            raise ParseError(
                f"'{place}' is an address of EL{wanted}, and this runs at EL{self._el}",
                place.coord,
            )
        if kind is AddressKind.IPA and self._world.has_stage1(self._pe.context):
            raise ParseError(
                f"'{place}' is an intermediate physical address, and stage 1 is on",
                place.coord,
            )

    def _stored(self, each: Store) -> tuple[explored.Address, explored.Value]:
        match each.value:
            case Number(value=number):
                return self._at(each.place), number
            case Register(number=number):
                return self._at(each.place), explored.Reg(f"r{number}")
        if not isinstance(each.place, Cell):
            raise ParseError("a descriptor goes into S1(), S2() or H()", each.coord)
        pa, value = self._world.stored(each.value, each.place, self._pe.context)
        return explored.Physical(pa), value


def _names(registers: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"r{number}" for number in registers)
