"""Replaying a token: the one finding that it holds, or its trace elsewhere."""

from __future__ import annotations

from dataclasses import replace

from harness.check.dependence import resting
from harness.check.finding import Finding
from harness.check.merging import findings_of
from harness.check.replays.reduction import diagnosed_again
from harness.check.replays.replay_sources import Found, Progress, Run, Sink, Source
from harness.check.replays.tokens import evidence_of, opened_token
from harness.errors import TokenError
from harness.model_version import model_version
from reference_model.assumptions import Assumptions
from reference_model.machine import Machine, Start
from reference_model.profiles import Profile
from reference_model.unmodelled import Unmodelled

__all__ = ["TokenSource"]


class TokenSource(Source):
    """The trace of a token."""

    def __init__(self, text: str) -> None:
        self.header, self.events, self._number = opened_token(text)
        self.profiles = self.header.profiles
        self.assumptions = self.header.assumptions
        self.scenario = self.header.scenario
        self.touched = self.header.touched
        self.functions = self.header.functions

    def finding(self) -> Finding:
        """Return the finding that the token was made for; raises TokenError."""
        evidence = evidence_of(self.header, self.events)
        rule = self.header.rule
        try:
            found = diagnosed_again(evidence, rule)
        except Unmodelled as unmodelled:
            raise TokenError(f"the trace of the token: {unmodelled.what}") from None
        if self._number >= len(found):
            raise TokenError(
                f"the trace of the token does not show '{rule}' with this harness "
                f"({model_version()}): check the patch again"
            )
        named = resting([found[self._number]], evidence.replay, self.events)
        one = replace(named[0], profile=self.profiles[0])
        (finding,) = findings_of([one], self.profiles, (self.scenario,))
        return replace(finding, shown=None)

    def run(
        self,
        profile: Profile,
        assumptions: Assumptions,
        found: Found,
        events: Sink | None = None,
    ) -> Run:
        """Return a run from the start."""
        machine = Machine(profile, self.header.start, assumptions)
        return _TokenRun(self, machine, found, events)


class _TokenRun(Run):
    """A run of the trace of a token."""

    def __init__(
        self, source: TokenSource, machine: Machine, found: Found, events: Sink | None
    ) -> None:
        super().__init__()
        self._source = source
        self._machine = machine
        self._found = found
        self._kept = events

    @property
    def start(self) -> Start:
        """Return where the run starts."""
        return self._source.header.start

    def go(self, progress: Progress | None, limit: int | None = None) -> None:  # noqa: ARG002 - short
        """Run to the end or the limit."""
        for event in self._source.events[:limit]:
            if self._kept is not None:
                self._kept.append(event)
            self.events += 1
            self._machine.step(event)
            for violation in self._machine.violations:
                self._found(violation)
            self._machine.violations.clear()

    def place(self) -> str:
        """Return where the run is."""
        return f"event {self.events} of the token"
