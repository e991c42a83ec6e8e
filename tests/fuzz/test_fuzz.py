"""A short run of the fuzzers, and that they can find something at all."""

from __future__ import annotations

import os
import random
import subprocess
import time
from pathlib import Path

import fuzz as fuzzing
import pytest
from mutation import mutated
from watch import TooSlow, limited, touched, watching

from harness.errors import PatchError

# Reading and applying a patch runs git a few times; the rest is in memory.
COUNTS = {"patch": 25, "mail": 25}
SEED = 20_261_121


@pytest.mark.parametrize("kind", fuzzing.KINDS)
def test_damaged_input_is_refused_or_answered(kind: str) -> None:
    outcome = fuzzing.fuzz(kind, COUNTS.get(kind, 150), SEED)
    assert outcome.failures == []
    # Mutations that break everything, or nothing, would test little.
    assert set(outcome.answers) == {"answer", "refused"}


def test_the_same_seed_makes_the_same_input() -> None:
    first, second = (
        mutated(random.Random("x"), b"a\nb 1\nc" * 50, b"other") for _ in range(2)
    )
    assert first == second
    assert first != b"a\nb 1\nc" * 50


# ------------------------------------------------- what the watch has to notice


def _kind(monkeypatch: pytest.MonkeyPatch, run: object) -> list[str]:
    monkeypatch.setitem(fuzzing.KINDS, "patch", (run, lambda: (b"x",)))
    return fuzzing.fuzz("patch", 1, SEED).failures


def test_an_error_that_is_none_of_ours_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(_: bytes, __: Path) -> None:
        raise KeyError("x")

    (failure,) = _kind(monkeypatch, run)
    assert failure.startswith("KeyError")
    assert f"--kind patch --seed {SEED} --only 0" in failure


def test_an_error_of_ours_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: bytes, __: Path) -> None:
        raise PatchError("x")

    assert _kind(monkeypatch, run) == []


def test_a_file_elsewhere_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(_: bytes, __: Path) -> None:
        (tmp_path / "leak").write_text("x")

    (failure,) = _kind(monkeypatch, run)
    assert failure.startswith("touched: open ")


def test_a_file_left_behind_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: bytes, __: Path) -> None:
        Path(os.environ["TMPDIR"], "left").write_text("x")

    (failure,) = _kind(monkeypatch, run)
    assert failure.startswith("left behind: ['left']")


def test_a_program_that_is_not_expected_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(_: bytes, __: Path) -> None:
        subprocess.run(["true"], check=True)

    (failure,) = _kind(monkeypatch, run)
    assert failure.startswith("touched: subprocess.Popen")


def test_what_takes_too_long_is_stopped() -> None:
    with pytest.raises(TooSlow), limited(0.1):
        time.sleep(5)


def test_nothing_is_recorded_outside_of_a_watch(tmp_path: Path) -> None:
    touched.clear()
    (tmp_path / "x").write_text("x")
    with watching(tmp_path):
        (tmp_path / "y").write_text("y")
    assert touched == []
