"""Short names to write IR by hand."""

from __future__ import annotations

from collections.abc import Mapping

from harness.execution.boundary import Boundary
from harness.execution.cpu import Cpu, Features
from harness.execution.memory import Memory
from harness.execution.program import Program
from harness.execution.recorder import Recorder
from harness.execution.run import Execution, Limits
from harness.ir import nodes as ir
from harness.ir.types import CType, Integer, Pointer, Void
from reference_model.coordinates import Coord

HERE = Coord("test.c", 1)
INT = Integer("int", 4, True)
UINT = Integer("unsigned int", 4, False)
LONG = Integer("long", 8, True)
ULONG = Integer("unsigned long", 8, False)
UCHAR = Integer("unsigned char", 1, False)
BOOL = Integer("_Bool", 1, False)
VOID = Void()
POINTER = Pointer(ULONG)


def at(line: int) -> Coord:
    return Coord("test.c", line)


def num(value: int, ctype: CType = INT) -> ir.Const:
    return ir.Const(value, ctype, HERE)


def var(name: str, ctype: CType = INT) -> ir.Local:
    return ir.Local(name, ctype, HERE)


def op(text: str, left: ir.Expr, right: ir.Expr, ctype: CType = INT) -> ir.Binary:
    return ir.Binary(text, left, right, ctype, HERE)


def put(name: str, value: ir.Expr, line: int = 1) -> ir.SetLocal:
    return ir.SetLocal(name, value, at(line))


def block(*statements: ir.Statement) -> ir.Block:
    return ir.Block(statements, HERE)


def when(
    condition: ir.Expr, then: ir.Block, otherwise: ir.Block | None = None
) -> ir.If:
    return ir.If(condition, then, otherwise or block(), HERE)


def loop(body: ir.Block, step: ir.Block | None = None, line: int = 1) -> ir.Loop:
    return ir.Loop(body, step or block(), at(line))


def give(value: ir.Expr | None = None, line: int = 1) -> ir.Return:
    return ir.Return(value, at(line))


def asm(
    template: str,
    outputs: tuple[ir.AsmOutput, ...] = (),
    inputs: tuple[ir.AsmInput, ...] = (),
    line: int = 1,
) -> ir.Asm:
    return ir.Asm(template, outputs, inputs, ("memory",), at(line))


def out(constraint: str, local: str, ctype: CType = ULONG) -> ir.AsmOutput:
    return ir.AsmOutput("", constraint, ctype, local)


def into(constraint: str, address: ir.Expr, ctype: CType = ULONG) -> ir.AsmOutput:
    return ir.AsmOutput("", constraint, ctype, None, address)


def inp(constraint: str, value: ir.Expr) -> ir.AsmInput:
    return ir.AsmInput("", constraint, value)


def define(
    name: str,
    parameters: Mapping[str, CType],
    *statements: ir.Statement,
    result: CType = INT,
    memory: Mapping[str, CType] | None = None,
) -> ir.FunctionDef:
    """Define a function; ``memory`` has its variables that live in memory."""
    in_memory = memory or {}
    return ir.FunctionDef(
        name,
        result,
        tuple(ir.Variable(n, t, n in in_memory, HERE) for n, t in parameters.items()),
        False,
        tuple(
            ir.Variable(n, t, True, HERE)
            for n, t in in_memory.items()
            if n not in parameters
        ),
        block(*statements),
        True,
        at(1),
    )


def unit(*functions: ir.FunctionDef) -> ir.Unit:
    return ir.Unit("test.c", functions={f.name: f for f in functions})


def execution(
    *functions: ir.FunctionDef,
    globals_: Mapping[str, ir.Global] | None = None,
    boundary: Mapping[str, Boundary] | None = None,
    declared: Mapping[str, CType] | None = None,
    features: Features | None = None,
    limits: Limits | None = None,
    recorder: Recorder | None = None,
) -> Execution:
    program = Program(unit(*functions))
    program.unit.globals.update(globals_ or {})
    program.unit.declared.update(declared or {})
    return Execution(
        program,
        Memory(),
        Cpu(features),
        recorder or Recorder(),
        boundary or {},
        limits,
    )


def evaluate(expr: ir.Expr, **values: tuple[int, CType]) -> int:
    """Evaluate one expression over parameters of the given values and types."""
    types = {name: ctype for name, (_, ctype) in values.items()}
    run = execution(define("f", types, give(expr), result=expr.type))
    result = run.call("f", *(value for value, _ in values.values()))
    assert result is not None
    return result
