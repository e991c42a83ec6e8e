"""Errors say where, and lose nothing on the way from another process."""

from __future__ import annotations

import pickle

import pytest

from harness.errors import ApplyError, Unsupported, UsageError
from reference_model.coordinates import Coord

COORD = Coord("xen/arch/arm/mmu/p2m.c", 12)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ApplyError("hunk does not apply", COORD), f"{COORD}: hunk does not apply"),
        (UsageError("no patch given"), "no patch given"),
        (Unsupported(COORD, "asm 'hvc'"), f"{COORD}: asm 'hvc'"),
        (Unsupported(None, "asm 'hvc'"), "asm 'hvc'"),
    ],
)
def test_survives_a_process_border(error: Exception, text: str) -> None:
    assert str(error) == text
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == text
    assert copy.coord == error.coord  # type: ignore[attr-defined]
