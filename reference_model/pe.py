"""The registers of one PE, and the contexts that its walks may use (M3)."""

from __future__ import annotations

from itertools import product

from reference_model.aarch32 import hyp_own_root, hyp_root_of
from reference_model.entries import NO_VMID, Context
from reference_model.profiles import Profile
from reference_model.regimes import Regime
from reference_model.sysregs import (
    EL2_REGISTERS,
    STAGE1_REGISTERS,
    TRANSLATION_REGISTERS,
    asid_of,
    el2_root,
    forces_broadcast,
    has_asids,
    root_of,
    stage2_on,
    vmid_of,
)
from reference_model.unmodelled import Unmodelled

__all__ = ["Pe"]

_TCR_A1 = 1 << 22
_TCR_EPD1 = 1 << 23


class Pe:
    """One PE: exception level, and per register the values it may have.

    Until a context synchronisation event a written register may still have
    its old value (R_VNRFW): the list holds both, oldest first.
    """

    def __init__(
        self, number: int, vmid_bits: int = 16, *, aarch32: bool = False
    ) -> None:
        self.number = number
        self._vmid_bits = 8 if aarch32 else vmid_bits
        self._aarch32 = aarch32
        self.el2 = True
        self.draining: Context | None = None  # of walks begun before EL2
        self.forced_broadcast = False  # of the guest's TLBIs when it last ran
        self._values: dict[str, list[int]] = {r: [0] for r in TRANSLATION_REGISTERS}

    @classmethod
    def all_of(cls, profile: Profile, count: int) -> list[Pe]:
        """Return the PEs of a machine."""
        bits, aarch32 = profile.vmid_bits, profile.aarch32
        return [cls(number, bits, aarch32=aarch32) for number in range(count)]

    def write(self, register: str, value: int) -> None:
        """Write a register; takes effect for certain at the next synchronise."""
        values = self._values.setdefault(register, [0])
        if values[-1] != value:
            values.append(value)

    def synchronise(self) -> None:
        """Note a context synchronisation event."""
        for values in self._values.values():
            del values[:-1]

    def value(self, register: str) -> int:
        """Return the last value written."""
        return self._values[register][-1]

    def values(self, register: str) -> tuple[int, ...]:
        """Return every value that a register may have, oldest first."""
        return tuple(self._values[register])

    def possible_vmids(self) -> frozenset[int]:
        """Return every VMID under which a TLBI executed now may act (F1.7)."""
        return frozenset(
            vmid_of(vttbr, vtcr, self._vmid_bits)
            for vttbr in self._values["VTTBR_EL2"]
            for vtcr in self._values["VTCR_EL2"]
        )

    @property
    def shares(self) -> bool:
        """Tell whether VTTBR_EL2.CnP lets other PEs use its entries (R_FWQJZ)."""
        return stage2_on(self.value("HCR_EL2")) and bool(self.value("VTTBR_EL2") & 1)

    def guest_context(self) -> Context:
        """Return the context that the loaded registers describe."""
        if not stage2_on(self.value("HCR_EL2")):
            raise Unmodelled("EL1&0 translation with HCR_EL2.VM = 0")
        return self._context(
            self.value("VTTBR_EL2"),
            self.value("VTCR_EL2"),
            tuple(self.value(name) for name in STAGE1_REGISTERS),
        )

    def enter_guest(self) -> None:
        """Leave EL2; an exception return is a context synchronisation event."""
        self.synchronise()
        self.el2 = False
        self.draining = None
        self.forced_broadcast = forces_broadcast(self.value("HCR_EL2"))

    def enter_el2(self, *, drained: bool) -> None:
        """Take an exception; walks in flight go on unless ``drained``."""
        self.draining = None if drained or self.el2 else self.guest_context()
        self.synchronise()
        self.el2 = True

    def contexts(
        self, *, speculative_at: bool, loaded: bool = False
    ) -> tuple[Context, ...]:
        """List the contexts from which walks of this PE may fill now.

        At EL2 the regime EL1&0 is out of context (R_NRJPP), but for walks begun
        before and, with the AT_SPECULATE erratum, any mix of register values;
        ``loaded`` takes the mix without the erratum too.
        """
        if not self.el2:
            return (self.guest_context(), *self.el2_contexts())
        found = dict.fromkeys(self.mixtures()) if speculative_at else {}
        if loaded:
            found |= dict.fromkeys(self.loaded_contexts())
        if self.draining is not None:
            found[self.draining] = None
        return (*found, *self.el2_contexts())

    def loaded_contexts(self) -> list[Context]:
        """List the mixtures, none where stage 2 is not enabled for sure."""
        enabled = all(stage2_on(hcr) for hcr in self._values["HCR_EL2"])
        return self.mixtures() if enabled else []

    def el2_contexts(self) -> list[Context]:
        """List the contexts of EL2's own walks; they are never out of context.

        With stage 1 of EL2 disabled (SCTLR_EL2.M = 0) there are none.
        """
        values = (self._values[name] for name in (*EL2_REGISTERS, "HCR_EL2"))
        found = [
            self._el2_context(ttbr, tcr, hcr)
            for ttbr, tcr, sctlr, hcr in product(*values)
            if sctlr & 1
        ]
        return list(dict.fromkeys(found))

    def _el2_context(self, ttbr: int, tcr: int, hcr: int) -> Context:
        if self._aarch32:
            return Context(NO_VMID, hyp_own_root(ttbr, tcr), ())
        if not has_asids(hcr):
            return Context(NO_VMID, el2_root(ttbr, tcr, Regime.EL2), ())
        if tcr & _TCR_A1:
            raise Unmodelled("TCR_EL2.A1: the ASID of TTBR1_EL2")
        if any(self._values["TTBR1_EL2"]) and not tcr & _TCR_EPD1:
            raise Unmodelled("walks from TTBR1_EL2")
        root = el2_root(ttbr, tcr, Regime.EL20)
        return Context(NO_VMID, root, (), asid_of(ttbr, tcr))

    def mixtures(self) -> list[Context]:
        """List every mix of old and new values of the registers."""
        if not all(stage2_on(hcr) for hcr in self._values["HCR_EL2"]):
            raise Unmodelled("a speculative AT with HCR_EL2.VM = 0")
        stage1 = product(*(self._values[name] for name in STAGE1_REGISTERS))
        return [
            self._context(vttbr, vtcr, registers)
            for registers in stage1
            for vttbr in self._values["VTTBR_EL2"]
            for vtcr in self._values["VTCR_EL2"]
        ]

    def _context(self, vttbr: int, vtcr: int, registers: tuple[int, ...]) -> Context:
        vmid = vmid_of(vttbr, vtcr, self._vmid_bits)
        decode = hyp_root_of if self._aarch32 else root_of
        return Context(vmid, decode(vttbr, vtcr), registers)
