"""Python text for IR statements: structured C becomes structured Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from harness.errors import Unsupported
from harness.execution.expression import Expressions, constant, width_of
from harness.execution.flow import completes, own_breaks, tail_breaks
from harness.execution.marking import NOTHING
from harness.ir import nodes as ir
from harness.ir.layout import size_of
from harness.ir.types import Record, Void
from reference_model.coordinates import Coord

__all__ = ["Statements", "Target", "is_memory"]


@dataclass(slots=True)
class Target:
    """Where Break and Continue of an enclosing statement go."""

    break_: Callable[[Coord], None]
    continue_: Callable[[Coord], None] | None = None  # None: the next one outwards


class Statements(Expressions):
    """Text of the body of one function, line by line."""

    lines: list[str]
    coords: list[Coord]

    def begin(self, function: ir.FunctionDef) -> None:
        """Start the text of a function."""
        self.lines = []
        self.coords = []
        self.asms: list[ir.Asm] = []
        self.loops: list[tuple[int, int, Coord]] = []
        self.callees: set[str] = set()
        self._function = function
        self._sizes = {
            variable.name: size_of(variable.type)
            for variable in (*function.parameters, *function.variables)
            if variable.in_memory
        }
        self._indent = 1
        self._targets: list[Target] = []
        self._leave = ""

    def emit(self, text: str, coord: Coord) -> None:
        """Append one line."""
        self.lines.append("    " * self._indent + text)
        self.coords.append(coord)

    # ------------------------------------------------------------- structure

    def body(self, leave: str) -> None:
        """Emit the function's body; ``leave`` frees its frame."""
        self._leave = leave
        block = self._function.body
        self._whole(block)
        self._end_of_function()

    def _whole(self, block: ir.Block) -> None:
        self._block(block)

    def _end_of_function(self) -> None:
        if self._leave:
            self.emit(self._leave, self._function.coord)
        self.emit("return None", self._function.coord)

    def _block(self, block: ir.Block) -> None:
        before = len(self.lines)
        for statement in block.statements:
            self._statement(statement)
        if len(self.lines) == before:
            self.emit("pass", block.coord)

    def _indented(self, block: ir.Block) -> None:
        self._indent += 1
        self._block(block)
        self._indent -= 1

    def _statement(self, statement: ir.Statement) -> None:
        try:
            self._dispatch(statement)
        except Unsupported as problem:
            coord = problem.coord or statement.coord
            self.emit(self.unsupported(coord, problem.what), coord)

    def _dispatch(self, s: ir.Statement) -> None:
        match s:
            case ir.SetLocal():
                self.emit(f"{self.local(s.name)} = {self.value(s.value)}", s.coord)
            case ir.Store():
                self._store(s)
            case ir.StoreBits():
                self._store_bits(s)
            case ir.Copy():
                target, source = self.value(s.target), self.value(s.source)
                where = self.names.coord(s.coord)
                self.emit(f"copy({target}, {source}, {s.size}, {where})", s.coord)
            case ir.ZeroMemory():
                where = self.names.coord(s.coord)
                text = f"clear({self.value(s.target)}, {s.size}, {where})"
                self.emit(text, s.coord)
            case ir.Begin() | ir.End() | ir.Freeze():
                self._life(s)
            case ir.Call():
                self._call(s)
            case ir.Asm():
                self._asm(s)
            case ir.Block():
                self._block(s)
            case ir.If():
                self._if(s)
            case ir.Loop():
                self._loop(s)
            case ir.Switch():
                self._switch(s)
            case ir.Break():
                self._break(s.coord)
            case ir.Continue():
                self._continue(s.coord, len(self._targets))
            case ir.Return():
                self._return(s)
            case ir.Goto():
                self._goto(s)
            case ir.Label():
                pass
            case ir.UnsupportedStatement():
                self.emit(self.unsupported(s.coord, s.what), s.coord)
            case _:
                _never(s)

    # ------------------------------------------------------ simple statements

    def _life(self, s: ir.Begin | ir.End | ir.Freeze) -> None:
        size = self._sizes.get(s.name)
        if size is None:
            # Reading a name that is not bound is an uninitialised read.
            name = self.local(s.name)
            self.emit(f"{name} = 0; del {name}", s.coord)
            return
        word = {ir.Begin: "begin", ir.End: "end", ir.Freeze: "freeze"}[type(s)]
        self.emit(f"{word}({self.frame(s.name)}, {size})", s.coord)

    def _store(self, s: ir.Store) -> None:
        width_of(s.type)
        size = size_of(s.type)
        address = self.value(s.address)
        if s.packed:
            text = f"store({address}, {size}, {self.value(s.value)}"
            self.emit(f"{text}, {self.names.coord(s.coord)})", s.coord)
            return
        if s.volatile and size > 1:
            address = f"aligned({address}, {size})"
        self._put(address, size, self.value(s.value), s.coord)

    def _put(self, address: str, size: int, value: str, coord: Coord) -> None:
        where = self.names.coord(coord)
        if size in (1, 2, 4, 8):
            self.emit(f"st{size}({address}, {value}, {where})", coord)
        else:
            self.emit(f"store({address}, {size}, {value}, {where})", coord)

    def _store_bits(self, s: ir.StoreBits) -> None:
        address, value, field = self.value(s.address), self.value(s.value), s.bits
        text = (
            f"stbits({address}, {field.unit_size}, {field.offset}, {field.width}, "
            f"{value}, {self.names.coord(s.coord)})"
        )
        self.emit(text, s.coord)

    def _call(self, s: ir.Call) -> None:
        arguments = [self.value(argument) for argument in s.arguments]
        sizes = tuple(size_of(argument.type) for argument in s.arguments)
        known = self.names.argument_sizes.setdefault(s.coord, sizes)
        if known != sizes:
            self.names.argument_sizes[s.coord] = None
        if isinstance(s.type, Record):
            result = "0" if s.result_address is None else self.value(s.result_address)
            arguments.append(result)
        self.emit("tick()", s.coord)
        if isinstance(s.function, str):
            self.callees.add(s.function)
            site = self.names.call(s.function, s.coord)
            self.emit(f"push({site})", s.coord)
            text = f"f_{s.function}({', '.join(arguments)})"
        else:
            address = self.value(s.function)
            where = self.names.coord(s.coord)
            parts = ", ".join([address, str(where), *arguments])
            text = f"indirect({parts})"
        if s.result is None:
            self.emit(text, s.coord)
        else:
            name = self.local(s.result)
            self.emit(f"{name} = {text}", s.coord)
            self.emit(f"if {name} is None: no_value()", s.coord)
        self.emit("pop()", s.coord)

    def _asm(self, s: ir.Asm) -> None:
        if s.goto_labels:
            raise Unsupported(s.coord, "asm goto")
        arguments = [str(self.names.coord(s.coord))]
        results: list[tuple[ir.AsmOutput, str]] = []
        for output in s.outputs:
            if is_memory(output.constraint):
                if output.address is None:
                    raise Unsupported(s.coord, "memory operand without an address")
                arguments.append(self.value(output.address))
                continue
            if "+" in output.constraint:
                arguments.append(self._current(output, s.coord))
            name = self.temporary()
            if output.local is not None:
                name = self.local(output.local)
            results.append((output, name))
        arguments += [self.value(operand.value) for operand in s.inputs]
        text = f"X{len(self.asms)}_{self._function.name}({', '.join(arguments)})"
        self.asms.append(s)
        if results:
            names = ", ".join(name for _, name in results)
            text = f"{names}{',' if len(results) == 1 else ''} = {text}"
        self.emit(text, s.coord)
        for output, name in results:
            if output.local is None and output.address is not None:
                size = size_of(output.type)
                self._put(self.value(output.address), size, name, s.coord)

    def _current(self, output: ir.AsmOutput, coord: Coord) -> str:
        if output.local is not None:
            return self.local(output.local)
        if output.address is None:
            raise Unsupported(coord, "asm operand without a place")
        return self.value(ir.Load(output.address, output.type, coord))

    def _return(self, s: ir.Return) -> None:
        result = self._function.result
        if s.value is None or isinstance(result, Void):
            if s.value is not None:
                self.emit(self.value(s.value), s.coord)
            if self._leave:
                self.emit(self._leave, s.coord)
            self.emit("return None", s.coord)
            return
        text = self.value(s.value)
        if isinstance(result, Record):
            where = self.names.coord(s.coord)
            self.emit(f"if r_: copy(r_, {text}, {size_of(result)}, {where})", s.coord)
            text = "r_"
        if self._leave:
            self.emit(f"r = {text}", s.coord)
            self.emit(self._leave, s.coord)
            text = "r"
        self.emit(f"return {text}", s.coord)

    # ---------------------------------------------------------------- control

    def _if(self, s: ir.If) -> None:
        known = constant(s.condition)
        if known is not None:
            self._block(s.then if known else s.otherwise)
            return
        self.emit(f"if {self.condition(s.condition)}:", s.coord)
        self._arm(s.then, s.coord)
        self.emit("else:", s.coord)
        self._arm(s.otherwise, s.coord)

    def _arm(self, arm: ir.Block, coord: Coord) -> None:
        """Emit an arm; that it is taken is noted, whether it has code or not."""
        self._indent += 1
        self.emit(NOTHING, coord)
        if arm.statements:
            self._block(arm)
        self._indent -= 1

    def _noted(self, condition: str, coord: Coord) -> None:
        """Emit an arm without code, in which only that it was taken is noted."""
        self.emit(f"{condition}:", coord)
        self._indent += 1
        self.emit(NOTHING, coord)
        self._indent -= 1

    def _loop(self, s: ir.Loop) -> None:
        first = len(self.lines)
        self.emit("for _ in ticks:", s.coord)

        def again(coord: Coord) -> None:
            saved, self._targets = self._targets, [*outer, Target(leave, None)]
            self._block(s.step)
            self._targets = saved
            self.emit("continue", coord)

        def leave(coord: Coord) -> None:
            self.emit("break", coord)

        outer = list(self._targets)
        self._targets.append(Target(leave, again))
        self._indented(s.body)
        self._indented(s.step)
        self._targets.pop()
        self.loops.append((first, len(self.lines), s.coord))

    def _goto(self, s: ir.Goto) -> None:
        raise Unsupported(s.coord, "goto")

    def _break(self, coord: Coord) -> None:
        if not self._targets:
            raise Unsupported(coord, "break outside of a loop")
        self._targets[-1].break_(coord)

    def _continue(self, coord: Coord, depth: int) -> None:
        """Emit Continue as seen from inside the first ``depth`` targets."""
        for target in reversed(self._targets[:depth]):
            if target.continue_ is not None:
                target.continue_(coord)
                return
        raise Unsupported(coord, "continue outside of a loop")

    def _switch(self, s: ir.Switch) -> None:
        inner, falls = False, False
        for number, (_, body) in enumerate(s.cases):
            inner |= own_breaks(body) > tail_breaks(body)
            falls |= number + 1 < len(s.cases) and completes(body)
        if not inner and not falls:
            self._switch_chain(s)
        else:
            self._switch_falling(s)

    def _chosen(self, s: ir.Switch, name: str) -> list[tuple[str, int]]:
        """Return (condition, case) in order of the cases."""
        tests = []
        for number, (ranges, _) in enumerate(s.cases):
            parts = [
                f"{name} == {low}" if low == high else f"{low} <= {name} <= {high}"
                for low, high in ranges
            ]
            if parts:
                tests.append((" or ".join(parts), number))
        return tests

    def _switch_chain(self, s: ir.Switch) -> None:
        """Emit a switch in which no case falls into the next."""
        name = self.temporary()
        self.emit(f"{name} = {self.value(s.value)}", s.coord)

        def nothing(coord: Coord) -> None:
            self.emit("pass", coord)

        self._targets.append(Target(nothing))
        word = "if"
        for test, number in self._chosen(s, name):
            if number == s.default:
                continue
            self.emit(f"{word} {test}:", s.coord)
            self._indented(s.cases[number][1])
            word = "elif"
        if s.default is not None:
            self.emit("else:" if word == "elif" else "if True:", s.coord)
            self._indented(s.cases[s.default][1])
        elif word == "elif":
            self._noted("else", s.coord)
        self._targets.pop()

    def _switch_falling(self, s: ir.Switch) -> None:
        """Emit a switch as a loop that runs once, cases guarded in order."""
        name, again = self.temporary(), self.temporary()
        self._choose(s, name, [str(i) for i in range(len(s.cases) + 1)])
        self.emit(f"{again} = False", s.coord)
        used = False

        def leave(coord: Coord) -> None:
            self.emit("break", coord)

        def onwards(coord: Coord) -> None:
            nonlocal used
            used = True
            self.emit(f"{again} = True", coord)
            self.emit("break", coord)

        self._entries(s, name, [str(i) for i in range(len(s.cases) + 1)])
        self.emit("while True:", s.coord)
        self._targets.append(Target(leave, onwards))
        self._indent += 1
        for number, (_, body) in enumerate(s.cases):
            self.emit(f"if {name} <= {number}:", s.coord)
            self._indented(body)
        self.emit("break", s.coord)
        self._indent -= 1
        self._targets.pop()
        if used:
            self.emit(f"if {again}:", s.coord)
            self._indent += 1
            self._continue(s.coord, len(self._targets))
            self._indent -= 1

    def _choose(self, s: ir.Switch, name: str, results: list[str]) -> None:
        """Set ``name`` to the result that belongs to the chosen case."""
        self.emit(f"{name} = {self.value(s.value)}", s.coord)
        other = results[len(s.cases) if s.default is None else s.default]
        text = other
        for test, number in reversed(self._chosen(s, name)):
            if number != s.default:
                text = f"{results[number]} if {test} else {text}"
        self.emit(f"{name} = {text}", s.coord)

    def _entries(self, s: ir.Switch, name: str, results: list[str]) -> None:
        """Note which case a switch goes to, where cases fall into others."""
        for number, result in enumerate(results):
            if number < len(s.cases) or s.default is None:
                self._noted(f"if {name} == {result}", s.coord)


def is_memory(constraint: str) -> bool:
    """Tell an asm constraint that only memory satisfies."""
    letters = constraint.lstrip("=+&%")
    return bool(letters) and all(letter in "mQoV" for letter in letters)


def _never(statement: object) -> NoReturn:
    raise AssertionError(f"unknown statement {statement!r}")
