"""Print IR as text: one statement a line, each with its source line.

The form is for people and for tests; it is deterministic and never read back.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.ir.nodes import (
    Asm,
    AsmInput,
    AsmOutput,
    Begin,
    Binary,
    BitField,
    Block,
    Break,
    Call,
    Cast,
    CheckedIndex,
    Const,
    Continue,
    Copy,
    End,
    Expr,
    FrameAddress,
    Freeze,
    FunctionAddress,
    FunctionDef,
    Global,
    GlobalAddress,
    Goto,
    If,
    Label,
    Load,
    LoadBits,
    Local,
    Logical,
    Loop,
    Return,
    Select,
    SetLocal,
    Statement,
    Store,
    StoreBits,
    Switch,
    Unary,
    Unit,
    UnsupportedExpr,
    UnsupportedStatement,
    Variable,
    VariableArgumentsAddress,
    ZeroMemory,
)

__all__ = ["print_expression", "print_function", "print_global", "print_unit"]

_INDENT = "  "
_LARGEST_DECIMAL = 4096


def print_expression(expr: Expr) -> str:
    """Return one expression as text."""
    match expr:
        case Const(value, _, _):
            return str(value) if abs(value) < _LARGEST_DECIMAL else hex(value)
        case Local(name, _, _):
            return name
        case FrameAddress(name, _, _):
            return f"&{name}"
        case GlobalAddress(name, _, _) | FunctionAddress(name, _, _):
            return f"@{name}"
        case Load(address, ctype, _, volatile, packed):
            mark = "volatile " * volatile + "packed " * packed
            return f"[{mark}{ctype} {print_expression(address)}]"
        case LoadBits(address, bits, ctype, _):
            return f"[{ctype} {print_expression(address)}{_bits(bits)}]"
        case Unary(op, operand, _, _):
            return f"{op}{print_expression(operand)}"
        case Binary(op, left, right, _, _) | Logical(op, left, right, _, _):
            return f"({print_expression(left)} {op} {print_expression(right)})"
        case Select(condition, then, otherwise, _, _):
            arms = f"{print_expression(then)} : {print_expression(otherwise)}"
            return f"({print_expression(condition)} ? {arms})"
        case Cast(operand, ctype, _):
            return f"({ctype}){print_expression(operand)}"
        case VariableArgumentsAddress():
            return "&..."
        case CheckedIndex(index, count, beyond, _, _):
            return f"{print_expression(index)} in 0..{count if beyond else count - 1}"
        case UnsupportedExpr(what, _, _):
            return f"unsupported<{what}>"


def _bits(bits: BitField) -> str:
    last = bits.offset + bits.width - 1
    return f" {8 * bits.unit_size}:{last}..{bits.offset}"


def print_function(function: FunctionDef) -> str:
    """Return a function as text."""
    parameters = ", ".join(_variable(p) for p in function.parameters)
    if function.variadic:
        parameters += ", ..."
    linkage = "static " if function.static else ""
    lines = [f"{linkage}{function.result} {function.name}({parameters})"]
    lines += [f"{_INDENT}var {_variable(v)}" for v in function.variables]
    lines += _block(function.body, 1)
    return "\n".join(lines) + "\n"


def _variable(variable: Variable) -> str:
    mark = "&" if variable.in_memory else ""
    return f"{mark}{variable.name}: {variable.type}"


def _block(block: Block, depth: int) -> Iterator[str]:
    for statement in block.statements:
        yield from _statement(statement, depth)


def _statement(statement: Statement, depth: int) -> Iterator[str]:
    """Yield the lines of a statement."""
    if isinstance(statement, Block):
        yield from _block(statement, depth)
        return
    pad = _INDENT * depth
    place = f"  # {statement.coord}"
    match statement:
        case If(condition, then, otherwise, _):
            yield f"{pad}if {print_expression(condition)}{place}"
            yield from _block(then, depth + 1)
            if otherwise.statements:
                yield f"{pad}else"
                yield from _block(otherwise, depth + 1)
        case Loop(body, step, _):
            yield f"{pad}loop{place}"
            yield from _block(body, depth + 1)
            if step.statements:
                yield f"{pad}step"
                yield from _block(step, depth + 1)
        case Switch(value, cases, default, _):
            yield f"{pad}switch {print_expression(value)}{place}"
            for number, (ranges, body) in enumerate(cases):
                names = [str(a) if a == b else f"{a}..{b}" for a, b in ranges]
                names += ["default"] * (number == default)
                yield f"{pad}case {', '.join(names)}:"
                yield from _block(body, depth + 1)
        case _:
            yield f"{pad}{_simple(statement)}{place}"


def _simple(statement: Statement) -> str:
    """Return a statement without statements inside."""
    show = print_expression
    match statement:
        case SetLocal(name, value, _):
            return f"{name} = {show(value)}"
        case Store(address, value, ctype, _, volatile, packed):
            mark = "volatile " * volatile + "packed " * packed
            return f"[{mark}{ctype} {show(address)}] = {show(value)}"
        case StoreBits(address, bits, value, _):
            return f"[{show(address)}{_bits(bits)}] = {show(value)}"
        case Copy(target, source, size, _):
            return f"copy {show(target)} from {show(source)}, {size} bytes"
        case ZeroMemory(target, size, _):
            return f"zero {show(target)}, {size} bytes"
        case Begin(name, _):
            return f"begin {name}"
        case End(name, _):
            return f"end {name}"
        case Freeze(name, _):
            return f"freeze {name}"
        case Call():
            return _call(statement)
        case Asm():
            return _asm(statement)
        case Return(value, _):
            return "return" if value is None else f"return {show(value)}"
        case Goto(label, _):
            return f"goto {label}"
        case Label(name, _):
            return f"{name}:"
        case Break():
            return "break"
        case Continue():
            return "continue"
        case UnsupportedStatement(what, _):
            return f"unsupported<{what}>"
        case _:
            raise AssertionError(f"no text for {type(statement).__name__}")


def _call(call: Call) -> str:
    function = call.function
    name = function if isinstance(function, str) else f"*{print_expression(function)}"
    text = f"{name}({', '.join(print_expression(a) for a in call.arguments)})"
    if call.result is not None:
        return f"{call.result} = {text}"
    if call.result_address is not None:
        return f"[{call.type} {print_expression(call.result_address)}] = {text}"
    return text


def _asm(asm: Asm) -> str:
    """Print the operands in the order of the source."""
    operands: list[str] = []
    for output in asm.outputs:
        target = output.local
        if output.address is not None:
            target = f"[{print_expression(output.address)}]"
        operands.append(f"{_operand(output)} {target}")
    for value in asm.inputs:
        text = print_expression(value.value)
        operands.append(f"{_operand(value)} {text}")
    parts = [f"asm{' volatile' if asm.volatile else ''} {asm.template!r}", *operands]
    if asm.clobbers:
        parts.append("clobbers " + " ".join(asm.clobbers))
    if asm.goto_labels:
        parts.append("goto " + " ".join(asm.goto_labels))
    return ", ".join(parts)


def _operand(operand: AsmInput | AsmOutput) -> str:
    name = f"[{operand.name}] " if operand.name else ""
    place = f" in {operand.register}" if operand.register else ""
    return f'{name}"{operand.constraint}"{place}'


def print_global(variable: Global) -> str:
    """Return a global variable as text."""
    mark = "" if variable.defined else "extern "
    mark += "const " * variable.const
    text = f"{mark}{variable.type} {variable.name}"
    if variable.section:
        text += f" in {variable.section}"
    if variable.align:
        text += f" aligned {variable.align}"
    if variable.text is not None:
        return f"{text} = {variable.text!r}\n"
    lines = [text]
    for item in variable.initial:
        bits = _bits(item.bits) if item.bits is not None else ""
        value = print_expression(item.value)
        lines.append(f"{_INDENT}{item.type} +{item.offset}{bits} = {value}")
    return "\n".join(lines) + "\n"


def print_unit(unit: Unit) -> str:
    """Return all functions with a body, and the globals that are defined."""
    parts = [print_function(f) for f in unit.functions.values()]
    defined = (g for g in unit.globals.values() if g.defined)
    parts += [print_global(g) for g in sorted(defined, key=lambda g: g.name)]
    return "\n".join(parts)
