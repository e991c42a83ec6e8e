"""Which errata a tree handles on a core is read from its table."""

from __future__ import annotations

from pathlib import Path

from harness.targets.workarounds import Workarounds
from reference_model.cores import CORES
from reference_model.profiles import ARCHITECTURE_PROFILES, AT_SPECULATE, REPEAT_TLBI

TABLE = """\
static const struct arm_cpu_capabilities arm_errata[] = {
    {
        /* Cortex-A76 r0p0 - r3p0 */
        .desc = "ARM erratum 1286807",
        .capability = ARM64_WORKAROUND_REPEAT_TLBI,
        MIDR_RANGE(MIDR_CORTEX_A76, 0, 3 << MIDR_VARIANT_SHIFT),
    },
    {
        .capability = ARM64_WORKAROUND_REPEAT_TLBI,
        MIDR_ALL_VERSIONS(MIDR_NEOVERSE_V2),
    },
    {
        .capability = ARM64_WORKAROUND_REPEAT_TLBI,
        MIDR_RANGE(MIDR_CORTEX_A510, 0x00,
                   (1 << MIDR_VARIANT_SHIFT) | 1),
    },
    {
        .desc = "ARM erratum 1165522",
        .capability = ARM64_WORKAROUND_AT_SPECULATE,
        MIDR_RANGE(MIDR_CORTEX_A76, 0, 2 << MIDR_VARIANT_SHIFT),
    },
    {},
};
"""


def _unhandled(root: Path, name: str) -> frozenset[str]:
    workarounds = Workarounds(root)
    (one,) = {workarounds.on(p).unhandled for p in CORES[name].profiles()}
    return one


def _tree(root: Path) -> Path:
    file = root / "xen/arch/arm/cpuerrata.c"
    file.parent.mkdir(parents=True)
    file.write_text(TABLE, encoding="utf-8")
    return root


def test_an_entry_must_cover_every_revision_with_the_erratum(tmp_path: Path) -> None:
    root = _tree(tmp_path)
    # CVE-2025-10263 is there on revisions after r3p0 as well.
    assert _unhandled(root, "Cortex-A76") == {REPEAT_TLBI}
    assert _unhandled(root, "Cortex-A510") == frozenset()
    assert _unhandled(root, "Neoverse-V2") == frozenset()


def test_a_core_without_an_entry_is_not_handled(tmp_path: Path) -> None:
    root = _tree(tmp_path)
    assert _unhandled(root, "Cortex-A55") == {AT_SPECULATE, REPEAT_TLBI}
    assert _unhandled(root, "Cortex-A73") == frozenset()


def test_the_workaround_is_off_and_the_erratum_stays(tmp_path: Path) -> None:
    (a57,) = CORES["Cortex-A57"].profiles()
    found = Workarounds(_tree(tmp_path)).on(a57)
    assert found.errata == {AT_SPECULATE}
    assert found.workarounds == frozenset()


def test_without_the_table_everything_is_handled(tmp_path: Path) -> None:
    assert _unhandled(tmp_path, "Cortex-A55") == frozenset()


def test_profiles_of_the_architecture_are_handled(tmp_path: Path) -> None:
    profile = ARCHITECTURE_PROFILES["P1-repeat"]
    assert Workarounds(_tree(tmp_path)).on(profile) == profile
