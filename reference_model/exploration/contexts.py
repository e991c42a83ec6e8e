"""The system registers of one PE, and the contexts that its walks may use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from reference_model.sysregs import forces_broadcast, root_of, stage2_on
from reference_model.sysregs import vmid_of as _vmid_of
from reference_model.unmodelled import Unmodelled

__all__ = [
    "Context",
    "Registers",
    "broadcasts",
    "contexts",
    "el2_contexts",
    "initial_registers",
    "synchronised",
    "value_of",
    "vmids",
    "written",
]

_BADDR = 0x0000_FFFF_FFFF_F000
_KNOWN = (
    "HCR_EL2",
    "VTTBR_EL2",
    "VTCR_EL2",
    "TTBR0_EL1",
    "TCR_EL1",
    "SCTLR_EL1",
    "MAIR_EL1",
    "TTBR0_EL2",
    "TCR_EL2",
    "SCTLR_EL2",
    "MAIR_EL2",
)
_POSITION = {name: position for position, name in enumerate(_KNOWN)}

# Fields whose effect on translation is not explored: bits, and their name.
_REFUSED: dict[str, tuple[tuple[int, str], ...]] = {
    "HCR_EL2": ((1 << 34, "E2H"), (1 << 27, "TGE"), (1 << 12, "DC")),
    "VTTBR_EL2": ((1, "CnP"),),
    "VTCR_EL2": ((1 << 21, "HA"), (1 << 22, "HD")),
    "TTBR0_EL1": ((1, "CnP"),),
    "TCR_EL1": ((1 << 7, "EPD0"), (1 << 22, "A1"), (1 << 39, "HA"), (1 << 40, "HD")),
    "TTBR0_EL2": ((1, "CnP"),),
    "TCR_EL2": ((1 << 21, "HA"), (1 << 22, "HD")),
}

# Of each register every value that it may have, oldest first (R_VNRFW).
Registers = tuple[tuple[int, ...], ...]


class Context(NamedTuple):
    """What a walk starts from.

    ``root1`` and ``root2`` are table address and level of the first
    descriptor; None for a stage that is off.
    """

    el2: bool
    vmid: int
    asid: int
    root1: tuple[int, int] | None
    root2: tuple[int, int] | None


def initial_registers(given: Mapping[str, int]) -> Registers:
    """Complete the registers of a PE.

    Stage 1 of a regime is on where its table base is given, unless SCTLR says
    otherwise, and translates 48-bit addresses unless TCR says otherwise.
    """
    for name, value in given.items():
        _check(name, value)
    values = dict.fromkeys(_KNOWN, 0)
    for el in ("EL1", "EL2"):
        values[f"SCTLR_{el}"] = int(f"TTBR0_{el}" in given)
        values[f"TCR_{el}"] = 16
    values.update(given)
    return tuple((values[name],) for name in _KNOWN)


def _check(name: str, value: int) -> None:
    if name not in _POSITION:
        raise Unmodelled(f"register {name} in an exploration")
    for bits, field in _REFUSED.get(name, ()):
        if value & bits:
            raise Unmodelled(f"{name}.{field} in an exploration")


def written(registers: Registers, name: str, value: int) -> Registers:
    """Return the registers after a write that is not yet synchronised."""
    _check(name, value)
    at = _POSITION[name]
    held = registers[at]
    if held[-1] == value and len(held) == 1:
        return registers
    kept = (*(v for v in held if v != value), value)
    return (*registers[:at], kept, *registers[at + 1 :])


def synchronised(registers: Registers) -> Registers:
    """Return the registers after a context synchronisation event."""
    return tuple(values[-1:] for values in registers)


def value_of(registers: Registers, name: str) -> int:
    """Return the last value written."""
    return registers[_POSITION[name]][-1]


def vmids(registers: Registers, vmid_bits: int) -> frozenset[int]:
    """Return every VMID that a TLBI executed now may act on (F1.7)."""
    return frozenset(
        _vmid_of(vttbr, vtcr, vmid_bits)
        for vttbr in registers[_POSITION["VTTBR_EL2"]]
        for vtcr in registers[_POSITION["VTCR_EL2"]]
    )


def broadcasts(registers: Registers) -> bool:
    """Tell whether HCR_EL2.FB makes local operations of EL1 broadcast (F1.8)."""
    return all(forces_broadcast(v) for v in registers[_POSITION["HCR_EL2"]])


@lru_cache(maxsize=4096)
def contexts(registers: Registers, vmid_bits: int) -> tuple[Context, ...]:
    """List every EL1&0 context that a mix of the register values gives."""
    return tuple(dict.fromkeys(_el1(registers, vmid_bits)))


@lru_cache(maxsize=4096)
def el2_contexts(registers: Registers) -> tuple[Context, ...]:
    """List every context of the EL2 regime."""
    names = ("TTBR0_EL2", "TCR_EL2", "SCTLR_EL2")
    return tuple(
        dict.fromkeys(
            Context(True, 0, 0, _root1(ttbr, tcr, sctlr), None)
            for ttbr, tcr, sctlr in product(*(registers[_POSITION[n]] for n in names))
        )
    )


def _el1(registers: Registers, vmid_bits: int) -> Iterator[Context]:
    names = ("HCR_EL2", "VTTBR_EL2", "VTCR_EL2", "TTBR0_EL1", "TCR_EL1", "SCTLR_EL1")
    mixes = product(*(registers[_POSITION[name]] for name in names))
    for hcr, vttbr, vtcr, ttbr, tcr, sctlr in mixes:
        root2 = None
        if stage2_on(hcr):
            root = root_of(vttbr, vtcr)
            if (vtcr >> 14) & 3:
                raise Unmodelled("a granule other than 4K in an exploration")
            root2 = (root.address, root.level)
        vmid = _vmid_of(vttbr, vtcr, vmid_bits)
        yield Context(False, vmid, ttbr >> 48, _root1(ttbr, tcr, sctlr), root2)


def _root1(ttbr: int, tcr: int, sctlr: int) -> tuple[int, int] | None:
    if not sctlr & 1:
        return None
    if (tcr >> 14) & 3:
        raise Unmodelled("a granule other than 4K in an exploration")
    bits = 64 - (tcr & 0x3F)
    if not 21 < bits <= 48:
        raise Unmodelled(f"{bits}-bit input addresses at stage 1")
    return ttbr & _BADDR, 3 - (bits - 13) // 9
