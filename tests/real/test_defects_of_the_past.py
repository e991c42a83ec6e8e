"""Defects that Xen had and mended, found in the trees of their time."""

from __future__ import annotations

import os
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.check.finding import Severity, Status
from harness.check.pipeline import CheckRequest, audit, check
from harness.check.result import Result

XEN_GIT_VARIABLE = "HARNESS_XEN_GIT"
PLAIN = ("P0-v8.0",)
AT = ("P4-at-spec",)


class Defect(NamedTuple):
    """A commit that mends something, and how its parent shows it."""

    commit: str
    scenario: str
    rule: str
    profiles: tuple[str, ...] = PLAIN
    left: tuple[str, ...] = ()  # errors that the commit leaves for later ones


DEFECTS = (
    # "Flush for every exit paths in apply_p2m_changes"; still wrong are the kind of
    # TLBI and that the caller is not told.
    Defect(
        "1ec2fa626f",
        "physmap-unmap-out-of-memory/own-vttbr/1-pcpu",
        "missing-tlbi-after-unmap",
        left=("tlbi-wrong-stage", "p2m-wrong-mapping"),
    ),
    # "Release the p2m lock before undoing the mappings"
    Defect(
        "ed2cddb66b",
        "physmap-replace-out-of-memory/own-vttbr/1-pcpu",
        "c-undefined-behaviour",
        left=("tlbi-wrong-stage",),
    ),
    # "Use the correct TLBs flush instruction to nuke stage-2 TLBs"
    Defect("730bdfa418", "physmap-unmap-4k/own-vttbr/2-pcpus", "tlbi-wrong-stage"),
    # "Re-implement p2m_insert_mapping using p2m_set_entry"
    Defect("493f535a06", "physmap-replace-4k/own-vttbr/2-pcpus", "bbm-oa-change"),
    Defect(
        "493f535a06", "physmap-replace-2m-by-4k/own-vttbr/2-pcpus", "bbm-size-change"
    ),
    # "Perform local TLB invalidation on vCPU migration"
    Defect("607ad85d85", "vcpu-switch-same-domain", "vcpu-switch-missing-s1-flush"),
    # "guest_physmap_remove_page() needs its return value checked" (XSA-222)
    Defect(
        "a0cce6048d",
        "physmap-split-out-of-memory/own-vttbr/1-pcpu",
        "p2m-wrong-mapping",
    ),
    # "Implement workaround for Cortex-A76 erratum 1165522"
    Defect("a18be06aca", "vcpu-switch-other-domain", "at-speculate-mixed-context", AT),
    # "Always clear the P2M entry when the mapping is removed" (XSA-393)
    Defect(
        "a428b913a0", "unmap-after-invalidate/own-vttbr/1-pcpu", "p2m-wrong-mapping"
    ),
)


@pytest.fixture(scope="session")
def xen_git() -> Path:
    """Return the clone of Xen with its history."""
    given = os.environ.get(XEN_GIT_VARIABLE)
    if not given:
        pytest.skip(f"no {XEN_GIT_VARIABLE} (a clone of xen.git with its history)")
    return Path(given)


def unpacked(xen_git: Path, revision: str, place: Path) -> Path:
    command = ["git", "-C", str(xen_git), "archive", revision, "xen", "config"]
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(place, filter="data")
    return place


def audited(tree: Path, defect: Defect) -> Result:
    request = CheckRequest(
        None, "", tree, tree, defect.profiles, (defect.scenario,), jobs=1
    )
    return audit(request)


def errors(result: Result) -> set[str]:
    assert not result.unsupported
    return {f.rule for f in result.findings if f.severity is Severity.ERROR}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: f"{d.commit}-{d.rule}")
def test_is_found_before_its_commit_and_not_after(
    defect: Defect, xen_git: Path, tmp_path: Path
) -> None:
    before = audited(unpacked(xen_git, f"{defect.commit}^", tmp_path / "old"), defect)
    assert defect.rule in errors(before)
    after = audited(unpacked(xen_git, defect.commit, tmp_path / "new"), defect)
    assert errors(after) == set(defect.left)


def test_p2m_set_entry_of_2016_breaks_before_it_makes(
    xen_git: Path, tmp_path: Path
) -> None:
    parent = unpacked(xen_git, "2ef3e36ec7^", tmp_path)
    command = ["git", "-C", str(xen_git), "format-patch", "-1", "--stdout"]
    patch = subprocess.run([*command, "2ef3e36ec7"], check=True, capture_output=True)
    names = ("replace-2m-by-4k", "replace-4k-by-2m", "physmap-replace-2m-by-4k")
    scenarios = tuple(f"{name}/own-vttbr/2-pcpus" for name in names)
    result = check(
        CheckRequest(patch.stdout, "2ef3e36ec7", parent, parent, PLAIN, scenarios)
    )
    # What it adds is right; what it is to replace is not, and is still called.
    assert {f.rule for f in result.findings if f.status is Status.NEW} == set()
    unchanged = {f.rule for f in result.findings if f.status is Status.UNCHANGED}
    assert "bbm-size-change" in unchanged
    ran = {row.scenario for row in result.cost if row.patched is not None}
    assert set(scenarios) <= ran
