"""Hand-made results, one for each thing that a report has to show."""

from __future__ import annotations

from dataclasses import replace

from harness.check.finding import (
    Finding,
    Location,
    Repair,
    Severity,
    State,
    Status,
    Step,
    TlbDiff,
    Witness,
)
from harness.check.result import (
    Bounds,
    Counts,
    PatchSummary,
    Result,
    ScenarioCost,
    UnsupportedItem,
)

PROFILES = ("P0-v8.0", "P1-repeat", "P2-v8.4", "P3-bbml2", "P4-at-spec", "P5-nested")
P2M = "xen/arch/arm/mmu/p2m.c"
FLUSH = "xen/arch/arm/include/asm/arm64/flushtlb.h"

TRACE = (
    Step(1, 1, "walk", "", 0, "", "may hold S12 va 0x40203000 -> pa 0x90000000 rw-"),
    Step(2, 0, "store pte", P2M, 1020, "p2m_remove_pte", "ipa 0x40203000: invalid"),
    Step(3, 0, "dsb sy", P2M, 640, "write_pte", "the store is complete"),
    Step(
        4,
        0,
        "tlbi ipas2e1is",
        FLUSH,
        104,
        "flush_guest_tlb_one_s2",
        "removes S2 of ipa 0x40203000 on all pCPUs, no combined entry",
    ),
    Step(
        5,
        0,
        "tlbi vmalle1",
        FLUSH,
        98,
        "flush_guest_tlb_s1_local",
        "removes S1 and S12 of VMID 1 on pCPU0 only",
        blamed=True,
    ),
    Step(6, 0, "dsb ish", FLUSH, 98, "flush_guest_tlb_s1_local", "both are complete"),
    Step(7, 0, "unlock", P2M, 80, "p2m_write_unlock", "the change is relied upon"),
)

# What holds after each step: the store makes it stale, the last DSB keeps it so.
TRACE = tuple(
    replace(
        step,
        states=(
            State("tables, IPA 0x40203000", "invalid" if n else "4K", stale=False),
            State("TLB pCPU0", "nothing for it", stale=False),
            State("TLB pCPU1", "S12: 4K (stale)" if n else "S12: 4K", stale=n > 0),
        ),
    )
    for n, step in enumerate(TRACE)
)

DIFF = TlbDiff(
    1,
    ("S12 vmid 1 va 0x40203000 ipa 0x40203000 -> pa 0x90000000 rw- 4K",),
    "ipa 0x40203000: fault",
)

LOCAL = Finding(
    rule="stale-s12-after-local-vmalle1",
    severity=Severity.ERROR,
    status=Status.NEW,
    message="stage-1 step is local: pCPU1 may keep combined entry "
    "VA 0x40203000->PA 0x90000000 of removed IPA 0x40203000",
    profiles=PROFILES[:3],
    scenario="unmap-4k/own-vttbr/2-pcpus",
    scenarios=("unmap-4k/foreign-vttbr/2-pcpus", "unmap-4k/own-vttbr/2-pcpus"),
    location=Location(P2M, 345, "p2m_force_tlb_flush_range_sync", True),
    witness=Witness(1, "S12", 1, 0x40203000, 0x40203000, 0x90000000, "rw-"),
    tlb_diff=(DIFF,),
    trace=TRACE,
    repair=Repair(("promote TLBI VMALLE1 to VMALLE1IS",), True),
    arm_rules=("R_TVTYQ", "I_DMCXY"),
    fingerprint="a1b2c3d4e5f60718",
)

ONE_PCPU = replace(
    LOCAL,
    rule="missing-tlbi-after-unmap",
    message="entry for IPA 0x40203000 removed or restricted and relied upon with "
    "no completed invalidation",
    profiles=PROFILES,
    scenario="unmap-4k/own-vttbr/1-pcpu",
    scenarios=("unmap-4k/own-vttbr/1-pcpu",),
    location=Location(P2M, 1020, "__p2m_set_entry", False),
    trace=tuple(replace(s, pe=0) for s in (*TRACE[:3], TRACE[6])),
    tlb_diff=(replace(DIFF, pe=0),),
    repair=Repair(("insert DSB ISH", "insert TLBI VMALLS12E1IS"), False),
    fingerprint="0011223344556677",
)

WARNING = replace(
    LOCAL,
    rule="ptw-not-drained-before-regime-switch",
    severity=Severity.WARNING,
    message="walks begun before exception entry may still fill while registers change",
    trace=(),
    tlb_diff=(),
    witness=None,
    repair=None,
    fingerprint="8899aabbccddeeff",
)

UNCHANGED = replace(
    LOCAL, status=Status.UNCHANGED, rule="bbm-size-change", fingerprint="77" * 8
)
FIXED = replace(
    LOCAL,
    status=Status.FIXED,
    rule="vcpu-switch-missing-s1-flush",
    message="vCPU resumes on pCPU0 with stage-1 entries of another vCPU",
    fingerprint="66" * 8,
)

_FULL = Counts((("VMALLS12E1IS", 1),), 2, 3)
_BY_IPA = Counts((("IPAS2E1IS", 1), ("VMALLE1", 1)), 3, 2)
COST = (
    ScenarioCost("unmap-4k/own-vttbr/1-pcpu", PROFILES, _FULL, _BY_IPA),
    ScenarioCost("unmap-4k/own-vttbr/2-pcpus", PROFILES, _FULL, _BY_IPA),
    ScenarioCost(
        "unmap-1g/own-vttbr/1-pcpu",
        PROFILES[:2],
        _FULL,
        Counts((("IPAS2E1IS", 262144), ("VMALLE1", 1)), 3, 2),
    ),
    ScenarioCost("map-new/own-vttbr/1-pcpu", PROFILES, Counts(), Counts()),
)

CLEAN = Result(
    command="check",
    base="embedded base",
    tree_version="4.20",
    patches=(
        PatchSummary(
            "good_s1only.patch", "xen/arm: flush stage 1 on a vCPU switch", (P2M, FLUSH)
        ),
    ),
    profiles=PROFILES,
    bounds=Bounds(48, 6, 2, 288, 123456, True),
    findings=(),
    unsupported=(),
    cost=COST[3:],
    assumptions=("drain_ptw=False", "dsb_transitive=True"),
    stats={"executions": 288.0},
)

UNSAFE = replace(
    CLEAN,
    findings=(WARNING, LOCAL, ONE_PCPU, UNCHANGED, FIXED),
    cost=COST,
)

INCONCLUSIVE = replace(
    CLEAN,
    bounds=Bounds(48, 6, 2, 288, 123456, False),
    unsupported=(
        UnsupportedItem(
            "call of 'iommu_iotlb_flush', which is not modelled",
            P2M,
            1140,
            ("map-new/own-vttbr/1-pcpu", "unmap-4k/own-vttbr/1-pcpu"),
            PROFILES,
            False,
        ),
    ),
    not_executed=("p2m_teardown (xen/arch/arm/mmu/p2m.c:1300)",),
)

AUDIT = replace(
    UNSAFE,
    command="audit",
    patches=(),
    findings=(LOCAL,),
    cost=tuple(replace(row, base=None) for row in COST),
)
