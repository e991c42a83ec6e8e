"""Patches read out of replies and archived mails, line by line."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import mangling
import pytest
from mangling import Held

from harness.errors import PatchError
from harness.series import Series, read_series
from harness.series.image import has_id, post_image
from harness.series.patch import SIZE_LIMIT
from harness.series.recovery import recover

PATH = "xen/arch/arm/mmu/p2m.c"
OLD = """\
static void first(void)
{
    isb();
}

void p2m_flush(struct p2m_domain *p2m)
{
    unsigned long flags;

    dsb(ishst);
    flush_guest_tlb();
}

void last(void)
{
}
"""
NEW = OLD.replace(
    "    flush_guest_tlb();\n",
    "    if ( p2m->need_flush )\n        flush_guest_tlb_local();\n",
)


def _lines(new: str = NEW, *, index: bool = True) -> list[str]:
    return mangling.diff(OLD.splitlines(), new.splitlines(), index=index)


def _held(*, ids: bool = True) -> Held:
    return Held({PATH: OLD.encode()}, ids=ids)


def _recovered(lines: list[str], held: Held | None = None) -> Series:
    text = "\n".join(["Hi,", "", *lines, "", "Cheers,", "-- ", "Somebody"])
    return recover(text.encode(), "reply.txt", held or _held())


def _made(series: Series) -> str:
    content = mangling.outcome(series, OLD.encode())
    assert content is not None
    return content.decode()


def _after(lines: list[str], start: str, *more: str) -> list[str]:
    """Put lines behind the one that starts so."""
    (at,) = (n for n, line in enumerate(lines) if line.startswith(start))
    return [*lines[: at + 1], *more, *lines[at + 1 :]]


def _verified(series: Series) -> bool:
    (patch,) = series.patches
    assert patch.recovery is not None
    return patch.recovery.verified


@pytest.mark.parametrize("mark", ["", ">", "> ", "> > ", ">> ", "| "])
def test_comments_between_the_lines_are_left_out(mark: str) -> None:
    lines = [f"{mark}{line}" for line in _lines()]
    lines = _after(lines, f"{mark}+    if", "", "Why?", "    flush_guest_tlb();", "")
    series = _recovered(lines)
    assert _verified(series)
    assert _made(series) == NEW


@pytest.mark.parametrize("index", [True, False])
def test_code_in_a_comment_does_not_become_code(index: bool) -> None:
    lines = [f"> {line}" for line in _lines(index=index)]
    lines = _after(
        lines, "> +    if", "Better:", "+    if ( p2m->flush )", "-    dsb(ishst);", ""
    )
    series = _recovered(lines)
    assert _made(series) == NEW
    assert _verified(series) is index


def test_of_too_many_added_lines_the_id_tells_the_right_ones() -> None:
    lines = _after(_lines(), "+        flush", "", "I would write:", "+    isb();", "")
    series = _recovered(lines)
    assert _verified(series)
    assert _made(series) == NEW


def test_of_too_many_added_lines_none_is_guessed() -> None:
    lines = _after(
        _lines(index=False), "+        flush", "I would write:", "+    isb();"
    )
    with pytest.raises(PatchError, match="can be read in several ways") as caught:
        _recovered(lines)
    assert "hunk @@ -8,7 +8,8 @@" in str(caught.value)
    assert str(caught.value).startswith("reply.txt:6: ")


def test_an_id_that_nothing_makes_is_not_explained_away() -> None:
    right = _lines()
    wrong = [line.replace("need_flush", "clean_pte") for line in right]
    series = _recovered(wrong)
    assert not _verified(series)
    (patch,) = series.patches
    assert patch.recovery is not None
    assert "the index line says" in patch.recovery.uncertain[0]
    # As soon as anything else had to be guessed, there is no such leniency.
    with pytest.raises(PatchError, match="the index line says"):
        _recovered([line for line in wrong if line != " "])


def test_a_missing_added_line_is_named() -> None:
    lines = [line for line in _lines() if "need_flush" not in line]
    with pytest.raises(PatchError, match=r"tells of \+1 lines, the mail shows 1 added"):
        _recovered(lines, _held(ids=False))


def test_a_removed_line_that_the_file_does_not_have_is_named() -> None:
    lines = [
        line.replace("-    flush_guest_tlb()", "-    flush()") for line in _lines()
    ]
    with pytest.raises(PatchError, match="line 11 of the mail takes a line away"):
        _recovered(lines, _held(ids=False))


def test_a_snipped_line_is_not_taken_as_unchanged() -> None:
    lines = [line for line in _lines(index=False) if "dsb" not in line]
    lines = _after(lines, "     unsigned", "[...]")
    with pytest.raises(PatchError, match=r"something was cut out|not in the mail"):
        _recovered(lines)


def test_a_file_that_is_not_at_hand_is_named() -> None:
    with pytest.raises(PatchError, match=f"{PATH} \\(blob [0-9a-f]{{10}}\\) is needed"):
        _recovered(_lines(), Held({}))


def test_a_hunk_that_is_missing_is_missed() -> None:
    new = NEW.replace("    isb();\n", "    isb();\n    isb();\n")
    new = new.replace("void last(void)\n{\n", "void last(void)\n{\n    isb();\n")
    lines = _lines(new, index=False)
    heads = [n for n, line in enumerate(lines) if line.startswith("@@")]
    if len(heads) == 1:
        pytest.skip("the changes are one hunk")
    with pytest.raises(PatchError, match=r"before .* is missing"):
        _recovered([*lines[: heads[0]], *lines[heads[1] :]])


def test_a_file_that_only_the_diffstat_names_is_missed() -> None:
    stat = [" xen/arch/arm/p2m.c     | 2 +-", f" {PATH} | 3 ++-", ""]
    with pytest.raises(PatchError, match=r"lists xen/arch/arm/p2m\.c as changed"):
        _recovered([*stat, *_lines()])


def test_a_file_of_those_that_the_diffstat_counts_is_missed() -> None:
    stat = [" 2 files changed, 2 insertions(+), 1 deletion(-)", ""]
    with pytest.raises(PatchError, match="2 changed files and shows the diffs of 1"):
        _recovered([*stat, *_lines()])


def test_a_hunk_without_the_header_of_its_file_is_not_dropped() -> None:
    lines = _lines()
    with pytest.raises(PatchError, match="header of the file of this hunk"):
        _recovered(lines[4:])
    other = [line.replace("p2m", "other") for line in lines[:1]] + lines[4:]
    with pytest.raises(PatchError, match=r"header of the file .*other\.c"):
        _recovered([*lines, *other])


def test_a_hunk_that_is_quoted_otherwise_is_not_dropped() -> None:
    new = NEW.replace("    isb();\n", "    dsb(sy);\n")
    lines = _lines(new, index=False)
    second = max(n for n, line in enumerate(lines) if line.startswith("@@"))
    assert second > 4
    lines = [line if n < second else f"> {line}" for n, line in enumerate(lines)]
    with pytest.raises(PatchError, match="quoted otherwise"):
        _recovered(lines)


def test_headers_may_be_wrapped_and_joined() -> None:
    lines = _lines()
    names = lines[0].split(" ")
    head = [f"{names[0]} {names[1]} {names[2]} ", names[3], *lines[1:4]]
    at = next(n for n, line in enumerate(lines) if line.startswith("@@"))
    joined = [f"{head[-1]} {lines[at]}"] if at == 4 else []
    series = _recovered([*head[:-1], *joined, *lines[at + 1 :]])
    assert _verified(series)
    assert _made(series) == NEW


def test_wrapped_code_is_joined_again() -> None:
    long = "    if ( p2m->need_flush && p2m->clean_pte && p2m->vmid != INVALID_VMID )\n"
    new = OLD.replace("    dsb(ishst);\n", long)
    lines = _lines(new)
    at = next(n for n, line in enumerate(lines) if "INVALID_VMID" in line)
    first, _, rest = lines[at].partition("!= ")
    lines[at : at + 1] = [f"{first}!=", rest]
    series = _recovered(lines)
    assert _verified(series)
    assert _made(series) == new


def test_an_address_that_the_archive_masks_is_one_of_the_file() -> None:
    old = f"/* Somebody <some@body.example> */\n{OLD}"
    new = old.replace("isb();", "dsb(sy);")
    lines = mangling.diff(old.splitlines(), new.splitlines())
    masked = [line.replace("@body.example", "@xxxxxxxxxxxx") for line in lines]
    series = recover("\n".join(masked).encode(), "m", Held({PATH: old.encode()}))
    made = mangling.outcome(series, old.encode())
    assert made == new.encode()
    assert _verified(series)


@pytest.mark.parametrize("index", [True, False])
def test_the_entities_of_a_web_page_are_undone(index: bool) -> None:
    new = OLD.replace("dsb(ishst);", "if ( p2m && p2m->vmid < 4 ) dsb(ishst);")
    lines = [f"> {line}" for line in _lines(new, index=index)]
    page = [line.replace("&", "&amp;").replace("<", "&lt;") for line in lines]
    series = _recovered([line.replace(">", "&gt;") for line in page])
    assert _made(series) == new
    assert _verified(series) is index
    assert any("entities" in note for note in series.notes)


def test_a_file_without_a_newline_at_its_end() -> None:
    old, new = OLD.removesuffix("\n"), NEW.removesuffix("}\n") + "    isb();\n}"
    lines = mangling.diff(OLD.splitlines(), f"{new}\n".splitlines())
    ids = [mangling.blob_id(text.encode())[:12] for text in (old, new)]
    lines[1] = f"index {ids[0]}..{ids[1]} 100644"
    lines.append("\\ No newline at end of file")
    series = recover(
        "\n".join(f"> {line}" for line in lines).encode(),
        "m",
        Held({PATH: old.encode()}),
    )
    assert mangling.outcome(series, old.encode()) == new.encode()
    assert _verified(series)


def test_new_and_deleted_files() -> None:
    new_id, old_id = (mangling.blob_id(t)[:10] for t in (b"int a;\n", OLD.encode()))
    text = [
        "> diff --git a/xen/new.c b/xen/new.c",
        "> new file mode 100644",
        f"> index 0000000000..{new_id}",
        "> --- /dev/null",
        "> +++ b/xen/new.c",
        "> @@ -0,0 +1 @@",
        "int b;",
        "> +int a;",
        f"> diff --git a/{PATH} b/{PATH}",
        "> deleted file mode 100644",
        f"> index {old_id}..0000000000",
        f"> --- a/{PATH}",
        "> +++ /dev/null",
        f"> @@ -1,{OLD.count(chr(10))} +0,0 @@",
        *(f"> -{line}" for line in OLD.splitlines()),
    ]
    series = _recovered(text)
    assert _verified(series)
    created, deleted = series.patches[0].files
    assert (created.old, deleted.new) == (None, None)
    assert post_image(b"", created) == b"int a;\n"
    assert post_image(OLD.encode(), deleted) == b""


def test_two_parts_of_one_change_stand_on_one_another() -> None:
    new = NEW.replace("    isb();\n", "    dsb(sy);\n")
    lines = _lines(new)
    heads = [n for n, line in enumerate(lines) if line.startswith("@@")]
    if len(heads) == 1:
        pytest.skip("the changes are one hunk")
    parts = [[*lines[:4], *lines[heads[1] :]], [*lines[:4], *lines[4 : heads[1]]]]
    series = _recovered([*parts[0], "", "And:", "", *parts[1]])
    assert len(series.patches) == 2
    assert not series.alternatives
    assert all(p.recovery and p.recovery.verified for p in series.patches)
    assert _made(series) == new
    assert "one change" in series.notes[0]


def test_two_proposals_are_alternatives() -> None:
    other = OLD.replace("dsb(ishst)", "dsb(ish)")
    series = _recovered([*_lines(), "", "Or:", "", *_lines(other)])
    assert series.alternatives
    results = [post_image(OLD.encode(), p.files[0]) for p in series.patches]
    assert results == [NEW.encode(), other.encode()]
    assert all(p.recovery and p.recovery.verified for p in series.patches)


def test_a_reviewers_own_diff_is_an_alternative() -> None:
    other = OLD.replace("dsb(ishst)", "dsb(ish)")
    quoted = [f"> {line}" for line in _lines()]
    series = _recovered([*quoted, "", "I would do this instead:", "", *_lines(other)])
    assert series.alternatives
    results = [post_image(OLD.encode(), p.files[0]) for p in series.patches]
    assert results == [NEW.encode(), other.encode()]


def test_an_older_file_is_read_against_and_said_so() -> None:
    older = f"/* More above. */\n\n{OLD}"
    series = _recovered(_lines(), Held({PATH: older.encode()}))
    made = mangling.outcome(series, older.encode())
    assert made == f"/* More above. */\n\n{NEW}".encode()
    (patch,) = series.patches
    assert patch.recovery is not None
    assert not patch.recovery.verified
    assert "is not at hand, read against" in patch.recovery.uncertain[0]


def test_the_reader_of_series_recovers_what_is_quoted() -> None:
    text = "\n".join(f"> {line}" for line in _lines())
    series = read_series(text.encode(), "reply.txt", _held())
    assert _verified(series)
    assert _made(series) == NEW


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "@@ -1 +1 @@\n",
        "diff --git a/x b/x\n" * 20_000,
        "> " * 200_000,
        "@@ -1,9 +1,9 @@\n" * 20_000,
        f"diff --git a/{PATH} b/{PATH}\n--- a/{PATH}\n+++ b/{PATH}\n"
        "@@ -1,16 +1,999999999 @@\n" + "+ x;" * 50_000,
        f"--- a/{PATH}\n+++ b/{PATH}\n@@ -1,16 +1,2016 @@\n" + "+ x;\nx\n" * 2000,
        f"--- a/{PATH}\n+++ b/{PATH}\n@@ -1,16 +1,416 @@\n"
        + "+    a long line that may have been wrapped by a mailer at its very\nend\n"
        * 400,
        f"--- a/{PATH}\n+++ b/{PATH}\n@@ -1,99 +1,99 @@\n+a\n",
        f"--- a/{PATH}\n+++ b/{PATH}\n@@ -999999999,1 +1 @@\n-a\n+a\n",
        "--- a/../../etc/passwd\n+++ b/../../etc/passwd\n@@ -1 +1 @@\n-a\n+b\n",
        "x" * (SIZE_LIMIT + 1),
    ],
    ids=range(13),
)
def test_hostile_mails_are_refused_in_time(text: str) -> None:
    began = time.process_time()
    with pytest.raises(PatchError):
        recover(text.encode(), "m", _held())
    assert time.process_time() - began < 60


def test_names_that_leave_the_tree_are_refused() -> None:
    lines = [line.replace(PATH, "../secret.c") for line in _lines()]
    with pytest.raises(PatchError, match="outside the tree"):
        _recovered(lines, Held({"../secret.c": OLD.encode()}))


# -- real mails ---------------------------------------------------------------

SEEDS = os.environ.get("HARNESS_SEEDS")
XEN_GIT = os.environ.get("HARNESS_XEN_GIT")
needs_seeds = pytest.mark.skipif(not SEEDS, reason="HARNESS_SEEDS is not set")
needs_xen = pytest.mark.skipif(not XEN_GIT, reason="HARNESS_XEN_GIT is not set")


class _Git:
    """Blobs of a repository at one commit."""

    def __init__(self, commit: str) -> None:
        self.commit = commit

    def _show(self, what: str) -> bytes | None:
        command = ["git", "-C", str(XEN_GIT), "cat-file", "blob", what]
        done = subprocess.run(command, capture_output=True, check=False)
        return done.stdout if done.returncode == 0 else None

    def by_id(self, prefix: str) -> bytes | None:
        return self._show(prefix)

    def by_path(self, path: str) -> bytes | None:
        return self._show(f"{self.commit}:{path}")


def _seed(number: str) -> bytes:
    (path,) = Path(str(SEEDS)).glob(f"{number}_*.txt")
    return path.read_bytes()


@needs_seeds
@needs_xen
def test_the_reply_of_seed_000_is_proved_bit_by_bit() -> None:
    blobs = _Git("45c6090783")
    series = read_series(_seed("000"), "000.txt", blobs)
    (patch,) = series.patches
    assert patch.recovery is not None and patch.recovery.verified
    mailed = read_series(Path(str(SEEDS), "000-v1.patch").read_bytes(), "v1", blobs)
    expected = {part.path: part.new_blob for part in mailed.patches[0].files}
    assert len(expected) == 6
    assert {part.path: part.new_blob for part in patch.files} == expected
    for part in patch.files:
        before = blobs.by_id(part.old_blob)
        assert before is not None
        after = post_image(before, part)
        assert after is not None and has_id(after, part.new_blob)
    # The hunks are those of the patch as it was mailed, to the letter.
    for ours, theirs in zip(patch.files, mailed.patches[0].files, strict=True):
        assert [hunk.lines for hunk in ours.hunks] == [h.lines for h in theirs.hunks]


@needs_seeds
def test_the_reply_of_seed_000_on_another_version(
    xen_tree: Callable[[str], Path],
) -> None:
    top = xen_tree("4.20.3")
    files = {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in (top / "xen/arch/arm").rglob("*.[ch]")
    }
    with pytest.raises(PatchError, match=r"hunk @@ .* of .*flushtlb\.h cannot be") as e:
        read_series(_seed("000"), "000.txt", Held(files))
    assert "another blob than 3b99c11b50" in str(e.value)


@needs_seeds
@needs_xen
def test_the_two_diffs_of_seed_001_are_one_change() -> None:
    blobs = _Git("45c6090783")
    series = read_series(_seed("001"), "001.txt", blobs)
    first, second = series.patches
    for patch, name in ((first, "001-a.patch"), (second, "001-b.patch")):
        assert patch.recovery is not None and patch.recovery.verified
        mailed = read_series(Path(str(SEEDS), name).read_bytes(), name, blobs)
        expected = mailed.patches[0].files[0].hunks[0]
        assert patch.files[0].hunks[0].lines == expected.lines
    base = blobs.by_id("7642dbc7c5")
    assert base is not None
    made = mangling.outcome(series, base)
    assert made is not None and has_id(made, "e96ff92314")
