"""Every patch of the corpus gets the verdict that its .toml states."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path

import pytest

from harness.check.finding import Finding, Severity, Status
from harness.check.pipeline import CheckRequest, check
from harness.check.result import Result, Verdict
from harness.series.base import EMBEDDED
from reference_model.profiles import ARCHITECTURE_PROFILES

PATCHES = EMBEDDED.parent
BAD = sorted(PATCHES.glob("bad_*.patch"))
GOOD = sorted(PATCHES.glob("good_*.patch"))
ALL = tuple(ARCHITECTURE_PROFILES)


def facts(patch: Path) -> dict[str, object]:
    return tomllib.loads(patch.with_suffix(".toml").read_text())


def checked(patch: Path, scenarios: tuple[str, ...] | None) -> Result:
    data = patch.read_bytes()
    request = CheckRequest(
        data, patch.name, EMBEDDED, EMBEDDED, scenarios=scenarios, jobs=1
    )
    return check(request)


def new_errors(result: Result) -> list[Finding]:
    return [
        f
        for f in result.findings
        if f.status is Status.NEW and f.severity is Severity.ERROR
    ]


def test_there_are_enough() -> None:
    assert len(BAD) >= 8
    assert len(GOOD) >= 5


@pytest.mark.parametrize("patch", BAD, ids=lambda p: p.stem)
def test_bad_patch(patch: Path) -> None:
    wanted = facts(patch)
    scenario = str(wanted["scenario"])
    result = checked(patch, (scenario.split("/")[0],))
    assert result.verdict is Verdict.UNSAFE
    found = [f for f in new_errors(result) if f.rule == wanted["rule"]]
    seen = [f for f in found if scenario in f.scenarios]
    assert seen, [(f.rule, f.scenarios) for f in new_errors(result)]
    profiles = wanted["profiles"]
    expected = set(ALL) if profiles == "all" else set(profiles)  # type: ignore[call-overload]
    told = {p for f in found for p in f.profiles}
    assert told >= expected
    assert not told.intersection(wanted.get("not_on", ()))  # type: ignore[arg-type]
    # Each is one idea: what is wrong with it is not that 32-bit was forgotten.
    assert "c-does-not-build" not in {f.rule for f in new_errors(result)}
    for finding in seen:
        assert 2 <= len(finding.trace) <= 10
        assert len(finding.trace) <= int(str(wanted["max_steps"]))
        assert finding.repair is not None
        assert finding.repair.verified


@pytest.mark.parametrize("patch", GOOD, ids=lambda p: p.stem)
def test_good_patch(patch: Path) -> None:
    result = checked(patch, None)
    assert not new_errors(result)
    assert result.verdict is Verdict.CLEAN, (result.unsupported, result.not_executed)
    brought = {
        f.rule
        for f in result.findings
        if f.status is Status.NEW and f.severity is Severity.PERF
    }
    # No more and no less: what costs nothing is not said to cost something.
    assert brought == set(facts(patch).get("costs", ()))  # type: ignore[call-overload]


def test_embedded_base_is_right() -> None:
    """What a good patch is compared with has no error of its own."""
    result = checked(PATCHES / "good_rename.patch", None)
    assert not [f for f in result.findings if f.severity is Severity.ERROR]


P2M = "xen/arch/arm/mmu/p2m.c"
FLUSH = "xen/arch/arm/include/asm/arm64/flushtlb.h"


def changed_base(old: str, new: str, name: str = P2M) -> bytes:
    """Return a patch of a file of the base."""
    text = (EMBEDDED / name).read_text()
    assert text.count(old) == 1
    lines = difflib.unified_diff(
        text.splitlines(keepends=True),
        text.replace(old, new).splitlines(keepends=True),
        f"a/{name}",
        f"b/{name}",
    )
    return "".join(lines).encode()


def run_changed(addition: str) -> Result:
    """Check the base with statements added to its flush."""
    anchor = "    p2m->need_flush = false;\n"
    return run_patch(changed_base(anchor, anchor + addition))


def run_patch(data: bytes) -> Result:
    """Check a patch in one family of scenarios."""
    return check(
        CheckRequest(
            data, "changed", EMBEDDED, EMBEDDED, scenarios=("unmap-4k",), jobs=1
        )
    )


def test_endless_loop_is_bounded() -> None:
    result = run_changed("    for ( ; ; )\n        continue;\n")
    assert [f.rule for f in new_errors(result)] == ["c-bound-reached"]
    assert not result.bounds.exhausted
    assert not [f for f in result.findings if f.status is Status.FIXED]


def test_undefined_behaviour_is_a_finding() -> None:
    result = run_changed("    p2m->need_flush = *(bool *)NULL;\n")
    (finding,) = new_errors(result)
    assert finding.rule == "c-undefined-behaviour"
    assert "NULL" in finding.message
    assert finding.location.in_patch


def test_what_is_not_modelled_is_never_clean() -> None:
    result = run_changed('    asm volatile ("wfet x0");\n')
    assert result.verdict is Verdict.INCONCLUSIVE
    assert any("wfet" in item.what for item in result.unsupported)


def test_what_did_not_run_is_never_clean() -> None:
    result = run_changed("    if ( p2m->vmid == 200 )\n        p2m->vmid = 1;\n")
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.not_executed


@pytest.mark.parametrize("condition", ["0", "defined(CONFIG_NOT_THERE)"])
def test_what_is_not_compiled_is_never_clean(condition: str) -> None:
    result = run_changed(f"#if {condition}\n    p2m->vmid = 1;\n#endif\n")
    assert result.verdict is Verdict.INCONCLUSIVE
    assert any("not compiled" in place for place in result.not_executed)
    assert result.nothing_ran


def test_what_nobody_calls_did_not_run() -> None:
    here = "/* The same, if a change since"
    added = f"void p2m_more(struct p2m_domain *p2m)\n{{\n    isb();\n}}\n\n{here}"
    result = run_patch(changed_base(here, added))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.nothing_ran


def test_comment_changes_nothing() -> None:
    result = run_changed("    /* All of it is gone now. */\n")
    assert result.verdict is Verdict.CLEAN


def test_guest_entered_with_the_tables_of_another() -> None:
    """VTTBR_EL2 not restored after the flush of another domain."""
    old = "WRITE_SYSREG64(ovttbr, VTTBR_EL2);"
    text = (EMBEDDED / "xen/arch/arm/mmu/p2m.c").read_text()
    assert old in text, "the base restores VTTBR_EL2 in another way now"
    data = changed_base(old, "(void)ovttbr;")
    result = check(
        CheckRequest(data, "stray", EMBEDDED, EMBEDDED, scenarios=("unmap-4k",), jobs=1)
    )
    found = [f for f in new_errors(result) if f.rule == "p2m-wrong-mapping"]
    assert {p for f in found for p in f.profiles} >= set(ALL)
    assert all("VTTBR_EL2" in f.message for f in found)


def test_a_cause_counts_only_where_its_repair_was_replayed() -> None:
    """The same instructions, with another VMID loaded, fail for another reason."""
    result = checked(
        PATCHES / "bad_vcpu_switch_no_isb.patch",
        ("vcpu-switch-same-domain", "vcpu-switch-back-over-other-domain"),
    )
    rules = {f.rule for f in new_errors(result)}
    assert rules == {"vttbr-write-not-synchronised"}
    (finding,) = new_errors(result)
    assert set(finding.profiles) >= set(ALL)


@pytest.mark.parametrize(
    ("profiles", "verdict", "on"),
    [
        (ALL, Verdict.INCONCLUSIVE, {"P0-v8.0", "P1-repeat", "P4-at-spec"}),
        (("P2-v8.4",), Verdict.CLEAN, set()),
    ],
)
def test_outer_shareable_tlbi_where_a_cpu_has_none(
    profiles: tuple[str, ...], verdict: Verdict, on: set[str]
) -> None:
    """Undefined without FEAT_TLBIOS: what it does there is not known."""
    data = changed_base("guest_tlb, vmalls12e1is)", "guest_tlb, vmalls12e1os)", FLUSH)
    request = CheckRequest(
        data,
        "os",
        EMBEDDED,
        EMBEDDED,
        profiles=profiles,
        scenarios=("unmap-4k",),
        jobs=1,
    )
    result = check(request)
    assert result.verdict is verdict
    told = [u for u in result.unsupported if "without FEAT_TLBIOS" in u.what]
    assert {p for u in told for p in u.profiles} == on
    assert all(u.file == FLUSH for u in told)
