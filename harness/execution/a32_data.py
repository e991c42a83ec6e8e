"""A32 data processing, branches and conditions of inline assembly."""

from __future__ import annotations

from collections.abc import Callable

from harness.execution.a32_operand import Operand32, Register32, get, put
from harness.execution.asm_data import BINARY, CONDITIONS
from harness.execution.asm_operand import Modifier, Word
from harness.execution.asm_state import Action, State, signed

__all__ = ["branch32", "compute32", "conditions", "when"]

_ONLY_FLAGS = {"cmp": "sub", "cmn": "add", "tst": "and", "teq": "eor"}
_THREE = ("add", "sub", "adc", "sbc", "and", "bic", "orr", "eor", "lsl", "lsr", "asr")
_LOGIC = {"and", "bic", "orr", "eor", "tst", "teq", "mov", "mvn"}
_UNARY: dict[str, Callable[[int], int]] = {
    "mov": lambda a: a,
    "movw": lambda a: a & 0xFFFF,
    "mvn": lambda a: ~a,
    "clz": lambda a: 32 - a.bit_length(),
    "rbit": lambda a: int(f"{a:032b}"[::-1], 2),
    "rev": lambda a: int.from_bytes(a.to_bytes(4, "little"), "big"),
    "uxtb": lambda a: a & 0xFF,
    "uxth": lambda a: a & 0xFFFF,
    "sxtb": lambda a: signed(a & 0xFF, 8),
    "sxth": lambda a: signed(a & 0xFFFF, 16),
}


def conditions(mnemonic: str) -> list[tuple[str, str]]:
    """Return the ways to read a mnemonic as (stem, condition), likeliest first."""
    found = [(mnemonic, "al")]
    stem, condition = mnemonic[:-2], mnemonic[-2:]
    if stem and condition in CONDITIONS:
        found.append((stem, condition))
    return found


def when(condition: str, action: Action) -> Action:
    """Return an action that is taken only if the condition holds."""
    if condition == "al":
        return action
    test = CONDITIONS[condition]

    def act(state: State) -> int | None:
        return action(state) if test(state) else None

    return act


def _value(state: State, source: Register32 | int, change: Modifier | None) -> int:
    value = get(state, source)
    if change is None:
        return value
    if change.kind == "lsl":
        return value << change.amount & 0xFFFF_FFFF
    if change.kind == "lsr":
        return value >> change.amount
    return signed(value, 32) >> change.amount & 0xFFFF_FFFF


def compute32(mnemonic: str, operands: list[Operand32]) -> Action | None:
    """Return the action of a data-processing instruction."""
    change: Modifier | None = None
    if operands and isinstance(operands[-1], Modifier):
        change, operands = operands[-1], operands[:-1]
    flags = mnemonic.endswith("s") and mnemonic[:-1] in (*_THREE, "mov", "mvn", "rsb")
    name = mnemonic[:-1] if flags else mnemonic
    # The carry of a shift is not kept: no flags from logic on a shifted operand.
    if change is not None and (flags or name in _ONLY_FLAGS) and name in _LOGIC:
        return None
    if flags and name in ("lsl", "lsr", "asr"):
        return None
    match operands:
        case [Register32() as target, Register32() | int() as source] if name in _UNARY:
            return _unary(_UNARY[name], target, source, change, flags)
        case [Register32() as left, Register32() | int() as right] if (
            name in _ONLY_FLAGS
        ):
            return _binary(_ONLY_FLAGS[name], None, left, right, change, True)
        case [Register32() as target, Register32() | int() as right] if name in _THREE:
            return _binary(name, target, target, right, change, flags)
        case [Register32() as target, Register32() as left, right] if isinstance(
            right, Register32 | int
        ):
            if name == "rsb" and isinstance(right, Register32 | int):
                return _reverse(target, left, right, change, flags)
            if name in _THREE:
                return _binary(name, target, left, right, change, flags)
        case _:
            pass
    return None


def _unary(
    rule: Callable[[int], int],
    target: Register32,
    source: Register32 | int,
    change: Modifier | None,
    flags: bool,
) -> Action:
    def act(state: State) -> None:
        value = rule(_value(state, source, change)) & 0xFFFF_FFFF
        put(state, target, value)
        if flags:
            state.n, state.z = bool(value >> 31), value == 0

    return act


def _binary(
    name: str,
    target: Register32 | None,
    left: Register32,
    right: Register32 | int,
    change: Modifier | None,
    flags: bool,
) -> Action:
    rule = BINARY[name]
    logical = name in _LOGIC

    def act(state: State) -> None:
        a, b = get(state, left), _value(state, right, change)
        if name in ("lsl", "lsr", "asr"):
            b &= 0xFF
            if b > 31:
                b, a = 31, signed(a, 32) if name == "asr" else 0
        carry, overflow = state.c, state.v
        value = rule(state if flags else None, state, a & 0xFFFF_FFFF, b, 32)
        if flags and logical:
            state.c, state.v = carry, overflow  # which A32 leaves as they are
        if target is not None:
            put(state, target, value)

    return act


def _reverse(
    target: Register32,
    left: Register32,
    right: Register32 | int,
    change: Modifier | None,
    flags: bool,
) -> Action:
    rule = BINARY["sub"]

    def act(state: State) -> None:
        a, b = get(state, left), _value(state, right, change)
        put(state, target, rule(state if flags else None, state, b, a, 32))

    return act


def branch32(
    mnemonic: str, operands: list[Operand32], place: Callable[[str], int | None]
) -> Action | None:
    """Return the action of a branch; ``place`` finds the item of a label."""
    match mnemonic, operands:
        case "b", [Word(label)]:
            goal = place(label)
        case _:
            return None
    if goal is None:
        return None
    there = goal
    return lambda _: there
