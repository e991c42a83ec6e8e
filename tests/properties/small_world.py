"""A world of two PEs, two stage-2 roots and six tables, and traces in it."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    Domain,
    Eret,
    Event,
    ExceptionEntry,
    Isb,
    Lock,
    Msr,
    Release,
    Store,
    TableFree,
    Tlbi,
    Unlock,
)
from reference_model.machine import Start

PES = 2
ROOT_A, ROOT_B, A2, B2, A3, B3 = (0x1_0000 + 0x1000 * n for n in range(6))
VTCR = (64 - 39) | 1 << 6  # 39-bit IPA from level 1
VM, FB = 1, 3 << 9  # FB with BSU
USED = (0, 1)
ATTRIBUTES = 0x7FC  # AF, SH, S2AP read and write, MemAttr normal
READ_ONLY, NO_AF = ATTRIBUTES & ~0x80, ATTRIBUTES & ~0x400
X, Y = 0x8000_0000, 0xC000_0000

TABLES = {ROOT_A: 1, ROOT_B: 1, A2: 2, B2: 2, A3: 3, B3: 3}
MEMORY = {
    ROOT_A: A2 | 3,
    A2: A3 | 3,
    A2 + 8: (X + 0x20_0000) | ATTRIBUTES | 1,
    A3: X | ATTRIBUTES | 3,
    A3 + 8: (X + 0x1000) | ATTRIBUTES | 3,
    ROOT_B: B2 | 3,
    B2: Y | ATTRIBUTES | 1,
    B3: Y | ATTRIBUTES | 3,
}
# Every used location has a store, so that both machines know of it.
MEMORY |= {p + 8 * n: MEMORY.get(p + 8 * n, 0) for p in TABLES for n in USED}
IPAS = (0, 0x1000, 0x20_0000, 0x20_1000, 0x4000_0000, 0x4020_0000, 0x7000)


def registers(vmid: int, root: int, vcpu: int) -> dict[str, int]:
    """Return the registers with which a PE starts."""
    return {
        "VTTBR_EL2": vmid << 48 | root,
        "TTBR0_EL1": vcpu,
        "VTCR_EL2": VTCR,
        "HCR_EL2": VM | FB,
    }


REGISTERS = [registers(1, ROOT_A, 0x5000), registers(1, ROOT_A, 0x6000)]


def start() -> Start:
    """Return the world as the machine takes it."""
    return Start(PES, dict(MEMORY), tuple(REGISTERS))


# ----------------------------------------------------------------- strategies

pes = st.sampled_from([0, 0, 0, 1])
ipas = st.sampled_from(IPAS)
TLBIS = (
    "VMALLS12E1IS",
    "VMALLS12E1IS",
    "VMALLS12E1",
    "VMALLE1IS",
    "VMALLE1",
    "IPAS2E1IS",
    "IPAS2E1IS",
    "IPAS2E1",
    "IPAS2LE1IS",
    "IPAS2LE1",
    "ALLE1IS",
    "ALLE1",
    "VAE1IS",
    "VALE2IS",
)


def values(level: int, slot: int) -> st.SearchStrategy[int]:
    """Choose a descriptor for a slot of a table of a level."""
    kind = 3 if level == 3 else 1
    leaf = X + (slot << (30, 21, 12)[level - 1])
    other = leaf + Y - X
    choices = [0, 0, 0, leaf | ATTRIBUTES | kind, other | ATTRIBUTES | kind]
    choices += [leaf | READ_ONLY | kind, leaf | NO_AF | kind]
    if level == 1:
        choices += [A2 | 3, B2 | 3, A2 | 3]
    if level == 2:
        choices += [A3 | 3, B3 | 3, A3 | 3]
    return st.sampled_from(choices)


@st.composite
def stores(draw: st.DrawFn, pe: int) -> Store:
    """Draw a store of a plausible descriptor."""
    page = draw(st.sampled_from([A3, A3, A2, A2, ROOT_A, B3, B2, ROOT_B]))
    slot = draw(st.sampled_from(USED))
    value = draw(values(TABLES[page], slot))
    return Store(
        pe, page + 8 * slot, value, draw(st.sampled_from([False] * 4 + [True]))
    )


def dsbs(pe: int) -> st.SearchStrategy[Barrier]:
    """Choose a DSB."""
    common = [Barrier(pe, BarrierKind.DSB, Domain.ISH)] * 4
    common += [Barrier(pe, BarrierKind.DSB, Domain.NSH)] * 2
    rest = [
        Barrier(pe, BarrierKind.DSB, domain, access)
        for domain in Domain
        for access in Access
    ]
    return st.sampled_from(common + rest)


def dmbs(pe: int) -> st.SearchStrategy[Barrier]:
    """Choose a DMB."""
    return st.sampled_from(
        [
            Barrier(pe, BarrierKind.DMB, domain, access)
            for domain in (Domain.ISH, Domain.NSH)
            for access in Access
        ]
    )


def tlbis(pe: int) -> st.SearchStrategy[Tlbi]:
    """Choose a TLBI and its IPA."""
    return st.builds(
        lambda op, ipa: Tlbi(pe, op, ipa >> 12 if "IPAS2" in op else 0),
        st.sampled_from(TLBIS),
        ipas,
    )


@st.composite
def flushes(draw: st.DrawFn, pe: int) -> list[Event]:
    """Draw a flush by the book, or nearly."""
    ish = Barrier(pe, BarrierKind.DSB, Domain.ISH)
    ishst = Barrier(pe, BarrierKind.DSB, Domain.ISH, Access.ST)
    ipa = draw(ipas)
    if draw(st.booleans()):
        flush: list[Event] = [ishst, Tlbi(pe, "VMALLS12E1IS"), ish]
    else:
        by_ipa = Tlbi(pe, "IPAS2E1IS", ipa >> 12)
        flush = [ishst, by_ipa, ish, Tlbi(pe, "VMALLE1IS"), ish]
    change = draw(st.integers(0, 3))
    at = draw(st.integers(0, len(flush) - 1))
    if change == 0:
        del flush[at]
    elif change == 1:
        flush[at] = draw(tlbis(pe) if isinstance(flush[at], Tlbi) else dsbs(pe))
    elif change == 2:
        flush.insert(at, draw(stores(pe)))
    return flush


@st.composite
def switches(draw: st.DrawFn, pe: int) -> list[Event]:
    """Draw a change of vCPU or VM, with what may go with it."""
    events: list[Event] = [ExceptionEntry(pe)]
    if draw(st.booleans()):
        events.append(Barrier(pe, BarrierKind.DSB, Domain.NSH))
    vmid, root = draw(
        st.sampled_from([(1, ROOT_A)] * 3 + [(2, ROOT_B)] * 2 + [(1, ROOT_B)])
    )
    changes: list[Event] = [
        Msr(pe, "VTTBR_EL2", vmid << 48 | root),
        Msr(pe, "TTBR0_EL1", draw(st.sampled_from([0x5000, 0x6000]))),
    ]
    events += draw(st.sampled_from([changes, changes[:1], changes[1:], []]))
    if draw(st.integers(0, 3)) == 0:
        events.append(Msr(pe, "HCR_EL2", draw(st.sampled_from([VM, VM | FB]))))
    if draw(st.booleans()):
        events.append(Isb(pe))
    if draw(st.booleans()):
        events += draw(flushes(pe))
    if draw(st.integers(0, 3)):
        events.append(Eret(pe))
    return events


@st.composite
def links(draw: st.DrawFn, pe: int) -> list[Event]:
    """Draw changes of a table page and what makes it part of a tree."""
    child, parents = draw(
        st.sampled_from(
            [(B3, (A2, B2)), (A3, (A2, B2)), (A2, (ROOT_A,)), (B2, (ROOT_A,))]
        )
    )
    slots = st.sampled_from(USED)
    events: list[Event] = []
    for _ in range(draw(st.integers(1, 2))):
        slot = draw(slots)
        value = draw(values(TABLES[child], slot))
        events.append(Store(pe, child + 8 * slot, value))
    events += draw(st.one_of(st.just([]), st.lists(dmbs(pe), max_size=1), flushes(pe)))
    release = draw(st.sampled_from([False, False, True]))
    at = draw(st.sampled_from(parents)) + 8 * draw(slots)
    return [*events, Store(pe, at, child | 3, release)]


@st.composite
def hand_overs(draw: st.DrawFn, pe: int) -> list[Event]:
    """Draw stores by one PE that another one publishes, under a lock or not."""
    other = 1 - pe
    body: list[Event] = [Lock(pe, "l"), draw(stores(pe)), Unlock(pe, "l")]
    flush = draw(flushes(other))
    inside: list[Event] = [Lock(other, "l"), *flush, Unlock(other, "l")]
    whole = [ExceptionEntry(other), *body, *inside]
    drop = draw(st.integers(-4, len(whole) - 1))
    return [e for n, e in enumerate(whole) if n != drop]


@st.composite
def migrations(draw: st.DrawFn, pe: int) -> list[Event]:
    """Draw a vCPU's move to the other PE and back, flushed here or there."""
    other, vcpu = 1 - pe, draw(st.sampled_from([0x5000, 0x6000]))
    hcr = draw(st.sampled_from([VM, VM, VM | FB]))
    away = [Msr(other, "TTBR0_EL1", vcpu), Msr(other, "HCR_EL2", hcr), Eret(other)]
    events: list[Event] = [ExceptionEntry(pe), ExceptionEntry(other)]
    if draw(st.booleans()):
        events.append(Barrier(pe, BarrierKind.DSB, Domain.NSH))
    flush = draw(st.one_of(st.just([]), flushes(pe), st.lists(tlbis(pe), max_size=2)))
    if draw(st.booleans()):
        events += [*away, *flush]
    else:
        events += [*flush, *away]
    if draw(st.booleans()):
        events += [ExceptionEntry(other)]
    if draw(st.booleans()):
        events += draw(flushes(pe))
    return [*events, Eret(pe)]


@st.composite
def phrases(draw: st.DrawFn) -> list[Event]:
    """Draw a few events that make some sense together."""
    pe = draw(pes)
    match draw(st.integers(0, 17)):
        case 0 | 1 | 2 | 3:
            return [draw(stores(pe))]
        case 4 | 5:
            return draw(flushes(pe))
        case 6:
            return [draw(tlbis(pe))]
        case 7:
            return [draw(dsbs(pe))]
        case 8:
            return draw(switches(pe))
        case 9:
            return [draw(st.sampled_from([Isb(pe), Lock(pe, "l"), Unlock(pe, "l")]))]
        case 10:
            return [draw(dmbs(pe)), draw(stores(pe))]
        case 11:
            return [Release(pe, "point")]
        case 13:
            return draw(links(pe))
        case 14:
            return draw(hand_overs(pe))
        case 15:
            return [*draw(flushes(pe)), Release(pe, "point")]
        case 16:
            return draw(migrations(pe))
        case 12:
            return [draw(st.sampled_from([Eret(pe), ExceptionEntry(pe)]))]
        case _:
            return [TableFree(pe, draw(st.sampled_from([A3, B3, A2, B2])))]


BEGINNINGS: list[list[Event]] = [
    [Eret(1), Eret(0), ExceptionEntry(0)],
    [Eret(0), ExceptionEntry(0), Eret(1), ExceptionEntry(1)],
    [Eret(1)],
    [Eret(0), ExceptionEntry(0), Barrier(0, BarrierKind.DSB, Domain.ISH)],
]


def sensible(events: Iterable[Event], flying: int = 4) -> list[Event]:
    """Leave out what the PE cannot do at its EL, and TLBIs beyond a number."""
    el2 = [True] * PES
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
            case Barrier(kind=BarrierKind.DSB, access=Access.ALL):
                nsh = event.domain is Domain.NSH
                pending = [
                    t
                    for t in pending
                    if t.pe != event.pe or (nsh and t.op.endswith("S"))
                ]
        kept.append(event)
    return kept


traces = st.builds(
    lambda beginning, middle: sensible(
        [*beginning, *(e for phrase in middle for e in phrase), Release(0, "end")]
    ),
    st.sampled_from(BEGINNINGS),
    st.lists(phrases(), min_size=1, max_size=8),
)
