"""CPUs are told in words, and each core named is one of that kind."""

from __future__ import annotations

import pytest

from harness.report.cpus import cpus_text
from harness.report.mail.quote import quoted
from harness.report.plain import plain, reading
from reference_model.cores import PROFILES, chosen_profiles
from reference_model.profiles import (
    AARCH32_PROFILES,
    ARCHITECTURE_PROFILES,
    AT_SPECULATE,
    REPEAT_TLBI,
)

A64, A32 = tuple(ARCHITECTURE_PROFILES), tuple(AARCH32_PROFILES)
EVERY = (*A64, *A32)


def test_all_some_and_none_of_a_kind() -> None:
    assert cpus_text(EVERY, EVERY) == "all arm64; all 32-bit"
    assert cpus_text(A64, A64) == "all arm64"
    assert cpus_text(A32, EVERY) == "all 32-bit; not arm64"
    assert cpus_text(("P3-bbml2",), EVERY) == (
        "only arm64 with FEAT_nTLBPA (such as Cortex-A725); not 32-bit"
    )
    most = [name for name in A64 if name not in ("P1-repeat", "P3-bbml2")]
    assert cpus_text(most, EVERY) == (
        "all arm64 but those with the repeat-TLBI erratum (such as Cortex-A76) "
        "and those with FEAT_nTLBPA (such as Cortex-A725); not 32-bit"
    )


def test_nothing_is_said_of_what_was_not_checked() -> None:
    one = ("P0-v8.0",)
    assert cpus_text(one, one) == "arm64 of plain Armv8.0 (such as Cortex-A35, A73)"
    assert cpus_text(one, ("P0-v8.0", "P5-nested")) == (
        "arm64 of plain Armv8.0 (such as Cortex-A35, A73), not arm64 in a KVM guest"
    )
    assert cpus_text(A32, (*A32, "P5-nested")) == "all 32-bit; not arm64 in a KVM guest"


def test_every_profile_has_words() -> None:
    for name in EVERY:
        assert name not in cpus_text((name,), EVERY)


def test_cores_that_were_asked_for_go_by_their_names() -> None:
    assert cpus_text(("Cortex-A76",), ("Cortex-A76", "Cortex-A35")) == (
        "Cortex-A76, not on Cortex-A35"
    )


@pytest.mark.parametrize(
    ("core", "errata", "ntlbpa"),
    [
        ("Cortex-A35", set(), False),
        ("Cortex-A73", set(), False),
        ("Cortex-A76", {REPEAT_TLBI}, False),
        ("Cortex-A725", set(), True),
        ("Cortex-A57", {AT_SPECULATE}, False),
        ("Cortex-A72", {AT_SPECULATE}, False),
    ],
)
def test_a_core_is_what_it_is_named_for(
    core: str, errata: set[str], ntlbpa: bool
) -> None:
    (name,) = chosen_profiles(core)
    assert core.removeprefix("Cortex-") in cpus_text(A64[:1], A64) + "".join(
        cpus_text((each,), A64) for each in A64
    )
    assert errata <= PROFILES[name].errata
    assert PROFILES[name].ntlbpa is ntlbpa
    assert errata or not PROFILES[name].errata & {AT_SPECULATE, REPEAT_TLBI}


@pytest.mark.parametrize(
    ("short", "words"),
    [
        ("its S1, S12 may be cached", "its stage-1 and combined entries may be cached"),
        (
            "may use S1, S12 entries of the other vCPU",
            "may use stage-1 and combined entries of the other vCPU",
        ),
        (
            "may still use S12: VA 0x1 -> PA 0x2",
            "may still use a combined entry: VA 0x1 -> PA 0x2",
        ),
        (
            "may hold the old S2 and the new one at once",
            "may hold the old stage-2 entry and the new one at once",
        ),
        (
            "completes IPAS2E1IS on pCPU0; drops S12, S12W, S2 on pCPU0",
            "completes IPAS2E1IS on pCPU0; drops combined, combined walk and stage-2 "
            "entries on pCPU0",
        ),
        ("TLBI IPAS2E1IS; TTBR0_EL1; VMALLS12E1", ""),
    ],
)
def test_short_names_of_entries_are_written_out(short: str, words: str) -> None:
    assert plain(short) == (words or short)


def test_a_reading_of_the_architecture_is_a_sentence() -> None:
    assert reading("combined-tlb=on") == "TLBs hold entries that combine stage 1 and 2"
    assert reading("drain-ptw=off").endswith("(here: off)")


# -------------------------------------------------------------------- quotation

HUNK = "\n".join(["@@ -10,60 +10,61 @@ f", *(f" {n}" for n in range(10, 70)), "+new"])


def test_what_is_near_is_quoted_and_the_rest_is_said_to_be_left_out() -> None:
    lines = quoted(HUNK, {30, 60})
    assert lines[0] == "> @@ -10,60 +10,61 @@ f"
    assert "> [...]" in lines
    assert {">  30", ">  60"} <= set(lines)
    assert ">  45" not in lines
    assert len(lines) <= 24
    assert lines[-1] == "> [...]"


def test_a_hunk_that_is_short_is_quoted_whole() -> None:
    assert quoted("@@ -1 +1,2 @@\n a\n+b\n ", {2}) == [
        "> @@ -1 +1,2 @@",
        ">  a",
        "> +b",
    ]
    assert quoted("", {1}) == []


def test_elsewhere_the_first_change_is_quoted() -> None:
    assert "> +new" in quoted(HUNK, {5})
