"""Questions about the control flow of statements."""

from __future__ import annotations

from harness.ir import nodes as ir
from harness.ir.walk import walk

__all__ = ["completes", "flat", "own_breaks", "tail_breaks"]


def flat(statement: ir.Statement) -> bool:
    """Tell whether a jump enters the statement or leaves a loop in it."""
    for part in walk(statement):
        if isinstance(part, ir.Label):
            return True
        if isinstance(part, (ir.Loop, ir.Switch)) and any(
            isinstance(inner, ir.Goto) for inner in walk(part)
        ):
            return True
    return False


def _last(block: ir.Block) -> ir.Statement | None:
    for statement in reversed(block.statements):
        if not isinstance(statement, ir.Block):
            return statement
        last = _last(statement)
        if last is not None:
            return last
    return None


def completes(block: ir.Block) -> bool:
    """Tell whether control may run off the end of a block."""
    last = _last(block)
    if isinstance(last, ir.If):
        return completes(last.then) or completes(last.otherwise)
    return not isinstance(last, (ir.Break, ir.Continue, ir.Return, ir.Goto))


def tail_breaks(block: ir.Block) -> int:
    """Count the Breaks with nothing behind them in a case."""
    last = _last(block)
    if isinstance(last, ir.If):
        return tail_breaks(last.then) + tail_breaks(last.otherwise)
    return int(isinstance(last, ir.Break))


def own_breaks(statement: ir.Statement) -> int:
    """Count the Breaks that leave the statement around this one."""
    match statement:
        case ir.Break():
            return 1
        case ir.Block():
            return sum(own_breaks(inner) for inner in statement.statements)
        case ir.If():
            return own_breaks(statement.then) + own_breaks(statement.otherwise)
        case _:
            return 0
