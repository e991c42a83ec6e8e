"""Profiles are named as shortly as can be."""

from __future__ import annotations

from harness.report.names import profiles_text

A510 = [f"A510[ets={ets}+bbm={bbm}]" for ets in (0, 2) for bbm in (0, 1, 2)]
EVERY = ["P0", "P1", *A510, "A72"]


def test_all() -> None:
    assert profiles_text(EVERY, EVERY) == "all 9 profiles"


def test_a_whole_core() -> None:
    assert profiles_text(["P0", *A510], EVERY) == "P0, A510"
    assert profiles_text(["A72"], EVERY) == "A72"


def test_what_variants_have_in_common() -> None:
    assert profiles_text([n for n in A510 if "bbm=0" in n], EVERY) == "A510[bbm=0]"
    assert profiles_text(["P1", A510[4]], EVERY) == "P1, A510[ets=2+bbm=1]"


def test_some_variants() -> None:
    assert profiles_text([A510[0], A510[4]], EVERY) == "A510 (2 of 6 variants)"
    assert profiles_text(A510[:2], EVERY) == "A510 (2 of 6 variants)"
