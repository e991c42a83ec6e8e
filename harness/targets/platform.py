"""What the simulated machine is like on each architecture.

Xen on 64-bit Arm maps all memory; on 32-bit Arm only its own heap, and every
other page when it is asked to (map_domain_page).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.execution.address_space import NARROW, WIDE, Areas
from harness.frontend.architecture import ARM32, ARM64, Architecture
from harness.targets.physical import HEAP_BASE, HEAP_SIZE, RAM_BASE, RAM_END, frame

__all__ = ["ARM32_PLATFORM", "ARM64_PLATFORM", "Platform"]

_HCR = (
    1 << 0  # VM: stage 2 on
    | 1 << 1  # SWIO
    | 1 << 2  # PTW
    | 7 << 3  # FMO, IMO, AMO
    | 1 << 9  # FB
    | 1 << 10  # BSU, inner shareable
    | 3 << 13  # TWI, TWE
    | 3 << 18  # TID3, TSC
    | 3 << 20  # TIDCP, TAC
    | 1 << 22  # TSW
)
_HCR_RW = 1 << 31  # EL1 is 64-bit


@dataclass(frozen=True, slots=True)
class Platform:
    """One kind of machine, and what Xen's boot code makes of it.

    ``mapped`` is the physical memory that is always mapped.  ``tables`` is
    where the harness itself sees the pages that tables are made of; None where
    that is the mapping of Xen's own.
    """

    architecture: Architecture
    areas: Areas
    aarch32: bool
    guest_hcr: int  # HCR_EL2, as get_default_hcr_flags() has it
    mapped: tuple[int, int]
    tables: int | None
    per_cpu: int  # distance of one PE's variables from those of the next
    globals: Mapping[str, int]
    # ID registers by the member of struct cpuinfo_arm that holds them.
    cpuinfo: Mapping[str, str]


_ARM64_MAPPED = (RAM_BASE, RAM_END)
# Above the heap that tables come from, below the guests' memory.
_ARM32_MAPPED = (HEAP_BASE + 2 * HEAP_SIZE, HEAP_BASE + 3 * HEAP_SIZE)
_XENHEAP = 0x4000_0000  # XENHEAP_VIRT_START


def _directmap(mapped: tuple[int, int], virtual: int) -> dict[str, int]:
    low, high = mapped
    return {
        "directmap_mfn_start": frame(low),
        "directmap_mfn_end": frame(high),
        "directmap_virt_start": virtual,
        "directmap_virt_end": virtual + high - low,
        # The same, as it was called up to 4.16 and in 2014.
        "xenheap_mfn_start": frame(low),
        "xenheap_mfn_end": frame(high),
        "xenheap_virt_start": virtual,
        "xenheap_virt_end": virtual + high - low,
    }


ARM64_PLATFORM = Platform(
    architecture=ARM64,
    areas=WIDE,
    aarch32=False,
    guest_hcr=_HCR | _HCR_RW,
    mapped=_ARM64_MAPPED,
    tables=None,
    per_cpu=1 << 40,
    # DIRECTMAP_VIRT_START, a constant of old trees.
    globals=_directmap(_ARM64_MAPPED, 0x8000_0000_0000)
    | dict.fromkeys(("directmap_base_pdx", "xenheap_base_pdx"), frame(RAM_BASE)),
    cpuinfo={
        "mm64.bits[0]": "ID_AA64MMFR0_EL1",
        "mm64.bits[1]": "ID_AA64MMFR1_EL1",
        "mm64.bits[2]": "ID_AA64MMFR2_EL1",
        "pfr64.bits[0]": "ID_AA64PFR0_EL1",
        "pfr64.bits[1]": "ID_AA64PFR1_EL1",
        "isa64.bits[0]": "ID_AA64ISAR0_EL1",
        "isa64.bits[1]": "ID_AA64ISAR1_EL1",
    },
)

ARM32_PLATFORM = Platform(
    architecture=ARM32,
    areas=NARROW,
    aarch32=True,
    guest_hcr=_HCR,
    mapped=_ARM32_MAPPED,
    tables=0xF000_0000,
    per_cpu=1 << 28,
    globals=_directmap(_ARM32_MAPPED, _XENHEAP),
    cpuinfo={
        "pfr32.bits[0]": "ID_PFR0_EL1",
        "pfr32.bits[1]": "ID_PFR1_EL1",
        "mm32.bits[0]": "ID_MMFR0_EL1",
        "mm32.bits[1]": "ID_MMFR1_EL1",
        "mm32.bits[2]": "ID_MMFR2_EL1",
        "mm32.bits[3]": "ID_MMFR3_EL1",
    },
)
