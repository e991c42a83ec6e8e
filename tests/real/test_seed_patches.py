"""The patches of the mailing list, on the real tree that they were made for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from changes import IPA_FLUSH, patch
from rename import renamed_patch

from harness.check.finding import Finding, Severity, Status
from harness.check.pipeline import CheckRequest, audit, check
from harness.check.result import Result, Verdict
from reference_model.profiles import ARCHITECTURE_PROFILES

pytestmark = pytest.mark.long

REPOSITORY = Path(__file__).resolve().parents[2]
SEEDS_VARIABLE = "HARNESS_SEEDS"
ALL = tuple(ARCHITECTURE_PROFILES)
WITHOUT_NTLBPA = {n for n, p in ARCHITECTURE_PROFILES.items() if not p.ntlbpa}
WITH_NTLBPA = set(ALL) - WITHOUT_NTLBPA

XenTree = Callable[[str], Path]


@pytest.fixture(scope="session")
def tree(xen_tree: XenTree) -> Path:
    """Return Xen 4.20.3, unpacked and unbuilt."""
    return xen_tree("4.20.3")


def seed(name: str) -> bytes:
    given = os.environ.get(SEEDS_VARIABLE)
    seeds = Path(given) if given else REPOSITORY.parent / "shared" / "seeds"
    path = seeds / name
    if not path.is_file():
        if os.environ.get("HARNESS_REQUIRE_REAL"):
            pytest.fail(f"{path} is required here")
        pytest.skip(f"no {path} (set {SEEDS_VARIABLE})")
    return path.read_bytes()


def checked(data: bytes, name: str, tree: Path, **more: object) -> Result:
    return check(CheckRequest(data, name, tree, tree, jobs=1, **more))  # type: ignore[arg-type]


def new(result: Result, rule: str) -> list[Finding]:
    return [f for f in result.findings if f.rule == rule and f.status is Status.NEW]


@pytest.fixture(scope="module")
def ipa_flush_of_the_list(tree: Path) -> Result:
    return checked(seed("000-v1-on-4.20.3.patch"), "000-v1", tree)


class TestFlushByIpa:
    """The first version of the flush by IPA."""

    def test_is_unsafe(self, ipa_flush_of_the_list: Result) -> None:
        assert ipa_flush_of_the_list.verdict is Verdict.UNSAFE

    def test_local_stage1_step(self, ipa_flush_of_the_list: Result) -> None:
        found = new(ipa_flush_of_the_list, "stale-s12-after-local-vmalle1")
        assert found
        assert {p for f in found for p in f.profiles} >= WITHOUT_NTLBPA
        finding = found[0]
        assert finding.scenario.endswith("2-pcpus")
        assert finding.witness is not None
        assert finding.witness.pe == 1
        assert finding.witness.kind == "S12"
        assert finding.location.in_patch
        assert finding.repair is not None
        assert finding.repair.verified
        assert "TLBI VMALLE1IS" in finding.repair.text

    def test_skipped_stage1_step(self, ipa_flush_of_the_list: Result) -> None:
        found = new(ipa_flush_of_the_list, "s1-inval-skipped-on-ntlbpa")
        assert {p for f in found for p in f.profiles} == WITH_NTLBPA
        assert any(s.endswith("1-pcpu") for f in found for s in f.scenarios)

    def test_skipped_flush_at_vcpu_switch(self, ipa_flush_of_the_list: Result) -> None:
        found = new(ipa_flush_of_the_list, "vcpu-switch-missing-s1-flush")
        assert {p for f in found for p in f.profiles} == WITH_NTLBPA

    def test_closing_barrier(self, ipa_flush_of_the_list: Result, tree: Path) -> None:
        found = new(ipa_flush_of_the_list, "dsb-st-does-not-complete-tlbi")
        assert found
        assert found[0].location.function == "p2m_force_tlb_flush_range_sync"

    def test_narrower_flush_at_vcpu_switch_is_no_error(
        self, ipa_flush_of_the_list: Result
    ) -> None:
        wrong = [
            f
            for f in ipa_flush_of_the_list.findings
            if f.status is Status.NEW
            and f.severity is Severity.ERROR
            and set(f.profiles) & WITHOUT_NTLBPA
        ]
        assert not any("vcpu-switch" in s for f in wrong for s in f.scenarios)

    def test_every_step_names_a_line_of_the_patched_tree(
        self, ipa_flush_of_the_list: Result, tree: Path, tmp_path: Path
    ) -> None:
        lengths = _patched_lengths(seed("000-v1-on-4.20.3.patch"), tree)
        steps = [s for f in ipa_flush_of_the_list.findings for s in f.trace]
        named = [s for s in steps if s.file]
        assert named
        for step in named:
            assert 1 <= step.line <= lengths(step.file), step


def _patched_lengths(data: bytes, tree: Path) -> Callable[[str], int]:
    growth: dict[str, int] = {}
    name = ""
    for line in data.decode().splitlines():
        if line.startswith("+++ b/"):
            name = line[6:]
        elif match := re.match(r"@@ -\d+,(\d+) \+\d+,(\d+) @@", line):
            growth[name] = growth.get(name, 0) + int(match[2]) - int(match[1])

    def length(file: str) -> int:
        lines = (tree / file).read_text().count("\n")
        return lines + growth.get(file, 0)

    return length


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("001-a.patch", "missing-tlbi-after-unmap"),
        ("001-b.patch", "vcpu-switch-missing-s1-flush"),
    ],
)
def test_dropped_flushes(name: str, rule: str, tree: Path) -> None:
    result = checked(seed(name), name, tree)
    assert result.verdict is Verdict.UNSAFE
    found = new(result, rule)
    assert {p for f in found for p in f.profiles} >= set(ALL)
    for finding in found:
        assert 2 <= len(finding.trace) <= 10


def test_untouched_tree_has_no_error(tree: Path) -> None:
    result = audit(CheckRequest(None, "", tree, tree, jobs=1))
    errors = [f for f in result.findings if f.severity is Severity.ERROR]
    assert not errors
    assert not result.unsupported


def test_correct_flush_by_ipa_is_clean_and_cheaper(tree: Path) -> None:
    # It gives 32-bit Arm no helper.
    result = checked(patch(tree, IPA_FLUSH), "ipa-flush", tree, profiles=ALL)
    assert not result.new_errors
    assert result.verdict is Verdict.CLEAN, (result.unsupported, result.not_executed)
    row = next(c for c in result.cost if c.scenario == "unmap-4k/own-vttbr/1-pcpu")
    assert row.base is not None
    assert row.patched is not None
    assert dict(row.base.tlbi) == {"VMALLS12E1IS": 1}
    assert dict(row.patched.tlbi) == {"IPAS2E1IS": 1, "VMALLE1IS": 1}


def test_names_do_not_matter(tree: Path, ipa_flush_of_the_list: Result) -> None:
    """Rename every static function of p2m.c and every local."""
    data, statics, inner = renamed_patch(seed("000-v1-on-4.20.3.patch"), tree)
    assert "__p2m_set_entry" in statics
    assert "ovttbr" in inner
    # The renaming is one of text, and right for arm64 only.
    result = checked(data, "renamed", tree, profiles=ALL)
    expected = {(f.rule, f.profiles) for f in ipa_flush_of_the_list.new_errors}
    assert {(f.rule, f.profiles) for f in result.new_errors} == expected
