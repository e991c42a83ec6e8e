"""Encodings of TLBI and barriers against tables written out by hand."""

from __future__ import annotations

from itertools import product

import pytest

from reference_model.aarch32 import (
    Coprocessor,
    decode_hyp_operation,
    hyp_encoding,
    hyp_name,
    hyp_root_of,
    hyp_vmid_of,
)
from reference_model.encodings import (
    BarrierEncoding,
    System,
    barrier_encoding,
    barrier_of,
    system_encoding,
    system_name,
)
from reference_model.events import Access, BarrierKind, Domain
from reference_model.sysregs import Root
from reference_model.tlbi import By, Scope, decode_operation
from reference_model.unmodelled import Unmodelled

# op1, CRm, op2 in the order OS, IS, local
AARCH64 = """
VMALLE1     0 1 0   0 3 0   0 7 0
VAE1        0 1 1   0 3 1   0 7 1
ASIDE1      0 1 2   0 3 2   0 7 2
VAAE1       0 1 3   0 3 3   0 7 3
VALE1       0 1 5   0 3 5   0 7 5
VAALE1      0 1 7   0 3 7   0 7 7
RVAE1       0 5 1   0 2 1   0 6 1
RVAAE1      0 5 3   0 2 3   0 6 3
RVALE1      0 5 5   0 2 5   0 6 5
RVAALE1     0 5 7   0 2 7   0 6 7
IPAS2E1     4 4 0   4 0 1   4 4 1
RIPAS2E1    4 4 3   4 0 2   4 4 2
IPAS2LE1    4 4 4   4 0 5   4 4 5
RIPAS2LE1   4 4 7   4 0 6   4 4 6
ALLE2       4 1 0   4 3 0   4 7 0
VAE2        4 1 1   4 3 1   4 7 1
ALLE1       4 1 4   4 3 4   4 7 4
VALE2       4 1 5   4 3 5   4 7 5
VMALLS12E1  4 1 6   4 3 6   4 7 6
RVAE2       4 5 1   4 2 1   4 6 1
VMALLWS2E1  4 5 2   4 2 2   4 6 2
RVALE2      4 5 5   4 2 5   4 6 5
"""


def _rows() -> dict[str, System]:
    found = {}
    for line in AARCH64.strip().splitlines():
        stem, *numbers = line.split()
        for n, scope in enumerate(("OS", "IS", "")):
            op1, crm, op2 = (int(x) for x in numbers[3 * n : 3 * n + 3])
            found[stem + scope] = System(op1, 8, crm, op2)
            found[stem + scope + "NXS"] = System(op1, 9, crm, op2)
    return found


def test_every_sys_encoding_both_ways() -> None:
    known = _rows()
    assert len(known) == 22 * 3 * 2
    assert len(set(known.values())) == len(known)
    for name, encoding in known.items():
        assert system_encoding(name) == encoding
        assert system_name(encoding) == name
    for fields in product(range(8), (8, 9), range(16), range(8)):
        encoding = System(*fields)
        if encoding not in known.values():
            with pytest.raises(Unmodelled):
                system_name(encoding)


# what: A all VMIDs, V the current one, a the ASID, v the VA, i the IPA, r its
# range; stages of EL1&0, E for the EL2 regime; L last level, * any ASID, R range
MEANING = """
VMALLE1 V1      VAE1 v1         ASIDE1 a1       VAAE1 v1*       VALE1 v1L
VAALE1 v1L*     RVAE1 v1R       RVAAE1 v1R*     RVALE1 v1LR     RVAALE1 v1LR*
IPAS2E1 i2      RIPAS2E1 r2R    IPAS2LE1 i2L    RIPAS2LE1 r2LR  ALLE2 AE
VAE2 vE         ALLE1 A12       VALE2 vEL       VMALLS12E1 V12  RVAE2 vER
VMALLWS2E1 V    RVALE2 vELR
"""
BY = {
    "A": By.EVERYTHING,
    "V": By.VMID,
    "a": By.ADDRESS_SPACE,
    "v": By.VIRTUAL,
    "i": By.INTERMEDIATE,
    "r": By.RANGE,
}


def test_every_operation_means_what_its_name_says() -> None:
    words = MEANING.split()
    meaning = dict(zip(words[::2], words[1::2], strict=True))
    assert sorted(meaning) == sorted({n.split()[0] for n in AARCH64.split("\n") if n})
    for name in _rows():
        stem = name.removesuffix("NXS")
        scope = Scope.LOCAL
        if stem.endswith("IS"):
            stem, scope = stem[:-2], Scope.INNER
        elif stem.endswith("OS"):
            stem, scope = stem[:-2], Scope.OUTER
        what = meaning[stem]
        found = decode_operation(name)
        assert (found.name, found.by, found.scope) == (name, BY[what[0]], scope)
        assert (found.stage1, found.stage2) == ("1" in what[1:], "2" in what[1:])
        assert found.el2 == ("E" in what[1:])
        assert found.last_level == ("L" in what[1:])
        assert found.any_asid == ("*" in what)
        assert found.ranged == ("R" in what[1:])
        assert found.nxs == name.endswith("NXS")
        assert found.clean == (stem == "VMALLWS2E1")


@pytest.mark.parametrize(
    "name", ["", "ALLE3", "VAE3IS", "VMALLE1ISOS", "PAALL", "RALLE1", "TLBIFOO", "IS"]
)
def test_other_names_are_not_modelled(name: str) -> None:
    with pytest.raises(Unmodelled):
        decode_operation(name)


@pytest.mark.parametrize(
    ("name", "features"),
    [
        ("VAE1IS", ()),
        ("VAE1OS", ("FEAT_TLBIOS",)),
        ("RIPAS2E1", ("FEAT_TLBIRANGE",)),
        ("RVAE2OSNXS", ("FEAT_TLBIOS", "FEAT_TLBIRANGE", "FEAT_XS")),
        ("VMALLWS2E1IS", ("FEAT_TLBIW",)),
    ],
)
def test_what_an_operation_needs(name: str, features: tuple[str, ...]) -> None:
    assert decode_operation(name).features == features


# ----------------------------------------------------------------- barriers

CRM = """
OSHLD 1  OSHST 2  OSH 3  NSHLD 5  NSHST 6  NSH 7
ISHLD 9  ISHST 10 ISH 11 LD 13    ST 14    SY 15
"""
NXS = {"OSH": 2, "NSH": 6, "ISH": 10, "SY": 14}
DOMAINS = {"OSH": Domain.OSH, "NSH": Domain.NSH, "ISH": Domain.ISH}
ACCESSES = {"": Access.ALL, "LD": Access.LD, "ST": Access.ST}


def test_every_barrier_both_ways() -> None:
    words = CRM.split()
    known = {}
    for name, number in zip(words[::2], words[1::2], strict=True):
        domain = DOMAINS.get(name[:3], Domain.SY)
        rest = name[3:] if domain is not Domain.SY else name.replace("SY", "")
        for kind, op2 in ((BarrierKind.DSB, 4), (BarrierKind.DMB, 5)):
            key = (kind, domain, ACCESSES[rest], False)
            known[BarrierEncoding(op2, int(number))] = key
    for name, crm in NXS.items():
        domain = DOMAINS.get(name, Domain.SY)
        key = (BarrierKind.DSB, domain, Access.ALL, True)
        known[BarrierEncoding(1, crm)] = key
    for fields in product(range(8), range(16)):
        encoding = BarrierEncoding(*fields)
        if encoding not in known:
            with pytest.raises(Unmodelled):
                barrier_of(encoding)
            continue
        assert barrier_of(encoding) == known[encoding]
        kind, domain, access, nxs = known[encoding]
        assert barrier_encoding(kind, domain, access, nxs=nxs) == encoding


@pytest.mark.parametrize(
    ("kind", "access"),
    [(BarrierKind.DMB, Access.ALL), (BarrierKind.DSB, Access.ST)],
)
def test_nxs_is_a_full_dsb(kind: BarrierKind, access: Access) -> None:
    with pytest.raises(Unmodelled):
        barrier_encoding(kind, Domain.ISH, access, nxs=True)


# ------------------------------------------------------------------ AArch32

# opc1, CRm of IS, CRm of local, opc2; what as above; 8: not in Armv7
AARCH32 = """
TLBIALL     0 3 7 0 V12
TLBIMVA     0 3 7 1 v1
TLBIASID    0 3 7 2 a1
TLBIMVAA    0 3 7 3 v1*
TLBIMVAL    0 3 7 5 v1L8
TLBIMVAAL   0 3 7 7 v1L*8
TLBIALLH    4 3 7 0 AE
TLBIMVAH    4 3 7 1 vE*
TLBIALLNSNH 4 3 7 4 A12
TLBIMVALH   4 3 7 5 vEL*8
TLBIIPAS2   4 0 4 1 i28
TLBIIPAS2L  4 0 4 5 i2L8
"""


def test_every_aarch32_operation() -> None:
    known = {}
    for line in AARCH32.strip().splitlines():
        stem, opc1, inner, local, opc2, what = line.split()
        for suffix, crm, scope in (
            ("IS", inner, Scope.INNER),
            ("", local, Scope.LOCAL),
        ):
            name = stem + suffix
            encoding = Coprocessor(int(opc1), 8, int(crm), int(opc2))
            known[encoding] = name
            assert hyp_encoding(name) == encoding
            found = decode_operation(name)
            assert found == decode_hyp_operation(name)
            assert (found.by, found.scope) == (BY[what[0]], scope)
            assert (found.stage1, found.stage2) == ("1" in what, "2" in what)
            assert (found.el2, found.any_asid) == ("E" in what, "*" in what)
            assert found.last_level == ("L" in what)
            assert found.aarch32
            if "8" in what:
                with pytest.raises(Unmodelled, match="Armv7"):
                    decode_hyp_operation(name, v8=False)
            else:
                assert decode_hyp_operation(name, v8=False) == found
    for fields in product(range(8), range(16), range(8)):
        encoding = Coprocessor(fields[0], 8, *fields[1:])
        if encoding in known:
            assert hyp_name(encoding) == known[encoding]
        else:
            with pytest.raises(Unmodelled):
                hyp_name(encoding)


@pytest.mark.parametrize(
    ("vtcr", "level", "pages"),
    [
        (0x18 | 1 << 6, 1, 2),  # T0SZ -8: 40 bits, as Xen has it
        (0x1F | 1 << 6, 1, 1),  # T0SZ -1: 33 bits
        (0x00 | 1 << 6, 1, 1),  # 32 bits
        (0x00, 2, 4),
        (0x1E, 2, 16),  # T0SZ -2: 34 bits
        (0x07, 2, 1),  # 25 bits
    ],
)
def test_aarch32_root(vtcr: int, level: int, pages: int) -> None:
    vttbr = 0x0012_0080_4567_8000
    assert hyp_root_of(vttbr, vtcr) == Root(0x80_4567_8000, level, pages)
    assert hyp_vmid_of(vttbr | 0xFF << 56) == 0x12


@pytest.mark.parametrize(
    "vtcr",
    [
        pytest.param(0x08 | 1 << 6, id="S-is-not-the-sign"),
        pytest.param(0x10 | 1 << 6, id="S-without-sign"),
        pytest.param(2 << 6, id="SL0-reserved"),
        pytest.param(0x1D, id="32-tables"),
        pytest.param(0x02 | 1 << 6, id="too-few-bits"),
    ],
)
def test_aarch32_root_not_modelled(vtcr: int) -> None:
    with pytest.raises(Unmodelled):
        hyp_root_of(0x4567_8000, vtcr)
