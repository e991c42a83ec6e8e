"""The fast machine and the exploration of all executions agree.

Each sequence of an unmap is asked about in both ways: may PE 1 hold an entry
that the tables no longer give where the unmap is relied upon, and does PE 1
read through such an entry in some execution after it was told so.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from random import Random

import pytest

from harness.check.causes.timeline import Replay, Timeline
from harness.litmus import Verdict, parse, run
from harness.litmus.trace import events_of, start_of
from harness.litmus.world import World
from reference_model.assumptions import Assumptions
from reference_model.profiles import ARCHITECTURE_PROFILES

WORLD = """\
test agreement
vm vm1 vmid 1
vm vm2 vmid 2
map x -> ipa1 -> pa1
map vm2 x -> ipa1 -> pa2
data pa1 = 1
data pa2 = 2
data done = 0
"""
BARRIERS = ("", "DSB NSH", "DSB ISHST", "DSB ISH")
ONE = ("VMALLS12E1IS", "VMALLS12E1", "ALLE1IS", "VMALLE1IS", "IPAS2E1IS, ipa1")
TWO = (
    ("IPAS2E1IS, ipa1", "VMALLE1IS"),
    ("IPAS2E1IS, ipa1", "VMALLE1"),
    ("IPAS2E1, ipa1", "VMALLE1IS"),
    ("VMALLE1IS", "IPAS2E1IS, ipa1"),
)


def flushes() -> list[list[str]]:
    """List the ways to flush: one operation, or two with a barrier between."""
    found = [[f"TLBI {op}"] for op in ONE]
    for (first, second), between in product(TWO, BARRIERS):
        found.append([f"TLBI {first}", between, f"TLBI {second}"])
    return [[step for step in steps if step] for steps in found]


def sequences() -> list[list[str]]:
    """List what PE 0 does after its store, before and after the flush."""
    found = [[]]
    for before, flush, after in product(BARRIERS[:3], flushes(), BARRIERS[1:]):
        found.append([step for step in (before, *flush, after) if step])
    return found


def asked(programs: str, steps: list[str], end: str) -> str:
    """Return a test of a trace in which PE 0 takes some steps."""
    lines = "".join(f"    0 {step}\n" for step in steps)
    return f"{WORLD}{programs}trace:\n{lines}{end}finding none\n"


def held(text: str, pe: int, profile: str = "P0-v8.0") -> bool:
    """Tell whether the machine lets a PE keep what was removed."""
    test = parse(text)
    world = World(test)
    machine = ARCHITECTURE_PROFILES[profile]
    replay = Replay(start_of(test, world, machine), machine, Assumptions())
    found = replay.violations(Timeline.of(events_of(test, world, test.trace)))
    return any(violation.pe == pe for violation in found.values())


def used(programs: str, question: str, profile: str = "P0-v8.0") -> bool:
    """Tell whether a PE reads through it in some execution."""
    text = f"{WORLD}{programs}exists {question}\nverdict allowed\n"
    (result,) = run(parse(text), profile).results
    assert not result.inconclusive
    return result.verdict is not Verdict.FORBIDDEN


def body(steps: list[str]) -> str:
    """Return the program of PE 0."""
    return "pe 0 el2:\n" + "".join(f"    {step}\n" for step in steps)


REMOVAL = "STR invalid, S2(ipa1)"
RELEASE = '    0 RELEASE "end"\n'


def held_elsewhere(steps: list[str], profile: str = "P0-v8.0") -> bool:
    """Tell whether the machine lets PE 1, in the guest, keep the entry."""
    text = asked("pe 0 el2\npe 1 el1\n", [REMOVAL, *steps], RELEASE)
    return held(text, 1, profile)


def used_elsewhere(steps: list[str], profile: str = "P0-v8.0") -> bool:
    """Tell whether PE 1 uses it after PE 0 has told it that it is gone."""
    programs = (
        f"{body([REMOVAL, *steps, 'DMB ISH', 'STR 1, done'])}"
        "pe 1 el1:\n    LDR r0, done\n    DSB SY\n    ISB\n    LDR r1, x\n"
    )
    return used(programs, "1:r0 = 1 and 1:r1 = 1", profile)


def held_here(steps: list[str]) -> bool:
    """Tell whether it lets PE 0 keep it, which has left the guest."""
    before = ["HVC", "DSB SY", REMOVAL]
    return held(asked("pe 0 el1\n", [*before, *steps], RELEASE), 0)


@pytest.mark.parametrize("steps", sequences(), ids="; ".join)
def test_another_pe(steps: list[str]) -> None:
    assert held_elsewhere(steps) == used_elsewhere(steps)


@pytest.mark.parametrize("steps", sequences(), ids="; ".join)
def test_the_same_pe(steps: list[str]) -> None:
    programs = body([REMOVAL, *steps, "ERET", "LDR r0, x"])
    assert held_here(steps) == used(programs, "0:r0 = 1")


@pytest.mark.parametrize("where", [held_elsewhere, held_here])
def test_both_answers_occur(where: Callable[[list[str]], bool]) -> None:
    assert {where(steps) for steps in sequences()} == {False, True}


# ------------------------------------------------- right sequences, damaged

RIGHT = (
    "DSB ISHST; TLBI VMALLS12E1IS; DSB ISH",
    "DSB ISHST; TLBI IPAS2E1IS, ipa1; DSB ISH; TLBI VMALLE1IS; DSB ISH",
    "MSR VTTBR_EL2, vm2; ISB; DSB ISH; MSR VTTBR_EL2, vm1; ISB; "
    "TLBI VMALLS12E1IS; DSB ISH",
)
ANY = (
    *("DSB NSH", "DSB NSHST", "DSB ISH", "DSB ISHST", "DSB ISHLD", "DMB ISH", "ISB"),
    *("TLBI VMALLS12E1IS", "TLBI VMALLS12E1", "TLBI ALLE1IS", "TLBI VMALLS12E1OS"),
    *("TLBI VMALLE1IS", "TLBI VMALLE1", "TLBI IPAS2E1IS, ipa1", "TLBI IPAS2E1, ipa1"),
    *("TLBI IPAS2LE1IS, ipa1", "TLBI IPAS2E1IS, ipa1+0x1000"),
    *("TLBI IPAS2E1IS, ipa1 ttl=2", "TLBI RIPAS2E1IS, ipa1 num=1"),
    *("MSR VTTBR_EL2, vm1", "MSR VTTBR_EL2, vm2", REMOVAL.replace("S2(", "S2(vm1, ")),
)
PROFILES = ("P0-v8.0", "P2-v8.4", "P3-bbml2")


def damaged(
    random: Random, right: tuple[str, ...] = RIGHT, some: tuple[str, ...] = ANY
) -> list[str]:
    """Return a right sequence with one to three steps lost, new or replaced."""
    steps = random.choice(right).split("; ")
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(steps) + 1)
        step = random.choice(some)
        match random.choice(("insert", "delete", "replace")):
            case "insert":
                steps.insert(at, step)
            case "delete":
                del steps[at : at + 1]
            case "replace":
                steps[at : at + 1] = [step]
    return steps


@pytest.mark.parametrize("seed", range(20))
def test_damaged_sequences(seed: int) -> None:
    random = Random(seed)
    for _ in range(20):
        steps, profile = damaged(random), random.choice(PROFILES)
        here = held_elsewhere(steps, profile)
        assert here == used_elsewhere(steps, profile), (profile, steps)


# ------------------------------------------------------ EL2's own translations

HYP_WORLD = "test hypervisor\nmap hyp h -> page(pa1, xn)\ndata pa1 = 1\ndata done = 0\n"
HYP_RIGHT = (
    "DSB ISHST; TLBI VAE2IS, h; DSB ISH; ISB",
    "DSB ISHST; TLBI VALE2IS, h; DSB ISH; ISB",
    "DSB ISHST; TLBI ALLE2IS; DSB ISH; ISB",
)
HYP_ANY = (
    *("DSB NSH", "DSB NSHST", "DSB ISH", "DSB ISHST", "DSB ISHLD", "DMB ISH", "ISB"),
    *("TLBI VAE2IS, h", "TLBI VAE2, h", "TLBI VALE2IS, h", "TLBI VAE2IS, h+0x1000"),
    *("TLBI ALLE2IS", "TLBI ALLE2", "TLBI ALLE1IS", "TLBI VMALLS12E1IS"),
)
HYP_REMOVAL = "STR invalid, H(h)"


def hyp_held(steps: list[str], pe: int, ets: int) -> bool:
    """Tell whether a PE in the hypervisor may keep what was removed."""
    events = "".join(f"    0 {step}\n" for step in (HYP_REMOVAL, *steps))
    if pe:
        events += "    1 DSB SY; ISB\n"
    text = f"{HYP_WORLD}pe 0 el2\npe 1 el2\ntrace:\n{events}{RELEASE}finding none\n"
    return held(text, pe, "P3-bbml2" if ets else "P0-v8.0")


def hyp_used(steps: list[str], pe: int, ets: int) -> bool:
    """Tell whether it may read through it."""
    if pe:
        programs = (
            f"{body([HYP_REMOVAL, *steps, 'DMB ISH', 'STR 1, done'])}"
            "pe 1 el2:\n    LDR r0, done\n    DSB SY\n    ISB\n    LDR r1, h\n"
        )
        question = "1:r0 = 1 and 1:r1 = 1"
    else:
        programs = body([HYP_REMOVAL, *steps, "LDR r1, h"])
        question = "0:r1 = 1"
    text = f"{HYP_WORLD}{programs}exists {question}\nverdict allowed\n"
    (result,) = run(parse(text), "P3-bbml2" if ets else "P0-v8.0").results
    assert not result.inconclusive
    return result.verdict is not Verdict.FORBIDDEN


@pytest.mark.parametrize("seed", range(10))
def test_damaged_sequences_of_the_hypervisor(seed: int) -> None:
    random = Random(seed)
    for _ in range(20):
        steps = damaged(random, HYP_RIGHT, HYP_ANY)
        pe, ets = random.randrange(2), random.choice((0, 2))
        here = hyp_held(steps, pe, ets)
        assert here == hyp_used(steps, pe, ets), (pe, ets, steps)
