"""The value that an MSR writes: a number, flags, or what belongs to a VM."""

from __future__ import annotations

from harness.errors import ParseError
from harness.litmus.instructions import Msr
from harness.litmus.test import Test
from harness.litmus.world import HCR_FLAGS, World

__all__ = ["register_value", "start_registers"]

_OF_A_VM = ("VTTBR_EL2", "TTBR0_EL1", "TTBR0_EL2")


def register_value(msr: Msr, world: World, test: Test) -> int:
    """Return the value to write."""
    if isinstance(msr.value, int):
        return msr.value
    if msr.register == "HCR_EL2":
        unknown = [word for word in msr.value.split("|") if word not in HCR_FLAGS]
        if unknown:
            known = ", ".join(HCR_FLAGS)
            raise ParseError(f"HCR_EL2 has no {unknown[0]}: {known}", msr.coord)
        return world.flags(msr.value)
    if msr.register not in _OF_A_VM:
        known = ", ".join(("HCR_EL2", *_OF_A_VM))
        raise ParseError(
            f"write {msr.register} as a number (by name: {known})", msr.coord
        )
    if msr.value not in test.vms:
        raise ParseError(f"no VM '{msr.value}': {', '.join(test.vms)}", msr.coord)
    return world.register(msr.register, msr.value)


def start_registers(
    test: Test, world: World, context: str, vmid_bits: int
) -> dict[str, int]:
    """Return the registers with which a PE starts, those that the test gives too."""
    given = {msr.register: register_value(msr, world, test) for msr in test.registers}
    return world.registers(context, vmid_bits=vmid_bits) | given
