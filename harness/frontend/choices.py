"""Operators that evaluate one operand or another: ``&&``, ``||``, ``?:``."""

from __future__ import annotations

from abc import abstractmethod

from pycparser import c_ast

from harness.frontend.arithmetic_types import INT, VOID
from harness.frontend.folding import cast, logical, negation, select, truth
from harness.frontend.gnulexer import ELVIS
from harness.frontend.lowering import Aggregate, NotLowered, Value, Wrapped
from harness.frontend.operators import Operators
from harness.ir.nodes import Block, Const, Expr, If, Local, SetLocal, Statement
from harness.ir.types import CType, Integer, Pointer, Record, Void
from reference_model.coordinates import Coord

__all__ = ["Choices"]

_Effects = tuple[list[Statement], list[Statement]]


class Choices(Operators):
    """Lowers choices: an operand with side effects goes under an If."""

    @abstractmethod
    def condition(self, node: c_ast.Node) -> Expr:
        """Lower a controlling expression; nonzero means true."""

    def _logical(self, node: c_ast.BinaryOp) -> Expr:
        coord = self.coord(node)
        left = self.condition(node.left)
        decisive = node.op == "||"
        if isinstance(left, Const) and bool(left.value) == decisive:
            self.turned_off(node.right)
            return Const(int(decisive), INT, coord)
        effects: list[Statement] = []
        with self.captured(effects):
            right = self.condition(node.right)
        if not effects:
            return logical(node.op, left, right, coord)
        if isinstance(left, Const):
            self.out += effects
            return truth(right)
        result = self.temporary(truth(left))
        effects.append(SetLocal(result.name, truth(right), coord))
        self._when(result, effects, not decisive, coord)
        return result

    def _discard_logical(self, node: c_ast.BinaryOp) -> None:
        left = self.condition(node.left)
        if isinstance(left, Const) and bool(left.value) == (node.op == "||"):
            self.turned_off(node.right)
            return
        effects: list[Statement] = []
        with self.captured(effects):
            self.discard(node.right)
        if effects:
            self._when(left, effects, node.op == "&&", self.coord(node))

    def _when(
        self, condition: Expr, statements: list[Statement], sense: bool, coord: Coord
    ) -> None:
        """Emit ``statements`` under a condition, or under its opposite."""
        if isinstance(condition, Const):
            if bool(condition.value) == sense:
                self.out += statements
            return
        test = condition if sense else negation(condition, coord)
        self.emit(If(test, self.block(statements, coord), Block((), coord), coord))

    # -------------------------------------------------------------------- choosing

    def _value_TernaryOp(self, node: c_ast.TernaryOp) -> Value:  # noqa: N802
        coord = self.coord(node)
        if isinstance(node.iftrue, c_ast.ID) and node.iftrue.name == ELVIS:
            return self._elvis(node, coord)
        condition = self.condition(node.cond)
        if isinstance(condition, Const):
            return self._chosen(node, bool(condition.value), coord)
        effects: _Effects = ([], [])
        with self.captured(effects[0]):
            then = self.value(node.iftrue)
        with self.captured(effects[1]):
            otherwise = self.value(node.iffalse)
        ctype = self.arms_type(then, otherwise, coord)
        return self._joined(condition, (then, otherwise), effects, ctype, coord)

    def _chosen(self, node: c_ast.TernaryOp, first: bool, coord: Coord) -> Value:
        """Lower the arm that a constant condition chooses."""
        live, dead = node.iftrue, node.iffalse
        if not first:
            live, dead = dead, live
        self.turned_off(dead)
        value = self.value(live)
        try:
            with self.unevaluated():
                other = self.value(dead)
        except NotLowered:
            return value  # the arm that is never taken may be anything
        ctype = self.arms_type(*((value, other) if first else (other, value)), coord)
        if isinstance(ctype, Integer | Pointer):
            return cast(self.represented(value, coord), ctype)
        return value if not isinstance(ctype, Void) else Const(0, VOID, coord)

    def _joined(
        self,
        condition: Expr,
        arms: tuple[Value, Value],
        effects: _Effects,
        ctype: CType,
        coord: Coord,
    ) -> Value:
        """Join two arms that were lowered apart."""
        if isinstance(ctype, Void):
            self._branch(condition, effects, coord)
            return Const(0, VOID, coord)
        if isinstance(arms[0], Aggregate):
            return self._joined_aggregates(condition, arms, effects, coord)
        then, otherwise = (self.represented(arm, coord) for arm in arms)
        if not isinstance(ctype, Record):
            then, otherwise = cast(then, ctype), cast(otherwise, ctype)
        if not effects[0] and not effects[1]:
            expr = select(condition, then, otherwise, then.type, coord)
        else:
            name = self.new_variable("t", then.type, False, coord)
            # Each arm at its own place: both have to be seen to run.
            effects[0].append(SetLocal(name, then, then.coord))
            effects[1].append(SetLocal(name, otherwise, otherwise.coord))
            self._branch(condition, effects, coord)
            expr = Local(name, then.type, coord)
        return Wrapped(expr, ctype) if isinstance(ctype, Record) else expr

    def _joined_aggregates(
        self,
        condition: Expr,
        arms: tuple[Value, Value],
        effects: _Effects,
        coord: Coord,
    ) -> Value:
        """Join two structs by joining their addresses."""
        then, otherwise = arms
        assert isinstance(then, Aggregate) and isinstance(otherwise, Aggregate)
        pointer = self.pointer(then.type)
        addresses = (cast(then.address, pointer), cast(otherwise.address, pointer))
        joined = self._joined(condition, addresses, effects, pointer, coord)
        fresh = then.fresh and otherwise.fresh
        return Aggregate(self.represented(joined, coord), then.type, fresh)

    def _branch(
        self,
        condition: Expr,
        effects: _Effects,
        coord: Coord,
    ) -> None:
        then, otherwise = (self.block(part, coord) for part in effects)
        if then.statements or otherwise.statements:
            self.emit(If(condition, then, otherwise, coord))

    def _elvis(self, node: c_ast.TernaryOp, coord: Coord) -> Value:
        """Lower ``a ?: b``, which evaluates ``a`` once."""
        value = self.scalar(node.cond)
        first = value if isinstance(value, Const) else self.temporary(value)
        if isinstance(first, Const) and first.value:
            self.turned_off(node.iffalse)
            with self.unevaluated():
                other = self.value(node.iffalse)
            ctype = self.arms_type(first, other, coord)
            return cast(first, ctype)
        effects: _Effects = ([], [])
        with self.captured(effects[1]):
            otherwise = self.value(node.iffalse)
        ctype = self.arms_type(first, otherwise, coord)
        if isinstance(first, Const):
            self.out += effects[1]
            return cast(self.represented(otherwise, coord), ctype)
        return self._joined(first, (first, otherwise), effects, ctype, coord)

    def _discard_choice(self, node: c_ast.TernaryOp) -> None:
        coord = self.coord(node)
        condition = self.condition(node.cond)
        elvis = isinstance(node.iftrue, c_ast.ID) and node.iftrue.name == ELVIS
        arms = ((node.iftrue, not elvis), (node.iffalse, True))
        effects: _Effects = ([], [])
        for number, (arm, present) in enumerate(arms):
            if isinstance(condition, Const) and bool(condition.value) == bool(number):
                if present:
                    self.turned_off(arm)
                continue
            with self.captured(effects[number]):
                if present:
                    self.discard(arm)
        if isinstance(condition, Const):
            self.out += effects[0] + effects[1]
        else:
            self._branch(condition, effects, coord)
