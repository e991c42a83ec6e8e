"""The HTML report as a text: well-formed, harmless, and everything is in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from html_samples import (
    ANSWERS,
    DIFF,
    EVERY,
    EVIL,
    FULL,
    HOSTILE,
    HUNK,
    REPAIRED,
    SERIES,
    SUPPRESSED,
)
from report_samples import CLEAN, INCONCLUSIVE, LOCAL, PROFILES, WARNING

from harness.check.finding import Finding, Repair, Severity, State, Status
from harness.check.result import Result
from harness.cost.parameters import PARAMETERS
from harness.report.html.html_report import render_html
from harness.report.html.listing import diff_lines, listings
from harness.report.html.timeline import timeline

each = pytest.mark.parametrize("result", EVERY.values(), ids=EVERY.keys())


class _Elements(HTMLParser):
    """Collects elements, and finds those that are not closed in order."""

    _VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.wrong: list[str] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.said.append(data)

    def values(self, name: str) -> list[str]:
        """Return every value of an attribute."""
        return [
            value or ""
            for _, attributes in self.found
            for key, value in attributes.items()
            if key == name
        ]


def said(result: Result) -> str:
    """Return what the page shows without script, as plain text."""
    return " ".join(" ".join(_Elements(render_html(result)).said).split())


def trace(result: Result) -> Any:
    """Return the data of the page."""
    found = re.search(
        r'<script type="application/json" id="trace">(.*?)</script>',
        render_html(result),
        re.S,
    )
    assert found is not None
    return json.loads(found[1])


@each
def test_every_element_is_closed(result: Result) -> None:
    page = _Elements(render_html(result))
    assert page.wrong == []
    assert page.open == []


@each
def test_nothing_is_loaded_from_anywhere(result: Result) -> None:
    text = render_html(result)
    page = _Elements(text)
    links = [
        link
        for name in ("src", "href", "action", "data", "xlink:href")
        for link in page.values(name)
    ]
    assert all(link.startswith("#") for link in links)
    assert "url(" not in text
    assert "@import" not in text


@each
def test_it_is_the_same_every_time(result: Result) -> None:
    assert render_html(result) == render_html(result)


@each
def test_every_link_leads_somewhere_and_no_anchor_is_there_twice(
    result: Result,
) -> None:
    page = _Elements(render_html(result))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    wanted = [link.removeprefix("#") for link in page.values("href")]
    assert set(wanted) | set(page.values("aria-labelledby")) <= set(ids)


@each
def test_the_policy_allows_the_script_and_style_of_the_page_alone(
    result: Result,
) -> None:
    text = render_html(result)
    page = _Elements(text)
    policies = [
        attributes["content"] or ""
        for tag, attributes in page.found
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    (policy,) = policies
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", text, re.S)
    styles = re.findall(r"<style>(.*?)</style>", text, re.S)
    assert len(scripts) == len(styles) == 1
    for part, (content,) in (("script-src", scripts), ("style-src", styles)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{part} 'sha256-{digest}'" in policy
    # What the policy would refuse is not there.
    assert page.values("style") == []
    assert not [n for _, a in page.found for n in a if n.startswith("on")]


def test_what_a_patch_says_is_only_text() -> None:
    text = render_html(HOSTILE)
    page = _Elements(text)
    tags = [tag for tag, _ in page.found]
    assert tags.count("script") == 2  # the data and ours
    assert "img" not in tags
    assert "49" not in said(replace(HOSTILE, findings=(), cost=()))  # no template
    for character in ("\x00", "\x1b", "\u202e", "\u2028"):
        assert character not in text
    # What is shown says the same as the input, control characters made visible.
    shown = EVIL.replace("\x00", "\\x00").replace("\x1b", "\\x1b")
    shown = shown.replace("\u202e", "\\u202e")
    assert said(HOSTILE).count(shown.replace("\u2028", "\\u2028")) > 40


def test_hostile_texts_do_not_leave_the_embedded_data() -> None:
    (first, *_) = trace(HOSTILE)["findings"]
    assert "</script>" in first["steps"][0]["event"]
    assert first["fingerprint"] == EVIL


def test_the_data_holds_the_trace_step_by_step() -> None:
    (first, *_) = trace(FULL)["findings"]
    assert first["rule"] == REPAIRED.rule
    assert first["id"] in _Elements(render_html(FULL)).values("id")
    assert [step["step"] for step in first["steps"]] == [s.step for s in LOCAL.trace]
    states = {state["name"]: state for state in first["steps"][-1]["states"]}
    assert states["TLB pCPU1"] == {
        "name": "TLB pCPU1",
        "entries": ["S12: 4K (stale)"],
        "stale": True,
    }


# ----------------------------------------------------------- what is on the page


def test_it_can_be_read_without_script() -> None:
    text = said(FULL)
    for part in (
        "unsafe",
        REPAIRED.message,
        "3 new errors",
        "tlbi vmalle1",
        "TLB pCPU1",
        "S12: 4K (stale)",
        "removes S1 and S12 of VMID 1 on pCPU0 only",
        "+ flush_guest_tlb_s1();",
        "promote TLBI VMALLE1 to VMALLE1IS",
        "allowed",
        "ipa 0x40203000: fault",
        f"harness replay {REPAIRED.replay}",
        ANSWERS[0].question,
        ANSWERS[0].text,
        "the newest commit that holds the files",
        "45c6090783" * 4,
        "a .config",
        "288 executions",
        "tlbi ipas2e1is 0 -> 262,144",
        "R_TVTYQ, I_DMCXY",
        "SAF-22-safe names another rule",
    ):
        assert part in text, part


def test_the_verdict_comes_first_and_then_what_was_not_covered() -> None:
    text = said(INCONCLUSIVE)
    order = ["inconclusive", "Not covered", "call of 'iommu_iotlb_flush'", "rests on"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "map-new/own-vttbr/1-pcpu" in text  # where it was reached
    assert "p2m_teardown" in text
    assert "a bound was reached" in text


def test_however_much_was_not_covered_all_of_it_is_listed() -> None:
    functions = [f"function_{n} (xen/arch/arm/p2m.c:{n})" for n in range(1, 40)]
    text = said(replace(INCONCLUSIVE, not_executed=tuple(functions)))
    for n in range(1, 40):
        assert f"function_{n} " in text


def test_a_clean_result_says_what_it_rests_on_and_has_no_findings() -> None:
    text = said(CLEAN)
    assert text.count("clean") >= 2
    assert "no new error in 48 scenarios, 6 profiles, 2 pCPUs, exhausted" in text
    for part in ("Not covered", "brings in", "Suppressed", "Fixed", "A repair"):
        assert part not in text, part


def _svgs(result: Result) -> int:
    return render_html(result).count('<svg class="timeline')


def test_a_finding_without_a_trace_has_no_timeline_and_no_tlbs() -> None:
    text = said(EVERY["not-building"])
    assert "undeclared" in text
    for part in ("How it happens", "TLBs at the end", "A repair"):
        assert part not in text, part
    assert _svgs(EVERY["not-building"]) == 0
    assert _svgs(FULL) == 2


def test_what_is_suppressed_is_shown_apart_with_its_reason() -> None:
    text = said(FULL)
    assert "Suppressed by a comment in the tree: 1" in text
    assert "SAF-21-safe: the domain is not running yet" in text
    only = replace(CLEAN, findings=(SUPPRESSED,))
    assert "clean" in said(only)
    assert "SAF-21-safe" in said(only)
    assert "What the patch brings in" not in said(only)


def test_a_repair_counts_as_checked_only_with_its_diff() -> None:
    assert "applied to the tree and checked" in said(FULL)
    bare = replace(REPAIRED, repair=Repair(("insert DSB ISH",), True))
    text = said(replace(FULL, findings=(bare,)))
    assert "insert DSB ISH" in text
    assert "applied to the tree" not in text
    doubtful = replace(REPAIRED, repair=Repair(("insert DSB ISH",), False))
    assert "not verified" in said(replace(FULL, findings=(doubtful,)))


def test_a_diff_that_mends_several_findings_is_shown_once() -> None:
    diff = replace(WARNING.repair or REPAIRED.repair, diff=DIFF)
    both = (REPAIRED, replace(WARNING, repair=diff))
    page = render_html(replace(FULL, findings=both))
    assert page.count("repair as a diff against") == 1
    name = "finding-1-1"
    link = f'The change that is shown with <a href="#{name}">{REPAIRED.rule}</a>'
    assert link in page


def test_of_a_hunk_that_was_shown_only_the_lines_around_are_shown_again() -> None:
    hunk = "@@ -300,1 +300,91 @@ f" + "".join(f"\n+    call({n});" for n in range(91))
    both = tuple(
        replace(REPAIRED, rule=rule, hunk=hunk, repair=None, fingerprint=rule * 2)
        for rule in (LOCAL.rule, WARNING.rule)
    )
    text = said(replace(FULL, findings=both))
    assert text.count("call(90);") == 1
    assert text.count("call(45);") == 2  # line 345, which it is about
    assert "The hunk (92 lines)" in text
    assert "The hunk (13 of its 92 lines)" in text
    assert f"shown with {LOCAL.rule} ; this is about line 345." in text


def test_one_change_for_all_errors_of_a_patch_follows_them() -> None:
    (patch,) = FULL.patches
    whole = DIFF.replace("flush_guest_tlb_s1();", "flush_guest_tlb();")
    text = said(replace(FULL, patches=(replace(patch, repair=whole),)))
    title = "One change that mends all errors"
    assert 0 < text.index(title) < text.index("+ flush_guest_tlb();")
    assert text.index(REPAIRED.message) < text.index(title)
    # It is not told again where a finding shows it.
    assert title not in said(replace(FULL, patches=(replace(patch, repair=DIFF),)))


def test_old_findings_are_counted_and_told_apart() -> None:
    known = replace(WARNING, status=Status.KNOWN)
    text = said(replace(FULL, findings=(*FULL.findings, known)))
    assert "On the base as well: 1" in text
    assert "Fixed: 1" in text
    assert "In the baseline as well: 1" in text


def test_it_says_which_patch_fixes_what_was_wrong_before() -> None:
    assert "by patch 4/4" in said(SERIES)


def test_what_is_not_covered_follows_the_findings_where_there_are_any() -> None:
    missed = replace(FULL, not_executed=("p2m_teardown (xen/arch/arm/p2m.c:7)",))
    text = said(missed)
    assert text.index(REPAIRED.message) < text.index("Not covered, so")
    # The head of the page leads there at once.
    assert text.index("what is not covered") < text.index(REPAIRED.message)


def test_names_are_explained_where_a_reader_meets_them() -> None:
    text = said(FULL)
    unmap = "unmap-4k/own-vttbr/2-pcpus: a page mapped by a 4K entry is unmapped"
    for part in (
        "harness runs the C of a patch over simulated page tables",
        "S12 both stages combined",
        "P3-bbml2 P2 with FEAT_BBM level 2",
        "It breaks on: ",
        unmap,
    ):
        assert part in text, part
    # Real cores need no words.
    assert "It breaks on: " not in said(EVERY["many-cores"])


def test_an_audit_has_no_patch_to_speak_of() -> None:
    text = said(EVERY["audit"])
    for part in ("in the patch", "brings in", "What reviewers ask", "not run ->"):
        assert part not in text, part


def _rows(result: Result, title: str) -> list[list[str]]:
    part = render_html(result).partition(f'aria-label="{title}"')[2]
    table = part[: part.index("</table>")]
    return [
        [
            " ".join(re.sub(r"<[^>]*>", " ", cell).split())
            for cell in re.findall(r"<t[hd][ >].*?</t[hd]>", row, re.S)
        ]
        for row in re.findall(r"<tr>.*?</tr>", table, re.S)
    ]


def _plain(cells: list[str]) -> list[str]:
    return [cell.rpartition(">")[2].strip() for cell in cells]


def test_a_series_has_a_matrix_of_patches_and_rules() -> None:
    rows = [_plain(row) for row in _rows(SERIES, "patches and rules")]
    assert rows == [
        [
            "patch",
            "verdict",
            "c-does-not-build",
            "stale-s12-after-local-vmalle1",
            "vcpu-switch-missing-s1-flush",
            "ptw-not-drained-before-regime-switch",
        ],
        ["1/4 xen/arm: p2m: step 1", "unsafe", "-", "new", "-", "-"],
        ["2/4 xen/arm: p2m: step 2", "unsafe", "new", "-", "-", "new"],
        ["3/4 xen/arm: p2m: step 3", "clean", "-", "mends", "-", "-"],
        ["4/4 xen/arm: p2m: step 4", "clean", "-", "-", "mends", "-"],
    ]
    assert "mended again by patch 3/4" in said(SERIES)
    assert said(SERIES).count("It brings in nothing new.") == 2


def test_findings_and_profiles_make_a_matrix() -> None:
    rows = [_plain(row) for row in _rows(FULL, "findings and profiles")]
    assert rows[0] == ["finding", *PROFILES]
    assert rows[1] == [f"1. {LOCAL.rule}", *["✗ breaks"] * 3, *["✓ holds"] * 3]


def test_what_only_costs_time_breaks_nowhere() -> None:
    less = Repair(("flush once",), True)
    perf = replace(WARNING, severity=Severity.PERF, profiles=PROFILES[:1], repair=less)
    result = replace(FULL, findings=(REPAIRED, perf))
    rows = [_plain(row) for row in _rows(result, "findings and profiles")]
    assert rows[2] == [f"2. {WARNING.rule}", "▲ costs", *["- costs nothing"] * 5]
    text = said(result)
    assert "It costs on: " in text
    assert "What would do as well flush once replayed: with it, nothing goes" in text


def test_many_cores_are_rows_and_those_alike_are_one() -> None:
    rows = [_plain(row) for row in _rows(EVERY["many-cores"], "findings and profiles")]
    assert rows[0] == ["CPUs", f"1. {LOCAL.rule}", f"2. {WARNING.rule}"]
    assert len(rows) == 3
    assert rows[1][1:] == ["✗ breaks", "✗ breaks"]
    assert rows[2][1:] == ["✓ holds", "✗ breaks"]
    assert "Neoverse-V1[bbm=1], Neoverse-V2 (2 of 3 variants)" in rows[1][0]
    assert "Neoverse-V1 (2 of 3 variants), Neoverse-V2[bbm=1]" in rows[2][0]


def test_what_is_modelled_can_be_traced_to_its_source() -> None:
    text = said(FULL)
    for parameter in PARAMETERS.values():
        told = parameter.what in text and parameter.source in text
        assert told == (parameter.value is not None)
    assert "Arm DDI 0500, 5.2.2: main TLB" in text
    assert "Graviton4" not in said(CLEAN)  # there is no chart


# ------------------------------------------------------------- source and diffs


def test_lines_carry_the_steps_that_come_from_them() -> None:
    first, second = listings(REPAIRED)
    assert [(line.number, line.steps, line.gap) for line in first.lines] == [
        (79, (), False),
        (80, (7,), False),
        (1020, (2,), True),
    ]
    assert [line.steps for line in second.lines] == [(), (5, 6), ()]
    assert first.lines[1].text == "        p2m->need_flush = false;"


def test_lines_of_a_hunk_have_their_numbers_and_one_is_marked() -> None:
    lines = diff_lines(HUNK, 345)
    assert [(line.kind, line.old, line.new) for line in lines] == [
        ("hunk", "", ""),
        ("same", "340", "343"),
        ("del", "341", ""),
        ("add", "", "344"),
        ("add", "", "345"),
        ("same", "342", "346"),
        ("same", "343", "347"),
    ]
    assert [line.new for line in lines if line.marked] == ["345"]


def test_a_removed_decrement_is_no_head_of_a_file() -> None:
    diff = DIFF.replace("-    flush_guest_tlb_s1_local();", "--- count;")
    kinds = [line.kind for line in diff_lines(diff)]
    assert kinds == [*["head"] * 3, "hunk", "same", "same", "del", "add", "same"]


def test_no_diff_has_no_lines() -> None:
    assert diff_lines("") == []


# -------------------------------------------------------------------- timeline


def _svg(finding: Finding = LOCAL) -> ElementTree.Element:
    return ElementTree.fromstring(timeline(finding))


def _rects(root: ElementTree.Element, look: str) -> list[ElementTree.Element]:
    return [r for r in root.findall("rect") if look in (r.get("class") or "").split()]


def test_the_timeline_has_a_lane_for_each_pcpu_and_an_event_for_each_step() -> None:
    root = _svg()
    assert len(root.findall("line[@class='life']")) == 2
    # The last step is a cross: there the rule is broken.
    assert len(root.findall("circle")) == len(LOCAL.trace) - 1
    assert len(root.findall("path[@class='broken']")) == 1
    assert len(root.findall("circle[@class='event blamed']")) == 1
    assert root.get("role") == "img"
    assert "7 steps on 2 pCPUs" in (root.get("aria-label") or "")


def test_the_timeline_says_what_each_step_does() -> None:
    text = " ".join(t.text or "" for t in _svg().findall("text"))
    assert "removes S1 and S12 of VMID 1 on pCPU0 only" in " ".join(text.split())
    assert "flushtlb.h:98" in text


def test_bars_last_as_long_as_the_same_holds() -> None:
    root = _svg()
    bars = _rects(root, "bar")
    assert len(bars) == 5  # tables 2, pCPU0 1, pCPU1 2
    assert len(_rects(root, "stale")) == 1
    heights = sorted(float(r.get("height") or 0) for r in bars)
    assert heights[-1] > 6 * heights[0]


def test_what_comes_into_being_looks_new() -> None:
    late = LOCAL.trace[-1]
    states = (State("tables, IPA 0x40203000", "2M", stale=False), *late.states[1:])
    finding = replace(LOCAL, trace=(*LOCAL.trace[:-1], replace(late, states=states)))
    root = _svg(finding)
    assert len(_rects(root, "new")) == 1
    assert _rects(_svg(), "new") == []


def test_the_step_that_breaks_the_rule_lies_across() -> None:
    root = _svg()
    (violation,) = _rects(root, "violation")
    assert violation.get("data-step") == "7"
    width = float(root.get("width") or 0)
    assert float(violation.get("width") or 0) > width - 4
    (across,) = root.findall("line[@class='across']")
    assert across.get("x2") == root.get("width")


def test_a_long_text_makes_its_row_higher_and_is_not_cut() -> None:
    words = " ".join(f"word{n}" for n in range(60))
    late = replace(LOCAL.trace[-1], effect=words)
    root = _svg(replace(LOCAL, trace=(*LOCAL.trace[:-1], late)))
    text = " ".join(t.text or "" for t in root.findall("text"))
    assert "word0" in text
    assert "word59" in text
    assert float(root.get("height") or 0) > float(_svg().get("height") or 0)
    lowest = max(float(t.get("y") or 0) for t in root.findall("text"))
    assert lowest < float(root.get("height") or 0)


def test_no_trace_no_timeline() -> None:
    assert timeline(WARNING) == ""
