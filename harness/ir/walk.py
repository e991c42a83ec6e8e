"""All statements of a piece of code."""

from __future__ import annotations

from collections.abc import Iterator

from harness.ir.nodes import Block, If, Loop, Statement, Switch

__all__ = ["walk"]


def walk(statement: Statement) -> Iterator[Statement]:
    """Yield a statement and all statements in it."""
    yield statement
    inner: tuple[Statement, ...] = ()
    match statement:
        case Block():
            inner = statement.statements
        case If():
            inner = (statement.then, statement.otherwise)
        case Loop():
            inner = (statement.body, statement.step)
        case Switch():
            inner = tuple(body for _, body in statement.cases)
        case _:
            pass
    for part in inner:
        yield from walk(part)
