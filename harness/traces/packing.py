"""Packing: a trace as few bytes, for a token.

What the trace names is listed first, each thing once: the 8-byte values, sorted,
each as its distance to the one before; the strings, those of the vocabulary by
number; the places in the source, each with the place that called it.  The header and
the events then hold numbers of these lists.  Every number is written seven bits a
byte, the lowest first, with the top bit set in all bytes but the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from harness.traces.event_lines import CLASSES, WIDE_FIELDS, Malformed, check_event
from harness.traces.header import FLAGS, Header
from harness.traces.limits import MAX_PES, WORD
from harness.traces.vocabulary import VOCABULARY
from reference_model.coordinates import Coord, Frame, Origin
from reference_model.events import Event, Repeat
from reference_model.start import Start

__all__ = ["MAX_UNPACKED", "pack", "unpack"]

MAX_UNPACKED = 1 << 16  # bytes of a token; no list in it is longer than that
_MAX_CALLS = 64  # around one place

_ORDER: tuple[type[Event], ...] = tuple(CLASSES.values())
_TEXTS = ("profiles", "assumptions", "functions")
_FLAGS = tuple(FLAGS)
_WORDS = {word: number for number, word in enumerate(VOCABULARY)}
_Item = TypeVar("_Item")
# (number of the place that called it + 1, function, file, line)
_Place = tuple[int, str, str, int]


def _hints(cls: type[Event]) -> tuple[tuple[str, object], ...]:
    hints = get_type_hints(cls)
    return tuple((f.name, hints[f.name]) for f in fields(cls) if f.name != "origin")


_HINTS = {cls: _hints(cls) for cls in _ORDER}


def pack(header: Header, events: tuple[Event, ...]) -> bytes:
    """Return the bytes; columns, and whether a place is in the patch, are left out.

    Raises ValueError for what a token does not hold: IOMMUs, inner-shareable
    domains, and strings that hold a NUL.
    """
    if header.start.iommus or header.start.inner:
        raise ValueError("a token holds no IOMMUs and no inner-shareable domains")
    # Numbers of values and strings are known when all of them are.
    first = _Packer()
    first.body(header, events)
    strings = sorted(first.strings, key=lambda text: (_WORDS.get(text, -1), text))
    second = _Packer(sorted(first.values), strings)
    second.body(header, events)
    return second.whole()


class _Packer:
    """Writes the body of a trace, and numbers what it names."""

    def __init__(self, values: Iterable[int] = (), strings: Iterable[str] = ()) -> None:
        self.values = {value: n for n, value in enumerate(values)}
        self.strings = {text: n for n, text in enumerate(strings)}
        self._places: dict[_Place, int] = {}
        self._bytes = bytearray()

    def whole(self) -> bytes:
        """Return the lists and the body."""
        head = _Packer()
        head._number(len(self.values))
        before = 0
        for value in self.values:
            head._number(value - before)
            before = value
        head._number(len(self.strings))
        for text in self.strings:
            head._listed_text(text)
        places = _Packer(self.values, self.strings)
        places._number(len(self._places))
        for caller, function, file, line in self._places:
            places._number(caller)
            places._text(function)
            places._text(file)
            places._number(line)
        return bytes(head._bytes + places._bytes + self._bytes)

    def body(self, header: Header, events: tuple[Event, ...]) -> None:
        """Write what comes behind the lists."""
        self._start(header.start)
        for name in _TEXTS:
            texts = getattr(header, name)
            self._number(len(texts))
            for text in texts:
                self._text(text)
        self._text(header.scenario)
        self._text(header.rule)
        self._number(len(header.touched))
        for file, line in header.touched:
            self._text(file)
            self._number(line)
        self._number(len(events))
        for event in events:
            self._event(event)

    def _start(self, start: Start) -> None:
        self._number(start.pes)
        for name in _FLAGS:
            self._number(int(getattr(start, name)))
        self._number(len(start.registers))
        for registers in start.registers:
            self._number(len(registers))
            for name, value in sorted(registers.items()):
                self._text(name)
                self._value(value)
        self._number(len(start.memory))
        for pa, value in sorted(start.memory.items()):
            self._value(pa)
            self._value(value)

    def _event(self, event: Event) -> None:
        self._number(_ORDER.index(type(event)))
        for name, kind in _HINTS[type(event)]:
            self._field(name, kind, getattr(event, name))
        self._number(self._place(event.origin))

    def _field(self, name: str, kind: object, value: object) -> None:
        if isinstance(kind, UnionType):
            self._number(int(value is not None))
            if value is not None:
                self._field(name, get_args(kind)[0], value)
        elif isinstance(value, tuple):
            self._number(len(value))
            for item in value:
                self._field(name, get_args(kind)[0], item)
        elif isinstance(value, Event):
            self._event(value)
        elif isinstance(value, str):
            self._text(value)
        elif isinstance(value, Enum):
            self._number(list(type(value)).index(value))
        elif isinstance(value, int):
            (self._value if name in WIDE_FIELDS else self._number)(value)

    def _place(self, origin: Origin | None) -> int:
        """Return the number of a place + 1, 0 for none."""
        if origin is None:
            return 0
        callers = [frame.function for frame in origin.stack[1:]] + [""]
        chain = [(origin.function, origin.coord)]
        chain += [
            (caller, frame.call)
            for frame, caller in zip(origin.stack, callers, strict=False)
        ]
        number = 0
        for function, coord in reversed(chain):
            place = (number, function, coord.file, coord.line)
            self.strings.setdefault(function, len(self.strings))
            self.strings.setdefault(coord.file, len(self.strings))
            number = self._places.setdefault(place, len(self._places)) + 1
        return number

    def _listed_text(self, text: str) -> None:
        """Write a string: its number in the vocabulary + 1, or itself behind a 0."""
        if text in _WORDS:
            self._number(_WORDS[text] + 1)
        elif "\0" in text:
            raise ValueError("a token holds no string with a NUL")
        else:
            self._bytes += b"\0" + text.encode() + b"\0"

    def _number(self, number: int) -> None:
        while number > 0x7F:
            self._bytes.append(number & 0x7F | 0x80)
            number >>= 7
        self._bytes.append(number)

    def _value(self, value: int) -> None:
        self._number(self.values.setdefault(value, len(self.values)))

    def _text(self, text: str) -> None:
        self._number(self.strings.setdefault(text, len(self.strings)))


# ------------------------------------------------------------------- unpacking


def unpack(data: bytes, limit: int = MAX_UNPACKED) -> tuple[Header, tuple[Event, ...]]:
    """Return the trace that at most so many bytes hold; raises Malformed."""
    if len(data) > limit:
        raise Malformed(f"it is longer than {limit} bytes")
    unpacker = _Unpacker(data)
    found = unpacker.whole()
    if not unpacker.at_end:
        raise Malformed("something follows its end")
    return found


class _Unpacker:
    """Reads what a packer wrote, and trusts none of it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._values: tuple[int, ...] = ()
        self._strings: tuple[str, ...] = ()
        self._places: list[Origin] = []
        self._pes = 0

    @property
    def at_end(self) -> bool:
        """Tell whether everything was read."""
        return self._at == len(self._data)

    def whole(self) -> tuple[Header, tuple[Event, ...]]:
        """Read the lists and the body."""
        values, before = [], 0
        for _ in range(self._count()):
            before = self._below(before + self._number(), WORD)
            values.append(before)
        self._values = tuple(values)
        self._strings = self._listed(self._literal)
        for _ in range(self._count()):
            self._places.append(self._read_place())
        start = self._start()
        profiles, assumptions, functions = (self._listed(self._text) for _ in _TEXTS)
        scenario, rule = self._text(), self._text()
        touched = self._listed(lambda: (self._text(), self._number()))
        header = Header(
            start, "", profiles, assumptions, scenario, touched, functions, rule
        )
        return header, self._listed(self._event)

    def _start(self) -> Start:
        self._pes = self._below(self._number(), MAX_PES + 1)
        flags: dict[str, Any] = {name: bool(self._number()) for name in _FLAGS}
        registers = self._listed(lambda: dict(self._listed(self._register)))
        memory = dict(self._listed(lambda: (self._value(), self._value())))
        if not self._pes or len(registers) > self._pes:
            raise Malformed("it has registers for more PEs than there are")
        if any(pa % 8 for pa in memory):
            raise Malformed("an address of its memory is no multiple of 8")
        return Start(self._pes, memory, registers, **flags)

    def _register(self) -> tuple[str, int]:
        return self._text(), self._value()

    def _event(self, *, part: bool = False) -> Event:
        cls = self._chosen(_ORDER)
        if part and cls is Repeat:
            raise Malformed("it repeats what repeats something")
        values: dict[str, Any] = {n: self._field(n, kind) for n, kind in _HINTS[cls]}
        place = self._below(self._number(), len(self._places) + 1)
        event = cls(**values, origin=self._places[place - 1] if place else None)
        self._below(event.pe, self._pes)
        check_event(event)
        return event

    def _field(self, name: str, kind: object) -> object:
        if isinstance(kind, UnionType):
            return self._field(name, get_args(kind)[0]) if self._number() else None
        if get_origin(kind) is tuple:
            inner = get_args(kind)[0]
            return self._listed(lambda: self._field(name, inner))
        if kind is Event:
            return self._event(part=True)
        if kind is str:
            return self._text()
        if isinstance(kind, type) and issubclass(kind, Enum):
            return self._chosen(tuple(kind))
        if name in WIDE_FIELDS:
            return self._value()
        return bool(self._number()) if kind is bool else self._number()

    def _read_place(self) -> Origin:
        caller = self._below(self._number(), len(self._places) + 1)
        function, file, line = self._text(), self._text(), self._number()
        stack: tuple[Frame, ...] = ()
        if caller:
            outer = self._places[caller - 1]
            stack = (Frame(function, outer.coord), *outer.stack)
        if len(stack) > _MAX_CALLS:
            raise Malformed(f"a place of it is inside more than {_MAX_CALLS} calls")
        return Origin(Coord(file, line), function, stack)

    def _chosen(self, among: Sequence[_Item]) -> _Item:
        return among[self._below(self._number(), len(among))]

    def _listed(self, read: Callable[[], _Item]) -> tuple[_Item, ...]:
        return tuple(read() for _ in range(self._count()))

    def _count(self) -> int:
        """Read how many there are: each takes a byte at least."""
        return self._below(self._number(), len(self._data) - self._at + 1)

    def _value(self) -> int:
        number = self._below(self._number(), len(self._values))
        return self._values[number]

    def _text(self) -> str:
        number = self._below(self._number(), len(self._strings))
        return self._strings[number]

    def _literal(self) -> str:
        number = self._number()
        if number:
            return VOCABULARY[self._below(number, len(VOCABULARY) + 1) - 1]
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise Malformed("a string of it does not end")
        text, self._at = self._data[self._at : end], end + 1
        try:
            return text.decode()
        except UnicodeDecodeError:
            raise Malformed("a string of it is not UTF-8") from None

    def _number(self) -> int:
        number = shift = 0
        while shift < 70:
            if self._at >= len(self._data):
                raise Malformed("it ends too early")
            byte = self._data[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number
        raise Malformed("a number of it is too large")

    def _below(self, number: int, limit: int) -> int:
        if number >= limit:
            raise Malformed(f"it holds {number} where only {limit} are possible")
        return number
