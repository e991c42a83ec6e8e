"""A64 system instructions of inline assembly: what the reference machine sees."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import Unsupported
from harness.execution.asm_operand import Operand, Register, Word
from harness.execution.asm_state import Action, State, read, write
from harness.execution.asm_system import (
    NO_OPERATION,
    TLBI_OPS,
    TRANSLATION_REGISTERS,
    barrier,
    register_name,
    takes_address,
    tlbi_of,
)
from reference_model.coordinates import Origin
from reference_model.events import (
    At,
    Barrier,
    BarrierKind,
    CacheOp,
    Domain,
    Eret,
    Event,
    IrqMask,
    Isb,
    Msr,
    Tlbi,
)

__all__ = [
    "constant_event",
    "no_operation",
    "ordering",
    "read_register",
    "system",
    "translation",
]

_IRQ = 1 << 7  # DAIF.I
# Writing one of these does something besides holding a value.
_ACTING = ("ICC_", "ICV_", "ICH_", "DBG", "OSLAR", "OSDLR", "PM", "TRC")

_CACHE_OPS = frozenset(
    [f"DC {name}" for name in ("IVAC", "CVAC", "CVAU", "CVAP", "CVADP", "CIVAC")]
    + [f"DC {name}" for name in ("ISW", "CSW", "CISW")]
    + ["IC IALLU", "IC IALLUIS", "IC IVAU"]
)


def constant_event(make: Callable[[int, Origin], Event]) -> Action:
    """Return the action of an instruction that is always the same event."""
    known: dict[tuple[int, int], Event] = {}

    def act(state: State) -> None:
        execution, origin = state.execution, state.origin
        key = (execution.cpu.pe, id(origin))
        event = known.get(key)
        if event is None:
            event = known[key] = make(execution.cpu.pe, origin)
        execution.recorder.add(event)

    return act


def system(mnemonic: str, operands: list[Operand]) -> Action | None:
    """Return the action of a system instruction."""
    if mnemonic in NO_OPERATION:
        return no_operation
    match mnemonic, operands:
        case "isb", []:
            return constant_event(lambda pe, origin: Isb(pe, origin=origin))
        case "isb", [Word(_) | int()]:
            return constant_event(lambda pe, origin: Isb(pe, origin=origin))
        case "eret", []:
            return constant_event(lambda pe, origin: Eret(pe, origin=origin))
        case "dsb" | "dmb", [Word(name)]:
            return ordering(mnemonic, name)
        case "dsb" | "dmb", [int() as option]:
            return ordering(mnemonic, option)
        case "tlbi", [Word(name), *rest]:
            return _tlbi(name.upper(), rest)
        case "sys", [int() as op1, Word(crn), Word(crm), int() as op2, *rest]:
            return _sys(op1, crn, crm, op2, rest)
        case "msr", [Word(name), Register() | int() as source]:
            return _msr(name, source)
        case "mrs", [Register() as target, Word(name)]:
            return _mrs(target, register_name(name))
        case "at", [Word(name), Register() as source]:
            return translation(name.upper(), lambda state: read(state, source))
        case "dc" | "ic", [Word(name), *rest]:
            return _cache(f"{mnemonic} {name}".upper(), rest)
        case _:
            return None


def no_operation(_: State) -> None:
    """Do nothing, as the instruction does."""


def ordering(mnemonic: str, option: str | int) -> Action | None:
    """Return the action of DSB or DMB; None for an option that is not known."""
    known = barrier(option)
    if known is None or (mnemonic == "dmb" and known[2]):
        # SSBB and PSSBB are DSBs by encoding; they only stop speculation.
        return no_operation if mnemonic == "dsb" and option in (0, 4) else None
    domain: Domain = known[0]
    _, access, nxs = known
    kind = BarrierKind.DSB if mnemonic == "dsb" else BarrierKind.DMB
    return constant_event(
        lambda pe, origin: Barrier(pe, kind, domain, access, nxs, origin=origin)
    )


def _sys(op1: int, crn: str, crm: str, op2: int, rest: list[Operand]) -> Action | None:
    numbers = []
    for field in (crn, crm):
        if field[:1].lower() != "c" or not field[1:].isdigit():
            return None
        numbers.append(int(field[1:]))
    op = tlbi_of(op1, numbers[0], numbers[1], op2)
    return None if op is None else _tlbi(op, rest or [Register(None, 64)])


def _tlbi(op: str, rest: list[Operand]) -> Action | None:
    if op not in TLBI_OPS or len(rest) > 1 or (takes_address(op) and not rest):
        return None
    if not rest or (isinstance(rest[0], Register) and rest[0].slot is None):
        return constant_event(lambda pe, origin: Tlbi(pe, op, 0, origin=origin))
    source = rest[0]
    if not isinstance(source, Register):
        return None

    def act(state: State) -> None:
        execution = state.execution
        operand, origin = read(state, source), state.origin
        pe = execution.cpu.pe
        if not execution.recorder.repeats(pe, op, operand, origin):
            execution.recorder.add(Tlbi(pe, op, operand, origin=origin))

    return act


def _msr(name: str, source: Register | int) -> Action | None:
    register = register_name(name)
    if register in ("DAIFSET", "DAIFCLR", "DAIF"):
        return _daif(register, source)
    if isinstance(source, int) or register.startswith(_ACTING):
        return None
    emits = register in TRANSLATION_REGISTERS

    def act(state: State) -> None:
        execution, value = state.execution, read(state, source)
        pe = execution.cpu.pe
        execution.cpu.registers[pe, register] = value
        if emits:
            event = Msr(pe, register, value, origin=state.origin)
            execution.recorder.add(event)

    return act


def _daif(register: str, source: Register | int) -> Action:
    def act(state: State) -> None:
        cpu = state.execution.cpu
        old = cpu.registers.get((cpu.pe, "DAIF"), 0)
        value = read(state, source)
        if register == "DAIFSET":
            value = old | value << 6
        elif register == "DAIFCLR":
            value = old & ~(value << 6)
        cpu.registers[cpu.pe, "DAIF"] = value
        if (old ^ value) & _IRQ:
            event = IrqMask(cpu.pe, bool(value & _IRQ), origin=state.origin)
            state.execution.recorder.add(event)

    return act


def read_register(state: State, register: str) -> int:
    """Return the value of a system register, as the current PE has it."""
    execution = state.execution
    cpu = execution.cpu
    value = cpu.registers.get((cpu.pe, register))
    if value is None and register == "DAIF":
        value = 0
    if value is None:
        value = cpu.features.register(cpu.pe, register)
        if value is None:
            what = f"the value of system register {register}"
            raise Unsupported(None, what)
        execution.recorder.query("register", (cpu.pe, register), value)
    return value


def _mrs(target: Register, register: str) -> Action:
    def act(state: State) -> None:
        write(state, target, read_register(state, register))

    return act


def translation(op: str, operand_of: Callable[[State], int]) -> Action:
    """Return the action of an address translation instruction."""

    def act(state: State) -> None:
        execution = state.execution
        cpu, operand = execution.cpu, operand_of(state)
        execution.recorder.add(At(cpu.pe, op, operand, origin=state.origin))
        result = None if cpu.translate is None else cpu.translate(op, operand)
        if result is None:
            # Nobody can say what PAR_EL1 holds now; reading it is unsupported.
            cpu.registers.pop((cpu.pe, "PAR_EL1"), None)
        else:
            cpu.registers[cpu.pe, "PAR_EL1"] = result

    return act


def _cache(op: str, rest: list[Operand]) -> Action | None:
    if op not in _CACHE_OPS:
        return None
    match rest:
        case []:
            return constant_event(lambda pe, origin: CacheOp(pe, op, 0, origin=origin))
        case [Register() as source]:
            pass
        case _:
            return None
    if op.endswith("SW"):
        return _set_way(op, source)

    def act(state: State) -> None:
        execution = state.execution
        pa = execution.memory.physical_address(read(state, source))
        # Tables live in physical memory only; other memory is of no interest.
        if pa is not None:
            event = CacheOp(execution.cpu.pe, op, pa, origin=state.origin)
            execution.recorder.add(event)

    return act


def _set_way(op: str, source: Register) -> Action:
    def act(state: State) -> None:
        pe, operand = state.execution.cpu.pe, read(state, source)
        event = CacheOp(pe, op, operand, origin=state.origin)
        state.execution.recorder.add(event)

    return act
