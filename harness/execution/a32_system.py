"""A32 system instructions of inline assembly: what the reference machine sees."""

from __future__ import annotations

from harness.errors import Unsupported
from harness.execution.a32_operand import Operand32, Register32, get, put
from harness.execution.a32_registers import (
    CACHE_OPS,
    NO_EFFECT,
    TRANSLATES,
    WIDE,
    WORDS,
    Half,
)
from harness.execution.asm_operand import Word
from harness.execution.asm_special import (
    constant_event,
    no_operation,
    ordering,
    read_register,
    translation,
)
from harness.execution.asm_state import Action, State
from harness.execution.asm_system import TRANSLATION_REGISTERS
from reference_model.aarch32 import Coprocessor, hyp_name
from reference_model.events import CacheOp, Eret, IrqMask, Isb, Msr, Tlbi
from reference_model.unmodelled import Unmodelled

__all__ = ["system32"]

_HINTS = frozenset(("nop", "yield", "wfe", "wfi", "sev", "sevl", "pld", "pldw", "pli"))
# Older names of DSB and DMB options.
_OPTIONS = {"un": "nsh", "unst": "nshst", "sh": "ish", "shst": "ishst"}
_HYP = 0x1A  # CPSR.M
_MASKS = 7 << 6  # CPSR.A, I, F, where DAIF has them, too
_IRQ = 1 << 7
_FLAGS = {"a": 1 << 8, "i": 1 << 7, "f": 1 << 6}
# Which of the mask bits a write of the CPSR reaches, by its fields.
_FIELDS = {"": _MASKS, "_cxsf": _MASKS, "_c": 3 << 6, "_x": 1 << 8, "_f": 0, "_s": 0}


def system32(mnemonic: str, operands: list[Operand32]) -> Action | None:
    """Return the action of a system instruction."""
    if mnemonic in _HINTS:
        return no_operation
    match mnemonic, operands:
        case "isb", [] | [Word(_)]:
            return constant_event(lambda pe, origin: Isb(pe, origin=origin))
        case "eret", []:
            return constant_event(lambda pe, origin: Eret(pe, origin=origin))
        case "dsb" | "dmb", []:
            return ordering(mnemonic, "sy")
        case "dsb" | "dmb", [Word(name)]:
            return ordering(mnemonic, _OPTIONS.get(name.lower(), name))
        case "mcr" | "mcr2" | "mrc" | "mrc2", [Word(), int(), Register32(), *_]:
            return _coprocessor(mnemonic, operands)
        case "mcrr" | "mrrc", [
            Word(name),
            int() as opc,
            Register32() as low,
            Register32() as high,
            Word(crm),
        ] if name.lower() in ("p15", "cp15"):
            return _pair(mnemonic == "mrrc", opc, low, high, crm)
        case "cpsid" | "cpsie", [Word(flags)] if set(flags) <= set("aif"):
            bits = sum(_FLAGS[flag] for flag in set(flags))
            return _mask(bits, bits if mnemonic == "cpsid" else 0)
        case "mrs", [Register32() as target, Word(name)] if name.lower() == "cpsr":
            return _read_status(target)
        case "msr", [Word(name), Register32() as source]:
            field = name.lower().removeprefix("cpsr")
            if name.lower().startswith("cpsr") and field in _FIELDS:
                return _write_status(_FIELDS[field], source)
        case _:
            pass
    return None


def _number(operand: Operand32) -> int | None:
    """Return the n of "cn" or "crn"."""
    if not isinstance(operand, Word):
        return None
    digits = operand.text.lower().removeprefix("cr").removeprefix("c")
    return int(digits) if digits.isdigit() else None


def _coprocessor(mnemonic: str, operands: list[Operand32]) -> Action | None:
    match operands:
        case [Word(name), int() as opc1, Register32() as register, n, m]:
            opc2 = 0
        case [Word(name), int() as opc1, Register32() as register, n, m, int() as opc2]:
            pass
        case _:
            return None
    crn, crm = _number(n), _number(m)
    if name.lower() not in ("p15", "cp15") or crn is None or crm is None:
        return None
    encoding = Coprocessor(opc1, crn, crm, opc2)
    half = WORDS.get(encoding)
    if mnemonic.startswith("mrc"):
        return None if half is None else _read(register, half)
    if half is not None:
        return _write(register, half)
    return _command(encoding, register)


def _command(encoding: Coprocessor, register: Register32) -> Action | None:
    """Return the action of a write that is an instruction."""
    if encoding in CACHE_OPS:
        return _cache(CACHE_OPS[encoding], register)
    if encoding in TRANSLATES:
        return translation(TRANSLATES[encoding], lambda state: get(state, register))
    if encoding in NO_EFFECT:
        return no_operation
    match encoding:
        case (0, 7, 5, 4):  # CP15ISB
            return constant_event(lambda pe, origin: Isb(pe, origin=origin))
        case (0, 7, 10, 4):
            return ordering("dsb", "sy")
        case (0, 7, 10, 5):
            return ordering("dmb", "sy")
    try:
        return _tlbi(hyp_name(encoding), register)
    except Unmodelled:
        return None


def _takes_operand(op: str) -> bool:
    return "ALL" not in op


def _tlbi(op: str, register: Register32) -> Action:
    if not _takes_operand(op):
        return constant_event(lambda pe, origin: Tlbi(pe, op, 0, origin=origin))

    def act(state: State) -> None:
        execution = state.execution
        operand, origin = get(state, register), state.origin
        pe = execution.cpu.pe
        if not execution.recorder.repeats(pe, op, operand, origin):
            execution.recorder.add(Tlbi(pe, op, operand, origin=origin))

    return act


def _cache(op: str, register: Register32) -> Action:
    if op.startswith("IC IALL"):
        return constant_event(lambda pe, origin: CacheOp(pe, op, 0, origin=origin))

    def act(state: State) -> None:
        execution, operand = state.execution, get(state, register)
        place: int | None = operand
        if not op.endswith("SW"):
            place = execution.memory.physical_address(operand)
        # Tables live in physical memory only; other memory is of no interest.
        if place is not None:
            event = CacheOp(execution.cpu.pe, op, place, origin=state.origin)
            execution.recorder.add(event)

    return act


def _read(target: Register32, half: Half) -> Action:
    def act(state: State) -> None:
        put(state, target, read_register(state, half.register) >> half.shift)

    return act


def _written(state: State, register: str, value: int) -> None:
    execution = state.execution
    pe = execution.cpu.pe
    execution.cpu.registers[pe, register] = value
    if register in TRANSLATION_REGISTERS:
        execution.recorder.add(Msr(pe, register, value, origin=state.origin))


def _write(source: Register32, half: Half) -> Action:
    """Write 32 bits; of a register that is wider the rest stays."""
    kept = 0xFFFF_FFFF << (0 if half.shift else 32)

    def act(state: State) -> None:
        cpu = state.execution.cpu
        old = cpu.registers.get((cpu.pe, half.register), 0) & kept
        _written(state, half.register, old | get(state, source) << half.shift)

    return act


def _pair(
    reads: bool, opc: int, low: Register32, high: Register32, crm: str
) -> Action | None:
    number = _number(Word(crm))
    register = None if number is None else WIDE.get((opc, number))
    if register is None:
        return None
    name: str = register

    def read(state: State) -> None:
        value = read_register(state, name)
        put(state, low, value)
        put(state, high, value >> 32)

    def write(state: State) -> None:
        _written(state, name, get(state, high) << 32 | get(state, low))

    return read if reads else write


# ------------------------------------------------------- interrupt masks, CPSR


def _mask(bits: int, value: int) -> Action:
    """Change mask bits of the CPSR, which are kept as DAIF."""

    def act(state: State) -> None:
        _set_masks(state, bits, value)

    return act


def _set_masks(state: State, bits: int, value: int) -> None:
    cpu = state.execution.cpu
    old = cpu.registers.get((cpu.pe, "DAIF"), 0)
    new = old & ~bits | value & bits
    cpu.registers[cpu.pe, "DAIF"] = new
    if (old ^ new) & _IRQ:
        event = IrqMask(cpu.pe, bool(new & _IRQ), origin=state.origin)
        state.execution.recorder.add(event)


def _read_status(target: Register32) -> Action:
    def act(state: State) -> None:
        cpu = state.execution.cpu
        masks = cpu.registers.get((cpu.pe, "DAIF"), 0) & _MASKS
        flags = state.n << 31 | state.z << 30 | state.c << 29 | state.v << 28
        put(state, target, flags | masks | _HYP)

    return act


def _write_status(bits: int, source: Register32) -> Action:
    def act(state: State) -> None:
        value = get(state, source)
        if bits & _IRQ and value & 0x3F != _HYP:
            raise Unsupported(None, "a change of mode by a write of the CPSR")
        _set_masks(state, bits, value)

    return act
