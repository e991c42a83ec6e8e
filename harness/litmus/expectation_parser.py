"""Reads what a test expects: ``verdict`` and ``finding`` lines."""

from __future__ import annotations

from harness.errors import ParseError
from harness.litmus.profile_change import CHANGEABLE
from harness.litmus.test import Expectation, Verdict
from harness.litmus.tokens import Line, shown

__all__ = ["expectations"]


def expectations(line: Line) -> Expectation:
    """Read one line."""
    line.peek()
    coord = line.coord
    verdict: Verdict | None = None
    rules: frozenset[str] = frozenset()
    pe = -1
    if line.accept("verdict"):
        verdict = _verdict(line)
    else:
        line.expect("finding")
        rules = _rules(line)
        if line.accept("at"):
            line.expect("pe")
            pe = line.number("a PE number", 16)
            if not rules:
                line.fail("'none' is at no PE")
    changes = _changes(line) if line.accept("with") else ()
    line.finish()
    return Expectation(verdict, rules, pe, changes, coord)


def _verdict(line: Line) -> Verdict:
    known = [verdict.value for verdict in Verdict]
    if line.peek().text not in known:
        line.fail(f"no verdict {shown(line.peek())}: {', '.join(known)}")
    return Verdict(line.take().text)


def _rules(line: Line) -> frozenset[str]:
    if line.accept("none"):
        return frozenset()
    rules = [line.name("a rule id or 'none'")]
    while line.accept(","):
        rules.append(line.name("a rule id"))
    return frozenset(rules)


def _changes(line: Line) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    while True:
        coord = line.coord
        name = line.name("a feature, as in ets=2")
        if name not in CHANGEABLE:
            raise ParseError(
                f"no feature or assumption '{name}': {', '.join(CHANGEABLE)}", coord
            )
        line.expect("=")
        if line.peek().kind not in ("number", "name"):
            line.fail(f"expected a value, not {shown(line.peek())}")
        found.append((name, line.take().text))
        if not line.accept(","):
            return tuple(found)
