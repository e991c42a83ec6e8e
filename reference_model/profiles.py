"""CPU profiles: what a machine implements, and its errata."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["ARCHITECTURE_PROFILES", "AT_SPECULATE", "REPEAT_TLBI", "Profile"]

# A broadcast TLBI and its DSB may leave accesses through the removed entry
# unfinished on other PEs until one more broadcast TLBI and DSB.
REPEAT_TLBI = "REPEAT_TLBI"
# At EL2 a speculative AT may fill the TLB from half-switched EL1&0 registers.
AT_SPECULATE = "AT_SPECULATE"


@dataclass(frozen=True, slots=True)
class Profile:
    """One machine: feature levels as the ID registers give them, and errata."""

    name: str
    summary: str
    ntlbpa: bool = False  # FEAT_nTLBPA, ID_AA64MMFR1_EL1[51:48]
    bbm: int = 0  # FEAT_BBM level, ID_AA64MMFR2_EL1[55:52]
    ets: int = 0  # FEAT_ETS level, ID_AA64MMFR1_EL1[39:36]
    vmid_bits: int = 8  # ID_AA64MMFR1_EL1[7:4]
    ttl: bool = False  # FEAT_TTL, ID_AA64MMFR2_EL1[51:48]
    tlb_range: bool = False  # FEAT_TLBIRANGE, ID_AA64ISAR0_EL1[59:56]
    pa_bits: int = 40  # ID_AA64MMFR0_EL1[3:0]
    errata: frozenset[str] = frozenset()
    nested: bool = False  # itself a guest of KVM: same rules, other cost

    def without_ntlbpa(self) -> Profile:
        """Return the same machine without FEAT_nTLBPA."""
        return replace(self, ntlbpa=False)

    @property
    def id_registers(self) -> dict[str, int]:
        """Return the ID register values that this profile implies."""
        pa_range = {32: 0, 36: 1, 40: 2, 42: 3, 44: 4, 48: 5}[self.pa_bits]
        return {
            "ID_AA64PFR0_EL1": 0x1122,
            "ID_AA64MMFR0_EL1": pa_range,
            "ID_AA64MMFR1_EL1": (2 if self.vmid_bits == 16 else 0) << 4
            | self.ets << 36
            | int(self.ntlbpa) << 48,
            "ID_AA64MMFR2_EL1": int(self.ttl) << 48 | self.bbm << 52,
            "ID_AA64ISAR0_EL1": (2 if self.tlb_range else 0) << 56,
        }


_P0 = Profile("P0-v8.0", "weakest Armv8.0: no TTL, range, BBM level 0, 8-bit VMID")
_P2 = Profile(
    "P2-v8.4",
    "Armv8.4: TTL, range TLBI, FEAT_BBM level 1, 16-bit VMID",
    bbm=1,
    vmid_bits=16,
    ttl=True,
    tlb_range=True,
)

ARCHITECTURE_PROFILES: dict[str, Profile] = {
    p.name: p
    for p in (
        _P0,
        replace(
            _P0,
            name="P1-repeat",
            summary="P0 with the REPEAT_TLBI erratum",
            errata=frozenset({REPEAT_TLBI}),
        ),
        _P2,
        replace(
            _P2,
            name="P3-bbml2",
            summary="P2 with FEAT_BBM level 2, FEAT_nTLBPA and FEAT_ETS2",
            bbm=2,
            ntlbpa=True,
            ets=2,
        ),
        replace(
            _P0,
            name="P4-at-spec",
            summary="P0 with the AT_SPECULATE erratum",
            errata=frozenset({AT_SPECULATE}),
        ),
        replace(
            _P2,
            name="P5-nested",
            summary="P2 as a guest hypervisor under KVM: other costs, same rules",
            nested=True,
        ),
    )
}
