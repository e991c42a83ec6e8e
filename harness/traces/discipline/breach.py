"""Breaches: what the discipline does not allow, and where it happened."""

from __future__ import annotations

from dataclasses import dataclass

from reference_model.coordinates import Origin

__all__ = ["RULES", "Breach"]

RULES = {
    "discipline-uninitialised-write": "a store to memory without a mem-init",
    "discipline-used-init": "mem-init of memory that is in use",
    "discipline-root-without-lock": "a store to a tree whose root has no lock",
    "discipline-write-without-lock": "a store to a tree without holding its lock",
    "discipline-foreign-entry": "a store to an entry that another thread owns",
    "discipline-lock": "a lock taken twice, or released without being held",
    "discipline-reserved-asid": "an ASID in TTBR0_EL2, which has none",
    "discipline-id-in-use": "an identifier of another root, not invalidated",
    "discipline-root-has-id": "a new identifier for a root, old one not invalidated",
    "discipline-page-in-use": "a table page used twice, or before it is unreachable",
    "discipline-table-replaced": "a table descriptor replaced with no break",
    "discipline-table-unclean": "a table descriptor replaced before the TLBI is done",
    "discipline-release-in-use": "release of a tree, or memory, that is in use",
    "discipline-owner": "a new owner for a page that is part of a tree",
    "discipline-unlogged-store": "a read of another value than the one stored",
}


@dataclass(frozen=True, slots=True)
class Breach:
    """One breach; ``number`` counts the records of the log from 0."""

    rule: str
    message: str
    number: int
    thread: int
    origin: Origin | None
