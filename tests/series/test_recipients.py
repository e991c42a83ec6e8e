"""Whom a reply to a patch would go to."""

from __future__ import annotations

from email.parser import BytesHeaderParser

import pytest

from harness.series.recipients import recipients_of


def _recipients(text: str) -> tuple[str, ...]:
    return recipients_of(BytesHeaderParser().parsebytes(text.encode() + b"\n\n"))


def test_the_author_comes_first_and_nobody_twice() -> None:
    assert _recipients(
        "From: A <a@example.org>\nTo: list@example.org, b@example.org\n"
        "Cc: A <a@example.org>, =?utf-8?q?J=C3=BCrgen?= <j@example.org>"
    ) == (
        "A <a@example.org>",
        "list@example.org",
        "b@example.org",
        "=?utf-8?q?J=C3=BCrgen?= <j@example.org>",
    )


@pytest.mark.parametrize(
    "field",
    [
        "x@example.org\r\nBcc: victim@example.org",
        '"a\\nBcc: y" <x@example.org>',
        "=?utf-8?q?a=0aBcc=3a_y?= <x@example.org>",
        "undisclosed-recipients:;",
        "<script>@example.org",
        "a" * 20_000,
    ],
)
def test_nothing_breaks_out_of_a_field(field: str) -> None:
    for each in _recipients(f"To: {field}"):
        assert "\n" not in each
        assert "\r" not in each
        assert "victim" not in each


def test_there_are_only_so_many() -> None:
    every = ", ".join(f"p{n}@example.org" for n in range(300))
    assert len(_recipients(f"Cc: {every}")) == 64
