"""The formats of a report, by name."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from harness.check.result import Result

__all__ = ["FORMATS", "WITH_REPAIRS", "Format"]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: where its renderer is, and how its files are called.

    The renderer is imported when it is used: most need what others do not.
    """

    module: str
    function: str
    suffix: str

    def __call__(self, result: Result) -> str:
        """Render a result."""
        module = importlib.import_module(f"harness.report.{self.module}")
        text: str = getattr(module, self.function)(result)
        return text


FORMATS: dict[str, Format] = {
    "text": Format("text", "render_text", "txt"),
    "terse": Format("terse", "render_terse", "terse"),
    "json": Format("json_report", "render_json", "json"),
    "mail": Format("mail.mail", "render_mail", "eml"),
    "html": Format("html.html_report", "render_html", "html"),
    "sarif": Format("sarif", "render_sarif", "sarif"),
    "junit": Format("junit", "render_junit", "xml"),
    "codequality": Format("codequality", "render_codequality", "codequality.json"),
    "github": Format("github", "render_github", "github"),
    "b4-check": Format("b4_check", "render_b4_check", "b4-check"),
    "b4-review": Format("b4_review", "render_b4_review", "b4-review.json"),
    "patchwork": Format("patchwork", "render_patchwork", "patchwork.json"),
    "casemate": Format("casemate", "render_casemate", "casemate"),
}

# Those that have room for a diff.
WITH_REPAIRS = frozenset({"text", "json", "mail", "html", "sarif"})
