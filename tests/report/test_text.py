"""The terminal report: what it shows, what it leaves out, and its shape."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from report_samples import (
    AUDIT,
    CLEAN,
    COST,
    FIXED,
    INCONCLUSIVE,
    LOCAL,
    ONE_PCPU,
    PROFILES,
    TRACE,
    UNCHANGED,
    UNSAFE,
    WARNING,
)

from harness.check.finding import Step
from harness.check.result import Counts, PatchSummary, Result
from harness.report.finding_text import FINDING_LINES, finding_lines
from harness.report.gaps import gaps
from harness.report.terminal import Style
from harness.report.text import render_text, terse_text

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = {
    "unsafe": UNSAFE,
    "clean": CLEAN,
    "inconclusive": INCONCLUSIVE,
    "audit": AUDIT,
}
each_sample = pytest.mark.parametrize("result", SAMPLES.values(), ids=SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_golden(name: str) -> None:
    text = render_text(SAMPLES[name])
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@each_sample
@pytest.mark.parametrize("verbose", [False, True])
def test_fits_a_terminal_and_is_ascii(result: Result, verbose: bool) -> None:
    text = render_text(result, verbose=verbose)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80


@each_sample
def test_colour_changes_nothing_but_colour(result: Result) -> None:
    coloured = render_text(result, colour=True)
    assert "\x1b[" in coloured
    plain = coloured
    for code in ("1;31", "1;33", "1;36", "1;34", "1;32", "1", "2", "0"):
        plain = plain.replace(f"\x1b[{code}m", "")
    assert plain == render_text(result)


def test_only_what_the_patch_brings_in_is_shown_in_full() -> None:
    text = render_text(UNSAFE)
    assert f"error[{LOCAL.rule}]" in text
    assert f"error[{UNCHANGED.rule}]" not in text
    assert "unchanged: 1 finding, on the base as well: bbm-size-change" in text
    assert f"fixed[{FIXED.rule}]: " in text
    assert f"error[{UNCHANGED.rule}]" in render_text(UNSAFE, verbose=True)


def test_errors_come_before_warnings() -> None:
    assert UNSAFE.findings[0] is WARNING
    text = render_text(UNSAFE)
    assert text.index(f"error[{LOCAL.rule}]") < text.index(f"warning[{WARNING.rule}]")


def test_the_verdict_is_the_last_line() -> None:
    def last(result: Result) -> str:
        return render_text(result).splitlines()[-1]

    assert last(UNSAFE) == "harness: unsafe: 2 new errors, 1 unchanged, 1 fixed"
    assert last(AUDIT) == "harness: unsafe: 1 error"
    assert last(CLEAN) == "harness: clean: 48 scenarios, 6 profiles, 2 pCPUs, exhausted"


def test_an_inconclusive_verdict_says_why() -> None:
    text = render_text(INCONCLUSIVE)
    assert "clean" not in text
    verdict = " ".join(text[text.index("harness: inc") :].split())
    assert "1 construct not modelled" in verdict
    assert "1 changed place not run" in verdict
    assert "a bound was reached" in verdict
    assert "xen/arch/arm/mmu/p2m.c:1140: call of 'iommu_iotlb_flush'" in text
    assert (
        "changed, but run by no scenario:\n"
        "  p2m_teardown (xen/arch/arm/mmu/p2m.c:1300)\n" in text
    )


def test_lines_not_run_are_told_by_function() -> None:
    places = ("f (a.c:1)", "g (a.c:7)", "f (a.c:2)", "xen/b.S (not run)")
    text = render_text(replace(INCONCLUSIVE, not_executed=places))
    told = text[text.index("changed, but") : text.index("assumptions")]
    assert told.splitlines()[1:-1] == [
        "  f (a.c:1, 2)",
        "  g (a.c:7)",
        "  xen/b.S (not run)",
    ]
    assert "4 changed places not run" in " ".join(text.split())


def test_an_unsafe_verdict_does_not_hide_what_is_not_modelled() -> None:
    result = replace(UNSAFE, unsupported=INCONCLUSIVE.unsupported)
    assert "xen/arch/arm/mmu/p2m.c:1140: call" in render_text(result)
    assert terse_text(result).splitlines()[-1].endswith("1 construct not modelled")


def test_every_unsupported_construct_is_listed() -> None:
    (item,) = INCONCLUSIVE.unsupported
    many = tuple(replace(item, line=2000 + n) for n in range(40))
    text = render_text(replace(INCONCLUSIVE, unsupported=many))
    assert all(f"p2m.c:{2000 + n}:" in text for n in range(40))


def test_a_finding_takes_at_most_30_lines() -> None:
    for finding in (LOCAL, ONE_PCPU, WARNING):
        lines = finding_lines(finding, PROFILES, Style(), False)
        assert len(lines) <= FINDING_LINES


def test_a_long_trace_is_folded_but_keeps_what_matters() -> None:
    noise = tuple(replace(TRACE[2], step=n, effect="x " * 60) for n in range(10, 30))
    trace = (*TRACE[:2], *noise, *TRACE[4:])
    finding = replace(LOCAL, trace=trace)
    lines = finding_lines(finding, PROFILES, Style(), False)
    assert len(lines) <= FINDING_LINES
    assert any("steps not shown" in line for line in lines)
    shown = "\n".join(lines)
    for step in (TRACE[0], TRACE[1], TRACE[4], TRACE[6]):
        assert f"{step.event}  " in shown
    everything = finding_lines(finding, PROFILES, Style(), True)
    assert not any("not shown" in line for line in everything)
    assert sum("dsb sy" in line for line in everything) == 20


def test_the_blamed_step_is_marked() -> None:
    rows = [
        line
        for line in finding_lines(LOCAL, PROFILES, Style(), False)
        if line.startswith("  > ")
    ]
    assert [row.split()[1] for row in rows] == ["5"]
    assert "tlbi vmalle1" in rows[0]


def test_tlbs_are_compared_pcpu_by_pcpu() -> None:
    (diff,) = LOCAL.tlb_diff
    fine = replace(diff, pe=0, unexpected=())
    many = replace(diff, unexpected=("S2 x", "S12 y", "S12W z"))  # S12: the witness
    finding = replace(LOCAL, tlb_diff=(fine, many), trace=())
    text = "\n".join(finding_lines(finding, PROFILES, Style(), False))
    assert "  TLB of pCPU0  observed  only what is allowed\n" in text
    assert "  TLB of pCPU1  observed  S12 y\n" in text
    assert "                          S12W z\n" in text
    assert "                allowed   ipa 0x40203000: fault\n" in text


def test_no_tlb_is_called_right_where_none_is_known_to_be_wrong() -> None:
    diffs = tuple(replace(LOCAL.tlb_diff[0], pe=n, unexpected=()) for n in (0, 1))
    text = "\n".join(
        finding_lines(replace(LOCAL, tlb_diff=diffs), PROFILES, Style(), False)
    )
    assert "only what is allowed" not in text


def test_one_acting_pcpu_gets_one_column() -> None:
    lines = finding_lines(ONE_PCPU, PROFILES, Style(), False)
    (header,) = (line for line in lines if line.lstrip().startswith("#"))
    assert header.split() == ["#", "pCPU0", "effect"]


def test_files_of_one_name_stay_apart() -> None:
    steps = (
        Step(1, 0, "isb", "xen/arch/arm/p2m.c", 7, "f", "x"),
        Step(2, 0, "isb", "xen/arch/arm/mmu/p2m.c", 8, "g", "y"),
    )
    text = "\n".join(
        finding_lines(replace(LOCAL, trace=steps), PROFILES, Style(), False)
    )
    assert " arm/p2m.c:7 (f)\n" in text
    assert " mmu/p2m.c:8 (g)\n" in text


def test_only_a_verified_repair_is_called_one_that_clears_it() -> None:
    text = render_text(UNSAFE)
    assert "repair (replayed, clears it): promote TLBI VMALLE1 to VMALLE1IS" in text
    assert "repair (not verified): insert DSB ISH; insert TLBI VMALLS12E1IS" in text


def test_profiles_are_named_on_both_sides() -> None:
    text = " ".join(render_text(UNSAFE).split())
    assert (
        "breaks on: P0-v8.0, P1-repeat, P2-v8.4; not on: P3-bbml2, P4-at-spec, "
        "P5-nested" in text
    )
    assert "breaks on: all 6 profiles" in text


def test_cost_shows_what_changed_and_counts_the_rest() -> None:
    text = render_text(UNSAFE)
    assert "unmap-4k/own-vttbr/1-pcpu (+1 scenario alike), all 6 profiles" in text
    assert "tlbi vmalls12e1is 1 -> 0" in text
    assert "tlbi ipas2e1is 0 -> 262,144" in text
    assert "unchanged in 1 row\n" in text
    assert "map-new" not in text
    assert text.index("unmap-1g") < text.rindex("unmap-4k"), "greatest change first"


def test_many_different_changes_are_cut_and_counted() -> None:
    rows = tuple(
        replace(COST[0], scenario=f"s{n}", patched=Counts(dsb=100 + n))
        for n in range(20)
    )
    text = render_text(replace(UNSAFE, cost=rows))
    assert "  s19, " in text
    assert "  s0, " not in text
    assert "14 rows with smaller changes (-v shows them)" in text
    assert "  s0, " in render_text(replace(UNSAFE, cost=rows), verbose=True)


def test_cost_says_what_could_not_be_run() -> None:
    row = replace(COST[0], patched=None)
    assert "could not be run" in render_text(replace(UNSAFE, cost=(row,)))


def test_a_subject_cannot_drive_the_terminal() -> None:
    patch = PatchSummary("x.patch", "evil\x1b[2J\u202e\r\nsubject", ())
    text = render_text(replace(CLEAN, patches=(patch,)))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "evil\\x1b[2J\\u202e\\r\\nsubject" in text


def test_terse_is_one_line_for_each_new_finding() -> None:
    lines = terse_text(UNSAFE).splitlines()
    assert len(lines) == 4
    assert lines[0].startswith(
        "xen/arch/arm/mmu/p2m.c:345: ERROR:stale-s12-after-local-vmalle1: stage-1"
    )
    assert ": WARNING:" in lines[2]
    assert lines[3] == "harness: unsafe: 2 new errors, 1 unchanged, 1 fixed"


def test_what_is_not_covered_is_listed_however_quiet() -> None:
    listed = terse_text(INCONCLUSIVE).partition("\nharness: ")[0]
    lines = listed.splitlines()
    assert lines == [
        f"{gap.file or '?'}:{gap.line}: WARNING:{gap.rule}: {gap.text}"
        for gap in gaps(INCONCLUSIVE)
    ]
    assert any("iommu_iotlb_flush" in line for line in lines)
    assert any("p2m_teardown" in line for line in lines)
