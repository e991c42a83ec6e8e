"""Labels of a function: which blocks control may jump into."""

from __future__ import annotations

from pycparser import c_ast

__all__ = ["blocks_around_labels", "entered"]


def entered(block: c_ast.Node) -> bool:
    """Tell whether a jump may lead into ``block`` past its beginning."""
    stack = list(block)
    while stack:
        node = stack.pop()
        if isinstance(node, c_ast.Label | c_ast.Case | c_ast.Default):
            return True
        if isinstance(node, c_ast.Switch):
            # Its own cases are reached from inside.
            stack.extend(_labels_in(node))
        else:
            stack.extend(node)
    return False


def _labels_in(node: c_ast.Node) -> list[c_ast.Node]:
    found, stack = [], list(node)
    while stack:
        inner = stack.pop()
        if isinstance(inner, c_ast.Label):
            found.append(inner)
        stack.extend(inner)
    return found


def blocks_around_labels(body: c_ast.Node) -> dict[str, frozenset[int]]:
    """Return the blocks (by identity) that each label of a function lies in."""
    found: dict[str, frozenset[int]] = {}
    stack = [(body, frozenset((id(body),)))]
    while stack:
        node, around = stack.pop()
        if isinstance(node, c_ast.Label):
            found[node.name] = around
        for child in node:
            stack.append((child, around | {id(child)}))
    return found
