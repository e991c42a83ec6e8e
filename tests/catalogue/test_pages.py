"""Every rule has a page, and its examples are what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.catalogue import Page, page, page_text, pages
from harness.check.rules import RULES
from harness.errors import ParseError, UsageError
from harness.litmus import Test, parse, run
from reference_model.profiles import ARCHITECTURE_PROFILES

FOLDER = Path(__file__).parents[2] / "harness" / "catalogue" / "pages"

# Rules that are not about a trace: what the C code or the tables do.
NOT_A_TRACE = {
    "p2m-wrong-mapping": "compares the tables with what the operations asked for",
    "p2m-access-unnoticed": "compares a fault handler's answer with the tables",
    "c-undefined-behaviour": "is found while the C runs",
    "c-bound-reached": "is found while the C runs",
    "c-does-not-build": "is found before the C runs",
    **{rule: "compares what runs cost" for rule in RULES if rule.startswith("perf-")},
}
# Examples that do not show yet what they should, with the reason.
NO_EXAMPLE: dict[str, str] = {}

each_page = pytest.mark.parametrize("rule", RULES)
each_trace = pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule not in NOT_A_TRACE | NO_EXAMPLE]
)


def example(rule: str, *, failing: bool) -> Test:
    """Return an example of a page as a test."""
    shown = page(rule).failing if failing else page(rule).fixed
    return parse(shown.text, f"{rule} ({'failing' if failing else 'fixed'})")


def test_there_is_a_page_for_every_rule_and_no_other() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(RULES)
    assert [p.rule.id for p in pages()] == list(RULES)


@each_page
def test_the_text_says_it_all_in_80_columns(rule: str) -> None:
    text = page_text(page(rule))
    assert max(len(line) for line in text.splitlines()) <= 80
    shown = page(rule)
    for part in (shown.checks, shown.why, shown.fine, shown.limits):
        assert len(part) >= 6
        assert part in " ".join(text.split())
    for arm_rule in RULES[rule].arm_rules:
        assert arm_rule in text


@each_page
def test_a_title_is_one_short_sentence(rule: str) -> None:
    title = page(rule).title
    assert len(title) <= 76
    assert not title.endswith(".")
    assert title[0].islower() or title.split()[0].isupper() or title[0] in "CVTF"


@each_trace
def test_the_failing_example_breaks_this_rule_alone(rule: str) -> None:
    (result,) = run(example(rule, failing=True)).results
    assert not result.inconclusive
    assert {cause.rule for cause in result.causes} == {rule}
    assert all(cause.verified for cause in result.causes)


@each_trace
def test_the_fixed_example_is_clean(rule: str) -> None:
    (result,) = run(example(rule, failing=False)).results
    assert not result.inconclusive
    assert not result.causes


@each_trace
def test_both_examples_say_what_they_expect(rule: str) -> None:
    failing, fixed = (example(rule, failing=which) for which in (True, False))
    assert failing.expectations[0].rules == {rule}
    assert not fixed.expectations[0].rules
    assert failing.origin.startswith("derived: ")
    assert re.search(r"[RI]_[A-Z]{5}", failing.origin)


def test_what_is_no_trace_is_marked_so() -> None:
    marked = {p.rule.id for p in pages() if not p.failing.litmus}
    assert marked == set(NOT_A_TRACE)


def test_near_names_are_offered() -> None:
    with pytest.raises(UsageError, match="did you mean missing-dsb-after-tlbi"):
        page("missing-dsb-after-tlb")
    with pytest.raises(UsageError, match="see harness rules"):
        page("zzz")


def test_a_broken_page_is_an_error_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.catalogue import page as module

    rule = RULES["missing-dsb-after-tlbi"]
    file = tmp_path / "x.toml"
    for text, message in (
        ("title = ", "no TOML"),
        ('title = "x"', "a page has the texts"),
        ('title = 3\nchecks = "x"', "a page has the texts"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ParseError, match=f"x.toml:1: {message}"):
            parsed(module, file, rule)


def parsed(module: object, file: Path, rule: object) -> Page:
    """Read a page from a file of the test's own."""
    import sys

    read = sys.modules["harness.catalogue.page"]._parsed
    result: Page = read(file, rule)
    return result


@each_page
def test_profiles_exist(rule: str) -> None:
    named = re.findall(r"\bP\d-[\w.-]*\w", page(rule).profiles)
    assert set(named) <= set(ARCHITECTURE_PROFILES)


@each_trace
def test_the_example_runs_on_a_profile_that_is_named(rule: str) -> None:
    named = re.findall(r"\bP\d-[\w.-]*\w", page(rule).profiles)
    every = page(rule).profiles.startswith("all")
    assert every or not named or example(rule, failing=True).profile in named
