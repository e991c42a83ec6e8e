"""Functions that note which of their lines run."""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import CodeType

__all__ = ["MARK", "marked"]

MARK = "mark"  # what generated code calls with the number of a line


def marked(text: str, file: str, number_of: Callable[[int], int]) -> CodeType:
    """Compile generated text with a mark before every statement.

    ``number_of`` turns a line of the text into the number that is marked.
    """
    tree = ast.parse(text, file)
    _Marking(number_of).visit(tree.body[0])
    return compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True)


class _Marking(ast.NodeTransformer):
    def __init__(self, number_of: Callable[[int], int]) -> None:
        self._number_of = number_of

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                setattr(node, block, [s for old in statements for s in self._pair(old)])
        return node

    def _pair(self, statement: ast.stmt) -> tuple[ast.stmt, ast.stmt]:
        number = ast.Constant(self._number_of(statement.lineno))
        call = ast.Call(ast.Name(MARK, ast.Load()), [number], [])
        return ast.copy_location(ast.Expr(call), statement), statement
