"""Repairs that are kept between runs: the same bytes, and never of other text."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.check.pipeline import check
from harness.check.repairs import patches
from harness.check.request import CheckRequest
from harness.check.result import Result
from harness.series.base import EMBEDDED

pytestmark = pytest.mark.long

_PATCH = EMBEDDED.parent / "bad_flush_local.patch"
_FILE = "xen/arch/arm/mmu/p2m.c"


@pytest.fixture(autouse=True)
def _empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _checked(tree: Path = EMBEDDED) -> Result:
    return check(
        CheckRequest(
            _PATCH.read_bytes(),
            "patch",
            None if tree is EMBEDDED else tree,
            tree,
            profiles=("P0-v8.0",),
            scenarios=("unmap-4k",),
            jobs=1,
            repairs=True,
        )
    )


def _never(*_: object) -> None:
    raise AssertionError("searched again")


def _diffs(result: Result) -> list[str]:
    diffs = [f.repair.diff for f in result.findings if f.repair is not None]
    assert any(diffs)
    return [*diffs, result.patches[0].repair]


def test_a_rerun_does_not_search_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = _checked()
    monkeypatch.setattr(patches, "repaired", _never)
    assert _diffs(_checked()) == _diffs(first)


def test_what_is_kept_and_broken_is_searched_again(tmp_path: Path) -> None:
    first = _checked()
    files = list((tmp_path / "cache").rglob("tokens/*"))
    kept = [f for f in files if "diffs" in f.read_text()]
    assert kept
    for text in ("{", "[]", '{"diffs": 1}', '{"diffs": {"x": ""}}', "null"):
        for file in kept:
            file.write_text(text)
        assert _diffs(_checked()) == _diffs(first)


def test_text_that_comes_to_the_same_code_is_searched_again(tmp_path: Path) -> None:
    """A comment above moves the lines, and stands in the context of the diff."""
    first = _diffs(_checked())
    tree = tmp_path / "tree"
    shutil.copytree(EMBEDDED, tree)
    file = tree / _FILE
    file.write_text(f"/* One more line. */\n{file.read_text()}")
    moved = _diffs(_checked(tree))
    assert moved != first

    def numbers(diff: str) -> int:
        return int(diff.partition("@@ -")[2].partition(",")[0])

    assert [numbers(d) - 1 for d in moved if d] == [numbers(d) for d in first if d]
