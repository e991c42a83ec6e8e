"""A page of the catalogue: prose and examples beside what the rule says.

A page is one file of ``pages/``, named after its rule.  Its examples are
litmus tests with a trace, or code where a rule is not about a trace.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from harness.check.rules import RULES, Rule
from harness.errors import ParseError, UsageError
from reference_model.coordinates import Coord

__all__ = ["Example", "Page", "page", "pages"]

_TEXTS = ("title", "checks", "why", "fine", "limits", "profiles")
_EXAMPLES = ("failing", "fixed")
_SILENCE = (
    "/* SAF-N-safe why */ in the line above the one that is named, and in "
    'docs/misra/safe.json an entry "SAF-N-safe" with "analyser": '
    '{{"harness": "{rule}"}}, as Xen\'s documenting-violations.rst says. Both count '
    "once the base has them: no patch suppresses what it brings in itself. What is "
    "suppressed is still listed, with its reason."
)


@dataclass(frozen=True, slots=True)
class Example:
    """An example: a litmus test with a trace, or a piece of code or a report."""

    text: str
    litmus: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What ``harness explain`` says about a rule.

    ``title`` is one line; ``fine`` tells when the code is right all the same,
    ``limits`` what the check does not see.
    """

    rule: Rule
    title: str
    checks: str
    why: str
    fine: str
    limits: str
    profiles: str
    failing: Example
    fixed: Example

    @property
    def silence(self) -> str:
        """Say how a finding that is known to be harmless is suppressed."""
        return _SILENCE.format(rule=self.rule.id)


def page(name: str) -> Page:
    """Return the page of a rule; raises UsageError for a name that is none."""
    if name not in RULES:
        near = difflib.get_close_matches(name, RULES, n=3, cutoff=0.5)
        meant = f": did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"no rule '{name}'{meant or ': see harness rules'}")
    return _read(RULES[name])


def pages() -> list[Page]:
    """Return every page, in the order of the rules."""
    return [_read(rule) for rule in RULES.values()]


@cache
def _read(rule: Rule) -> Page:
    file = resources.files(__package__).joinpath("pages", f"{rule.id}.toml")
    if not file.is_file():
        raise ParseError(f"no page for rule '{rule.id}'", Coord(str(file), 1))
    return _parsed(file, rule)


def _parsed(file: Traversable, rule: Rule) -> Page:
    here = Coord(str(file), 1)
    try:
        fields = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ParseError(f"no TOML: {error}", here) from error
    litmus = fields.pop("litmus", True)
    wanted = (*_TEXTS, *_EXAMPLES)
    odd = sorted(set(fields) ^ set(wanted))
    if odd or not all(isinstance(text, str) for text in fields.values()):
        raise ParseError(f"a page has the texts {', '.join(wanted)}: see {odd}", here)
    texts = {name: " ".join(fields[name].split()) for name in _TEXTS}
    failing, fixed = (Example(fields[name].strip("\n"), litmus) for name in _EXAMPLES)
    return Page(rule, **texts, failing=failing, fixed=fixed)
