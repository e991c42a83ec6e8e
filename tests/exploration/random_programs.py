"""Random small programs for the explorer's tests."""

from __future__ import annotations

from hypothesis import strategies as st
from laid_out import (
    ERET,
    GLOBAL,
    HVC,
    P0,
    REPEAT,
    RO1,
    World,
    dmb,
    dsb,
    isb,
    msr,
    tlbi,
)

from reference_model.exploration.program import (
    Instruction,
    Load,
    Order,
    Physical,
    Program,
    Thread,
)
from reference_model.profiles import ARCHITECTURE_PROFILES, Profile

PROFILES = [P0, REPEAT, ARCHITECTURE_PROFILES["P3-bbml2"]]


def _world(stages: int, profile: Profile, first: str) -> World:
    """Lay out a world in which x starts "valid", "invalid" or "ro"."""
    world = World(stages=stages, profile=profile)
    world.data(pa1=1, pa2=2, f=0)
    leaf = "ipa1" if stages == 2 else "pa1"
    world.map1("x", None if first == "invalid" else leaf)
    if first == "ro":
        world.memory[world.s1("x")] ^= RO1
    world.map1("y", "ipa2" if stages == 2 else "pa2")
    world.map_hyp("z", "pa1")
    if stages == 2:
        world.map2("ipa1", "pa1")
        world.map2("ipa2", "pa2")
    return world


def _descriptors(world: World) -> list[Instruction]:
    found = [
        world.st(0, world.s1("x")),
        world.st(world.leaf1("ipa2" if world.stages == 2 else "pa2"), world.s1("x")),
        world.st(world.leaf1("ipa1" if world.stages == 2 else "pa1"), world.s1("x")),
        world.st(0, world.s1("x", level=2)),
        world.st(0, world.hyp("z")),
        world.st(world.leaf1("pa2", GLOBAL), world.hyp("z")),
    ]
    if world.stages == 2:
        found += [
            world.st(0, world.s2("ipa1")),
            world.st(world.leaf2("pa2"), world.s2("ipa1")),
        ]
    return found


def _maintenance(world: World) -> list[Instruction]:
    found: list[Instruction] = [
        world.tlbi_va(op, "x") for op in ("VAE1IS", "VAE1", "VALE1IS", "VAAE1IS")
    ]
    found += [tlbi(op) for op in ("VMALLE1IS", "VMALLE1", "ALLE2IS", "ASIDE1IS")]
    if world.stages == 2:
        found += [world.tlbi_ipa(op, "ipa1") for op in ("IPAS2E1IS", "IPAS2E1")]
        found += [tlbi("VMALLS12E1IS"), tlbi("VMALLS12E1")]
    return found


def _accesses(world: World) -> list[Instruction]:
    return [
        world.ld("r0", "x"),
        world.ld("r1", "x"),
        world.ld("r2", "y"),
        world.ld("r3", "f"),
        world.ld("r3", "f", Order.ACQUIRE),
        world.ld("r1", "x", addr="r3"),
        world.ld("r4", "z"),
        Load("r6", Physical(world.s1("x")), label="LDR r6, S1(x)"),
        world.st(5, "x"),
        world.st(6, "pa1"),
        world.st(1, "f"),
        world.st("r0", "f"),
        world.st(1, "f", order=Order.RELEASE),
        world.st(4, "f", control_from=("r0",)),
    ]


def _barriers() -> list[Instruction]:
    return [
        *(dsb(kind) for kind in ("SY", "ISH", "ISHST", "LD", "NSH", "NSHST")),
        *(dmb(kind) for kind in ("SY", "LD", "ST", "NSH")),
        isb(),
        isb("r3"),
    ]


def _writer(world: World, draw: st.DrawFn) -> list[Instruction]:
    """Change a table, maintain, tell; with steps missing, weak or swapped."""
    steps = [
        draw(st.sampled_from(_descriptors(world))),
        draw(st.sampled_from(_barriers())),
        draw(st.sampled_from(_maintenance(world))),
        draw(st.sampled_from(_barriers())),
        draw(st.sampled_from([*_descriptors(world), *_maintenance(world)])),
        draw(st.sampled_from(_barriers())),
        draw(st.sampled_from(_accesses(world))),
    ]
    kept = [one for one in steps if draw(st.integers(0, 3))]
    return kept or steps[:1]


def _reader(world: World, draw: st.DrawFn) -> list[Instruction]:
    """Access flags and pages in some order."""
    count = draw(st.integers(1, 3))
    code: list[Instruction] = []
    for _ in range(count):
        code.append(draw(st.sampled_from(_accesses(world))))
        if draw(st.booleans()):
            code.append(draw(st.sampled_from(_barriers())))
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(code)))
        code.insert(at, draw(st.sampled_from(_maintenance(world))))
    return code


def _anything(world: World, draw: st.DrawFn) -> list[Instruction]:
    kinds = [_descriptors(world), _maintenance(world), _accesses(world), _barriers()]
    count = draw(st.integers(1, 5))
    return [draw(st.sampled_from(draw(st.sampled_from(kinds)))) for _ in range(count)]


@st.composite
def programs(draw: st.DrawFn, pes: int = 2) -> Program:
    """Programs of one or two stages, each PE at EL1 or EL2."""
    profile = draw(st.sampled_from(PROFILES))
    first = draw(st.sampled_from(["valid", "invalid", "ro"]))
    world = _world(draw(st.sampled_from([1, 2])), profile, first)
    registers = world.registers(hyp=True)
    makers = [_writer, _reader] if draw(st.integers(0, 3)) else [_anything, _anything]
    threads = []
    for number in range(pes):
        code = makers[number % 2](world, draw)
        el = draw(st.sampled_from([1, 1, 2]))
        if draw(st.integers(0, 4)) == 0:
            at = draw(st.integers(0, len(code)))
            code[at:at] = [ERET] if el == 2 else [HVC, *code[at : at + 1], ERET]
        if draw(st.integers(0, 9)) == 0:
            at = draw(st.integers(0, len(code)))
            code.insert(at, msr("TTBR0_EL1", registers["TTBR0_EL1"] | 1 << 48))
        handler = None
        if draw(st.integers(0, 4)) == 0:
            handler = (world.st(7, "f"), isb(), world.ld("r5", "x"))
        threads.append(Thread(tuple(code), registers, el, on_fault=handler))
    return world.program(*threads, observed=("f", "pa1", "pa2"))
