"""What all parts of lowering share: scopes, the output, names, coordinates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pycparser import c_ast

from harness.errors import RefusedError
from harness.frontend.arithmetic_types import integers
from harness.frontend.parser import Syntax
from harness.frontend.scopes import BrokenName, Declared, Scope, Symbol
from harness.ir.nodes import (
    Block,
    End,
    Expr,
    Global,
    Local,
    SetLocal,
    Statement,
    Unit,
    Variable,
)
from harness.ir.types import CType, Pointer, Record
from reference_model.coordinates import Coord

__all__ = ["Aggregate", "Lowering", "NotLowered", "Shared", "Value", "Wrapped"]


class NotLowered(Exception):  # noqa: N818 - becomes an Unsupported node
    """A construct that lowering does not model."""

    def __init__(self, what: str, coord: Coord) -> None:
        super().__init__(what)
        self.what = what
        self.coord = coord


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A struct that is represented by its only, scalar, member."""

    expr: Expr
    type: Record


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A struct or union in memory; ``fresh`` if nothing else refers to it."""

    address: Expr
    type: Record
    fresh: bool = False


Value = Expr | Wrapped | Aggregate


@dataclass(slots=True)
class Shared:
    """State of the translation unit."""

    unit: Unit
    syntax: Syntax
    file_scope: Scope = field(default_factory=Scope)
    types_by_node: dict[int, CType] = field(default_factory=dict)
    static_names: set[str] = field(default_factory=set)
    promises: dict[str, set[str]] = field(default_factory=dict)  # by function


class Lowering(ABC):
    """Lowers one function, or (with an empty name) what is at file scope."""

    def __init__(self, shared: Shared, function: str = "") -> None:
        self.shared = shared
        self.function = function
        self.scopes: list[Scope] = [shared.file_scope]
        self.out: list[Statement] = []
        self.dropped: list[Coord] = []  # of what a constant condition turns off
        self.variables: list[Variable] = []
        self.result: CType | None = None
        self.address_taken: frozenset[str] = frozenset()
        self.written: frozenset[str] = frozenset()
        # Declarations may be passed more than once: loops and labels around.
        self.repeated = 0
        self._used: set[str] = set()
        self._typeof: dict[int, Declared] = {}
        self.model = shared.unit.model
        self.integers = integers(self.model)
        self.size_type = self.integers[f"unsigned {self.model.ptrdiff}"]
        self.ptrdiff = self.integers[self.model.ptrdiff]
        # An integer of 64 bits.
        self.wide = self.integers[self.model.eight_bytes]
        self.uwide = self.integers[f"unsigned {self.model.eight_bytes}"]

    # ------------------------------------------------- parts defined further up

    @abstractmethod
    def value(self, node: c_ast.Node) -> Value:
        """Lower an expression to a value, emitting its side effects."""

    @abstractmethod
    def scalar(self, node: c_ast.Node) -> Expr:
        """Lower an expression that must be a scalar."""

    @abstractmethod
    def discard(self, node: c_ast.Node) -> None:
        """Lower an expression for its side effects only."""

    @abstractmethod
    def statement(self, node: c_ast.Node) -> None:
        """Lower a statement."""

    @abstractmethod
    def declaration(self, node: c_ast.Decl) -> None:
        """Lower a declaration inside a function."""

    # ---------------------------------------------------------------------- types

    def pointer(
        self, target: CType, *, const: bool = False, volatile: bool = False
    ) -> Pointer:
        """Return the type of a pointer to ``target``."""
        return Pointer(target, const, volatile, self.model.pointer_size)

    # ---------------------------------------------------------------- coordinates

    def coord(self, node: c_ast.Node) -> Coord:
        """Return the source coordinate of an AST node."""
        place = node.coord
        if place is None:
            return Coord(self.shared.unit.file, 0)
        return self.shared.syntax.places.coord(place.column)

    # --------------------------------------------------------------------- scopes

    @contextmanager
    def scope(self, block: c_ast.Node | None = None) -> Iterator[None]:
        """Open a block scope; variables in memory end with that of a ``block``."""
        scope = Scope(block=block)
        self.scopes.append(scope)
        try:
            yield
        finally:
            self.scopes.pop()
        if block is not None:
            self.end_scopes([scope], self.coord(block))

    def end_scopes(self, scopes: Iterable[Scope], coord: Coord) -> None:
        """End the lives of the variables of scopes that control leaves."""
        for scope in scopes:
            for name in scope.ending:
                self.emit(End(name, coord))

    def lookup(self, name: str) -> Symbol | None:
        """Find what an identifier stands for here."""
        for scope in reversed(self.scopes):
            symbol = scope.names.get(name)
            if symbol is not None:
                return symbol
        return None

    def require(self, name: str, coord: Coord) -> Symbol:
        """Find an identifier that must be declared."""
        symbol = self.lookup(name)
        if symbol is None:
            if name.startswith(("__builtin_", "__sync_", "__atomic_")):
                raise NotLowered(f"'{name}'", coord)
            raise RefusedError(f"'{name}' is not declared", coord)
        if isinstance(symbol, BrokenName):
            raise NotLowered(symbol.what, coord)
        return symbol

    def bind(self, name: str, symbol: Symbol) -> None:
        """Declare an identifier in the innermost scope."""
        self.scopes[-1].names[name] = symbol

    # --------------------------------------------------------------------- output

    def emit(self, statement: Statement) -> None:
        """Append a statement."""
        self.out.append(statement)

    @contextmanager
    def captured(self, into: list[Statement]) -> Iterator[list[Statement]]:
        """Send statements to ``into`` meanwhile."""
        outer, self.out = self.out, into
        try:
            yield into
        finally:
            self.out = outer

    @contextmanager
    def unevaluated(self) -> Iterator[None]:
        """Lower something only for its type; nothing of it remains."""
        count = len(self.variables)
        depth = len(self.scopes)
        dropped = len(self.dropped)
        try:
            with self.captured([]):
                yield
        finally:
            del self.variables[count:]
            del self.scopes[depth:]
            del self.dropped[dropped:]

    def turned_off(self, node: c_ast.Node) -> None:
        """Note the places of an operand that a constant keeps from being evaluated."""
        seen: set[tuple[str, int]] = set()
        left = [node]
        while left:
            part = left.pop()
            if part.coord is not None:
                coord = self.coord(part)
                if (coord.file, coord.line) not in seen:
                    seen.add((coord.file, coord.line))
                    self.dropped.append(coord)
            left += [child for _, child in part.children()]

    @staticmethod
    def block(statements: list[Statement], coord: Coord) -> Block:
        """Make a block."""
        return Block(tuple(statements), coord)

    # ------------------------------------------------------------------ variables

    def unique(self, name: str) -> str:
        """Return ``name``, or a variation not yet used in this function."""
        candidate, number = name, 1
        while candidate in self._used:
            number += 1
            candidate = f"{name}__{number}"
        self._used.add(candidate)
        return candidate

    def new_variable(
        self, name: str, ctype: CType, in_memory: bool, coord: Coord
    ) -> str:
        """Add a variable to the function and return its unique name."""
        unique = self.unique(name)
        self.variables.append(Variable(unique, ctype, in_memory, coord))
        return unique

    def temporary(self, expr: Expr) -> Local:
        """Keep the value of ``expr`` in a new local."""
        name = self.new_variable("t", expr.type, False, expr.coord)
        self.emit(SetLocal(name, expr, expr.coord))
        return Local(name, expr.type, expr.coord)

    def add_global(self, variable: Global) -> None:
        """Add a variable of static storage duration to the unit."""
        self.shared.unit.globals[variable.name] = variable

    # ------------------------------------------------------------------- attributes

    def coordinate_number(self, node: c_ast.Node) -> int:
        """Return the number under which the side table knows a node."""
        return -1 if node.coord is None else int(node.coord.column or 0)
