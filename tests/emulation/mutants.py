"""Break the IR, or the Python made of it, in one place."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from harness.execution.program import Compiled, Program, _compile, file_of
from harness.ir import nodes as ir
from harness.ir.types import Integer

__all__ = ["KINDS", "PYTHON", "Kind", "broken", "rewritten", "sites"]

Change = Callable[[Any], Any]  # a node -> what takes its place, None for no change

_NOTHING = object()  # takes the place of a statement that is dropped


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to break the IR."""

    name: str
    change: Change


def _drop(*types: type) -> Change:
    return lambda node: _NOTHING if isinstance(node, types) else None


def _call(node: Any) -> Any:
    return _NOTHING if isinstance(node, ir.Call) and node.result is None else None


def _binary(*operators: str, change: Callable[[ir.Binary], ir.Expr]) -> Change:
    def apply(node: Any) -> Any:
        if isinstance(node, ir.Binary) and node.op in operators:
            return change(node)
        return None

    return apply


def _barrier(node: Any) -> Any:
    found = isinstance(node, ir.Asm) and re.search(r"\bdsb|\bisb", node.template)
    return _NOTHING if found else None


def _local_tlbi(node: Any) -> Any:
    if isinstance(node, ir.Asm) and re.search(r"tlbi\s+\w+?is\b", node.template):
        template = re.sub(r"(tlbi\s+\w+?)is\b", r"\1", node.template)
        return replace(node, template=template)
    return None


def _further(node: ir.Binary) -> ir.Expr:
    right = node.right
    while isinstance(right, ir.Cast):
        right = right.operand
    value = right.value + 1 if isinstance(right, ir.Const) else 0
    return replace(node, right=ir.Const(value, node.right.type, node.coord))


def _sign(node: Any) -> Any:
    """Extend with the other sign, or without one."""
    if not isinstance(node, ir.Cast) or not isinstance(node.type, Integer):
        return None
    inner = getattr(node.operand, "type", None)
    if node.type.size != 8 or not isinstance(inner, Integer) or inner.size == 8:
        return None
    other = Integer("other", inner.size, not inner.signed)
    return replace(node, operand=ir.Cast(node.operand, other, node.coord))


def _narrower(node: Any) -> Any:
    if isinstance(node, (ir.LoadBits, ir.StoreBits)) and node.bits.width > 1:
        return replace(node, bits=replace(node.bits, width=node.bits.width - 1))
    return None


def _moved(node: Any) -> Any:
    if isinstance(node, (ir.LoadBits, ir.StoreBits)) and node.bits.offset:
        return replace(node, bits=replace(node.bits, offset=node.bits.offset - 1))
    return None


def _constant(node: Any) -> Any:
    if isinstance(node, ir.Const) and node.value > 1:
        return replace(node, value=node.value ^ 1)
    return None


def _other_branch(node: Any) -> Any:
    if isinstance(node, ir.If):
        return replace(node, then=node.otherwise, otherwise=node.then)
    return None


def _logical(node: Any) -> Any:
    if isinstance(node, ir.Logical):
        return replace(node, op="||" if node.op == "&&" else "&&")
    return None


_BOUNDS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}

KINDS = (
    Kind("dropped store", _drop(ir.Store, ir.StoreBits, ir.Copy)),
    Kind("dropped call", _call),
    Kind("dropped barrier", _barrier),
    Kind("local TLBI", _local_tlbi),
    Kind(
        "swapped operands",
        _binary("-", "<", ">", change=lambda n: replace(n, left=n.right, right=n.left)),
    ),
    Kind("wrong shift", _binary("<<", ">>", change=_further)),
    Kind("wrong extension", _sign),
    Kind("narrower bit-field", _narrower),
    Kind("moved bit-field", _moved),
    Kind("wrong constant", _constant),
    Kind(
        "wrong comparison",
        _binary(*_BOUNDS, change=lambda n: replace(n, op=_BOUNDS[n.op])),
    ),
    Kind("wrong branch", _other_branch),
    Kind("wrong connective", _logical),
    Kind("or for and", _binary("&", change=lambda n: replace(n, op="|"))),
)

# Pieces of generated Python, and what to make of them.
PYTHON = {
    "lost store": (r"^( +)st\d\(.*$", r"\1pass"),
    "wrong address": (r"\(v_(\w+) \+ (\d+) & ", r"(v_\1 + \2 + 8 & "),
    "wrong width of a load": (r"\bld8\(", "ld4("),
    "swapped arguments": (r"(\bf_\w+\()(v_\w+), (v_\w+)\b", r"\1\3, \2"),
}


class _Rewriting:
    """Rewrites the site number ``wanted`` of a kind."""

    def __init__(self, change: Change, wanted: int) -> None:
        self.change = change
        self.wanted = wanted
        self.found = 0

    def of(self, node: Any) -> Any:
        changed = self.change(node)
        if changed is not None:
            self.found += 1
            if self.found - 1 == self.wanted:
                return changed
        if isinstance(node, tuple):
            parts = [self.of(part) for part in node]
            return tuple(part for part in parts if part is not _NOTHING)
        if is_dataclass(node) and type(node).__module__.startswith("harness.ir"):
            if type(node).__module__ == "harness.ir.types":
                return node
            new = {}
            for field in fields(node):
                old = getattr(node, field.name)
                made = self.of(old) if field.name != "coord" else old
                if made is not old and made != old:
                    new[field.name] = made
            return replace(node, **new) if new else node  # type: ignore[type-var]
        return node


def sites(function: ir.FunctionDef, kind: Kind) -> int:
    """Count the places where a function can be broken like this."""
    rewriting = _Rewriting(kind.change, -1)
    rewriting.of(function.body)
    return rewriting.found


def rewritten(function: ir.FunctionDef, kind: Kind, site: int) -> ir.FunctionDef:
    """Break a function at one place."""
    return replace(function, body=_Rewriting(kind.change, site).of(function.body))


def broken(program: Program, function: str, kind: Kind | str, site: int) -> Program:
    """Return a program that differs in one place of one function.

    ``kind`` may name a change of the generated Python.
    """
    if isinstance(kind, str):
        made = _broken_python(program.function(function), kind, site)
    else:
        made = _compile(
            rewritten(program.unit.functions[function], kind, site), program.names
        )
    other = copy.copy(program)
    other._compiled = {**program._compiled, function: made}
    return other


def _broken_python(compiled: Compiled, kind: str, site: int) -> Compiled:
    pattern, new = PYTHON[kind]
    matches = list(re.finditer(pattern, compiled.text, re.MULTILINE))
    match = matches[site]
    text = compiled.text
    text = text[: match.start()] + match.expand(new) + text[match.end() :]
    code = compile(text, file_of(compiled.function.name), "exec", dont_inherit=True)
    return replace(compiled, text=text, code=code)
