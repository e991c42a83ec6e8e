"""The catalogue of rules as pages in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from harness.catalogue import Example, Page, pages

__all__ = ["rule_catalogue"]

_HEAD = """\
# Rules

What a finding can be called: `harness rules` lists them, `harness explain RULE`
shows a page. The last column names rules of the Arm Architecture Reference
Manual, DDI 0487; their ids do not move between issues.

| rule | severity | what is wrong | Arm rules |
|---|---|---|---|
"""


def rule_catalogue() -> dict[str, str]:
    """Return the index and a page for each rule, by file name."""
    every = pages()
    files = {"rules.md": _HEAD + "".join(_row(page) for page in every)}
    for page in every:
        files[f"rules/{page.rule.id}.md"] = "\n".join(_lines(page)) + "\n"
    return files


def _row(page: Page) -> str:
    rule = page.rule
    return (
        f"| [`{rule.id}`](rules/{rule.id}.md) | {rule.severity.value} "
        f"| {_plain(page.title)} | {', '.join(rule.arm_rules) or '-'} |\n"
    )


def _lines(page: Page) -> Iterator[str]:
    rule = page.rule
    yield f"# {rule.id}"
    yield ""
    yield f"*{rule.severity.value}*: {_plain(page.title)}"
    for head, text in (
        ("What it checks", page.checks),
        ("Why it matters", page.why),
        ("When it is fine", page.fine),
        ("How to silence", page.silence),
        ("Limits", page.limits),
        ("Profiles", page.profiles),
        ("Arm rules", ", ".join(rule.arm_rules) or "none"),
    ):
        yield ""
        yield f"## {head}"
        yield ""
        yield _plain(text)
    yield from _example("Wrong", page.failing)
    yield from _example("Right", page.fixed)


def _example(head: str, example: Example) -> Iterator[str]:
    yield ""
    yield f"## {head}"
    yield ""
    yield "```" if example.litmus else "```c"
    yield example.text
    yield "```"


def _plain(text: str) -> str:
    """Return text in which nothing counts as markup."""
    for mark in ("\\", "*", "<", "|"):
        text = text.replace(mark, f"\\{mark}")
    return text
