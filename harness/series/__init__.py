"""Patch and tree intake: read patches, choose their base, show the tree patched."""

from harness.series.base import Base, Place, chosen_base, find_place
from harness.series.patch import Patch
from harness.series.path import load_patch, read_path
from harness.series.series import SERIES_LIMIT, Series, read_patch, read_series
from harness.series.tree import Tree
from harness.series.view import View, apply, patched, stacked

__all__ = [
    "SERIES_LIMIT",
    "Base",
    "Patch",
    "Place",
    "Series",
    "Tree",
    "View",
    "apply",
    "chosen_base",
    "find_place",
    "load_patch",
    "patched",
    "read_patch",
    "read_path",
    "read_series",
    "stacked",
]
