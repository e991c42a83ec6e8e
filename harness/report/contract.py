"""The JSON report, field by field: the one place that says what is in it.

The report is built as these types, so mypy checks it against them, and the
published schema is generated from them. Names of fields are stable; new ones
may be added.
"""

from __future__ import annotations

from typing import Annotated, TypedDict

from harness.check.finding import Severity, Status
from harness.check.result import Verdict

__all__ = [
    "Answer",
    "Bounds",
    "Cost",
    "Counts",
    "Excerpt",
    "Finding",
    "Location",
    "Part",
    "Patch",
    "Recovery",
    "Repair",
    "Report",
    "State",
    "Step",
    "TlbDiff",
    "Tool",
    "Unsupported",
    "Witness",
]


class Tool(TypedDict):
    """The program that made the report."""

    name: str
    version: str
    model: Annotated[str, "version of the reference model"]


class Recovery(TypedDict):
    """How a patch was read out of a review."""

    verified: Annotated[bool, "the blob ids of its index lines were reproduced"]
    uncertain: Annotated[list[str], "what had to be guessed or looked up"]


class Patch(TypedDict):
    """A patch under test."""

    name: str
    subject: str
    files: list[str]
    notes: Annotated[list[str], "remarks on how the patch was read"]
    commit: Annotated[str, "its object id, of a patch out of a repository"]
    identity: Annotated[str, "digest of what it changes, wherever it applies"]
    recovery: Annotated[Recovery | None, "of a patch read out of a review"]
    repair: Annotated[
        str, "diff on top of it that mends its new errors together; analysed"
    ]


class Bounds(TypedDict):
    """What was explored."""

    scenarios: int
    profiles: int
    pcpus: int
    executions: int
    events: int
    exhausted: Annotated[bool, "nothing was cut short"]


class Location(TypedDict):
    """A place in the source."""

    file: Annotated[str, "relative to the top of the tree"]
    line: int
    function: str
    in_patch: Annotated[bool, "the patch touched this line"]


class Witness(TypedDict):
    """The entry that must not be there; addresses are null where none applies."""

    pe: Annotated[int, "the pCPU that may hold it"]
    kind: Annotated[str, "S1, S2, S12 or a walk cache of one of them"]
    vmid: int
    va: Annotated[int | None, "one example of many: the guest chooses"]
    ipa: int | None
    pa: int | None
    permissions: str
    size: int


class TlbDiff(TypedDict):
    """What the TLB of one pCPU may hold against what it is allowed to."""

    unexpected: Annotated[list[str], "entries it may hold but must not"]
    missing: Annotated[list[str], "entries it should be able to hold but cannot"]
    allowed: Annotated[str, "what the current tables give for the same address"]


class State(TypedDict):
    """What one thing holds after a step."""

    name: Annotated[str, "the tables at an address, or the TLB of a pCPU"]
    text: str
    stale: Annotated[bool, "some of it is not what the tables say"]


class Step(TypedDict):
    """One step of the counterexample."""

    step: int
    pe: int
    event: str
    file: Annotated[str, "empty for what hardware does by itself"]
    line: int
    function: str
    effect: str
    blamed: Annotated[bool, "the repair changes this step"]
    states: Annotated[list[State], "what holds after the step"]


class Repair(TypedDict):
    """A change of the events that was replayed."""

    text: str
    edits: Annotated[list[str], "the parts of the repair"]
    verified: Annotated[bool, "the replay was free of the violation and of new ones"]
    diff: Annotated[
        str, "unified, against the patched tree; analysed: finding gone, none new"
    ]
    no_diff: Annotated[str, "why there is no diff, where one was looked for"]


class Excerpt(TypedDict):
    """Lines of a source file."""

    file: str
    lines: Annotated[dict[str, str], "by line number"]


class Finding(TypedDict):
    """One root cause."""

    rule: str
    severity: Annotated[str, Severity]
    status: Annotated[str, Status]
    message: str
    profiles: Annotated[list[str], "profiles on which it breaks"]
    scenario: Annotated[str, "the scenario of the trace"]
    scenarios: Annotated[list[str], "all in which it was seen"]
    location: Location
    witness: Witness | None
    tlb_diff: Annotated[dict[str, TlbDiff], "by the number of the pCPU"]
    trace: list[Step]
    repair: Repair | None
    arm_rules: Annotated[list[str], "rule ids of Arm DDI 0487"]
    fingerprint: Annotated[str, "structural: survives moved lines"]
    kin: Annotated[list[str], "digests by which other versions of a patch know it"]
    replay: Annotated[str, "the token with which harness replay shows it again"]
    trace_file: Annotated[str, "where --save-traces wrote the whole trace"]
    assumptions: Annotated[list[str], "name=value without which it is not there"]
    patch: Annotated[int, "the patch that brings it in or mends it; 0 is none"]
    fixed_by: Annotated[int, "a later patch that mends what this one broke; 0: none"]
    excerpts: Annotated[list[Excerpt], "the source lines of the steps"]
    hunk: Annotated[str, "the part of the patch that it is about"]
    suppressed: Annotated[str, "tag and reason of a SAF comment that counts for it"]
    suppression_refused: Annotated[str, "why a SAF comment for it does not count"]


class Unsupported(TypedDict):
    """Something that was reached and is not modelled."""

    what: str
    file: str
    line: int
    scenarios: list[str]
    profiles: list[str]
    in_base: Annotated[bool, "also reached without the patch"]


class Counts(TypedDict):
    """Instructions executed."""

    tlbi: Annotated[dict[str, int], "by kind"]
    dsb: int
    isb: int
    vttbr: Annotated[int, "writes of VTTBR_EL2"]
    irqs_off: Annotated[int, "TLBIs in the longest stretch with IRQs masked"]


class Cost(TypedDict):
    """Counts of one scenario on profiles that share them."""

    profiles: list[str]
    base: Annotated[Counts | None, "null where the base was not run"]
    patched: Counts | None


class Answer(TypedDict):
    """The answer to a question that reviewers ask."""

    id: Annotated[str, "names the question; stable"]
    question: str
    text: str
    figures: Annotated[dict[str, float], "the numbers in the text, by stable name"]
    source: Annotated[str, "the runs or replays that they come from"]


class Part(TypedDict):
    """One part of a check that several machines share, for harness merge."""

    number: Annotated[int, "from 1"]
    count: int
    common: Annotated[dict[str, str], "what all parts have to agree on"]
    plan: Annotated[list[str], "the analyses that all parts make together"]
    work: Annotated[str, "what this part found out, packed"]


class Report(TypedDict):
    """One check or audit."""

    tool: Tool
    command: Annotated[str, "check or audit"]
    verdict: Annotated[str, Verdict]
    base: Annotated[str, "the tree and how it was found"]
    base_commit: Annotated[str, "its object id; empty outside a git repository"]
    tree_version: str
    configuration: Annotated[str, "of the build, in words"]
    notes: Annotated[list[str], "remarks on the base and on the series"]
    patches: Annotated[list[Patch], "numbered from 1, in this order"]
    alternatives: Annotated[bool, "the patches do not stand on one another"]
    part: Annotated[Part | None, "of one of several parts: no result by itself"]
    profiles: list[str]
    bounds: Bounds
    assumptions: Annotated[list[str], "name=value: readings of the architecture"]
    findings: list[Finding]
    unsupported: list[Unsupported]
    not_executed: Annotated[list[str], "changed functions that no scenario ran"]
    nothing_ran: Annotated[bool, "no changed line at all was run, though some are code"]
    only_under: Annotated[list[str], "assumptions that are not the default"]
    unhandled: Annotated[
        dict[str, list[str]], "cores by erratum that the tree does not know of on them"
    ]
    cost: Annotated[dict[str, list[Cost]], "by scenario"]
    answers: Annotated[list[Answer], "only what was computed"]
    stats: dict[str, float]
