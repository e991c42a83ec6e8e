"""What came out of a test, beside what was expected."""

from __future__ import annotations

from dataclasses import dataclass

from harness.check.causes.causes import Cause
from harness.litmus.test import Expectation, Test, Verdict

__all__ = ["Answer", "Result"]


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one ``verdict`` or ``finding`` line.

    ``inconclusive`` says what is not modelled or which bound was reached; then
    there is no verdict.  ``states`` counts what was explored, ``execution`` is
    a shortest one that ends as asked, a line for each step.
    """

    expectation: Expectation
    verdict: Verdict | None = None
    causes: tuple[Cause, ...] = ()
    states: int = 0
    execution: tuple[str, ...] = ()
    inconclusive: str = ""

    @property
    def rules(self) -> frozenset[str]:
        """Return the rule ids found."""
        return frozenset(cause.rule for cause in self.causes)

    @property
    def ok(self) -> bool:
        """Tell whether this is what was expected."""
        expected = self.expectation
        if self.inconclusive:
            return False
        if expected.verdict is None:
            here = [cause.violation.pe for cause in self.causes]
            return self.rules == expected.rules and (
                expected.pe < 0 or expected.pe in here
            )
        if expected.verdict is Verdict.ALLOWED:
            return self.verdict in (Verdict.SOMETIMES, Verdict.ALWAYS)
        return self.verdict is expected.verdict

    def __str__(self) -> str:
        if self.inconclusive:
            return "inconclusive"
        if self.verdict is not None:
            wanted = self.expectation.verdict
            short = self.verdict is Verdict.SOMETIMES and wanted is not self.verdict
            return "allowed" if short else self.verdict.value
        return ", ".join(sorted(self.rules)) or "none"


@dataclass(frozen=True, slots=True)
class Answer:
    """A test and its results, one for each line that expects something."""

    test: Test
    results: tuple[Result, ...]

    @property
    def ok(self) -> bool:
        """Tell whether everything came out as expected."""
        return all(result.ok for result in self.results)
