"""The HTML report as a browser shows it, on screens and on paper."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium_pages import Shown, accessibility, chromium, shown
from html_samples import EVERY
from PIL import Image
from playwright.sync_api import Browser
from pypdf import PdfReader
from report_samples import UNCHANGED

from harness.report.html.html_report import render_html

A4 = (595, 842)  # points
FIRST = "#finding-1-1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a file for each sample."""
    folder = tmp_path_factory.mktemp("pages")
    files = {}
    for name, result in EVERY.items():
        files[name] = folder / f"{name}.html"
        files[name].write_text(render_html(result), encoding="utf-8")
    return files


def _overflow(it: Shown) -> int:
    wide = it.value(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return int(wide)


# In the dark, the others show nothing that these do not.
_DARK = ("clean", "full", "series", "inconclusive")


@pytest.mark.parametrize(
    ("name", "scheme"),
    [*((name, "light") for name in EVERY), *((name, "dark") for name in _DARK)],
)
def test_it_is_quiet_accessible_and_fits(
    browser: Browser, pages: dict[str, Path], name: str, scheme: str
) -> None:
    with shown(browser, pages[name], 1200, scheme) as it:
        dark = it.value("getComputedStyle(document.body).backgroundColor")
        assert (dark == "rgb(13, 17, 23)") == (scheme == "dark")
        for width in (1200, 768, 360):
            it.page.set_viewport_size({"width": width, "height": 900})
            assert _overflow(it) <= 0, width
        cut = it.value(
            "[...document.querySelectorAll('.turned')].filter("
            "e => e.scrollHeight > e.clientHeight || e.scrollWidth > e.clientWidth)"
            ".map(e => e.textContent)"
        )
        assert cut == []
        assert accessibility(it) == []
        assert it.requests == [pages[name].as_uri()]
        assert it.console == []
        assert it.value("window.hacked") is None


def test_an_opened_table_is_accessible_too(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with shown(browser, pages["full"], 360, "dark") as it:
        it.value("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert accessibility(it) == []
        assert _overflow(it) <= 0


# ------------------------------------------------------------------- stepping


def _told(it: Shown) -> str:
    return it.page.locator(f"{FIRST} .told > strong").inner_text()


def _held(it: Shown) -> dict[str, list[str]]:
    """Return what the player shows of each TLB: its entries."""
    boxes = it.page.locator(f"{FIRST} .held > div").all()
    return {
        box.locator("strong").inner_text(): box.locator("div").all_inner_texts()
        for box in boxes
    }


def test_keys_step_through_the_events_and_show_what_each_tlb_may_hold(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with shown(browser, pages["full"], 1200) as it:
        assert _told(it).startswith("step 1 of 7, pCPU1: walk")
        assert _held(it) == {
            "tables, IPA 0x40203000": ["4K"],
            "TLB pCPU0": ["nothing for it"],
            "TLB pCPU1": ["S12: 4K"],
        }
        it.page.locator(f"{FIRST} .next").focus()
        it.page.keyboard.press("ArrowRight")
        assert _told(it).startswith("step 2 of 7, pCPU0: store pte")
        assert _held(it)["tables, IPA 0x40203000"] == ["invalid"]
        assert _held(it)["TLB pCPU1"] == ["S12: 4K (stale)"]
        changed = it.page.locator(f"{FIRST} .held > div:has(.changed) strong")
        assert changed.all_inner_texts() == ["tables, IPA 0x40203000", "TLB pCPU1"]
        stale = it.page.locator(f"{FIRST} .held > .stale strong")
        assert stale.all_inner_texts() == ["TLB pCPU1"]
        for key, step in (("End", 7), ("ArrowRight", 7), ("ArrowUp", 6), ("Home", 1)):
            it.page.keyboard.press(key)
            assert _told(it).startswith(f"step {step} of 7"), key
        # With the keyboard alone: Tab leads to a button, Enter presses it.
        it.page.keyboard.press("Enter")
        assert _told(it).startswith("step 2 of 7")
        it.page.keyboard.press("Shift+Tab")
        it.page.keyboard.press("ArrowRight")
        assert _told(it).startswith("step 3 of 7")
        slider = it.page.locator(f"{FIRST} .at")
        assert slider.input_value() == "3"
        assert "dsb sy" in (slider.get_attribute("aria-valuetext") or "")
        assert it.console == []


def test_the_step_shown_is_marked_in_the_timeline_and_in_the_code(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with shown(browser, pages["full"], 1200) as it:
        it.page.locator(f"{FIRST} .row[data-step='5']").click(position={"x": 5, "y": 5})
        assert _told(it).startswith("step 5 of 7")
        chosen = it.page.locator(f"{FIRST} .row.chosen")
        assert chosen.get_attribute("data-step") == "5"
        now = it.page.locator(f"{FIRST} .events .now")
        assert now.all_inner_texts() == ["5"]
        assert it.page.locator(".row.chosen").count() == 2  # one in each timeline


def test_without_script_all_is_there_but_the_buttons(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with shown(browser, pages["full"], 1200, java_script_enabled=False) as it:
        assert it.page.locator(f"{FIRST} .player").is_hidden()
        assert it.page.locator(f"{FIRST} svg.timeline").is_visible()
        table = it.page.locator(f"{FIRST} .steps table")
        assert table.is_hidden()
        it.page.locator(f"{FIRST} .steps summary").click()
        assert table.is_visible()
        assert table.locator("tbody tr").count() == 7
        assert it.page.locator(f"{FIRST} .diff").count() == 2
        assert it.console == []


# --------------------------------------------------------------------- pixels


def _image(it: Shown, selector: str) -> Image.Image:
    data = it.page.locator(selector).first.screenshot()
    return Image.open(io.BytesIO(data)).convert("RGB")


def _share(image: Image.Image, colour: tuple[int, int, int]) -> float:
    """Return how much of a picture has a colour, nearly."""
    near = sum(
        count
        for count, pixel in image.getcolors(image.width * image.height) or []
        if isinstance(pixel, tuple)
        and all(abs(a - b) <= 6 for a, b in zip(pixel, colour, strict=True))
    )
    return near / (image.width * image.height)


def _colour(it: Shown, selector: str, name: str) -> tuple[int, int, int]:
    text = it.value(
        f"getComputedStyle(document.querySelector('{selector}'))"
        f".getPropertyValue('{name}')"
    )
    red, green, blue = (int(part) for part in text[4:-1].split(","))
    return red, green, blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_stale_entries_are_red_areas_of_the_picture(
    browser: Browser, pages: dict[str, Path], scheme: str
) -> None:
    with shown(browser, pages["full"], 1200, scheme) as it:
        red, green, blue = fill = _colour(it, ".bar.stale", "fill")
        assert red > green + 15
        assert red > blue + 15
        edge = _colour(it, ".bar.stale", "stroke")
        assert edge[0] > edge[1] + 60
        picture = _image(it, f"{FIRST} svg.timeline")
        assert _share(picture, fill) > 0.04  # one bar of three, six steps of seven
        assert _share(picture, edge) > 0.002
        current = _colour(it, ".bar.current", "fill")
        assert _share(picture, current) > 0.005
        # The step that breaks the rule is tinted from edge to edge.
        row = it.page.locator(f"{FIRST} .row.violation").bounding_box()
        box = it.page.locator(f"{FIRST} svg.timeline").bounding_box()
        assert row is not None
        assert box is not None
        y = int(row["y"] - box["y"] + row["height"] / 2)
        page = _colour(it, "body", "background-color")
        for x in (4, picture.width // 2, picture.width - 5):
            assert picture.getpixel((x, y)) != page


# Boxes are compared where they are on the screen, whatever group a text is in.
_WRONG_TEXTS = """() => [...document.querySelectorAll("svg")].flatMap(svg => {
  const found = [], texts = [...svg.querySelectorAll("text")];
  const all = svg.getBoundingClientRect();
  const boxes = texts.map(t => t.getBoundingClientRect());
  const inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1
    && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
  texts.forEach((t, n) => {
    const a = boxes[n];
    if (!inside(a, all)) found.push("outside: " + t.textContent);
    texts.slice(n + 1).forEach((other, m) => {
      const b = boxes[n + 1 + m];
      if (a.left + 1 < b.right && b.left + 1 < a.right
          && a.top + 4 < b.bottom && b.top + 4 < a.bottom)
        found.push(t.textContent + " on " + other.textContent);
    });
  });
  const bars = [...svg.querySelectorAll(".bar")].map(b => b.getBoundingClientRect());
  [...svg.querySelectorAll(".held")].forEach(t => {
    if (!bars.some(b => inside(t.getBoundingClientRect(), b)))
      found.push("cut: " + t.textContent);
  });
  return found;
})"""


@pytest.mark.parametrize("name", ["full", "series", "audit"])
def test_no_text_of_a_picture_is_cut_or_lies_on_another(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    with shown(browser, pages[name], 1200) as it:
        assert it.page.locator("svg text").count() > 20
        assert it.value(_WRONG_TEXTS) == []


@pytest.mark.parametrize("width", [360, 1200])
def test_no_part_of_a_page_lies_on_another(
    browser: Browser, pages: dict[str, Path], width: int
) -> None:
    with shown(browser, pages["full"], width) as it:
        over = it.value(
            "[...document.querySelectorAll('main, section, article, dl, ol, ul, "
            ".charts, .controls, .held, .facts > div')].flatMap(whole => {"
            " const parts = [...whole.children].filter(e => !e.closest('svg'))"
            "  .map(e => [e, e.getBoundingClientRect()])"
            "  .filter(([e, a]) => a.width && a.height"
            "   && getComputedStyle(e).position != 'sticky');"
            " return parts.flatMap(([e, a], n) => parts.slice(n + 1)"
            "  .filter(([, b]) => a.left + 1 < b.right && b.left + 1 < a.right"
            "   && a.top + 1 < b.bottom && b.top + 1 < a.bottom)"
            "  .map(([f]) => e.outerHTML.slice(0, 60) + ' / '"
            "   + f.outerHTML.slice(0, 60)));"
            "})"
        )
        assert over == []


def test_base_and_patch_are_told_apart_by_colour_and_by_length(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with shown(browser, pages["full"], 1200) as it:
        chart = ".charts > div:first-child svg"
        picture = _image(it, chart)
        old, new = (_colour(it, f"{chart} .series{n}", "color") for n in (0, 1))
        assert old != new
        # The patch executes 262,145 TLBIs for one: five decades more, drawn so.
        assert _share(picture, old) > 0.002
        assert _share(picture, new) > 2 * _share(picture, old)


@pytest.mark.parametrize("width", [360, 700, 768, 1200])
def test_a_picture_that_has_to_be_scrolled_says_so(
    browser: Browser, pages: dict[str, Path], width: int
) -> None:
    with shown(browser, pages["full"], width) as it:
        boxes = it.page.locator(f"{FIRST} .scroll:has(> svg.timeline)")
        wide, told = boxes.first.evaluate(
            "e => [e.scrollWidth > e.clientWidth,"
            " getComputedStyle(e, '::before').content.includes('scroll')]"
        )
        assert told == wide == (width < 740)


# ---------------------------------------------------------------------- paper


@pytest.mark.parametrize("name", ["full", "clean"])
def test_it_prints_on_a4(browser: Browser, pages: dict[str, Path], name: str) -> None:
    with shown(browser, pages[name], 1200, "dark") as it:
        printed = PdfReader(io.BytesIO(it.page.pdf(prefer_css_page_size=True)))
        texts = [page.extract_text() for page in printed.pages]
        assert all(text.strip() for text in texts)  # no empty sheet
        for sheet in printed.pages:
            size = tuple(round(float(side)) for side in sheet.mediabox[2:])
            assert size == pytest.approx(A4, abs=1)
        if name == "clean":
            assert len(texts) == 1
        else:
            assert 4 <= len(texts) <= 10
            whole = " ".join(" ".join(texts).split())
            # What is folded on a screen is open on paper, but for what a picture
            # says as well.
            assert UNCHANGED.rule in whole
            assert "what holds after it" not in whole
            assert "and 1 more" in whole  # scenarios are only counted
            assert "unmap-4k/foreign-vttbr/2-pcpus" not in whole
            assert "arrow keys" not in whole


def test_a_hunk_is_printed_once_and_shown_with_each_finding(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with shown(browser, pages["full"], 703) as it:
        hunks = it.page.get_by_label("hunk of the patch")
        told = it.page.get_by_text("The whole of it is shown with")
        assert hunks.count() == 2
        assert all(hunk.is_visible() for hunk in hunks.all())
        it.page.emulate_media(media="print")
        assert [hunk.is_visible() for hunk in hunks.all()] == [True, False]
        assert told.count() == 1
        assert told.first.is_visible()


@pytest.mark.parametrize("name", ["full", "many-cores"])
def test_paper_is_white_and_large_enough(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    with shown(browser, pages[name], 703, "dark") as it:  # A4 without margins
        it.page.emulate_media(media="print", color_scheme="dark")
        white = it.value("getComputedStyle(document.body).backgroundColor")
        assert white == "rgb(255, 255, 255)"
        assert _overflow(it) <= 0
        cut = it.value(
            "[...document.querySelectorAll('pre, .scroll, svg')]"
            ".filter(e => getComputedStyle(e).display != 'inline'"
            " && (e.scrollWidth > e.clientWidth + 1"
            " || e.scrollHeight > e.clientHeight + 1))"
            ".map(e => e.outerHTML.slice(0, 100))"
        )
        assert cut == []
