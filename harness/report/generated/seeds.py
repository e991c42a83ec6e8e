"""Reports of patches of the mailing list, on the Xen release that they were made for.

Neither they nor Xen come with the project.  ``HARNESS_SEEDS`` names the directory
with the patches, ``HARNESS_SOURCES`` the one with Xen's source archives, as Debian
has them; where something is missing, the reports stay as they are.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.check.pipeline import CheckRequest, check
from harness.check.result import Result
from harness.errors import TreeError

__all__ = ["SEEDS", "missing", "seed_results", "unpacked"]

# The name of each report, and of its patch.
SEEDS = {
    "seed-000": "000-v1-on-4.20.3.patch",
    "seed-001-a": "001-a.patch",
    "seed-001-b": "001-b.patch",
}
_ARCHIVES = "xen_4.20.3*.orig.tar.xz"
_SUFFIX = ".orig.tar.xz"


def missing() -> str:
    """Say what is not at hand, "" if everything is."""
    patches = _directory("HARNESS_SEEDS")
    if patches is None:
        return "HARNESS_SEEDS is not set"
    for name in SEEDS.values():
        if not (patches / name).is_file():
            return f"no '{patches / name}' (HARNESS_SEEDS)"
    sources = _directory("HARNESS_SOURCES")
    if sources is None:
        return "HARNESS_SOURCES is not set"
    if not any(sources.glob(_ARCHIVES)):
        return f"no '{sources / _ARCHIVES}' (HARNESS_SOURCES)"
    return ""


def _directory(variable: str) -> Path | None:
    given = os.environ.get(variable)
    return Path(given) if given else None


@contextmanager
def unpacked() -> Iterator[Path]:
    """Yield the tree: the part of the archive that is the hypervisor."""
    sources = _directory("HARNESS_SOURCES")
    assert sources is not None
    archive = min(sources.glob(_ARCHIVES))
    with tempfile.TemporaryDirectory(prefix="harness-") as work:
        try:
            with tarfile.open(archive) as tar:
                members = [m for m in tar if m.name.split("/")[1:2] in _WANTED]
                tar.extractall(work, members, filter="data")
            (top,) = Path(work).iterdir()
        except (OSError, ValueError, tarfile.TarError) as error:
            raise TreeError(f"cannot unpack '{archive}': {error}") from error
        # The name of the tree is what a report calls it.
        yield top.rename(Path(work) / archive.name.removesuffix(_SUFFIX))


_WANTED = (["xen"], ["Config.mk"], ["COPYING"])


def seed_results(tree: Path) -> list[tuple[str, Result]]:
    """Check each patch on the tree, without what varies by run and by machine.

    One after the other, so that the tree itself is analysed once.
    """
    patches = _directory("HARNESS_SEEDS")
    assert patches is not None
    results = []
    for name, patch in SEEDS.items():
        data = (patches / patch).read_bytes()
        result = check(CheckRequest(data, patch, tree, tree, jobs=1, repairs=True))
        results.append((name, replace(result, base=tree.name, stats={})))
    return results
