"""The finite map that stage-2 tables stand for."""

from collections.abc import Iterable

from harness.targets.stage2 import (
    Mapping,
    ReadTable,
    TableMap,
    compare,
    normalise,
    replace,
)

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
LEAF = 0x7FD  # valid block, read and write, accessed


def memory(words: Iterable[tuple[int, int]]) -> ReadTable:
    held = dict(words)
    return lambda table: [held.get(table + 8 * i, 0) for i in range(512)]


def test_vtcr_gives_concatenated_roots() -> None:
    assert TableMap.of(0x0002_0000_4000_0000, 0x8002_3558) == TableMap(
        0x4000_0000, 1, 2
    )


def test_vtcr_gives_level_zero_root() -> None:
    # T0SZ 16, SL0 2: 48-bit IPA from level 0.
    assert TableMap.of(0x4000_0000, 16 | 2 << 6) == TableMap(0x4000_0000, 0, 1)


def test_walk_finds_leaves_of_every_level_in_both_root_pages() -> None:
    read = memory(
        [
            (0x1008, 0x4000_0000 | LEAF),  # 1G at 1G
            (0x2000, 0x3003),  # second root page: table for 512G
            (0x3010, 0x8020_0000 | LEAF),  # 2M at 512G+4M
            (0x3018, 0x5003),
            (0x5000, 0x9000_0000 | LEAF | 2),  # 4K at 512G+6M
            (0x5008, 0x9000_0000 | LEAF),  # a block bit pattern at level 3: invalid
            (0x5010, 0x9000_0000 | (LEAF | 2) & ~1),  # not valid
        ]
    )
    half = 512 * GIB
    assert TableMap(0x1000, 1, 2).mappings(read) == [
        Mapping(GIB, GIB, 0x4000_0000, "rwx"),
        Mapping(half + 4 * MIB, 2 * MIB, 0x8020_0000, "rwx"),
        Mapping(half + 6 * MIB, 4 * KIB, 0x9000_0000, "rwx"),
    ]


def test_permissions_are_decoded() -> None:
    xn = 1 << 54
    read = memory([(0x1000, (LEAF & ~0x80) | xn), (0x1008, LEAF & ~0xC0)])
    found = TableMap(0x1000, 1, 1).mappings(read)
    assert [m.access for m in found] == ["r", "x"]


def test_pages_and_blocks_of_the_same_map_are_equal() -> None:
    pages = [Mapping(i << 12, 4096, (i << 12) + GIB, "rwx") for i in range(512)]
    assert normalise(pages) == [Mapping(0, 2 * MIB, GIB, "rwx")]


def test_neighbours_with_other_access_stay_apart() -> None:
    pair = [Mapping(0, 4096, 0, "rwx"), Mapping(4096, 4096, 4096, "rx")]
    assert normalise(pair) == pair


def test_replace_cuts_a_hole() -> None:
    block = [Mapping(0, 2 * MIB, GIB, "rwx")]
    assert replace(block, 0x5000, 0x1000, None) == [
        Mapping(0, 0x5000, GIB, "rwx"),
        Mapping(0x6000, 2 * MIB - 0x6000, GIB + 0x6000, "rwx"),
    ]


def test_replace_puts_a_new_mapping_over_several() -> None:
    old = [Mapping(0, 4096, GIB, "rwx"), Mapping(8192, 8192, GIB, "rwx")]
    new = Mapping(0, 12288, 2 * GIB, "rx")
    assert replace(old, 0, 12288, new) == [
        new,
        Mapping(12288, 4096, GIB + 4096, "rwx"),
    ]


def test_compare_names_what_is_still_and_no_longer_mapped() -> None:
    expected = [Mapping(0, 0x3000, GIB, "rwx")]
    found = [Mapping(0, 0x1000, GIB, "rwx"), Mapping(0x8000, 0x1000, 0, "rwx")]
    lost, extra = compare("d1", expected, found)
    assert str(lost) == (
        "d1: not mapped any more: ipa 0x1000+0x2000 to pa 0x40001000 (rwx)"
    )
    assert str(extra) == "d1: still mapped: ipa 0x8000+0x1000 to pa 0x0 (rwx)"


def test_compare_sees_a_change_of_access() -> None:
    (difference,) = compare(
        "d1", [Mapping(0, 4096, GIB, "rx")], [Mapping(0, 4096, GIB, "rwx")]
    )
    assert "expected" in str(difference) and "found" in str(difference)


def test_found_part_of_what_the_guest_may_touch_is_allowed() -> None:
    tracked = [Mapping(0, 0x3000, GIB, "rwx")]
    found = [Mapping(0x1000, 0x1000, GIB + 0x1000, "rwx")]
    (difference,) = compare("d1", [], found, tracked)
    assert difference.allowed
    (difference,) = compare("d1", [], [found[0]._replace(pa=0)], tracked)
    assert not difference.allowed


def test_equal_maps_do_not_differ() -> None:
    whole = [Mapping(0, 8192, GIB, "rwx")]
    halves = [Mapping(0, 4096, GIB, "rwx"), Mapping(4096, 4096, GIB + 4096, "rwx")]
    assert compare("d1", whole, normalise(halves)) == []
