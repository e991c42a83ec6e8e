"""The intermediate representation: structured statements, pure expressions.

Lowering takes every side effect out of expressions: an assignment, a call, an
asm statement is a statement of its own, and whatever value it yields goes to
a local.  An expression only reads.  Every conversion of C is an explicit
``Cast``; operands of ``Binary`` have the type they are computed in.

A *local* is a scalar whose address is never taken; everything else lives in
simulated memory and is reached through an address.  Values are Python ints in
the range of their C type (signed types negative); a pointer is its 64-bit
address; ``_Bool`` is 0 or 1.

A struct whose only member is a scalar (``gfn_t`` of a debug build) is that
scalar as far as locals, parameters, arguments and results go, and in memory it
looks the same: no IR node ever deals with such a struct as a struct.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.ir.data_model import LP64, DataModel
from harness.ir.expressions import (
    ARGUMENT_SLOT,
    Binary,
    BitField,
    Cast,
    CheckedIndex,
    Const,
    Expr,
    FrameAddress,
    FunctionAddress,
    GlobalAddress,
    Load,
    LoadBits,
    Local,
    Logical,
    Select,
    Unary,
    UnsupportedExpr,
    VariableArgumentsAddress,
)
from harness.ir.types import CType
from reference_model.coordinates import Coord

__all__ = [
    "ARGUMENT_SLOT",
    "Asm",
    "AsmInput",
    "AsmOutput",
    "Begin",
    "Binary",
    "BitField",
    "Block",
    "Break",
    "Call",
    "Cast",
    "CheckedIndex",
    "Const",
    "Continue",
    "Copy",
    "End",
    "Expr",
    "FrameAddress",
    "Freeze",
    "FunctionAddress",
    "FunctionDef",
    "Global",
    "GlobalAddress",
    "Goto",
    "If",
    "Initial",
    "Label",
    "Load",
    "LoadBits",
    "Local",
    "Logical",
    "Loop",
    "Return",
    "Select",
    "SetLocal",
    "Statement",
    "Store",
    "StoreBits",
    "Switch",
    "Unary",
    "Unit",
    "UnsupportedExpr",
    "UnsupportedStatement",
    "Variable",
    "VariableArgumentsAddress",
    "ZeroMemory",
]


# ----------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class SetLocal:
    """``name = value``."""

    name: str
    value: Expr
    coord: Coord


@dataclass(frozen=True, slots=True)
class Store:
    """Store of a scalar of type ``type`` at ``address``, ``packed`` if at any."""

    address: Expr
    value: Expr
    type: CType
    coord: Coord
    volatile: bool = False
    packed: bool = False


@dataclass(frozen=True, slots=True)
class StoreBits:
    """Store to a bit-field; the other bits of the unit keep their values."""

    address: Expr
    bits: BitField
    value: Expr
    coord: Coord


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy of ``size`` bytes, the assignment of a struct or union."""

    target: Expr
    source: Expr
    size: int
    coord: Coord


@dataclass(frozen=True, slots=True)
class ZeroMemory:
    """Clear ``size`` bytes, the implicit part of an initialiser."""

    target: Expr
    size: int
    coord: Coord


@dataclass(frozen=True, slots=True)
class Begin:
    """A variable's life begins: its content is indeterminate."""

    name: str
    coord: Coord


@dataclass(frozen=True, slots=True)
class End:
    """The life of a variable in memory ends."""

    name: str
    coord: Coord


@dataclass(frozen=True, slots=True)
class Freeze:
    """A variable in memory has its value for good: it is declared const."""

    name: str
    coord: Coord


@dataclass(frozen=True, slots=True)
class Call:
    """Call of a function, by name or through an address.

    A struct or union argument is passed as the address of a private copy.  A
    struct or union result is written to memory at ``result_address``, any
    other to the local ``result``.
    """

    result: str | None
    function: str | Expr
    arguments: tuple[Expr, ...]
    type: CType  # type of the result
    coord: Coord
    result_address: Expr | None = None


@dataclass(frozen=True, slots=True)
class AsmOutput:
    """An output operand: goes to the local, or is stored at ``address``.

    ``constraint`` as written, e.g. "=r", "+Q", "=&r".  ``name`` is the
    symbolic name or "".  A memory operand ("m", "Q") has its ``address``.
    ``register`` is the machine register that it has to be in, or "".
    """

    name: str
    constraint: str
    type: CType
    local: str | None = None
    address: Expr | None = None
    register: str = ""


@dataclass(frozen=True, slots=True)
class AsmInput:
    """An input operand; for a memory constraint ``value`` is the address."""

    name: str
    constraint: str
    value: Expr
    register: str = ""


@dataclass(frozen=True, slots=True)
class Asm:
    """A GNU inline assembly statement."""

    template: str
    outputs: tuple[AsmOutput, ...]
    inputs: tuple[AsmInput, ...]
    clobbers: tuple[str, ...]
    coord: Coord
    volatile: bool = True
    goto_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Statements in order."""

    statements: tuple[Statement, ...]
    coord: Coord


@dataclass(frozen=True, slots=True)
class If:
    """Two-way branch; ``otherwise`` may be empty."""

    condition: Expr
    then: Block
    otherwise: Block
    coord: Coord


@dataclass(frozen=True, slots=True)
class Loop:
    """Repeat ``body`` until Break; Continue goes on with ``step``.

    A ``while`` starts its body with ``if (!c) break``; a ``do`` ends with it,
    in ``step``.
    """

    body: Block
    step: Block
    coord: Coord


@dataclass(frozen=True, slots=True)
class Switch:
    """Branch on ``value``; each case lists (low, high) ranges of constants.

    Control falls from one case into the next; Break leaves the switch.
    ``default`` is the index of the default case, or None.
    """

    value: Expr
    cases: tuple[tuple[tuple[tuple[int, int], ...], Block], ...]
    default: int | None
    coord: Coord


@dataclass(frozen=True, slots=True)
class Break:
    """Leave the innermost loop or switch."""

    coord: Coord


@dataclass(frozen=True, slots=True)
class Continue:
    """Go on with the next pass of the innermost loop."""

    coord: Coord


@dataclass(frozen=True, slots=True)
class Return:
    """Leave the function; for a struct result ``value`` is its address."""

    value: Expr | None
    coord: Coord


@dataclass(frozen=True, slots=True)
class Goto:
    """Jump to a label of this function."""

    label: str
    coord: Coord


@dataclass(frozen=True, slots=True)
class Label:
    """Target of a Goto."""

    name: str
    coord: Coord


@dataclass(frozen=True, slots=True)
class UnsupportedStatement:
    """A statement that lowering does not model."""

    what: str
    coord: Coord


Statement = (
    SetLocal
    | Store
    | StoreBits
    | Copy
    | ZeroMemory
    | Begin
    | End
    | Freeze
    | Call
    | Asm
    | Block
    | If
    | Loop
    | Switch
    | Break
    | Continue
    | Return
    | Goto
    | Label
    | UnsupportedStatement
)


# ------------------------------------------------------------------- the unit


@dataclass(frozen=True, slots=True)
class Variable:
    """A parameter or variable of a function; names are unique in it.

    ``in_memory`` variables live in the frame and are reached by
    FrameAddress; a parameter in memory is stored there on entry.
    """

    name: str
    type: CType
    in_memory: bool
    coord: Coord


@dataclass(frozen=True, slots=True)
class FunctionDef:
    """A function with its body.

    ``dropped`` are the places of statements and operands that are not in it
    because a condition is a constant.
    """

    name: str
    result: CType
    parameters: tuple[Variable, ...]
    variadic: bool
    variables: tuple[Variable, ...]
    body: Block
    static: bool
    coord: Coord
    dropped: tuple[Coord, ...] = ()


@dataclass(frozen=True, slots=True)
class Initial:
    """Initial content: ``value`` at byte ``offset``, or bits of a unit there.

    ``value`` is a Const, or an address constant (GlobalAddress or
    FunctionAddress, perhaps plus a Const).
    """

    offset: int
    type: CType
    value: Expr
    bits: BitField | None = None


@dataclass(frozen=True, slots=True)
class Global:
    """A variable of static storage duration.

    ``defined`` is False for one that is only declared extern.  A string
    literal is a Global with ``text`` (which ends with its NUL).  A static
    local is called "function.name".
    """

    name: str
    type: CType
    defined: bool
    coord: Coord
    initial: tuple[Initial, ...] = ()
    text: bytes | None = None
    section: str = ""
    align: int = 0  # 0 = that of the type
    const: bool = False


@dataclass(slots=True)
class Unit:
    """One translation unit.

    ``declared`` holds functions without a body, ``constants`` the
    enumerators, ``records`` tags ("struct p2m_domain"), ``typedefs`` names.
    ``files`` are those that the text came from, headers included, ``digest``
    identifies the text, ``lines`` has the lines of each file that reached it,
    ``model`` is the data model that its types have.
    """

    file: str
    functions: dict[str, FunctionDef] = field(default_factory=dict)
    declared: dict[str, CType] = field(default_factory=dict)
    globals: dict[str, Global] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)
    records: dict[str, CType] = field(default_factory=dict)
    typedefs: dict[str, CType] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    digest: str = ""
    lines: dict[str, frozenset[int]] = field(default_factory=dict)
    model: DataModel = LP64
