"""Registers and flags while an inline assembly statement executes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.execution.asm_operand import Register
from reference_model.coordinates import Origin

if TYPE_CHECKING:
    from harness.execution.run import Execution

__all__ = ["Action", "State", "UnsetRegister", "read", "signed", "write"]


class State:
    """Registers and flags while one asm statement executes."""

    __slots__ = ("c", "coord", "execution", "n", "origin_", "regs", "v", "z")

    def __init__(
        self, execution: Execution, coord: int, regs: dict[int | str, int]
    ) -> None:
        self.execution = execution
        self.coord = coord
        self.regs = regs
        self.origin_: Origin | None = None
        self.n = self.z = self.c = self.v = False

    @property
    def origin(self) -> Origin:
        """Return the origin of the statement's events."""
        if self.origin_ is None:
            self.origin_ = self.execution.origin(self.coord)
        return self.origin_


# An instruction at work; a number is the item to continue with.
Action = Callable[[State], int | None]


class UnsetRegister(Exception):  # noqa: N818 - becomes an Unsupported
    """An instruction reads a register that nothing has written."""


def read(state: State, source: Register | int) -> int:
    """Return the value of a register or immediate, unsigned."""
    if isinstance(source, int):
        return source
    if source.slot is None:
        return 0
    value = state.regs.get(source.slot)
    if value is None:
        if source.slot == "sp":
            value = state.execution.cpu.registers.get((state.execution.cpu.pe, "SP"))
        if value is None:
            raise UnsetRegister(str(source.slot))
    return value & ((1 << source.bits) - 1)


def write(state: State, target: Register, value: int) -> None:
    """Set a register; a 32-bit write clears the upper half."""
    if target.slot is not None:
        state.regs[target.slot] = value & ((1 << target.bits) - 1)


def signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value
