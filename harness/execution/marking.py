"""Functions that note which of their lines run."""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import CodeType

__all__ = ["MARK", "marked"]

MARK = "mark"  # what generated code calls with the number of a line


def marked(text: str, file: str, number_of: Callable[[int, bool], int]) -> CodeType:
    """Compile generated text with a mark before every statement.

    The arms of ``?:`` and what ``&&`` and ``||`` may not ask are marked as well.
    ``number_of`` turns a line of the text into the number that is marked; True
    is given for a part of a line.
    """
    tree = ast.parse(text, file)
    _Marking(number_of).visit(tree.body[0])
    return compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True)


class _Marking(ast.NodeTransformer):
    def __init__(self, number_of: Callable[[int, bool], int]) -> None:
        self._number_of = number_of

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                setattr(node, block, [s for old in statements for s in self._pair(old)])
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """Mark the arms of ``?:``; a truth value as a number has none."""
        self.generic_visit(node)
        is_choice = isinstance(node.test, ast.UnaryOp)
        if is_choice and not (_is_truth(node.body) and _is_truth(node.orelse)):
            node.body = self._noted(node.body)
            node.orelse = self._noted(node.orelse)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Mark the right operands of ``&&`` and ``||``, which may not be asked."""
        self.generic_visit(node)
        node.values[1:] = [self._noted(value) for value in node.values[1:]]
        return node

    def _noted(self, value: ast.expr) -> ast.expr:
        """Return an expression that marks its line and has the same value."""
        number = ast.Constant(self._number_of(value.lineno, True))
        mark = ast.Call(ast.Name(MARK, ast.Load()), [number], [])  # gives None
        return ast.copy_location(ast.BoolOp(ast.Or(), [mark, value]), value)

    def _pair(self, statement: ast.stmt) -> tuple[ast.stmt, ast.stmt]:
        number = ast.Constant(self._number_of(statement.lineno, False))
        call = ast.Call(ast.Name(MARK, ast.Load()), [number], [])
        return ast.copy_location(ast.Expr(call), statement), statement


def _is_truth(value: ast.expr) -> bool:
    """Tell a constant that says no more than whether something holds."""
    return isinstance(value, ast.Constant) and value.value in (0, 1)
