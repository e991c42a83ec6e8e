"""A64 data processing and branches of inline assembly."""

from __future__ import annotations

from collections.abc import Callable

from harness.execution.asm_operand import Modifier, Operand, Register, Word
from harness.execution.asm_state import Action, State, read, signed, write

__all__ = ["BINARY", "CONDITIONS", "branch", "compute"]

CONDITIONS: dict[str, Callable[[State], bool]] = {
    "eq": lambda s: s.z,
    "ne": lambda s: not s.z,
    "cs": lambda s: s.c,
    "hs": lambda s: s.c,
    "cc": lambda s: not s.c,
    "lo": lambda s: not s.c,
    "mi": lambda s: s.n,
    "pl": lambda s: not s.n,
    "vs": lambda s: s.v,
    "vc": lambda s: not s.v,
    "hi": lambda s: s.c and not s.z,
    "ls": lambda s: not s.c or s.z,
    "ge": lambda s: s.n == s.v,
    "lt": lambda s: s.n != s.v,
    "gt": lambda s: not s.z and s.n == s.v,
    "le": lambda s: s.z or s.n != s.v,
    "al": lambda _: True,
}


def _add(state: State | None, left: int, right: int, carry: int, bits: int) -> int:
    """Add with carry; set the flags of ``state`` if there is one."""
    mask = (1 << bits) - 1
    total = left + right + carry
    value = total & mask
    if state is not None:
        sign = 1 << (bits - 1)
        state.n, state.z = bool(value & sign), value == 0
        state.c = total > mask
        state.v = bool(~(left ^ right) & (left ^ value) & sign)
    return value


def _logic(state: State | None, value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    if state is not None:
        state.n, state.z = bool(value >> (bits - 1)), value == 0
        state.c = state.v = False
    return value


Binary = Callable[[State | None, State, int, int, int], int]
BINARY: dict[str, Binary] = {
    "add": lambda f, _, a, b, w: _add(f, a, b, 0, w),
    "sub": lambda f, _, a, b, w: _add(f, a, b ^ ((1 << w) - 1), 1, w),
    "adc": lambda f, s, a, b, w: _add(f, a, b, int(s.c), w),
    "sbc": lambda f, s, a, b, w: _add(f, a, b ^ ((1 << w) - 1), int(s.c), w),
    "and": lambda f, _, a, b, w: _logic(f, a & b, w),
    "bic": lambda f, _, a, b, w: _logic(f, a & ~b, w),
    "orr": lambda f, _, a, b, w: _logic(f, a | b, w),
    "orn": lambda f, _, a, b, w: _logic(f, a | ~b, w),
    "eor": lambda f, _, a, b, w: _logic(f, a ^ b, w),
    "eon": lambda f, _, a, b, w: _logic(f, a ^ ~b, w),
    "lsl": lambda f, _, a, b, w: _logic(f, a << (b % w), w),
    "lsr": lambda f, _, a, b, w: _logic(f, a >> (b % w), w),
    "asr": lambda f, _, a, b, w: _logic(f, signed(a, w) >> (b % w), w),
    "mul": lambda f, _, a, b, w: _logic(f, a * b, w),
    "udiv": lambda f, _, a, b, w: _logic(f, a // b if b else 0, w),
}
_FLAGS = {"adds", "subs", "adcs", "sbcs", "ands", "bics"}
_COMPARES = {"cmp": "sub", "cmn": "add", "tst": "and"}
_UNARY: dict[str, Callable[[int, int], int]] = {
    "mov": lambda a, _: a,
    "movz": lambda a, _: a,
    "mvn": lambda a, _: ~a,
    "neg": lambda a, _: -a,
    "clz": lambda a, w: w - a.bit_length(),
    "rbit": lambda a, w: int(f"{a:0{w}b}"[::-1], 2),
    "rev": lambda a, w: int.from_bytes(a.to_bytes(w // 8, "little"), "big"),
    "uxtb": lambda a, _: a & 0xFF,
    "uxth": lambda a, _: a & 0xFFFF,
    "uxtw": lambda a, _: a & 0xFFFFFFFF,
    "sxtb": lambda a, _: signed(a & 0xFF, 8),
    "sxth": lambda a, _: signed(a & 0xFFFF, 16),
    "sxtw": lambda a, _: signed(a & 0xFFFFFFFF, 32),
}
_SELECTS: dict[str, Callable[[int], int]] = {
    "csel": lambda b: b,
    "csinc": lambda b: b + 1,
    "csinv": lambda b: ~b,
    "csneg": lambda b: -b,
}


def _modified(state: State, source: Register | int, change: Modifier | None) -> int:
    value = read(state, source)
    if change is None:
        return value
    kind, amount = change.kind, change.amount
    if kind == "lsl":
        return value << amount
    if kind == "lsr":
        return value >> amount
    if kind == "asr":
        return signed(value, source.bits if isinstance(source, Register) else 64) >> (
            amount
        )
    width = {"b": 8, "h": 16, "w": 32, "x": 64}[kind[-1]]
    value &= (1 << width) - 1
    if kind.startswith("s"):
        value = signed(value, width)
    return value << amount


def compute(mnemonic: str, operands: list[Operand]) -> Action | None:
    """Return the action of a data-processing instruction."""
    change: Modifier | None = None
    if operands and isinstance(operands[-1], Modifier):
        change = operands[-1]
        operands = operands[:-1]
        if change.kind == "ror":
            return None
    match operands:
        case [Register() as target, Register() | int() as source] if mnemonic in _UNARY:
            return _unary(_UNARY[mnemonic], target, source, change)
        case [Register() as left, Register() | int() as right] if mnemonic in _COMPARES:
            zero = Register(None, left.bits)
            rule = BINARY[_COMPARES[mnemonic]]
            return _binary(rule, zero, left, right, change, True)
        case [
            Register() as target,
            Register() as left,
            Register() | int() as right,
        ]:
            name = mnemonic[:-1] if mnemonic in _FLAGS else mnemonic
            if name in BINARY:
                rule = BINARY[name]
                return _binary(rule, target, left, right, change, name != mnemonic)
        case [Register() as target, Word(name)] if mnemonic in ("cset", "csetm"):
            return _cset(target, name.lower(), -1 if mnemonic == "csetm" else 1)
        case [Register() as target, Register() as a, Register() as b, Word(name)]:
            if mnemonic in _SELECTS:
                return _csel(_SELECTS[mnemonic], target, a, b, name.lower())
        case _:
            pass
    return None


def _unary(
    rule: Callable[[int, int], int],
    target: Register,
    source: Register | int,
    change: Modifier | None,
) -> Action:
    def act(state: State) -> None:
        write(state, target, rule(_modified(state, source, change), target.bits))

    return act


def _binary(
    rule: Binary,
    target: Register,
    left: Register,
    right: Register | int,
    change: Modifier | None,
    flags: bool,
) -> Action:
    mask = (1 << target.bits) - 1

    def act(state: State) -> None:
        b = _modified(state, right, change) & mask
        a = read(state, left) & mask
        write(state, target, rule(state if flags else None, state, a, b, target.bits))

    return act


def _cset(target: Register, name: str, value: int) -> Action | None:
    test = CONDITIONS.get(name)
    if test is None:
        return None

    def act(state: State) -> None:
        write(state, target, value if test(state) else 0)

    return act


def _csel(
    rule: Callable[[int], int], target: Register, a: Register, b: Register, name: str
) -> Action | None:
    test = CONDITIONS.get(name)
    if test is None:
        return None

    def act(state: State) -> None:
        write(state, target, read(state, a) if test(state) else rule(read(state, b)))

    return act


# ------------------------------------------------------------------- branches


def branch(
    mnemonic: str, operands: list[Operand], place: Callable[[str], int | None]
) -> Action | None:
    """Return the action of a branch; ``place`` finds the item of a label."""
    match mnemonic, operands:
        case "b", [Word(label)]:
            test = CONDITIONS["al"]
        case _, [Word(label)] if mnemonic.startswith("b."):
            known = CONDITIONS.get(mnemonic[2:])
            if known is None:
                return None
            test = known
        case "cbz", [Register() as source, Word(label)]:
            test = lambda s: read(s, source) == 0  # noqa: E731
        case "cbnz", [Register() as source, Word(label)]:
            test = lambda s: read(s, source) != 0  # noqa: E731
        case "tbz", [Register() as source, int() as bit, Word(label)]:
            test = lambda s: not read(s, source) >> bit & 1  # noqa: E731
        case "tbnz", [Register() as source, int() as bit, Word(label)]:
            test = lambda s: bool(read(s, source) >> bit & 1)  # noqa: E731
        case _:
            return None
    goal = place(label)
    if goal is None:
        return None
    there = goal

    def act(state: State) -> int | None:
        return there if test(state) else None

    return act
