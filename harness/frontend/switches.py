"""Switch statements: regular ones, and those with labels in odd places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pycparser import c_ast

from harness.errors import ParseError
from harness.frontend.arithmetic_types import INT
from harness.frontend.declarations import LocalDeclarations
from harness.frontend.folding import wrap
from harness.ir.nodes import Block, Const, Expr, Goto, Label, Statement, Switch
from reference_model.coordinates import Coord

__all__ = ["Switches"]

_Ranges = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Scattered:
    """A switch whose labels are found on the way through its body."""

    value: Expr
    number: int
    cases: list[tuple[_Ranges, Block]] = field(default_factory=list)
    default: Block | None = None


class Switches(LocalDeclarations):
    """Lowers switch statements."""

    break_depth = 0  # of the scopes around the loop or switch
    _switches = 0
    _scattered: _Scattered | None = None

    def _statement_Switch(self, node: c_ast.Switch) -> None:  # noqa: N802
        coord = self.coord(node)
        value = self.promote(self.scalar(node.cond), coord)
        outer, self._scattered = self._scattered, None
        depth, self.break_depth = self.break_depth, len(self.scopes)
        try:
            if _is_scattered(node.stmt):
                self._jumps(node, value, coord)
            else:
                self._regular(node, value, coord)
        finally:
            self._scattered = outer
            self.break_depth = depth

    def _regular(self, node: c_ast.Switch, value: Expr, coord: Coord) -> None:
        """Lower a switch whose cases follow each other in one block."""
        cases: list[tuple[_Ranges, Block]] = []
        default: int | None = None
        ranges: list[tuple[int, int]] = []
        items = _items(node.stmt)
        with self.scope(node.stmt):
            for number, item in enumerate(items):
                if not isinstance(item, c_ast.Case | c_ast.Default):
                    self.statement(item)
                    continue
                if isinstance(item, c_ast.Default):
                    default = len(cases)
                else:
                    ranges.append(self._case_range(item, value))
                if not item.stmts and number + 1 < len(items):
                    continue  # shares the statements of the next case
                cases.append((tuple(ranges), self._case_body(item)))
                ranges = []
        self.emit(Switch(value, tuple(cases), default, coord))

    def _case_range(self, node: c_ast.Case, value: Expr) -> tuple[int, int]:
        low, high = self.range_of(node.expr)
        return wrap(low, value.type), wrap(high, value.type)

    def _case_body(self, node: c_ast.Case | c_ast.Default) -> Block:
        with self.captured([]) as statements:
            for item in node.stmts or ():
                self.statement(item)
        return self.block(statements, self.coord(node))

    # ----------------------------------------------------- labels anywhere inside

    def _jumps(self, node: c_ast.Switch, value: Expr, coord: Coord) -> None:
        """Lower a switch as jumps to labels in its body."""
        self._switches += 1
        scattered = _Scattered(value, self._switches)
        end = f"<end of switch {scattered.number}>"
        self._scattered = scattered
        body: list[Statement] = []
        with self.captured(body), self.scope():
            self.statement(node.stmt)
        last = scattered.default or self.block([Goto(end, coord)], coord)
        cases = (*scattered.cases, ((), last))
        self.emit(Switch(value, cases, len(cases) - 1, coord))
        # Control enters the body by jumps only; a break in it leaves a switch.
        whole = (((0, 0),), self.block(body, coord))
        self.emit(Switch(Const(0, INT, coord), (whole,), None, coord))
        self.emit(Label(end, coord))

    def _statement_Case(self, node: c_ast.Case) -> None:  # noqa: N802
        coord, scattered = self.coord(node), self._scattered
        if scattered is None:
            raise ParseError("case label outside of a switch", coord)
        ranges = (self._case_range(node, scattered.value),)
        scattered.cases.append((ranges, self._place_label(scattered, coord)))
        for item in node.stmts or ():
            self.statement(item)

    def _statement_Default(self, node: c_ast.Default) -> None:  # noqa: N802
        coord, scattered = self.coord(node), self._scattered
        if scattered is None:
            raise ParseError("default label outside of a switch", coord)
        scattered.default = self._place_label(scattered, coord)
        for item in node.stmts or ():
            self.statement(item)

    def _place_label(self, scattered: _Scattered, coord: Coord) -> Block:
        """Put a label here; return the jump to it."""
        default = scattered.default is not None
        number = len(scattered.cases) + default
        label = f"<case {number} of switch {scattered.number}>"
        self.emit(Label(label, coord))
        return self.block([Goto(label, coord)], coord)


def _items(stmt: c_ast.Node) -> list[c_ast.Node]:
    if isinstance(stmt, c_ast.Compound):
        return list(stmt.block_items or ())
    return [stmt]


def _is_scattered(stmt: c_ast.Node) -> bool:
    """Tell whether a label of a switch lies elsewhere than between its cases."""
    started = False
    for item in _items(stmt):
        if isinstance(item, c_ast.Case | c_ast.Default):
            started = True
            if any(_has_case(inner) for inner in item.stmts or ()):
                return True
        elif _has_case(item) or (not started and not _only_declares(item)):
            return True
    return False


def _only_declares(node: c_ast.Node) -> bool:
    if isinstance(node, c_ast.Decl):
        return node.init is None or "static" in node.storage
    return isinstance(node, c_ast.Typedef)


def _has_case(node: c_ast.Node) -> bool:
    """Tell whether a case of the switch around is in ``node``."""
    if isinstance(node, c_ast.Case | c_ast.Default):
        return True
    inner: Iterator[c_ast.Node] = iter(node)
    if isinstance(node, c_ast.Switch):
        inner = iter((node.cond,))
    return any(_has_case(child) for child in inner)
