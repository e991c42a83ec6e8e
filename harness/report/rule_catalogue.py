"""The catalogue of rules as a page."""

from __future__ import annotations

from harness.check.rules import RULES

__all__ = ["rule_catalogue"]

_HEAD = """\
# Rules

What a finding can be called. In the message, `{ipa}` and the like stand for
what the counterexample shows. The last column names rules of the Arm
Architecture Reference Manual, DDI 0487; their ids do not move between issues.

| rule | severity | message | Arm rules |
|---|---|---|---|
"""


def rule_catalogue() -> str:
    """Return the page, as Markdown."""
    rows = [
        f"| `{rule.id}` | {rule.severity.value} | {rule.message} "
        f"| {', '.join(rule.arm_rules) or '-'} |\n"
        for rule in RULES.values()
    ]
    return _HEAD + "".join(rows)
