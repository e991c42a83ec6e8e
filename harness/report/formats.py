"""The formats of a report, by name."""

from __future__ import annotations

from collections.abc import Callable

from harness.check.result import Result
from harness.report.json_report import render_json
from harness.report.text import render_text

__all__ = ["FORMATS"]

FORMATS: dict[str, Callable[[Result], str]] = {
    "text": render_text,
    "json": render_json,
}
