"""Patches that are right on one architecture and wrong, or missing, on the other."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.check.finding import Finding, Status
from harness.check.pipeline import CheckRequest, check
from harness.check.result import Result, Verdict
from reference_model.profiles import AARCH32_PROFILES

P2M = "xen/arch/arm/mmu/p2m.c"
ARM32 = "xen/arch/arm/include/asm/arm32/flushtlb.h"
ARM64 = "xen/arch/arm/include/asm/arm64/flushtlb.h"
FAMILY = tuple(AARCH32_PROFILES)
FEW = ("unmap-4k/own-vttbr/2-pcpus", "vcpu-switch-same-domain")

Edit = tuple[str, str, str]


def patch_of(tree: Path, work: Path, *edits: Edit) -> bytes:
    """Return a diff of the tree that replaces text in its files."""
    for file, old, new in edits:
        text = (tree / file).read_text()
        assert text.count(old) == 1
        for side, content in (("a", text), ("b", text.replace(old, new))):
            path = work / side / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    found = subprocess.run(
        ["git", "diff", "--no-index", "--no-prefix", "a", "b"],
        cwd=work,
        capture_output=True,
        check=False,
    )
    return found.stdout


@pytest.fixture
def checked(base_tree: Path, tmp_path: Path) -> Callable[..., Result]:
    def run(*edits: Edit, profiles: tuple[str, ...] = (*FAMILY, "P0-v8.0")) -> Result:
        request = CheckRequest(
            patch_of(base_tree, tmp_path, *edits),
            "a.patch",
            base_tree,
            tmp_path,
            profiles=profiles,
            scenarios=FEW,
            jobs=1,
        )
        return check(request)

    return run


def new(result: Result) -> list[Finding]:
    return [f for f in result.findings if f.status is Status.NEW]


def test_a_local_flush_on_arm32_alone(checked: Callable[..., Result]) -> None:
    line = "TLB_HELPER(flush_guest_tlb, TLBIALLIS, ish)"
    result = checked((ARM32, line, line.replace("TLBIALLIS", "TLBIALL")))
    assert result.verdict is Verdict.UNSAFE
    (finding,) = new(result)
    assert finding.profiles == FAMILY
    assert finding.rule == "tlbi-not-broadcast"
    assert result.not_executed == ()


def test_a_weaker_barrier_on_arm32_alone(checked: Callable[..., Result]) -> None:
    old = "    WRITE_CP32(0, tlbop);                               \\\n    dsb(sh);   "
    new_ = old.replace("dsb(sh);   ", "dsb(sh##st);")
    result = checked((ARM32, old, new_))
    found = new(result)
    assert {f.profiles for f in found} == {FAMILY}
    assert "dsb-st-does-not-complete-tlbi" in {f.rule for f in found}


def test_what_only_arm64_has_does_not_build(checked: Callable[..., Result]) -> None:
    helper = "TLB_HELPER_LOCAL(flush_guest_tlb_local, vmalls12e1)\n"
    call = "        flush_guest_tlb_local();\n"
    result = checked(
        (ARM64, helper, helper + "TLB_HELPER_LOCAL(flush_own_tlb, vmalls12e1)\n"),
        (P2M, call, call.replace("flush_guest_tlb_local", "flush_own_tlb")),
    )
    assert result.verdict is Verdict.UNSAFE
    (finding,) = new(result)
    assert finding.rule == "c-does-not-build"
    assert finding.profiles == FAMILY
    assert finding.message == (
        "does not build for arm32: 'flush_own_tlb' is not declared; "
        f"'{ARM64}' has it, for the other one alone"
    )
    assert finding.location.file == P2M
    assert finding.location.in_patch
    assert {item.profiles for item in result.unsupported} == {FAMILY}
    assert "P0-v8.0" in {name for row in result.cost for name in row.profiles}


def test_the_same_on_both_is_clean(checked: Callable[..., Result]) -> None:
    arm64 = "TLB_HELPER_LOCAL(flush_guest_tlb_local, vmalls12e1)\n"
    arm32 = "TLB_HELPER(flush_guest_tlb_local, TLBIALL, nsh)\n"
    call = "        flush_guest_tlb_local();\n"
    result = checked(
        (ARM64, arm64, arm64 + "TLB_HELPER_LOCAL(flush_own_tlb, vmalls12e1)\n"),
        (ARM32, arm32, arm32 + "TLB_HELPER(flush_own_tlb, TLBIALL, nsh)\n"),
        (P2M, call, call.replace("flush_guest_tlb_local", "flush_own_tlb")),
    )
    assert new(result) == []
    assert result.unsupported == ()
    # Each of the two helpers ran where it is built, the call on both.
    assert result.not_executed == ()
    assert result.verdict is Verdict.CLEAN


def test_without_its_family_arm32_counts_as_not_run(
    checked: Callable[..., Result],
) -> None:
    line = "TLB_HELPER(flush_guest_tlb, TLBIALLIS, ish)"
    edit = (ARM32, line, line.replace("TLBIALLIS", "TLBIALLNSNHIS"))
    assert checked(edit, profiles=("P0-v8.0",)).verdict is Verdict.INCONCLUSIVE
    assert checked(edit, profiles=FAMILY).verdict is Verdict.CLEAN


def test_armv7_has_no_invalidation_by_ipa(checked: Callable[..., Result]) -> None:
    line = "TLB_HELPER(flush_guest_tlb, TLBIALLIS, ish)"
    by_ipa = (
        "static inline void flush_guest_tlb(void)\n{\n    dsb(ishst);\n"
        '    asm volatile ("mcr p15, 4, %0, c8, c0, 1" : : "r" (0x40203));\n'
        "    dsb(ish);\n    WRITE_CP32(0, TLBIALLIS);\n    dsb(ish);\n    isb();\n}"
    )
    result = checked((ARM32, line, by_ipa), profiles=FAMILY)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert {(i.what, i.profiles) for i in result.unsupported} == {
        ("TLBIIPAS2IS, which Armv7 does not have", ("a32-v7ve",))
    }
