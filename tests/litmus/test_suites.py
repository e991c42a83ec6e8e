"""Every litmus test comes out as it says."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.litmus import Test, run
from harness.litmus.listing import listing
from harness.litmus.suite import find, load

HERE = Path(__file__).parent
SUITES = ("own", "two_stage", "pkvm", "esop", "herd", "herd_no_tlbi")
FILES = {
    suite: find([str(HERE / suite)])
    for suite in SUITES
    if any((HERE / suite).rglob("*.litmus"))
}
EVERY = [pytest.param(file, id=Path(file).stem) for s in FILES for file in FILES[s]]


@pytest.mark.parametrize("file", EVERY)
def test_comes_out_as_it_says(
    file: str, record_property: Callable[[str, object], None]
) -> None:
    test = load(file)
    start = time.perf_counter()
    answer = run(test)
    record_property("seconds", f"{time.perf_counter() - start:.3f}")
    assert answer.ok, "\n" + listing([answer], explain=False, quiet=True)


@pytest.mark.parametrize("suite", list(FILES))
def test_names_are_unique_and_origins_are_told(suite: str) -> None:
    tests: list[Test] = [load(file) for file in FILES[suite]]
    names = [test.name for test in tests]
    assert len(set(names)) == len(names)
    for test in tests:
        assert test.about, f"{test.file}: what does it show?"
        assert test.origin.startswith(("published: ", "derived: ")), test.file


def test_every_suite_is_there() -> None:
    assert set(FILES) == set(SUITES)
    folders = {path.name for path in HERE.iterdir() if any(path.rglob("*.litmus"))}
    assert folders == set(SUITES)


def test_own_tests_come_in_pairs() -> None:
    """Each way to go wrong stands beside its repair."""
    tests = [load(file) for file in FILES["own"]]
    verdicts: dict[str, set[str]] = {}
    for test in tests:
        family = Path(test.file).parent.name
        verdicts.setdefault(family, set()).update(str(e) for e in test.expectations)
    for family, found in verdicts.items():
        right = found & {"none", "forbidden"}
        assert right, f"{family}: nothing that is right"
        assert found - right, f"{family}: nothing that is wrong"
