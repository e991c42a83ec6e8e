"""Shared by all tests: real Xen trees to run against, and which inputs are tried."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# A run of the tests is the same each time; other inputs are for runs by hand:
# --hypothesis-profile=random, which prints what it needs to run one again.
settings.register_profile("fixed", derandomize=True, print_blob=True)
settings.register_profile("random", derandomize=False, print_blob=True)
settings.load_profile("fixed")

# Tests that take longest, and run only where --long is given: as in CI.
LONG = "long"

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCES_VARIABLE = "HARNESS_SOURCES"
# Set where the archives must be there: no test against a real tree is skipped.
REQUIRE_VARIABLE = "HARNESS_REQUIRE_REAL"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that leaves nothing out."""
    parser.addoption("--long", action="store_true", help="run the long tests as well")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Skip the long tests unless they are asked for."""
    if not config.getoption("--long"):
        skip = pytest.mark.skip(reason="takes long: run with --long")
        for item in items:
            if item.get_closest_marker(LONG):
                item.add_marker(skip)


def _sources() -> Path:
    given = os.environ.get(SOURCES_VARIABLE)
    return Path(given) if given else REPOSITORY.parent / "shared" / "sources"


def _cache() -> Path:
    given = os.environ.get("XDG_CACHE_HOME")
    base = Path(given) if given else Path(tempfile.gettempdir())
    return base / f"harness-test-trees-{os.getuid()}"


def _unpack(archive: Path) -> Path:
    """Unpack the hypervisor's part of an archive, once for all test runs.

    Several test processes may do this at the same time: each unpacks into a
    directory of its own, and the first one to rename it wins.
    """
    place = _cache() / f"{archive.name.removesuffix('.orig.tar.xz')}"
    if place.is_dir():
        return place
    _cache().mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=_cache()))
    try:
        with tarfile.open(archive) as tar:
            members = [
                member
                for member in tar
                if member.name.split("/")[1:2] in (["xen"], ["Config.mk"], ["COPYING"])
            ]
            tar.extractall(work, members, filter="data")
        (top,) = work.iterdir()
        try:
            top.rename(place)
        except OSError:
            if not place.is_dir():
                raise
    finally:
        shutil.rmtree(work)
    return place


@pytest.fixture(scope="session")
def xen_tree() -> Callable[[str], Path]:
    """Return a function from a version prefix, as "4.20.3", to its tree.

    The test is skipped when the source archive is not there, or fails where
    HARNESS_REQUIRE_REAL is set.
    """

    def find(version: str) -> Path:
        sources = _sources()
        found = sorted(sources.glob(f"xen_{version}*.orig.tar.xz"))
        if not found:
            reason = (
                f"no Xen {version} source archive in {sources} "
                f"(set {SOURCES_VARIABLE} to a directory with "
                f"xen_{version}*.orig.tar.xz)"
            )
            if os.environ.get(REQUIRE_VARIABLE):
                pytest.fail(reason)
            pytest.skip(reason)
        return _unpack(found[0])

    return find


@pytest.fixture(scope="session")
def base_tree() -> Path:
    """Return the embedded source tree."""
    return REPOSITORY / "patches" / "base"
