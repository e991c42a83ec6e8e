"""What system instructions do to the machine, and the events that they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from registers import NOWHERE, X
from system_words import SystemWord

from harness.errors import Unsupported
from harness.execution.asm_system import TRANSLATION_REGISTERS, barrier
from harness.execution.fault import Fault
from reference_model.events import (
    At,
    Barrier,
    BarrierKind,
    CacheOp,
    Eret,
    IrqMask,
    Isb,
    Msr,
    Tlbi,
)

if TYPE_CHECKING:
    from machine import Machine

__all__ = ["SystemActions"]

_IRQ = 1 << 7
_TRAP = 1000  # BRK number of __builtin_trap()
_KINDS = {1: "warn", 2: "bug", 3: "assertion"}


class SystemActions:
    """Acts on one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def of(self, address: int, word: SystemWord) -> Callable[[], None] | None:
        """Return what an instruction does."""
        cpu, add, rt, name = (
            self.machine.cpu,
            self.machine.recorder.add,
            word.rt,
            word.name,
        )
        match word.kind:
            case "nop":
                return None
            case "isb":
                return lambda: add(Isb(cpu.pe))
            case "eret":
                return lambda: add(Eret(cpu.pe))
            case "dsb" | "dmb":
                known = barrier(name)
                assert known is not None, name
                kind = BarrierKind(word.kind)
                return lambda: add(Barrier(cpu.pe, kind, *known))
            case "tlbi":
                return lambda: add(Tlbi(cpu.pe, name, self.machine.read(rt)))
            case "at":
                return lambda: self._translate(name, self.machine.read(rt))
            case "dc" | "ic":
                return lambda: self._cache(f"{word.kind} {name}".upper(), rt)
            case "msr":
                return lambda: self._write_register(name, self.machine.read(rt))
            case "msri":
                assert name in ("DAIFSET", "DAIFCLR"), name
                return lambda: self._mask(name, word.value)
            case "mrs":
                return lambda: self._read_register(name, rt)
            case "brk" if word.value == _TRAP:
                return self._trap
            case "brk":
                assert address in self.machine.image.bugs, "BRK without a bug frame"
                return lambda: self._break(address)
        raise AssertionError(word)

    def _cache(self, op: str, rt: int) -> None:
        value = self.machine.read(rt)
        if rt == 31 or op.endswith("SW"):
            self.machine.recorder.add(CacheOp(self.machine.cpu.pe, op, value))
            return
        pa = self.machine.shared.physical_address(value)
        if pa is not None:
            self.machine.recorder.add(CacheOp(self.machine.cpu.pe, op, pa))

    def _translate(self, op: str, operand: int) -> None:
        cpu = self.machine.cpu
        self.machine.recorder.add(At(cpu.pe, op, operand))
        result = None if cpu.translate is None else cpu.translate(op, operand)
        cpu.registers.pop((cpu.pe, "PAR_EL1"), None)
        if result is not None:
            cpu.registers[cpu.pe, "PAR_EL1"] = result

    def _write_register(self, name: str, value: int) -> None:
        cpu = self.machine.cpu
        if name == "DAIF":
            self._set_daif(value)
            return
        cpu.registers[cpu.pe, name] = value
        if name in TRANSLATION_REGISTERS:
            self.machine.recorder.add(Msr(cpu.pe, name, value))

    def _mask(self, name: str, bits: int) -> None:
        old = self.machine.cpu.registers.get((self.machine.cpu.pe, "DAIF"), 0)
        self._set_daif(old | bits << 6 if name == "DAIFSET" else old & ~(bits << 6))

    def _set_daif(self, value: int) -> None:
        cpu = self.machine.cpu
        old = cpu.registers.get((cpu.pe, "DAIF"), 0)
        cpu.registers[cpu.pe, "DAIF"] = value
        if (old ^ value) & _IRQ:
            self.machine.recorder.add(IrqMask(cpu.pe, bool(value & _IRQ)))

    def _read_register(self, name: str, rt: int) -> None:
        cpu = self.machine.cpu
        value = cpu.registers.get((cpu.pe, name))
        if value is None and name == "DAIF":
            value = 0
        if value is None:
            value = cpu.features.register(cpu.pe, name)
        if value is None:
            raise Unsupported(NOWHERE, f"the value of system register {name}")
        if rt != 31:
            self.machine.uc.reg_write(X[rt], value)

    def _trap(self) -> None:
        raise Fault("trap", "a check of the compiler fails", NOWHERE)

    def _break(self, address: int) -> None:
        frame = self.machine.image.bugs[address]
        kind = _KINDS[frame.kind]
        if kind == "warn":
            self.machine.recorder.warnings.append(NOWHERE)
            return
        what = "BUG() is reached" if kind == "bug" else "assertion fails: "
        raise Fault(kind, what + frame.message, NOWHERE)
