"""Packing: what a token holds comes back, and bytes of others are never trusted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_events import events, headers

from harness.traces.event_lines import Malformed
from harness.traces.header import Header
from harness.traces.packing import MAX_UNPACKED, pack, unpack
from harness.traces.vocabulary import VOCABULARY
from reference_model.coordinates import Coord, Frame, Origin
from reference_model.events import Barrier, BarrierKind, Domain, Event, Isb, Repeat
from reference_model.start import Start


def _held(header: Header) -> Header:
    """Leave out what a token does not hold."""
    start = replace(header.start, inner=(), iommus=())
    return replace(header, start=start, model="", fingerprint="")


@settings(max_examples=200, deadline=None)
@given(headers.map(_held), st.lists(events, max_size=8))
def test_round_trip(header: Header, trace: list[Event]) -> None:
    try:
        data = pack(header, tuple(trace))
    except ValueError as error:
        assert "NUL" in str(error)
        return
    if len(data) > MAX_UNPACKED:
        return
    again, found = unpack(data)
    assert again == header
    assert found == tuple(trace)
    assert pack(again, found) == data


def test_places_come_back_without_their_columns() -> None:
    inner = Frame("write_pte", Coord("p2m.c", 80, 5))
    outer = Frame("p2m_set_entry", Coord("p2m.c", 120))
    origin = Origin(Coord("page.h", 7, 3), "write_pte", (inner, outer))
    part = Barrier(0, BarrierKind.DSB, Domain.ISH, origin=origin)
    trace = (part, Repeat(0, (part,), 3, (0,)), Isb(0))
    _, found = unpack(pack(Header(Start(1)), trace))
    plain = inner._replace(call=Coord("p2m.c", 80))
    wanted = Origin(Coord("page.h", 7), "write_pte", (plain, outer))
    assert found[0].origin == wanted
    assert isinstance(found[1], Repeat)
    assert found[1].body[0].origin == wanted
    assert found[2].origin is None


def test_what_a_token_does_not_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="inner-shareable"):
        pack(Header(Start(2, inner=(0, 1))), ())


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        header, found = unpack(data)
    except Malformed:
        return
    assert unpack(pack(header, found)) == (header, found)


def test_calls_do_not_nest_without_end() -> None:
    frames = tuple(Frame("f", Coord("f.c", n)) for n in range(1, 70))
    data = pack(
        Header(Start(1)), (Isb(0, origin=Origin(Coord("f.c", 1), "f", frames)),)
    )
    with pytest.raises(Malformed, match="more than 64 calls"):
        unpack(data)


def test_a_loop_in_a_loop_is_refused() -> None:
    inner = Repeat(0, (Isb(0),), 2, (0,))
    with pytest.raises(Malformed, match="repeats what repeats"):
        unpack(pack(Header(Start(1)), (Repeat(0, (inner,), 2, (0,)),)))


def test_the_vocabulary_has_each_word_once() -> None:
    assert len(set(VOCABULARY)) == len(VOCABULARY)
    assert not any("\0" in word for word in VOCABULARY)
