"""A page of the catalogue as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from harness.catalogue.page import Example, Page

__all__ = ["WIDTH", "page_text"]

WIDTH = 80


def page_text(page: Page) -> str:
    """Return the page, at most 80 columns wide."""
    return "\n".join(_lines(page)) + "\n"


def _lines(page: Page) -> Iterator[str]:
    rule = page.rule
    yield f"{rule.id} ({rule.severity.value})"
    yield from textwrap.wrap(page.title, WIDTH)
    for head, text in (
        ("What it checks", page.checks),
        ("Why it matters", page.why),
        ("When it is fine", page.fine),
        ("How to silence", page.silence),
        ("Limits", page.limits),
        ("Profiles", page.profiles),
        (
            "Arm rules",
            ", ".join(rule.arm_rules) or "none",
        ),
    ):
        yield ""
        yield head
        yield from _indented(text)
    yield from _example("Wrong", page.failing)
    yield from _example("Right", page.fixed)


def _indented(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _example(head: str, example: Example) -> Iterator[str]:
    yield ""
    yield head + (" (a test for harness litmus)" if example.litmus else "")
    for line in example.text.splitlines():
        yield f"  {line}".rstrip()
