"""A candidate function, macro or type put into a tree as a patch."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

import pytest
from xen_shaped import make_tree

from harness.errors import PatchError
from harness.series.image import post_image
from harness.series.series import Series
from harness.series.snippet import SNIPPET_LIMIT, read_snippet
from harness.series.tree import Tree

REPOSITORY = Path(__file__).resolve().parents[2]
P2M = "xen/arch/arm/mmu/p2m.c"
FLUSH = "xen/arch/arm/include/asm/arm64/flushtlb.h"
FLUSH32 = "xen/arch/arm/include/asm/arm32/flushtlb.h"
CPU = "xen/arch/arm/include/asm/cpu.h"

SOURCE = """\
#include <xen/lib.h>
#include <asm/flushtlb.h>

/* Says nothing. */
static void p2m_say(void);

/* Flush. */
void p2m_flush(struct p2m_domain *p2m)
{
    flush_guest_tlb(); /* } */
}

static void p2m_say(void)
{
    p2m_flush("{");
}
"""
HELPERS = """\
#ifndef FLUSH_H
#define FLUSH_H

#define TLB_HELPER(name, tlbop)       \\
static inline void name(void)         \\
{                                     \\
    asm volatile("tlbi " # tlbop);    \\
}

/* Everywhere. */
TLB_HELPER(flush_guest_tlb, vmalls12e1is)
TLB_HELPER(flush_guest_tlb_local, vmalls12e1)

#undef TLB_HELPER

#endif
"""
TYPES = """\
#ifdef CONFIG_ARM_64
#define VMID_BITS 16
#else
#define VMID_BITS 8
#endif
struct cpu { int id; };
"""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return a small tree with the p2m's source and its flush helpers."""
    top = make_tree(tmp_path)
    texts = {P2M: SOURCE, FLUSH: HELPERS, FLUSH32: HELPERS, CPU: TYPES}
    for name, text in texts.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return Tree.at(top)


def _read(tree: Tree, text: str) -> tuple[dict[str, str], Series]:
    """Return the files that a snippet changes, as they then are."""
    series = read_snippet(text.encode(), "candidate.c", tree)
    (patch,) = series.patches
    files = {}
    for part in patch.files:
        content = post_image((tree.top / part.path).read_bytes(), part)
        assert content is not None
        files[part.path] = content.decode()
    return files, series


def test_a_function_takes_the_place_of_the_one_of_its_name(tree: Tree) -> None:
    text = "void p2m_flush(struct p2m_domain *p2m)\n{\n    isb();\n}"
    files, series = _read(tree, text)
    assert files == {P2M: SOURCE.replace(_between("void p2m_flush"), text)}
    assert series.notes == (f"p2m_flush replaces {P2M}:8",)


def _between(start: str) -> str:
    at = SOURCE.index(start)
    return SOURCE[at : SOURCE.index("\n}", at) + 2]


def test_a_comment_goes_with_its_function(tree: Tree) -> None:
    text = "/* Mine. */\nvoid p2m_flush(struct p2m_domain *p2m)\n{\n}"
    files, _ = _read(tree, text)
    assert "/* Flush. */" not in files[P2M]
    assert "/* Mine. */\nvoid p2m_flush" in files[P2M]


def test_a_declaration_is_not_what_a_function_replaces(tree: Tree) -> None:
    files, _ = _read(tree, "static void p2m_say(void)\n{\n}")
    assert "static void p2m_say(void);\n" in files[P2M]
    assert files[P2M].endswith("static void p2m_say(void)\n{\n}\n")


def test_an_invocation_of_a_helper_is_replaced_on_arm64_only(tree: Tree) -> None:
    files, series = _read(tree, "TLB_HELPER(flush_guest_tlb, vmalle1is)\n")
    old = "TLB_HELPER(flush_guest_tlb, vmalls12e1is)"
    new = "TLB_HELPER(flush_guest_tlb, vmalle1is)"
    assert files == {FLUSH: HELPERS.replace(old, new)}
    assert series.notes == (
        f"flush_guest_tlb is defined in {FLUSH32}:11 as well, which arm64 does "
        "not use: not replaced",
        f"flush_guest_tlb replaces {FLUSH}:11",
    )


def test_a_function_may_replace_what_a_helper_makes(tree: Tree) -> None:
    files, _ = _read(tree, "static inline void flush_guest_tlb(void)\n{\n}\n")
    assert "TLB_HELPER(flush_guest_tlb," not in files[FLUSH]


def test_a_new_helper_goes_beside_the_one_named_alike(tree: Tree) -> None:
    macro = (
        "#define TLB_HELPER_IPA(name, tlbop) \\\n"
        "static inline void name(paddr_t ipa) { asm volatile(# tlbop); }"
    )
    files, series = _read(
        tree, f"{macro}\nTLB_HELPER_IPA(flush_one, ipas2e1is)\n#undef TLB_HELPER_IPA\n"
    )
    text = files[FLUSH]
    places = [
        text.index(part)
        for part in (
            "#define TLB_HELPER(",
            macro,
            "TLB_HELPER_IPA(flush_one,",
            "#undef TLB_HELPER_IPA",
            "/* Everywhere. */",
        )
    ]
    assert places == sorted(places)
    assert "TLB_HELPER_IPA is new: put behind TLB_HELPER" in series.notes[0]


def test_a_new_function_goes_before_its_user(tree: Tree) -> None:
    text = (
        "#include <asm/new.h>\n#include <xen/lib.h>\n"
        "void p2m_flush(struct p2m_domain *p2m)\n{\n    flush_all();\n}\n"
        "static void flush_all(void)\n{\n}\n"
    )
    files, series = _read(tree, text)
    made = files[P2M]
    assert made.index("static void flush_all") < made.index("/* Flush. */")
    assert made.count("#include <xen/lib.h>") == 1
    assert "#include <asm/flushtlb.h>\n#include <asm/new.h>\n" in made
    assert f"#include <xen/lib.h> is there already in {P2M}" in series.notes


def test_what_nobody_knows_goes_to_the_end(tree: Tree) -> None:
    files, series = _read(tree, "int unheard(void)\n{\n    return 1;\n}\n")
    assert files[P2M].startswith(SOURCE)
    assert files[P2M].endswith("\n\nint unheard(void)\n{\n    return 1;\n}\n")
    assert series.notes == (f"unheard is new: put at the end at {P2M}:16",)


def test_of_two_branches_the_one_of_arm64_counts(tree: Tree) -> None:
    files, _ = _read(tree, "#define VMID_BITS 9\n")
    assert files[CPU] == TYPES.replace("VMID_BITS 16", "VMID_BITS 9")


def test_what_an_if_encloses_stays_together(tree: Tree) -> None:
    text = (
        "#ifdef CONFIG_ARM_64\nvoid p2m_flush(struct p2m_domain *p2m)\n{\n}\n"
        "#else\nvoid p2m_flush(struct p2m_domain *p2m) { isb(); }\n#endif"
    )
    files, _ = _read(tree, text)
    assert files[P2M] == SOURCE.replace(_between("void p2m_flush"), text)


@pytest.mark.parametrize("also", ["int unheard;\n", "#include <xen/b.h>\n"])
def test_what_an_if_encloses_may_include(tree: Tree, also: str) -> None:
    text = f"#ifdef A\n#include <xen/a.h>\n{also}#endif"
    files, _ = _read(tree, f"{text}\nint other_one;\n")
    assert text in files[P2M]


def test_a_type_is_replaced(tree: Tree) -> None:
    files, _ = _read(tree, "struct cpu { long id; };\n")
    assert files[CPU] == TYPES.replace("int id", "long id")


@pytest.mark.parametrize("mark", ["> ", "+", "> > +", "\r"])
def test_the_marks_that_it_was_pasted_with_are_dropped(tree: Tree, mark: str) -> None:
    lines = ["void p2m_flush(struct p2m_domain *p2m)", "{", "    isb();", "}"]
    if mark == "\r":
        pasted = "".join(f"{line}\r\n" for line in lines)
    else:
        pasted = "".join(f"{mark}{line}\n" for line in lines)
    files, _ = _read(tree, pasted)
    assert "\n".join(lines) in files[P2M]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "snippet is empty"),
        ("/* only this */\n", "no definition in the snippet"),
        ("#include <xen/lib.h>\n", "no definition in the snippet"),
        ("dsb(ish);\n", "defines nothing"),
        ("if ( x )\n{\n}\n", "a statement outside a function"),
        ("p2m->need_flush = true;\n", "a statement outside a function"),
        ("return 0;\n", "a statement outside a function"),
        ("void f(void)\n{\n", "'{' is not closed"),
        ("void f(void)\n", "ends inside a definition"),
        ("}\n", "closes nothing"),
        ("/* open\n", "comment is not closed"),
        ("#ifdef A\nint a;\n", "#if without #endif"),
        ("#undef\nint a;\n", "#undef without a name"),
        ("#define\nint a;\n", "#define without a name"),
        ("int a;\n#endif\n", "#endif without #if"),
        ("int a;\n#undef TLB_HELPER\n", "does not define"),
        ("struct cpu { int id; };\n", "has all of the snippet as it is"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", "this is a diff"),
        ("int a\0;\n", "NUL"),
        ("/" * (SNIPPET_LIMIT + 1), "larger than"),
    ],
)
def test_what_cannot_be_placed_is_refused(tree: Tree, text: str, said: str) -> None:
    with pytest.raises(PatchError, match=re.escape(said)) as caught:
        read_snippet(text.encode(), "candidate.c", tree)
    assert str(caught.value).startswith("candidate.c:")


def test_two_definitions_are_an_error(tree: Tree) -> None:
    (tree.top / CPU).write_text("#ifdef A\n#define N 1\n#else\n#define N 2\n#endif\n")
    with pytest.raises(PatchError, match=r"several places .*h:2, .*h:4"):
        read_snippet(b"#define N 3\n", "candidate.c", tree)


def test_a_link_is_not_followed(tree: Tree, tmp_path: Path) -> None:
    outside = tmp_path / "outside.h"
    outside.write_text("#define SECRET 1\n")
    (tree.top / CPU).unlink()
    (tree.top / CPU).symlink_to(outside)
    files, _ = _read(tree, "#define SECRET 2\n")
    assert list(files) == [P2M]


def test_hostile_snippets_take_little_time(tree: Tree) -> None:
    began = time.process_time()
    many = SNIPPET_LIMIT // 4
    for text in (
        "/*", "(", '"', "#if 1\n", "()", "{}", "#define A\\\n", "#define A\n",
        ";", "\\", "int a;\n", "f(a, b)\n", "void f(void){}\n", "a ",
        "#if 1\nint a;\n#endif\n",
        "int a = {1,2};\n", "}", "#else\n", "\\\n", "a(", "'a", "//\\\n",
    ):  # fmt: skip
        repeated = text * (many // len(text))
        with suppress(PatchError):
            read_snippet(repeated.encode(), "candidate.c", tree)
    assert time.process_time() - began < 60


def test_a_function_of_the_embedded_base_is_replaced() -> None:
    tree = Tree.at(REPOSITORY / "patches" / "base")
    path = "xen/arch/arm/mmu/p2m.c"
    source = (tree.top / path).read_text()
    name = "p2m_force_tlb_flush_sync"
    text = (
        f"void {name}(struct p2m_domain *p2m)\n{{\n    p2m->need_flush = false;\n}}\n"
    )
    series = read_snippet(text.encode(), "candidate.c", tree)
    (part,) = series.patches[0].files
    made = post_image(source.encode(), part)
    assert made is not None and text in made.decode()
    assert made.count(f"void {name}(".encode()) == 1
