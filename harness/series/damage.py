"""Say why a text has no diff that can be read, or none at all."""

from __future__ import annotations

import re

from harness.errors import PatchError
from harness.series.hunk import DamagedError
from reference_model.coordinates import Coord

__all__ = ["NoDiffError", "damage_in", "why_no_diff"]

_CONTEXT_DIFF = re.compile(rb"\*\*\* .*\n--- .*\n\*{15}", re.M)
_QUOTED_DIFF = re.compile(rb"^[>|][>| ]{0,32}(?:diff --git |\+\+\+ |@@ -)", re.M)
_HUNK = re.compile(rb"^@@ -\d{1,9}(?:,\d{1,9})? \+\d{1,9}(?:,\d{1,9})? @@", re.M)
_NAMES = re.compile(rb"^--- \S.*\n\+\+\+ \S", re.M)


class NoDiffError(PatchError):
    """The text holds no diff at all."""


def damage_in(text: bytes, at: Coord) -> DamagedError | None:
    """Say what is wrong with the diff in a text without one that can be read."""
    if _QUOTED_DIFF.search(text):
        return DamagedError(
            "the diff is quoted in a reply: give the mail it answers", at
        )
    if _NAMES.search(text):
        return DamagedError("no hunk follows the file names", at)
    if _HUNK.search(text):
        return DamagedError("hunk without a file name before it", at)
    return None


def why_no_diff(text: bytes, top: Coord) -> PatchError:
    """Say why a text that was read to its end gave no diff."""
    if _CONTEXT_DIFF.search(text):
        return PatchError("context diff: make a unified one (diff -u or git diff)", top)
    return damage_in(text, top) or NoDiffError(
        "no diff found: expected a unified diff or the output of git format-patch", top
    )
