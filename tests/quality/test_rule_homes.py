"""Every cited rule is known, and every known rule has a home or a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.catalogue.arm_rules import known_rules
from harness.check.rules import RULES
from harness.report.generated.rule_homes import citations, names_in, rule_homes

REPOSITORY = Path(__file__).parents[2]
KNOWN = known_rules()
CITED = citations(REPOSITORY)


def test_the_list_is_complete() -> None:
    assert {f"M{n}" for n in range(1, 8)} <= set(KNOWN)
    assert {f"O{n}" for n in range(1, 7)} <= set(KNOWN)
    assert sum(rule.startswith("R_") for rule in KNOWN) >= 60
    assert sum(rule.startswith("I_") for rule in KNOWN) >= 35
    assert all(rule.says for rule in KNOWN.values())


def test_every_cited_rule_is_known() -> None:
    for citation in CITED:
        assert citation.id in KNOWN, f"{citation.place} cites {citation.id}"


def test_findings_rest_on_known_rules() -> None:
    for rule in RULES.values():
        assert set(rule.arm_rules) <= set(KNOWN), rule.id


def test_every_rule_has_a_home_or_a_reason() -> None:
    cited = {citation.id for citation in CITED}
    for rule in KNOWN.values():
        if rule.reason:
            assert rule.id not in cited, f"{rule.id} has a home: drop the reason"
        else:
            assert rule.id in cited, f"{rule.id} has no home"


@pytest.mark.parametrize("rule", [r.id for r in KNOWN.values() if r.homes])
def test_homes_exist(rule: str) -> None:
    for home in KNOWN[rule].homes:
        file, _, name = home.partition(": ")
        assert (REPOSITORY / file).is_file(), home
        assert not name or name in names_in(REPOSITORY / file), home


def test_the_model_is_at_home_in_the_reference_model() -> None:
    """The machine and the oracle are not spread over the harness."""
    for rule in [r for r in KNOWN if r[0] in "MO"]:
        places = [c.file for c in CITED if c.id == rule]
        assert any(file.startswith("reference_model/") for file in places), rule


def test_a_citation_names_the_part_around_it() -> None:
    found = {(c.id, c.place) for c in CITED}
    assert ("R_PSMWS", "harness/check/rule.py: Rule") not in found
    assert ("F1.9", "harness/check/causes/operands.py: regime") in found  # docstring


def test_the_page_leads_both_ways() -> None:
    page = rule_homes(REPOSITORY)
    there, _, back = page.partition("## From the code to the rules")
    assert "* **F1.9**" in there
    assert "`harness/check/causes/operands.py: regime`: F1.9" in back
    for rule in KNOWN:
        assert f"**{rule}**" in there
