"""Python text for functions with ``goto``.

Such a function becomes a dispatcher: its outer statements are cut into
numbered blocks, and a jump sets ``pc`` and starts over; statements that no
jump enters or leaves stay structured inside a block.
"""

from __future__ import annotations

from harness.errors import Unsupported
from harness.execution.flow import flat
from harness.execution.marking import NOTHING
from harness.execution.statement import Statements, Target
from harness.ir import nodes as ir
from harness.ir.walk import walk
from reference_model.coordinates import Coord

__all__ = ["Jumps"]


class Jumps(Statements):
    """Text of the body of a function that may jump."""

    def begin(self, function: ir.FunctionDef) -> None:
        """Start the text of a function."""
        super().begin(function)
        self._labels: dict[str, int] = {}
        self._blocks = 0

    def _whole(self, block: ir.Block) -> None:
        if any(isinstance(part, ir.Goto) for part in walk(block)):
            self._dispatcher(block)
        else:
            self._block(block)

    def _goto(self, s: ir.Goto) -> None:
        if s.label not in self._labels:
            raise Unsupported(s.coord, f"goto to unknown label '{s.label}'")
        self._jump(self._labels[s.label], s.coord)

    def _jump(self, block: int, coord: Coord) -> None:
        self.emit(f"pc = {block}", coord)
        self.emit("continue", coord)

    def _new(self) -> int:
        self._blocks += 1
        return self._blocks

    def _start(self, block: int, coord: Coord) -> None:
        """End the current block, falling into a new one."""
        self.emit(f"pc = {block}", coord)
        self._indent -= 1
        self.emit(f"if pc == {block}:", coord)
        self._indent += 1

    def _dispatcher(self, block: ir.Block) -> None:
        for part in walk(block):
            if isinstance(part, ir.Label):
                self._labels[part.name] = self._new()
        first = len(self.lines)
        self.emit("pc = 0", block.coord)
        self.emit("for _ in ticks:", block.coord)
        self._indent += 1
        self.emit("if pc == 0:", block.coord)
        self._indent += 1
        self._flatten(block)
        self.emit("break", block.coord)
        self._indent -= 2
        self.loops.append((first, len(self.lines), block.coord))

    def _flatten(self, s: ir.Statement) -> None:
        if not flat(s):
            self._statement(s)
            return
        match s:
            case ir.Block():
                for statement in s.statements:
                    self._flatten(statement)
            case ir.Label():
                self._start(self._labels[s.name], s.coord)
            case ir.If():
                self._flat_if(s)
            case ir.Loop():
                self._flat_loop(s)
            case ir.Switch():
                self._flat_switch(s)
            case _:
                self._statement(s)

    def _target(self, leave: int, again: int | None = None) -> Target:
        def break_(coord: Coord) -> None:
            self._jump(leave, coord)

        if again is None:
            return Target(break_)
        onwards = again

        def continue_(coord: Coord) -> None:
            self._jump(onwards, coord)

        return Target(break_, continue_)

    def _branch(self, condition: str, block: int, coord: Coord) -> None:
        self.emit(f"if {condition}:", coord)
        self._indent += 1
        self._jump(block, coord)
        self._indent -= 1

    def _flat_if(self, s: ir.If) -> None:
        otherwise, end = self._new(), self._new()
        self._branch(f"not {self.condition(s.condition)}", otherwise, s.coord)
        self.emit(NOTHING, s.coord)
        self._flatten(s.then)
        self._jump(end, s.coord)
        self._start(otherwise, s.coord)
        self.emit(NOTHING, s.coord)
        self._flatten(s.otherwise)
        self._start(end, s.coord)

    def _flat_loop(self, s: ir.Loop) -> None:
        head, step, end = self._new(), self._new(), self._new()
        self._start(head, s.coord)
        self._targets.append(self._target(end, step))
        self._flatten(s.body)
        self._start(step, s.coord)
        self._flatten(s.step)
        self._targets.pop()
        self._jump(head, s.coord)
        self._start(end, s.coord)

    def _flat_switch(self, s: ir.Switch) -> None:
        blocks = [self._new() for _ in s.cases]
        end, name = self._new(), self.temporary()
        results = [str(block) for block in [*blocks, end]]
        self._choose(s, name, results)
        self._entries(s, name, results)
        self.emit(f"pc = {name}", s.coord)
        self.emit("continue", s.coord)
        self._targets.append(self._target(end))
        for number, (_, body) in enumerate(s.cases):
            self._start(blocks[number], s.coord)
            self._flatten(body)
        self._targets.pop()
        self._start(end, s.coord)
