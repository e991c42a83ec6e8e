"""What the option --long is for."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
pytest_plugins = ["pytester"]

TESTS = """
import pytest

def test_short():
    pass

@pytest.mark.long
def test_long():
    pass
"""


@pytest.mark.parametrize("options, ran", [([], 1), (["--long"], 2)])
def test_long_tests_run_only_if_asked_for(
    pytester: pytest.Pytester, options: list[str], ran: int
) -> None:
    pytester.makeconftest((REPOSITORY / "tests/conftest.py").read_text())
    pytester.makeini("[pytest]\nmarkers = long: of the project\n")
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)
    result.assert_outcomes(passed=ran, skipped=2 - ran)


def test_nothing_is_left_out_in_ci() -> None:
    text = (REPOSITORY / ".ci/run").read_text()
    assert r"python -m pytest --long$" in text
