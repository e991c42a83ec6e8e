"""What the names of a report mean."""

from __future__ import annotations

from dataclasses import replace

from report_samples import CLEAN, LOCAL, WARNING

from harness.check.finding import TlbDiff
from harness.report.html.glossary import glossary, scenario_summary
from harness.report.names import every_profile_text
from harness.targets.scenarios import SCENARIOS
from reference_model.cores import PROFILES
from reference_model.entries import EntryKind
from reference_model.profiles import AARCH32_PROFILES, ARCHITECTURE_PROFILES


def _names(title: str, *findings: object, **changes: object) -> list[str]:
    result = replace(CLEAN, findings=(), **changes)  # type: ignore[arg-type]
    groups = glossary(result, findings)  # type: ignore[arg-type]
    return [name for group in groups if group.title == title for name, _ in group.names]


def test_only_kinds_of_entry_that_a_finding_names_are_explained() -> None:
    assert _names("TLB entries", LOCAL) == ["S1", "S2", "S12"]
    assert _names("TLB entries", WARNING) == []


def test_every_kind_of_entry_can_be_explained() -> None:
    every = tuple(f"{kind.value} VMID 1" for kind in EntryKind)
    finding = replace(WARNING, tlb_diff=(TlbDiff(0, every, "nothing"),))
    assert set(_names("TLB entries", finding)) == {kind.value for kind in EntryKind}


def test_every_profile_of_the_architecture_is_explained() -> None:
    names = (*ARCHITECTURE_PROFILES, *AARCH32_PROFILES)
    assert _names("CPUs", profiles=(*names, "of my own")) == list(names)


def test_variants_of_a_core_are_explained_once() -> None:
    variants = [name for name in PROFILES if name.startswith("Cortex-A510[")]
    assert len(variants) > 3
    names = (*variants, "Cortex-A53")
    assert _names("CPUs", profiles=names) == ["Cortex-A510", "Cortex-A53"]
    text = f"Cortex-A510 ({len(variants)} variants), Cortex-A53"
    assert every_profile_text(names) == text


def test_readings_of_the_architecture_are_explained() -> None:
    settings = ("combined-tlb=on", "my-own=off")
    title = "Readings of the architecture"
    assert _names(title, assumptions=settings) == ["combined-tlb=on"]


def test_a_group_without_names_is_left_out() -> None:
    result = replace(CLEAN, profiles=(), assumptions=())
    assert glossary(result, []) == []


def test_scenarios_say_what_they_do() -> None:
    assert all(scenario_summary(scenario.name) for scenario in SCENARIOS)
    assert scenario_summary("no such") == ""
