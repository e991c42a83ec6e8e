"""Find the variables of a function whose address is taken."""

from __future__ import annotations

from pycparser import c_ast

from harness.frontend.attributes import SideTable
from harness.frontend.calls import is_memory_constraint
from harness.frontend.gnulexer import ASM_CALL

__all__ = ["address_taken", "written"]


def address_taken(body: c_ast.Node, side: SideTable) -> frozenset[str]:
    """Return the names that may denote a variable whose address is taken.

    Names, not variables: one that is hidden by another of the same name
    merely lives in memory without need.
    """
    names: set[str] = set()
    stack = [body]
    while stack:
        node = stack.pop()
        if isinstance(node, c_ast.UnaryOp) and node.op == "&":
            _add_root(node.expr, names)
        elif isinstance(node, c_ast.FuncCall) and _is_asm(node):
            text = side.asm[node.coord.column]
            operands = zip(text.operands, node.args.exprs, strict=True)
            for (_, constraint), operand in operands:
                if is_memory_constraint(constraint):
                    _add_root(operand, names)
        stack.extend(node)
    return frozenset(names)


def written(body: c_ast.Node, side: SideTable) -> frozenset[str]:
    """Return the names of what is assigned to, or set by an asm statement."""
    names: set[str] = set()
    stack = [body]
    while stack:
        node = stack.pop()
        if isinstance(node, c_ast.Assignment):
            _add_root(node.lvalue, names)
        elif isinstance(node, c_ast.FuncCall) and _is_asm(node):
            for operand in node.args.exprs[: side.asm[node.coord.column].outputs]:
                _add_root(operand, names)
        stack.extend(node)
    return frozenset(names)


def _is_asm(node: c_ast.FuncCall) -> bool:
    name = node.name
    return (
        isinstance(name, c_ast.ID) and name.name == ASM_CALL and node.args is not None
    )


def _add_root(node: c_ast.Node, names: set[str]) -> None:
    # What a pointer leads to is not the pointer; an array is in memory anyway.
    while isinstance(node, c_ast.StructRef) and node.type == ".":
        node = node.name
    if isinstance(node, c_ast.ID):
        names.add(node.name)
