"""System instructions of machine code, read from the encoded word.

The harness reads the same instructions as assembly text; here they come from
the assembler's output, by way of an independent disassembler.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from capstone import CS_ARCH_ARM64, CS_MODE_ARM, Cs

from harness.execution.asm_system import register_name, tlbi_of

__all__ = ["RELEASES", "SystemWord", "decode", "is_release", "system_words"]

_ZERO_REGISTER = 31
NOP = 0xD503_201F
_DOMAINS = ("osh", "nsh", "ish", "sy")
_ACCESSES = {1: "ld", 2: "st", 3: ""}
_disassembler = Cs(CS_ARCH_ARM64, CS_MODE_ARM)

# Stores with release semantics: STLR and STLXR of every size.
RELEASES = ((0x3FE0_8000, 0x0880_8000), (0x3FE0_8000, 0x0800_8000))


@dataclass(frozen=True, slots=True)
class SystemWord:
    """One instruction that the emulator must not execute itself.

    ``kind`` is isb, dsb, dmb, tlbi, dc, ic, at, msr, mrs, msri, brk or eret;
    ``name`` the operation, option or register; ``rt`` the register operand, 31
    where there is none; ``value`` an immediate.
    """

    kind: str
    name: str = ""
    rt: int = _ZERO_REGISTER
    value: int = 0


def _text(word: int) -> tuple[str, str]:
    for instruction in _disassembler.disasm(word.to_bytes(4, "little"), 0):
        return instruction.mnemonic, instruction.op_str
    return "", ""


def _hint_or_barrier(word: int) -> SystemWord | None:
    crm, op2 = word >> 8 & 15, word >> 5 & 7
    if word & 0xFFFF_F01F == 0xD503_201F:  # hints
        if crm == 0 and op2 in (2, 3):
            return SystemWord("nop")  # WFE and WFI would stop the emulator
        return None
    if op2 == 6:
        return SystemWord("isb")
    if op2 == 2 and crm == 15:
        return None  # CLREX, which the emulator knows
    if op2 == 1:  # DSB with the nXS qualifier
        return SystemWord("dsb", _DOMAINS[crm >> 2] + "nxs")
    if op2 == 7:
        return SystemWord("nop")  # SB
    assert op2 in (4, 5), f"system instruction {word:#x}"
    kind = "dsb" if op2 == 4 else "dmb"
    if crm in (0, 4) and kind == "dsb":
        return SystemWord("nop")  # SSBB, PSSBB
    domain, access = _DOMAINS[crm >> 2], _ACCESSES[crm & 3]
    return SystemWord(kind, access or "sy" if domain == "sy" else domain + access)


def _sys(word: int) -> SystemWord:
    op1, crn, crm, op2 = word >> 16 & 7, word >> 12 & 15, word >> 8 & 15, word >> 5 & 7
    rt = word & 31
    mnemonic, operands = _text(word)
    if mnemonic in ("tlbi", "dc", "ic", "at"):
        return SystemWord(mnemonic, operands.split(",")[0].strip().upper(), rt)
    name = tlbi_of(op1, crn, crm, op2)
    assert name is not None, f"system instruction {word:#x}: {mnemonic} {operands}"
    return SystemWord("tlbi", name, rt)


def decode(word: int) -> SystemWord | None:
    """Read a word; None for what the emulator may execute itself."""
    if word & 0xFFE0_001F == 0xD420_0000:
        return SystemWord("brk", value=word >> 5 & 0xFFFF)
    if word == 0xD69F_03E0:
        return SystemWord("eret")
    assert word & 0xFFE0_0003 not in (0xD400_0001, 0xD400_0002, 0xD400_0003), "call"
    if word & 0xFFC0_0000 != 0xD500_0000:
        return None
    if word & 0xFFFF_F000 in (0xD503_2000, 0xD503_3000) and word & 31 == 31:
        return _hint_or_barrier(word)
    if word & 0xFFF8_0000 == 0xD508_0000:
        return _sys(word)
    mnemonic, operands = _text(word)
    first, _, second = (part.strip() for part in operands.partition(","))
    if word & 0xFFF8_F01F == 0xD500_401F:
        return SystemWord("msri", first.upper(), value=word >> 8 & 15)
    assert mnemonic in ("msr", "mrs"), f"{word:#x}: {mnemonic} {operands}"
    name = register_name(second if mnemonic == "mrs" else first)
    return SystemWord(mnemonic, name, word & 31)


def is_release(word: int) -> bool:
    """Tell whether a word is a store with release semantics."""
    return any(word & mask == value for mask, value in RELEASES)


def system_words(
    code: bytearray, base: int, ranges: list[tuple[int, int]]
) -> Iterator[tuple[int, SystemWord]]:
    """Find the system instructions in the parts of ``code`` that are code."""
    for start, end in ranges:
        for address in range(start, end, 4):
            offset = address - base
            word = int.from_bytes(code[offset : offset + 4], "little")
            found = decode(word)
            if found is not None:
                yield address, found
