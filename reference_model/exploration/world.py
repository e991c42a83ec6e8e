"""What does not change while a program runs: its code, cells and addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reference_model.addresses import page_of
from reference_model.assumptions import Assumptions
from reference_model.exploration.contexts import (
    Context,
    Registers,
    contexts,
    el2_contexts,
    initial_registers,
    written,
)
from reference_model.exploration.held import HeldKind
from reference_model.exploration.matching import Readings
from reference_model.exploration.ordering import Code, constrain
from reference_model.exploration.program import (
    Eret,
    ExceptionEntry,
    Instruction,
    Load,
    Msr,
    Physical,
    Program,
    Store,
    Thread,
    Virtual,
    Wait,
)
from reference_model.exploration.tlbs import Tlbs
from reference_model.exploration.walks import Tables, Walking
from reference_model.profiles import AT_SPECULATE, REPEAT_TLBI
from reference_model.unmodelled import Unmodelled

__all__ = ["World"]


class World:
    """A program prepared for exploring.

    ``cells`` lists the addresses that some store may write, ``walked`` those of
    them that a walk may read: the rest of memory never changes.
    """

    def __init__(self, program: Program, assumptions: Assumptions) -> None:
        _refuse(assumptions)
        self.program = program
        self.assumptions = assumptions
        profile = program.profile
        level = assumptions.ets_level
        self.ets = profile.ets if level is None else level
        self.repeat = REPEAT_TLBI in profile.errata
        self.speculative_at = (
            AT_SPECULATE in profile.errata or not assumptions.out_of_context_no_fill
        )
        self.readings = Readings(
            assumptions.ntlbpa_any_tlbi, assumptions.asid_tlbi_walkcache
        )
        self.threads = program.threads
        self.pages = [_pages(thread) for thread in self.threads]
        self._walking: dict[
            tuple[int, int, Registers, tuple[Context, ...]], tuple[Walking, ...]
        ] = {}
        self._codes: dict[tuple[int, tuple[int, ...]], Code] = {}
        universe = _Universe(program)
        self.cells = universe.cells
        self.place_of = {pa: place for place, pa in enumerate(self.cells)}
        self.targets = universe.targets
        self.ipas = universe.ipas
        self.walked = tuple(pa for pa in self.cells if pa in universe.read)
        self.walked_set = frozenset(self.walked)
        fixed = {k: v for k, v in program.memory.items() if k not in self.place_of}
        self.fixed = fixed
        self.tlbs = Tlbs(
            Tables(
                fixed,
                {pa: place for place, pa in enumerate(self.walked)},
                program.identity_ipas,
                not profile.ntlbpa,
                universe.split,
            )
        )

    def code(self, pe: int, faults: tuple[int, ...]) -> Code:
        """Return the code of a PE after faults were taken at some places.

        The first leads to ``on_fault``; another ends the thread.
        """
        found = self._codes.get((pe, faults))
        if found is None:
            thread = self.threads[pe]
            code = thread.code
            if faults:
                code = (*code[: faults[0] + 1], *(thread.on_fault or ()))
            if len(faults) > 1:
                code = code[: faults[1] + 1]
            found = constrain(code, self.ets, frozenset(faults))
            self._codes[pe, faults] = found
        return found

    def walking(
        self, pe: int, el: int, registers: Registers, draining: tuple[Context, ...]
    ) -> tuple[Walking, ...]:
        """List the contexts a PE may walk in now.

        At EL2 the EL1&0 regime is out of context (R_NRJPP), but for walks begun
        before and, with the AT_SPECULATE erratum, any mix of registers.
        """
        key = (pe, el, registers, draining)
        known = self._walking.get(key)
        if known is None:
            known = self._walking[key] = self._walked(pe, el, registers, draining)
        return known

    def _walked(
        self, pe: int, el: int, registers: Registers, draining: tuple[Context, ...]
    ) -> tuple[Walking, ...]:
        pages1, pages2 = self.pages[pe]
        found: list[Walking] = []
        if pages1:
            inside = el == 1 or self.speculative_at
            bits = self.program.profile.vmid_bits
            known = contexts(registers, bits) if inside else ()
            found += [
                Walking(context, pages1, self.ipas)
                for context in dict.fromkeys((*known, *draining))
            ]
        if pages2:
            found += [Walking(context, pages2) for context in el2_contexts(registers)]
        return tuple(one for one in found if _translates(one.context))

    def fill_at_start(self, pe: int) -> tuple[Walking, ...]:
        """List the contexts whose entries a PE may hold from before."""
        thread = self.threads[pe]
        found: dict[Walking, None] = {}
        for given in (thread.registers, *thread.earlier):
            registers = initial_registers(given)
            found.update(dict.fromkeys(self.walking(pe, 1, registers, ())))
        return tuple(found)


# Assumptions that an exploration could depend on and does not know how to.
_FIXED = (
    "combined_tlb",
    "one_ipas2_per_block",
    "single_pe",
    "dsb_transitive",
    "dsb_nsh_completes_is",
    "altp2m",
    "repeat_tlbi_s2_forms",
    "a32_tlbi_program_order",
)


def _refuse(assumptions: Assumptions) -> None:
    for name in _FIXED:
        if getattr(assumptions, name) != getattr(Assumptions(), name):
            raise Unmodelled(f"assumption {name} other than its default")


def _translates(context: Context) -> bool:
    return context.root1 is not None or context.root2 is not None


def _pages(thread: Thread) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """List the pages that a thread addresses at EL1 and at EL2."""
    found: dict[int, set[int]] = {1: set(), 2: set()}
    el = thread.el
    for one in thread.code:
        if isinstance(one, Eret):
            el = 1
        elif isinstance(one, ExceptionEntry):
            el = 2
        found[el].update(_virtual_page(one))
    for one in thread.on_fault or ():
        for pages in found.values():
            pages.update(_virtual_page(one))
    return tuple(sorted(found[1])), tuple(sorted(found[2]))


def _virtual_page(one: Instruction) -> Iterator[int]:
    if isinstance(one, Load | Wait | Store) and isinstance(one.address, Virtual):
        yield page_of(one.address.va)


class _Reads(dict[int, int]):
    """The places of cells; notes which are asked for."""

    def __init__(self, places: Mapping[int, int]) -> None:
        super().__init__(places)
        self.asked: set[int] = set()

    def get(self, key: int, default: int | None = None) -> int | None:  # type: ignore[override]
        self.asked.add(key)
        return super().get(key, default)


class _Universe:
    """Everything that any walk could ever give, whatever is stored when.

    Finds the cells that stores may reach: a store by virtual address reaches
    what some walk over some mix of all values ever stored gives it.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._contexts = [_all_contexts(t, program) for t in program.threads]
        self.split = any(c.root2 for known in self._contexts for c in known)
        self.read: set[int] = set()
        self.targets: dict[int, frozenset[int]] = {}
        self.cells: tuple[int, ...] = ()
        self.ipas: tuple[int, ...] = ()
        values = self._stored()
        while True:
            self.cells = tuple(sorted(values))
            self._walk(values)
            grown = self._stored()
            if grown == values:
                return
            values = grown

    def _stored(self) -> dict[int, frozenset[int]]:
        found: dict[int, set[int]] = {}
        for thread in self._program.threads:
            for one in (*thread.code, *(thread.on_fault or ())):
                if isinstance(one, Store):
                    for pa in self._reached(one):
                        found.setdefault(pa, set()).update(self._values(one))
        memory = self._program.memory
        return {pa: frozenset(v | {memory.get(pa, 0)}) for pa, v in found.items()}

    def _reached(self, one: Store) -> Iterator[int]:
        if isinstance(one.address, Physical):
            yield one.address.pa
        else:
            yield from self.targets.get(one.address.va, ())

    def _values(self, one: Store) -> frozenset[int]:
        if isinstance(one.value, int):
            return frozenset({one.value})
        constants = {
            other.value
            for thread in self._program.threads
            for other in (*thread.code, *(thread.on_fault or ()))
            if isinstance(other, Store) and isinstance(other.value, int)
        }
        return frozenset({0, *constants, *self._program.memory.values()})

    def _walk(self, values: dict[int, frozenset[int]]) -> None:
        places = _Reads({pa: place for place, pa in enumerate(self.cells)})
        fixed = {k: v for k, v in self._program.memory.items() if k not in values}
        tables = Tables(fixed, places, self._program.identity_ipas, False, True)
        view = tuple(tuple(sorted(values[pa])) for pa in self.cells)
        tlbs = Tlbs(tables)
        found: dict[int, set[int]] = {}
        ipas: set[int] = set()
        for thread, known in zip(self._program.threads, self._contexts, strict=True):
            pages1, pages2 = _pages(thread)
            walking = tuple(
                Walking(c, pages2 if c.el2 else pages1) for c in known if _translates(c)
            )
            held = tlbs.close(0, view, walking)
            ipas |= {
                e.output
                for e in tlbs.entries(held)
                if e.kind in (HeldKind.S1, HeldKind.S1W) and not e.el2
            }
            for context in known:
                for va in _addresses(thread):
                    if page_of(va) in (pages2 if context.el2 else pages1):
                        for result in tlbs.translations(
                            held, view, context, va, write=False
                        ):
                            if result.pa >= 0:
                                found.setdefault(va, set()).add(result.pa)
        self.targets = {va: frozenset(pas) for va, pas in found.items()}
        self.ipas = tuple(sorted(ipas - self._program.identity_ipas))
        self.read = places.asked


def _addresses(thread: Thread) -> Iterator[int]:
    for one in (*thread.code, *(thread.on_fault or ())):
        if isinstance(one, Load | Wait | Store) and isinstance(one.address, Virtual):
            yield one.address.va


def _all_contexts(thread: Thread, program: Program) -> tuple[Context, ...]:
    found: dict[Context, None] = {}
    bits = program.profile.vmid_bits
    for given in (thread.registers, *thread.earlier):
        registers = initial_registers(given)
        for one in (*thread.code, *(thread.on_fault or ())):
            if isinstance(one, Msr):
                registers = written(registers, one.register, one.value)
        found.update(dict.fromkeys(contexts(registers, bits)))
        found.update(dict.fromkeys(el2_contexts(registers)))
    return tuple(found)
