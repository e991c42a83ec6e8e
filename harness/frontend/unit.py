"""A whole translation unit: from a source file to IR."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pycparser import c_ast

from harness.errors import ParseError, TreeError
from harness.frontend.address_taken import address_taken, written
from harness.frontend.architecture import ARM64, Architecture
from harness.frontend.arithmetic_types import scalar_of
from harness.frontend.build import Build
from harness.frontend.compiled_lines import compiled_lines
from harness.frontend.labels import blocks_around_labels
from harness.frontend.lazy_functions import LazyFunctions
from harness.frontend.lowering import NotLowered, Shared
from harness.frontend.parser import Syntax, parse
from harness.frontend.preprocess import preprocess
from harness.frontend.promises import broken_promise
from harness.frontend.recursion import recursion_room
from harness.frontend.scopes import BrokenName
from harness.frontend.statements import Statements
from harness.ir.data_model import LP64, DataModel
from harness.ir.nodes import (
    Block,
    FunctionDef,
    Unit,
    UnsupportedStatement,
    Variable,
)
from harness.ir.types import CType, Function

__all__ = ["digest_of", "load_unit", "lower_text"]


def load_unit(
    source_root: Path,
    sources: Sequence[str],
    *,
    work_dir: Path,
    roots: Sequence[Path] = (),
    probes: Sequence[str] = (),
    architecture: Architecture = ARM64,
    build: Build | None = None,
) -> Unit:
    """Preprocess, parse and lower files of the tree at ``source_root``.

    Several ``sources`` are taken as one unit, the way a unity build does.

    ``work_dir`` is a directory of the caller for generated headers.  See
    ``preprocess`` for ``roots``, ``probes`` and ``build``.
    """
    result = preprocess(
        source_root,
        sources,
        generated=work_dir,
        roots=roots,
        probes=probes,
        architecture=architecture,
        build=build,
    )
    unit = lower_text(result.text, sources[0], architecture.model)
    unit.files = (*result.files, *result.inputs)
    unit.lines = compiled_lines(result.text)
    unit.digest = digest_of(result.text)
    return unit


def digest_of(text: str) -> str:
    """Return what tells preprocessed texts apart."""
    return hashlib.sha256(text.encode()).hexdigest()


def lower_text(text: str, file: str, model: DataModel = LP64) -> Unit:
    """Lower preprocessed text; functions are lowered when first asked for."""
    return _UnitLowering(parse(text, file), file, model).run()


class _UnitLowering:
    """Lowers what is at file scope."""

    def __init__(self, syntax: Syntax, file: str, model: DataModel) -> None:
        functions = LazyFunctions()
        self._functions = functions
        unit = Unit(file, functions, model=model)
        self._shared = Shared(unit, syntax)
        self._at_file_scope = Statements(self._shared)

    def run(self) -> Unit:
        """Lower all external declarations."""
        for node in self._shared.syntax.tree.ext:
            try:
                self._external(node)
            except NotLowered as problem:
                self._broken(node, problem)
            except TreeError as problem:
                coord = self._at_file_scope.coord(node)
                raise ParseError(problem.message, coord) from None
            except RecursionError:
                coord = self._at_file_scope.coord(node)
                raise ParseError("nested too deeply", coord) from None
        return self._shared.unit

    def _external(self, node: c_ast.Node) -> None:
        lowering = self._at_file_scope
        if isinstance(node, c_ast.FuncDef):
            self._define(node)
        elif isinstance(node, c_ast.Typedef):
            lowering.typedef(node)
        elif isinstance(node, c_ast.StaticAssert):
            lowering.static_assert(node)
        elif isinstance(node, c_ast.Decl):
            self._declare(node)

    def _declare(self, node: c_ast.Decl) -> None:
        lowering = self._at_file_scope
        if node.name is None:
            lowering.declared(node.type)
            return
        declared = lowering.with_mode(lowering.declared(node.type), node)
        if isinstance(declared.type, Function):
            lowering.function_declaration(node, declared.type)
        else:
            lowering.static_variable(node, declared, node.name)

    def _define(self, node: c_ast.FuncDef) -> None:
        decl = node.decl
        lowering = self._at_file_scope
        ctype = lowering.declared(decl.type).type
        if not isinstance(ctype, Function) or not isinstance(decl.type, c_ast.FuncDecl):
            raise ParseError(f"'{decl.name}' is no function", lowering.coord(decl))
        if decl.name in self._functions and "extern" not in decl.storage:
            raise ParseError(f"'{decl.name}' is defined twice", lowering.coord(decl))
        lowering.function_declaration(decl, ctype)
        self._shared.unit.declared.pop(decl.name, None)
        shared = self._shared
        self._functions.add(decl.name, lambda: lower_function(shared, node, ctype))

    def _broken(self, node: c_ast.Node, problem: NotLowered) -> None:
        """Remember a declaration that is not modelled until it is used."""
        decl = node.decl if isinstance(node, c_ast.FuncDef) else node
        name = getattr(decl, "name", None)
        if name is not None:
            what = f"{problem.what} (declared at {problem.coord})"
            self._shared.file_scope.names[name] = BrokenName(what)


@recursion_room()
def lower_function(shared: Shared, node: c_ast.FuncDef, ctype: Function) -> FunctionDef:
    """Lower one function definition."""
    name = node.decl.name
    lowering = Statements(shared, name)
    coord = lowering.coord(node)
    lowering.result = ctype.result
    parameters: list[Variable] = []
    try:
        if node.param_decls:
            raise NotLowered("function in the old style", coord)
        lowering.address_taken = address_taken(node.body, shared.syntax.side)
        if shared.syntax.side.registers:
            lowering.written = written(node.body, shared.syntax.side)
        lowering.label_blocks = blocks_around_labels(node.body)
        lowering.repeated = int(bool(lowering.label_blocks))
        with lowering.scope():
            for parameter, parameter_type in _named_parameters(node, ctype):
                declared = lowering.declared(parameter.type)
                variable, _ = lowering.local_variable(
                    parameter.name or "unnamed",
                    parameter_type,
                    declared.volatile,
                    lowering.coord(parameter),
                )
                parameters.append(lowering.variables.pop())
                if parameter.name:
                    lowering.bind(parameter.name, variable)
            for item in node.body.block_items or ():
                lowering.statement(item)
        body = _kept(shared, name, Block(tuple(lowering.out), coord))
    except NotLowered as problem:
        body = Block((UnsupportedStatement(problem.what, problem.coord),), coord)
    except RecursionError:
        what = "function nested too deeply"
        body = Block((UnsupportedStatement(what, coord),), coord)
    scalar = scalar_of(ctype.result)
    return FunctionDef(
        name,
        ctype.result if scalar is None else scalar,
        tuple(parameters),
        ctype.variadic and node.decl.type.args is not None,
        tuple(lowering.variables),
        body,
        "static" in node.decl.storage,
        coord,
        tuple(lowering.dropped),
    )


def _kept(shared: Shared, name: str, body: Block) -> Block:
    """Return a body, or that it is not what attributes promise of it."""
    broken = broken_promise(body, name, shared.promises)
    if broken is None:
        return body
    what = f"attribute '{broken}' of '{name}', whose body does not keep it"
    raise NotLowered(what, body.coord)


def _named_parameters(
    node: c_ast.FuncDef, ctype: Function
) -> Iterator[tuple[c_ast.Decl, CType]]:
    """Pair the parameters as written with their types as adjusted."""
    arguments = node.decl.type.args
    written = [
        p
        for p in (arguments.params if arguments is not None else ())
        if not isinstance(p, c_ast.EllipsisParam)
    ]
    # ``(void)`` is one parameter as written and none in the type.
    yield from zip(written, ctype.parameters, strict=False)
