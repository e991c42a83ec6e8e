"""Run compiled code in an emulator, as an execution of the harness would run C.

The emulator's memory is the simulated memory.  System instructions and calls of
functions that are not in the object file leave the emulator.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from compiler import body_of
from object_file import CODE, STUBS, Image
from registers import NOWHERE, X
from shared_memory import STACK, STACK_SIZE, Arena, SharedMemory
from system_actions import SystemActions
from system_words import NOP, is_release, system_words
from unicorn import (
    UC_ARCH_ARM64,
    UC_HOOK_CODE,
    UC_HOOK_MEM_WRITE,
    UC_MODE_ARM,
    UC_PROT_ALL,
    UC_PROT_READ,
    UC_PROT_WRITE,
    Uc,
    UcError,
)
from unicorn.arm64_const import (
    UC_ARM64_REG_LR,
    UC_ARM64_REG_PC,
    UC_ARM64_REG_SP,
    UC_ARM64_REG_X0,
)

from harness.errors import Unsupported
from harness.execution import builtin
from harness.execution.boundary import Boundary, BoundaryCall
from harness.execution.cpu import Cpu
from harness.execution.program import Program
from harness.execution.recorder import Recorder
from harness.execution.run import Execution, Limits
from harness.execution.variable import Variables
from harness.ir.layout import scalar_of, size_of
from harness.ir.types import CType, Function, Integer, Pointer, Record, Void
from reference_model.coordinates import Coord, Origin
from reference_model.events import (
    Store,
)

__all__ = ["Crash", "Machine", "PlacedExecution"]

_ORIGIN = Origin(NOWHERE, "", (), False)
_RETURN = STUBS + (1 << 20) - 4  # where calls from outside return to
_GARBAGE = 0xDEAD_BEEF_5A5A_A5A5
# Registers that do not outlive a call: enough of them to notice a mistake.
_LOST = (*range(5), 8, 16, 17)


class Crash(Exception):  # noqa: N818 - what the processor does, not the test
    """The compiled code does what the emulator cannot go on from."""


class _PlacedVariables(Variables):
    """Variables, with functions where the image has them."""

    def __init__(self, unit: Any, memory: Any, image: Image) -> None:
        super().__init__(unit, memory)
        self.image = image
        self.names = {place: name for name, place in image.functions.items()}

    def function_address(self, name: str) -> int:
        known = self.image.functions.get(name)
        if known is not None:
            return known
        return super().function_address(name)

    def function_at(self, address: int) -> str | None:
        return self.names.get(address) or super().function_at(address)


class PlacedExecution(Execution):
    """The harness's execution with everything where the image has it."""

    def __init__(
        self,
        image: Image,
        program: Program,
        memory: Any,
        cpu: Cpu,
        recorder: Recorder,
        boundary: Mapping[str, Boundary],
        limits: Limits | None = None,
        *,
        override: frozenset[str],
    ) -> None:
        super().__init__(
            program, memory, cpu, recorder, boundary, limits, override=override
        )
        self.variables = _PlacedVariables(program.unit, memory, image)


class _MachineVariables(_PlacedVariables):
    """Variables whose initial content is what the compiler made."""

    def _fill(self, variable: Any, base: int) -> None:
        if self.image.symbol_of(variable.name) is None:
            super()._fill(variable, base)


class Machine(PlacedExecution):
    """An execution whose C functions run in an emulator."""

    def __init__(
        self,
        image: Image,
        program: Program,
        cpu: Cpu,
        recorder: Recorder,
        boundary: Mapping[str, Boundary],
        *,
        names: frozenset[str],
        on: frozenset[int],
        override: frozenset[str],
    ) -> None:
        self.image = image
        self.uc = Uc(UC_ARCH_ARM64, UC_MODE_ARM)
        shared = SharedMemory(image, names, self._share)
        super().__init__(
            image, program, shared, cpu, recorder, boundary, override=override
        )
        self.variables = _MachineVariables(program.unit, shared, image)
        self.shared = shared
        self.types: dict[str, Function | None] = {}
        self.system: dict[int, Callable[[], None]] = {}
        self.deep = 0
        self.releases: set[int] = set()
        self._load_code(on)

    # ------------------------------------------------------------ the memory

    def _share(self, arena: Arena) -> None:
        rights = UC_PROT_READ | UC_PROT_WRITE
        self.uc.mem_map_ptr(arena.base, arena.size, rights, arena.pointer)
        if arena.sparse:
            last = arena.base + arena.size - 1
            self.uc.hook_add(
                UC_HOOK_MEM_WRITE, self._written, begin=arena.base, end=last
            )

    def _written(
        self, uc: Any, access: int, address: int, size: int, value: int, data: Any
    ) -> None:
        """See a store before it is done."""
        shared = self.shared
        shared.written(address, size)
        pa = shared.physical_address(address)
        if pa is None:
            return
        assert pa % 8 + size <= 8, "store across descriptors"
        word = int.from_bytes(shared.raw(address & ~7, 8), "little")
        shift, mask = 8 * (address & 7), (1 << 8 * size) - 1
        word = word & ~(mask << shift) | (value & mask) << shift
        release = bool(self.releases) and uc.reg_read(UC_ARM64_REG_PC) in self.releases
        self.recorder.add(Store(self.cpu.pe, pa & ~7, word, release))

    def _load_code(self, on: frozenset[int]) -> None:
        image = self.image
        code = image.patched(on)
        actions = SystemActions(self)
        for address, found in list(system_words(code, CODE, image.instructions)):
            action = actions.of(address, found)
            offset = address - CODE
            code[offset : offset + 4] = NOP.to_bytes(4, "little")
            if action is not None:
                self.system[address] = action
                self.uc.hook_add(
                    UC_HOOK_CODE, self._trapped, begin=address, end=address
                )
        for start, end in image.instructions:
            for address in range(start, end, 4):
                offset = address - CODE
                if is_release(int.from_bytes(code[offset : offset + 4], "little")):
                    self.releases.add(address)
        stubs = bytearray((1 << 20) // 4 * b"\xc0\x03\x5f\xd6")  # RET
        self._text = [
            _executable(self.uc, CODE, code),
            _executable(self.uc, STUBS, stubs),
        ]
        last = STUBS + 4 * len(image.undefined) - 1
        self.uc.hook_add(UC_HOOK_CODE, self._leave, begin=STUBS, end=last)

    # --------------------------------------------------- system instructions

    def _trapped(self, uc: Any, address: int, size: int, data: Any) -> None:
        self.system[address]()

    def read(self, number: int) -> int:
        """Return a general register; 31 is zero."""
        return 0 if number == 31 else int(self.uc.reg_read(X[number]))

    # ------------------------------------------------------ calls to the outside

    def _leave(self, uc: Any, address: int, size: int, data: Any) -> None:
        """Answer a call of a function that the object file does not have."""
        name = self.image.undefined[address]
        model = self.boundary.get(name) or builtin.BUILTINS.get(name)
        if model is None:
            raise Unsupported(NOWHERE, f"call of '{name}', which is not modelled")
        ctype = self.type_of(name)
        arguments = self._taken(ctype)
        result = None if ctype is None else ctype.result
        value = model(BoundaryCall(self, name, arguments, NOWHERE, result))
        for number in _LOST:
            uc.reg_write(X[number], _GARBAGE + number)
        if value is not None:
            assert not isinstance(result, Record) or size_of(result) <= 8
            uc.reg_write(UC_ARM64_REG_X0, _widened(value, result))

    def _taken(self, ctype: Function | None) -> tuple[int, ...]:
        """Read the arguments of a call from registers, by their types."""
        if ctype is None:
            return tuple(self.read(number) for number in range(8))
        values, number = [], 0
        for parameter in ctype.parameters:
            if isinstance(parameter, Record):
                size = size_of(parameter)
                assert size <= 16, parameter
                value = self.read(number)
                if size > 8:
                    value |= self.read(number + 1) << 64
                values.append(value & ((1 << 8 * size) - 1))
                number += (size + 7) // 8
            else:
                values.append(_narrowed(self.read(number), parameter))
                number += 1
            assert number <= 8, "arguments on the stack"
        return tuple(values)

    def type_of(self, name: str) -> Function | None:
        """Return the type of a function, seen from a caller."""
        if name not in self.types:
            self.types[name] = _function_type(self.unit, name)
        return self.types[name]

    # ------------------------------------------------------------------ running

    def call_coord(self) -> Coord:
        """Return where a call was made; nobody knows."""
        return NOWHERE

    def call_origin(self) -> Origin:
        """Return where an event comes from; nobody knows."""
        return _ORIGIN

    def call(self, function: str, *arguments: int) -> int | None:
        """Run a compiled function."""
        address = self.image.functions.get(function)
        ctype = self.type_of(function)
        assert address is not None, f"'{function}' was not compiled"
        assert ctype is not None, function
        if address in self.image.undefined:
            return super().call(function, *arguments)
        self.shared.sweep()
        return self._call(address, ctype, arguments)

    def body(self, name: str) -> Callable[..., Any]:
        """Return what runs the body of a function that a model stands for."""
        address, ctype = self.image.functions[body_of(name)], self.type_of(name)
        assert ctype is not None, name
        return lambda *arguments: self._call(address, ctype, arguments)

    def _call(
        self, address: int, ctype: Function, arguments: tuple[int, ...]
    ) -> int | None:
        with self._registers():
            indirect = self._give(ctype, arguments)
            self.uc.reg_write(UC_ARM64_REG_LR, _RETURN)
            self._run(address)
            return self._result(ctype.result, indirect)

    def _run(self, address: int) -> None:
        uc = self.uc
        try:
            uc.emu_start(address, _RETURN)
        except UcError as error:
            at = uc.reg_read(UC_ARM64_REG_PC)
            raise Crash(f"{error} at {self.describe(at)}") from None
        at = uc.reg_read(UC_ARM64_REG_PC)
        if at != _RETURN:
            raise Crash(f"stop at {self.describe(at)}")

    def describe(self, address: int) -> str:
        """Name a place in the code."""
        below = [(p, n) for n, p in self.image.functions.items() if p <= address]
        if not below:
            return f"{address:#x}"
        place, name = max(below)
        return f"{name}+{address - place:#x}"

    @contextmanager
    def _registers(self) -> Iterator[None]:
        """Keep the registers of an outer call."""
        saved = self.uc.context_save() if self.deep else None
        if saved is None:
            self.uc.reg_write(UC_ARM64_REG_SP, STACK + STACK_SIZE - 0x1000)
        self.deep += 1
        try:
            yield
        finally:
            self.deep -= 1
            if saved is not None:
                self.uc.context_restore(saved)

    def _give(self, ctype: Function, arguments: tuple[int, ...]) -> int:
        """Put the arguments where the procedure call standard says.

        Returns where a large result will be.  The unused part of a register
        holds garbage, as it may.
        """
        uc, number = self.uc, 0
        top = uc.reg_read(UC_ARM64_REG_SP) & ~15
        for value, parameter in zip(arguments, ctype.parameters, strict=True):
            words = [value]
            if isinstance(parameter, Record):
                size = size_of(parameter)
                if size > 16:
                    top = top - size & ~15
                    self.memory.poke(top, size, value)
                    words = [top]
                else:
                    value |= _GARBAGE << 8 * size if size % 8 else 0
                    words = [value >> 64 * part for part in range((size + 7) // 8)]
            elif isinstance(parameter, Integer):
                words = [_cluttered(value, parameter)]
            for word in words:
                assert number < 8, "arguments on the stack"
                uc.reg_write(X[number], word & 0xFFFF_FFFF_FFFF_FFFF)
                number += 1
        for unused in range(number, 6):
            uc.reg_write(X[unused], _GARBAGE + unused)
        indirect = 0
        if isinstance(ctype.result, Record) and size_of(ctype.result) > 16:
            indirect = top = top - size_of(ctype.result) & ~15
            uc.reg_write(X[8], indirect)
        uc.reg_write(UC_ARM64_REG_SP, top)
        return indirect

    def _result(self, result: CType, indirect: int) -> int | None:
        if isinstance(result, Void):
            return None
        if indirect:
            return self.memory.peek(indirect, size_of(result))
        if isinstance(result, Record):
            value = self.read(0) | self.read(1) << 64
            return value & ((1 << 8 * size_of(result)) - 1)
        return _narrowed(self.read(0), result)


def _executable(uc: Uc, base: int, code: bytearray) -> mmap.mmap:
    memory = mmap.mmap(-1, len(code))
    memory[:] = bytes(code)
    pointer = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    uc.mem_map_ptr(base, len(code), UC_PROT_ALL, pointer)
    return memory


def _bits(ctype: CType) -> tuple[int, bool]:
    if isinstance(ctype, Integer):
        return 8 * ctype.size, ctype.signed
    assert isinstance(ctype, Pointer), ctype
    return 64, False


def _narrowed(value: int, ctype: CType) -> int:
    """Return the value of a scalar of some type in a register."""
    bits, signed = _bits(ctype)
    value &= (1 << bits) - 1
    return value - (1 << bits) if signed and value >> bits - 1 else value


def _widened(value: int, ctype: CType | None) -> int:
    """Return a register that holds a scalar, the rest of it garbage."""
    if not isinstance(ctype, Integer):
        return value & 0xFFFF_FFFF_FFFF_FFFF
    return _cluttered(int(bool(value)) if ctype.is_bool else value, ctype)


def _cluttered(value: int, ctype: Integer) -> int:
    bits = 8 * ctype.size
    value &= (1 << bits) - 1
    # A _Bool has the value 0 or 1 in 8 bits; beyond those there is nothing.
    return (value | _GARBAGE << bits) & 0xFFFF_FFFF_FFFF_FFFF


def _function_type(unit: Any, name: str) -> Function | None:
    definition = unit.functions.get(name)
    if definition is not None:
        types = tuple(parameter.type for parameter in definition.parameters)
        return _passed(Function(definition.result, types, definition.variadic))
    declared = unit.declared.get(name)
    return _passed(declared) if isinstance(declared, Function) else None


def _passed(ctype: Function) -> Function:
    """Take a struct of one scalar for that scalar, which is passed the same way."""
    types = tuple(scalar_of(parameter) or parameter for parameter in ctype.parameters)
    return Function(scalar_of(ctype.result) or ctype.result, types, ctype.variadic)
