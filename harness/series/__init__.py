"""Patch and tree intake: read a patch, choose its base, show the tree patched."""

from harness.series.base import choose_base
from harness.series.patch import Patch, load_patch, read_patch
from harness.series.tree import Tree
from harness.series.view import View, apply

__all__ = [
    "Patch",
    "Tree",
    "View",
    "apply",
    "choose_base",
    "load_patch",
    "read_patch",
]
