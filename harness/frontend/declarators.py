"""Types: from specifiers and declarators of the syntax tree to CType."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

from pycparser import c_ast

from harness.errors import ParseError, RefusedError
from harness.frontend.arithmetic_types import (
    INT,
    VOID,
    basic_type,
    enum_type,
    in_range,
)
from harness.frontend.attributes import Attribute
from harness.frontend.folding import constant
from harness.frontend.lowering import Lowering, NotLowered
from harness.frontend.preprocess import PROBE_FILE
from harness.frontend.record_layout import Field, lay_out
from harness.frontend.scopes import Declared, TypedefName
from harness.ir.nodes import Const
from harness.ir.types import Array, CType, Function, Integer, Record
from reference_model.coordinates import Coord

__all__ = ["ANONYMOUS", "Declarators"]

ANONYMOUS = "<anonymous>"

_MODES = {"QI": 1, "HI": 2, "SI": 4, "DI": 8, "TI": 16}
_BY_SIZE = {1: "char", 2: "short", 4: "int", 16: "__int128"}
_UNMODELLED = frozenset(
    ("vector_size", "scalar_storage_order", "ms_struct", "alias", "ifunc", "naked")
)


class Declarators(Lowering):
    """Builds types."""

    @abstractmethod
    def type_of(self, node: c_ast.Node) -> CType:
        """Return the type of an expression without evaluating it."""

    # ------------------------------------------------------------------ attributes

    def attributes(self, node: c_ast.Node) -> list[Attribute]:
        """Return the attributes kept for the token a node is placed at."""
        number = self.coordinate_number(node)
        return self.shared.syntax.side.attributes.get(number, [])

    def alignment(self, attributes: Iterable[Attribute], coord: Coord) -> int:
        """Return what ``aligned`` asks for, or 0."""
        result = 0
        for attribute in attributes:
            if attribute.name == "aligned":
                result = max(result, self._aligned(attribute, coord))
            elif attribute.name in _UNMODELLED:
                raise NotLowered(f"attribute '{attribute.name}'", coord)
        return result

    def _aligned(self, attribute: Attribute, coord: Coord) -> int:
        if not attribute.arguments:
            return self.model.widest_alignment
        node = self.shared.syntax.side.expression(attribute.arguments)
        value = self.constant_value(node) if node is not None else 0
        if value <= 0 or value & (value - 1):
            raise ParseError("alignment is not a power of two", coord)
        return value

    # ------------------------------------------------------------------- constants

    def constant_value(self, node: c_ast.Node) -> int:
        """Evaluate an integer constant expression."""
        value = self.maybe_constant(node)
        if value is None:
            raise ParseError("expression is not constant", self.coord(node))
        return value

    def maybe_constant(self, node: c_ast.Node) -> int | None:
        """Evaluate an expression, or return None if it is not constant."""
        with self.unevaluated():
            value = self.value(node)
        return value.value if isinstance(value, Const) else None

    # ----------------------------------------------------------------------- types

    def type_name(self, node: c_ast.Node) -> CType:
        """Return the type of a type name or declaration."""
        return self.declared(node).type

    def declared(self, node: c_ast.Node) -> Declared:
        """Build the type of a declaration, a declarator or a type name."""
        if isinstance(node, c_ast.Decl | c_ast.Typename | c_ast.Typedef):
            return self.declared(node.type)
        if isinstance(node, c_ast.TypeDecl):
            base = self._specified(node.type)
            return self._qualified(base, node.quals or ())
        if isinstance(node, c_ast.PtrDecl):
            target = self.declared(node.type)
            pointer = self.pointer(
                target.type, const=target.const, volatile=target.volatile
            )
            return self._qualified(Declared(pointer), node.quals or ())
        if isinstance(node, c_ast.ArrayDecl):
            element = self.declared(node.type)
            count = None if node.dim is None else self._dimension(node.dim)
            array = Array(element.type, count)
            return Declared(array, element.const, element.volatile, element.align)
        if isinstance(node, c_ast.FuncDecl):
            return Declared(self._function_type(node))
        return self._specified(node)

    @staticmethod
    def _qualified(base: Declared, quals: Iterable[str]) -> Declared:
        names = tuple(quals)
        if not names:
            return base
        const = base.const or "const" in names
        volatile = base.volatile or "volatile" in names
        return Declared(base.type, const, volatile, base.align)

    def _dimension(self, node: c_ast.Node) -> int:
        count = self.maybe_constant(node)
        if count is None:
            raise NotLowered("array of variable length", self.coord(node))
        if count < 0:
            raise ParseError("array of negative size", self.coord(node))
        return count

    def _function_type(self, node: c_ast.FuncDecl) -> Function:
        result = self.type_name(node.type)
        parameters: list[CType] = []
        variadic = node.args is None  # no prototype: takes anything
        for parameter in node.args.params if node.args else ():
            if isinstance(parameter, c_ast.EllipsisParam):
                variadic = True
                continue
            if isinstance(parameter, c_ast.ID):
                raise NotLowered("function in the old style", self.coord(node))
            ctype = self.adjusted(self.declared(parameter).type)
            if ctype != VOID:
                parameters.append(ctype)
        return Function(result, tuple(parameters), variadic)

    def adjusted(self, ctype: CType) -> CType:
        """Turn a parameter's array or function type into a pointer."""
        if isinstance(ctype, Array):
            return self.pointer(ctype.element)
        return self.pointer(ctype) if isinstance(ctype, Function) else ctype

    # ------------------------------------------------------------------ specifiers

    def _specified(self, node: c_ast.Node) -> Declared:
        """Return the type that declaration specifiers mean."""
        if isinstance(node, c_ast.IdentifierType):
            return self._named(node)
        if isinstance(node, c_ast.TypeOf):
            return self._typeof_type(node)
        if isinstance(node, c_ast.Typename):
            return self.declared(node)
        if isinstance(node, c_ast.Struct | c_ast.Union):
            return Declared(self._record(node))
        if isinstance(node, c_ast.Enum):
            return Declared(self._enum(node))
        raise NotLowered(f"type '{type(node).__name__}'", self.coord(node))

    def _named(self, node: c_ast.IdentifierType) -> Declared:
        if len(node.names) == 1:
            name = node.names[0]
            symbol = self.lookup(name)
            if isinstance(symbol, TypedefName):
                return symbol.declared
            if symbol is not None:
                self.require(name, self.coord(node))
        basic = basic_type(node.names, self.model)
        if basic is None:
            raise NotLowered(f"type '{' '.join(node.names)}'", self.coord(node))
        return Declared(basic)

    def _typeof_type(self, node: c_ast.TypeOf) -> Declared:
        known = self._typeof.get(id(node))
        if known is None:
            if isinstance(node.expr, c_ast.Typename):
                known = self.declared(node.expr)
            else:
                known = Declared(self.type_of(node.expr))
            self._typeof[id(node)] = known
        return known

    # ---------------------------------------------------------- structs and unions

    def _record(self, node: c_ast.Struct | c_ast.Union) -> Record:
        known = self.shared.types_by_node.get(id(node))
        if isinstance(known, Record):
            return known
        kind = "struct" if isinstance(node, c_ast.Struct) else "union"
        record = self._tagged(kind, node.name, node.decls is not None)
        if node.decls is not None:
            if record.size is not None:
                raise ParseError(f"'{record}' is defined twice", self.coord(node))
            attributes = self.attributes(node)
            packed = any(a.name == "packed" for a in attributes)
            align = self.alignment(attributes, self.coord(node))
            limit = self.shared.syntax.places.pack(self.coordinate_number(node))
            lay_out(record, self._fields(node.decls), packed, align, limit)
        self.shared.types_by_node[id(node)] = record
        return record

    def _tagged(self, kind: str, name: str | None, defining: bool) -> Record:
        """Find the record of a tag, or declare it in this scope."""
        if name is None:
            return Record(kind, ANONYMOUS)
        key = f"{kind} {name}"
        scopes = self.scopes[-1:] if defining else reversed(self.scopes)
        for scope in scopes:
            record = scope.tags.get(key)
            if isinstance(record, Record):
                return record
        record = Record(kind, name)
        self.scopes[-1].tags[key] = record
        if len(self.scopes) == 1:
            self.shared.unit.records[key] = record
        return record

    def _fields(self, decls: Iterable[c_ast.Node]) -> list[Field]:
        fields: list[Field] = []
        for decl in decls:
            if isinstance(decl, c_ast.StaticAssert):
                self.static_assert(decl)
            elif isinstance(decl, c_ast.Decl):
                fields.append(self._field(decl))
        return fields

    def _field(self, decl: c_ast.Decl) -> Field:
        declared = self.declared(decl.type)
        attributes = self.attributes(decl) if decl.name else []
        align = self.alignment(attributes, self.coord(decl))
        for item in decl.align or ():
            align = max(align, self.alignas(item))
        width = None if decl.bitsize is None else self.constant_value(decl.bitsize)
        if width is not None:
            if not isinstance(declared.type, Integer):
                raise ParseError("bit-field is no integer", self.coord(decl))
            if not _fits(width, declared.type, bool(decl.name)):
                raise ParseError(f"bit-field of {width} bits", self.coord(decl))
        packed = any(a.name == "packed" for a in attributes)
        return Field(decl.name or "", declared, width, packed, align)

    def alignas(self, node: c_ast.Node) -> int:
        """Return the alignment that ``_Alignas`` asks for."""
        if not isinstance(node, c_ast.Alignas):
            raise NotLowered("alignment", self.coord(node))
        if isinstance(node.alignment, c_ast.Typename):
            return self.natural_alignment(node.alignment)
        return self.constant_value(node.alignment)

    @abstractmethod
    def natural_alignment(self, node: c_ast.Typename) -> int:
        """Return ``_Alignof`` a type name."""

    def static_assert(self, node: c_ast.StaticAssert) -> None:
        """Check a static assertion."""
        if self.constant_value(node.cond) == 0:
            text = "" if node.message is None else f": {node.message.value}"
            raise RefusedError(f"static assertion fails{text}", self.coord(node))

    # ---------------------------------------------------------------- enumerations

    def _enum(self, node: c_ast.Enum) -> CType:
        known = self.shared.types_by_node.get(id(node))
        if known is None:
            known = self._new_enum(node)
            self.shared.types_by_node[id(node)] = known
        return known

    def _new_enum(self, node: c_ast.Enum) -> CType:
        if node.underlying_type is not None:
            raise NotLowered("enum with a fixed type", self.coord(node))
        tag = node.name or ANONYMOUS
        key = f"enum {tag}"
        if node.values is None:
            for scope in reversed(self.scopes):
                if key in scope.tags:
                    return scope.tags[key]
            raise NotLowered(f"'{key}' before its definition", self.coord(node))
        values = self._enumerators(node.values.enumerators)
        packed = any(a.name == "packed" for a in self.attributes(node))
        if node.name is None and values:
            tag = f"<{values[0][0]}>"
        ctype = enum_type(tag, [v for _, v, _ in values], packed)
        for name, value, coord in values:
            fits = in_range(value, INT)
            self.bind(name, constant(value, INT if fits else ctype, coord))
            if len(self.scopes) == 1:
                self.shared.unit.constants[name] = value
        if node.name:
            self.scopes[-1].tags[key] = ctype
            if len(self.scopes) == 1:
                self.shared.unit.records[key] = ctype
        return ctype

    def _enumerators(self, nodes: Iterable[c_ast.Node]) -> list[tuple[str, int, Coord]]:
        values: list[tuple[str, int, Coord]] = []
        value = -1
        for node in nodes:
            if not isinstance(node, c_ast.Enumerator):
                continue
            value += 1
            if node.value is not None:
                known = self._enumerator_value(node)
                if known is None:
                    continue
                value = known
            coord = self.coord(node)
            values.append((node.name, value, coord))
            # Visible to the enumerators that follow.
            wide = INT if in_range(value, INT) else self.wide
            if not in_range(value, wide):
                wide = self.uwide
            self.bind(node.name, constant(value, wide, coord))
        return values

    def _enumerator_value(self, node: c_ast.Enumerator) -> int | None:
        """Evaluate; a probe of a macro that is no constant has no value."""
        if self.coord(node).file != PROBE_FILE:
            return self.constant_value(node.value)
        try:
            return self.maybe_constant(node.value)
        except (ParseError, NotLowered):
            return None

    # -------------------------------------------------------------- mode attribute

    def with_mode(self, declared: Declared, node: c_ast.Node) -> Declared:
        """Apply ``mode`` and ``aligned`` attributes of a typedef or variable."""
        attributes = self.attributes(node)
        if not attributes:
            return declared
        coord = self.coord(node)
        ctype = declared.type
        for attribute in attributes:
            if attribute.name != "mode":
                continue
            mode = (
                attribute.arguments[0].value.strip("_") if attribute.arguments else ""
            )
            if not isinstance(ctype, Integer):
                raise NotLowered(f"attribute 'mode({mode})'", coord)
            ctype = self._of_mode(mode, ctype.signed, coord)
        align = self.alignment(attributes, coord) or declared.align
        return Declared(ctype, declared.const, declared.volatile, align)

    def _of_mode(self, mode: str, signed: bool, coord: Coord) -> Integer:
        machine = mode in ("pointer", "word")
        size = self.model.pointer_size if machine else _MODES.get(mode, 0)
        name = _BY_SIZE.get(size, self.model.eight_bytes if size == 8 else "?")
        if size == 1 and signed:
            name = "signed char"
        ctype = self.integers.get(name if signed else f"unsigned {name}")
        if ctype is None:
            raise NotLowered(f"attribute 'mode({mode})'", coord)
        return ctype


def _fits(width: int, ctype: Integer, named: bool) -> bool:
    """Tell whether a bit-field may have a width; 0 bits only without a name."""
    bits = 1 if ctype.is_bool else 8 * ctype.size
    return int(named) <= width <= bits
