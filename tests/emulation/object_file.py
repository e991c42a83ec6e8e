"""A relocatable object file laid out at fixed addresses.

Variables, code and the stubs of undefined functions get their places here; the
IR side is given the same ones, so that pointers can be compared as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compiler import TABLE
from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_RELOC_TYPE_AARCH64 as RELOC

__all__ = ["CODE", "CODE_SIZE", "DATA", "DATA_SIZE", "STUBS", "Image", "load"]

DATA = 0x0018_0000_0000_0000
DATA_SIZE = 64 << 20
CODE = DATA + (1 << 30)  # within reach of ADRP
CODE_SIZE = 4 << 20
STUBS = CODE + CODE_SIZE  # within reach of BL
_STRIDE = 1 << 14
_CALLBACK = 32  # capability numbers from here on could be callbacks

_PAGE = 0xFFF


@dataclass(frozen=True, slots=True)
class Alternative:
    """Code that replaces other code on CPUs with a capability."""

    feature: int
    at: int
    code: bytes


@dataclass(frozen=True, slots=True)
class BugFrame:
    """What a BRK at an address means: 1 WARN, 2 BUG, 3 a failed assertion."""

    kind: int
    message: str


@dataclass(slots=True)
class Image:
    """The object file in memory, before alternatives are applied."""

    code: bytearray = field(default_factory=lambda: bytearray(CODE_SIZE))
    data: dict[int, bytes] = field(default_factory=dict)  # address -> content
    variables: dict[str, tuple[int, int]] = field(default_factory=dict)
    functions: dict[str, int] = field(default_factory=dict)
    undefined: dict[int, str] = field(default_factory=dict)
    alternatives: list[Alternative] = field(default_factory=list)
    bugs: dict[int, BugFrame] = field(default_factory=dict)
    instructions: list[tuple[int, int]] = field(default_factory=list)
    placed: dict[str, int] = field(default_factory=dict)
    symbols: dict[str, str | None] = field(default_factory=dict)  # by IR name
    next_data: int = DATA

    def place(self, name: str, size: int) -> int:
        """Return the address of a variable by the IR's name for it."""
        known = self.placed.get(name)
        if known is None:
            symbol = self.symbol_of(name)
            known = self.variables[symbol][0] if symbol else self.reserve(size)
            self.placed[name] = known
        return known

    def symbol_of(self, name: str) -> str | None:
        """Return the symbol of a variable that the compiler kept.

        A static local is ``function.name`` in the IR and ``name.1234`` here.
        """
        if name not in self.symbols:
            self.symbols[name] = self._find_symbol(name)
        return self.symbols[name]

    def _find_symbol(self, name: str) -> str | None:
        if name in self.variables or "." not in name:
            return name if name in self.variables else None
        pattern = re.compile(rf"{re.escape(name.rpartition('.')[2])}\.\d+\Z")
        found = [symbol for symbol in self.variables if pattern.match(symbol)]
        assert len(found) < 2, f"which of {found} is '{name}'?"
        return found[0] if found else None

    def reserve(self, size: int) -> int:
        """Return room for a variable with unused pages behind it."""
        address = self.next_data
        self.next_data += (size + 2 * _STRIDE - 1) & -_STRIDE
        assert self.next_data < DATA + DATA_SIZE
        return address

    def function_at(self, address: int) -> str | None:
        """Return the function at an address."""
        for name, place in self.functions.items():
            if place == address:
                return name
        return None

    def patched(self, on: frozenset[int]) -> bytearray:
        """Return the code with the alternatives of some capabilities in place."""
        code = bytearray(self.code)
        for alternative in self.alternatives:
            assert alternative.feature != _CALLBACK_FEATURE, "alternative callback"
            if alternative.feature in on:
                offset = alternative.at - CODE
                code[offset : offset + len(alternative.code)] = alternative.code
        return code


_CALLBACK_FEATURE = 0xFFFF


class _Loader:
    """Lays one object file out."""

    def __init__(self, elf: ELFFile, variables: Mapping[str, int]) -> None:
        self.elf = elf
        self.image = Image()
        self.externs = variables  # undefined variables and their sizes
        self.places: dict[int, int] = {}  # section number -> address
        self.contents: dict[int, bytearray] = {}
        table: Any = elf.get_section_by_name(".symtab")
        self.symbols = list(table.iter_symbols())

    def run(self) -> Image:
        self.place_sections()
        addresses = [self.address_of(symbol) for symbol in self.symbols]
        self.name_symbols(addresses)
        for section in self.elf.iter_sections():
            if section["sh_type"] == "SHT_RELA" and section["sh_info"] in self.places:
                for relocation in section.iter_relocations():
                    self.relocate(section["sh_info"], relocation, addresses)
        self.find_alternatives()
        self.find_bugs()
        self.find_instructions()
        self.settle()
        return self.image

    def place_sections(self) -> None:
        code = CODE
        for number, section in enumerate(self.elf.iter_sections()):
            flags, size = section["sh_flags"], section["sh_size"]
            if not flags & 2 or not size or section.name == ".eh_frame":
                continue
            if flags & 4:
                code = (code + 63) & -64
                self.places[number] = code
                code += size
            else:
                self.places[number] = self.image.reserve(size)
            empty = section["sh_type"] == "SHT_NOBITS"
            self.contents[number] = bytearray(size if empty else section.data())
        assert code < CODE + CODE_SIZE

    def address_of(self, symbol: Any) -> int:
        number = symbol["st_shndx"]
        if number == "SHN_UNDEF":
            name = symbol.name
            if not name:
                return 0
            if name in self.externs:
                address = self.image.reserve(self.externs[name])
                self.image.variables[name] = (address, 0)
                return address
            address = STUBS + 4 * len(self.image.undefined)
            self.image.undefined[address] = name
            self.image.functions[name] = address
            return address
        if isinstance(number, str):
            return int(symbol["st_value"])
        return self.places.get(number, 0) + int(symbol["st_value"])

    def name_symbols(self, addresses: list[int]) -> None:
        for symbol, address in zip(self.symbols, addresses, strict=True):
            if symbol["st_shndx"] not in self.places:
                continue
            kind = symbol["st_info"]["type"]
            if kind == "STT_FUNC":
                self.image.functions[symbol.name] = address
            elif kind == "STT_OBJECT":
                self.image.variables[symbol.name] = (address, symbol["st_size"])

    def relocate(self, number: int, relocation: Any, addresses: list[int]) -> None:
        content = self.contents[number]
        offset = relocation["r_offset"]
        place = self.places[number] + offset
        target = addresses[relocation["r_info_sym"]] + relocation["r_addend"]
        kind = relocation["r_info_type"]
        word = int.from_bytes(content[offset : offset + 4], "little")
        if kind == RELOC["R_AARCH64_ABS64"]:
            content[offset : offset + 8] = target.to_bytes(8, "little")
            return
        if kind == RELOC["R_AARCH64_PREL32"]:
            word = (target - place) & 0xFFFF_FFFF
        elif kind in (RELOC["R_AARCH64_CALL26"], RELOC["R_AARCH64_JUMP26"]):
            assert -(1 << 27) <= target - place < 1 << 27
            word |= (target - place) >> 2 & 0x3FF_FFFF
        elif kind == RELOC["R_AARCH64_ADR_PREL_PG_HI21"]:
            pages = (target >> 12) - (place >> 12)
            assert -(1 << 20) <= pages < 1 << 20
            word |= (pages & 3) << 29 | (pages >> 2 & 0x7_FFFF) << 5
        elif kind in _LOW12:
            shift = _LOW12[kind]
            assert not target & ((1 << shift) - 1)
            word |= (target & _PAGE) >> shift << 10
        else:
            raise AssertionError(f"relocation type {kind}")
        content[offset : offset + 4] = word.to_bytes(4, "little")

    def section(self, name: str) -> tuple[int, bytearray]:
        """Return address and content of a section; nothing if there is none."""
        for number, place in self.places.items():
            if self.elf.get_section(number).name == name:
                return place, self.contents[number]
        return 0, bytearray()

    def text_at(self, address: int) -> str:
        for number, place in self.places.items():
            content = self.contents[number]
            if place <= address < place + len(content):
                start = address - place
                return content[start : content.index(0, start)].decode()
        return ""

    def find_alternatives(self) -> None:
        place, content = self.section(".altinstructions")
        base, code = self.section(".altinstr_replacement")
        size = 12  # two offsets, capability, two lengths
        for at in range(0, len(content), size):
            entry = content[at : at + size]
            original = place + at + int.from_bytes(entry[0:4], "little", signed=True)
            new = place + at + 4 + int.from_bytes(entry[4:8], "little", signed=True)
            feature = int.from_bytes(entry[8:10], "little")
            length, new_length = entry[10], entry[11]
            assert length == new_length
            text = bytes(code[new - base : new - base + new_length])
            assert not any(_is_relative(text[i : i + 4]) for i in range(0, length, 4))
            self.image.alternatives.append(Alternative(feature, original, text))

    def find_bugs(self) -> None:
        for kind in range(4):
            place, content = self.section(f".bug_frames.{kind}")
            size = 16  # place, file, message, line
            for at in range(0, len(content), size):
                entry = content[at : at + size]
                where = place + at + int.from_bytes(entry[0:4], "little", signed=True)
                text = place + at + int.from_bytes(entry[8:12], "little", signed=True)
                message = self.text_at(text) if kind == 3 else ""
                self.image.bugs[where] = BugFrame(kind, message)

    def find_instructions(self) -> None:
        """Find which words are code: a mapping symbol says where data begins."""
        marks = sorted(
            (symbol["st_shndx"], symbol["st_value"], symbol.name[:2])
            for symbol in self.symbols
            if symbol.name[:2] in ("$x", "$d") and symbol["st_shndx"] in self.places
        )
        for position, (number, start, mark) in enumerate(marks):
            if mark != "$x" or not self.elf.get_section(number)["sh_flags"] & 4:
                continue
            following = marks[position + 1] if position + 1 < len(marks) else None
            same = following is not None and following[0] == number
            end = following[1] if same and following else len(self.contents[number])
            place = self.places[number]
            self.image.instructions.append((place + start, place + end))

    def settle(self) -> None:
        for number, place in self.places.items():
            content = self.contents[number]
            if CODE <= place < CODE + CODE_SIZE:
                self.image.code[place - CODE : place - CODE + len(content)] = content
            else:
                self.image.data[place] = bytes(content)


_LOW12 = {
    RELOC["R_AARCH64_ADD_ABS_LO12_NC"]: 0,
    RELOC["R_AARCH64_LDST8_ABS_LO12_NC"]: 0,
    RELOC["R_AARCH64_LDST16_ABS_LO12_NC"]: 1,
    RELOC["R_AARCH64_LDST32_ABS_LO12_NC"]: 2,
    RELOC["R_AARCH64_LDST64_ABS_LO12_NC"]: 3,
}


def _is_relative(word: bytes) -> bool:
    """Tell whether an instruction depends on where it lies."""
    code = int.from_bytes(word, "little")
    branch = code >> 26 & 0x1F == 5 or code >> 25 & 0x3F in (0x1A, 0x1B)
    return branch or code >> 24 == 0x54 or code >> 24 & 0x1F == 0x10


def load(path: Path, variables: Mapping[str, int]) -> Image:
    """Lay an object file out; ``variables`` are the ones that may be undefined."""
    with path.open("rb") as stream:
        elf: Any = ELFFile(stream)
        image = _Loader(elf, variables).run()
    image.variables.pop(TABLE, None)
    return image
