"""Results that fill every part of the HTML report, and one that attacks it."""

from __future__ import annotations

from dataclasses import replace

from report_samples import (
    AUDIT,
    CLEAN,
    FIXED,
    FLUSH,
    INCONCLUSIVE,
    LOCAL,
    ONE_PCPU,
    P2M,
    UNCHANGED,
    UNSAFE,
    WARNING,
)

from harness.check.answer import Answer
from harness.check.finding import Excerpt, Repair, State
from harness.check.result import PatchSummary, Result

EXCERPTS = (
    Excerpt(P2M, ((79, "{"), (80, "\tp2m->need_flush = false;"), (1020, "\twrite();"))),
    Excerpt(FLUSH, ((97, ""), (98, "TLB_HELPER_LOCAL(flush_s1, vmalle1)"), (99, ""))),
)
HUNK = """@@ -340,4 +343,5 @@ static void p2m_force_tlb_flush_range_sync(void)
     isb();
-    flush_guest_tlb();
+    flush_guest_tlb_one_s2(ipa);
+    flush_guest_tlb_s1_local();
 }
 """
DIFF = f"""diff --git a/{P2M} b/{P2M}
--- a/{P2M}
+++ b/{P2M}
@@ -343,4 +343,4 @@
     isb();
     flush_guest_tlb_one_s2(ipa);
-    flush_guest_tlb_s1_local();
+    flush_guest_tlb_s1();
 }}
"""
REPAIRED = replace(
    LOCAL,
    hunk=HUNK,
    excerpts=EXCERPTS,
    repair=Repair(("promote TLBI VMALLE1 to VMALLE1IS",), True, DIFF),
    assumptions=("combined-tlb=on",),
    replay="tlb1." + "eNqrVkrLz1eyUkpKLFKqBQAgVgSE" * 12,
)
NO_BUILD = replace(
    LOCAL,
    rule="c-does-not-build",
    message="p2m.c:345: 'flush_guest_tlb_s1_locl' undeclared",
    trace=(),
    tlb_diff=(),
    witness=None,
    repair=None,
    hunk=HUNK,
    fingerprint="b" * 16,
)
SUPPRESSED = replace(
    ONE_PCPU,
    suppressed="SAF-21-safe: the domain is not running yet",
    fingerprint="c" * 16,
)
REFUSED = replace(
    ONE_PCPU,
    suppression_refused="SAF-22-safe names another rule",
    repair=None,
)
ANSWERS = (
    Answer("block-one-tlbi", "is one TLBI enough for a block", "yes, on all profiles"),
)
# Everything at once: every part of the page is there.
FULL = replace(
    UNSAFE,
    base_commit="45c6090783" * 4,
    configuration="a .config",
    notes=("the newest commit that holds the files",),
    findings=(
        REPAIRED,
        REFUSED,
        NO_BUILD,
        replace(
            WARNING,
            rule="ptw-not-drained-before-regime-switch",
            severity=WARNING.severity.PERF,
        ),
        WARNING,
        SUPPRESSED,
        UNCHANGED,
        FIXED,
    ),
    answers=ANSWERS,
    cost=(
        *UNSAFE.cost,
        replace(UNSAFE.cost[2], scenario="unmap-1g/foreign-vttbr/1-pcpu"),
    ),
)
SERIES = replace(
    FULL,
    patches=tuple(
        PatchSummary(f"{n:04}.patch", f"xen/arm: p2m: step {n}", (P2M,))
        for n in range(1, 5)
    ),
    findings=(
        replace(REPAIRED, patch=1, fixed_by=3),
        replace(NO_BUILD, patch=2),
        replace(WARNING, patch=2),
        replace(FIXED, patch=4),
    ),
)
NOT_BUILDING = replace(UNSAFE, findings=(NO_BUILD,), cost=())
# Many cores by name, as with --profile cores.
CORES = (
    "Cortex-X925[vmidbits=2+ets=2+ntlbpa=1+bbm=2+e0pd=1+pan=3]",
    *(f"Neoverse-V{n}[bbm={b}]" for n in range(1, 13) for b in range(3)),
)
# A hunk of more lines than a screen has.
LONG_HUNK = "@@ -300,1 +300,91 @@ f" + "".join(f"\n+    call({n});" for n in range(90))
MANY_CORES = replace(
    FULL,
    profiles=CORES,
    findings=(
        replace(REPAIRED, profiles=CORES[::2], hunk=LONG_HUNK),
        replace(WARNING, profiles=CORES),
    ),
)

_SCRIPT = "</script><script>window.hacked = 1</script>"
_IMAGE = "<img src=x onerror='window.hacked = 1'>"
EVIL = f"{_SCRIPT}{_IMAGE}\x00\x1b[2J\u202e\"'`]]>--><!--{{{{ 7 * 7 }}}}&lt;\u2028"
_STATES = (State(EVIL, EVIL, stale=True), State("TLB", EVIL, stale=False))
HOSTILE = replace(
    SERIES,
    base=EVIL,
    tree_version=EVIL,
    base_commit=EVIL,
    configuration=EVIL,
    notes=(EVIL,),
    assumptions=(EVIL,),
    only_under=(EVIL,),
    unhandled=((EVIL, EVIL),),
    profiles=(EVIL, "P0-v8.0"),
    not_executed=(EVIL, f"{EVIL} ({EVIL}:7)"),
    answers=(Answer(EVIL, EVIL, EVIL),),
    patches=tuple(
        PatchSummary(
            EVIL,
            EVIL,
            (EVIL,),
            (EVIL,),
            recovered=False,
            uncertain=(EVIL,),
            repair=f"--- {EVIL}\n+++ {EVIL}\n@@ -1 +1 @@\n-{EVIL}\n+{EVIL}{n}",
        )
        for n in range(4)
    ),
    findings=tuple(
        replace(
            finding,
            message=EVIL,
            profiles=(EVIL,),
            scenario=EVIL,
            scenarios=(EVIL, EVIL + "2"),
            location=replace(finding.location, file=EVIL, function=EVIL),
            arm_rules=(EVIL,),
            assumptions=(EVIL,),
            hunk=f"@@ -1 +1 @@ {EVIL}\n-{EVIL}\n+{EVIL}",
            repair=Repair(
                (EVIL,), True, f"--- {EVIL}\n+++ {EVIL}\n@@ -1 +1 @@\n{EVIL}"
            ),
            replay=EVIL,
            fingerprint=EVIL,
            suppression_refused=EVIL,
            tlb_diff=tuple(
                replace(diff, unexpected=(EVIL,), missing=(EVIL,), allowed=EVIL)
                for diff in finding.tlb_diff
            ),
            excerpts=(Excerpt(EVIL, ((1, EVIL),)),),
            trace=tuple(
                replace(
                    step,
                    event=EVIL,
                    effect=EVIL,
                    file=EVIL,
                    function=EVIL,
                    states=_STATES,
                )
                for step in finding.trace
            ),
        )
        for finding in (
            *SERIES.findings,
            replace(SUPPRESSED, suppressed=EVIL, patch=1),
            UNCHANGED,
        )
    ),
    cost=tuple(
        replace(UNSAFE.cost[0], scenario=name, profiles=(EVIL,))
        for name in (EVIL, "create-domain")
    ),
    unsupported=tuple(
        replace(item, what=EVIL, file=EVIL, scenarios=(EVIL,), profiles=(EVIL,))
        for item in INCONCLUSIVE.unsupported
    ),
)
EVERY: dict[str, Result] = {
    "clean": CLEAN,
    "full": FULL,
    "series": SERIES,
    "inconclusive": INCONCLUSIVE,
    "audit": AUDIT,
    "not-building": NOT_BUILDING,
    "many-cores": MANY_CORES,
    "hostile": HOSTILE,
}
