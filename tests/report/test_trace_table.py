"""Traces of any content fit the terminal and lose nothing."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.check.finding import Step
from harness.report.names import short_names
from harness.report.terminal import Style, columns
from harness.report.trace_table import trace_table

_words = st.lists(
    st.text("abcdefgh0123456789_>-", min_size=1, max_size=40), min_size=1, max_size=8
).map(" ".join)
_steps = st.lists(
    st.builds(
        Step,
        st.integers(1, 999),
        st.integers(0, 3),
        _words,
        st.sampled_from(["", "xen/arch/arm/p2m.c", "xen/arch/arm/mmu/p2m.c", "a" * 60]),
        st.integers(0, 99999),
        st.text("abcd_", max_size=50),
        _words,
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)
@given(_steps, st.integers(0, 40), st.booleans())
def test_width(trace: list[Step], room: int, functions: bool) -> None:
    lines = trace_table(trace, Style(), room, functions=functions)
    assert max(map(columns, lines)) <= 80


@settings(deadline=None)
@given(_steps)
def test_with_room_every_word_is_there(trace: list[Step]) -> None:
    lines = trace_table(trace, Style(), 10**6, functions=True)
    shown = re.sub(r"\s", "", "".join(lines))
    for step in trace:
        for letter in set(f"{step.event}{step.effect}") - {" "}:
            assert letter in shown
    assert not any("not shown" in line for line in lines)


@settings(deadline=None)
@given(_steps, st.integers(0, 40))
def test_folding_accounts_for_every_step(trace: list[Step], room: int) -> None:
    lines = trace_table(trace, Style(), room)
    folded = sum(
        int(match[1])
        for line in lines
        if (match := re.search(r"\.\.\. (\d+) steps? not shown", line))
    )
    rows = sum(1 for line in lines[1:] if re.match(r"  [> ] {1,3}\d+  ", line))
    assert rows + folded == len(trace)
    blamed = sum(1 for line in lines if line.startswith("  > "))
    assert blamed == sum(step.blamed for step in trace)


@settings(deadline=None)
@given(st.lists(st.text("ab/", min_size=1, max_size=12), min_size=1, max_size=6))
def test_short_names_tell_files_apart(files: list[str]) -> None:
    names = short_names(files)
    assert len(set(names.values())) == len(set(files))
    assert all(file.endswith(name) for file, name in names.items())
