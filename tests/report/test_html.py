"""The HTML report, as a browser, a screen reader and a paranoid see it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from report_samples import (
    AUDIT,
    CLEAN,
    INCONCLUSIVE,
    LOCAL,
    P2M,
    UNSAFE,
    WARNING,
)

from harness.check.finding import Excerpt
from harness.check.result import PatchSummary, Result
from harness.report.html_report import render_html
from harness.report.timeline import timeline

HUNK = "@@ -1,3 +1,3 @@ f\n context\n-old <b>\n+new & </script>"
FULL = replace(
    UNSAFE,
    findings=(
        replace(
            LOCAL,
            hunk=HUNK,
            excerpts=(
                Excerpt(P2M, ((1019, "\tif ( x )"), (1020, "p2m_remove_pte();"))),
            ),
        ),
        WARNING,
        *UNSAFE.findings[2:],
    ),
)
SERIES = replace(
    FULL,
    patches=tuple(PatchSummary(f"{n}", f"patch {n}", (P2M,)) for n in (1, 2)),
    findings=(replace(FULL.findings[0], patch=2), *FULL.findings[1:]),
)
EVERY = {
    "clean": CLEAN,
    "full": FULL,
    "series": SERIES,
    "inconclusive": INCONCLUSIVE,
    "audit": AUDIT,
}
each = pytest.mark.parametrize("result", EVERY.values(), ids=EVERY.keys())


class _Elements(HTMLParser):
    """Collects elements, and finds those that are not closed in order."""

    _VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.wrong: list[str] = []
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
        value
        for _, attributes in page.found
        for name, value in attributes.items()
        if name in ("src", "href", "action", "data") and value is not None
    ]
    assert all(link.startswith("#") for link in links)
    assert "url(" not in text
    assert "@import" not in text
    assert len(text.encode()) < 300 * 1024


def test_it_can_be_read_without_script() -> None:
    text = re.sub(r"<script.*?</script>", "", render_html(FULL), flags=re.S)
    for part in (
        "unsafe",
        LOCAL.rule,
        "tlbi vmalle1",
        "TLB pCPU1",
        "S12: 4K (stale)",
        "p2m_remove_pte();",
        "old &lt;b&gt;",
        "promote TLBI VMALLE1 to VMALLE1IS (replayed, clears it)",
    ):
        assert part in text, part


def test_what_a_patch_says_is_only_text() -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=y>\x1b[2J\"'"
    finding = replace(
        LOCAL,
        message=evil,
        hunk=evil,
        trace=tuple(replace(step, effect=evil, event=evil) for step in LOCAL.trace),
        excerpts=(Excerpt(evil, ((1, evil),)),),
    )
    patch = PatchSummary(evil, evil, (evil,), (evil,))
    text = render_html(replace(UNSAFE, findings=(finding,), patches=(patch,)))
    page = _Elements(text)
    assert [tag for tag, _ in page.found].count("script") == 2  # the steps and ours
    assert "img" not in [tag for tag, _ in page.found]
    assert "\x1b" not in text
    assert page.wrong == []


def test_what_was_not_covered_is_said_first() -> None:
    text = render_html(INCONCLUSIVE)
    assert text.index("Not covered") < text.index("harness 0.")
    assert "iommu_iotlb_flush" in text
    assert "p2m_teardown" in text


def test_a_series_has_a_matrix_of_patches_and_rules() -> None:
    text = render_html(SERIES)
    row = re.search(r'<a href="#patch2">2/2 patch 2</a>.*?</tr>', text, re.S)
    assert row is not None
    assert "new" in row[0]


# -------------------------------------------------------------------- timeline


def _svg() -> ElementTree.Element:
    return ElementTree.fromstring(timeline(LOCAL))


def test_the_timeline_has_a_lane_for_each_pcpu_and_an_event_for_each_step() -> None:
    root = _svg()
    assert len(root.findall("line[@class='life']")) == 2
    assert len(root.findall("circle")) == len(LOCAL.trace)
    assert len(root.findall("circle[@class='event blamed']")) == 1
    assert root.get("role") == "img"
    assert "7 steps on 2 pCPUs" in (root.get("aria-label") or "")


def test_bars_last_as_long_as_the_same_holds() -> None:
    bars = [r for r in _svg().findall("rect") if "bar" in (r.get("class") or "")]
    stale = [r for r in bars if "stale" in (r.get("class") or "")]
    assert len(bars) == 5  # tables 2, pCPU0 1, pCPU1 2
    assert len(stale) == 1
    heights = sorted(float(r.get("height") or 0) for r in bars)
    assert heights[-1] > 6 * heights[0]


def test_the_step_that_breaks_the_rule_lies_across() -> None:
    root = _svg()
    (violation,) = root.findall("rect[@class='row violation']")
    assert violation.get("data-step") == "7"
    assert violation.get("width") == root.get("width")


def test_no_trace_no_timeline() -> None:
    assert timeline(WARNING) == ""


# --------------------------------------------------------------------- browser

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
PROBE = """
<script>{axe}</script>
<script>
addEventListener("load", async () => {{
  const said = {{}};
  const root = document.scrollingElement;
  said.overflow = root.scrollWidth - innerWidth;
  said.background = getComputedStyle(document.body).backgroundColor;
  const player = document.querySelector(".player");
  if (player) {{
    const told = player.querySelector("output");
    const head = () => told.querySelector("strong").textContent;
    said.steps = [head()];
    player.querySelector(".next").click();
    said.steps.push(head());
    player.dispatchEvent(new KeyboardEvent("keydown", {{key: "ArrowDown"}}));
    said.steps.push(head());
    said.chosen = document.querySelector("svg .row.chosen").dataset.step;
  }}
  const found = await axe.run();
  said.violations = found.violations.map(
    (v) => v.id + ": " + v.nodes.map((n) => n.html).slice(0, 3).join(" "));
  said.passes = found.passes.length;
  const pre = document.createElement("pre");
  pre.id = "said";
  pre.textContent = JSON.stringify(said);
  document.body.append(pre);
}});
</script>
</body>"""


def _browser() -> str:
    if CHROMIUM is None:
        if os.environ.get("HARNESS_REQUIRE_REAL"):
            pytest.fail("no Chromium: install the Debian package chromium")
        pytest.skip("no Chromium is installed")
    return CHROMIUM


def _looked_at(
    text: str, tmp_path: Path, width: int, *options: str
) -> tuple[dict[str, Any], str]:
    axe = pytest.importorskip("axe_core_python.base", reason="no axe-core-python")
    script = Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
    page = tmp_path / "page.html"
    probe = PROBE.format(axe=script.replace("</script", "<\\/script"))
    page.write_text(text.replace("</body>", probe), encoding="utf-8")
    done = subprocess.run(
        [
            _browser(),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},900",
            "--virtual-time-budget=20000",
            *options,
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = re.search(r'<pre id="said">(.*?)</pre>', done.stdout, re.S)
    assert said is not None, done.stderr[-2000:]
    plain = said[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return json.loads(plain), console


@pytest.mark.parametrize(
    ("name", "width", "options"),
    [
        ("full", 1200, ()),
        ("full", 500, ("--force-dark-mode",)),
        ("series", 800, ()),
        ("inconclusive", 500, ()),
    ],
    ids=["wide", "narrow-dark", "series", "inconclusive"],
)
def test_a_browser_shows_it(
    name: str, width: int, options: tuple[str, ...], tmp_path: Path
) -> None:
    said, console = _looked_at(render_html(EVERY[name]), tmp_path, width, *options)
    assert console == ""
    assert said["violations"] == []
    assert said["passes"] > 10
    assert said["overflow"] <= 0
    dark = "--force-dark-mode" in options
    assert (said["background"] == "rgb(13, 17, 23)") == dark
    if name == "full":
        assert [text.split(" of ")[0] for text in said["steps"]] == [
            "step 1",
            "step 2",
            "step 3",
        ]
        assert said["chosen"] == "3"
