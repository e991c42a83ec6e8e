"""The finding that matters most is told first, whatever the input order."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from report_samples import LOCAL, ONE_PCPU, UNCHANGED, UNSAFE, WARNING

from harness.report.by_patch import parts
from harness.report.order import told, worst_first
from harness.report.text import render_text

BUILD = replace(LOCAL, rule="c-does-not-build", trace=(), fingerprint="b" * 16)
UNDEFINED = replace(LOCAL, rule="c-undefined-behaviour", fingerprint="c" * 16)
CONFLICT = replace(LOCAL, rule="bbm-size-change", fingerprint="d" * 16)
FEW = replace(LOCAL, profiles=LOCAL.profiles[:1], fingerprint="e" * 16)
PERF = replace(WARNING, rule="perf-x", severity=WARNING.severity.PERF)
WANTED = [LOCAL, FEW, ONE_PCPU, CONFLICT, UNDEFINED, BUILD, WARNING]


def test_what_a_guest_may_reach_comes_before_what_does_not_build() -> None:
    assert len(ONE_PCPU.profiles) > len(LOCAL.profiles) > len(FEW.profiles)
    assert FEW.location.in_patch > ONE_PCPU.location.in_patch
    assert worst_first(reversed(WANTED)) == WANTED


def test_the_order_is_that_of_the_findings_not_of_the_input() -> None:
    some = (BUILD, LOCAL, CONFLICT, WARNING)
    assert len({tuple(worst_first(order)) for order in permutations(some)}) == 1


def test_what_costs_time_comes_last_and_old_findings_not_at_all() -> None:
    assert told([UNCHANGED, PERF, WARNING, LOCAL]) == [LOCAL, WARNING, PERF]


def test_every_report_goes_by_it() -> None:
    result = replace(UNSAFE, findings=(BUILD, LOCAL))
    text = render_text(result)
    assert text.index(f"error[{LOCAL.rule}]") < text.index("error[c-does-not-build]")
    assert [f.rule for f in parts(result)[0].findings] == [LOCAL.rule, BUILD.rule]
