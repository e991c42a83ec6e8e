"""Damage inputs the way mail programs, disks and attackers do."""

from __future__ import annotations

import base64
import quopri
import random
from collections.abc import Callable

__all__ = ["DICTIONARY", "mutated"]

# What means something to git, to mail readers, to C, or to us.
DICTIONARY: tuple[bytes, ...] = (
    b"diff --git a/xen/Makefile b/xen/Makefile\n",
    b"--- a/../../../etc/passwd\n+++ b/../../../etc/passwd\n",
    b"--- /etc/passwd\n+++ /etc/passwd\n",
    b"rename from xen/arch/arm/mmu/p2m.c\nrename to .git/hooks/post-checkout\n",
    b"new file mode 120000\n",
    b"old mode 100644\nnew mode 160000\n",
    b"deleted file mode 100644\n",
    b"GIT binary patch\nliteral 10\nzcmZQ%\n\n",
    b"index 0000000000..ffffffffff 100644\n",
    b"@@ -0,0 +1,1000000000 @@\n",
    b"@@ -1 +1 @@\n",
    b"@@ -999999999999999999999,1 +1 @@\n",
    b"\\ No newline at end of file\n",
    b"From git@z Thu Jan  1 00:00:00 1970\n",
    b">From mboxrd@z Thu Jan  1 00:00:00 1970\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Content-Transfer-Encoding: quoted-printable\n",
    b"Content-Type: multipart/mixed; boundary=x\n\n--x\n",
    b"Subject: [PATCH v9999999 2/0] =?x?q?=00?=\n",
    b"base-commit: 0000000000000000000000000000000000000000\n",
    b"-- \n2.39.2\n",
    b"---8<---\n",
    b"> > ",
    b"\r\n",
    b"\x00",
    b"\xff\xfe",
    b"\x1b]0;title\x07",
    b'#include "/etc/passwd"\n',
    b'#include "../../../../../../etc/shadow"\n',
    b"#include_next <x>\n",
    b'#pragma GCC dependency "/etc/passwd"\n',
    b'__asm__(".incbin \\"/etc/passwd\\"");\n',
    b"#define A A A A A A A A\n#define B A A A A A A A\n",
    b"typeof(",
    b"sizeof(struct {int a[",
    b"({({({({({({({({",
    b"while ( 1 ) ;\n",
    b"0x7fffffffffffffffLL",
    b"__attribute__((aligned(1<<30)))",
    b"[1000000000000]",
    b"goto *p;",
    b"__builtin_",
    b"\xe2\x80\xae",
    b"{" * 300,
    b"(" * 3000,
    b"x" * 100_000,
)

_Mutation = Callable[[random.Random, bytes], bytes]


def mutated(source: random.Random, data: bytes, other: bytes) -> bytes:
    """Return the data after one to four changes; ``other`` is spliced in."""
    for _ in range(source.randint(1, 4)):
        change = source.choice(_CHANGES)
        data = change(source, data) if change is not _splice else _splice(source, data)
        if source.random() < 0.05:
            data = data[: source.randrange(len(data) + 1)] + other
        data = data[:400_000]
    return data


def _at(source: random.Random, data: bytes) -> int:
    return source.randrange(len(data) + 1)


def _flip(source: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    at = source.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << source.randrange(8)]) + data[at + 1 :]


def _insert(source: random.Random, data: bytes) -> bytes:
    at = _at(source, data)
    return data[:at] + source.choice(DICTIONARY) + data[at:]


def _splice(source: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at = source.randrange(len(lines))
    return b"\n".join([*lines[:at], source.choice(DICTIONARY), *lines[at:]])


def _drop(source: random.Random, data: bytes) -> bytes:
    start, end = sorted((_at(source, data), _at(source, data)))
    return data[:start] + data[min(end, start + 200) :]


def _repeat(source: random.Random, data: bytes) -> bytes:
    start, end = sorted((_at(source, data), _at(source, data)))
    piece = data[start : min(end, start + 500)]
    return data[:end] + piece * source.choice((1, 2, 30)) + data[end:]


def _lines(source: random.Random, data: bytes) -> bytes:
    """Drop, double, swap or quote lines."""
    lines = data.split(b"\n")
    at = source.randrange(len(lines))
    match source.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            other = source.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines = [b"> " + line for line in lines]
        case _:
            lines[at] = lines[at].strip()
    return b"\n".join(lines)


def _number(source: random.Random, data: bytes) -> bytes:
    """Change one number."""
    digits = [n for n, byte in enumerate(data) if 48 <= byte <= 57]
    if not digits:
        return data
    at = source.choice(digits)
    new = source.choice((b"0", b"-1", b"9", b"99999999999999999999", b"4294967296"))
    return data[:at] + new + data[at + 1 :]


def _ends(_: random.Random, data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n")


def _encoded(source: random.Random, data: bytes) -> bytes:
    """Wrap the body of a mail, or all, in a transfer encoding."""
    head, blank, body = data.partition(b"\n\n")
    if source.random() < 0.5:
        name, text = b"base64", base64.encodebytes(body)
    else:
        name, text = b"quoted-printable", quopri.encodestring(body)
    return head + b"\nContent-Transfer-Encoding: " + name + blank + text


_CHANGES: tuple[_Mutation, ...] = (
    _flip,
    _flip,
    _insert,
    _splice,
    _drop,
    _repeat,
    _lines,
    _lines,
    _number,
    _number,
    _ends,
    _encoded,
)
