"""Declarations of variables, functions and typedefs."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

from pycparser import c_ast

from harness.errors import ParseError
from harness.frontend.arithmetic_types import scalar_of
from harness.frontend.calls import Calls
from harness.frontend.declarators import ANONYMOUS
from harness.frontend.initialiser_leaves import Leaf
from harness.frontend.labels import entered
from harness.frontend.lowering import NotLowered
from harness.frontend.lvalues import LocalPlace, MemoryPlace
from harness.frontend.promises import PROMISES
from harness.frontend.scopes import (
    Declared,
    FunctionName,
    GlobalVariable,
    LocalVariable,
    TypedefName,
)
from harness.ir.nodes import Begin, Const, FrameAddress, Freeze, Global, Initial
from harness.ir.types import Array, CType, Function, Record
from reference_model.coordinates import Coord

__all__ = ["Declarations", "LocalDeclarations"]


def _whole(register: str) -> str:
    """Return the name of the 64-bit register that a name means a part of."""
    return f"x{register[1:]}" if register[:1] in ("w", "r") else register


class Declarations(Calls):
    """Declares what has static storage duration, and types."""

    def typedef(self, node: c_ast.Typedef) -> None:
        """Declare a typedef name."""
        declared = self.with_mode(self.declared(node.type), node)
        ctype = declared.type
        if isinstance(ctype, Record) and ctype.tag == ANONYMOUS:
            ctype.tag = node.name  # a name for people to read
        self.bind(node.name, TypedefName(declared))
        if len(self.scopes) == 1:
            self.shared.unit.typedefs[node.name] = declared.type

    def function_declaration(self, node: c_ast.Decl, ctype: Function) -> None:
        """Declare a function."""
        attributes = self.attributes(node)
        self.alignment(attributes, self.coord(node))  # refuses what is not modelled
        if self.coordinate_number(node) in self.shared.syntax.side.registers:
            raise NotLowered("function under another symbol", self.coord(node))
        promised = {a.name for a in attributes} & PROMISES
        if "_Noreturn" in node.funcspec:
            promised.add("noreturn")
        if promised:
            self.shared.promises.setdefault(node.name, set()).update(promised)
        symbol = FunctionName(node.name, ctype)
        self.shared.file_scope.names[node.name] = symbol
        self.scopes[-1].names[node.name] = symbol
        unit = self.shared.unit
        if node.name not in unit.functions:
            unit.declared[node.name] = ctype

    def static_variable(self, node: c_ast.Decl, declared: Declared, name: str) -> None:
        """Declare a variable of static storage duration as ``name``."""
        coord = self.coord(node)
        attributes = self.attributes(node)
        align = self.alignment(attributes, coord)
        for item in node.align or ():
            align = max(align, self.alignas(item))
        section = ""
        for attribute in attributes:
            if attribute.name == "section" and attribute.arguments:
                section = attribute.arguments[0].value.strip('"')
        ctype = declared.type
        # Visible in its own initialiser.
        self.bind(node.name, GlobalVariable(name, ctype, declared.volatile))
        known = self.shared.unit.globals.get(name)
        defined = node.init is not None or "extern" not in node.storage
        initial: tuple[Initial, ...] = ()
        if node.init is not None:
            leaves, ctype = self.leaves(ctype, node.init)
            initial = self.initials(leaves)
            self.bind(node.name, GlobalVariable(name, ctype, declared.volatile))
        elif known is not None:
            if isinstance(ctype, Array) and ctype.count is None:
                ctype = known.type
                self.bind(node.name, GlobalVariable(name, ctype, declared.volatile))
            initial, defined = known.initial, defined or known.defined
        if known is not None:
            section, align = section or known.section, align or known.align
        align = align or declared.align
        const = declared.const
        self.add_global(
            Global(name, ctype, defined, coord, initial, None, section, align, const)
        )


class LocalDeclarations(Declarations):
    """Declares what is inside a function."""

    @abstractmethod
    def initialise_local(
        self, name: str, ctype: Record, node: c_ast.Node, coord: Coord
    ) -> None:
        """Initialise a struct in memory from an expression."""

    def declaration(self, node: c_ast.Decl) -> None:
        """Lower a declaration inside a function."""
        if node.name is None:
            self.declared(node.type)  # declares a tag or enumerators
            return
        if isinstance(node.type, c_ast.TypeDecl) and isinstance(
            node.type.type, c_ast.InferredType
        ):
            self._inferred(node)
            return
        declared = self.with_mode(self.declared(node.type), node)
        ctype = declared.type
        if isinstance(ctype, Function):
            self.function_declaration(node, ctype)
        elif "extern" in node.storage:
            self.static_variable(node, declared, node.name)
        elif "static" in node.storage:
            self.static_variable(node, declared, self.static_name(node.name))
        else:
            self._automatic(node, declared)

    def _inferred(self, node: c_ast.Decl) -> None:
        value = self.value(node.init)
        name, place = self._new_local(node, Declared(value.type))
        self.store(place, value, self.coord(node))
        self.bind(node.name, name)

    def _automatic(self, node: c_ast.Decl, declared: Declared) -> None:
        coord = self.coord(node)
        if any(a.name == "cleanup" for a in self.attributes(node)):
            raise NotLowered("attribute 'cleanup'", coord)
        ctype = declared.type
        if node.init is None and isinstance(ctype, Array) and ctype.count is None:
            raise ParseError(f"array '{node.name}' of unknown size", coord)
        register = self.shared.syntax.side.registers.get(self.coordinate_number(node))
        if register is not None and node.init is None and node.name not in self.written:
            variable = LocalVariable("", ctype, False, register=register)
            self.bind(node.name, variable)
            return
        leaves = None
        braced = isinstance(node.init, c_ast.InitList)
        if braced or (node.init is not None and isinstance(ctype, Array)):
            leaves, ctype = self.leaves(ctype, node.init)
            declared = Declared(ctype, declared.const, declared.volatile)
        variable, place = self._new_local(node, declared)
        if register is not None:
            variable = replace(variable, register=_whole(register))
        self.bind(node.name, variable)
        frozen = self._begin_life(node, variable, declared)
        if isinstance(place, MemoryPlace) and leaves is not None:
            self.initialise_memory(place.address, ctype, leaves, coord)
        elif isinstance(place, LocalPlace) and leaves is not None:
            self._initialise_scalar(place, leaves, coord)
        elif node.init is not None and isinstance(ctype, Record):
            if isinstance(place, MemoryPlace) and scalar_of(ctype) is None:
                self.initialise_local(variable.name, ctype, node.init, coord)
            else:
                self.store(place, self.value(node.init), coord)
        elif node.init is not None:
            self.store(place, self.value(node.init), coord)
        if frozen:
            self.emit(Freeze(variable.name, coord))

    def _begin_life(
        self, node: c_ast.Decl, variable: LocalVariable, declared: Declared
    ) -> bool:
        """Say when a variable's life begins and ends; tell whether it is constant.

        What has no address that could be kept is of no interest.
        """
        escapes = variable.in_memory and (
            node.name in self.address_taken or isinstance(declared.type, Array)
        )
        scope = self.scopes[-1]
        ends = escapes and scope.block is not None and not entered(scope.block)
        if ends:
            scope.ending.append(variable.name)
        frozen = escapes and declared.const and node.init is not None
        if self.repeated and (node.init is None or ends or frozen):
            self.emit(Begin(variable.name, self.coord(node)))
        return frozen

    def _initialise_scalar(
        self, place: LocalPlace, leaves: list[Leaf], coord: Coord
    ) -> None:
        """Initialise a local from a braced list."""
        scalar = scalar_of(place.type)
        assert scalar is not None
        inner = LocalPlace(place.name, scalar)
        if leaves:
            self.store(inner, self.value(leaves[-1].node), coord)
        else:
            self.store(inner, Const(0, scalar, coord), coord)

    def _new_local(
        self, node: c_ast.Decl, declared: Declared
    ) -> tuple[LocalVariable, LocalPlace | MemoryPlace]:
        coord, ctype = self.coord(node), declared.type
        return self.local_variable(node.name, ctype, declared.volatile, coord)

    def local_variable(
        self, name: str, ctype: CType, volatile: bool, coord: Coord
    ) -> tuple[LocalVariable, LocalPlace | MemoryPlace]:
        """Add a variable, in memory if it has to be."""
        scalar = scalar_of(ctype)
        if isinstance(ctype, Record) and ctype.size is None:
            raise ParseError(f"variable '{name}' of incomplete type '{ctype}'", coord)
        in_memory = scalar is None or volatile or name in self.address_taken
        kept = ctype if in_memory or scalar is None else scalar
        unique = self.new_variable(name, kept, in_memory, coord)
        variable = LocalVariable(unique, ctype, in_memory, volatile)
        if in_memory:
            address = FrameAddress(unique, self.pointer(ctype), coord)
            return variable, MemoryPlace(address, ctype, volatile)
        return variable, LocalPlace(unique, ctype)
