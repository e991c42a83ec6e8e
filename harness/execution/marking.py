"""Functions that note which of their lines run, and which way conditions go."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from enum import Enum
from types import CodeType

__all__ = ["MARK", "NOTHING", "Place", "marked"]

MARK = "mark"  # what generated code calls with the number of a line
NOTHING = "..."  # generated where an arm of an if begins


class Place(Enum):
    """What of a line is marked."""

    STATEMENT = "statement"
    PART = "part"  # of an expression, which may not be asked for
    OUTCOME = "outcome"  # one way that a condition goes


NumberOf = Callable[[int, Place], int]


def marked(text: str, file: str, number_of: NumberOf) -> CodeType:
    """Compile generated text with a mark before every statement.

    The arms of ``?:``, what ``&&`` and ``||`` may not ask, what their operands
    and truth values come to, and the arms of an ``if`` or a ``switch``, also those
    without code, are marked as well.
    ``number_of`` turns a line of the text into the number that is marked.
    """
    tree = ast.parse(text, file)
    _Marking(number_of).visit(tree.body[0])
    return compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True)


_TEMPORARY = re.compile(r"t\d+")


class _Marking(ast.NodeTransformer):
    def __init__(self, number_of: NumberOf) -> None:
        self._number_of = number_of

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                setattr(node, block, [s for old in statements for s in self._pair(old)])
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """Mark the arms of ``?:``, and what a truth value as a number comes to."""
        own = _is_own(node.test)
        is_choice = isinstance(node.test, ast.UnaryOp)
        self.generic_visit(node)
        if _is_truth(node.body) and _is_truth(node.orelse):
            if not own and not _is_gathered(node.test):
                node.test = self._outcome(node.test)
        elif is_choice:
            node.body = self._noted(node.body)
            node.orelse = self._noted(node.orelse)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Mark what operands of ``&&`` and ``||`` come to, if they are asked."""
        own = [_is_own(value) for value in node.values]
        self.generic_visit(node)
        if any(own):
            return node
        first, *others = node.values
        node.values = [self._outcome(first)]
        node.values += [self._noted(self._outcome(value)) for value in others]
        return node

    def _outcome(self, value: ast.expr) -> ast.expr:
        """Return a condition that marks its outcome and is as true as before."""
        true, false = (self._mark(value, Place.OUTCOME) for _ in range(2))
        held = ast.UnaryOp(ast.Not(), true)  # a mark gives None
        return ast.copy_location(ast.IfExp(value, held, false), value)

    def _noted(self, value: ast.expr) -> ast.expr:
        """Return an expression that marks its line and has the same value."""
        mark = self._mark(value, Place.PART)  # gives None
        return ast.copy_location(ast.BoolOp(ast.Or(), [mark, value]), value)

    def _mark(self, node: ast.expr | ast.stmt, place: Place) -> ast.expr:
        number = ast.Constant(self._number_of(node.lineno, place))
        return ast.Call(ast.Name(MARK, ast.Load()), [number], [])

    def _pair(self, statement: ast.stmt) -> tuple[ast.stmt, ast.stmt]:
        place = Place.OUTCOME if _is_nothing(statement) else Place.STATEMENT
        call = self._mark(statement, place)
        return ast.copy_location(ast.Expr(call), statement), statement


def _is_nothing(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and statement.value.value is ...
    )


def _is_own(value: ast.expr) -> bool:
    """Tell a question that is not asked by the C: for an object, or for a case."""
    match value:
        case ast.Call(func=ast.Name(id="related")):
            return True
        case ast.Compare(left=ast.Name(id=name)):
            return _TEMPORARY.fullmatch(name) is not None
        case ast.Compare(left=ast.Constant(), comparators=[ast.Name(id=name), _]):
            return _TEMPORARY.fullmatch(name) is not None
        case _:
            return False


def _is_gathered(value: ast.expr) -> bool:
    """Tell ``flag |= more``, where what is gathered holds or not by itself."""
    return isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr)


def _is_truth(value: ast.expr) -> bool:
    """Tell a constant that says no more than whether something holds."""
    return isinstance(value, ast.Constant) and value.value in (0, 1)
