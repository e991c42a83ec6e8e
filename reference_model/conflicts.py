"""Differences between two valid descriptors that need break-before-make."""

from __future__ import annotations

from reference_model.tables import Link

__all__ = ["conflict"]


def conflict(old: Link, new: Link, bbm: int) -> str:
    """Name the property of R_WHZWS in which two leaves for one address differ.

    ``bbm`` is the FEAT_BBM level.  Returns "" when they may coexist.
    Read-only aliases with equal contents are taken to conflict: the contents
    are not known.
    """
    before, after = old.descriptor, new.descriptor
    if before.attributes != after.attributes:
        return "attr"
    start = max(old.ia, new.ia)
    if before.output + (start - old.ia) != after.output + (start - new.ia):
        return "oa"
    if before.level != after.level and not _size_change_allowed(old, new, bbm):
        return "size"  # R_KFLJB
    if before.contiguous != after.contiguous and bbm == 0:
        return "contiguous"  # R_NGLXZ, R_JQQTC
    return ""


def _size_change_allowed(old: Link, new: Link, bbm: int) -> bool:
    if bbm >= 2:
        return True
    # Level 1: an entry with nT set never breaks coherency (R_HHCXC).
    marked = old.descriptor.no_translation or new.descriptor.no_translation
    return bbm == 1 and marked
