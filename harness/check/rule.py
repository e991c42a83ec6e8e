"""A rule as such: what a kind of finding says."""

from __future__ import annotations

from dataclasses import dataclass

from harness.check.finding import Severity

__all__ = ["Rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding; ``message`` is filled in from the witness.

    ``arm_rules`` are rule ids of the Arm Architecture Reference Manual,
    DDI 0487.
    """

    id: str
    severity: Severity
    message: str
    arm_rules: tuple[str, ...]
