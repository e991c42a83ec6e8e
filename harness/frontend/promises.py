"""What attributes promise of a function, and whether its body keeps it.

A compiler drops calls of a const or pure function whose result nobody needs, and
what follows a call of one that never returns.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from harness.ir.nodes import (
    Asm,
    Block,
    Break,
    Call,
    Copy,
    Loop,
    Return,
    Statement,
    Store,
    StoreBits,
    ZeroMemory,
)
from harness.ir.walk import walk

__all__ = ["PROMISES", "broken_promise"]

PROMISES = frozenset(("const", "pure", "noreturn"))
_READS = re.compile(r"\s*mrs\b[^;\n]*[;\s]*", re.IGNORECASE)


def broken_promise(
    body: Block, name: str, promises: Mapping[str, Collection[str]]
) -> str | None:
    """Return the promise that the body of a function does not keep, or None.

    ``promises`` has those of all functions.
    """
    own = promises.get(name, ())
    if "noreturn" in own and not _never_returns(body, promises):
        return "noreturn"
    computes = sorted({"const", "pure"}.intersection(own))
    if computes and any(_acts(statement, promises) for statement in walk(body)):
        return computes[0]
    return None


def _never_returns(body: Block, promises: Mapping[str, Collection[str]]) -> bool:
    if any(isinstance(statement, (Break, Return)) for statement in walk(body)):
        return False
    last: Statement = body
    while isinstance(last, Block) and last.statements:
        last = last.statements[-1]
    if isinstance(last, Call) and isinstance(last.function, str):
        ends = last.function in ("__builtin_trap", "__builtin_unreachable")
        return ends or "noreturn" in promises.get(last.function, ())
    return isinstance(last, Loop)


def _acts(statement: Statement, promises: Mapping[str, Collection[str]]) -> bool:
    """Tell whether a statement does more than compute."""
    match statement:
        case Store() | StoreBits() | Copy() | ZeroMemory():
            return True
        case Asm():
            return statement.volatile and not _READS.fullmatch(statement.template)
        case Call(function=str() as name):
            harmless = {"const", "pure"}.intersection(promises.get(name, ()))
            return not harmless and not name.startswith("__builtin_")
        case Call():
            return True
        case _:
            return False
