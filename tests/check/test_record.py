"""Values of the analysis as plain data: they come back, and nothing else does."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.check.coverage.coverage import Coverage
from harness.check.diagnosis import Diagnosis
from harness.check.finding import Location, Repair, State, Step, TlbDiff, Witness
from harness.check.mending import Mending, Missing, Wrong
from harness.check.performance.needs import LoopBarriers, Smallest
from harness.check.performance.savings import Saving
from harness.check.shards.record import packed, plain, read, unpacked
from harness.check.tree_analysis import Reached, TreeAnalysis
from harness.cost.counts import Counts
from harness.errors import ReportError
from reference_model.coordinates import Coord, Frame, Origin
from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    Domain,
    Event,
    Isb,
    Repeat,
    Tlbi,
)

LOCATION = Location("f.c", 1, "f", True)
AT = Origin(Coord("f.c", 1, 2), "f", (Frame("g", Coord("g.c", 3)),), True)
LOOP = Repeat(0, (Isb(0), Tlbi(0, "vae2is", 3, origin=AT)), 2, (0, 1), origin=AT)
DSB = Barrier(1, BarrierKind.DSB, Domain.ISH, Access.ST)
MENDING = Mending("r", AT, (Wrong(LOOP, DSB),), (Missing(AT, False, (DSB, LOOP)),))
DIAGNOSIS = Diagnosis(
    "missing-dsb",
    0,
    "it",
    "s1",
    "P0-v8.0",
    LOCATION,
    "DSB ISH",
    Witness(1, "S12", 1, 0, None, 4096),
    (TlbDiff(1, ("a",), "b"),),
    (Step(1, 0, "store", "f.c", 1, "f", "x", True, (State("a", "b", False),)),),
    Repair(("add it",), True),
    ("O1", 3, ("nested", None), True),
    mendings=(MENDING,),
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
    [Saving("r", ("f",), LOCATION, False, "s1", "P0-v8.0", 2, 1, None)],
    [
        Smallest("s1", "P0-v8.0", 512, 1, right=True, fewer=None),
        LoopBarriers("s1", "P0-v8.0", 512, None, outside=True),
    ],
    (("1286807", "Cortex-A76"),),
)


def test_an_analysis_comes_back() -> None:
    assert unpacked(TreeAnalysis, packed(ANALYSIS)) == ANALYSIS


def test_origins_come_back() -> None:
    """They do not count where events are compared."""
    (mending,) = unpacked(TreeAnalysis, packed(ANALYSIS)).diagnoses[0].mendings
    loop = mending.wrong[0].old
    assert isinstance(loop, Repeat)
    assert [loop.origin, loop.body[1].origin, loop.body[0].origin] == [AT, AT, None]
    assert mending.missing[0].events[1].origin == AT


@pytest.mark.parametrize(
    "data",
    [
        [],
        [0, None],
        ["Origin", 0, None],
        ["Mending", "r", None, [], []],
        ["object"],
        [["Isb"], 0, None],
    ],
)
def test_what_is_no_event_is_refused(data: object) -> None:
    with pytest.raises(ReportError, match="there is no '"):
        read(Event, data)
    with pytest.raises(ReportError, match="there is no '"):
        read(Isb, plain(DSB))  # not any event, where it has to be this one


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
