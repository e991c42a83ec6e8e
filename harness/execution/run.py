"""One run of a program: links compiled functions to memory, cpu and recorder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from harness.errors import BoundError, Unsupported
from harness.execution import builtin
from harness.execution.access import accessors
from harness.execution.asm import build
from harness.execution.boundary import Boundary, BoundaryCall
from harness.execution.cpu import Cpu
from harness.execution.explain import NOWHERE, explain
from harness.execution.expression import convert
from harness.execution.fault import Fault
from harness.execution.marking import MARK
from harness.execution.memory import PAGE, Memory
from harness.execution.program import Program
from harness.execution.recorder import Recorder
from harness.execution.steps import Exhausted, Limits, Steps
from harness.execution.variable import Variables
from harness.ir import nodes as ir
from harness.ir.layout import scalar_of, size_of
from harness.ir.nodes import ARGUMENT_SLOT
from harness.ir.types import CType, Function, Record, Void
from reference_model.coordinates import Coord, Frame, Origin
from reference_model.events import Event, Store, Zero

__all__ = ["Execution", "Limits"]

Code = Callable[..., Any]


class Execution:
    """A program over one memory, on one set of PEs.

    ``boundary`` models functions without a body; one named in ``override``
    is used although the unit has a body.
    """

    def __init__(
        self,
        program: Program,
        memory: Memory,
        cpu: Cpu,
        recorder: Recorder,
        boundary: Mapping[str, Boundary],
        limits: Limits | None = None,
        *,
        override: frozenset[str] = frozenset(),
    ) -> None:
        self.program = program
        self.unit = program.unit
        self.memory = memory
        self.cpu = cpu
        self.recorder = recorder
        self.boundary = boundary
        self.override = override
        self.limits = limits or Limits()
        self.stack: list[int] = []
        self.variables = Variables(program.unit, memory)
        self._steps = Steps(self.limits)
        self._running = 0
        self._origins: dict[tuple[int, ...], Origin] = {}
        self._globals: dict[str, Any] = self._environment()
        recorder.attach(memory)

    # ------------------------------------------------------------ for callers

    def address(self, name: str) -> int:
        """Return the address of a global or function."""
        return self.variables.address(name)

    def place(self, name: str, address: int) -> None:
        """Give a global its address before anything refers to it."""
        self.variables.place(name, address)

    def call(self, function: str, *arguments: int) -> int | None:
        """Run a function; a struct argument or result is given by content."""
        saved = len(self.stack)
        outermost = not self._running
        self._running += 1
        interpreter = sys.getrecursionlimit()
        if outermost:
            self._steps.start()
            # A call in C costs a few calls in Python.
            sys.setrecursionlimit(
                max(interpreter, min(8000, 1000 + 6 * self.limits.depth))
            )
            self._globals["ticks"] = self._steps.supply
            self._globals["tick"] = self._steps.supply.__next__
        coord = NOWHERE if outermost else self.call_coord()
        self.stack.append(self.program.names.call(function, coord))
        try:
            return self._enter(function, arguments)
        except (
            Fault,
            Unsupported,
            Exhausted,
            UnboundLocalError,
            ZeroDivisionError,
            RecursionError,
        ) as problem:
            if not outermost:
                raise
            explain(self.program, problem, function)
        finally:
            sys.setrecursionlimit(interpreter)
            self._running -= 1
            del self.stack[saved:]

    def origin(self, coord: int) -> Origin:
        """Return the origin of what happens now at place number ``coord``."""
        key = (coord, *self.stack)
        known = self._origins.get(key)
        if known is None:
            names = self.program.names
            known = self._origin(names.coord_list[coord], tuple(self.stack))
            self._origins[key] = known
        return known

    def call_coord(self) -> Coord:
        """Return where the innermost call was made."""
        return self.program.names.call_list[self.stack[-1]][1]

    def call_origin(self) -> Origin:
        """Return the origin of a call that is leaving the C."""
        key = (-1, *self.stack)
        known = self._origins.get(key)
        if known is None:
            known = self._origin(self.call_coord(), tuple(self.stack[:-1]))
            self._origins[key] = known
        return known

    def store(self, address: int, size: int, value: int, origin: Origin) -> None:
        """Store as the program does."""
        self.memory.store(address, size, value)
        self.stored(address, size, origin)

    def stored(
        self, address: int, size: int, origin: Origin, *, release: bool = False
    ) -> None:
        """Emit the events of a store that has reached physical memory."""
        chunk = self.memory.chunks.get(address >> 12)
        if chunk is None or (chunk.pa < 0 and (address & (PAGE - 1)) + size <= PAGE):
            return
        memory, pe = self.memory, self.cpu.pe
        done = 0
        while done < size:
            at = address + done
            count = min(size - done, 8 - at % 8)
            pa = memory.physical_address(at)
            if pa is not None:
                word = memory.peek_physical(pa & ~7)
                event: Event = Store(pe, pa & ~7, word, release, origin=origin)
                self.recorder.add(event)
            done += count
        memory.told(address, size)

    def cleared(self, address: int, size: int, origin: Origin) -> None:
        """Emit the events of ``size`` zero bytes written to memory."""
        pa = self.memory.physical_address(address)
        if pa is None or (pa | size) % 8 or size <= 8:
            self.stored(address, size, origin)
            return
        self.recorder.add(Zero(self.cpu.pe, pa, size, origin=origin))
        self.memory.told(address, size)

    def draw(self) -> None:
        """Use one step of the bound."""
        next(self._steps.supply)

    # --------------------------------------------------------------- linking

    def _environment(self) -> dict[str, Any]:
        table: dict[str, Any] = {
            "__builtins__": {"len": len},
            "stack": self.stack,
            "push": self.stack.append,
            "pop": self.stack.pop,
            "depth": self.limits.depth,
            "ticks": iter(()),
            "tick": None,
            "too_deep": self._too_deep,
            "no_value": self._no_value,
            "unsupported": self._unsupported,
            "indirect": self._indirect,
            "spill": self._spill,
            MARK: self.program.executed.add,
        }
        table.update(accessors(self))
        return table

    def code(self, name: str) -> Code:
        """Return the Python function that runs a C function."""
        key = f"f_{name}"
        known: Code | None = self._globals.get(key)
        if known is None or getattr(known, "stub", False):
            known = self._link(name)
            self._globals[key] = known
        return known

    def _link(self, name: str) -> Code:
        if name not in self.unit.functions or name in self.override:
            return self._leaving(name)
        return self._compiled(name)

    def body(self, name: str) -> Code:
        """Return code that runs the body of a function that a model stands for."""
        key = f"body_{name}"
        known: Code | None = self._globals.get(key)
        if known is None:
            modelled = self._globals.get(f"f_{name}")
            known = self._globals[key] = self._compiled(name)
            self._globals[f"f_{name}"] = modelled
        return known

    def _compiled(self, name: str) -> Code:
        compiled = self.program.function(name)
        table, names = self._globals, self.program.names
        for variable in compiled.globals:
            key = f"G{names.globals[variable]}"
            if key not in table:
                table[key] = self.address(variable)
        for function in compiled.addresses:
            key = f"P{names.functions[function]}"
            if key not in table:
                table[key] = self.variables.function_address(function)
        for callee in compiled.callees:
            table.setdefault(f"f_{callee}", self._stub(callee))
        for number, asm in enumerate(compiled.asms):
            key = f"X{number}_{name}"
            table[key] = self._asm_stub(key, asm)
        exec(compiled.code, table)
        linked: Code = table[f"f_{name}"]
        return linked

    def _stub(self, name: str) -> Code:
        def stub(*arguments: int) -> int | None:
            result: int | None = self.code(name)(*arguments)
            return result

        stub.stub = True  # type: ignore[attr-defined]
        return stub

    def _asm_stub(self, key: str, asm: ir.Asm) -> Code:
        def stub(*arguments: int) -> tuple[int, ...]:
            built = build(self, asm)
            self._globals[key] = built
            return built(*arguments)

        return stub

    def _leaving(self, name: str) -> Code:
        """Return code that calls the model of a function."""
        model = self.boundary.get(name)
        ctype = _function_type(self.unit, name)
        result = None if ctype is None else _passed(ctype.result)
        if model is None:
            model = builtin.BUILTINS.get(name)

        def leave(*arguments: int) -> int | None:
            coord = self.call_coord()
            if model is None:
                raise Unsupported(coord, f"call of '{name}', which is not modelled")
            target = 0
            if isinstance(result, Record):
                *inner, target = arguments
                arguments = tuple(inner)
            contents = self._contents(ctype, arguments)
            call = BoundaryCall(self, name, contents, coord, result)
            value = model(call)
            if value is None or result is None or isinstance(result, Void):
                return value
            if isinstance(result, Record):
                if target:
                    self.store(target, size_of(result), value, call.origin)
                return target
            return convert(value, result)

        return leave

    def _contents(
        self, ctype: Function | None, arguments: tuple[int, ...]
    ) -> tuple[int, ...]:
        """Replace addresses of struct arguments by what is there."""
        if ctype is None:
            return arguments
        values = list(arguments)
        for number, parameter in enumerate(ctype.parameters[: len(values)]):
            if isinstance(_passed(parameter), Record):
                values[number] = self.memory.load(values[number], size_of(parameter))
        return tuple(values)

    # ------------------------------------------------------------ while running

    def _enter(self, function: str, arguments: tuple[int, ...]) -> int | None:
        code = self.code(function)
        ctype = _function_type(self.unit, function)
        if ctype is None or (
            function not in self.unit.functions or function in self.override
        ):
            result: int | None = code(*arguments)
            return result
        if len(arguments) != len(ctype.parameters):
            msg = f"'{function}' takes {len(ctype.parameters)} arguments here"
            raise Unsupported(self.unit.functions[function].coord, msg)
        memory = self.memory
        values, frames = [], []
        for value, parameter in zip(arguments, ctype.parameters, strict=True):
            if isinstance(parameter, Record):
                copy = memory.frame(size_of(parameter))
                frames.append((copy, size_of(parameter)))
                memory.poke(copy, size_of(parameter), value)
                values.append(copy)
            else:
                values.append(convert(value, parameter))
        if isinstance(ctype.result, Record):
            size = size_of(ctype.result)
            target = memory.frame(size)
            frames.append((target, size))
            code(*values, target)
            result = memory.peek(target, size)
        else:
            result = code(*values)
        for base, size in frames:
            memory.drop(base, size)
        return result

    def _indirect(self, address: int, coord: int, *arguments: int) -> int | None:
        name = self.variables.function_at(address)
        where = self.program.names.coord_list[coord]
        if name is None:
            what = f"call through {address:#x}, which is no function"
            raise Fault("bad-call", what, where)
        ctype = _function_type(self.unit, name)
        count = len(arguments) - (
            ctype is not None and isinstance(ctype.result, Record)
        )
        if ctype is not None and not ctype.variadic and len(ctype.parameters) != count:
            what = f"call of '{name}' with {count} arguments"
            raise Fault("bad-call", what, where)
        self.stack.append(self.program.names.call(name, where))
        result: int | None = self.code(name)(*arguments)
        return result

    def _spill(self, rest: tuple[int, ...]) -> int:
        """Put variable arguments into memory; return their address."""
        memory = self.memory
        base = memory.frame(ARGUMENT_SLOT * len(rest))
        sizes = self.program.names.argument_sizes.get(self.call_coord())
        for number, value in enumerate(rest):
            # A size that is not known counts as the whole slot.
            size = ARGUMENT_SLOT if sizes is None else sizes[number - len(rest)]
            memory.store(base + ARGUMENT_SLOT * number, size, value)
        return base

    def _too_deep(self) -> NoReturn:
        function, coord = self.program.names.call_list[self.stack[-1]]
        msg = (
            f"calls nest deeper than {self.limits.depth}: "
            f"'{function}' recurses or the bound is too small"
        )
        raise BoundError(msg, coord)

    def _no_value(self) -> NoReturn:
        name, coord = self.program.names.call_list[self.stack[-1]]
        if name in self.unit.functions and name not in self.override:
            what = f"the value of '{name}', which returned none, is used"
            raise Fault("missing-return", what, coord)
        raise Unsupported(coord, f"the result of '{name}', which is not modelled")

    def _unsupported(self, number: int) -> NoReturn:
        for (coord, what), known in self.program.names.unsupported.items():
            if known == number:
                raise Unsupported(coord, what)
        raise AssertionError(number)

    # ------------------------------------------------------------- explaining

    def _origin(self, coord: Coord, stack: tuple[int, ...]) -> Origin:
        calls = self.program.names.call_list
        frames = tuple(Frame(*calls[site]) for site in reversed(stack))
        function = frames[0].function if frames else ""
        return Origin(coord, function, frames, self.recorder.touched(coord))


def _passed(ctype: CType) -> CType:
    """Return the type as which a value is passed: a struct of a scalar is one."""
    return scalar_of(ctype) or ctype


def _function_type(unit: ir.Unit, name: str) -> Function | None:
    definition = unit.functions.get(name)
    if definition is not None:
        types = tuple(parameter.type for parameter in definition.parameters)
        return Function(definition.result, types, definition.variadic)
    declared: CType | None = unit.declared.get(name)
    return declared if isinstance(declared, Function) else None
