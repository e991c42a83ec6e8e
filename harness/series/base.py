"""Choose the tree that a patch is checked against."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.errors import ApplyError, TreeError, UsageError
from harness.series.git_apply import apply_to_copies
from harness.series.patch import Patch
from harness.series.tree import Tree, enclosing_tree

__all__ = ["EMBEDDED", "applies", "choose_base"]

# The embedded base is data of the source checkout, not of the installed package.
EMBEDDED = Path(__file__).resolve().parents[2] / "patches" / "base"

_WHAT_TO_DO = "run in a Xen tree or name one with --tree DIR"


def choose_base(
    tree: Path | None, cwd: Path, patch: Patch | None, embedded: Path = EMBEDDED
) -> Tree:
    """Return the named tree, else the one around ``cwd``, else the embedded base.

    The embedded base is taken only if the patch applies to it.
    """
    if tree is not None:
        return Tree.at(tree)
    if (around := enclosing_tree(cwd)) is not None:
        return around
    if not embedded.is_dir():
        raise TreeError(
            f"no Xen tree here, and no embedded base in '{embedded}' "
            f"(it comes with a source checkout): {_WHAT_TO_DO}"
        )
    base = Tree.at(embedded)
    if patch is None:
        return base
    if (refusal := _refusal(base, patch)) is not None:
        raise UsageError(
            f"no Xen tree here, and the embedded base does not fit "
            f"({refusal}): {_WHAT_TO_DO}"
        )
    return base


def applies(tree: Tree, patch: Patch) -> bool:
    """Tell whether the patch applies to the tree."""
    return _refusal(tree, patch) is None


def _refusal(tree: Tree, patch: Patch) -> ApplyError | None:
    with tempfile.TemporaryDirectory(prefix="harness-") as name:
        try:
            apply_to_copies(tree, patch, Path(name).resolve())
        except ApplyError as error:
            return error
    return None
