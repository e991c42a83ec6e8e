"""Changes of valid descriptors: what they need, by FEAT_BBM level."""

from __future__ import annotations

import pytest
from shorthand import (
    AF,
    ATTRIBUTES,
    BLOCK_AT,
    BLOCK_IPA,
    DBM,
    EMPTY_TABLE_AT,
    IPA,
    NT,
    OTHER3,
    OTHER_OUT,
    OUT,
    PAGE_AT,
    READ,
    RELEASE,
    TABLE2,
    TABLE3,
    TWO_RUNNING,
    WRITE,
    block,
    broken,
    dsb,
    machine,
    page,
    store,
    table,
    tlbi,
)

from reference_model.events import Event, TableFree

OLD = page(OUT)
SHAREABILITY, SOFTWARE, XN = 3 << 8, 0xF << 55, 2 << 53
FLUSH: list[Event] = [dsb("ishst"), tlbi("VMALLS12E1IS"), dsb("ish")]

# change of a Page: name, old, new, conflicts at BBM 0, is the old more than
# the new grants
CHANGES = [
    ("memory-type-R_WHZWS", OLD, page(OUT, ATTRIBUTES & ~(1 << 2)), {"attr"}, True),
    ("shareability-R_WHZWS", OLD, page(OUT, ATTRIBUTES | SHAREABILITY), {"attr"}, True),
    ("output-R_WHZWS", OLD, page(OTHER_OUT), {"oa"}, True),
    ("output-read-only", OLD & ~WRITE, page(OTHER_OUT) & ~WRITE, {"oa"}, True),
    ("write-removed-R_GPPYH", OLD, OLD & ~WRITE, set(), True),
    ("read-removed-R_GPPYH", OLD, OLD & ~READ, set(), True),
    ("execute-removed-R_GPPYH", OLD, OLD | XN, set(), True),
    ("write-added", OLD & ~WRITE, OLD, set(), False),
    ("execute-added", OLD | XN, OLD, set(), False),
    ("execute-el0-to-el1", OLD | 1 << 53, OLD | 3 << 53, set(), True),
    ("dirty-modifier-added", OLD & ~WRITE, (OLD & ~WRITE) | DBM, set(), False),
    ("dirty-modifier-removed", (OLD & ~WRITE) | DBM, OLD & ~WRITE, set(), True),
    ("access-flag-set-R_XCLRD", OLD & ~AF, OLD, set(), False),
    ("uncached-output-R_XCLRD", OLD & ~AF, page(OTHER_OUT), set(), False),
    ("access-flag-cleared", OLD, OLD & ~AF, set(), True),
    ("software-bits", OLD, OLD | SOFTWARE, set(), False),
    ("to-invalid", OLD, 0, set(), True),
    ("to-reserved-encoding", OLD, OLD & ~2, set(), True),
    ("from-invalid-I_WZCBG", 0, OLD, set(), False),
]


def _conflicts(events: list[Event], profile: str = "P0-v8.0") -> set[str]:
    run = machine(profile).run([*TWO_RUNNING, *events])
    return {v.conflict for v in run if v.broken.value == "O2"}


def _prepared(at: int, value: int) -> list[Event]:
    """Bring a location to another value, by the book."""
    return [store(at), *FLUSH, store(at, value), dsb("ish")]


@pytest.mark.parametrize(
    ("old", "new", "conflicts", "restricts"),
    [pytest.param(*case[1:], id=case[0]) for case in CHANGES],
)
def test_change_of_a_page(
    old: int, new: int, conflicts: set[str], restricts: bool
) -> None:
    before = _prepared(PAGE_AT, old)
    direct = [*before, store(PAGE_AT, new)]
    assert _conflicts(direct) == conflicts
    stale = {pe for name, pe, _ in broken([*direct, dsb("ish"), RELEASE])}
    # PE 0 is drained by then, so only PE 1 can have filled the old value.
    assert stale == ({1} if restricts or conflicts else set())
    by_the_book = [*before, store(PAGE_AT), *FLUSH, store(PAGE_AT, new), dsb("ish")]
    assert broken([*by_the_book, RELEASE]) == set()


@pytest.mark.parametrize("flush", ["VMALLS12E1IS", "ALLE1IS", "VMALLS12E1OS"])
def test_r_ddmvt_breaks_that_suffice(flush: str) -> None:
    make = [store(PAGE_AT, page(OTHER_OUT)), dsb("ish"), RELEASE]
    assert broken([store(PAGE_AT), dsb("ishst"), tlbi(flush), dsb("ish"), *make]) == (
        set()
    )


@pytest.mark.parametrize(
    "broken_by",
    [
        pytest.param([], id="no-break"),
        pytest.param([store(PAGE_AT), *FLUSH[1:]], id="no-DSB-before"),
        pytest.param([store(PAGE_AT), *FLUSH[:1]], id="no-TLBI"),
        pytest.param([store(PAGE_AT), *FLUSH[:2]], id="no-DSB-after"),
        pytest.param([store(PAGE_AT), *FLUSH[:2], dsb("ishst")], id="DSB-ISHST-after"),
        pytest.param(
            [store(PAGE_AT), dsb("ishst"), tlbi("VMALLS12E1"), dsb("ish")], id="local"
        ),
        pytest.param(
            [store(PAGE_AT), dsb("ishst"), tlbi("IPAS2E1IS", IPA), dsb("ish")],
            id="stage-2-only",
        ),
    ],
)
def test_r_ddmvt_breaks_that_do_not_suffice(broken_by: list[Event]) -> None:
    make = [store(PAGE_AT, page(OTHER_OUT)), dsb("ish"), RELEASE]
    assert ("O2", 1, "S12") in broken([*broken_by, *make])


# A block split in place: the new table maps what the block mapped.
SPLIT_OUT = OUT + 0x20_0000


def _new_table(attributes: int = ATTRIBUTES, output: int = SPLIT_OUT) -> list[Event]:
    pages = range(512)
    return [
        store(EMPTY_TABLE_AT),
        *FLUSH,
        *(store(OTHER3 + 8 * n, page(output + 4096 * n, attributes)) for n in pages),
        dsb("ishst"),
    ]


@pytest.mark.parametrize(
    ("profile", "conflicts"),
    [("P0-v8.0", {"size"}), ("P2-v8.4", {"size"}), ("P3-bbml2", set())],
)
def test_r_kfljb_split_in_place(profile: str, conflicts: set[str]) -> None:
    split = [*_new_table(), store(BLOCK_AT, table(OTHER3))]
    assert _conflicts(split, profile) == conflicts


@pytest.mark.parametrize(("profile", "clean"), [("P0-v8.0", False), ("P2-v8.4", True)])
def test_r_hhcxc_split_with_nt(profile: str, clean: bool) -> None:
    marked = store(BLOCK_AT, block(SPLIT_OUT, ATTRIBUTES | NT))
    split = [*_new_table(), marked, *FLUSH, store(BLOCK_AT, table(OTHER3)), *FLUSH]
    assert (_conflicts([*split, RELEASE], profile) == set()) == clean


def test_split_with_nt_needs_the_first_flush() -> None:
    marked = store(BLOCK_AT, block(SPLIT_OUT, ATTRIBUTES | NT))
    split = [*_new_table(), marked, store(BLOCK_AT, table(OTHER3)), *FLUSH]
    assert _conflicts(split, "P2-v8.4") == {"size"}


@pytest.mark.parametrize("profile", ["P2-v8.4", "P3-bbml2"])
def test_r_pvtfw_size_change_must_change_nothing_else(profile: str) -> None:
    marked = store(BLOCK_AT, block(SPLIT_OUT, ATTRIBUTES | NT))
    split = [marked, *FLUSH, store(BLOCK_AT, table(OTHER3))]
    moved = _new_table(output=OTHER_OUT)
    assert _conflicts([*moved, *split], profile) == {"oa"}
    other_type = _new_table(attributes=ATTRIBUTES & ~(1 << 2))
    assert _conflicts([*other_type, *split], profile) == {"attr"}


def _whole_table() -> list[Event]:
    pages = range(512)
    return [store(TABLE3 + 8 * n, page(OUT + 4096 * n)) for n in pages]


@pytest.mark.parametrize(
    ("profile", "conflicts"),
    [("P0-v8.0", {"size"}), ("P2-v8.4", {"size"}), ("P3-bbml2", set())],
)
def test_r_kfljb_merge_in_place(profile: str, conflicts: set[str]) -> None:
    merge = [*_whole_table(), store(TABLE2, block(OUT))]
    assert _conflicts(merge, profile) == conflicts


@pytest.mark.parametrize(("profile", "clean"), [("P0-v8.0", False), ("P2-v8.4", True)])
def test_r_hhcxc_merge_with_nt(profile: str, clean: bool) -> None:
    marked = store(TABLE2, block(OUT, ATTRIBUTES | NT))
    merge = [*_whole_table(), marked, *FLUSH, store(TABLE2, block(OUT)), *FLUSH]
    assert (_conflicts([*merge, RELEASE], profile) == set()) == clean


@pytest.mark.parametrize("profile", ["P2-v8.4", "P3-bbml2"])
def test_merged_table_is_freed_only_after_the_flush(profile: str) -> None:
    marked = store(TABLE2, block(OUT, ATTRIBUTES | NT))
    begin = [*_whole_table(), marked]
    free = TableFree(0, TABLE3)
    assert "O4" in {p for p, _, _ in broken([*begin, free], profile)}
    assert broken([*begin, *FLUSH, free], profile) == set()


def test_table_replaced_by_an_equal_one() -> None:
    copy = [store(OTHER3, page(OUT)), store(OTHER3 + 8, page(OUT + 0x1000))]
    linked = [store(EMPTY_TABLE_AT), *FLUSH, *copy, dsb("ishst")]
    swapped = [*linked, store(TABLE2, table(OTHER3)), dsb("ish"), RELEASE]
    assert broken(swapped) == set()
    free = TableFree(0, TABLE3)
    assert {p for p, _, _ in broken([*swapped, free])} == {"O4"}
    assert broken([*swapped, *FLUSH, free]) == set()


def test_table_replaced_by_another_one() -> None:
    linked = [store(EMPTY_TABLE_AT), *FLUSH, store(OTHER3, page(OTHER_OUT))]
    swapped = [*linked, dsb("ishst"), store(TABLE2, table(OTHER3))]
    assert _conflicts(swapped) == {"oa"}


def test_block_replaced_by_an_invalid_table_grants_less() -> None:
    flush: list[Event] = [
        dsb("ishst"),
        tlbi("IPAS2E1IS", BLOCK_IPA),
        dsb("ish"),
        tlbi("VMALLE1IS"),
        dsb("ish"),
    ]
    # The table goes away at EMPTY_IPA first; it holds no valid descriptor.
    begin = [store(EMPTY_TABLE_AT), *FLUSH, store(BLOCK_AT, table(OTHER3))]
    assert ("O1", 1, "S12") in broken([*begin, RELEASE])
    assert broken([*begin, *flush, RELEASE]) == set()
