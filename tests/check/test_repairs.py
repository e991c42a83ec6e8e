"""Repairs as diffs: each kind that is offered, and that only what holds is shown."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.check.finding import Finding, Severity, Status
from harness.check.pipeline import check
from harness.check.repairs import kept, tries
from harness.check.repairs.repairing import NO_PLACE, NONE_HOLDS
from harness.check.repairs.texts import Change
from harness.check.repairs.trial import Before, Trial
from harness.check.request import CheckRequest, Form
from harness.check.result import Result
from harness.series.base import EMBEDDED

pytestmark = pytest.mark.long

_PATCHES = EMBEDDED.parent


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search each time, whatever an earlier run has kept."""
    monkeypatch.setattr(kept, "load", lambda key: None)
    monkeypatch.setattr(kept, "save", lambda key, found: None)


def _checked(name: str, scenarios: tuple[str, ...], profile: str = "P0-v8.0") -> Result:
    return check(
        CheckRequest(
            (_PATCHES / f"{name}.patch").read_bytes(),
            name,
            None,
            EMBEDDED,
            profiles=tuple(profile.split(",")),
            scenarios=scenarios,
            jobs=1,
            repairs=True,
        )
    )


def _errors(result: Result) -> list[Finding]:
    return [
        finding
        for finding in result.findings
        if finding.status is Status.NEW and finding.severity is Severity.ERROR
    ]


def _diff(result: Result) -> str:
    diffs = {f.repair.diff for f in _errors(result) if f.repair is not None}
    assert len(diffs) == 1
    return diffs.pop()


def _changed(diff: str) -> list[str]:
    return [
        re.sub(r"\s+", " ", line).replace("\\", "").strip()
        for line in diff.splitlines()
        if line[:1] in "+-" and not line.startswith(("+++ ", "--- "))
    ]


_SWITCH = "vcpu-switch-back-over-other-domain"

# Patch, scenarios and profile; and the lines that the diff changes.
_KINDS = {
    "the operand of an instruction": (
        ("bad_s1_step_local", ("unmap-4k",), "P0-v8.0"),
        [
            '- asm volatile ("tlbi vmalle1" : : : "memory");',
            '+ asm volatile ("tlbi vmalle1is" : : : "memory");',
        ],
    ),
    "the argument of a macro for a barrier": (
        ("bad_ipa_dsb_ishst", ("unmap-4k",), "P0-v8.0"),
        ["- dsb(ishst);", "+ dsb(ish);"],
    ),
    "the body of a macro": (
        ("bad_dsb_ishst_after_tlbi", ("unmap-4k",), "P0-v8.0"),
        ['- "dsb ishst;"', '+ "dsb ish;"'],
    ),
    "the argument of a macro that defines a function": (
        ("bad_s1_flush_for_s12", ("unmap-4k",), "P0-v8.0"),
        [
            "-TLB_HELPER(flush_guest_tlb, vmalle1is)",
            "+TLB_HELPER(flush_guest_tlb, vmalls12e1is)",
        ],
    ),
    "the function that is called": (
        ("bad_flush_local", ("unmap-4k",), "P0-v8.0"),
        ["- flush_guest_tlb_local();", "+ flush_guest_tlb();"],
    ),
    "a barrier is missing": (
        ("bad_no_dsb_between_steps", ("unmap-4k",), "P0-v8.0"),
        ["+ dsb(ish);"],
    ),
    "an ISB is missing": (
        ("bad_vcpu_switch_no_isb", (_SWITCH,), "P0-v8.0"),
        ["+ isb();"],
    ),
    "a TLBI and its barriers are missing": (
        ("bad_no_s1_step", ("unmap-4k",), "P0-v8.0"),
        ['+ asm volatile ("tlbi vmalle1is" : : : "memory");', "+ dsb(ish);"],
    ),
    "a call is missing where there are no braces": (
        ("bad_unmap_no_flush", ("unmap-4k",), "P0-v8.0"),
        ["+ {", "+ p2m_force_tlb_flush_sync(p2m);", "+ }"],
    ),
    "a call of what removes more is missing, for both architectures": (
        ("bad_vcpu_switch_no_flush", ("vcpu-switch-same-domain",), "P0-v8.0,a32-v8"),
        ["+ flush_guest_tlb_local();"],
    ),
    "instructions are missing in a template": (
        ("bad_no_repeat_tlbi", ("unmap-4k",), "P1-repeat"),
        ['+ "dsb ish;"', '+ "tlbi vale2is, xzr;"', '+ "dsb ish;"'],
    ),
    "a break is missing": (
        ("bad_split_without_break", ("unmap-4k-in-2m",), "P0-v8.0"),
        [
            "+ p2m_remove_pte(entry, p2m->clean_pte);",
            "+ p2m_force_tlb_flush_sync(p2m);",
        ],
    ),
    "a condition is too much": (
        ("bad_ntlbpa_skips_s1_step", ("unmap-4k",), "P3-bbml2"),
        None,
    ),
    "one of several conditions is too much": (
        ("bad_ntlbpa_skips_vcpu_switch", (_SWITCH,), "P3-bbml2"),
        None,
    ),
    "the order is wrong": (
        ("bad_s1_step_first", ("unmap-4k",), "P0-v8.0"),
        None,
    ),
}


def _patched(work: Path, name: str, diff: str) -> None:
    """Make a tree with a patch and a diff applied by git itself."""
    tree = work / "b"
    shutil.copytree(EMBEDDED, tree)
    for text in ((_PATCHES / f"{name}.patch").read_bytes(), diff.encode()):
        subprocess.run(
            ["git", "apply", "--whitespace=error-all", "-"],
            input=text,
            cwd=tree,
            check=True,
            capture_output=True,
            env={"GIT_DIR": "/dev/null", "PATH": "/usr/bin:/bin"},
        )


@pytest.mark.parametrize("kind", _KINDS)
def test_a_repair_is_offered_and_holds(kind: str, tmp_path: Path) -> None:
    (name, scenarios, profile), wanted = _KINDS[kind]
    diff = _diff(_checked(name, scenarios, profile))
    assert diff
    if wanted is not None:
        assert _changed(diff) == wanted
    # The errors are not in the tree that git makes of patch and diff.
    _patched(tmp_path, name, diff)
    shutil.copytree(EMBEDDED, tmp_path / "a")
    both = subprocess.run(
        ["git", "diff", "--no-index", "--no-prefix", "a", "b"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
    ).stdout
    if not both:
        return  # it is the base again, and that is clean
    again = check(
        CheckRequest(
            both,
            "both",
            None,
            EMBEDDED,
            profiles=tuple(profile.split(",")),
            scenarios=scenarios,
            jobs=1,
        )
    )
    assert not _errors(again)


def test_a_condition_is_left_out_with_its_braces() -> None:
    diff = _diff(_checked("bad_ntlbpa_skips_s1_step", ("unmap-4k",), "P3-bbml2"))
    added = [line for line in diff.splitlines() if re.match(r"\+[^+]", line)]
    assert '+    asm volatile ("tlbi vmalle1is" : : : "memory");' in added
    assert not any("if (" in line or "{" in line for line in added)


@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        # What is to be written to a register is nothing that can be derived.
        ("bad_at_speculate_real_root", "unmap-4k"),
        # To flush everything would be correct, and make the patch pointless.
        ("bad_one_ipa_for_table", "unmap-table"),
    ],
)
def test_no_diff_where_none_is_known(name: str, scenario: str) -> None:
    profile = "P4-at-spec" if "speculate" in name else "P0-v8.0"
    result = _checked(name, (scenario,), profile)
    assert _diff(result) == ""
    assert not result.patches[0].repair
    assert all(f.repair is not None and f.repair.text for f in _errors(result))
    assert [f.repair.no_diff for f in _errors(result) if f.repair] == [NO_PLACE]


def test_a_diff_that_leaves_the_finding_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Propose something that git applies and that changes nothing."""

    def useless(code: tries.PatchedCode, mendings: object) -> list[object]:
        source = code.source("xen/arch/arm/mmu/p2m.c")
        assert source is not None
        place = source.text.index("    flush_guest_tlb_local();")
        return [frozenset({Change(source.name, place, place, "    dsb(ish);\n")})]

    monkeypatch.setattr(tries, "proposals", useless)
    result = _checked("bad_flush_local", ("unmap-4k",))
    assert _diff(result) == ""
    assert [f.repair.no_diff for f in _errors(result) if f.repair] == [NONE_HOLDS]


@pytest.mark.parametrize(
    "added",
    [
        "    this is no C;\n",  # does not parse
        "    flush_guest_tlb();\n    p2m->root = NULL;\n",  # breaks something else
        '    flush_guest_tlb();\n    asm volatile ("smc #0");\n',  # is not modelled
    ],
)
def test_a_diff_that_brings_something_in_is_not_shown(
    added: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def harmful(code: tries.PatchedCode, mendings: object) -> list[object]:
        source = code.source("xen/arch/arm/mmu/p2m.c")
        assert source is not None
        place = source.text.index("    flush_guest_tlb_local();")
        return [frozenset({Change(source.name, place, place, added)})]

    monkeypatch.setattr(tries, "proposals", harmful)
    assert _diff(_checked("bad_flush_local", ("unmap-4k",))) == ""


def test_what_holds_for_the_trace_only_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The whole analysis has the last word."""
    tried: list[str] = []

    def outcome(trial: Trial, before: Before) -> None:
        assert before.seen
        tried.append(trial.diff)

    monkeypatch.setattr(Trial, "outcome", outcome)
    assert _diff(_checked("bad_flush_local", ("unmap-4k",))) == ""
    assert tried and len(set(tried)) == len(tried) <= 3


def test_one_change_for_all_errors_is_found() -> None:
    result = _checked("bad_flush_local", ("unmap-4k", "create-domain"))
    assert len(_errors(result)) == 2
    assert result.patches[0].repair == _diff(result)


def test_names_do_not_matter(tmp_path: Path) -> None:
    """Rename functions, macros and variables in tree and patch alike."""
    names = {
        "flush_guest_tlb_local": "here",
        "flush_guest_tlb": "everywhere",
        "TLB_HELPER_LOCAL": "OF_ONE",
        "TLB_HELPER": "OF_ALL",
        "dsb": "completed",
        "isb": "synced",
        "tlbop": "x",
        "flush_guest_tlb_one_ipa": "one",
        "ipa": "address",
    }
    pattern = re.compile(rf"(?<![\"\w])(?:{'|'.join(names)})\b(?![ ]+\w*;)")

    def renamed(text: str) -> str:
        return pattern.sub(lambda match: names[match[0]], text)

    tree = tmp_path / "tree"
    shutil.copytree(EMBEDDED, tree)
    for file in tree.rglob("*.[ch]"):
        file.write_text(renamed(file.read_text()))
    for name in ("bad_flush_local", "bad_no_dsb_between_steps"):
        patch = renamed((_PATCHES / f"{name}.patch").read_text())
        patch = re.sub(r"(?m)^index .*\n", "", patch)
        result = check(
            CheckRequest(
                patch.encode(),
                name,
                tree,
                tmp_path,
                profiles=("P0-v8.0",),
                scenarios=("unmap-4k",),
                jobs=1,
                repairs=True,
            )
        )
        original = _changed(_diff(_checked(name, ("unmap-4k",))))
        assert _changed(_diff(result)) == [renamed(line) for line in original]


def test_the_tree_is_left_alone(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(EMBEDDED, tree)

    def digest() -> str:
        found = hashlib.sha256()
        for file in sorted(tree.rglob("*")):
            found.update(str(file).encode())
            if file.is_file():
                found.update(file.read_bytes())
        return found.hexdigest()

    before = digest()
    result = check(
        CheckRequest(
            (_PATCHES / "bad_flush_local.patch").read_bytes(),
            "patch",
            tree,
            tmp_path,
            profiles=("P0-v8.0",),
            scenarios=("unmap-4k",),
            jobs=1,
            repairs=True,
        )
    )
    assert _diff(result)
    assert digest() == before


def test_each_patch_of_a_series_has_its_own(tmp_path: Path) -> None:
    """The diff stands on the tree with the patch that brings the finding in."""
    for number, name in enumerate(("good_stronger_barrier", "bad_flush_local"), 1):
        shutil.copy(_PATCHES / f"{name}.patch", tmp_path / f"{number}.patch")
    result = check(
        CheckRequest(
            None,
            str(tmp_path),
            None,
            EMBEDDED,
            profiles=("P0-v8.0",),
            scenarios=("unmap-4k",),
            jobs=1,
            form=Form.DIRECTORY,
            repairs=True,
        )
    )
    assert {finding.patch for finding in _errors(result)} == {2}
    assert [patch.repair for patch in result.patches] == ["", _diff(result)]
    wanted = ["- flush_guest_tlb_local();", "+ flush_guest_tlb();"]
    assert _changed(_diff(result)) == wanted
