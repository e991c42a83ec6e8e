"""Random programs mean here what they mean to the compiler.

``HARNESS_RANDOM_PROGRAMS`` is the number of programs of 40 functions to try
instead of the few that always run.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from compiled_runs import compare, toolchain

TOOLS = toolchain()
COUNT = int(os.environ.get("HARNESS_RANDOM_PROGRAMS", "3"))
FIRST = int(os.environ.get("HARNESS_RANDOM_FIRST", "1"))


@pytest.mark.skipif(TOOLS is None, reason="needs a C compiler")
@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_random_program(seed: int, tmp_path: Path) -> None:
    assert TOOLS is not None
    equal, trapped = compare(seed, 40, TOOLS, tmp_path)
    assert equal > 60 and trapped < equal / 2
