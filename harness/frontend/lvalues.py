"""Places that expressions denote: locals, memory and bit-fields."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass, replace

from pycparser import c_ast

from harness.errors import ParseError, RefusedError
from harness.frontend.arithmetic_types import (
    CHAR,
    bit_field_type,
    promoted,
    scalar_of,
)
from harness.frontend.declarators import Declarators
from harness.frontend.folding import add_offset, binary, cast
from harness.frontend.literals import string_bytes
from harness.frontend.lowering import Aggregate, NotLowered, Value, Wrapped
from harness.frontend.scopes import FunctionName, GlobalVariable, LocalVariable
from harness.ir.layout import align_of, find_member, size_of
from harness.ir.nodes import (
    Asm,
    AsmOutput,
    Binary,
    BitField,
    CheckedIndex,
    Const,
    Copy,
    Expr,
    FrameAddress,
    FunctionAddress,
    Global,
    GlobalAddress,
    Load,
    LoadBits,
    Local,
    SetLocal,
    Store,
    StoreBits,
)
from harness.ir.types import Array, CType, Function, Integer, Pointer, Record, Void
from reference_model.coordinates import Coord

__all__ = [
    "BitsPlace",
    "LValues",
    "LocalPlace",
    "MemoryPlace",
    "Place",
    "RegisterPlace",
]


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A local; ``type`` is the static type, perhaps a struct of one scalar."""

    name: str
    type: CType


@dataclass(frozen=True, slots=True)
class MemoryPlace:
    """An object in memory; ``packed`` if its address may be any."""

    address: Expr
    type: CType
    volatile: bool = False
    packed: bool = False


@dataclass(frozen=True, slots=True)
class BitsPlace:
    """A bit-field."""

    address: Expr
    bits: BitField
    type: CType
    volatile: bool = False


@dataclass(frozen=True, slots=True)
class RegisterPlace:
    """A variable that an ``asm`` label binds to a machine register."""

    register: str
    type: CType


Place = LocalPlace | MemoryPlace | BitsPlace | RegisterPlace


class LValues(Declarators):
    """Lowers expressions that denote a place."""

    @abstractmethod
    def compound_literal(self, node: c_ast.CompoundLiteral) -> Value:
        """Lower a compound literal."""

    @abstractmethod
    def index(self, pointer: Expr, index: Expr, coord: Coord, op: str = "+") -> Expr:
        """Add ``index`` elements to a pointer."""

    # --------------------------------------------------------------------- denoting

    def place(self, node: c_ast.Node) -> Place:
        """Lower an expression that denotes a place."""
        if isinstance(node, c_ast.ID):
            return self._variable(node)
        if isinstance(node, c_ast.StructRef):
            return self._member(node)
        if isinstance(node, c_ast.ArrayRef):
            return self._element(node)
        if isinstance(node, c_ast.UnaryOp) and node.op == "*":
            return self._target(node)
        if isinstance(node, c_ast.Constant) and node.type == "string":
            return self._string(node)
        if isinstance(node, c_ast.CompoundLiteral):
            return self.in_memory(self.compound_literal(node), self.coord(node))
        return self.in_memory(self.value(node), self.coord(node))

    def in_memory(self, value: Value, coord: Coord) -> MemoryPlace:
        """Give a value a place in memory."""
        if isinstance(value, Aggregate):
            return MemoryPlace(value.address, value.type)
        ctype = value.type
        name = self.new_variable("t", ctype, True, coord)
        place = MemoryPlace(FrameAddress(name, self.pointer(ctype), coord), ctype)
        self.store(place, value, coord)
        return place

    def _variable(self, node: c_ast.ID) -> Place:
        coord = self.coord(node)
        if node.name in ("__func__", "__FUNCTION__", "__PRETTY_FUNCTION__"):
            return self.string_place(self.function.encode(), coord)
        symbol = self.require(node.name, coord)
        if isinstance(symbol, LocalVariable):
            if symbol.register and not symbol.name:
                return RegisterPlace(symbol.register, symbol.type)
            if not symbol.in_memory:
                return LocalPlace(symbol.name, symbol.type)
            address: Expr = FrameAddress(symbol.name, self.pointer(symbol.type), coord)
            return MemoryPlace(address, symbol.type, symbol.volatile)
        if isinstance(symbol, GlobalVariable):
            address = GlobalAddress(symbol.name, self.pointer(symbol.type), coord)
            return MemoryPlace(address, symbol.type, symbol.volatile)
        if isinstance(symbol, FunctionName):
            address = FunctionAddress(symbol.name, self.pointer(symbol.type), coord)
            return MemoryPlace(address, symbol.type)
        raise ParseError(f"'{node.name}' is not a variable", coord)

    def _target(self, node: c_ast.UnaryOp) -> Place:
        pointer = self.scalar(node.expr)
        return self.dereferenced(pointer, self.coord(node))

    def dereferenced(self, pointer: Expr, coord: Coord) -> MemoryPlace:
        """Return what a pointer points to."""
        ctype = pointer.type
        if not isinstance(ctype, Pointer):
            raise ParseError(f"value of type '{ctype}' is no pointer", coord)
        return MemoryPlace(pointer, ctype.target, ctype.volatile)

    def _element(self, node: c_ast.ArrayRef, beyond: bool = False) -> Place:
        coord = self.coord(node)
        base: Expr | None = None
        count = 0
        packed = False
        if isinstance(node.name, c_ast.StructRef | c_ast.ArrayRef):
            array = self.place(node.name)
            packed = isinstance(array, MemoryPlace) and array.packed
            if isinstance(array.type, Array):
                count = _bound(node.name, array.type)
            base = self.represented(self.load(array, coord), coord)
        else:
            base = self.scalar(node.name)
        subscript = self.scalar(node.subscript)
        if not isinstance(base.type, Pointer):
            base, subscript, count = subscript, base, 0
        if count and isinstance(subscript.type, Integer):
            last = count if beyond else count - 1
            known = isinstance(subscript, Const) and 0 <= subscript.value <= last
            if not known:
                ctype = promoted(subscript.type)
                index = cast(subscript, ctype)
                subscript = CheckedIndex(index, count, beyond, ctype, coord)
        place = self.dereferenced(self.index(base, subscript, coord), coord)
        return replace(place, packed=packed)

    @abstractmethod
    def represented(self, value: Value, coord: Coord) -> Expr:
        """Return the scalar expression of a value that is one."""

    def place_beyond(self, node: c_ast.Node) -> Place:
        """Lower what ``&`` is applied to: an element may be the one past the end."""
        if isinstance(node, c_ast.ArrayRef):
            return self._element(node, beyond=True)
        return self.place(node)

    def _member(self, node: c_ast.StructRef) -> Place:
        coord = self.coord(node.field)
        if node.type == "->":
            base: Place = self.dereferenced(self.scalar(node.name), coord)
        else:
            base = self.place(node.name)
        return self.member(base, node.field.name, coord)

    def member(self, base: Place, name: str, coord: Coord) -> Place:
        """Return the place of a member."""
        record = base.type
        if not isinstance(record, Record):
            raise ParseError(f"'{record}' has no member '{name}'", coord)
        found = find_member(record, name)
        if found is None:
            state = "" if record.size is not None else " (incomplete type)"
            raise RefusedError(f"'{record}' has no member '{name}'{state}", coord)
        if isinstance(base, LocalPlace):
            return LocalPlace(base.name, found.type)
        if not isinstance(base, MemoryPlace):
            raise NotLowered(f"member of a '{type(base).__name__}'", coord)
        member_volatile = _is_volatile_member(record, name)
        volatile = base.volatile or member_volatile
        pointer = self.pointer(found.type, volatile=volatile)
        address = add_offset(base.address, found.offset, pointer, coord)
        if found.bits is not None:
            return BitsPlace(address, found.bits, found.type, volatile)
        packed = base.packed or record.align < align_of(found.type)
        return MemoryPlace(address, found.type, volatile, packed)

    # ----------------------------------------------------------------------- strings

    def _string(self, node: c_ast.Constant) -> MemoryPlace:
        try:
            text = string_bytes(node.value)
        except ValueError as problem:
            raise NotLowered(str(problem), self.coord(node)) from None
        return self.string_place(text, self.coord(node))

    def string_place(self, text: bytes, coord: Coord) -> MemoryPlace:
        """Return the place of a string literal, which is a global.

        It is named after its content, so that the name does not depend on the
        order in which functions are lowered.
        """
        content = text + b"\0"
        name = f"string.{hashlib.sha256(content).hexdigest()[:12]}"
        ctype = Array(CHAR, len(content))
        if name not in self.shared.unit.globals:
            self.add_global(Global(name, ctype, True, coord, text=content))
        return MemoryPlace(GlobalAddress(name, self.pointer(ctype), coord), ctype)

    # ----------------------------------------------------------------------- reading

    def load(self, place: Place, coord: Coord) -> Value:
        """Read a place; arrays and functions become their address."""
        ctype = place.type
        if isinstance(place, RegisterPlace):
            return self._read_register(place, coord)
        if isinstance(place, BitsPlace):
            return self._load_bits(place, coord)
        if isinstance(ctype, Array) and isinstance(place, MemoryPlace):
            pointer = self.pointer(ctype.element, volatile=place.volatile)
            return cast(place.address, pointer)
        if isinstance(ctype, Function) and isinstance(place, MemoryPlace):
            return cast(place.address, self.pointer(ctype))
        scalar = scalar_of(ctype)
        if scalar is None:
            return self._load_unscalar(place, coord)
        if isinstance(place, LocalPlace):
            expr: Expr = Local(place.name, scalar, coord)
        else:
            volatile = place.volatile or _is_volatile_wrapper(ctype)
            expr = Load(place.address, scalar, coord, volatile, place.packed)
            if volatile:
                expr = self.temporary(expr)  # read once, in order
        return Wrapped(expr, ctype) if isinstance(ctype, Record) else expr

    def _load_unscalar(self, place: Place, coord: Coord) -> Value:
        ctype = place.type
        if isinstance(ctype, Record) and isinstance(place, MemoryPlace):
            return Aggregate(place.address, ctype)
        if isinstance(ctype, Void):
            return Const(0, ctype, coord)
        raise NotLowered(f"value of type '{ctype}'", coord)

    def _load_bits(self, place: BitsPlace, coord: Coord) -> Expr:
        assert isinstance(place.type, Integer)
        expr: Expr = LoadBits(place.address, place.bits, place.type, coord)
        if place.volatile:
            expr = self.temporary(expr)
        return cast(expr, bit_field_type(place.type, place.bits.width))

    def _read_register(self, place: RegisterPlace, coord: Coord) -> Expr:
        scalar = scalar_of(place.type)
        if scalar is None:
            raise NotLowered(f"register variable of type '{place.type}'", coord)
        name = self.new_variable("t", scalar, False, coord)
        output = AsmOutput("", "=r", scalar, local=name)
        template = f"mov %0, {place.register}"
        self.emit(Asm(template, (output,), (), (), coord, volatile=False))
        return Local(name, scalar, coord)

    # ----------------------------------------------------------------------- writing

    def store(self, place: Place, value: Value, coord: Coord) -> None:
        """Write a value, converted to the type of the place."""
        ctype = place.type
        scalar = scalar_of(ctype)
        if scalar is None:
            self._store_aggregate(place, value, coord)
            return
        expr = self.converted(value, ctype, coord)
        if isinstance(place, LocalPlace):
            self.emit(SetLocal(place.name, expr, coord))
        elif isinstance(place, BitsPlace):
            self.emit(StoreBits(place.address, place.bits, expr, coord))
        elif isinstance(place, MemoryPlace):
            kind = place.volatile, place.packed
            self.emit(Store(place.address, expr, scalar, coord, *kind))
        else:
            raise NotLowered(f"write of register '{place.register}'", coord)

    def _store_aggregate(self, place: Place, value: Value, coord: Coord) -> None:
        if not isinstance(place, MemoryPlace) or not isinstance(value, Aggregate):
            raise ParseError(f"cannot assign to type '{place.type}'", coord)
        if value.type is not place.type:
            raise ParseError(f"cannot assign '{value.type}' to '{place.type}'", coord)
        if value.address != place.address:
            size = size_of(value.type)
            self.emit(Copy(place.address, value.address, size, coord))

    def converted(self, value: Value, ctype: CType, coord: Coord) -> Expr:
        """Convert a value to the scalar that represents ``ctype``."""
        scalar = scalar_of(ctype)
        if isinstance(value, Wrapped):
            if value.type is not ctype:
                raise ParseError(f"cannot convert '{value.type}' to '{ctype}'", coord)
            return value.expr
        if isinstance(value, Aggregate) or scalar is None or isinstance(ctype, Record):
            raise ParseError(f"cannot convert '{value.type}' to '{ctype}'", coord)
        if isinstance(value.type, Void):
            raise ParseError("void value used", coord)
        return cast(value, scalar)

    # --------------------------------------------------------------------- addresses

    def address_of(self, place: Place, coord: Coord) -> Expr:
        """Return the address of a place."""
        if isinstance(place, MemoryPlace):
            return cast(
                place.address, self.pointer(place.type, volatile=place.volatile)
            )
        raise NotLowered(f"address of a {_describe(place)}", coord)

    def pinned(self, place: Place) -> Place:
        """Make sure that the address, used twice, is computed once."""
        if isinstance(place, MemoryPlace) and not _is_simple(place.address):
            return replace(place, address=self.temporary(place.address))
        if isinstance(place, BitsPlace) and not _is_simple(place.address):
            address = self.temporary(place.address)
            return BitsPlace(address, place.bits, place.type, place.volatile)
        return place

    def scaled(self, index: Expr, size: int, coord: Coord) -> Expr:
        """Return the byte distance of ``index`` elements."""
        unsigned = _is_unsigned(index, self.model.pointer_size)
        wide = cast(index, self.size_type if unsigned else self.ptrdiff)
        assert isinstance(wide.type, Integer)
        if size == 1:
            return wide
        return binary("*", wide, Const(size, wide.type, coord), wide.type, coord)


def _is_unsigned(expr: Expr, size: int) -> bool:
    """Tell an unsigned value of at least ``size`` bytes."""
    ctype = expr.type
    return isinstance(ctype, Integer) and ctype.size >= size and not ctype.signed


def _bound(node: c_ast.Node, ctype: Array) -> int:
    """Return how many elements an array that is part of an object has, or 0.

    What is no part of a larger object needs no check of its own: memory ends
    with it.  An array of one element may stand for a flexible one.
    """
    count = ctype.count or 0
    if isinstance(node, c_ast.StructRef) and count == 1:
        return 0
    return count


def _describe(place: Place) -> str:
    if isinstance(place, BitsPlace):
        return "bit-field"
    return "register variable" if isinstance(place, RegisterPlace) else "local"


def _is_simple(expr: Expr) -> bool:
    if isinstance(expr, Binary) and expr.op == "+":
        return isinstance(expr.right, Const) and _is_simple(expr.left)
    return isinstance(expr, Const | Local | FrameAddress | GlobalAddress)


def _is_volatile_member(record: Record, name: str) -> bool:
    for member in record.members:
        if member.name == name:
            return member.volatile
        inner = member.type
        if not member.name and isinstance(inner, Record) and find_member(inner, name):
            return member.volatile or _is_volatile_member(inner, name)
    return False


def _is_volatile_wrapper(ctype: CType) -> bool:
    return isinstance(ctype, Record) and ctype.members[0].volatile
