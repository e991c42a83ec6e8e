"""One tree, built for several architectures: one analysis."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from harness.check.coverage.coverage import across
from harness.check.diagnosis import Diagnosis
from harness.check.finding import Location
from harness.check.tree_analysis import Reached, TreeAnalysis, TreeJob
from harness.errors import HarnessError, PreprocessError, RefusedError
from harness.targets import TARGETS, Code

__all__ = ["code_of_all", "merged", "refused"]

_T = TypeVar("_T")

BUILD = "build"  # stands where findings name a scenario
_QUOTED = re.compile(r"'(\w+)' is not declared")
# What only the other architecture has.
_ONLY = {
    "arm32": ("xen/arch/arm/include/asm/arm64", "xen/arch/arm/arm64"),
    "arm64": ("xen/arch/arm/include/asm/arm32", "xen/arch/arm/arm32"),
}
_FILE_BYTES = 1 << 20


def refused(job: TreeJob, error: HarnessError) -> TreeAnalysis:
    """Return the analysis of code that cannot be read for its architecture.

    What a compiler refuses, too, is a finding.  In any case nothing is known
    of what the code does there, so that no verdict may rest on it.
    """
    architecture = TARGETS[job.target].platform.architecture.name
    coord = error.coord
    place = (coord.file, coord.line) if coord else ("", 0)
    result = TreeAnalysis()
    what = f"the code for {architecture}, which cannot be read: {error.message}"
    result.reached = [Reached(what, *place, BUILD, name) for name in job.profiles]
    if isinstance(error, RefusedError | PreprocessError) and coord is not None:
        message = f"does not build for {architecture}: {error.message}"
        message += _defined_elsewhere(job.view.root, architecture, error.message)
        location = Location(*place, "", job.view.touched(*place))
        result.diagnoses = [
            _diagnosis(message, name, location, error.message) for name in job.profiles
        ]
    return result


def _diagnosis(message: str, profile: str, location: Location, mark: str) -> Diagnosis:
    return Diagnosis(
        "c-does-not-build",
        -1,
        message,
        BUILD,
        profile,
        location,
        mark,
        None,
        (),
        (),
        None,
    )


def _defined_elsewhere(root: Path, architecture: str, message: str) -> str:
    """Say which file of the other architecture alone has a name that is missing."""
    match = _QUOTED.match(message)
    if match is None:
        return ""
    word = re.compile(rf"\b{match[1]}\b")
    for directory in _ONLY[architecture]:
        for path in sorted((root / directory).glob("*.[chS]")):
            if path.stat().st_size > _FILE_BYTES:
                continue
            if word.search(path.read_text(encoding="utf-8", errors="replace")):
                return f"; '{path.relative_to(root)}' has it, for the other one alone"
    return ""


def merged(parts: list[TreeAnalysis]) -> TreeAnalysis:
    """Put the analyses of one tree for several architectures together.

    A scenario is complete if it ran to its end on each that knows it.
    """
    if len(parts) == 1:
        return parts[0]
    whole = TreeAnalysis()
    for part in parts:
        whole.diagnoses += part.diagnoses
        whole.reached += part.reached
        whole.savings += part.savings
        whole.needs += part.needs
        whole.costs.update(part.costs)
        whole.executions += part.executions
        whole.events += part.events
        whole.exhausted = whole.exhausted and part.exhausted
    whole.scenarios = _each(part.scenarios for part in parts)
    whole.complete = {
        name
        for name in whole.scenarios
        if all(name in p.complete for p in parts if name in p.scenarios)
    }
    whole.unhandled = _each(part.unhandled for part in parts)
    whole.coverage = across([part.coverage for part in parts])
    return whole


def _each(parts: Iterable[tuple[_T, ...]]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(item for part in parts for item in part))


def code_of_all(codes: list[Code]) -> Code:
    """Return what a tree comes to on all architectures."""
    files = frozenset(name for code in codes for name in code.files)
    return replace(codes[0], files=files)
