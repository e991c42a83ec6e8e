"""CPU profiles: what a machine implements, and its errata."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = [
    "AARCH32_PROFILES",
    "ARCHITECTURE_PROFILES",
    "AT_SPECULATE",
    "PA_RANGES",
    "REPEAT_TLBI",
    "Profile",
]

# A broadcast TLBI and its DSB may leave accesses through the removed entry
# unfinished on other PEs until one more broadcast TLBI and DSB.
REPEAT_TLBI = "REPEAT_TLBI"
# At EL2 a speculative AT may fill the TLB from half-switched EL1&0 registers.
AT_SPECULATE = "AT_SPECULATE"

# ID_AA64MMFR0_EL1.PARange by the number of physical address bits.
PA_RANGES = {32: 0, 36: 1, 40: 2, 42: 3, 44: 4, 48: 5, 52: 6, 56: 7}


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
    vpipt: bool = False  # VPIPT instruction caches, CTR_EL0.L1Ip = 0b00
    nested: bool = False  # itself a guest of KVM: same rules, other cost
    core: str = ""  # the real core that this is, or one variant of it
    # Errata that the code under test does not know of on this core.
    unhandled: frozenset[str] = frozenset()
    # Whole ID registers, for the bits that no field above gives.
    registers: tuple[tuple[str, int], ...] = ()
    # EL2 is in AArch32 state: Hyp mode, with its own format of VTCR and HTCR.
    aarch32: bool = False
    armv7: bool = False  # without what Armv8 added to AArch32
    # The FEAT_BBM level that software reads, where an erratum keeps it untrue.
    bbm_advertised: int | None = None

    def without_ntlbpa(self) -> Profile:
        """Return the same machine without FEAT_nTLBPA."""
        return replace(self, ntlbpa=False)

    @property
    def workarounds(self) -> frozenset[str]:
        """Return the errata whose workaround the code under test turns on."""
        return self.errata - self.unhandled

    @property
    def behaviour(self) -> tuple[object, ...]:
        """Return what the machine depends on: profiles alike in it are one."""
        return (
            self.ntlbpa,
            self.bbm,
            self.ets,
            self.vmid_bits,
            self.ttl,
            self.tlb_range,
            self.vpipt,
            self.errata,
            self.aarch32,
            self.armv7,
        )

    @property
    def id_registers(self) -> dict[str, int]:
        """Return the ID register values that this profile implies."""
        if self.aarch32:
            return dict(self.registers)
        values = {"ID_AA64PFR0_EL1": 0x1122, **dict(self.registers)}
        advertised = self.bbm if self.bbm_advertised is None else self.bbm_advertised
        for name, shift, value in (
            ("ID_AA64MMFR0_EL1", 0, PA_RANGES[self.pa_bits]),
            ("ID_AA64MMFR1_EL1", 4, 2 if self.vmid_bits == 16 else 0),
            ("ID_AA64MMFR1_EL1", 36, self.ets),
            ("ID_AA64MMFR1_EL1", 48, int(self.ntlbpa)),
            ("ID_AA64MMFR2_EL1", 48, int(self.ttl)),
            ("ID_AA64MMFR2_EL1", 52, advertised),
            ("ID_AA64ISAR0_EL1", 56, 2 if self.tlb_range else 0),
        ):
            values[name] = values.get(name, 0) & ~(0xF << shift) | value << shift
        return values


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

_A32 = Profile("a32-v7ve", "", aarch32=True, armv7=True)

# For Hyp mode: Xen on 32-bit Arm.
AARCH32_PROFILES: dict[str, Profile] = {
    p.name: p
    for p in (
        replace(
            _A32,
            summary="Armv7-A with the Virtualization Extensions, as Cortex-A7 and "
            "A15: 8-bit VMID, no TLBIIPAS2, no last-level TLBI",
            registers=(
                *(("ID_PFR0_EL1", 0x1131), ("ID_PFR1_EL1", 0x11011)),
                *(("ID_MMFR0_EL1", 0x10201105), ("ID_MMFR1_EL1", 0x20000000)),
                *(("ID_MMFR2_EL1", 0x01240000), ("ID_MMFR3_EL1", 0x02102211)),
                *(("ID_MMFR4_EL1", 0), ("ID_MMFR5_EL1", 0)),
            ),
        ),
        replace(
            _A32,
            name="a32-v8",
            summary="Armv8-A in AArch32 state, as Cortex-A32: TLBIIPAS2, last-level "
            "TLBI",
            armv7=False,
            registers=(
                *(("ID_PFR0_EL1", 0x131), ("ID_PFR1_EL1", 0x11011)),
                *(("ID_MMFR0_EL1", 0x10201105), ("ID_MMFR1_EL1", 0x40000000)),
                *(("ID_MMFR2_EL1", 0x01260000), ("ID_MMFR3_EL1", 0x02102211)),
                *(("ID_MMFR4_EL1", 0), ("ID_MMFR5_EL1", 0)),
            ),
        ),
    )
}
