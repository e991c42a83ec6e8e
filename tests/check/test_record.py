"""Values of the analysis as plain data: they come back, and nothing else does."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.check.coverage import Coverage
from harness.check.diagnosis import Diagnosis
from harness.check.finding import Location, Repair, State, Step, TlbDiff, Witness
from harness.check.record import packed, plain, read, unpacked
from harness.check.tree_analysis import Reached, TreeAnalysis
from harness.cost.counts import Counts
from harness.errors import ReportError

DIAGNOSIS = Diagnosis(
    "missing-dsb",
    0,
    "it",
    "s1",
    "P0-v8.0",
    Location("f.c", 1, "f", True),
    "DSB ISH",
    Witness(1, "S12", 1, 0, None, 4096),
    (TlbDiff(1, ("a",), "b"),),
    (Step(1, 0, "store", "f.c", 1, "f", "x", True, (State("a", "b", False),)),),
    Repair(("add it",), True),
    ("O1", 3, ("nested", None), True),
)
ANALYSIS = TreeAnalysis(
    [DIAGNOSIS, replace(DIAGNOSIS, witness=None, repair=None, anchor=None)],
    [Reached("asm", "f.c", 1, "s1", "P0-v8.0")],
    {("s1", "P0-v8.0"): Counts((("ipas2e1is", 2),), 1, 2, 3, 4)},
    ("s1", "s2"),
    {"s1", "s2"},
    3,
    4,
    False,
    Coverage(("f (f.c:1)",), dropped=(("f.c", 2),)),
    (("1286807", "Cortex-A76"),),
)


def test_an_analysis_comes_back() -> None:
    assert unpacked(TreeAnalysis, packed(ANALYSIS)) == ANALYSIS


def test_it_does_not_matter_in_which_order_a_set_was_filled() -> None:
    other = replace(ANALYSIS, complete={"s2", "s1"})
    assert packed(other) == packed(ANALYSIS)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3).map(tuple),
        max_leaves=8,
    )
)
def test_anything_in_a_key_comes_back(value: object) -> None:
    assert read(object, json.loads(json.dumps(plain(value)))) == value


@given(st.binary())
def test_bytes_come_back(value: bytes) -> None:
    assert read(bytes, plain(value)) == value


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (int, True),
        (int, 1.5),
        (bool, 1),
        (str, None),
        (tuple[str, ...], "ab"),
        (tuple[str, str], ["a"]),
        (tuple[str, ...], [1]),
        (set[str], {"a": 1}),
        (dict[str, int], [["a"]]),
        (dict[str, int], {"a": 1}),
        (Location, ["f.c", 1, "f"]),
        (Location, ["f.c", "1", "f", True]),
        (Location, {"file": "f.c"}),
        (int | None, "a"),
        (bytes, 'not "base85"'),
        (object, {"a": 1}),
        (TreeAnalysis, [[]]),
    ],
)
def test_what_is_of_another_type_is_refused(kind: type, data: object) -> None:
    with pytest.raises(ReportError, match=r"where .* should be"):
        read(kind, data)


def _pack(data: bytes) -> str:
    return base64.b85encode(zlib.compress(data)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "é",
        "####",
        base64.b85encode(b"no zlib").decode(),
        packed(ANALYSIS)[:-20],
        _pack(b"{"),
        _pack(b"\xff"),
        _pack(b"[" * 100_000),
        _pack(b"[" + b"9" * 10_000 + b"]"),
    ],
)
def test_what_cannot_be_unpacked_is_refused(text: str) -> None:
    with pytest.raises(ReportError):
        unpacked(TreeAnalysis, text)


def test_what_grows_without_end_is_refused() -> None:
    bomb = zlib.compressobj(9)
    data = b"".join(bomb.compress(b" " * (1 << 20)) for _ in range(257)) + bomb.flush()
    with pytest.raises(ReportError, match="much too large"):
        unpacked(TreeAnalysis, base64.b85encode(data).decode())
