"""C types, each with the layout that its data model gives it."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = [
    "Array",
    "CType",
    "Function",
    "Integer",
    "Member",
    "Pointer",
    "Record",
    "Void",
]


@dataclass(frozen=True, slots=True)
class Void:
    """``void``: no value."""

    def __str__(self) -> str:
        return "void"


@dataclass(frozen=True, slots=True)
class Integer:
    """An integer type, ``_Bool`` and enumerations included; ``size`` in bytes."""

    name: str
    size: int
    signed: bool

    @property
    def is_bool(self) -> bool:
        """Tell whether conversion to this type yields 0 or 1."""
        return self.name == "_Bool"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer; ``const`` and ``volatile`` qualify the target."""

    target: CType
    const: bool = False
    volatile: bool = False
    size: int = 8

    def __str__(self) -> str:
        qualifiers = "const " * self.const + "volatile " * self.volatile
        return f"{qualifiers}{self.target} *"


@dataclass(frozen=True, slots=True)
class Array:
    """An array; ``count`` is None while incomplete or flexible."""

    element: CType
    count: int | None

    def __str__(self) -> str:
        return f"{self.element} [{'' if self.count is None else self.count}]"


@dataclass(frozen=True, slots=True)
class Function:
    """A function type."""

    result: CType
    parameters: tuple[CType, ...]
    variadic: bool = False

    def __str__(self) -> str:
        args = ", ".join(str(p) for p in self.parameters)
        return f"{self.result} ({args}{', ...' if self.variadic else ''})"


@dataclass(frozen=True, slots=True)
class Member:
    """One member; ``offset`` in bytes.

    A bit-field has a ``bit_width``; its least significant bit is bit
    ``bit_offset`` of the storage unit of type ``type`` at ``offset``.
    An anonymous struct or union member has the name "".
    """

    name: str
    type: CType
    offset: int
    bit_offset: int = 0
    bit_width: int | None = None
    volatile: bool = False


@dataclass(eq=False, slots=True)
class Record:
    """A struct or union, compared by identity; ``size`` None = incomplete."""

    kind: str  # "struct" or "union"
    tag: str
    members: list[Member] = field(default_factory=list)
    size: int | None = None
    align: int = 1

    def __str__(self) -> str:
        return f"{self.kind} {self.tag}"


CType = Void | Integer | Pointer | Array | Function | Record
