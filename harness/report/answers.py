"""Answers to what reviewers of such patches ask, each from what was computed.

A question whose answer was not computed is not in the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from harness.check.result import Counts, Result, ScenarioCost
from harness.cost.break_even import nested_pages
from harness.cost.classes import classify
from harness.cost.nested import Nested
from harness.cost.parameters import Parameters
from harness.report.duration import duration, number

__all__ = ["Answer", "answers"]

# Sizes by the family of the scenario that unmaps one leaf of that size.
_LEAVES = {"unmap-4k": "4K", "unmap-2m": "2M", "unmap-1g": "1G"}
_PAGES = {"unmap-4k": 1, "unmap-2m": 512, "unmap-1g": 512 * 512}
_PLAIN, _REPEATING = "P0-v8.0", "P1-repeat"
_WAY = "own-vttbr/1-pcpu"


class Answer(NamedTuple):
    """A question as a reviewer asks it, and the answer."""

    question: str
    answer: str


def answers(result: Result) -> list[Answer]:
    """Answer what the counts of a patch and its base can tell."""
    rows = {
        (row.scenario, profile): row for row in result.cost for profile in row.profiles
    }
    leaves = [
        (family, rows[f"{family}/{_WAY}", _PLAIN])
        for family in _LEAVES
        if (f"{family}/{_WAY}", _PLAIN) in rows
    ]
    changed = [each for each in leaves if each[1].base != each[1].patched]
    found: list[Answer] = []
    if changed:
        found += _counts(changed)
        found += _loop(changed)
        found += _repeated(changed, rows)
        found += _break_even(changed)
    found += _switch(rows)
    found += [Answer(each.question, each.text) for each in result.answers]
    return found


def _counts(leaves: list[tuple[str, ScenarioCost]]) -> Iterator[Answer]:
    parts = [
        f"{_LEAVES[family]}: {_tlbis(row.base)} -> {_tlbis(row.patched)}"
        for family, row in leaves
    ]
    yield Answer("TLBIs to unmap one page or block", ", ".join(parts))
    off = max((row.patched.irqs_off for _, row in leaves if row.patched), default=0)
    if off > 1:
        yield Answer("TLBIs in one stretch with interrupts masked", f"up to {off:,}")


def _tlbis(counts: Counts | None) -> str:
    return "not run" if counts is None else f"{classify(counts).total:,}"


def _loop(leaves: list[tuple[str, ScenarioCost]]) -> Iterator[Answer]:
    """Compare barriers of the smallest and the largest leaf."""
    (_, small), (family, large) = leaves[0], leaves[-1]
    if small.patched is None or large.patched is None or small is large:
        return
    tlbis = classify(large.patched).total - classify(small.patched).total
    more = large.patched.dsb - small.patched.dsb
    if tlbis <= 0:
        return
    where = "outside the loop" if more == 0 else f"{more / tlbis:.2g} a TLBI inside it"
    yield Answer("DSBs inside or outside the loop over a block", where)
    pages = _PAGES[family]
    if tlbis >= pages - 1:
        yield Answer(
            f"one TLBI for a {_LEAVES[family]} block",
            f"the patch sends one for each of its {pages:,} pages",
        )


def _repeated(
    leaves: list[tuple[str, ScenarioCost]],
    rows: dict[tuple[str, str], ScenarioCost],
) -> Iterator[Answer]:
    """Tell how often the workaround for REPEAT_TLBI is paid."""
    family, plain = leaves[-1]
    repeating = rows.get((plain.scenario, _REPEATING))
    if repeating is None or repeating.patched is None or plain.patched is None:
        return
    more = classify(repeating.patched).total - classify(plain.patched).total
    if more > 0:
        batch = "once for the batch" if more == 1 else f"{more:,} times"
        text = f"{batch} for a {_LEAVES[family]} block"
        yield Answer("the REPEAT_TLBI workaround, per page or per batch", text)


def _break_even(leaves: list[tuple[str, ScenarioCost]]) -> Iterator[Answer]:
    patched = leaves[0][1].patched
    if patched is None or not classify(patched).ipa:
        return
    nested = Nested(Parameters(), 48)
    yield Answer(
        "from how many pages on a full flush is cheaper",
        f"under KVM with 48 PA bits about {number(nested_pages(nested))} (model, "
        f"one full flush {duration(nested.full.typical)}); on bare metal from the "
        "number of TLB entries lost, see harness cost",
    )


def _switch(rows: dict[tuple[str, str], ScenarioCost]) -> Iterator[Answer]:
    row = rows.get(("vcpu-switch-same-domain", _PLAIN))
    if row is None or row.base == row.patched or row.base is None:
        return
    if row.patched is None:
        return
    old, new = (", ".join(dict(c.tlbi)) or "no TLBI" for c in (row.base, row.patched))
    yield Answer(
        "flush when a pCPU goes to another vCPU of the domain", f"{old} -> {new}"
    )
