"""Trace files: an exact round trip, bounds, and errors that say where."""

from __future__ import annotations

import io
import json
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_events import PES, events, headers

from harness.errors import ParseError
from harness.traces import limits, trace_reader
from harness.traces.event_lines import CLASSES, encode_event
from harness.traces.header import Header, decode_header, encode_header
from harness.traces.schema import schema
from harness.traces.trace_reader import TraceReader
from harness.traces.trace_writer import header_line, trace_lines
from reference_model import events as alphabet
from reference_model.events import Event, Isb, Repeat
from reference_model.start import Start


def _read(text: str | bytes) -> TraceReader:
    data = text if isinstance(text, bytes) else text.encode()
    return TraceReader(io.BytesIO(data), "t.jsonl")


def _origins(event: Event) -> list[object]:
    inner = event.body if isinstance(event, Repeat) else ()
    return [event.origin, *(part.origin for part in inner)]


# ----------------------------------------------------------------- round trip


@settings(max_examples=200, deadline=None)
@given(headers, st.lists(events, max_size=8))
def test_round_trip(header: Header, trace: list[Event]) -> None:
    reader = _read("".join(trace_lines(header, trace)))
    found = list(reader)
    assert reader.header == header
    assert found == trace
    assert [_origins(event) for event in found] == [_origins(e) for e in trace]
    assert reader.count == len(trace)


@settings(max_examples=100, deadline=None)
@given(headers, st.lists(events, max_size=3))
def test_every_line_fits_the_schema(header: Header, trace: list[Event]) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    for line in trace_lines(header, trace):
        validator.validate(json.loads(line))


def test_every_event_class_is_in_the_format() -> None:
    classes = {
        one
        for name in alphabet.__all__
        if isinstance(one := getattr(alphabet, name), type)
        and issubclass(one, Event)
        and one is not Event
    }
    assert set(CLASSES.values()) == classes


def test_every_field_of_a_start_is_in_the_format() -> None:
    known = set(encode_header(Header(Start(1)))) | {"inner", "iommus"}
    known |= {f.name for f in fields(Start) if isinstance(f.default, bool)}
    assert {f.name for f in fields(Start)} <= known


def test_neighbouring_words_take_one_run() -> None:
    memory = {0x1000 + 8 * n: 0x40000403 + 0x1000 * n for n in range(512)}
    data = encode_header(Header(Start(1, memory)))
    assert data["memory"] == [["0x1000", "0x40000403", 512, "0x1000"]]
    assert decode_header(data).start.memory == memory


def test_numbers_may_be_written_as_such() -> None:
    text = header_line(Header(Start(1)))
    text += '{"event":"store","pe":"0x0","pa":4096,"value":"ff"}\n'
    assert list(_read(text)) == [alphabet.Store(0, 4096, 255)]


@settings(max_examples=100, deadline=None)
@given(headers, st.lists(events, max_size=8), st.data())
def test_a_file_split_in_two_is_the_same_trace(
    header: Header, trace: list[Event], data: st.DataObject
) -> None:
    lines = list(trace_lines(header, trace))
    at = data.draw(st.integers(1, len(lines)))
    first = _read("".join(lines[:at]))
    found = list(first)
    rest = io.BytesIO("".join(lines[at:]).encode())
    found += TraceReader(rest, "u.jsonl", first.header)
    assert found == trace


# --------------------------------------------------------------------- errors

HEADER = header_line(Header(Start(PES)))

BAD_EVENTS = {
    "": "",
    "no JSON": "not JSON at column 1",
    "[1]": "must be an object",
    "{}": "no 'event'",
    '{"event":"jump","pe":0}': "'event' is 'jump': must be one of at, barrier",
    '{"event":["isb"],"pe":0}': "must be one of",
    '{"event":"isb"}': "'isb' needs 'pe'",
    '{"event":"isb","pe":3}': "'pe' is 3: the header has 3 PEs",
    '{"event":"isb","pe":-1}': "'pe' is -0x1",
    '{"event":"isb","pe":true}': "'pe' must be a number",
    '{"event":"isb","pe":1.5}': "'pe' must be a number",
    '{"event":"isb","pe":0,"x":1}': "'isb' has no 'x'",
    '{"event":"store","pe":0,"pa":"0x8"}': "'store' needs 'value'",
    '{"event":"store","pe":0,"pa":"0x4","value":0}': "multiple of 8",
    '{"event":"store","pe":0,"pa":"zz","value":0}': "'pa' is 'zz'",
    '{"event":"store","pe":0,"pa":"0x10000000000000000","value":0}': "below",
    '{"event":"store","pe":0,"pa":0,"value":0,"release":1}': "true or false",
    '{"event":"barrier","pe":0,"kind":"dsb","domain":"far"}': 'one of "nsh", "ish"',
    '{"event":"zero","pe":0,"pa":0,"size":"0x40000008"}': "'size' is more than",
    '{"event":"lock","pe":0,"name":7}': "'name' must be a string",
    '{"event":"repeat","pe":0,"body":{},"count":1,"strides":[]}': "must be a list",
    '{"event":"repeat","pe":0,"body":[3],"count":1,"strides":[0]}': "must be an object",
    '{"event":"repeat","pe":0,"body":[],"count":1,"strides":[1]}': "'strides'",
    '{"event":"repeat","pe":0,"body":[],"count":99999999,"strides":[]}': "at most",
    '{"event":"repeat","pe":0,"count":1,"strides":[0],'
    '"body":[{"event":"isb","pe":1}]}': "of the same 'pe'",
    '{"event":"isb","pe":0,"origin":1}': "'origin' must be an object",
    '{"event":"isb","pe":0,"origin":{"file":"a"}}': "needs 'file' and 'line'",
    '{"event":"isb","pe":0,"origin":{"file":"a","line":1,"x":1}}': "no 'x'",
    '{"event":"isb","pe":0,"origin":{"file":"a","line":1,"stack":[1]}}': "a call",
    '{"event":"isb","pe":' + "9" * 5000 + "}": "not JSON",
    "[" * 100_000: "not JSON",
}


@pytest.mark.parametrize(
    ("line", "message"), BAD_EVENTS.items(), ids=[f"bad{n}" for n in range(31)]
)
def test_a_bad_event_says_where_and_what(line: str, message: str) -> None:
    text = f'{HEADER}{{"event":"isb","pe":0}}\n{line}\n'
    if not line:  # an empty line is no event
        assert list(_read(text)) == [Isb(0)]
        return
    with pytest.raises(ParseError) as caught:
        list(_read(text))
    assert str(caught.value).startswith("t.jsonl:3: ")
    assert message in str(caught.value)


BAD_HEADERS = {
    "": "the file is empty",
    "\n": "starts with an empty line",
    "(mem-init (id 0))\n": "not JSON",
    "3\n": '"format": "harness-trace"',
    '{"event":"isb","pe":0}\n': '"format": "harness-trace"',
    '{"format":"harness-trace","version":2,"pes":1}\n': "version 2",
    '{"format":"harness-trace","version":1}\n': "'pes' must be a number",
    '{"format":"harness-trace","version":1,"pes":0}\n': "from 1 to 64",
    '{"format":"harness-trace","version":1,"pes":65}\n': "from 1 to 64",
    '{"format":"harness-trace","version":1,"pes":1,"x":1}\n': "no 'x'",
    '{"format":"harness-trace","version":1,"pes":1,"memory":3}\n': "must be a list",
    '{"format":"harness-trace","version":1,"pes":1,"memory":[[1]]}\n': "a run",
    '{"format":"harness-trace","version":1,"pes":1,"memory":[[4,1]]}\n': "of 8",
    '{"format":"harness-trace","version":1,"pes":1,'
    '"memory":[[0,1,9999999]]}\n': "more than",
    '{"format":"harness-trace","version":1,"pes":1,"registers":[{},{}]}\n': "2 PEs",
    '{"format":"harness-trace","version":1,"pes":1,"registers":[3]}\n': "an object",
    '{"format":"harness-trace","version":1,"pes":2,"inner":[1]}\n': "each of 2 PEs",
    '{"format":"harness-trace","version":1,"pes":1,"iommus":[{}]}\n': "an IOMMU",
    '{"format":"harness-trace","version":1,"pes":1,"profiles":"all"}\n': "a list",
    '{"format":"harness-trace","version":1,"pes":1,"scenario":1}\n': "a string",
    '{"format":"harness-trace","version":1,"pes":1,"patch":{"lines":[1]}}\n': "lists",
}


@pytest.mark.parametrize(("line", "message"), BAD_HEADERS.items())
def test_a_bad_header_says_what(line: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        _read(line)
    assert str(caught.value).startswith("t.jsonl:1: ")
    assert message in str(caught.value)


def test_text_that_is_not_utf8() -> None:
    with pytest.raises(ParseError, match=r"t.jsonl:2: not JSON in UTF-8"):
        list(_read(HEADER.encode() + b'{"event":"\xff"}\n'))


def test_a_line_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_reader, "MAX_LINE", 1000)
    with pytest.raises(ParseError, match=r"t.jsonl:2: the line is longer than 1000"):
        list(_read(HEADER + "x" * 2000))


def test_the_number_of_events_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_reader, "MAX_EVENTS", 2)
    line = json.dumps(encode_event(Isb(0))) + "\n"
    assert len(list(_read(HEADER + 2 * line))) == 2
    with pytest.raises(ParseError, match=r"t.jsonl:4: more than 2 events"):
        list(_read(HEADER + 3 * line))


def test_memory_does_not_grow_with_the_file() -> None:
    """A file of many different lines keeps only some of them."""
    lines = (
        f'{{"event":"msr","pe":0,"register":"R","value":{n}}}\n' for n in range(40_000)
    )
    reader = TraceReader((line.encode() for line in (HEADER, *lines)), "t")
    assert sum(1 for _ in reader) == 40_000
    assert len(reader._known) <= 1 << 14
    assert limits.MAX_LINE < 1 << 24


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(f'{HEADER}{{"event":"isb","p', encoding="utf-8")
    with path.open("rb") as stream, pytest.raises(ParseError, match=r":2: not JSON"):
        list(TraceReader(stream, str(path)))
