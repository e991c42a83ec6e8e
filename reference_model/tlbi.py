"""TLBI mnemonics of AArch64: what each is guaranteed to remove.

An operation may remove more than this (R_MMZTY); what it need not remove is
kept, because some machine keeps it.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from reference_model.aarch32 import decode_hyp_operation
from reference_model.operands import Target
from reference_model.operations import By, Operation, Scope
from reference_model.unmodelled import Unmodelled

__all__ = ["By", "Operation", "Scope", "Target", "decode_operation"]


class _Row(NamedTuple):
    by: By
    stage1: bool = False
    stage2: bool = False
    last_level: bool = False
    any_asid: bool = False
    el2: bool = False
    clean: bool = False


# name without R, IS/OS and NXS.  Sections on the scope of each operation;
# R_LGSCG: stage-1 operations hit all that holds stage-1 information, combined
# entries too; R_TVTYQ: stage-2 only operations hit stage-2-only entries;
# R_GNJPZ: operations on both hit all.  R_NNZGV: VMALLWS2E1 takes the permission
# to write away from what hardware has marked dirty, and removes nothing.
_ROWS = {
    "ALLE1": _Row(By.EVERYTHING, True, True),
    "VMALLS12E1": _Row(By.VMID, True, True),
    "VMALLE1": _Row(By.VMID, True),
    "ASIDE1": _Row(By.ADDRESS_SPACE, True),
    "VAE1": _Row(By.VIRTUAL, True),
    "VALE1": _Row(By.VIRTUAL, True, last_level=True),
    "VAAE1": _Row(By.VIRTUAL, True, any_asid=True),
    "VAALE1": _Row(By.VIRTUAL, True, last_level=True, any_asid=True),
    "IPAS2E1": _Row(By.INTERMEDIATE, stage2=True),
    "IPAS2LE1": _Row(By.INTERMEDIATE, stage2=True, last_level=True),
    "VMALLWS2E1": _Row(By.VMID, clean=True),
    "ALLE2": _Row(By.EVERYTHING, el2=True),
    "VAE2": _Row(By.VIRTUAL, el2=True),
    "VALE2": _Row(By.VIRTUAL, last_level=True, el2=True),
}
# Operations with an address have a form for a range (FEAT_TLBIRANGE).
_RANGED = {
    f"R{stem}": stem
    for stem, row in _ROWS.items()
    if row.by in (By.VIRTUAL, By.INTERMEDIATE)
}


@cache
def decode_operation(name: str) -> Operation:
    """Decode a mnemonic in upper case; raises Unmodelled for others.

    Those of AArch32, as in "TLBIALLIS", mean what they do from Hyp mode.
    """
    if name.startswith("TLBI"):
        return decode_hyp_operation(name)
    stem, nxs = (name[:-3], True) if name.endswith("NXS") else (name, False)
    scope = Scope.LOCAL
    for suffix, wider in (("IS", Scope.INNER), ("OS", Scope.OUTER)):
        if stem.endswith(suffix):
            stem, scope = stem[:-2], wider
            break
    row = _ROWS.get(_RANGED.get(stem, stem))
    if row is None:
        raise Unmodelled(f"TLBI {name}")
    ranged = stem in _RANGED
    return Operation(
        name,
        By.RANGE if ranged and row.by is By.INTERMEDIATE else row.by,
        scope,
        row.stage1,
        row.stage2,
        row.last_level,
        nxs,
        row.el2,
        row.any_asid,
        ranged,
        row.clean,
    )
