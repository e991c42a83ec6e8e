"""Answers to what reviewers of such patches ask, each from what was computed.

A question about a flush whose answer was not computed is named as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from harness.check.result import Counts, Result, ScenarioCost
from harness.cost.break_even import nested_pages, refill_reads
from harness.cost.classes import classify
from harness.cost.nested import Nested
from harness.cost.parameters import TLB_ENTRIES, Parameters
from harness.cost.walks import combined_reads
from harness.report.cpus import cpus_text, named_cpus
from harness.report.duration import number
from reference_model.profiles import AARCH32_PROFILES

__all__ = ["Answer", "answers"]

# Sizes by the family of the scenario that unmaps one leaf of that size.
_LEAVES = {"unmap-4k": "4K", "unmap-2m": "2M", "unmap-1g": "1G"}
_PAGES = {"unmap-4k": 1, "unmap-2m": 512, "unmap-1g": 512 * 512}
_PLAIN, _REPEATING = "P0-v8.0", "P1-repeat"
_WAY = "own-vttbr/1-pcpu"
_SWITCH = "vcpu-switch-same-domain"
# What replays answer, by the names that the answers have.
_REPLAYED = {
    "narrowed-flush": "whether a flush that was narrowed is safe, and by which rule",
    "block-one-tlbi": "whether one TLBI is enough for a block",
    "repeat-tlbi-once": "whether the repeat-TLBI workaround once for a batch is enough",
    "loop-barrier": "whether each barrier in a loop is needed",
}
_ABOUT_IPA = {name for name in _REPLAYED if name != "narrowed-flush"}

_Rows = Mapping[tuple[str, str], ScenarioCost]


class Answer(NamedTuple):
    """A question as a reviewer asks it, and the answer."""

    question: str
    answer: str


def answers(result: Result) -> list[Answer]:
    """Answer what the counts of a patch and its base, and replays, can tell.

    The questions are about a change: nobody asks them of a tree.
    """
    if result.command == "audit":
        return []
    rows = {
        (row.scenario, profile): row for row in result.cost for profile in row.profiles
    }
    leaves = [
        (family, rows[f"{family}/{_WAY}", _PLAIN])
        for family in _LEAVES
        if (f"{family}/{_WAY}", _PLAIN) in rows
    ]
    changed = [each for each in leaves if each[1].base != each[1].patched]
    found = [*_switch(rows, result)]
    if changed:
        found += _counts(changed)
        found += _loop(changed, rows)
        found += _repeated(changed, rows)
        found += _break_even(changed)
    if found:
        found += _arm32(result)
    by_ipa = any(row.patched and classify(row.patched).ipa for _, row in changed)
    # Without a TLBI by IPA the others are not asked.
    asked = (a for a in result.answers if by_ipa or a.id not in _ABOUT_IPA)
    found += [Answer(f"{_cut(a.question)}?", a.text) for a in asked]
    return [*found, *_missing(result)] if by_ipa else found


def _cut(question: str) -> str:
    return question.rstrip("?")


def _missing(result: Result) -> Iterator[Answer]:
    """Name the questions that need a replay which was not made."""
    there = {answer.id for answer in result.answers}
    names = [text for name, text in _REPLAYED.items() if name not in there]
    if names:
        yield Answer("Not computed here:", "; ".join(names))


def _counts(leaves: list[tuple[str, ScenarioCost]]) -> Iterator[Answer]:
    parts = [
        f"{_LEAVES[family]}: {_tlbis(row.base)} -> {_tlbis(row.patched)}"
        for family, row in leaves
    ]
    yield Answer("TLBIs to unmap one page or block?", ", ".join(parts))
    off = max((row.patched.irqs_off for _, row in leaves if row.patched), default=0)
    if off > 1:
        yield Answer("TLBIs in one stretch with interrupts masked?", f"up to {off:,}")


def _tlbis(counts: Counts | None) -> str:
    return "not run" if counts is None else f"{classify(counts).total:,}"


def _loop(leaves: list[tuple[str, ScenarioCost]], rows: _Rows) -> Iterator[Answer]:
    """Compare barriers of the smallest and the largest leaf."""
    (small_family, small), (family, large) = leaves[0], leaves[-1]
    if small.patched is None or large.patched is None or small is large:
        return
    tlbis = classify(large.patched).total - classify(small.patched).total
    more = large.patched.dsb - small.patched.dsb
    if tlbis <= 0:
        return
    sizes = f"{_LEAVES[small_family]} and {_LEAVES[family]}"
    where = (
        f"outside: {small.patched.dsb} DSBs for {sizes} alike"
        if more == 0
        else f"inside: {more / tlbis:.2g} DSB a TLBI"
    )
    there = [rows.get((row.scenario, _REPEATING)) for row in (small, large)]
    dsbs = [row.patched.dsb for row in there if row is not None and row.patched]
    if len(dsbs) == len(there) and dsbs[1] - dsbs[0] > more:
        extra = dsbs[1] - dsbs[0] - more
        where += f"; {extra:,} more inside it on {named_cpus(_REPEATING)}"
    yield Answer("Barriers inside or outside the loop over the pages?", where)


def _repeated(leaves: list[tuple[str, ScenarioCost]], rows: _Rows) -> Iterator[Answer]:
    """Tell how often the workaround for REPEAT_TLBI is paid."""
    family, plain = leaves[-1]
    repeating = rows.get((plain.scenario, _REPEATING))
    if repeating is None or repeating.patched is None or plain.patched is None:
        return
    more = classify(repeating.patched).total - classify(plain.patched).total
    if more <= 0:
        return
    way = "per batch, once" if more == 1 else f"{more:,} times"
    if more >= _PAGES[family] > 1:
        way = f"per page, {more:,} times"
    yield Answer(
        "Is the repeat-TLBI workaround paid per page or per batch?",
        f"{way} for a {_LEAVES[family]} block",
    )


def _break_even(leaves: list[tuple[str, ScenarioCost]]) -> Iterator[Answer]:
    patched = leaves[0][1].patched
    if patched is None or not classify(patched).ipa:
        return
    pages = number(nested_pages(Nested(Parameters(), 48)))
    yield Answer(
        "From how many pages on is a full flush cheaper?",
        f"under KVM with a 48-bit PA from about {pages} pages, as modelled; on bare "
        f"metal from {_refills()} pages, by the size of the TLB and the depth of the "
        "walks, if a broadcast TLBI takes as long as one descriptor read, and N times "
        "fewer if as long as N",
    )


def _refills() -> str:
    """Return the range of break-evens on cores whose TLB sizes are published."""
    sizes = [entries for entries, _ in TLB_ENTRIES.values()]
    low = refill_reads(min(sizes), 1)
    high = refill_reads(max(sizes), combined_reads(4, 3))
    return f"{low:,} to {high:,}"


def _switch(rows: _Rows, result: Result) -> Iterator[Answer]:
    row = rows.get((_SWITCH, _PLAIN))
    if row is None or row.base == row.patched or row.base is None:
        return
    if row.patched is None:
        return
    old, new = (", ".join(dict(c.tlbi)) or "no TLBI" for c in (row.base, row.patched))
    if old == new:
        return  # another barrier; the findings tell
    broken = {
        profile
        for finding in result.new_errors
        if any(name.startswith("vcpu-switch") for name in finding.scenarios)
        for profile in finding.profiles
    }
    some = [profile for profile in result.profiles if profile in broken]
    left = "nothing that must not be used is left by it"
    if len(some) == len(result.profiles):
        left = "not safe"
    elif some:
        left = f"not safe on {cpus_text(some, result.profiles).removeprefix('only ')}"
    yield Answer(
        "Flush at a switch to another vCPU of the domain?", f"{old} -> {new}; {left}"
    )


def _arm32(result: Result) -> Iterator[Answer]:
    """Say what the 32-bit build of the same code makes of the patch."""
    profiles = set(result.profiles) & set(AARCH32_PROFILES)
    question = "What about 32-bit Arm?"
    if not profiles:
        yield Answer(question, "not run")
        return
    if any(
        f.rule == "c-does-not-build" and profiles & {*f.profiles}
        for f in result.new_errors
    ):
        yield Answer(question, "does not build, see above")
        return
    rows = [row for row in result.cost if profiles & set(row.profiles)]
    differ = [row for row in rows if row.base != row.patched]
    what = (
        f"builds; its TLB maintenance changes, too, in {len(differ)} of {len(rows)} "
        "runs"
        if differ
        else "builds; runs the same TLB maintenance as before"
    )
    yield Answer(question, what)
