"""Fingerprints: one for each finding, and the same after unrelated edits above it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.check.diagnosis import Diagnosis
from harness.check.finding import Location
from harness.check.merging import findings_of
from harness.check.pipeline import check
from harness.check.request import CheckRequest
from harness.check.result import Result
from harness.report.codequality import render_codequality
from harness.series.base import EMBEDDED

P2M = "xen/arch/arm/mmu/p2m.c"
FLUSH = "xen/arch/arm/include/asm/arm64/flushtlb.h"
# A local flush, and no flush at a vCPU switch: two functions, two findings.
WRONG = (
    (
        P2M,
        "    flush_guest_tlb();\n\n    if ( ovttbr",
        "    flush_guest_tlb_local();\n\n    if ( ovttbr",
    ),
    (
        P2M,
        "        flush_guest_tlb_local();\n\n    *last_vcpu_ran",
        "        barrier();\n\n    *last_vcpu_ran",
    ),
)
# What stands above them: the head of the file, and of the function itself.
ABOVE = (
    (
        P2M,
        "#include <xen/cpu.h>\n",
        "/* One.\n * Two.\n * Three.\n */\n#include <xen/cpu.h>\n",
    ),
    (
        P2M,
        "    ASSERT(p2m_is_write_locked(p2m));\n\n    /*\n     * The TLBI goes",
        "    /* Nobody else may. */\n\n    ASSERT(p2m_is_write_locked(p2m));\n\n"
        "    /*\n     * The TLBI goes",
    ),
    (FLUSH, "#define TLB_HELPER(name", "/* One helper. */\n\n#define TLB_HELPER(name"),
)


def _patch(changes: tuple[tuple[str, str, str], ...]) -> bytes:
    files: dict[str, str] = {}
    for name, old, new in changes:
        text = files.get(name) or (EMBEDDED / name).read_text()
        assert text.count(old) == 1, old
        files[name] = text.replace(old, new)
    return "".join(line for name in files for line in _diff(name, files[name])).encode()


def _diff(name: str, text: str) -> Iterator[str]:
    old = (EMBEDDED / name).read_text().splitlines(keepends=True)
    new = text.splitlines(keepends=True)
    return difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")


def _checked(changes: tuple[tuple[str, str, str], ...]) -> Result:
    return check(
        CheckRequest(
            _patch(changes),
            "changed",
            EMBEDDED,
            EMBEDDED,
            profiles=("P0-v8.0",),
            scenarios=("unmap-4k", "vcpu-switch-same-domain"),
            jobs=1,
        )
    )


def test_they_stay_when_lines_come_in_above() -> None:
    plain, moved = _checked(WRONG), _checked((*ABOVE, *WRONG))
    assert len(plain.new_errors) >= 2
    lines = [
        [(f.fingerprint, f.location.line) for f in result.new_errors]
        for result in (plain, moved)
    ]
    assert [name for name, _ in lines[0]] == [name for name, _ in lines[1]]
    assert all(a[1] < b[1] for a, b in zip(*lines, strict=True)), lines
    entries = [json.loads(render_codequality(result)) for result in (plain, moved)]
    for before, after in zip(*entries, strict=True):
        assert before["fingerprint"] == after["fingerprint"]
        assert before["location"] != after["location"]
        assert before["check_name"] == after["check_name"]


def _diagnosis(line: int) -> Diagnosis:
    return Diagnosis(
        "tlbi-not-broadcast",
        1,
        f"at line {line}",
        "unmap-4k",
        "P0-v8.0",
        Location(P2M, line, "f", True),
        "Tlbi",
        None,
        (),
        (),
        None,
    )


@pytest.mark.parametrize("lines", [(7, 9, 30), (30, 9, 7)])
def test_two_places_of_one_function_have_two(lines: tuple[int, ...]) -> None:
    found = findings_of(map(_diagnosis, lines), ("P0-v8.0",), ("unmap-4k",))
    names = [f.fingerprint for f in sorted(found, key=lambda f: f.location.line)]
    assert len(set(names)) == 3
    shifted = [replace(_diagnosis(n + 100), message="x") for n in (7, 9, 30)]
    again = findings_of(shifted, ("P0-v8.0",), ("unmap-4k",))
    assert [f.fingerprint for f in again] == names
