"""Errata of cores that concern translation, with where they are listed."""

from __future__ import annotations

from reference_model.core_sources import Erratum
from reference_model.profiles import AT_SPECULATE, REPEAT_TLBI

__all__ = [
    "AT_1165522",
    "AT_1319367",
    "AT_1319537",
    "AT_1530923",
    "AT_1530924",
    "BBM_3053180",
    "BBM_X4",
    "REPEAT_1286807",
    "REPEAT_2441007",
    "REPEAT_2441009",
    "completion",
]

_XEN = "xen/arch/arm/cpuerrata.c (4.20.3+127)"
_LINUX = "Linux arch/arm64/kernel/cpu_errata.c, arm64_repeat_tlbi_list"
_ALL = "all"

REPEAT_1286807 = Erratum(
    REPEAT_TLBI, "1286807", "r0p0-r3p0", (3, 0), f"{_XEN}; {_LINUX}"
)
REPEAT_2441007 = Erratum(REPEAT_TLBI, "2441007", _ALL, None, f"{_LINUX}; not in {_XEN}")
REPEAT_2441009 = Erratum(
    REPEAT_TLBI, "2441009", "r0p0-r1p1", (1, 1), f"{_LINUX}; not in {_XEN}"
)

AT_1165522 = Erratum(AT_SPECULATE, "1165522", "r0p0-r2p0", (2, 0), _XEN)
AT_1319367 = Erratum(
    AT_SPECULATE,
    "1319367",
    _ALL,
    None,
    "Xen docs/misc/arm/silicon-errata.txt; Linux erratum_speculative_at_list",
)
AT_1319537 = Erratum(
    AT_SPECULATE,
    "1319537",
    _ALL,
    None,
    "Xen docs/misc/arm/silicon-errata.txt; Linux erratum_speculative_at_list",
)
AT_1530923 = Erratum(
    AT_SPECULATE,
    "1530923",
    "all (Linux: r0p0-r2p0)",
    None,
    f"{_XEN}: open in SDEN v14; Linux erratum_speculative_at_list",
)
AT_1530924 = Erratum(AT_SPECULATE, "1530924", _ALL, None, _XEN)

BBM_3053180 = Erratum(
    "BBM",
    "3053180",
    "r0p0-r0p1",
    (0, 1),
    "Linux: 'arm64: cpufeature: Add Neoverse-V3AE to BBML2 allow list' and the list "
    "itself, which begins at r0p2: break-before-make is always needed before",
)
BBM_X4 = Erratum(
    "BBM",
    "not named",
    "r0p0-r0p2",
    (0, 2),
    "Linux arch/arm64/kernel/cpufeature.c, has_bbml2_noabort: the list begins at r0p3",
)


def completion(number: str) -> Erratum:
    """Return what CVE-2025-10263 is called on one core."""
    return Erratum(
        REPEAT_TLBI,
        f"CVE-2025-10263, {number}",
        _ALL,
        None,
        f"XSA-493, {_XEN}; Linux CONFIG_ARM64_ERRATUM_4118414",
    )
