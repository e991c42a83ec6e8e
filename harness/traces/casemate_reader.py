"""Reading casemate's trace format, record by record.

Memory does not grow with the number of records.  A line that differs from one
read before in its id only gives the same record again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from harness.errors import ParseError
from harness.traces.casemate_events import with_event
from harness.traces.casemate_records import FIELDS, HINTS, Kind, Record
from harness.traces.casemate_shapes import Shapes
from harness.traces.limits import MAX_EVENTS, MAX_PES, MAX_SIZE, WORD
from harness.traces.trace_reader import bounded_lines
from reference_model.coordinates import Coord, Origin

__all__ = ["MAX_THREADS", "CasemateReader"]

MAX_THREADS = MAX_PES // 2  # a guest runs on one more PE for each

_KEPT = 1 << 16  # lines whose records are remembered
_MAX_RECORD = 1 << 16  # bytes of one record, over several lines
# Bytes that one record may write or free.
_MAX_SIZE = {Kind.MEM_SET: 1 << 24, Kind.MEM_FREE: MAX_SIZE}

_TOKEN = re.compile(r'[()]|"[^"]*"|[^\s()"]+')
_KINDS = {kind.value: kind for kind in Kind}
_OPTIONS = {
    domain + access for domain in ("nsh", "ish", "osh") for access in ("", "st", "ld")
} | {"sy", "st", "ld"}
_ORDERS = ("plain", "release")
_NAME = re.compile(r"[a-z0-9_]+")


class CasemateReader:
    """An iterator over the records of a log.

    ``stream`` gives lines of bytes.  The log ends where it ends, or at a line
    that starts with "!": what follows there, the error that the log claims to
    show, is then in ``claim``.  Raises ParseError with file and line.
    """

    def __init__(self, stream: Iterable[bytes], name: str) -> None:
        self._name = name
        self._lines = bounded_lines(stream, name)
        self._known: dict[bytes, Record] = {}
        self._shapes = Shapes(MAX_THREADS)
        self.line = 0
        self.count = 0  # records read
        self.claim: str | None = None

    def __iter__(self) -> Iterator[Record]:
        known, lines = self._known, self._lines
        for self.line, line in lines:
            parts = line.split(b" ", 3)
            if len(parts) == 4:
                head, second, third, tail = parts
                if second == b"(id":
                    key, ident = head + tail, third[:-1]
                else:
                    key, ident = b"%b %b %b" % (head, third, tail), second
                record = known.get(key)
                if record is not None and ident.isdigit():
                    self.count += 1
                    yield record
                    continue
            else:
                key = b""
            if line.startswith(b"!"):
                self.claim = line[1:].decode("utf-8", "replace").strip()
                return
            records = self._records(line)
            if len(records) == 1 and key:
                if len(known) >= _KEPT:
                    known.clear()
                if ident.isdigit():
                    known[key] = records[0]
            self.count += len(records)
            if self.count > MAX_EVENTS:
                raise self._error(f"more than {MAX_EVENTS} records: split the log")
            yield from records

    def _records(self, line: bytes) -> list[Record]:
        """Parse a line, and what follows while a record in it is open."""
        usual = self._shapes.record(line)
        if usual is not None:
            return [usual]
        tokens = self._tokens(line)
        size = len(line)
        while tokens.count("(") > tokens.count(")"):
            _, more = next(self._lines, (0, b""))
            size += len(more)
            if not more or size > _MAX_RECORD:
                raise self._error("the record has no end: is a ')' missing?")
            tokens += self._tokens(more)
        parser = _Parser(tokens, self._error)
        records = []
        while parser.more:
            records.append(with_event(parser.record()))
        return records

    def _tokens(self, line: bytes) -> list[str]:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise self._error("not text in UTF-8") from None
        if text.count('"') % 2:
            raise self._error("a string has no end")
        return _TOKEN.findall(text)

    def _error(self, message: str) -> ParseError:
        return ParseError(message, Coord(self._name, self.line))


@dataclass(slots=True)
class _Parser:
    """Takes the tokens of whole records from left to right."""

    tokens: list[str]
    error: Callable[[str], ParseError]
    position: int = field(default=0)

    @property
    def more(self) -> bool:
        """Tell whether there are tokens left."""
        return self.position < len(self.tokens)

    def record(self) -> Record:
        """Take one record."""
        self._take("(")
        word = self._word("a kind of record")
        kind = _KINDS.get(word)
        if kind is None:
            known = ", ".join(_KINDS)
            raise self.error(f"no record of kind '{word[:40]}': must be one of {known}")
        self._decimal("id", ("id",), 1 << 64)
        tid = self._decimal("tid", ("tid", "thread"), MAX_THREADS)
        values: dict[str, int] = {}
        text = self._text(kind)
        for name in FIELDS[kind][1]:
            if kind is Kind.TLBI and not self._has_number(name):
                continue
            values["address" if name == "location" else name] = self._number(name)
        origin = self._origin()
        self._take(")")
        self._check(kind, values)
        return Record(
            kind,
            tid,
            text,
            values.get("address", 0),
            values.get("value", 0),
            values.get("size", 0),
            origin,
        )

    def _check(self, kind: Kind, values: dict[str, int]) -> None:
        """Refuse what the machine would misread, or take for ever to do."""
        size = values.get("size", 0)
        limit = _MAX_SIZE.get(kind)
        if limit is not None and size > limit:
            raise self.error(f"{kind.value} of {size:#x} bytes: at most {limit:#x}")
        if kind in (Kind.MEM_WRITE, Kind.MEM_READ, Kind.MEM_SET, Kind.MEM_FREE):
            for name in ("address", "size"):
                if values.get(name, 0) % 8:
                    value = values[name]
                    raise self.error(f"{name} {value:#x}: must be a multiple of 8")

    # ---------------------------------------------------------------- tokens

    def _take(self, wanted: str) -> None:
        given = self.tokens[self.position] if self.more else "the end of the line"
        if given != wanted:
            raise self.error(f"expected '{wanted}' and found '{given[:40]}'")
        self.position += 1

    def _word(self, what: str) -> str:
        given = self.tokens[self.position] if self.more else "the end of the line"
        if given in ("(", ")", "the end of the line") or given.startswith('"'):
            raise self.error(f"expected {what} and found '{given[:40]}'")
        self.position += 1
        return given

    def _value(self, names: tuple[str, ...]) -> str:
        """Take a value, with or without its name."""
        if self.tokens[self.position : self.position + 1] != ["("]:
            return self._word(f"'{names[0]}'")
        self.position += 1
        name = self._word(f"'{names[0]}'")
        if name not in names:
            raise self.error(f"expected '{names[0]}' and found '{name[:40]}'")
        value = self._word(f"a value for '{name}'")
        self._take(")")
        return value

    def _decimal(self, what: str, names: tuple[str, ...], limit: int) -> int:
        text = self._value(names)
        if not (text.isascii() and text.isdigit()) or int(text[:40]) >= limit:
            raise self.error(f"'{what}' is '{text[:40]}': must be below {limit}")
        return int(text)

    def _number(self, name: str) -> int:
        text = self._value((name,))
        try:
            value = int(text, 16)
        except ValueError:
            value = WORD
        if not 0 <= value < WORD or "_" in text:
            raise self.error(f"'{name}' is '{text[:40]}': must be hexadecimal, 64-bit")
        return value

    def _has_number(self, name: str) -> bool:
        following = self.tokens[self.position : self.position + 2]
        if following[:1] == ["("]:
            return following[1:] == [name]
        return following[:1] != [")"] and not following[0].startswith('"')

    # ---------------------------------------------------------------- fields

    def _text(self, kind: Kind) -> str:
        if kind is Kind.TLBI:
            return self._name(self._word("a TLBI"))
        if kind is Kind.BARRIER:
            return self._barrier()
        name = FIELDS[kind][0]
        if not name:
            return ""
        word = self._name(self._value((name,)))
        if kind is Kind.MEM_WRITE and word not in _ORDERS:
            raise self.error(f"'{name}' is '{word}': must be one of {_ORDERS}")
        if kind is Kind.HINT and word not in HINTS:
            raise self.error(f"'{name}' is '{word}': must be one of {', '.join(HINTS)}")
        return word

    def _name(self, word: str) -> str:
        lower = word.lower()
        if not _NAME.fullmatch(lower):
            raise self.error(f"'{word[:40]}' is no name")
        return lower

    def _barrier(self) -> str:
        barrier = self._word("a barrier").lower()
        if barrier == "isb":
            return barrier
        if barrier not in ("dsb", "dmb"):
            raise self.error(f"no barrier '{barrier[:40]}': must be dsb, dmb or isb")
        option = self._value(("kind",)).lower()
        if option not in _OPTIONS:
            raise self.error(f"no {barrier} '{option[:40]}'")
        return f"{barrier} {option}"

    def _origin(self) -> Origin | None:
        if self.tokens[self.position : self.position + 1] == [")"]:
            return None
        named = self.tokens[self.position : self.position + 2] == ["(", "src"]
        self.position += 2 if named else 0
        text = self.tokens[self.position] if self.more else ""
        file, colon, line = text.strip('"').rpartition(":")
        if not (text.startswith('"') and colon and line.isascii() and line.isdigit()):
            raise self.error(f"expected \"file:line\" and found '{text[:40]}'")
        self.position += 1
        if named:
            self._take(")")
        return Origin(Coord(file, int(line[:12])))
