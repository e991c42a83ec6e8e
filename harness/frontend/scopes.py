"""What an identifier stands for, and where it is visible."""

from __future__ import annotations

from dataclasses import dataclass, field

from pycparser import c_ast

from harness.ir.nodes import Const
from harness.ir.types import CType, Record

__all__ = [
    "BrokenName",
    "Declared",
    "FunctionName",
    "GlobalVariable",
    "LocalVariable",
    "Scope",
    "Symbol",
    "TypedefName",
]


@dataclass(frozen=True, slots=True)
class Declared:
    """A type as declared: with the qualifiers and alignment that CType lacks."""

    type: CType
    const: bool = False
    volatile: bool = False
    align: int = 0  # 0 = natural


@dataclass(frozen=True, slots=True)
class TypedefName:
    """A name for a type."""

    declared: Declared


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A function, defined here or elsewhere."""

    name: str
    type: CType


@dataclass(frozen=True, slots=True)
class GlobalVariable:
    """A variable of static storage duration, under its name in the unit."""

    name: str
    type: CType
    volatile: bool


@dataclass(frozen=True, slots=True)
class LocalVariable:
    """A variable of this function, under its unique name.

    ``register`` is the machine register that an ``asm`` label binds it to.
    """

    name: str
    type: CType
    in_memory: bool
    volatile: bool = False
    register: str = ""


@dataclass(frozen=True, slots=True)
class BrokenName:
    """Something declared in a way that is not modelled."""

    what: str


Symbol = (
    TypedefName | FunctionName | GlobalVariable | LocalVariable | BrokenName | Const
)


@dataclass(slots=True)
class Scope:
    """One block: ordinary identifiers and tags.

    ``ending`` has the variables in memory whose life ends with the block.
    """

    names: dict[str, Symbol] = field(default_factory=dict)
    tags: dict[str, Record | CType] = field(default_factory=dict)
    block: c_ast.Node | None = None
    ending: list[str] = field(default_factory=list)
