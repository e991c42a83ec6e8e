"""The machine and an enumerating model of EL2, IOMMUs and Contiguous groups agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive_regime_entries import SLOTS, World
from naive_regimes import NaiveRegimes

from reference_model.entries import TABLE_KINDS, Tag, entry_of
from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    CacheOp,
    Domain,
    Eret,
    Event,
    ExceptionEntry,
    IommuFlush,
    Isb,
    Lock,
    Msr,
    Release,
    Store,
    TableFree,
    Tlbi,
    Unlock,
)
from reference_model.machine import Machine, Start
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.shareability import Iommu
from reference_model.tables import Link

pytestmark = pytest.mark.long

ROOT, OTHER, TABLE, SPARE = (0x1_0000 + 0x1000 * n for n in range(4))
X, Y = 0x8000_0000, 0xC000_0000
S1_LEAF = 3 << 53 | 1 << 10 | 3 << 8 | 1 << 6  # XN, AF, inner shareable, AP[1]
S1_READ_ONLY, NOT_GLOBAL = S1_LEAF | 1 << 7, 1 << 11
S2_LEAF, S2_READ_ONLY = 0x7FC, 0x77C
CONTIGUOUS = 1 << 52
TCR = 64 - 30  # walks of 30 bits start at level 2
E2H = 1 << 34
VTTBR = 1 << 48 | ROOT
TABLES = (ROOT, OTHER, TABLE, SPARE)
# The unused slot stands for all others, which no operation by address takes.
ADDRESSES = [(a << 21) + (b << 12) for a in (0, 1) for b in (0, 1)]

Found = set[tuple[int, str, int, str]]


def el2_world(*, asids: bool, lingers: bool = True, contiguous: bool = False) -> World:
    """Return two PEs in one EL2 tree; another root is there to switch to."""
    nong = NOT_GLOBAL if asids else 0
    mark = CONTIGUOUS if contiguous else 0
    memory = {page + 8 * n: 0 for page in TABLES for n in (0, 1)}
    memory |= {
        ROOT: TABLE | 3,
        ROOT + 8: X + 0x20_0000 | S1_LEAF | nong | 1,
        TABLE: X | S1_LEAF | nong | mark | 3,
        TABLE + 8: X + 0x1000 | S1_LEAF | mark | 3,
        OTHER: SPARE | 3,
    }
    registers = {
        "TTBR0_EL2": (1 << 48 if asids else 0) | ROOT,
        "TCR_EL2": TCR,
        "SCTLR_EL2": 1,
        "HCR_EL2": E2H if asids else 0,
    }
    return World(
        memory, (dict(registers), dict(registers)), asids=asids, lingers=lingers
    )


def stage2_world(
    *, inner: tuple[int, ...] = (0, 0), iommus: tuple[bool, ...] = ()
) -> World:
    """Return two PEs that run one VM, and IOMMUs that share its tables."""
    memory = {page + 8 * n: 0 for page in TABLES for n in (0, 1)}
    memory |= {
        ROOT: TABLE | 3,
        ROOT + 8: X + 0x20_0000 | S2_LEAF | 1,
        TABLE: X | S2_LEAF | CONTIGUOUS | 3,
        TABLE + 8: X + 0x1000 | S2_LEAF | CONTIGUOUS | 3,
    }
    registers = {"VTTBR_EL2": VTTBR, "VTCR_EL2": TCR, "HCR_EL2": 1 | 3 << 9}
    two = (dict(registers), dict(registers))
    return World(memory, two, stage2=True, inner=inner, iommus=iommus)


def machine_of(world: World) -> Machine:
    """Return the machine for a world."""
    profile = replace(
        ARCHITECTURE_PROFILES["P0-v8.0"],
        ntlbpa=not world.copies,
        ets=0 if world.lingers else 2,
    )
    start = Start(
        2,
        dict(world.memory),
        tuple(dict(r) for r in world.registers),
        inner=world.inner,
        iommus=tuple(Iommu(VTTBR, TCR, coherent) for coherent in world.iommus),
    )
    return Machine(profile, start)


# ----------------------------------------------------------------- strategies


@st.composite
def stores(draw: st.DrawFn, pe: int, world: World, *, marked: bool) -> Store:
    """Draw a store of a plausible descriptor."""
    page = draw(st.sampled_from([TABLE, TABLE, ROOT, SPARE]))
    slot = draw(st.sampled_from([0, 1]))
    top = page == ROOT
    place = slot << (21 if top else 12)
    leaf, fixed = (S2_LEAF, S2_READ_ONLY) if world.stage2 else (S1_LEAF, S1_READ_ONLY)
    kind = 1 if top else 3
    values = [0, 0, 0]
    values += [base + place | leaf | kind for base in (X, X, Y)]
    values += [X + place | fixed | kind, (X + place | leaf | kind) & ~(1 << 10)]
    if world.asids:
        values += [v | NOT_GLOBAL for v in values[3:]] * 2
    if marked:
        values += [v | CONTIGUOUS for v in values[3:]] * 2
    if top:
        values += [TABLE | 3, SPARE | 3, TABLE | 3]
    release = draw(st.sampled_from([False] * 4 + [True]))
    return Store(pe, page + 8 * slot, draw(st.sampled_from(values)), release)


def dsbs(pe: int) -> st.SearchStrategy[Barrier]:
    """Choose a barrier, most often a DSB ISH."""
    common = [Barrier(pe, BarrierKind.DSB, Domain.ISH)] * 6
    rest = [
        Barrier(pe, kind, domain, access)
        for kind in BarrierKind
        for domain in Domain
        for access in Access
    ]
    return st.sampled_from(common + rest)


@st.composite
def tlbis(draw: st.DrawFn, pe: int, world: World) -> Tlbi:
    """Draw a TLBI."""
    address = draw(st.sampled_from(ADDRESSES)) >> 12
    scope = draw(st.sampled_from(["IS", "IS", "IS", "", "OS"]))
    if world.stage2:
        op = draw(
            st.sampled_from(["VMALLS12E1", "IPAS2E1", "IPAS2E1", "IPAS2LE1", "VMALLE1"])
        )
        return Tlbi(pe, op + scope, address if op.startswith("IPA") else 0)
    op = draw(st.sampled_from(["ALLE2", "ALLE2", "VAE2", "VAE2", "VALE2", "ALLE1"]))
    asid = draw(st.sampled_from([1, 1, 2])) if world.asids else 0
    return Tlbi(pe, op + scope, asid << 48 | address if op.startswith("VA") else 0)


@st.composite
def flushes(draw: st.DrawFn, pe: int, world: World) -> list[Event]:
    """Draw a flush by the book, or nearly."""
    ishst = Barrier(pe, BarrierKind.DSB, Domain.ISH, Access.ST)
    ish = Barrier(pe, BarrierKind.DSB, Domain.ISH)
    if world.stage2:
        flush: list[Event] = [ishst, Tlbi(pe, "VMALLS12E1IS"), ish]
        if draw(st.booleans()):
            ipa = draw(st.sampled_from(ADDRESSES)) >> 12
            by_ipa: list[Event] = [Tlbi(pe, "IPAS2E1IS", ipa)]
            if draw(st.booleans()):
                by_ipa += [Tlbi(pe, "IPAS2E1IS", n) for n in (0, 1)]
            flush = [ishst, *by_ipa, ish, Tlbi(pe, "VMALLE1IS"), ish]
    else:
        op = draw(st.sampled_from(["ALLE2IS", "ALLE2IS", "VAE2IS"]))
        va = draw(st.sampled_from(ADDRESSES)) >> 12
        asid = draw(st.sampled_from([1, 1, 2])) if world.asids else 0
        operand = asid << 48 | va if op == "VAE2IS" else 0
        flush = [ishst, Tlbi(pe, op, operand), ish, Isb(pe)]
    flush += [IommuFlush(pe, n) for n in range(len(world.iommus))]
    if draw(st.integers(0, 2)) == 0:
        del flush[draw(st.integers(0, len(flush) - 1))]
    return flush


@st.composite
def phrases(draw: st.DrawFn, world: World, *, marked: bool) -> list[Event]:
    """Draw a few events that make some sense together."""
    pe = draw(st.sampled_from([0, 0, 1]))
    match draw(st.integers(0, 15)):
        case 0 | 1 | 2 | 3:
            return [draw(stores(pe, world, marked=marked))]
        case 4 | 5 | 6:
            return draw(flushes(pe, world))
        case 7:
            return [draw(tlbis(pe, world))]
        case 8:
            return [draw(dsbs(pe))]
        case 9:
            return [Release(pe, "point")]
        case 10:
            page = draw(st.sampled_from([TABLE, SPARE]))
            return [TableFree(pe, page)]
        case 11:
            body = [
                Lock(pe, "l"),
                draw(stores(pe, world, marked=marked)),
                Unlock(pe, "l"),
            ]
            other = 1 - pe
            return [
                *body,
                Lock(other, "l"),
                *draw(flushes(other, world)),
                Unlock(other, "l"),
            ]
        case 12 if world.iommus:
            store = draw(stores(pe, world, marked=marked))
            clean = CacheOp(
                draw(st.sampled_from([pe, pe, 1 - pe])), "DC CVAC", store.pa
            )
            return draw(
                st.sampled_from(
                    [[store, clean], [store, clean], [clean, store], [clean]]
                )
            )
        case 13 if not world.stage2:
            asid = draw(st.sampled_from([0, 1, 2])) if world.asids else 0
            root = draw(st.sampled_from([ROOT, ROOT, OTHER]))
            off, on = Msr(pe, "SCTLR_EL2", 0), Msr(pe, "SCTLR_EL2", 1)
            switch: Event = Msr(pe, "TTBR0_EL2", asid << 48 | root)
            flush = draw(flushes(pe, world))
            return draw(
                st.sampled_from(
                    [
                        [switch],
                        [switch, Isb(pe)],
                        [off, Isb(pe)],
                        [on],
                        [off, Isb(pe), *flush, switch, Isb(pe), on, Isb(pe)],
                        [off, Isb(pe), *flush, on, Isb(pe)],
                    ]
                )
            )
        case 14 if world.stage2:
            return [draw(st.sampled_from([Eret(pe), ExceptionEntry(pe)]))]
        case _:
            return [Isb(pe)]


def sensible(events: Iterable[Event], world: World, flying: int = 4) -> list[Event]:
    """Leave out what the PE cannot do at its EL, and TLBIs beyond a number."""
    el2 = [True, True]
    pending: list[Tlbi] = []
    kept: list[Event] = []
    for event in events:
        match event:
            case Eret() | ExceptionEntry():
                if el2[event.pe] != isinstance(event, Eret):
                    continue
                el2[event.pe] = not el2[event.pe]
            case _ if not el2[event.pe]:
                continue
            case Tlbi():
                if len(pending) >= flying:
                    continue
                pending.append(event)
            case Barrier(kind=BarrierKind.DSB, access=Access.ALL, domain=domain):
                near = domain is Domain.ISH and len(set(world.inner)) == 1
                if near or domain in (Domain.OSH, Domain.SY):
                    pending = [t for t in pending if t.pe != event.pe]
        kept.append(event)
    return kept


def traces(world: World, *, marked: bool) -> st.SearchStrategy[list[Event]]:
    """Choose a trace in a world."""
    beginning: list[Event] = [Eret(1)] if world.stage2 else []
    return st.builds(
        lambda middle: sensible(
            [*beginning, *(e for phrase in middle for e in phrase), Release(0, "end")],
            world,
        ),
        st.lists(phrases(world, marked=marked), min_size=1, max_size=8),
    )


# ----------------------------------------------------------------- comparison

COMPARED = ("S1", "S1W", "S2", "S2W", "S12")


def machine_says(world: World, trace: list[Event]) -> tuple[Found, Machine]:
    """Run the machine."""
    machine = machine_of(world)
    found: Found = set()
    for v in machine.run(trace):
        if v.kind.value in COMPARED and v.broken.value in ("O1", "O2", "O4", "O5"):
            late = " unsynchronised" if v.reason == "unsynchronised" else ""
            index = -1 if v.broken.value == "O2" else v.index
            late = late if v.broken.value == "O1" else ""
            kind = "" if v.broken.value == "O5" else v.kind.value
            found.add((index, v.broken.value + late, v.pe, kind))
    return found, machine


def naive_says(world: World, trace: list[Event]) -> tuple[Found, NaiveRegimes]:
    """Run the model."""
    naive = NaiveRegimes(world)
    for event in trace:
        naive.step(event)
    found = {
        (-1 if broken == "O2" else index, broken, pe, kind)
        for index, broken, pe, kind in naive.violations
    }
    return found, naive


def machine_holds(machine: Machine, walker: int) -> set[tuple[object, ...]]:
    """List the leaves that the machine lets a walker hold."""
    tlb = machine.tlbs[walker]
    entries = [e for e in tlb.stale if e.kind not in TABLE_KINDS]
    for tag, root in list(tlb._filled):
        for top in machine.tables.space(root).tops:
            links: list[Link] = list(machine.tables.links(top))
            for link in links:
                if link.descriptor.kind.value == "table":
                    links += list(machine.tables.links(link.child))
                for kind in tlb.kinds_of(link):
                    entry = entry_of(kind, Tag(*tag), link)
                    if kind not in TABLE_KINDS and tlb.may_hold(entry, machine.now):
                        entries.append(entry)
    return {
        (
            e.kind.value,
            e.asid,
            e.link.ia,
            e.link.descriptor.level,
            e.link.descriptor.output,
        )
        for e in entries
        if e.kind.value in COMPARED
        if e.link.ia >> e.link.table.shift & 511 in SLOTS
    }


def naive_holds(naive: NaiveRegimes, walker: int) -> set[tuple[object, ...]]:
    """List the leaves that the model lets a walker hold."""
    return {
        (entry.kind, entry.asid, leaf.address, leaf.level, leaf.output)
        for entry in naive.held(walker)
        for leaf in [naive.leaf(entry)]
        if leaf is not None
    }


def agree(world: World, trace: list[Event]) -> None:
    """Compare verdicts, and what may be held at the end; stop at an O5."""
    naive_found, _ = naive_says(world, trace)
    clashes = [index for index, broken, _, _ in naive_found if broken == "O5"]
    trace = trace[: min(clashes) + 1] if clashes else trace
    naive_found, naive = naive_says(world, trace)
    machine_found, machine = machine_says(world, trace)
    assert machine_found == naive_found
    for walker in naive.walkers:
        assert machine_holds(machine, walker) == naive_holds(naive, walker)


def examples(count: int) -> settings:
    """Return the settings of all tests here."""
    return settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


EL2 = el2_world(asids=False)
EL2_ETS2 = el2_world(asids=False, lingers=False)
EL2_MARKED = el2_world(asids=False, contiguous=True)
EL20 = el2_world(asids=True)
EL2_COPIES = EL2._replace(copies=True)
EL20_COPIES = EL20._replace(copies=True)
GUESTS = stage2_world()
DOMAINS = stage2_world(inner=(0, 1))
IOMMUS = stage2_world(iommus=(True, False))


@examples(400)
@given(traces(EL2, marked=False))
def test_el2(trace: list[Event]) -> None:
    agree(EL2, trace)


@examples(200)
@given(traces(EL2_ETS2, marked=False))
def test_el2_with_ets2(trace: list[Event]) -> None:
    agree(EL2_ETS2, trace)


@examples(400)
@given(traces(EL20, marked=False))
def test_el2_with_asids(trace: list[Event]) -> None:
    agree(EL20, trace)


@examples(200)
@given(traces(EL2_COPIES, marked=False))
def test_copies_at_el2(trace: list[Event]) -> None:
    agree(EL2_COPIES, trace)


@examples(200)
@given(traces(EL20_COPIES, marked=False))
def test_copies_with_asids(trace: list[Event]) -> None:
    agree(EL20_COPIES, trace)


@examples(400)
@given(traces(EL2_MARKED, marked=True))
def test_contiguous_at_el2(trace: list[Event]) -> None:
    agree(EL2_MARKED, trace)


@examples(400)
@given(traces(GUESTS, marked=True))
def test_contiguous_at_stage2(trace: list[Event]) -> None:
    agree(GUESTS, trace)


@examples(400)
@given(traces(DOMAINS, marked=False))
def test_two_inner_domains(trace: list[Event]) -> None:
    agree(DOMAINS, trace)


@examples(400)
@given(traces(IOMMUS, marked=False))
def test_iommus(trace: list[Event]) -> None:
    agree(IOMMUS, trace)
