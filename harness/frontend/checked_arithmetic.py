"""GCC's arithmetic that tells of an overflow: ``__builtin_add_overflow`` …"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pycparser import c_ast

from harness.errors import ParseError
from harness.frontend.arithmetic_types import BOOL
from harness.frontend.atomics import Atomics
from harness.frontend.folding import binary, cast, comparison
from harness.frontend.lowering import Value
from harness.frontend.lvalues import MemoryPlace
from harness.ir.types import CType, Integer
from reference_model.coordinates import Coord

__all__ = ["CheckedArithmetic"]

_NAME = re.compile(r"__builtin_(?:([su])(add|sub|mul)(l{0,2})|(add|sub|mul))_overflow")
_OPERATORS = {"add": "+", "sub": "-", "mul": "*"}
_EXACT = Integer("exact", 48, True)  # holds every result for 128-bit operands


class CheckedArithmetic(Atomics):
    """Lowers arithmetic in infinite precision, converted afterwards."""

    def checked_function(
        self, name: str
    ) -> Callable[[Sequence[c_ast.Node], Coord], Value] | None:
        """Return what lowers one of these functions, or None."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        op = _OPERATORS[match[2] or match[4]]
        ctype: Integer | None = None
        if match[1]:
            base = {"": "int", "l": "long", "ll": "long long"}[match[3]]
            ctype = self.integers[f"unsigned {base}" if match[1] == "u" else base]

        def lower(nodes: Sequence[c_ast.Node], coord: Coord) -> Value:
            return self._checked(op, ctype, nodes, coord)

        return lower

    def _checked(
        self, op: str, ctype: Integer | None, nodes: Sequence[c_ast.Node], coord: Coord
    ) -> Value:
        if len(nodes) != 3:
            raise ParseError("an overflow check takes three arguments", coord)
        operands = []
        for node in nodes[:2]:
            value = self.scalar(node)
            if not isinstance(value.type, Integer):
                raise ParseError("an overflow check takes integers", coord)
            operands.append(
                cast(value if ctype is None else cast(value, ctype), _EXACT)
            )
        place = self.pinned(self.dereferenced(self.scalar(nodes[2]), coord))
        assert isinstance(place, MemoryPlace)
        target: CType = place.type
        if not isinstance(target, Integer):
            raise ParseError("the result of an overflow check is no integer", coord)
        exact = self.temporary(binary(op, operands[0], operands[1], _EXACT, coord))
        result = self.temporary(cast(exact, target))
        self.store(place, result, coord)
        fits = comparison("!=", exact, cast(result, _EXACT), coord)
        return cast(fits, BOOL)
