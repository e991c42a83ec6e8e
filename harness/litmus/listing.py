"""Answers as text: one line a result, then a summary; 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from harness.check.causes.causes import Cause
from harness.litmus.answer import Answer, Result

__all__ = ["listing"]

_WIDTH = 80
_NAME = 40  # columns
_INDENT = " " * 10


def listing(answers: Sequence[Answer], *, explain: bool, quiet: bool) -> str:
    """Return the text for a run of tests."""
    lines: list[str] = []
    for answer in answers:
        for result in answer.results:
            if quiet and result.ok:
                continue
            lines.extend(_result(answer, result))
            if explain:
                lines.extend(_explanation(result))
    lines.append(_summary(answers))
    return "".join(f"{line}\n" for line in lines)


def _result(answer: Answer, result: Result) -> Iterator[str]:
    """Yield ``STATUS  NAME  OUTCOME  STATES``, and what was expected instead."""
    status = "ok" if result.ok else "MISMATCH"
    features = ", ".join(f"{key}={value}" for key, value in result.expectation.changes)
    name = answer.test.name + (f" ({features})" if features else "")
    outcome = f"{result}  {result.states}"
    line = f"{status:<8}  {name:<{_NAME}}  {outcome}"
    if len(line) <= _WIDTH:
        yield line
    else:
        yield from _wrapped(name, f"{status:<8}  ")
        yield from _wrapped(outcome)
    if result.ok:
        return
    coord = result.expectation.coord
    yield from _wrapped(f"expected {result.expectation} ({coord})")
    if result.inconclusive:
        yield from _wrapped(f"because of {result.inconclusive}")


def _wrapped(text: str, indent: str = _INDENT) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=" " * (len(indent) + 2),
        break_long_words=True,
        break_on_hyphens=False,
    )


def _explanation(result: Result) -> Iterator[str]:
    for step in result.execution:
        yield from _wrapped(step)
    told: dict[str, None] = {}
    for cause in result.causes:
        told.setdefault(_cause(cause))
    for text in told:
        yield from _wrapped(text)


def _cause(cause: Cause) -> str:
    violation = cause.violation
    where = f"pe {violation.pe} {violation.kind.value} of VMID {violation.vmid}"
    repair = f"; repair: {cause.edit.text}" if cause.edit and cause.edit.text else ""
    return f"{cause.rule}: {violation.broken.value}, {where}{repair}"


def _summary(answers: Sequence[Answer]) -> str:
    results = [result for answer in answers for result in answer.results]
    unclear = sum(bool(result.inconclusive) for result in results)
    wrong = sum(not result.ok for result in results) - unclear
    text = f"{_count(len(answers), 'test')}, {_count(len(results), 'result')}: "
    if not wrong and not unclear:
        return text + "all as expected"
    parts = []
    if wrong:
        parts.append(_count(wrong, "mismatch", "mismatches"))
    if unclear:
        parts.append(f"{unclear} inconclusive")
    return text + ", ".join(parts)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
