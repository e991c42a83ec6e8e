"""Answer what reviewers of a flush ask, from what the runs and replays say."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from harness.check.answer import Answer, Figure
from harness.check.finding import Finding, Severity, Status
from harness.check.performance.needs import ASKED, LoopBarriers, Smallest
from harness.check.performance.savings import Saving
from harness.check.tree_analysis import TreeAnalysis
from harness.cost.classes import classify
from harness.cost.counts import Counts

__all__ = ["answered"]

_REPLAY = "replay on the reference machine"
# What a flush leaves, and why that alone is no error.
_OTHER_IPAS = "stage-2 entries of other IPAs stay"
_NO_STAGE1 = "stage-2 entries of other IPAs, and all of stage 1, stay"
_STAGE2 = "entries of stage 2 alone stay"
_BASIS = {
    _OTHER_IPAS: "R_TVTYQ: an operation by IPA takes all of the leaf's",
    _STAGE2: "R_LGSCG: a stage-1 operation takes all that holds stage 1",
}


def answered(
    before: TreeAnalysis,
    after: TreeAnalysis,
    findings: Sequence[Finding],
    unseen: int = 0,
) -> tuple[Answer, ...]:
    """Answer what a patch is asked, () if it changes no TLB maintenance.

    ``unseen`` counts the changed places that did not run.
    """
    changed = {
        run: (before.costs.get(run), counts)
        for run, counts in after.costs.items()
        if before.costs.get(run) != counts
    }
    if not changed:
        return ()
    every = (
        _narrowed(changed, _Known(after, findings), unseen),
        _smallest([n for n in after.needs if isinstance(n, Smallest)]),
        _repeated(after.savings, findings),
        _barriers([n for n in after.needs if isinstance(n, LoopBarriers)]),
    )
    return tuple(answer for found in every for answer in found)


_Run = tuple[str, str]  # scenario and profile
_Changed = dict[_Run, tuple[Counts | None, Counts]]


# ------------------------------------------------------------- what is narrower


class _Known:
    """What is known of runs: the rules they break, and whether that is all."""

    def __init__(self, after: TreeAnalysis, findings: Sequence[Finding]) -> None:
        self._errors = [
            f for f in findings if f.severity is Severity.ERROR and not f.fixed_by
        ]
        self._complete = after.complete if after.exhausted else set[str]()
        self._reached = {(r.scenario, r.profile) for r in after.reached}

    def said(self, runs: list[_Run], basis: str) -> str:
        """Say whether runs are safe, and by which rules not."""
        rules = self._rules(runs, (Status.NEW, Status.KNOWN))
        if rules:
            return f"not safe: {', '.join(rules)}"
        if self._rules(runs, (Status.UNCHANGED,)):
            return "not known, for the base is wrong there, too"
        if any(s not in self._complete or (s, p) in self._reached for s, p in runs):
            return "not known, for not all of it could be run"
        return f"safe, no run goes wrong{f' ({basis})' if basis else ''}"

    def _rules(self, runs: list[_Run], statuses: Collection[Status]) -> list[str]:
        """List the rules that errors break in some of the runs."""
        broken: dict[str, None] = {}
        for finding in self._errors:
            seen = {(scenario, profile) for _, scenario, profile in finding.seen}
            if finding.status in statuses and seen & set(runs):
                broken[finding.rule] = None
        return list(broken)


def _narrowed(changed: _Changed, known: _Known, unseen: int) -> Iterator[Answer]:
    """Say which entries are not dropped any more, and whether that is safe."""
    ways: dict[str, list[_Run]] = {}
    for run, (old, new) in changed.items():
        way = _way(old, new)
        if way:
            ways.setdefault(way, []).append(run)
    texts = []
    for way, runs in ways.items():
        some = len({scenario for scenario, _ in runs})
        where = f"in {some} scenario{'s' * (some > 1)}"
        texts.append(f"{way} ({where}): {known.said(runs, _BASIS.get(way, ''))}")
    if not texts:
        texts = ["no flush is narrower than before"]
    if unseen:
        places = f"{unseen} changed place{'s' * (unseen > 1)}"
        texts.append(f"nothing is said about {places} that did not run")
    yield Answer(
        "narrowed-flush",
        "Is it safe to flush less, and by which rule?",
        "; ".join(texts),
        (Figure("runs", sum(map(len, ways.values()))),),
        f"TLBIs counted on base and patch; {_REPLAY} of every run",
    )


def _way(old: Counts | None, new: Counts) -> str:
    """Return what the TLBIs of a run leave that those of the base dropped."""
    if old is None:
        return ""
    was, now = classify(old), classify(new)
    before, after = was.total - was.el2, now.total - now.el2
    if before and not after:
        return "nothing is dropped any more"
    if was.full <= now.full:
        if now.broadcast < was.broadcast and now.local > was.local:
            return "entries of other pCPUs stay"
        return "fewer TLBIs are executed" if after < before else ""
    if now.ipa + now.range > was.ipa + was.range:
        if now.stage1 > was.stage1:
            return _OTHER_IPAS
        return _NO_STAGE1
    if now.stage1 > was.stage1:
        return _STAGE2
    return "fewer TLBIs on both stages are executed"


# ------------------------------------------------------- how few TLBIs would do


def _smallest(needs: Sequence[Smallest]) -> Iterator[Answer]:
    question = "Is one TLBI enough for a block?"
    texts = []
    figures = []
    for scenario, what in ASKED.items():
        asked = [n for n in needs if n.scenario == scenario]
        enough = {n.enough for n in asked}
        if not asked or len(enough) != 1 or not all(n.right for n in asked):
            continue
        (few,) = enough
        sent = max(n.sent for n in asked)
        figures.append(Figure(f"{scenario.split('/')[0]}-enough", few))
        figures.append(Figure(f"{scenario.split('/')[0]}-sent", sent))
        text = f"{what}: {few:,}"
        if all(n.fewer is False for n in asked) and few > 1:
            text += ", and no fewer"
        if sent != few:
            text += f" instead of {sent:,}"
        texts.append(text)
    if not needs:
        texts = ["nothing is flushed by IPA"]
    if texts:
        yield Answer(
            "block-one-tlbi",
            question,
            "; ".join(texts) + (" (by IPA, then stage 1 once)" if figures else ""),
            tuple(figures),
            f"{_REPLAY} with one operation by IPA for each old leaf, and with one less",
        )


# -------------------------------------------------------- repeat-TLBI, barriers


def _repeated(
    savings: Sequence[Saving], findings: Sequence[Finding]
) -> Iterator[Answer]:
    rule = "perf-repeat-tlbi-overuse"
    tried = [saving for saving in savings if saving.rule == rule]
    figures: tuple[Figure, ...]
    if any(f.rule == rule for f in findings) and tried:
        most = max(tried, key=lambda s: s.operations)
        text = (
            f"yes: up to {most.operations:,} repeats in one flush; one behind the last "
            "DSB leaves nothing out of date"
        )
        figures = (Figure("repeats", most.operations), Figure("enough", 1))
    elif tried:
        most = max(tried, key=lambda s: s.operations)
        text = (
            f"no: with one alone, none of the flushes that repeat {most.operations:,} "
            "times is right"
        )
        if any(saving.held is None for saving in tried):
            text = "not known: the runs are wrong for another reason"
        figures = (Figure("repeats", most.operations),)
    else:
        text = "it is: no flush pays for more than one repeat"
        figures = (Figure("repeats", 1),)
    yield Answer(
        "repeat-tlbi-once",
        "Is the repeat-TLBI workaround once for a batch enough?",
        text,
        figures,
        f"events with the erratum against those without; {_REPLAY}",
    )


def _barriers(needs: Sequence[LoopBarriers]) -> Iterator[Answer]:
    question = "Is each barrier in the loop needed?"
    figures: tuple[Figure, ...] = ()
    if not needs:
        text = "there is none in a loop of TLBIs"
    else:
        most = max(need.executed for need in needs)
        names = ", ".join(dict.fromkeys(need.profile for need in needs))
        figures = (Figure("barriers", most),)
        if all(need.spared for need in needs):
            text = f"no: without them ({most:,} on {names}) every run is as right"
        elif any(need.spared is False for need in needs):
            text = f"yes: without them ({most:,} on {names}) runs go wrong"
        elif all(need.spared or need.outside for need in needs):
            text = (
                f"no: with a DSB behind the loop instead ({most:,} inside it on "
                f"{names}) a flush that is otherwise right stays right"
            )
        else:
            text = f"not known ({most:,} on {names}): the runs are wrong by themselves"
    source = f"{_REPLAY} with the barriers in loops taken out"
    yield Answer("loop-barrier", question, text, figures, source)
