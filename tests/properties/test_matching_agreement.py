"""The rules of TLB maintenance and the explorer's own reading of them agree."""

from __future__ import annotations

from itertools import product

import pytest

from reference_model.addresses import Granule
from reference_model.exploration.held import Held, HeldKind
from reference_model.exploration.matching import Readings, issue, removed
from reference_model.matching import Candidate, Part, Selection, regimes_of
from reference_model.operands import (
    Reading,
    encode_ipa,
    encode_range,
    encode_va,
    target_of,
)
from reference_model.operations import By
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.regimes import Regime
from reference_model.tlbi import decode_operation

OPERATIONS = [
    *("ALLE1", "VMALLS12E1", "VMALLE1", "ASIDE1", "IPAS2E1", "IPAS2LE1"),
    *("VAE1", "VALE1", "VAAE1", "VAALE1", "RVAE1", "RVALE1", "RVAAE1", "RVAALE1"),
    *("RIPAS2E1", "RIPAS2LE1", "ALLE2", "VAE2", "VALE2", "RVAE2", "RVALE2"),
    *("TLBIALL", "TLBIMVA", "TLBIMVAA", "TLBIALLNSNH", "TLBIIPAS2", "TLBIALLH"),
]
BLOCK = 0x4020_0000
PARTS = {
    HeldKind.S1: (True, Part.LEAF),
    HeldKind.S1W: (True, Part.TABLE),
    HeldKind.S12: (True, Part.LEAF),
    HeldKind.S12W: (True, Part.TABLE),
    HeldKind.S2: (False, Part.LEAF),
    HeldKind.S2W: (False, Part.TABLE),
    HeldKind.DESC1: (True, Part.COPY),
    HeldKind.DESC2: (False, Part.COPY),
}
PROFILE = ARCHITECTURE_PROFILES["P2-v8.4"]


def _entries() -> list[Held]:
    found = []
    for kind, vmid, asid, start in product(
        HeldKind, (1, 2), (1, 2, None), (BLOCK, BLOCK + 0x20_0000)
    ):
        stage1, part = PARTS[kind]
        if asid is None and stage1 and part is not Part.LEAF:
            continue  # never global (R_CHVGJ)
        if not stage1 and asid is not None:
            continue
        found.append(Held(kind, False, vmid, asid, start, 2, 0x8000_0000))
    for kind, start in product(
        (HeldKind.S12, HeldKind.S12W), (BLOCK, BLOCK + 0x20_0000)
    ):
        found.append(Held(kind, True, 0, None, start, 2, 0x8000_0000))
    return found


def _candidate(entry: Held) -> Candidate:
    stage1, part = PARTS[entry.kind]
    return Candidate(
        Regime.EL2 if entry.el2 else Regime.EL10,
        stage1,
        part,
        None if entry.el2 else entry.vmid,
        entry.asid,
        (entry.start, entry.start + Granule.K4.level_bytes(entry.level)),
        entry.level,
    )


def _operand(name: str, address: int, hint: int | None) -> int:
    operation = decode_operation(name)
    if operation.aarch32:
        return address >> 12 if operation.by is By.INTERMEDIATE else address | 1
    if operation.ranged:
        return encode_range(address, 2, asid=1, level=hint)
    if operation.by is By.INTERMEDIATE:
        return encode_ipa(address, level=hint)
    return encode_va(address, asid=1, level=hint)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("vmids", [{1}, {1, 2}], ids=["one-VMID", "two-VMIDs"])
def test_same_entries(name: str, vmids: set[int]) -> None:
    operation = decode_operation(name)
    reading = Reading(ttl=PROFILE.ttl, ranges=PROFILE.tlb_range)
    for entry, address, hint in product(
        _entries(), (BLOCK, BLOCK + 0x5000, BLOCK + 0x3F_F000), (None, 2)
    ):
        operand = _operand(name, address, hint)
        selection = Selection(
            operation,
            target_of(operation, operand, reading),
            frozenset(vmids),
            regimes_of(operation, [0]),
        )
        explored = issue(
            0,
            0,
            name,
            operand,
            frozenset(vmids),
            PROFILE,
            Readings(),
            force_broadcast=False,
        )
        expected = bool(removed(explored, [entry]))
        assert selection.selects(_candidate(entry)) == expected, (entry, hex(operand))
