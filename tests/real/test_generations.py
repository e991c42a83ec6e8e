"""Releases between the two archives, and the list's patch on the tree of its time.

They come out of a clone of Xen's repository: HARNESS_XEN_GIT names it.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from test_seed_patches import checked, seed

from harness.check.finding import Severity, Status
from harness.check.pipeline import CheckRequest, audit
from harness.check.result import Verdict

VARIABLE = "HARNESS_XEN_GIT"

RELEASES = ("RELEASE-4.17.0", "RELEASE-4.18.0", "RELEASE-4.19.0", "RELEASE-4.20.0")
LATER = ("RELEASE-4.21.0", "RELEASE-4.22.0", "HEAD")
# Before the rework of the flush helpers; what the patch of the list was made for.
OF_ITS_TIME = "45c6090783"
# Those that show every error; all of them give no other.
FEW = ("unmap-4k", "vcpu-switch-same-domain")


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function from a revision to its tree, unpacked."""
    repository = os.environ.get(VARIABLE)
    if not repository:
        pytest.skip(f"set {VARIABLE} to a clone of Xen's repository")

    def unpack(revision: str) -> Path:
        command = ["git", "-C", repository, "archive", revision, "xen", "Config.mk"]
        data = subprocess.run(command, capture_output=True, check=True).stdout
        place = tmp_path_factory.mktemp("tree")
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            tar.extractall(place, filter="data")
        return place

    return unpack


@pytest.mark.parametrize("revision", [*RELEASES, *LATER, OF_ITS_TIME])
def test_a_release_has_no_error(revision: str, release: Callable[[str], Path]) -> None:
    tree = release(revision)
    profiles = ("P0-v8.0", "P4-at-spec")
    result = audit(CheckRequest(None, "", tree, tree, jobs=1, profiles=profiles))
    assert result.verdict is Verdict.CLEAN
    assert not [f for f in result.findings if f.severity is Severity.ERROR]
    assert not result.unsupported


def test_patch_of_the_list_is_judged_alike_on_both_trees(
    release: Callable[[str], Path], xen_tree: Callable[[str], Path]
) -> None:
    found = []
    for name, tree in (
        ("000-v1.patch", release(OF_ITS_TIME)),
        ("000-v1-on-4.20.3.patch", xen_tree("4.20.3")),
    ):
        result = checked(seed(name), name, tree, scenarios=FEW)
        assert result.verdict is Verdict.UNSAFE
        # Warnings differ where the flush helpers do: the older ones repeat a local
        # TLBI behind a DSB, too, where REPEAT_TLBI is worked around.
        errors = [
            (f.rule, f.profiles, f.location.function)
            for f in result.findings
            if f.status is Status.NEW and f.severity is Severity.ERROR
        ]
        found.append(sorted(errors))
    assert found[0] == found[1]
    assert len(found[0]) >= 5
