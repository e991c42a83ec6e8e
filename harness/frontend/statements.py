"""Statements: from the syntax tree to structured IR."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pycparser import c_ast

from harness.errors import ParseError, TreeError
from harness.frontend.arithmetic_types import scalar_of
from harness.frontend.folding import negation
from harness.frontend.lowering import Aggregate, NotLowered, Shared
from harness.frontend.lvalues import MemoryPlace
from harness.frontend.scopes import BrokenName
from harness.frontend.switches import Switches
from harness.ir.nodes import (
    Block,
    Break,
    Const,
    Continue,
    FrameAddress,
    Goto,
    If,
    Label,
    Loop,
    Return,
    Statement,
    UnsupportedStatement,
)
from harness.ir.types import Record, Void
from reference_model.coordinates import Coord

__all__ = ["Statements"]


class Statements(Switches):
    """Lowers statements."""

    continue_depth = 0  # of the scopes around the loop

    def __init__(self, shared: Shared, function: str = "") -> None:
        super().__init__(shared, function)
        self.label_blocks: dict[str, frozenset[int]] = {}
        self._labels: set[str] = set()

    def statement(self, node: c_ast.Node) -> None:
        """Lower a statement; what is not modelled becomes an Unsupported node."""
        lower: Callable[[Any], None] | None = getattr(
            self, f"_statement_{type(node).__name__}", None
        )
        depth = len(self.scopes)
        out = self.out
        try:
            if lower is not None:
                lower(node)
            else:
                self.discard(node)
        except NotLowered as problem:
            del self.scopes[depth:]
            self.out = out
            self.emit(UnsupportedStatement(problem.what, problem.coord))
            if isinstance(node, c_ast.Decl | c_ast.Typedef) and node.name:
                self.bind(node.name, BrokenName(problem.what))
        except TreeError as problem:
            raise ParseError(problem.message, self.coord(node)) from None

    def inside(self, node: c_ast.Node | None) -> Block:
        """Lower a statement to a block of its own."""
        if node is None:
            return Block((), Coord(self.shared.unit.file, 0))
        with self.captured([]) as statements, self.scope(node):
            self.statement(node)
        return self.block(statements, self.coord(node))

    # ------------------------------------------------------------------------- simple

    def _statement_Compound(self, node: c_ast.Compound) -> None:  # noqa: N802
        with self.scope(node):
            for item in node.block_items or ():
                self.statement(item)

    def _statement_EmptyStatement(self, node: c_ast.Node) -> None:  # noqa: N802
        pass

    def _statement_Pragma(self, node: c_ast.Node) -> None:  # noqa: N802
        pass

    def _statement_Decl(self, node: c_ast.Decl) -> None:  # noqa: N802
        self.declaration(node)

    def _statement_Typedef(self, node: c_ast.Typedef) -> None:  # noqa: N802
        self.typedef(node)

    def _statement_StaticAssert(self, node: c_ast.StaticAssert) -> None:  # noqa: N802
        self.static_assert(node)

    def _statement_Goto(self, node: c_ast.Goto) -> None:  # noqa: N802
        kept = self.label_blocks.get(node.name, frozenset())
        left = [scope for scope in self.scopes if id(scope.block) not in kept]
        self.end_scopes(left, self.coord(node))
        self.emit(Goto(node.name, self.coord(node)))

    def _statement_Label(self, node: c_ast.Label) -> None:  # noqa: N802
        if node.name in self._labels:
            # Perhaps one that __label__ declares in a block.
            raise NotLowered(f"second label '{node.name}'", self.coord(node))
        self._labels.add(node.name)
        self.emit(Label(node.name, self.coord(node)))
        self.statement(node.stmt)

    def _statement_Break(self, node: c_ast.Break) -> None:  # noqa: N802
        self.end_scopes(self.scopes[self.break_depth :], self.coord(node))
        self.emit(Break(self.coord(node)))

    def _statement_Continue(self, node: c_ast.Continue) -> None:  # noqa: N802
        self.end_scopes(self.scopes[self.continue_depth :], self.coord(node))
        self.emit(Continue(self.coord(node)))

    def _statement_Return(self, node: c_ast.Return) -> None:  # noqa: N802
        coord = self.coord(node)
        ctype = self.result
        if node.expr is None:
            self.emit(Return(None, coord))
            return
        value = self.value(node.expr)
        if ctype is None or isinstance(ctype, Void):
            self.emit(Return(None, coord))
        elif scalar_of(ctype) is not None:
            self.emit(Return(self.converted(value, ctype, coord), coord))
        elif isinstance(value, Aggregate) and value.type is ctype:
            self.emit(Return(value.address, coord))
        else:
            raise ParseError(f"return of '{value.type}' for '{ctype}'", coord)

    @contextmanager
    def _loop(self) -> Iterator[None]:
        """Lower what a loop repeats."""
        depths = self.break_depth, self.continue_depth
        self.break_depth = self.continue_depth = len(self.scopes)
        self.repeated += 1
        try:
            yield
        finally:
            self.repeated -= 1
            self.break_depth, self.continue_depth = depths

    # ---------------------------------------------------------------------- branches

    def _statement_If(self, node: c_ast.If) -> None:  # noqa: N802
        coord = self.coord(node)
        condition = self.condition(node.cond)
        if isinstance(condition, Const):
            live, dead = node.iftrue, node.iffalse
            if not condition.value:
                live, dead = dead, live
            if dead is None or not _has_label(dead):
                self._drop(dead)
                if live is not None:
                    with self.scope():
                        self.statement(live)
                return
        then = self.inside(node.iftrue)
        self.emit(If(condition, then, self.inside(node.iffalse), coord))

    def _drop(self, node: c_ast.Node | None) -> None:
        """Note the places of the statements that are left out."""
        match node:
            case None | c_ast.EmptyStatement():
                return
            case c_ast.Compound():
                for inner in node.block_items or ():
                    self._drop(inner)
            case c_ast.DoWhile():
                self._drop(node.stmt)
            case c_ast.If():
                self._drop(node.iftrue)
                self._drop(node.iffalse)
            case c_ast.While() | c_ast.For() | c_ast.Switch() | c_ast.Case():
                for _, inner in node.children():
                    self._drop(inner)
            case _:
                self.dropped.append(self.coord(node))

    def _exit_unless(self, node: c_ast.Node | None) -> None:
        """Leave the loop unless the condition holds."""
        if node is None:
            return
        condition = self.condition(node)
        if isinstance(condition, Const) and condition.value:
            return
        coord = self.coord(node)
        leave = self.block([Break(coord)], coord)
        self.emit(If(negation(condition, coord), leave, Block((), coord), coord))

    def _statement_While(self, node: c_ast.While) -> None:  # noqa: N802
        coord = self.coord(node)
        with self.captured([]) as body, self._loop(), self.scope():
            self._exit_unless(node.cond)
            self.statement(node.stmt)
        self.emit(Loop(self.block(body, coord), Block((), coord), coord))

    def _statement_DoWhile(self, node: c_ast.DoWhile) -> None:  # noqa: N802
        coord = self.coord(node)
        with self.captured([]) as step, self._loop():
            self._exit_unless(node.cond)
        only_break = len(step) == 1 and _always_breaks(step[0])
        if only_break and not _binds_jump(node.stmt):
            with self.scope():
                self.statement(node.stmt)  # do … while (0) of a macro
            return
        with self._loop():
            body = self.inside(node.stmt)
        self.emit(Loop(body, self.block(step, coord), coord))

    def _statement_For(self, node: c_ast.For) -> None:  # noqa: N802
        coord = self.coord(node)
        with self.scope(node):
            if isinstance(node.init, c_ast.DeclList):
                for item in node.init.decls:
                    self.statement(item)
            elif node.init is not None:
                self.discard(node.init)
            with self.captured([]) as body, self._loop(), self.scope():
                self._exit_unless(node.cond)
                self.statement(node.stmt)
            with self.captured([]) as step, self._loop():
                if node.next is not None:
                    self.discard(node.next)
            self.emit(Loop(self.block(body, coord), self.block(step, coord), coord))

    def _statement_AttributedStatement(  # noqa: N802
        self, node: c_ast.AttributedStatement
    ) -> None:
        self.statement(node.stmt)

    # ----------------------------------------------------------------- initialisation

    def initialise_local(
        self, name: str, ctype: Record, node: c_ast.Node, coord: Coord
    ) -> None:
        """Initialise a struct in memory from an expression, without a copy of it."""
        address = FrameAddress(name, self.pointer(ctype), coord)
        literal = isinstance(node, c_ast.CompoundLiteral)
        if literal and self.type_name(node.type) is ctype:
            leaves, _ = self.leaves(ctype, node.init)
            self.initialise_memory(address, ctype, leaves, coord)
            return
        if isinstance(node, c_ast.FuncCall):
            value = self.call(node, used=True, into=address)
        else:
            value = self.value(node)
        self.store(MemoryPlace(address, ctype), value, coord)


def _children(node: c_ast.Node) -> Iterable[c_ast.Node]:
    return (child for _, child in node.children())


def _has_label(node: c_ast.Node) -> bool:
    """Tell whether control can jump into ``node``."""
    if isinstance(node, c_ast.Label | c_ast.Case | c_ast.Default):
        return True
    return any(_has_label(child) for child in _children(node))


def _binds_jump(node: c_ast.Node, in_switch: bool = False) -> bool:
    """Tell whether a break or continue in ``node`` belongs to the loop around."""
    if isinstance(node, c_ast.Continue):
        return True
    if isinstance(node, c_ast.Break):
        return not in_switch
    if isinstance(node, c_ast.While | c_ast.DoWhile | c_ast.For):
        return False
    in_switch = in_switch or isinstance(node, c_ast.Switch)
    return any(_binds_jump(child, in_switch) for child in _children(node))


def _always_breaks(statement: Statement) -> bool:
    return (
        isinstance(statement, If)
        and isinstance(statement.condition, Const)
        and statement.condition.value != 0
    )
