"""Function calls, built-in functions and asm statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pycparser import c_ast

from harness.errors import ParseError, RefusedError
from harness.frontend.arithmetic_types import (
    INT,
    VOID,
    promoted,
    scalar_of,
)
from harness.frontend.builtins import (
    NORETURN_FUNCTIONS,
    bit_functions,
    library_functions,
)
from harness.frontend.compatible import compatible
from harness.frontend.folding import cast, constant
from harness.frontend.gnulexer import (
    ASM_CALL,
    COMPUTED_GOTO,
    LABEL_ADDRESS,
    TYPES_COMPATIBLE,
)
from harness.frontend.lowering import Aggregate, NotLowered, Value, Wrapped
from harness.frontend.lvalues import LocalPlace, MemoryPlace, RegisterPlace
from harness.frontend.scopes import FunctionName, LocalVariable
from harness.frontend.variable_arguments import VariableArguments
from harness.ir.layout import size_of
from harness.ir.nodes import (
    Asm,
    AsmInput,
    AsmOutput,
    Call,
    Cast,
    Const,
    Copy,
    Expr,
    FrameAddress,
    FunctionAddress,
    GlobalAddress,
    Local,
    SetLocal,
    Statement,
)
from harness.ir.types import CType, Function, Integer, Pointer, Record, Void
from reference_model.coordinates import Coord

__all__ = ["Calls", "is_memory_constraint"]

_Special = Callable[[Sequence[c_ast.Node], Coord], Value]


def is_memory_constraint(constraint: str) -> bool:
    """Tell an asm constraint that only memory satisfies."""
    letters = constraint.lstrip("=+&%")
    return bool(letters) and all(letter in "mQoV" for letter in letters)


class Calls(VariableArguments):
    """Lowers calls."""

    def call(self, node: c_ast.FuncCall, used: bool, into: Expr | None = None) -> Value:
        """Lower a call; a struct result goes to ``into`` if that is given."""
        coord = self.coord(node)
        arguments = node.args.exprs if node.args is not None else []
        function: str | Expr
        if isinstance(node.name, c_ast.ID):
            name = node.name.name
            if name == ASM_CALL:
                return self._asm(node, arguments)
            special = self._special(name)
            if special is not None:
                return special(arguments, coord)
            if name in bit_functions(self.model):
                return self._bit_function(name, arguments, coord)
            function, signature = self._named_function(name, coord)
        else:
            function, signature = self._pointed_function(self.scalar(node.name), coord)
        values = self._arguments(signature, arguments, coord)
        return self._emit_call(function, signature, values, used, coord, into)

    def _named_function(self, name: str, coord: Coord) -> tuple[str | Expr, Function]:
        plain = name.removeprefix("__builtin_")
        library = library_functions(self.model)
        if plain != name and plain in library:
            known = self.lookup(plain)
            if isinstance(known, FunctionName) and isinstance(known.type, Function):
                return plain, known.type
            return plain, library[plain]
        if name in NORETURN_FUNCTIONS:
            return name, Function(VOID, ())
        symbol = self.require(name, coord)
        if isinstance(symbol, FunctionName) and isinstance(symbol.type, Function):
            return symbol.name, symbol.type
        value = self.value(c_ast.ID(name))
        return self._pointed_function(self.represented(value, coord), coord)

    def _pointed_function(
        self, pointer: Expr, coord: Coord
    ) -> tuple[str | Expr, Function]:
        ctype = pointer.type
        if not isinstance(ctype, Pointer) or not isinstance(ctype.target, Function):
            raise ParseError(f"call of a value of type '{ctype}'", coord)
        target = pointer.operand if isinstance(pointer, Cast) else pointer
        if isinstance(target, FunctionAddress) and target.type == ctype:
            return target.name, ctype.target
        return pointer, ctype.target

    # ------------------------------------------------------------------- arguments

    def _arguments(
        self, signature: Function, nodes: Sequence[c_ast.Node], coord: Coord
    ) -> tuple[Expr, ...]:
        parameters = signature.parameters
        if len(nodes) < len(parameters) or (
            len(nodes) > len(parameters) and not signature.variadic
        ):
            raise RefusedError(
                f"call with {len(nodes)} arguments, {len(parameters)} expected", coord
            )
        values: list[Expr] = []
        for number, node in enumerate(nodes):
            value = self.value(node)
            if number < len(parameters):
                ctype = parameters[number]
                values.append(self._argument(value, ctype, self.coord(node)))
            else:
                values.append(self._variadic(value, self.coord(node)))
        return tuple(values)

    def _argument(self, value: Value, ctype: CType, coord: Coord) -> Expr:
        if scalar_of(ctype) is not None:
            return self.converted(value, ctype, coord)
        if isinstance(value, Aggregate) and value.type is ctype:
            return self._private_copy(value, coord)
        if isinstance(ctype, Record) and ctype.kind == "union":
            return self._transparent(value, ctype, coord)
        raise ParseError(f"argument of type '{value.type}' for '{ctype}'", coord)

    def _private_copy(self, value: Aggregate, coord: Coord) -> Expr:
        if value.fresh:
            return value.address
        size = size_of(value.type)
        name = self.new_variable("argument", value.type, True, coord)
        address = FrameAddress(name, self.pointer(value.type), coord)
        self.emit(Copy(address, value.address, size, coord))
        return address

    def _transparent(self, value: Value, ctype: Record, coord: Coord) -> Expr:
        """Pass a member of a transparent union as the union."""
        for member in ctype.members:
            if value.type == member.type:
                break
        else:
            raise ParseError(f"argument of type '{value.type}' for '{ctype}'", coord)
        name = self.new_variable("argument", ctype, True, coord)
        address = FrameAddress(name, self.pointer(ctype), coord)
        self.store(MemoryPlace(address, member.type), value, coord)
        return address

    def _variadic(self, value: Value, coord: Coord) -> Expr:
        """Apply the default argument promotions."""
        if isinstance(value, Aggregate):
            return self._private_copy(value, coord)
        if isinstance(value, Wrapped):
            return value.expr
        if isinstance(value.type, Integer):
            return cast(value, promoted(value.type))
        return value

    # --------------------------------------------------------------------- results

    def _emit_call(
        self,
        function: str | Expr,
        signature: Function,
        arguments: tuple[Expr, ...],
        used: bool,
        coord: Coord,
        into: Expr | None,
    ) -> Value:
        ctype = signature.result
        if isinstance(ctype, Void):
            self.emit(Call(None, function, arguments, ctype, coord))
            return Const(0, VOID, coord)
        scalar = scalar_of(ctype)
        if scalar is None:
            return self._emit_struct_call(function, ctype, arguments, coord, into)
        if not used:
            self.emit(Call(None, function, arguments, scalar, coord))
            return Const(0, VOID, coord)
        name = self.new_variable("t", scalar, False, coord)
        self.emit(Call(name, function, arguments, scalar, coord))
        result = Local(name, scalar, coord)
        return Wrapped(result, ctype) if isinstance(ctype, Record) else result

    def _emit_struct_call(
        self,
        function: str | Expr,
        ctype: CType,
        arguments: tuple[Expr, ...],
        coord: Coord,
        into: Expr | None,
    ) -> Value:
        if not isinstance(ctype, Record) or ctype.size is None:
            raise ParseError(f"call returns incomplete type '{ctype}'", coord)
        address = into
        if address is None:
            name = self.new_variable("result", ctype, True, coord)
            address = FrameAddress(name, self.pointer(ctype), coord)
        self.emit(Call(None, function, arguments, ctype, coord, address))
        return Aggregate(address, ctype, fresh=True)

    # ------------------------------------------------------------------- built-ins

    def _special(self, name: str) -> _Special | None:
        if name == "offsetof":
            return self._offsetof
        if not name.startswith("__"):
            return None
        atomic = self.atomic_function(name)
        if atomic is not None:
            return atomic
        checked = self.checked_function(name)
        if checked is not None:
            return checked
        return {
            COMPUTED_GOTO: self._computed_goto,
            LABEL_ADDRESS: self._computed_goto,
            "__builtin_va_arg": self.next_argument,
            "__builtin_expect": self._expect,
            "__builtin_constant_p": self._constant_p,
            "__builtin_choose_expr": self._choose,
            "__builtin_prefetch": self._prefetch,
            "__builtin_object_size": self._object_size,
            TYPES_COMPATIBLE: self._types_compatible,
            "__builtin_va_start": self.start_arguments,
            "__builtin_va_end": self.end_arguments,
            "__builtin_va_copy": self.copy_arguments,
        }.get(name)

    def _expect(self, nodes: Sequence[c_ast.Node], _: Coord) -> Value:
        return cast(self.scalar(nodes[0]), self.integers["long"])

    def _constant_p(self, nodes: Sequence[c_ast.Node], coord: Coord) -> Value:
        try:
            with self.unevaluated():
                value = self.value(nodes[0])
        except NotLowered:
            return Const(0, INT, coord)
        known = isinstance(value, Const) or (
            isinstance(value, GlobalAddress) and value.name.startswith("string.")
        )
        return Const(int(known), INT, coord)

    def _choose(self, nodes: Sequence[c_ast.Node], coord: Coord) -> Value:
        if len(nodes) != 3:
            raise ParseError("__builtin_choose_expr takes three arguments", coord)
        return self.value(nodes[1 if self.constant_value(nodes[0]) else 2])

    def _prefetch(self, nodes: Sequence[c_ast.Node], coord: Coord) -> Value:
        for node in nodes:
            self.discard(node)
        return Const(0, VOID, coord)

    def _object_size(self, nodes: Sequence[c_ast.Node], coord: Coord) -> Value:
        kind = self.constant_value(nodes[1])
        return constant(-1 if kind < 2 else 0, self.size_type, coord)  # unknown

    def _types_compatible(self, nodes: Sequence[c_ast.Node], coord: Coord) -> Value:
        types = []
        for node in nodes:
            if not isinstance(node, c_ast.UnaryOp):
                raise ParseError(f"{TYPES_COMPATIBLE} takes two types", coord)
            types.append(self._operand_type(node.expr))
        return Const(int(compatible(*types)), INT, coord)

    def _computed_goto(self, _: Sequence[c_ast.Node], coord: Coord) -> Value:
        raise NotLowered("computed goto", coord)

    def _offsetof(self, nodes: Sequence[c_ast.Node], coord: Coord) -> Value:
        ctype = self.type_name(nodes[0])
        null = Const(0, self.pointer(ctype), coord)
        place = self._designated_member(MemoryPlace(null, ctype), nodes[1], coord)
        return cast(place.address, self.size_type)

    def _designated_member(
        self, base: MemoryPlace, node: c_ast.Node, coord: Coord
    ) -> MemoryPlace:
        if isinstance(node, c_ast.ID):
            place = self.member(base, node.name, coord)
        elif isinstance(node, c_ast.StructRef):
            inner = self._designated_member(base, node.name, coord)
            place = self.member(inner, node.field.name, coord)
        elif isinstance(node, c_ast.ArrayRef):
            inner = self._designated_member(base, node.name, coord)
            start = self.represented(self.load(inner, coord), coord)
            element = self.index(start, self.scalar(node.subscript), coord)
            place = self.dereferenced(element, coord)
        else:
            raise ParseError("not a member designator", coord)
        if not isinstance(place, MemoryPlace):
            raise ParseError("offset of a bit-field", coord)
        return place

    def _bit_function(
        self, name: str, nodes: Sequence[c_ast.Node], coord: Coord
    ) -> Value:
        name, signature, fold = bit_functions(self.model)[name]
        arguments = self._arguments(signature, nodes, coord)
        if isinstance(arguments[0], Const):
            value = fold(arguments[0].value)
            if value is not None:
                return constant(value, signature.result, coord)
        return self._emit_call(name, signature, arguments, True, coord, None)

    # ------------------------------------------------------------------------- asm

    def _asm(self, node: c_ast.FuncCall, operands: Sequence[c_ast.Node]) -> Value:
        coord = self.coord(node)
        text = self.shared.syntax.side.asm[self.coordinate_number(node)]
        outputs: list[AsmOutput] = []
        inputs: list[AsmInput] = []
        after: list[Statement] = []
        for number, operand in enumerate(operands):
            name, constraint = text.operands[number]
            if number < text.outputs:
                outputs.append(self._asm_output(name, constraint, operand, after))
            else:
                inputs.append(self._asm_input(name, constraint, operand))
        self.emit(
            Asm(
                text.template,
                tuple(outputs),
                tuple(inputs),
                text.clobbers,
                coord,
                text.volatile,
                text.labels,
            )
        )
        if after and text.labels:
            raise NotLowered("asm goto with outputs in memory", coord)
        self.out += after
        return Const(0, VOID, coord)

    def _asm_output(
        self,
        name: str,
        constraint: str,
        node: c_ast.Node,
        after: list[Statement],
    ) -> AsmOutput:
        coord = self.coord(node)
        place = self.pinned(self.place(node))
        if isinstance(place, RegisterPlace):
            raise NotLowered("register variable as an asm operand", coord)
        if is_memory_constraint(constraint):
            address = self.address_of(place, coord)
            return AsmOutput(name, constraint, place.type, address=address)
        scalar = scalar_of(place.type)
        if scalar is None:
            raise NotLowered(f"asm operand of type '{place.type}'", coord)
        register = self._register_of(node, coord)
        if isinstance(place, LocalPlace):
            known = AsmOutput(name, constraint, scalar, local=place.name)
            return replace(known, register=register)
        local = self.new_variable("t", scalar, False, coord)
        if constraint.startswith("+"):
            old = self.represented(self.load(place, coord), coord)
            self.emit(SetLocal(local, cast(old, scalar), coord))
        with self.captured([]) as written:
            self.store(place, self._rewrapped(local, place.type, coord), coord)
        after += written
        return AsmOutput(name, constraint, scalar, local=local, register=register)

    def _register_of(self, node: c_ast.Node, coord: Coord) -> str:
        """Return the register that an operand is bound to, or ""."""
        symbol = self.lookup(node.name) if isinstance(node, c_ast.ID) else None
        if not isinstance(symbol, LocalVariable):
            return ""
        if symbol.register and not symbol.name:
            raise NotLowered("register variable as an asm operand", coord)
        return symbol.register

    @staticmethod
    def _rewrapped(local: str, ctype: CType, coord: Coord) -> Value:
        scalar = scalar_of(ctype)
        assert scalar is not None
        expr = Local(local, scalar, coord)
        return Wrapped(expr, ctype) if isinstance(ctype, Record) else expr

    def _asm_input(self, name: str, constraint: str, node: c_ast.Node) -> AsmInput:
        coord = self.coord(node)
        if is_memory_constraint(constraint):
            address = self.address_of(self.place(node), coord)
            return AsmInput(name, constraint, address)
        register = self._register_of(node, coord)
        value = self.represented(self.value(node), coord)
        return AsmInput(name, constraint, value, register)
