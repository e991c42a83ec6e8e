"""Two versions of a patch: nothing is called fixed that was not run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.check.baseline import against
from harness.check.comparison import Comparison, Fate, compare
from harness.check.finding import Excerpt, Finding, Location, Severity, Status
from harness.check.pairing import Sameness, paired
from harness.check.result import (
    Bounds,
    Counts,
    Part,
    PatchSummary,
    Result,
    ScenarioCost,
    UnsupportedItem,
    Verdict,
)
from harness.errors import ReportError

PROFILES = ("P0-v8.0", "P2-v8.4")
SCENARIOS = ("unmap-4k", "map-new")
FINDING = Finding(
    rule="missing-dsb",
    severity=Severity.ERROR,
    status=Status.NEW,
    message="a DSB is missing",
    profiles=PROFILES[:1],
    scenario="unmap-4k",
    scenarios=("unmap-4k",),
    location=Location("p2m.c", 10, "f", True),
    witness=None,
    tlb_diff=(),
    trace=(),
    repair=None,
    arm_rules=(),
    fingerprint="f1",
    kin=("k1",),
)
OTHER = replace(FINDING, fingerprint="f2", kin=("k2",))
CLEAN = Result(
    command="check",
    base="tree",
    tree_version="4.20",
    patches=(),
    profiles=PROFILES,
    bounds=Bounds(2, 2, 2, 4, 40, True),
    findings=(),
    unsupported=(),
    cost=tuple(ScenarioCost(s, PROFILES, None, Counts()) for s in SCENARIOS),
    assumptions=(),
)


def _with(*findings: Finding) -> Result:
    return replace(CLEAN, findings=findings)


def _fates(comparison: Comparison) -> list[Fate]:
    return [one.fate for one in comparison.findings]


# ----------------------------------------------------------------------- fates


def test_fixed_still_and_new() -> None:
    third = replace(FINDING, fingerprint="f3", kin=("k3",))
    comparison = compare(_with(FINDING, OTHER), _with(OTHER, third))
    assert _fates(comparison) == [Fate.NEW, Fate.STILL, Fate.FIXED]
    assert [one.shown for one in comparison.findings] == [third, OTHER, FINDING]
    assert not any(one.note for one in comparison.findings)
    assert comparison.verdict is Verdict.UNSAFE


def test_lines_do_not_matter() -> None:
    moved = replace(FINDING, location=Location("p2m.c", 99, "f", False))
    assert _fates(compare(_with(FINDING), _with(moved))) == [Fate.STILL]


@pytest.mark.parametrize(
    "other", [replace(FINDING, kin=("k9",)), replace(FINDING, fingerprint="f9")]
)
def test_a_fingerprint_or_a_mark_in_common_is_enough(other: Finding) -> None:
    assert _fates(compare(_with(FINDING), _with(other))) == [Fate.STILL]


def test_a_second_place_of_the_same_is_new() -> None:
    second = replace(FINDING, fingerprint="f1-2")
    comparison = compare(_with(FINDING), _with(second, FINDING))
    assert _fates(comparison) == [Fate.NEW, Fate.STILL]
    assert comparison.findings[0].shown == second
    assert "at one more place" in comparison.findings[0].note
    # The other way round, nobody knows which of the two is left.
    assert _fates(compare(_with(second, FINDING), _with(FINDING))) == [Fate.STILL]


_ITEM = UnsupportedItem(
    "asm 'hvc'", "p2m.c", 3, ("unmap-4k",), ("P0-v8.0",), in_base=True
)
_BUILD = replace(_ITEM, scenarios=("build",))
_PATCH = PatchSummary("a.patch", "a", ("p2m.c",))
GAPS = {
    "not modelled": {"unsupported": (_ITEM,)},
    "not readable": {"unsupported": (_BUILD,)},
    "not run": {"not_executed": ("f (p2m.c:7)",)},
    "bound": {"bounds": replace(CLEAN.bounds, exhausted=False)},
    "recovered": {"patches": (replace(_PATCH, recovered=False),)},
    "no such scenario": {"cost": CLEAN.cost[1:]},
    "not on that CPU": {
        "cost": tuple(replace(c, profiles=PROFILES[1:]) for c in CLEAN.cost)
    },
    "no trees to run": {"cost": ()},
    "stopped": {"cost": tuple(replace(c, patched=None) for c in CLEAN.cost)},
}


@pytest.mark.parametrize("name", GAPS)
def test_what_was_not_run_is_not_fixed(name: str) -> None:
    second = replace(CLEAN, **GAPS[name])  # type: ignore[arg-type]
    comparison = compare(_with(FINDING), second)
    (one,) = comparison.findings
    assert one.fate is Fate.GONE
    assert one.note.startswith("not proved to be fixed: v2 ")
    assert comparison.verdict is Verdict.INCONCLUSIVE


def test_what_neither_runs_and_neither_changes_is_no_doubt() -> None:
    """A patch that both have touches a file that is not run."""
    note = _patch("1", "note", "xen/README")
    fault = _patch("2", "fault", "p2m.c")
    missing = ("xen/README (not run)",)
    first = replace(_with(FINDING), patches=(note, fault), not_executed=missing)
    second = replace(CLEAN, patches=(note,), not_executed=missing)
    assert _fates(compare(first, second)) == [Fate.FIXED]
    # It may be hidden where one of them changes something.
    moved = replace(second, patches=(note, _patch("3", "more", "xen/README")))
    assert _fates(compare(first, moved)) == [Fate.GONE]
    more = replace(second, not_executed=(*missing, "f (p2m.c:7)"))
    assert _fates(compare(first, more)) == [Fate.GONE]


def test_a_gap_elsewhere_is_no_doubt() -> None:
    for item in (
        replace(_ITEM, scenarios=("map-new",)),
        replace(_ITEM, profiles=("P2-v8.4",)),
    ):
        second = replace(CLEAN, unsupported=(item,))
        assert _fates(compare(_with(FINDING), second)) == [Fate.FIXED]


def test_what_did_not_build_is_fixed_when_it_builds() -> None:
    build = replace(FINDING, rule="c-does-not-build", scenario="build")
    build = replace(build, scenarios=("build",))
    assert _fates(compare(_with(build), CLEAN)) == [Fate.FIXED]
    second = replace(CLEAN, unsupported=(_ITEM,))  # it builds, and runs up to there
    assert _fates(compare(_with(build), second)) == [Fate.FIXED]
    second = replace(CLEAN, unsupported=(_BUILD,))
    assert _fates(compare(_with(build), second)) == [Fate.GONE]


@pytest.mark.parametrize("name", GAPS)
def test_what_v1_did_not_run_may_not_be_new(name: str) -> None:
    first = replace(CLEAN, **GAPS[name])  # type: ignore[arg-type]
    (one,) = compare(first, _with(FINDING)).findings
    assert one.fate is Fate.NEW
    assert one.note.startswith("v1 may have had it: v1 ")


def test_what_spreads_or_shrinks_is_said() -> None:
    (one,) = compare(
        _with(FINDING), _with(replace(FINDING, profiles=PROFILES))
    ).findings
    assert (one.fate, one.note) == (Fate.STILL, "now on P2-v8.4 as well")
    (one,) = compare(
        _with(replace(FINDING, profiles=PROFILES)), _with(FINDING)
    ).findings
    assert (one.fate, one.note) == (Fate.STILL, "not on P2-v8.4 any more")
    mended = replace(FINDING, patch=1, fixed_by=2)
    (one,) = compare(_with(FINDING), _with(mended)).findings
    assert one.note == "mended again by patch 2"
    (one,) = compare(_with(mended), _with(FINDING)).findings
    assert one.note == "no later patch mends it any more"


def test_a_suppression_is_no_repair() -> None:
    hidden = replace(FINDING, suppressed="SAF-1: it is fine")
    comparison = compare(_with(FINDING), _with(hidden))
    (one,) = comparison.findings
    assert (one.fate, one.note) == (Fate.STILL, "suppressed now: SAF-1: it is fine")
    assert comparison.verdict is Verdict.CLEAN


def test_the_base() -> None:
    old = replace(FINDING, status=Status.UNCHANGED)
    mended = replace(FINDING, status=Status.FIXED)
    assert _fates(compare(_with(old), _with(old))) == []
    assert _fates(compare(_with(mended), _with(mended))) == []
    assert _fates(compare(_with(old), _with(mended))) == [Fate.MENDED]
    assert _fates(compare(_with(mended), _with(old))) == [Fate.LOST]
    (one,) = compare(_with(mended), CLEAN).findings
    assert (one.fate, one.note) == (Fate.LOST, "v2 does not tell of it on its base")


def test_what_was_known_is_compared_as_well() -> None:
    known = replace(FINDING, status=Status.KNOWN)
    assert _fates(compare(_with(known), _with(FINDING))) == [Fate.STILL]
    assert _fates(compare(_with(known), CLEAN)) == [Fate.FIXED]


# ------------------------------------------------------------------ conditions


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"profiles": PROFILES[:1]}, "their profiles differ: v1 has P0-v8.0, P2-v8.4,"),
        ({"command": "audit"}, "their commands differ"),
        ({"only_under": ("drain-ptw=on",)}, "v1 has default, v2 has drain-ptw=on"),
        ({"part": Part(1, 2, (), (), "")}, "a part of a check cannot be compared"),
    ],
)
def test_what_cannot_be_compared(change: dict[str, object], said: str) -> None:
    with pytest.raises(ReportError, match=said):
        compare(CLEAN, replace(CLEAN, **change))  # type: ignore[arg-type]


def test_another_base_is_named() -> None:
    second = replace(CLEAN, base_commit="b" * 40, configuration="built")
    first = replace(CLEAN, base_commit="a" * 40)
    assert compare(first, second).notes == (
        f"the bases differ: v1 has {'a' * 12}, v2 has {'b' * 12}",
        "the configurations differ: v1 has , v2 has built",
    )
    assert compare(CLEAN, CLEAN).notes == ()


# --------------------------------------------------------------------- pairing


def _patch(identity: str, subject: str, *files: str) -> PatchSummary:
    return PatchSummary(subject, subject, files, identity=identity)


def test_patches_are_paired_by_content_then_subject_then_order() -> None:
    first = (
        _patch("1", "a", "x"),
        _patch("2", "[PATCH v1 2/4] b: Do  it", "x"),
        _patch("3", "c", "x"),
        _patch("4", "d", "y"),
    )
    second = (
        _patch("9", "new one", "z"),
        _patch("8", "c again", "x"),
        _patch("7", "[PATCH v2 3/4] B: do it", "x"),
        _patch("1", "a, renamed", "x"),
    )
    pairs = [(p.first, p.second, p.sameness) for p in paired(first, second)]
    assert pairs == [
        (0, 1, Sameness.ADDED),
        (3, 2, Sameness.ORDER),
        (2, 3, Sameness.SUBJECT),
        (1, 4, Sameness.SAME),
        (4, 0, Sameness.DROPPED),
    ]


def test_each_patch_is_paired_once_and_none_is_lost() -> None:
    twice = (_patch("1", "a", "x"), _patch("1", "a", "x"))
    one = (_patch("1", "a", "x"),)
    numbers = [(p.first, p.second) for p in paired(twice, one)]
    assert numbers == [(1, 1), (2, 0)]
    assert [(p.first, p.second) for p in paired(one, twice)] == [(1, 1), (0, 2)]
    nameless = (_patch("", "", "x"),)
    assert paired(nameless, (_patch("", "", "y"),))[0].sameness is Sameness.ADDED


# -------------------------------------------------------------------- baseline


def _known(result: Result, baseline: Result) -> list[Status]:
    return [f.status for f in against(result, baseline, "b.json").findings]


def test_what_the_baseline_has_is_known() -> None:
    result = against(_with(FINDING, OTHER), _with(FINDING), "b.json")
    assert [f.status for f in result.findings] == [Status.KNOWN, Status.NEW]
    assert result.verdict is Verdict.UNSAFE
    assert result.notes == ("baseline 'b.json': 1 of 2 findings are known",)
    result = against(_with(FINDING), _with(FINDING), "b.json")
    assert (result.verdict, result.new_errors) == (Verdict.CLEAN, ())


def test_the_same_rule_elsewhere_is_new() -> None:
    assert _known(_with(OTHER), _with(FINDING)) == [Status.NEW]
    other = replace(FINDING, rule="missing-isb")
    assert _known(_with(other), _with(FINDING)) == [Status.NEW]


@pytest.mark.parametrize(
    "more",
    [
        {"profiles": PROFILES},
        {"scenarios": SCENARIOS},
        {"kin": ("k1", "k2")},
    ],
)
def test_what_goes_further_is_new(more: dict[str, object]) -> None:
    wider = replace(FINDING, **more)  # type: ignore[arg-type]
    assert _known(_with(wider), _with(FINDING)) == [Status.NEW]
    less = _known(_with(FINDING), _with(wider))
    assert less == [Status.KNOWN]


def test_one_more_place_of_the_same_is_new() -> None:
    """Which of the two it was cannot be told: neither is hidden."""
    second = replace(FINDING, fingerprint="f1-2")
    both = [Status.NEW, Status.NEW]
    assert _known(_with(FINDING, second), _with(FINDING)) == both
    assert _known(_with(FINDING), _with(FINDING, second)) == [Status.KNOWN]


def test_a_place_that_is_old_counts_as_well() -> None:
    """The base has one of them in both: what comes in is another one."""
    old = replace(FINDING, status=Status.UNCHANGED)
    second = replace(FINDING, fingerprint="f1-2")
    assert _known(_with(old, second), _with(old)) == [Status.UNCHANGED, Status.NEW]
    assert _known(_with(FINDING), _with(old)) == [Status.KNOWN]


def test_another_line_of_that_function_is_new() -> None:
    """One was mended, one came in, and both go by the same name."""
    at = [
        replace(FINDING, excerpts=(Excerpt("p2m.c", ((10, line),)),))
        for line in ("    dsb(ish);", "\tdsb(ish);", "    dsb(ishst);", "")
    ]
    assert _known(_with(at[0]), _with(at[1])) == [Status.KNOWN]
    assert _known(_with(at[0]), _with(at[2])) == [Status.NEW]
    assert _known(_with(at[0]), _with(at[3])) == [Status.NEW]
    moved = replace(
        at[0],
        location=replace(FINDING.location, line=70),
        excerpts=(
            Excerpt("x.h", ((70, "other"),)),
            Excerpt("p2m.c", ((10, "x"), (70, "  dsb(ish);"))),
        ),
    )
    assert _known(_with(moved), _with(at[0])) == [Status.KNOWN]


def test_the_baseline_of_another_tree_is_named() -> None:
    baseline = replace(_with(FINDING), tree_version="4.19", base_commit="a" * 40)
    (note,) = against(_with(FINDING), baseline, "b.json").notes
    assert note == (
        "baseline 'b.json': 1 of 1 findings are known; it was made on Xen 4.19 at "
        f"{'a' * 12}, this is Xen 4.20"
    )


def test_what_the_baseline_mends_or_suppresses_is_new() -> None:
    fixed = replace(FINDING, status=Status.FIXED)
    assert _known(_with(FINDING), _with(fixed)) == [Status.NEW]
    hidden = replace(FINDING, suppressed="SAF-1: fine")
    assert _known(_with(FINDING), _with(hidden)) == [Status.NEW]
    assert _known(_with(hidden), _with(hidden)) == [Status.KNOWN]


def test_what_is_not_new_stays_what_it_is() -> None:
    old = replace(FINDING, status=Status.UNCHANGED)
    assert _known(_with(old), _with(FINDING)) == [Status.UNCHANGED]
    gap = replace(_with(FINDING), unsupported=(_ITEM,))
    known = against(gap, _with(FINDING), "b.json")
    assert known.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"only_under": ("drain-ptw=on",)}, "rests on other assumptions"),
        ({"part": Part(1, 2, (), (), "")}, "is one part of a check"),
    ],
)
def test_a_baseline_that_is_none(change: dict[str, object], said: str) -> None:
    baseline = replace(CLEAN, **change)  # type: ignore[arg-type]
    with pytest.raises(ReportError, match=said):
        against(CLEAN, baseline, "b.json")
