"""The trace formats, described for their users."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from enum import Enum
from types import UnionType
from typing import get_args, get_origin, get_type_hints

from harness.traces import casemate_guests, casemate_records, event_lines, header
from harness.traces.casemate_reader import MAX_THREADS
from harness.traces.discipline.breach import RULES
from harness.traces.event_lines import CLASSES
from harness.traces.limits import MAX_EVENTS, MAX_LINE, MAX_MEMORY_WORDS, MAX_PES
from harness.traces.schema import schema
from reference_model.events import Event

__all__ = ["manual", "schema_text"]

_INTRODUCTION = """\
# Traces as files

`harness check --save-traces DIR` writes the trace of each new finding to DIR, as
FINGERPRINT.jsonl. `harness replay FILE` runs it on the reference machine: exit 0 if
nothing is wrong, 1 if something is, 2 if the file is malformed; a trace with an event
that is not modelled is inconclusive (exit 0, or 3 with --require-conclusive). Several
files are the parts of one trace: the first has the header, the others go on where it
stops. `--format casemate` reads casemate's logs, `--export FILE` writes a trace in the
other format.
"""


def schema_text() -> str:
    """Return the JSON schema of a line as a document."""
    return json.dumps(schema(), indent=1) + "\n"


def manual() -> str:
    """Return the manual, in Markdown."""
    return "\n".join(
        [
            _INTRODUCTION,
            "## The harness's own format: JSON lines\n",
            _listing(header.__doc__),
            _text(event_lines.__doc__),
            _bounds(),
            "| event | fields | what happened |",
            "|---|---|---|",
            *(_row(tag, cls) for tag, cls in CLASSES.items()),
            "",
            "## casemate's logs\n",
            _text(casemate_records.__doc__),
            _text(casemate_guests.__doc__),
            _discipline(),
        ]
    )


def _text(docstring: str | None) -> str:
    return (docstring or "").strip() + "\n"


def _listing(docstring: str | None) -> str:
    """Set the table of a docstring apart from the text above it."""
    above, _, table = _text(docstring).rpartition("\n\n")
    return f"{above}\n\n```\n{table}```\n"


def _bounds() -> str:
    return (
        f"Refused beyond: {MAX_LINE} bytes a line, {MAX_PES} PEs, {MAX_MEMORY_WORDS} "
        f"words\nof initial memory, {MAX_EVENTS} events. Field names and values:\n"
    )


def _row(tag: str, cls: type[Event]) -> str:
    hints = get_type_hints(cls)
    listed = [
        f"{field.name} ({_kind(hints[field.name])})"
        + ("" if field.default is MISSING else f" = {_default(field.default)}")
        for field in fields(cls)
        if field.name not in ("pe", "origin")
    ]
    what = (cls.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
    return f"| `{tag}` | {', '.join(listed) or '-'} | {' '.join(what.split())} |"


def _kind(hint: object) -> str:
    if isinstance(hint, UnionType):
        return " or ".join(_kind(arg) for arg in get_args(hint))
    if get_origin(hint) is tuple:
        return f"list of {_kind(get_args(hint)[0])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "/".join(f'"{member.value}"' for member in hint)
    names = {int: "number", str: "string", bool: "true/false", Event: "event"}
    return names.get(hint, "null") if isinstance(hint, type) else "null"


def _default(value: object) -> str:
    return json.dumps(value.value if isinstance(value, Enum) else value)


def _discipline() -> str:
    rows = [
        f"| `{rule.removeprefix('discipline-')}` | {what} |"
        for rule, what in RULES.items()
    ]
    return "\n".join(
        [
            f"Threads are 0 to {MAX_THREADS - 1}. Beside the machine's findings, what "
            "breaks the discipline that",
            "casemate checks is reported as `discipline[...]`. These are conventions "
            "of pKVM, not",
            "rules of the architecture:",
            "",
            "| breach | what it is |",
            "|---|---|",
            *rows,
            "",
        ]
    )
