"""Cores by name: ID register values and errata, each with where it stands.

Facts only.  What none of the sources gives is left out, and so unknown.
"""

from __future__ import annotations

from reference_model.core_errata import (
    AT_1165522,
    AT_1319367,
    AT_1319537,
    AT_1530923,
    AT_1530924,
    BBM_3053180,
    BBM_X4,
    REPEAT_1286807,
    REPEAT_2441007,
    REPEAT_2441009,
    completion,
)
from reference_model.core_sources import CoreValues, KnownField, Register

__all__ = ["CORE_VALUES"]

_MMFR0, _MMFR1, _MMFR2 = (f"ID_AA64MMFR{n}_EL1" for n in range(3))
_ISAR0, _ISAR1 = (f"ID_AA64ISAR{n}_EL1" for n in range(2))

_QEMU = "qemu target/arm/tcg/cpu64.c at 00936783abf7, values of the core's TRM, "
_QEMU_OLD = "qemu target/arm/cpu64.c at e73c44434731, values of the core's TRM, "
_DUMPS = "github.com/rems-project/system-litmus-harness at 4bd148bf3941, hw-results/"
_SYSREGS = "github.com/lelegard/arm-cpusysregs at eda298831883, collect/"
_ARM = "Arm ARM DDI 0487, ID_AA64MMFR2_EL1: "
_NO_MMFR2 = f"{_ARM}the register is RES0 before Armv8.2, and this core is Armv8.0-A"
_VBOX = (
    "VirtualBox VMM/VMMR3/cpus/ARM_ARM_Cortex_X925_A725.h r112719, read by a driver "
    "on Linux"
)
_V2_DUMP = f"{_DUMPS}hw-refs/ec2-m8g.metal/id.txt, as a guest of KVM is shown it"
_MAX = (
    "qemu target/arm/tcg/cpu64.c at 00936783abf7, aarch64_max_tcg_initfn with lpa2=off"
)
_X925 = {
    _MMFR0: 0x2100022200101122,
    _MMFR1: 0x1001111010312122,
    _MMFR2: 0x1221011110101011,
    _ISAR0: 0x221111110212120,
    _ISAR1: 0x111111100211002,
}


def _read(source: str, values: dict[str, int]) -> tuple[Register, ...]:
    return tuple(Register(name, value, source) for name, value in values.items())


def _armv8_0(
    source: str, mmfr0: int, isar0: int = 0x11120, mmfr2: str = _NO_MMFR2
) -> tuple[Register, ...]:
    """Return the registers of a core that has nothing newer than Armv8.0."""
    return (
        *_read(source, {_MMFR0: mmfr0, _MMFR1: 0, _ISAR0: isar0, _ISAR1: 0}),
        Register(_MMFR2, 0, mmfr2),
    )


def _from(field: str, value: int, architecture: str, rule: str) -> KnownField:
    return KnownField(field, value, f"{architecture}; Arm ARM DDI 0487: {rule}")


def _armv9(architecture: str) -> tuple[KnownField, ...]:
    """Return what every Armv9 core has, of what Armv8.4 made mandatory."""
    return (
        _from("CnP", 1, architecture, "ID_AA64MMFR2_EL1.CnP may not be 0 from Armv8.2"),
        _from("TTL", 1, architecture, "ID_AA64MMFR2_EL1.TTL may not be 0 from Armv8.4"),
    )


def _ranges(architecture: str) -> KnownField:
    rule = "ID_AA64ISAR0_EL1.TLB may not be 0 or 1 from Armv8.4"
    return _from("TLB", 2, architecture, rule)


_X4_IS = "Cortex-X4 is Armv9.2-A (TRM 102484; llvm-project 066c4524bc1d)"
_V3_IS = "Neoverse V3 is Armv9.2-A (TRM 107734; llvm-project 020b30260b50)"
_V2_IS = "Neoverse V2 is Armv9.0-A (TRM 102375)"
_A510_IS = "Cortex-A510 is Armv9.0-A (TRM 101604)"
_BBML2 = (
    "Linux arch/arm64/kernel/cpufeature.c, has_bbml2_noabort: the cores listed there "
    "have at least FEAT_BBML2"
)
# What a guest of KVM is not shown.
_KVM_HIDES = ("ETS", "nTLBPA")

CORE_VALUES: tuple[CoreValues, ...] = (
    CoreValues(
        "Armv8.0-generic",
        "any Armv8.0-A core: no feature that came later",
        None,
        "-",
        _armv8_0(
            "Arm ARM DDI 0487: what these fields tell of came after Armv8.0; the "
            "physical address size is that of profile P0-v8.0",
            0x2,
            0,
        ),
    ),
    CoreValues(
        "Cortex-A35",
        "Armv8.0-A",
        0x411FD040,
        f"{_QEMU}aarch64_a35_initfn",
        _armv8_0(f"{_QEMU}aarch64_a35_initfn", 0x101122),
    ),
    CoreValues(
        "Cortex-A53",
        "Armv8.0-A",
        0x410FD034,
        f"{_DUMPS}hw-refs/rems-rpi3bp/id.txt",
        _armv8_0(
            f"{_QEMU_OLD}aarch64_a53_initfn; {_DUMPS}hw-refs/rems-rpi3bp/id.txt", 0x1122
        ),
        errata=(AT_1530924,),
    ),
    CoreValues(
        "Cortex-A55",
        "Armv8.2-A",
        0x412FD050,
        f"{_QEMU}aarch64_a55_initfn",
        _read(
            f"{_QEMU}aarch64_a55_initfn; github.com/hrw/arm-socs-table issue 114 "
            f"(RK3588)",
            {
                _MMFR0: 0x101122,
                _MMFR1: 0x10212122,
                _MMFR2: 0x1011,
                _ISAR0: 0x100010211120,
                _ISAR1: 0x100001,
            },
        ),
        errata=(AT_1530923, REPEAT_2441007),
    ),
    CoreValues(
        "Cortex-A57",
        "Armv8.0-A",
        0x411FD070,
        f"{_QEMU_OLD}aarch64_a57_initfn",
        _armv8_0(f"{_QEMU_OLD}aarch64_a57_initfn", 0x1124),
        errata=(AT_1319537,),
    ),
    CoreValues(
        "Cortex-A72",
        "Armv8.0-A",
        0x410FD083,
        f"{_DUMPS}hw-refs/rems-rpi4b/id.txt",
        _armv8_0(
            f"{_QEMU}aarch64_a72_initfn; {_SYSREGS}cortexa72-host-ubuntu",
            0x1124,
            mmfr2=f"{_SYSREGS}cortexa72-host-ubuntu",
        ),
        errata=(AT_1319367,),
    ),
    CoreValues(
        "Cortex-A73",
        "Armv8.0-A",
        0x410FD092,
        f"{_DUMPS}hw-refs/odroidn2.big/id.txt",
        _armv8_0(f"{_DUMPS}hw-refs/odroidn2.big/id.txt", 0x1122),
    ),
    CoreValues(
        "Cortex-A76",
        "Armv8.2-A",
        0x414FD0B1,
        f"{_DUMPS}hw-refs/rems-rpi5/id.txt",
        _read(
            f"{_QEMU}aarch64_a76_initfn; TRM 100798 B2.59, B2.60",
            {
                _MMFR0: 0x101122,
                _MMFR1: 0x10212122,
                _MMFR2: 0x1011,
                _ISAR0: 0x100010211120,
                _ISAR1: 0x100001,
            },
        ),
        errata=(AT_1165522, REPEAT_1286807, completion("4193800")),
    ),
    CoreValues(
        "Cortex-A78AE",
        "Armv8.2-A",
        0x410FD423,
        f"{_QEMU}aarch64_a78ae_initfn",
        _read(
            f"{_QEMU}aarch64_a78ae_initfn",
            {
                _MMFR0: 0x101125,
                _MMFR1: 0x10212122,
                _MMFR2: 0x100001011,
                _ISAR0: 0x10100010211120,
                _ISAR1: 0x1200031,
            },
        ),
        errata=(completion("in XSA-493"),),
    ),
    CoreValues(
        "Cortex-A510",
        "Armv9.0-A",
        None,
        "-",
        fields=(
            KnownField(
                "PARange",
                2,
                "github.com/hrw/arm-socs-table issue 56, from the TRM: 40 bits",
            ),
            *_armv9(_A510_IS),
            _ranges(_A510_IS),
        ),
        errata=(REPEAT_2441009,),
    ),
    CoreValues(
        "Cortex-A710",
        "Armv9.0-A",
        0x412FD471,
        f"{_QEMU}aarch64_a710_initfn",
        _read(
            f"{_QEMU}aarch64_a710_initfn",
            {
                _MMFR0: 0x22200101122,
                _MMFR1: 0x10212122,
                _MMFR2: 0x1221011110101011,
                _ISAR0: 0x221111110212120,
                _ISAR1: 0x10111101211052,
            },
        ),
        errata=(completion("in XSA-493"),),
    ),
    CoreValues(
        "Cortex-A725",
        "Armv9.2-A",
        0x410FD871,
        _VBOX,
        _read(_VBOX, _X925),
    ),
    CoreValues(
        "Cortex-X4",
        "Armv9.2-A",
        None,
        "-",
        fields=(
            KnownField("BBM", 2, _BBML2),
            *_armv9(_X4_IS),
            _ranges(_X4_IS),
        ),
        errata=(completion("4118414"), BBM_X4),
    ),
    CoreValues(
        "Cortex-X925",
        "Armv9.2-A",
        0x410FD851,
        _VBOX,
        _read(_VBOX, _X925),
        errata=(completion("in XSA-493"),),
    ),
    CoreValues(
        "Neoverse-N1",
        "Armv8.2-A",
        0x413FD0C1,
        f"{_DUMPS}hw-refs/ec2-m6g.metal/id.txt",
        _read(
            f"{_QEMU}aarch64_neoverse_n1_initfn; {_DUMPS}hw-refs/ec2-m6g.metal",
            {
                _MMFR0: 0x101125,
                _MMFR1: 0x10212122,
                _MMFR2: 0x1011,
                _ISAR0: 0x100010211120,
                _ISAR1: 0x100001,
            },
        ),
        errata=(AT_1165522, REPEAT_1286807, completion("in XSA-493")),
    ),
    CoreValues(
        "Neoverse-N2",
        "Armv9.0-A",
        0x410FD493,
        f"{_QEMU}aarch64_neoverse_n2_initfn",
        _read(
            f"{_QEMU}aarch64_neoverse_n2_initfn",
            {
                _MMFR0: 0x22200101125,
                _MMFR1: 0x10212122,
                _MMFR2: 0x1221011112101011,
                _ISAR0: 0x1221111110212120,
                _ISAR1: 0x11111101211052,
            },
        ),
        errata=(completion("in XSA-493"),),
    ),
    CoreValues(
        "Neoverse-V1",
        "Armv8.4-A without TLBI by range and Outer Shareable TLBI",
        0x411FD401,
        f"{_SYSREGS}graviton3-host-amazonlinux",
        _read(
            f"{_QEMU}aarch64_neoverse_v1_initfn; {_SYSREGS}graviton3-host-amazonlinux",
            {
                _MMFR0: 0x101125,
                _MMFR1: 0x10212122,
                _MMFR2: 0x220011102101011,
                _ISAR0: 0x1011111110212120,
                _ISAR1: 0x11000001211032,
            },
        ),
        errata=(completion("in XSA-493"),),
    ),
    CoreValues(
        "Neoverse-V2",
        "Armv9.0-A",
        0x410FD4F1,
        f"{_DUMPS}hw-refs/ec2-m8g.metal/id.txt",
        (
            Register(_MMFR0, 0x22200101125, _V2_DUMP),
            Register(_MMFR1, 0x10312122, _V2_DUMP, _KVM_HIDES),
            Register(_ISAR0, 0x1221100110212120, _V2_DUMP),
            Register(_ISAR1, 0x11111101211052, _V2_DUMP, ("XS",)),
        ),
        _armv9(_V2_IS),
        (completion("4193787"),),
    ),
    CoreValues(
        "Neoverse-V3",
        "Armv9.2-A",
        None,
        "-",
        fields=(
            KnownField("BBM", 2, _BBML2),
            *_armv9(_V3_IS),
            _ranges(_V3_IS),
        ),
        errata=(completion("4193784"), BBM_3053180),
    ),
    CoreValues(
        "Apple-M1",
        "Armv8.4-A and more; Icestorm and Firestorm",
        0x611F0231,
        f"{_SYSREGS}applem1-host-macos",
        _read(
            f"{_SYSREGS}applem1-host-macos; VirtualBox ARM_Apple_M1.h r112777",
            {
                _MMFR0: 0x12120F100001,
                _MMFR1: 0x11212100,
                _MMFR2: 0x1201111100001011,
                _ISAR0: 0x221100110212120,
                _ISAR1: 0x11110211202,
            },
        ),
    ),
    CoreValues(
        "Apple-M3",
        "Armv8.6-A and more",
        0x612F0430,
        f"{_SYSREGS}applem3-host-macos",
        _read(
            f"{_SYSREGS}applem3-host-macos; gist jannau/079ce2d5a35fedcdaad7",
            {
                _MMFR0: 0x110012120F100003,
                _MMFR1: 0x111111312100,
                _MMFR2: 0x1201011102001011,
                _ISAR0: 0x221100110212120,
                _ISAR1: 0x10111110211402,
            },
        ),
    ),
    CoreValues(
        "Armv9-max",
        "as much of Armv9 as QEMU has: -cpu max",
        0x000F0510,
        _MAX,
        _read(
            _MAX,
            {
                _MMFR0: 0x2100022200101126,
                _MMFR1: 0x110112010312122,
                _MMFR2: 0x1221011112011011,
                _ISAR0: 0x1221111110312120,
            },
        ),
        (KnownField("XS", 1, _MAX),),
    ),
)
