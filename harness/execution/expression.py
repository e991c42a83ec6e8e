"""Python text for IR expressions.

Values are ints in the range of their C type, so only operations that can
leave that range pay for a mask or a check.  Names in the text are bound by
``run.Execution``: ``ld8`` loads eight bytes, ``G3`` is the address of a
global, ``overflow`` raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from harness.errors import Unsupported
from harness.ir import nodes as ir
from harness.ir.layout import size_of
from harness.ir.types import Array, CType, Function, Integer, Pointer
from reference_model.coordinates import Coord

__all__ = ["Expressions", "Names", "constant", "convert", "width_of"]

_COMPARE = {"==", "!=", "<", "<=", ">", ">="}
_ORDER = {"<", "<=", ">", ">="}
_LOADS = {1, 2, 4, 8}


class Names:
    """Numbers for everything that generated text refers to.

    One table for each kind; a number never changes its meaning.
    """

    def __init__(self) -> None:
        self.globals: dict[str, int] = {}
        self.functions: dict[str, int] = {}
        self.unsupported: dict[tuple[Coord, str], int] = {}
        self.coords: dict[Coord, int] = {}
        self.coord_list: list[Coord] = []
        # Sizes of the arguments of the calls at a place; None: not the same ones.
        self.argument_sizes: dict[Coord, tuple[int, ...] | None] = {}
        self.calls: dict[tuple[str, Coord], int] = {}
        self.call_list: list[tuple[str, Coord]] = []

    def coord(self, coord: Coord) -> int:
        """Return the number of a place."""
        number = self.coords.setdefault(coord, len(self.coord_list))
        if number == len(self.coord_list):
            self.coord_list.append(coord)
        return number

    def call(self, function: str, coord: Coord) -> int:
        """Return the number of a call site."""
        key = (function, coord)
        number = self.calls.setdefault(key, len(self.call_list))
        if number == len(self.call_list):
            self.call_list.append(key)
        return number


def width_of(ctype: CType) -> tuple[int, bool]:
    """Return (bits, signed) of a scalar type.

    GCC computes with a bit-field wider than int in a type of just that width;
    such a type has the width at the end of its name, as in "unsigned long:34".
    """
    if isinstance(ctype, Integer):
        _, colon, width = ctype.name.rpartition(":")
        bits = int(width) if colon else 8 * ctype.size
        return bits, ctype.signed and not ctype.is_bool
    if isinstance(ctype, Pointer):
        return 8 * ctype.size, False
    if isinstance(ctype, (Array, Function)):
        return 64, False
    raise Unsupported(None, f"a value of type '{ctype}'")


def convert(value: int, ctype: CType) -> int:
    """Convert a number to the range of a scalar type."""
    if isinstance(ctype, Integer) and ctype.is_bool:
        return 1 if value else 0
    bits, signed = width_of(ctype)
    value &= (1 << bits) - 1
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def constant(expr: ir.Expr) -> int | None:
    """Evaluate an expression that is constant at first sight."""
    match expr:
        case ir.Const():
            return expr.value
        case ir.Cast():
            inner = constant(expr.operand)
            if inner is None or not isinstance(expr.type, (Integer, Pointer)):
                return None
            return convert(inner, expr.type)
        case ir.Unary(op="!"):
            inner = constant(expr.operand)
            return None if inner is None else int(not inner)
        case ir.Logical():
            left, right = constant(expr.left), constant(expr.right)
            if left is None:
                return None
            if bool(left) is (expr.op == "||"):
                return int(bool(left))
            return None if right is None else int(bool(right))
        case ir.Binary() if expr.op in _COMPARE:
            left, right = constant(expr.left), constant(expr.right)
            if left is None or right is None:
                return None
            return int(_compare(expr.op, left, right))
        case _:
            return None


def _compare(op: str, left: int, right: int) -> bool:
    table: dict[str, Callable[[int], bool]] = {
        "==": left.__eq__,
        "!=": left.__ne__,
        "<": left.__lt__,
        "<=": left.__le__,
        ">": left.__gt__,
        ">=": left.__ge__,
    }
    return table[op](right)


def _is_bool(expr: ir.Expr) -> bool:
    return isinstance(expr.type, Integer) and expr.type.is_bool


class Expressions:
    """Text of the expressions of one function."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.locals: dict[str, str] = {}
        self.used_globals: set[str] = set()
        self.used_functions: set[str] = set()
        self._temporaries = 0

    # ----------------------------------------------------------------- names

    def local(self, name: str) -> str:
        """Return the Python name of a local."""
        known = self.locals.get(name)
        if known is None:
            plain = name.isidentifier() and name.isascii()
            known = f"v_{name}" if plain else f"w{len(self.locals)}"
            self.locals[name] = known
        return known

    def frame(self, name: str) -> str:
        """Return the Python name that holds a variable's address."""
        return "m" + self.local(name)

    def temporary(self) -> str:
        """Return a fresh Python name."""
        self._temporaries += 1
        return f"t{self._temporaries}"

    def unsupported(self, coord: Coord, what: str) -> str:
        """Return text that raises Unsupported."""
        table = self.names.unsupported
        return f"unsupported({table.setdefault((coord, what), len(table))})"

    # ------------------------------------------------------------ conditions

    def condition(self, expr: ir.Expr) -> str:
        """Return text that is true or false as the expression is not 0."""
        known = constant(expr)
        if known is not None:
            return "True" if known else "False"
        match expr:
            case ir.Binary(op=op) if op in _ORDER and _are_pointers(expr):
                left, right, test = self._related(expr)
                return f"({left} {op} {right} if {test} else False)"
            case ir.Binary(op=op) if op in _COMPARE:
                return f"({self.value(expr.left)} {op} {self.value(expr.right)})"
            case ir.Unary(op="!"):
                return f"(not {self.condition(expr.operand)})"
            case ir.Logical():
                word = "and" if expr.op == "&&" else "or"
                left, right = self.condition(expr.left), self.condition(expr.right)
                return f"({left} {word} {right})"
            case ir.Cast() if _is_bool(expr) or _widens(expr):
                return self.condition(expr.operand)
            case _:
                return self.value(expr)

    # ---------------------------------------------------------------- values

    def value(self, expr: ir.Expr) -> str:
        """Return text for the value of an expression."""
        known = constant(expr)
        if known is not None:
            return str(known) if known >= 0 else f"({known})"
        try:
            return self._value(expr)
        except Unsupported as problem:
            return self.unsupported(problem.coord or expr.coord, problem.what)

    def _value(self, expr: ir.Expr) -> str:
        match expr:
            case ir.Local():
                return self.local(expr.name)
            case ir.FrameAddress():
                return self.frame(expr.name)
            case ir.GlobalAddress():
                self.used_globals.add(expr.name)
                table = self.names.globals
                return f"G{table.setdefault(expr.name, len(table))}"
            case ir.FunctionAddress():
                self.used_functions.add(expr.name)
                table = self.names.functions
                return f"P{table.setdefault(expr.name, len(table))}"
            case ir.Load():
                return self._load(expr)
            case ir.LoadBits():
                return self._load_bits(expr)
            case ir.Unary():
                return self._unary(expr)
            case ir.Binary():
                return self._binary(expr)
            case ir.Logical():
                return f"(1 if {self.condition(expr)} else 0)"
            case ir.Select():
                arms = self.value(expr.then), self.value(expr.otherwise)
                test = constant(expr.condition)
                if test is not None:
                    return arms[0] if test else arms[1]
                # The form with "not" is for "?:" alone: its arms are marked.
                condition = self.condition(expr.condition)
                return f"({arms[1]} if not {condition} else {arms[0]})"
            case ir.Cast():
                return self._cast(expr)
            case ir.VariableArgumentsAddress():
                return "va_"
            case ir.CheckedIndex():
                return self._checked_index(expr)
            case ir.UnsupportedExpr():
                return self.unsupported(expr.coord, expr.what)
        return _never(expr)

    def _checked_index(self, expr: ir.CheckedIndex) -> str:
        last = expr.count if expr.beyond else expr.count - 1
        name, text = self.temporary(), self.value(expr.index)
        return (
            f"({name} if 0 <= ({name} := {text}) <= {last} "
            f"else bad_index({name}, {expr.count}))"
        )

    def _load(self, expr: ir.Load) -> str:
        bits, signed = width_of(expr.type)
        size = size_of(expr.type)
        address = self.value(expr.address)
        if expr.volatile and not expr.packed and size > 1:
            address = f"aligned({address}, {size})"
        if size not in _LOADS or expr.packed:
            text = f"load({address}, {size})"
            return _to_signed(text, bits) if signed else text
        if _is_bool(expr):
            return f"ldbool({address})"
        return f"l{'s' if signed else 'd'}{size}({address})"

    def _load_bits(self, expr: ir.LoadBits) -> str:
        field = expr.bits
        address = self.value(expr.address)
        text = f"ldbits({address}, {field.unit_size}, {field.offset}, {field.width})"
        _, signed = width_of(expr.type)
        return _to_signed(text, field.width, masked=True) if signed else text

    def _unary(self, expr: ir.Unary) -> str:
        if expr.op == "!":
            return f"(0 if {self.condition(expr.operand)} else 1)"
        bits, signed = width_of(expr.type)
        operand = self.value(expr.operand)
        if expr.op == "~":
            return f"(~{operand})" if signed else f"({operand} ^ {_mask(bits)})"
        if expr.op == "-":
            return self._ranged(f"-{operand}", bits, signed)
        raise Unsupported(expr.coord, f"operator '{expr.op}'")

    def _ranged(self, text: str, bits: int, signed: bool) -> str:
        """Bring a sum, difference or product into range, or fault."""
        if not signed:
            return f"({text} & {_mask(bits)})"
        low, high, name = -(1 << bits - 1), (1 << bits - 1) - 1, self.temporary()
        return (
            f"({name} if {low} <= ({name} := {text}) <= {high} else overflow({name}))"
        )

    def _binary(self, expr: ir.Binary) -> str:
        op = expr.op
        if op in _COMPARE:
            return f"(1 if {self.condition(expr)} else 0)"
        bits, signed = width_of(expr.type)
        if op == "-" and _are_pointers(expr):
            left, right, test = self._related(expr)
            return f"({left} - {right} if {test} else 0)"
        left, right = self.value(expr.left), self.value(expr.right)
        if op in ("&", "|", "^"):
            return f"({left} {op} {right})"
        if op in ("+", "-", "*"):
            return self._ranged(f"{left} {op} {right}", bits, signed)
        if op in ("/", "%"):
            if not signed:
                return f"({left} {op * 2 if op == '/' else op} {right})"
            name = "quotient" if op == "/" else "remainder"
            return f"{name}({left}, {right}, {bits})"
        if op in ("<<", ">>"):
            return self._shift(expr, left, right, bits, signed)
        raise Unsupported(expr.coord, f"operator '{op}'")

    def _related(self, expr: ir.Binary) -> tuple[str, str, str]:
        """Return two pointers, and the test that they are into one object."""
        left, right = self.temporary(), self.temporary()
        first, second = self.value(expr.left), self.value(expr.right)
        same_page = f"({left} := {first}) ^ ({right} := {second}) < 4096"
        return left, right, f"({same_page} or related({left}, {right}))"

    def _shift(
        self, expr: ir.Binary, left: str, right: str, bits: int, signed: bool
    ) -> str:
        count = constant(expr.right)
        if count is not None and not 0 <= count < bits:
            return f"bad_shift({count}, {bits})"
        if count is None:
            name = self.temporary()
            right = (
                f"({name} if 0 <= ({name} := {right}) < {bits} "
                f"else bad_shift({name}, {bits}))"
            )
        text = f"({left} {expr.op} {right})"
        if expr.op == ">>":
            return text
        # Left shifts of signed values wrap, as gcc and clang define them.
        return _to_signed(text, bits) if signed else f"({text} & {_mask(bits)})"

    def _cast(self, expr: ir.Cast) -> str:
        if _is_bool(expr):
            return f"(1 if {self.condition(expr.operand)} else 0)"
        text = self.value(expr.operand)
        if not isinstance(expr.type, (Integer, Pointer)):
            width_of(expr.type)
            return text
        bits, signed = width_of(expr.type)
        old_bits, old_signed = width_of(expr.operand.type)
        if signed:
            if old_bits < bits or (old_signed and old_bits == bits):
                return text
            return _to_signed(text, bits, masked=not old_signed and old_bits == bits)
        if not old_signed and old_bits <= bits:
            return text
        return f"({text} & {_mask(bits)})"


def _are_pointers(expr: ir.Binary) -> bool:
    """Tell an operator that relates two places in memory."""
    left, right = expr.left, expr.right
    return (
        isinstance(left.type, Pointer)
        and isinstance(right.type, Pointer)
        and not isinstance(left, ir.Const)
        and not isinstance(right, ir.Const)
    )


def _widens(expr: ir.Cast) -> bool:
    """Tell whether a conversion keeps every value's truth."""
    if not isinstance(expr.type, (Integer, Pointer)):
        return False
    if not isinstance(expr.operand.type, (Integer, Pointer)):
        return False
    return width_of(expr.type)[0] >= width_of(expr.operand.type)[0]


def _mask(bits: int) -> str:
    return f"{(1 << bits) - 1:#x}"


def _to_signed(text: str, bits: int, *, masked: bool = False) -> str:
    sign = f"{1 << (bits - 1):#x}"
    inner = text if masked else f"({text} & {_mask(bits)})"
    return f"(({inner} ^ {sign}) - {sign})"


def _never(expr: object) -> NoReturn:
    raise AssertionError(f"unknown expression {expr!r}")
