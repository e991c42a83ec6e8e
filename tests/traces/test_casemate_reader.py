"""Reading casemate's format: both styles, what goes beyond, and errors."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ParseError
from harness.traces import casemate_reader, trace_reader
from harness.traces.casemate_reader import CasemateReader
from harness.traces.casemate_records import Hint, Kind, Record


def _read(text: str) -> list[Record]:
    return list(CasemateReader(io.BytesIO(text.encode()), "c.log"))


def _plain(record: Record) -> tuple[object, ...]:
    return (record.kind, record.tid, record.word, *record[3:6])


values = st.integers(0, (1 << 64) - 1)
_words = {
    Kind.MEM_WRITE: st.sampled_from(["plain", "release"]),
    Kind.SYSREG_WRITE: st.sampled_from(["vttbr_el2", "hcr_el2", "ttbr0_el1"]),
    Kind.HINT: st.sampled_from([hint.value for hint in Hint]),
    Kind.BARRIER: st.sampled_from(
        ["isb", "dsb ish", "dsb sy", "dmb ishst", "dsb nshld"]
    ),
    Kind.TLBI: st.sampled_from(["ipas2e1is", "vae2is", "rvae1is"]),
}
_numbers = {
    Kind.MEM_WRITE: ("address", "value"),
    Kind.MEM_READ: ("address", "value"),
    Kind.MEM_INIT: ("address", "size"),
    Kind.MEM_FREE: ("address", "size"),
    Kind.MEM_SET: ("address", "size", "value"),
    Kind.TLBI: ("value",),
    Kind.SYSREG_WRITE: ("value",),
    Kind.HINT: ("location", "value"),
    Kind.LOCK: ("address",),
    Kind.TRYLOCK: ("address",),
    Kind.UNLOCK: ("address",),
    Kind.BARRIER: (),
}
_word_names = {
    Kind.MEM_WRITE: "mem-order",
    Kind.SYSREG_WRITE: "sysreg",
    Kind.HINT: "kind",
}


@st.composite
def lines(draw: st.DrawFn) -> tuple[str, tuple[object, ...]]:
    """Return a line in one of the styles, and what it means."""
    kind = draw(st.sampled_from(Kind))
    thread = draw(st.integers(0, 31))
    word = draw(_words.get(kind, st.just("")))
    numbers = {}
    for name in _numbers[kind]:
        bounded = kind in (Kind.MEM_SET, Kind.MEM_FREE)
        aligned = bounded or kind in (Kind.MEM_WRITE, Kind.MEM_READ)
        limit = 0xFF_FFF8 if bounded and name == "size" else (1 << 64) - 1
        value = draw(st.integers(0, limit))
        numbers[name] = value & ~7 if aligned and name != "value" else value
    named = draw(st.booleans())
    prefix = draw(st.sampled_from(["0x", ""]))

    def field(name: str, value: object) -> str:
        return f"({name} {value})" if named else str(value)

    parts = [kind.value, field("id", draw(st.integers(0, 10**6))), field("tid", thread)]
    if kind is Kind.BARRIER and word != "isb":
        barrier, option = word.split()
        parts += [barrier, field("kind", option)]
    elif kind in (Kind.BARRIER, Kind.TLBI):
        parts.append(word)
    elif word:
        parts.append(field(_word_names[kind], word))
    parts += [field(name, f"{prefix}{value:x}") for name, value in numbers.items()]
    parts.append(field("src", '"a.c:7"'))
    gap = draw(st.sampled_from([" ", "  ", "\t"]))
    address = numbers.get("address", numbers.get("location", 0))
    meaning = (
        kind,
        thread,
        word,
        address,
        numbers.get("value", 0),
        numbers.get("size", 0),
    )
    return f"({gap.join(parts)})\n", meaning


@settings(max_examples=300, deadline=None)
@given(st.lists(lines(), max_size=6))
def test_what_is_written_is_read(found: list[tuple[str, tuple[object, ...]]]) -> None:
    text = "".join(line for line, _ in found)
    records = _read(text + text)  # the second time from memory
    assert [_plain(record) for record in records] == 2 * [
        meaning for _, meaning in found
    ]
    for record in records:
        assert record.origin is not None
        assert (record.origin.coord.file, record.origin.coord.line) == ("a.c", 7)


def test_white_space_is_free() -> None:
    text = '(barrier\n (id 1)\n\t(tid 0) isb (src "a:1")) (lock 2 1 8 "a:2")\n'
    assert [_plain(r)[:3] for r in _read(text)] == [
        (Kind.BARRIER, 0, "isb"),
        (Kind.LOCK, 1, ""),
    ]


def test_what_the_manual_says_is_read_too() -> None:
    (record,) = _read("(mem-write (id 0) (thread 2) PLAIN 0x8 ff)\n")
    assert _plain(record) == (Kind.MEM_WRITE, 2, "plain", 8, 255, 0)
    assert record.origin is None


def test_the_log_ends_at_what_it_claims() -> None:
    reader = CasemateReader(io.BytesIO(b'(barrier 0 0 isb "a:1")\n! so wrong\n(x'), "c")
    assert len(list(reader)) == 1
    assert reader.claim == "so wrong"


BAD = {
    "()\n": "expected a kind of record and found ')'",
    "barrier\n": "expected '(' and found 'barrier'",
    '(jump 0 0 "a:1")\n': "no record of kind 'jump': must be one of mem-write",
    '(barrier x 0 isb "a:1")\n': "'id' is 'x'",
    '(barrier 0 32 isb "a:1")\n': "'tid' is '32': must be below 32",
    '(barrier 0 -1 isb "a:1")\n': "'tid' is '-1'",
    '(barrier 0 0 nop "a:1")\n': "no barrier 'nop'",
    '(barrier 0 0 dsb far "a:1")\n': "no dsb 'far'",
    '(lock 0 0 xyz "a:1")\n': "'address' is 'xyz'",
    '(lock 0 0 10000000000000000 "a:1")\n': "64-bit",
    '(lock 0 0 0x1_0 "a:1")\n': "64-bit",
    '(lock 0 0 (addr 1) "a:1")\n': "expected 'address' and found 'addr'",
    '(lock (id 0 (tid 0) (address 8) (src "a:1"))\n': "the record has no end",
    '(mem-write 0 0 relaxed 8 0 "a:1")\n': "'mem-order' is 'relaxed'",
    '(mem-write 0 0 plain 4 0 "a:1")\n': "multiple of 8",
    '(mem-set 0 0 8 4 0 "a:1")\n': "size 0x4: must be a multiple of 8",
    '(mem-set 0 0 8 1000008 0 "a:1")\n': "at most 0x1000000",
    '(mem-free 0 0 8 40000008 "a:1")\n': "at most 0x40000000",
    '(hint 0 0 set_hint 8 0 "a:1")\n': "'kind' is 'set_hint'",
    '(sysreg-write 0 0 % 8 "a:1")\n': "'%' is no name",
    '(lock 0 0 8 "a")\n': 'expected "file:line"',
    '(lock 0 0 8 "a:b")\n': 'expected "file:line"',
    '(lock 0 0 8 9 "a:1")\n': "expected \"file:line\" and found '9'",
    '(lock 0 0 8 "a:1\n': "a string has no end",
    '(lock 0 0 8 "a:1"\n': "the record has no end",
    "(lock 0 0 8 \n" + "\n" * 3: "the record has no end",
    '(lock 0 0 8 "a:1"))\n': "expected '(' and found ')'",
}


@pytest.mark.parametrize(("line", "message"), BAD.items())
def test_a_bad_record_says_where_and_what(line: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        _read(f'(barrier 0 0 isb "a:1")\n{line}')
    assert str(caught.value).startswith("c.log:2: ")
    assert message in str(caught.value)


def test_a_known_line_with_a_bad_id() -> None:
    good = '(lock (id 0) (tid 0) (address 0x8) (src "a:1"))\n'
    with pytest.raises(ParseError, match="'id' is 'x'"):
        _read(good + good.replace("(id 0)", "(id x)"))


def test_text_that_is_not_utf8() -> None:
    with pytest.raises(ParseError, match=r"c.log:1: not text in UTF-8"):
        list(CasemateReader(io.BytesIO(b'(lock 0 0 8 "\xff:1")\n'), "c.log"))


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    line = '(lock 0 0 8 "a:1")\n'
    monkeypatch.setattr(casemate_reader, "MAX_EVENTS", 1)
    with pytest.raises(ParseError, match="more than 1 records"):
        _read(line + line.replace("8", "9"))
    monkeypatch.setattr(trace_reader, "MAX_LINE", 10)
    with pytest.raises(ParseError, match="longer than 10 bytes"):
        _read(line)


def test_an_open_record_does_not_eat_the_file() -> None:
    started = time.monotonic()
    with pytest.raises(ParseError, match=r"c.log:1: the record has no end"):
        _read("(lock 0 0\n" + "8 8 8 8 8 8 8 8 8 8\n" * 200_000)
    assert time.monotonic() - started < 5
