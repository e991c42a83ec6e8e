"""What a patch is known by in every version of a series."""

from __future__ import annotations

import subprocess

import pytest

from harness.series import read_patch
from harness.series.identity import identity

ONE = b"""\
diff --git a/xen/a.c b/xen/a.c
index 1111111..2222222 100644
--- a/xen/a.c
+++ b/xen/a.c
@@ -10,3 +10,3 @@ static void f(void)
     int a;
-    flush();
+    flush_local();
     g();
"""
OTHER = b"""\
diff --git a/xen/b.c b/xen/b.c
index 3333333..4444444 100644
--- a/xen/b.c
+++ b/xen/b.c
@@ -1,2 +1,3 @@
 int b;
+int c;
 int d;
"""


def _changed(old: bytes, new: bytes) -> bytes:
    assert old in ONE
    return ONE.replace(old, new)


SAME = {
    "moved": _changed(b"@@ -10,3 +10,3 @@ static void f(void)", b"@@ -90,3 +99,3 @@"),
    "other blobs": _changed(b"index 1111111..2222222", b"index 5555555..6666666"),
    "white space": _changed(b"+    flush_local();", b"+\tflush_local( );"),
    "with a message": b"From: a <a@b>\nSubject: [PATCH v2] x\n\nwhy\n---\n" + ONE,
}
DIFFERENT = {
    "what it adds": _changed(b"flush_local", b"flush_all"),
    "what it removes": _changed(b"-    flush();", b"-    sync();"),
    "the context": _changed(b"     g();", b"     h();"),
    "the file": ONE.replace(b"xen/a.c", b"xen/c.c"),
    "one more file": ONE + OTHER,
}


def _of(data: bytes) -> str:
    return identity(read_patch(data, "a.patch"))


def _of_git(data: bytes) -> str:
    command = ["git", "patch-id", "--stable"]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    return done.stdout.decode().split()[0]


@pytest.mark.parametrize("data", SAME.values(), ids=SAME)
def test_what_does_not_count(data: bytes) -> None:
    assert _of(data) == _of(ONE)
    assert _of_git(data) == _of_git(ONE)


@pytest.mark.parametrize("data", DIFFERENT.values(), ids=DIFFERENT)
def test_what_counts(data: bytes) -> None:
    assert _of(data) != _of(ONE)
    assert _of_git(data) != _of_git(ONE)


def test_the_order_of_files_does_not_count() -> None:
    assert _of(ONE + OTHER) == _of(OTHER + ONE)
    assert _of_git(ONE + OTHER) == _of_git(OTHER + ONE)
