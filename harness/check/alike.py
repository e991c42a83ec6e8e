"""Which profiles a trace cannot tell apart: they share one outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.check.absent import outer_shareable
from harness.targets import Run
from reference_model.events import Event, Msr, Repeat, Tlbi
from reference_model.profiles import Profile

__all__ = ["Outcome", "Traits", "shared", "trace_of", "traits_of"]

# The violations of a run on a profile, or whatever else stands for its outcome.
Outcome = Callable[[Profile, Run], frozenset[object]]

_TTL = 0xF << 44
_ADDRESS = (1 << 44) - 1
_VTTBR = "VTTBR_EL2"
_VTCR_VS = 1 << 19  # 16-bit VMIDs
_WIDE_VMID = 0xFF << 56
_ETS2 = 2


@dataclass(frozen=True, slots=True)
class Traits:
    """What of a profile can matter to a trace.

    ``hints``: an invalidation with a level hint, by range, or outer shareable.
    ``wide_vmids``: a VMID of more than 8 bits.
    """

    hints: bool
    wide_vmids: bool

    def behaviour(self, profile: Profile) -> tuple[object, ...]:
        """Return what the machine makes of a profile when it runs the trace."""
        ets = profile.ets if profile.ets >= _ETS2 else 0
        return (profile.ntlbpa, profile.bbm, ets, *self.kind(profile))

    def kind(self, profile: Profile) -> tuple[object, ...]:
        """Return the part of the behaviour that is no level of a feature."""
        return (
            profile.vmid_bits if self.wide_vmids else 0,
            (profile.ttl, profile.tlb_range) if self.hints else (),
            profile.vpipt,
            profile.errata,
            profile.aarch32,
            profile.armv7,
        )


class _Machines:
    """The cores that one run is for, alike in everything but levels of features."""

    def __init__(self, run: Run, outcome: Outcome) -> None:
        self._run = run
        self._outcome = outcome
        self._members: list[Profile] = []
        self._alike: bool | None = None

    def add(self, profile: Profile) -> None:
        """Take in another one."""
        self._members.append(profile)

    def outcome(self, profile: Profile) -> object:
        """Return what tells one outcome from another.

        A feature only ever takes violations away, apart from the conflicts
        of FEAT_BBM that may abort, which only a level above 0 has.  So where
        the weakest and the strongest machine have the same violations, all in
        between have.
        """
        if self._alike is None:
            self._alike = self._corner(min) == self._corner(max)
        return self._alike or self._outcome(profile, self._run)

    def _corner(self, pick: Callable[[Iterable[int]], int]) -> frozenset[object]:
        corner = replace(
            self._members[0],
            ntlbpa=bool(pick(p.ntlbpa for p in self._members)),
            bbm=pick(p.bbm for p in self._members),
            ets=pick(p.ets for p in self._members),
        )
        return self._outcome(corner, self._run)


def shared(pairs: Sequence[tuple[Profile, Run]], outcome: Outcome) -> list[int]:
    """Return for each profile and its run the first one with the same outcome."""
    traits = {id(run): traits_of(run) for _, run in pairs}
    machines: dict[object, _Machines] = {}

    def group(profile: Profile, run: Run) -> tuple[object, ...]:
        return (id(run), *traits[id(run)].kind(profile))

    for profile, run in pairs:
        if profile.core:
            key = group(profile, run)
            machines.setdefault(key, _Machines(run, outcome)).add(profile)
    first: dict[object, int] = {}
    result = []
    for number, (profile, run) in enumerate(pairs):
        exact = (id(run), traits[id(run)].behaviour(profile))
        if exact in first or not profile.core:
            result.append(first.setdefault(exact, number))
            continue
        key = group(profile, run)
        told = (key, machines[key].outcome(profile))
        result.append(first.setdefault(told, number))
        first[exact] = result[-1]
    return result


def trace_of(run: Run) -> object:
    """Return what a run did, whatever it was told before that.

    The size of VMIDs counts only where one has more than 8 bits.
    """
    kept = -1 if traits_of(run).wide_vmids else ~_VTCR_VS
    registers = tuple(
        tuple(
            (name, value & kept if name == "VTCR_EL2" else value)
            for name, value in sorted(file.items())
        )
        for file in run.initial_registers
    )
    ends = (run.fault, run.bound, run.unsupported, run.functional)
    return (run.events, run.initial_memory, registers, *ends)


def traits_of(run: Run) -> Traits:
    """Find out what can matter to the trace of a run."""
    vttbrs = [file.get(_VTTBR, 0) for file in run.initial_registers]
    hints = False
    for event, growth in _single(run.events):
        if isinstance(event, Msr) and event.register == _VTTBR:
            vttbrs.append(event.value)
        elif isinstance(event, Tlbi):
            hints = hints or _hinted(event, growth)
    return Traits(hints, any(value & _WIDE_VMID for value in vttbrs))


def _hinted(event: Tlbi, growth: int) -> bool:
    last = event.operand + growth
    return (
        event.op.startswith("R")
        or outer_shareable(event.op)
        or bool((event.operand | last) & _TTL)
        or growth > _ADDRESS  # may have passed through values with a hint
    )


def _single(events: Iterable[Event]) -> Iterator[tuple[Event, int]]:
    """Yield each event once, with what its operand grows by if it repeats."""
    for event in events:
        if isinstance(event, Repeat):
            for part, stride in zip(event.body, event.strides, strict=True):
                yield part, stride * (event.count - 1)
        else:
            yield event, 0
