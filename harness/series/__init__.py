"""Patch and tree intake: read patches, choose their base, show the tree patched."""

from harness.series.base import choose_base
from harness.series.patch import Patch
from harness.series.path import load_patch, read_path
from harness.series.series import SERIES_LIMIT, Series, read_patch, read_series
from harness.series.tree import Tree
from harness.series.view import View, apply

__all__ = [
    "SERIES_LIMIT",
    "Patch",
    "Series",
    "Tree",
    "View",
    "apply",
    "choose_base",
    "load_patch",
    "read_patch",
    "read_path",
    "read_series",
]
