"""Violations of what a TLB is allowed to hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from reference_model.entries import EntryKind
from reference_model.tables import Link

__all__ = ["Property", "Violation"]


class Property(Enum):
    """What the oracle demands at release points."""

    O1 = "O1"  # no entry grants what the current tables do not grant
    O2 = "O2"  # no two entries for one address that differ
    O3 = "O3"  # no entry of another vCPU or VM is usable
    O4 = "O4"  # no walk reaches a freed table page
    O5 = "O5"  # a VMID denotes one VM
    O6 = "O6"  # no entry goes on faulting where the tables permit the access
    M7 = "M7"  # no access through a removed entry is unfinished (erratum)


# Reasons that tell violations of one property apart.
_APART = (
    *("vcpu", "fb", "mixed"),
    *("unsynchronised", "scrub", "dirty", "deferred"),
    *("final", "abort"),
)


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a PE may hold what it must not.

    ``index`` is the position of the event at which it counts, ``since`` that
    of the event that made the entry stale, -1 if none did.  ``link`` is the
    stale descriptor, ``allowed`` the one that the tables now give (None: a
    fault).  ``count`` says how many entries of this kind there are, ``low`` to
    ``high`` the IPAs that they span.  ``conflict`` names the property of
    R_WHZWS for O2, ``reason`` tells apart the cases of O3 ("vcpu": entries of
    another vCPU; "fb": own ones that a local TLBI elsewhere did not reach;
    "mixed": made from registers of different contexts) and O4 ("linked": still
    part of a tree; "init": linked before it was sure to be cleared;
    "unsynchronised": as for O1), O1
    ("unsynchronised": gone but for the PE's own accesses until an ISB; "dirty":
    lets writes go unmarked; "scrub": lets a scrubbed page be written;
    "deferred": of permissions that were restricted before another change), O5
    ("vmid", "root", "asid": what two address spaces share; "sysreg": a control
    register has changed; "cnp": two PEs share a VMID with CnP = 1; "vpipt": the
    VMID's instructions stay in the cache) and O2 ("final": an entry of another
    size is left; "abort": one may raise a TLB conflict abort).  ``pe`` numbers
    walkers: those after the last PE are IOMMUs.
    """

    broken: Property
    index: int
    pe: int
    kind: EntryKind
    vmid: int
    since: int
    link: Link | None = None
    allowed: Link | None = None
    reason: str = ""
    count: int = 1
    conflict: str = ""
    low: int = 0
    high: int = 0

    def counting(self, link: Link) -> Violation:
        """Return the violation extended by one more entry."""
        return replace(
            self,
            count=self.count + 1,
            low=min(self.low, link.ia),
            high=max(self.high, link.end),
        )

    @property
    def key(self) -> tuple[str, int, int, str, int, str]:
        """Identify the violation among runs of one trace and its repairs."""
        return (
            self.broken.value,
            self.index,
            self.pe,
            self.kind.value,
            self.vmid,
            self.conflict + (self.reason if self.reason in _APART else ""),
        )
