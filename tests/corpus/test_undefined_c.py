"""A patch that makes C undefined is found, and the same one done right is not."""

from __future__ import annotations

import pytest
from test_verdicts import changed_base, new_errors

from harness.check.pipeline import check
from harness.check.request import CheckRequest
from harness.series.base import EMBEDDED

pytestmark = pytest.mark.long

HERE = "    ASSERT(level == target);\n    orig_pte = *entry;\n"
GIVEN_BACK = "    p2m_free_page(p2m->domain, pg);\n"
FREED = GIVEN_BACK + "}\n\n/*\n * Turn"
HEAP = "    free_domheap_page(pg);\n"
MAPPED = "    lpae_t *again = map_domain_page(lpae_get_mfn(entry));\n"
USED = "    p2m->stats.mappings[0] += again->bits & 0;\n    unmap_domain_page(again);\n"

# Kind, scenarios, what is replaced, what is wrong, what is right.
CASES = {
    "uninitialised": (
        "uninitialised-read",
        "unmap-4k",
        HERE,
        HERE + "    {\n        unsigned int extra;\n"
        "        if ( target < 3 )\n            extra = 1;\n"
        "        p2m->stats.mappings[0] += extra & 0;\n    }\n",
        HERE + "    {\n        unsigned int extra = 0;\n"
        "        if ( target < 3 )\n            extra = 1;\n"
        "        p2m->stats.mappings[0] += extra & 0;\n    }\n",
    ),
    "uninitialised in a loop": (
        "uninitialised-read",
        "unmap-4k",
        HERE,
        HERE + "    for ( unsigned int i = 0; i < 2; i++ )\n    {\n"
        "        unsigned long extra;\n        if ( !i )\n            extra = 0;\n"
        "        p2m->stats.mappings[0] += extra;\n    }\n",
        HERE + "    for ( unsigned int i = 0; i < 2; i++ )\n    {\n"
        "        unsigned long extra;\n        extra = 0;\n"
        "        p2m->stats.mappings[0] += extra;\n    }\n",
    ),
    "out of bounds": (
        "out-of-bounds",
        "unmap-4k",
        HERE,
        HERE + "    p2m->stats.mappings[level + 1] += 0;\n",
        HERE + "    p2m->stats.mappings[level] += 0;\n",
    ),
    "shift": (
        "bad-shift",
        "unmap-4k",
        HERE,
        HERE + "    if ( (1U << (29 + level)) & page_order )\n        level = 3;\n",
        HERE + "    if ( (1ULL << (29 + level)) & page_order )\n        level = 3;\n",
    ),
    "signed overflow": (
        "signed-overflow",
        "unmap-4k",
        HERE,
        HERE + "    rc = 0x7fffffff;\n    rc += (int)level;\n",
        HERE + "    rc = 0x7ffffff0;\n    rc += (int)level;\n",
    ),
    "division": (
        "division-by-zero",
        "unmap-4k",
        HERE,
        HERE + "    rc = 8 / page_order;\n",
        HERE + "    rc = 8 / (page_order + 1);\n",
    ),
    "null": (
        "null-dereference",
        "unmap-4k",
        HERE,
        HERE + "    table = level == 3 ? NULL : table;\n    orig_pte = *table;\n",
        HERE + "    table = level == 4 ? NULL : table;\n    orig_pte = *entry;\n",
    ),
    "variable of a block": (
        "use-after-free",
        "unmap-4k",
        HERE,
        HERE + "    {\n        const lpae_t *kept;\n"
        "        {\n            lpae_t copy = orig_pte;\n"
        "            kept = &copy;\n        }\n        orig_pte = *kept;\n    }\n",
        HERE + "    {\n        const lpae_t *kept;\n        lpae_t copy;\n"
        "        {\n            copy = orig_pte;\n"
        "            kept = &copy;\n        }\n        orig_pte = *kept;\n    }\n",
    ),
    "freed table": (
        "use-after-free",
        "unmap-table",
        FREED,
        FREED.replace(GIVEN_BACK, MAPPED + HEAP + USED),
        FREED.replace(GIVEN_BACK, MAPPED + USED + HEAP),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_undefined_behaviour_is_found(name: str) -> None:
    kind, scenario, old, wrong, right = CASES[name]
    found = []
    for new in (wrong, right):
        data = changed_base(old, new)
        request = CheckRequest(
            data, "changed", EMBEDDED, EMBEDDED, scenarios=(scenario,), jobs=1
        )
        errors = new_errors(check(request))
        found.append([f for f in errors if f.rule == "c-undefined-behaviour"])
    assert [f.message.partition(":")[0] for f in found[0]] == [kind]
    assert found[0][0].location.in_patch and found[0][0].trace
    assert not found[1]
