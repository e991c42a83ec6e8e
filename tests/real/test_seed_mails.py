"""The mails of the list as they stand, on the history of Xen.

HARNESS_XEN_GIT names a clone of it, bare or not; without, these are skipped.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.check.finding import Finding, Status
from harness.check.pipeline import CheckRequest, check
from harness.check.result import Result
from harness.series.repository import Repository

REPOSITORY = Path(__file__).resolve().parents[2]
# What the patch was mailed for.
MAILED_FOR = "45c6090783"


@pytest.fixture(scope="module")
def xen_git() -> Path:
    given = os.environ.get("HARNESS_XEN_GIT")
    if not given:
        pytest.skip("no clone of Xen (set HARNESS_XEN_GIT)")
    return Path(given)


def seed(pattern: str) -> bytes:
    given = os.environ.get("HARNESS_SEEDS")
    seeds = Path(given) if given else REPOSITORY.parent / "shared" / "seeds"
    found = sorted(seeds.glob(pattern))
    if not found:
        pytest.skip(f"no {seeds}/{pattern} (set HARNESS_SEEDS)")
    return found[0].read_bytes()


def checked(data: bytes, xen_git: Path, base: str | None = None) -> Result:
    return check(
        CheckRequest(
            data,
            "mail",
            xen_git,
            xen_git,
            profiles=("P0-v8.0", "P3-bbml2"),
            scenarios=("unmap-4k", "vcpu-switch-same-domain"),
            base=base,
        )
    )


def new(result: Result) -> set[tuple[str, str, int, int]]:
    def key(finding: Finding) -> tuple[str, str, int, int]:
        place = finding.location
        return finding.rule, place.file, place.line, finding.patch

    return {key(f) for f in result.findings if f.status is Status.NEW}


def test_the_review_says_what_the_patch_says(xen_git: Path) -> None:
    mailed = checked(seed("000-v1.patch"), xen_git, MAILED_FOR)
    read = checked(seed("000_*.txt"), xen_git, MAILED_FOR)
    (patch,) = read.patches
    assert patch.recovered is True
    assert patch.uncertain == ()
    assert len(patch.files) == 6
    assert new(read) == new(mailed)
    assert new(read)
    repository = Repository.at(xen_git)
    assert repository is not None
    assert read.base_commit == repository.resolve(MAILED_FOR)


def test_the_base_of_the_review_is_found(xen_git: Path) -> None:
    read = checked(seed("000_*.txt"), xen_git)
    assert read.base.endswith("(newest commit with the pre-image blobs)")
    repository = Repository.at(xen_git)
    assert repository is not None
    for commit in (read.base_commit, repository.resolve(MAILED_FOR)):
        assert commit is not None
        entry = repository.entry(commit, "xen/arch/arm/mmu/p2m.c")
        assert entry is not None
        assert entry.oid.startswith("51abf3504f")


def test_two_diffs_of_one_mail(xen_git: Path) -> None:
    read = checked(seed("001_*.txt"), xen_git)
    assert [patch.recovered for patch in read.patches] == [True, True]
    assert {patch for *_, patch in new(read)} == {1, 2}
