"""The fields of ID registers that say how a PE translates and invalidates."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ID_FIELDS", "ID_REGISTERS", "IdField"]

_WIDTH = 4  # bits of every field here

# By name, what software reads.
ID_REGISTERS = (
    "ID_AA64MMFR0_EL1",
    "ID_AA64MMFR1_EL1",
    "ID_AA64MMFR2_EL1",
    "ID_AA64ISAR0_EL1",
    "ID_AA64ISAR1_EL1",
)


@dataclass(frozen=True, slots=True)
class IdField:
    """Four bits of an ID register; ``choices`` is all that they may hold.

    ``parameter`` is the field of Profile that they give, "" where the machine
    does not depend on them.
    """

    name: str
    register: str
    shift: int
    meaning: str
    parameter: str = ""
    choices: tuple[int, ...] = ()

    @property
    def bits(self) -> str:
        """Return where the field is, as "ID_AA64MMFR2_EL1[55:52]"."""
        return f"{self.register}[{self.shift + _WIDTH - 1}:{self.shift}]"

    def of(self, value: int) -> int:
        """Return the field in a value of its register."""
        return value >> self.shift & (1 << _WIDTH) - 1


def _mmfr0(name: str, shift: int, meaning: str) -> IdField:
    return IdField(name, "ID_AA64MMFR0_EL1", shift, meaning)


# ``choices`` leave out what makes no other machine: ETS 1 is as 0, and a
# physical address size only picks how deep tables are.
ID_FIELDS: dict[str, IdField] = {
    field.name: field
    for field in (
        IdField(
            "PARange",
            "ID_AA64MMFR0_EL1",
            0,
            "physical address size: 0-7 is 32, 36, 40, 42, 44, 48, 52, 56 bits",
            "pa_bits",
            (2, 5),
        ),
        _mmfr0("TGran16", 20, "16K granule at stage 1: 0 no, 1 yes"),
        _mmfr0("TGran64", 24, "64K granule at stage 1: 0 yes, 15 no"),
        _mmfr0("TGran4", 28, "4K granule at stage 1: 0 yes, 15 no"),
        _mmfr0("TGran16_2", 32, "16K granule at stage 2: 0 as stage 1, 1 no, 2 yes"),
        _mmfr0("TGran64_2", 36, "64K granule at stage 2: 0 as stage 1, 1 no, 2 yes"),
        _mmfr0("TGran4_2", 40, "4K granule at stage 2: 0 as stage 1, 1 no, 2 yes"),
        IdField(
            "HAFDBS",
            "ID_AA64MMFR1_EL1",
            0,
            "hardware updates: 0 none, 1 Access flag, 2 and dirty state",
        ),
        IdField(
            "VMIDBits",
            "ID_AA64MMFR1_EL1",
            4,
            "VMID size: 0 is 8 bits, 2 is 16",
            "vmid_bits",
            (0, 2),
        ),
        IdField(
            "XNX", "ID_AA64MMFR1_EL1", 28, "execute-never by exception level: FEAT_XNX"
        ),
        IdField(
            "ETS",
            "ID_AA64MMFR1_EL1",
            36,
            "FEAT_ETS level: 0 and 1 promise nothing, 2 is ETS2, 3 is ETS3",
            "ets",
            (0, 2),
        ),
        IdField(
            "nTLBPA",
            "ID_AA64MMFR1_EL1",
            48,
            "1: no copies of descriptors by their own address (FEAT_nTLBPA)",
            "ntlbpa",
            (0, 1),
        ),
        IdField("CnP", "ID_AA64MMFR2_EL1", 0, "Common not Private: FEAT_TTCNP"),
        IdField(
            "TTL",
            "ID_AA64MMFR2_EL1",
            48,
            "level hints in TLBI by address: FEAT_TTL",
            "ttl",
            (0, 1),
        ),
        IdField(
            "BBM",
            "ID_AA64MMFR2_EL1",
            52,
            "FEAT_BBM level: what a change of block size needs",
            "bbm",
            (0, 1, 2),
        ),
        IdField(
            "TLB",
            "ID_AA64ISAR0_EL1",
            56,
            "TLBI: 1 adds Outer Shareable, 2 adds ranges (FEAT_TLBIRANGE)",
            "tlb_range",
            (0, 2),
        ),
        IdField("XS", "ID_AA64ISAR1_EL1", 56, "nXS operations: FEAT_XS"),
    )
}
