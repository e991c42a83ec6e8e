"""Layout of records: every number is what GCC 12 for AArch64 gives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.errors import TreeError
from harness.frontend.unit import lower_text
from harness.ir.layout import align_of, offset_of, size_of
from harness.ir.types import CType, Record

DEFINITIONS = """
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
struct a1 { u8 a; u64 b; u16 c; };
struct a2 { u8 a; u64 b; u16 c; } __attribute__((packed));
struct __attribute__((packed)) a3 { u8 a; u64 b; u16 c; };
struct a4 { u8 a; u64 b __attribute__((packed)); u16 c; };
struct a5 { u8 a; u64 b; u16 c; } __attribute__((aligned(32)));
struct a6 { u8 a; u32 b __attribute__((aligned(16))); };
struct a7 { u8 a; __attribute__((aligned(16))) u32 b, c; };
struct a8 { u8 a; u64 b; } __attribute__((__packed__, __aligned__(4)));
typedef u64 u64_4 __attribute__((aligned(4)));
struct a9 { u8 a; u64_4 b; };
struct a10 { u8 a; _Alignas(8) u8 b; };
struct a11 { u8 n; u32 data[]; };
struct a12 { u8 n; struct { } empty; u8 z[0]; u16 q; };
struct a13 { u8 a; union { u32 x; u64 y; }; struct { u8 p, q; } r; };
union a14 { u8 a[5]; u32 b; };
union a15 { u8 a[5]; u32 b; } __attribute__((packed));
typedef struct { u8 a; u32 b; } __attribute__((packed)) a16;
typedef struct { u8 a; u32 b; } a17 __attribute__((aligned(8)));
struct a18 { u8 x; a17 y; };
struct a19 { _Bool a; void *p; int (*f)(int); short s[3]; __int128 w; };
struct b1 { u32 a:3, b:30, c:1; };
struct b2 { u8 a:5, b:5; u16 c:9; };
struct b3 { u8 a; u32 b:8; u32 c:24; u64 d:33; };
struct b4 { u8 a; u64 :0; u8 b; };
struct b5 { u8 a; u64 :5; u8 b; };
struct b6 { u32 a:20, b:20, c:20; } __attribute__((packed));
struct b7 { u8 a; u64 b:40; u8 c; } __attribute__((packed));
struct b8 { int a:4; long b:60; u8 c:1; };
struct b9 { u16 a:7; u32 b:20; u16 c:9; u8 d; };
union b10 { u64 w; struct { u64 v:1, t:1; u32 m:4, n:30; u64 z:20; }; };
struct b11 { u8 f:1; _Bool g:1; u32 :0; u8 h:2; };
enum e1 { E1A = 1, E1B = -1 };
enum e2 { E2A = 0xffffffff };
enum e3 { E3A = 1UL << 32 };
enum __attribute__((packed)) e4 { E4 = 3 };
enum e5 { E5 = 300 } __attribute__((packed));
"""

# Size/alignment, then member@byte or member=bit:width.
EXPECTED = [
    ("struct a1", "24/8 a@0 b@8 c@16"),
    ("struct a2", "11/1 a@0 b@1 c@9"),
    ("struct a3", "11/1 a@0 b@1 c@9"),
    ("struct a4", "12/2 a@0 b@1 c@10"),
    ("struct a5", "32/32 a@0 b@8 c@16"),
    ("struct a6", "32/16 a@0 b@16"),
    ("struct a7", "48/16 a@0 b@16 c@32"),
    ("struct a8", "12/4 a@0 b@1"),
    ("struct a9", "12/4 a@0 b@4"),
    ("struct a10", "16/8 a@0 b@8"),
    ("struct a11", "4/4 n@0 data@4"),
    ("struct a12", "4/2 n@0 empty@1 z@1 q@2"),
    ("struct a13", "24/8 a@0 x@8 y@8 r@16"),
    ("union a14", "8/4 a@0 b@0"),
    ("union a15", "5/1 a@0 b@0"),
    ("struct a18", "16/8 x@0 y@8"),
    ("struct a19", "48/16 a@0 p@8 f@16 s@24 w@32"),
    ("struct b1", "8/4 a=0:3 b=32:30 c=62:1"),
    ("struct b2", "4/2 a=0:5 b=8:5 c=16:9"),
    ("struct b3", "16/8 a@0 b=8:8 c=32:24 d=64:33"),
    ("struct b4", "16/8 a@0 b@8"),
    ("struct b5", "8/8 a@0 b@2"),
    ("struct b6", "8/1 a=0:20 b=20:20 c=40:20"),
    ("struct b7", "7/1 a@0 b=8:40 c@6"),
    ("struct b8", "16/8 a=0:4 b=4:60 c=64:1"),
    ("struct b9", "8/4 a=0:7 b=7:20 c=32:9 d@6"),
    ("union b10", "16/8 w@0 v=0:1 t=1:1 m=2:4 n=32:30 z=64:20"),
    ("struct b11", "8/4 f=0:1 g=1:1 h=32:2"),
    ("enum e1", "4/4"),
    ("enum e2", "4/4"),
    ("enum e3", "8/8"),
    ("enum e4", "1/1"),
    ("enum e5", "2/2"),
    ("a16", "5/1 a@0 b@1"),
    ("a17", "8/4 a@0 b@4"),
]


@pytest.fixture(scope="module")
def types() -> dict[str, CType]:
    unit = lower_text(DEFINITIONS, "layout.c")
    return {**unit.records, **unit.typedefs}


def _names(record: Record) -> Iterator[str]:
    for member in record.members:
        if member.name:
            yield member.name
        elif isinstance(member.type, Record):
            yield from _names(member.type)


def _described(ctype: CType) -> str:
    parts = [f"{size_of(ctype)}/{align_of(ctype)}"]
    for name in _names(ctype) if isinstance(ctype, Record) else ():
        place = offset_of(ctype, name)
        if place.bits is None:
            parts.append(f"{name}@{place.offset}")
        else:
            bit = 8 * place.offset + place.bits.offset
            parts.append(f"{name}={bit}:{place.bits.width}")
    return " ".join(parts)


@pytest.mark.parametrize(("name", "expected"), EXPECTED)
def test_layout(name: str, expected: str, types: dict[str, CType]) -> None:
    assert _described(types[name]) == expected


def test_storage_units_lie_inside_the_record(types: dict[str, CType]) -> None:
    for ctype in types.values():
        for name in _names(ctype) if isinstance(ctype, Record) else ():
            place = offset_of(ctype, name)
            if place.bits is not None:
                unit = place.bits.unit_size
                assert place.offset + unit <= size_of(ctype), (str(ctype), name)
                assert place.bits.offset + place.bits.width <= 8 * unit


def test_path_through_members_and_elements() -> None:
    unit = lower_text(
        "struct in { long x; int y[4]; }; struct out { char c; union { struct in i[2];"
        " long raw; }; };",
        "path.c",
    )
    out = unit.records["struct out"]
    assert offset_of(out, "i[1].y[3]")[:1] == (8 + 24 + 8 + 12,)
    assert str(offset_of(out, "i[1].y[3]").type) == "int"
    assert offset_of(out, "raw").offset == 8


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("i.gone", "'struct in [2]' has no member 'gone' (path 'i.gone')"),
        ("gone", "'struct out' has no member 'gone' (path 'gone')"),
        ("c[0]", "'char' is no array in path 'c[0]'"),
        ("i[x]", "'i[x]' is not a member path"),
    ],
)
def test_wrong_path_is_an_error(path: str, message: str) -> None:
    text = "struct in { long x; }; struct out { char c; struct in i[2]; };"
    unit = lower_text(text, "path.c")
    with pytest.raises(TreeError) as caught:
        offset_of(unit.records["struct out"], path)
    assert str(caught.value) == message


def test_incomplete_type_has_no_size() -> None:
    unit = lower_text("struct gone; extern int a[];", "gone.c")
    for ctype in (unit.records["struct gone"], unit.globals["a"].type):
        with pytest.raises(TreeError, match="has no size here"):
            size_of(ctype)
