"""Split a check over several machines, and put what they found together again.

A part analyses its share of the blocks of all trees.  Whoever merges the parts
has the tree at hand and goes through the whole check, but for the analyses: so
the outcome cannot differ from that of one machine.  What the analyses depend on
is in their keys; parts of anything else are refused.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import harness
from harness import assumptions
from harness.check import pipeline
from harness.check.analyses import planned_for, run
from harness.check.architectures import BUILD
from harness.check.changes import trees_of
from harness.check.intake import Intake, opened, stepped
from harness.check.request import CheckRequest, Done, Form
from harness.check.result import Bounds, Part, PatchSummary, Result
from harness.check.rules import RULES
from harness.check.shards.blocks import EVERY_BLOCK, complete, joined
from harness.check.shards.dealing import dealt
from harness.check.shards.record import packed, unpacked
from harness.check.shards.shard import MOST, Shard
from harness.check.store import key_of
from harness.check.tree_analysis import TreeAnalysis
from harness.errors import ReportError
from harness.model_version import model_version
from harness.series import View, apply
from harness.series.base import EMBEDDED
from harness.targets import PES
from reference_model.cores import PROFILES

__all__ = ["Given", "given_by", "merged", "part_of", "work_of"]


_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Given:
    """What was asked for, but for where the tree is.

    ``example``: the tree is the embedded base, wherever one is.
    """

    command: str
    patch: bytes | None
    patch_name: str
    form: Form
    base: str | None
    config: str
    profiles: tuple[str, ...]
    scenarios: tuple[str, ...] | None
    assumptions: tuple[str, ...]
    example: bool

    def request(self, request: CheckRequest) -> CheckRequest:
        """Return the request for all of it; ``request`` says where the tree is."""
        config = Path(self.config) if self.config else None
        return replace(
            request,
            patch=self.patch,
            patch_name=self.patch_name,
            form=self.form,
            base=self.base,
            config=request.config or config,
            profiles=self.profiles,
            scenarios=self.scenarios,
            assumptions=assumptions.read(self.assumptions),
            cwd=EMBEDDED if self.example else request.cwd,
        )


@dataclass(frozen=True, slots=True)
class _Work:
    """What a part found out, by the key of the analysis and the block."""

    given: Given
    blocks: tuple[tuple[str, int, TreeAnalysis], ...]


# ------------------------------------------------------------------- one part


def part_of(request: CheckRequest, shard: Shard, *, audit: bool = False) -> Result:
    """Analyse one part of a check or an audit."""
    started = time.monotonic()
    request.refuse_unknown_profiles()
    with opened(request, audit=audit) as intake, _trees(intake, audit=audit) as trees:
        plan = planned_for(trees, request)
        mine = dealt(plan.distinct, shard)
        done = run(mine, request)
        configuration = plan.code(trees[0]).configuration
    blocks = tuple(
        (job.key, number, analysis)
        for job, found in zip(mine, done, strict=True)
        for number, analysis in sorted(found.items())
    )
    command = "audit" if audit else "check"
    patches = tuple(pipeline.summary(patch) for patch in intake.patches)
    result = _empty(command, request, intake, [found for _, _, found in blocks])
    return replace(
        result,
        patches=patches,
        configuration=configuration,
        stats={"seconds": round(time.monotonic() - started, 1)},
        part=Part(
            shard.number,
            shard.count,
            _common(command, request, result, patches),
            tuple(plan.distinct),
            packed(_Work(_given(command, request), blocks)),
        ),
    )


@contextmanager
def _trees(intake: Intake, *, audit: bool) -> Iterator[list[View]]:
    if audit:
        with apply(intake.base.tree) as view:
            yield [view]
    else:
        with stepped(intake) as steps:
            yield trees_of(steps)


def _empty(
    command: str, request: CheckRequest, intake: Intake, found: list[TreeAnalysis]
) -> Result:
    """Return a result that says what was run, and nothing of what was found."""
    base = intake.base
    return Result(
        command=command,
        base=f"{base.name} ({base.how})" if base.how else base.name,
        tree_version=base.tree.version,
        patches=(),
        profiles=request.profiles,
        bounds=Bounds(
            scenarios=len({name for each in found for name, _ in each.costs}),
            profiles=len(request.profiles),
            pcpus=PES,
            executions=sum(each.executions for each in found),
            events=sum(each.events for each in found),
            exhausted=all(each.exhausted for each in found),
        ),
        findings=(),
        unsupported=(),
        cost=(),
        assumptions=assumptions.rested_on(request.assumptions),
        only_under=assumptions.changed(request.assumptions),
        base_commit=base.commit,
        notes=(*intake.notes, *base.notes),
        alternatives=intake.alternatives,
    )


def _given(command: str, request: CheckRequest) -> Given:
    return Given(
        command,
        request.patch,
        request.patch_name,
        request.form,
        request.base,
        str(request.config or ""),
        request.profiles,
        request.scenarios,
        assumptions.changed(request.assumptions),
        request.cwd == EMBEDDED,
    )


def _common(
    command: str,
    request: CheckRequest,
    result: Result,
    patches: Sequence[PatchSummary],
) -> tuple[tuple[str, str], ...]:
    """Name what all parts have to agree on, what matters most to people first."""
    return (
        ("version", harness.__version__),
        ("model", model_version()),
        ("command", command),
        ("patches", _patches(patches)),
        ("patch file", hashlib.sha256(request.patch or b"").hexdigest()[:16]),
        ("base", f"{result.tree_version} {result.base_commit}".strip()),
        ("profiles", " ".join(request.profiles)),
        ("scenarios", " ".join(request.scenarios or ("all",))),
        ("assumptions", " ".join(result.only_under) or "default"),
        # The whole program, which a version number does not tell apart.
        ("program", key_of()[:16]),
    )


def _patches(patches: Sequence[PatchSummary]) -> str:
    return " ".join(f"{patch.identity}{patch.commit[:12]}" for patch in patches)


# ------------------------------------------------------------------ all parts


def work_of(part: Part, name: str) -> _Work:
    """Unpack what a part found out; ``name`` is that of its file."""
    try:
        work = unpacked(_Work, part.work)
        for key, block, analysis in work.blocks:
            _check(key, block, analysis, part, work.given)
    except ReportError as error:
        raise ReportError(f"'{name}' is damaged: {error.message}") from error
    return work


def given_by(parts: Sequence[tuple[str, Part]]) -> tuple[Given, Done]:
    """Return what was asked for, and what the parts found out together.

    The parts come with the names of their files.  Raises ReportError where they
    are not all parts of one check, each once.
    """
    _refuse_others(parts)
    _refuse_incomplete(parts)
    works = [work_of(part, name) for name, part in parts]
    blocks: dict[str, dict[int, TreeAnalysis]] = {}
    for (name, _), work in zip(parts, works, strict=True):
        for key, number, analysis in work.blocks:
            if number in blocks.setdefault(key, {}):
                raise ReportError(f"'{name}' holds what another part has found as well")
            blocks[key][number] = analysis
    plan = parts[0][1].plan
    for key in plan:
        if not complete(blocks.get(key, {})):
            raise ReportError("the parts do not hold everything: run them again")
        if len({each.scenarios for each in blocks[key].values()}) > 1:
            raise ReportError("the parts do not agree on the scenarios")
    return works[0].given, Done(plan, {key: joined(blocks[key]) for key in plan})


def merged(result: Result, parts: Sequence[tuple[str, Part]], spent: float) -> Result:
    """Return the result of a check that parts were done for.

    ``spent`` are the seconds that they took.  Raises ReportError where it is of
    other patches or another base than they were.
    """
    name, part = parts[0]
    common = dict(part.common)
    here = {
        "command": result.command,
        "patches": _patches(result.patches),
        "base": f"{result.tree_version} {result.base_commit}".strip(),
    }
    for what, value in here.items():
        if common.get(what) != value:
            raise ReportError(
                f"'{name}' is a part of another check: its {what} is "
                f"'{common.get(what, '')}', here it is '{value}'"
            )
    seconds = round(spent + result.stats.get("seconds", 0.0), 1)
    return replace(result, stats={**result.stats, "seconds": seconds})


def _refuse_others(parts: Sequence[tuple[str, Part]]) -> None:
    if not parts:
        raise ReportError("no parts to merge: name the files of all of them")
    first_name, first = parts[0]
    common = dict(first.common)
    here = {"version": harness.__version__, "model": model_version()}
    here["program"] = key_of()[:16]
    for what, value in here.items():
        if common.get(what) != value:
            raise ReportError(
                f"'{first_name}' was made by another harness: its {what} is "
                f"'{common.get(what, '')}', this one has '{value}'"
            )
    for name, part in parts[1:]:
        other = dict(part.common)
        for what in dict.fromkeys((*common, *other)):
            if common.get(what) != other.get(what):
                raise ReportError(
                    f"'{name}' and '{first_name}' are not parts of one check: their "
                    f"{what} differ: '{other.get(what, '')}' and "
                    f"'{common.get(what, '')}'"
                )
        if part.count != first.count:
            raise ReportError(
                f"'{name}' is one of {part.count} parts, '{first_name}' one of "
                f"{first.count}"
            )
        if part.plan != first.plan:
            raise ReportError(
                f"'{name}' and '{first_name}' are not parts of one check: the code "
                "differs, by the tree, its configuration or the compiler"
            )


def _refuse_incomplete(parts: Sequence[tuple[str, Part]]) -> None:
    count = parts[0][1].count
    if not 0 < count <= MOST:
        raise ReportError(f"'{parts[0][0]}' is damaged: there cannot be {count} parts")
    seen: dict[int, str] = {}
    for name, part in parts:
        if part.number in seen:
            raise ReportError(
                f"part {part.number} of {count} is there twice: '{seen[part.number]}' "
                f"and '{name}'"
            )
        seen[part.number] = name
        if not 0 < part.number <= count:
            raise ReportError(f"'{name}' is damaged: no part {part.number} of {count}")
    missing = [str(n) for n in range(1, count + 1) if n not in seen]
    if missing:
        names = ", ".join(missing[:_SHOWN]) + (", ..." if missing[_SHOWN:] else "")
        raise ReportError(f"of {count} parts, these are not there: {names}")


def _check(
    key: str, block: int, analysis: TreeAnalysis, part: Part, given: Given
) -> None:
    """Refuse what no part can have found."""
    found = [
        *((each.profile, each.scenario) for each in analysis.diagnoses),
        *((each.profile, each.scenario) for each in analysis.reached),
        *((each.profile, each.scenario) for each in analysis.savings),
    ]
    names = {profile for profile, _ in found}
    names |= {profile for _, profile in analysis.costs}
    scenarios = {scenario for _, scenario in found}
    rules = {each.rule for each in analysis.diagnoses}
    rules |= {each.rule for each in analysis.savings}
    if key not in part.plan or block not in EVERY_BLOCK:
        raise ReportError("it holds an analysis that is not planned")
    if not names <= set(given.profiles) or not set(given.profiles) <= set(PROFILES):
        raise ReportError("it holds profiles that were not asked for")
    known = analysis.scenarios or (BUILD,)
    if not scenarios <= set(known) or (
        not analysis.scenarios and any(each.trace for each in analysis.diagnoses)
    ):
        raise ReportError("it holds scenarios that were not run")
    if not rules <= set(RULES):
        raise ReportError("it holds a rule that there is not")
