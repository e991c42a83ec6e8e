"""Make patches to C text and do to them what mailers, archives and reviewers do."""

from __future__ import annotations

import difflib
import random
import textwrap
from collections.abc import Callable, Mapping

from harness.series.image import post_image
from harness.series.recovery.proof import blob_id
from harness.series.series import Series

PATH = "xen/arch/arm/mmu/p2m.c"

_STATEMENTS = (
    "dsb(ishst);",
    "isb();",
    "p2m_write_unlock(p2m);",
    "flush_guest_tlb_local();",
    "p2m->need_flush |= !!lpae_is_valid(orig_pte);",
    "WRITE_SYSREG64(vttbr, VTTBR_EL2);",
    "p2m_force_tlb_flush_sync(p2m);",
    "rc = p2m_set_entry(p2m, gfn, 1UL << order, mfn, t, p2m->default_access);",
    "if ( *last_vcpu_ran != INVALID_VCPU_ID && *last_vcpu_ran != n->vcpu_id )",
    "a = b + c - d; b = -1;",
    "/* Ensure prior page-tables updates have completed */",
    " * Must be called with the p2m lock held.",
    "+ 1;",
    "-1,",
    "{",
    "}",
    "",
    "",
    "#ifdef CONFIG_ARM_64",
    "#endif",
    "while ( (pg = page_list_remove_head(&p2m->pages)) )",
    "#define TLB_HELPER(name, tlbop, sh)              \\",
    '    "tlbi "  # tlbop  ";"                        \\',
)
_COMMENTS = (
    "I don't think this is right.",
    "Why do we need this?",
    "We should also handle Arm 32-bit. Barring nTLBA, the code should be the same, "
    "and easier to read as well.",
    "dsb(ish);",
    "    flush_guest_tlb();",
    "} else {",
    "Bertrand, what do you think?",
    "- please drop this one",
    "* see the Arm Arm",
    "if ( foo )",
    "p2m_force_tlb_flush_sync(p2m);",
    "Hmm, > -1 is odd.",
)


class Held:
    """Files by name and by id, as a repository has them."""

    def __init__(self, files: Mapping[str, bytes], *, ids: bool = True) -> None:
        self.files = dict(files)
        self.ids = ids

    def by_id(self, prefix: str) -> bytes | None:
        """Return the file of this id."""
        for content in self.files.values():
            if self.ids and blob_id(content).startswith(prefix):
                return content
        return None

    def by_path(self, path: str) -> bytes | None:
        """Return the file of this name."""
        return self.files.get(path)


def source(rng: random.Random, length: int) -> list[str]:
    """Return lines of something like C, with many that are alike."""
    lines = []
    for _ in range(length):
        text = rng.choice(_STATEMENTS)
        indent = " " * (4 * rng.randrange(4)) if text and text[0] != "#" else ""
        lines.append(f"{indent}{text}")
    return lines


def edited(rng: random.Random, old: list[str]) -> list[str]:
    """Return the lines with a few of them changed."""
    new = list(old)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(new) + 1)
        del new[at : at + rng.choice((0, 0, 1, 2))]
        new[at:at] = source(rng, rng.choice((0, 1, 1, 2, 5)))
    return new


def diff(old: list[str], new: list[str], *, index: bool = True) -> list[str]:
    """Return the lines of a git diff between two texts."""
    ids = [blob_id(image(text))[:10] for text in (old, new)]
    body = list(difflib.unified_diff(old, new, f"a/{PATH}", f"b/{PATH}", lineterm=""))
    head = [f"diff --git a/{PATH} b/{PATH}"]
    return [*head, *([f"index {ids[0]}..{ids[1]} 100644"] if index else []), *body]


def image(lines: list[str]) -> bytes:
    """Return the lines as a file."""
    return "".join(f"{line}\n" for line in lines).encode()


def outcome(series: Series, base: bytes) -> bytes | None:
    """Return what the patches of a series make of the one file."""
    content: bytes | None = base
    for patch in series.patches:
        (part,) = patch.files
        content = None if content is None else post_image(content, part)
    return content


# -- what happens to a mail: each takes and returns its lines -----------------

Mangle = Callable[[random.Random, list[str]], list[str]]


def wrap(rng: random.Random, lines: list[str]) -> list[str]:
    """Break long lines at blanks, as a mail client does."""
    width = rng.randint(72, 78)
    found = []
    for line in lines:
        parts = textwrap.wrap(
            line,
            width,
            break_long_words=False,
            drop_whitespace=True,
            break_on_hyphens=False,
            replace_whitespace=False,
        )
        found.extend(parts if len(line) > width and len(parts) > 1 else [line])
    return found


def comment(rng: random.Random, lines: list[str]) -> list[str]:
    """Put a reviewer's paragraphs between the lines."""
    found = []
    for line in lines:
        found.append(line)
        if rng.random() < 0.08:
            words = [rng.choice(_COMMENTS) for _ in range(rng.randint(1, 2))]
            found.extend(["", *words, ""])
    return found


def stuff(rng: random.Random, lines: list[str]) -> list[str]:
    """Double the leading blank (RFC 3676)."""
    return [f" {line}" if line.startswith(" ") else line for line in lines]


def drop_leading_blanks(rng: random.Random, lines: list[str]) -> list[str]:
    """Lose the first blank of some lines."""
    return [
        line[1:] if line.startswith(" ") and rng.random() < 0.5 else line
        for line in lines
    ]


def collapse_context(rng: random.Random, lines: list[str]) -> list[str]:
    """Lose the indentation of context lines."""
    return [line.lstrip() if line.startswith(" ") else line for line in lines]


def trim(rng: random.Random, lines: list[str]) -> list[str]:
    """Lose blanks at line ends."""
    return [line.rstrip() for line in lines]


def lose_empty(rng: random.Random, lines: list[str]) -> list[str]:
    """Lose empty context lines."""
    return [line for line in lines if line != " " or rng.random() < 0.5]


def no_break(rng: random.Random, lines: list[str]) -> list[str]:
    """Turn blanks into no-break spaces."""
    return [
        line.replace("  ", "\N{NO-BREAK SPACE} ") if rng.random() < 0.5 else line
        for line in lines
    ]


def join(rng: random.Random, lines: list[str]) -> list[str]:
    """Lose the line end before a quoted line, as some archives do."""
    found: list[str] = []
    for line in lines:
        plus = line.startswith("+") and found and found[-1].startswith("+")
        if plus and rng.random() < 0.1:
            last = found.pop()
            found.append(f"> {last} > {line}")
        elif line.startswith("@@ ") and found and rng.random() < 0.3:
            found[-1] += f" {line}"
        else:
            found.append(line)
    return found


def carriage_returns(rng: random.Random, lines: list[str]) -> list[str]:
    """End lines in CR LF."""
    return [f"{line}\r" for line in lines]


def snip(rng: random.Random, lines: list[str]) -> list[str]:
    """Cut something out."""
    if len(lines) < 12:
        return lines
    at = rng.randrange(5, len(lines))
    return [*lines[:at], "[...]", *lines[at + rng.randint(1, 3) :]]


def quoted(rng: random.Random, lines: list[str], mangles: list[Mangle]) -> list[str]:
    """Quote a mail, and put unquoted comments between its lines."""
    mark = rng.choice((">", "> ", "> > ", ">> ", "| "))
    found = []
    for line in lines:
        found.append(f"{mark}{line}".rstrip() if trim in mangles else f"{mark}{line}")
        if rng.random() < 0.08:
            found.extend(["", rng.choice(_COMMENTS)])
            if rng.random() < 0.3:
                found.append(f"+    {rng.choice(_STATEMENTS)}")
            found.append("")
    return found
