"""SAF comments and their databases: which tags a line has, and what they stand for."""

from __future__ import annotations

import json

import pytest

from harness.check.suppressions.saf import Database, Entry, database, tags_of

SAFE = "docs/misra/safe.json"
FALSE_TAG = "SAF-0-false-positive-harness"
FALSE = "docs/misra/false-positive-harness.json"


def names(text: str, number: int) -> list[str]:
    return [tag.name for tag in tags_of(text.split("\n"), number)]


@pytest.mark.parametrize(
    ("text", "number", "wanted"),
    [
        ("    /* SAF-7-safe why */\n    flush();", 2, ["SAF-7-safe"]),
        ("    /* SAF-7-safe */\n    flush();", 2, ["SAF-7-safe"]),
        ("    flush(); /* SAF-7-safe why */", 1, ["SAF-7-safe"]),
        ("/* SAF-1-safe */\n/* SAF-2-safe */\nf();", 3, ["SAF-2-safe", "SAF-1-safe"]),
        ("/* SAF-3-safe long\n * story */\nf();", 3, ["SAF-3-safe"]),
        ("/* SAF-3-safe */\n/* words */\nf();", 3, ["SAF-3-safe"]),
        (
            "/* SAF-0-false-positive-harness x */\nf();",
            2,
            ["SAF-0-false-positive-harness"],
        ),
    ],
)
def test_tags_of_a_line(text: str, number: int, wanted: list[str]) -> None:
    assert names(text, number) == wanted


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("/* SAF-7-safe */\n\nf();", 3),  # not the line above
        ("/* SAF-7-safe */\ng();\nf();", 3),
        ("g(); /* SAF-7-safe */\nf();", 2),  # about g()
        ("f();\n/* SAF-7-safe */", 1),  # below
        ("// SAF-7-safe\nf();", 2),
        ("/* see SAF-7-safe */\nf();", 2),
        ("/* SAF-07-safe */\nf();", 2),  # leading zeros are forbidden
        ("/* SAF-7-false-positive-eclair */\nf();", 2),
        ("/* SAF-7-safer */\nf();", 2),
        ("/* SAF-7-safe-ish */\nf();", 2),
        ('s = "/* SAF-7-safe";\nf();', 2),
        ("f();", 0),
        ("f();", 9),
    ],
)
def test_what_is_no_tag_of_a_line(text: str, number: int) -> None:
    assert names(text, number) == []


def content(*entries: object, **more: object) -> bytes:
    return json.dumps({"version": "1.0", "content": list(entries), **more}).encode()


def test_entries() -> None:
    found = database(
        content(
            {
                "id": "SAF-0-safe",
                "analyser": {"eclair": "MC3A2.R8.6", "harness": "bbm-oa-change"},
                "name": "a name",
                "text": "and\n a   reason",
            },
            {"id": "SAF-1-safe", "analyser": {"eclair": "x"}, "name": "other"},
            {"id": "SAF-2-safe", "analyser": {}, "name": "Sentinel", "text": ""},
            {"id": "SAF-3-false-positive-harness", "analyser": {"harness": "x"}},
        ),
        SAFE,
    )
    assert found == Database(
        {
            "SAF-0-safe": Entry("bbm-oa-change", "a name. and a reason"),
            "SAF-1-safe": Entry("", "other"),
            "SAF-2-safe": Entry("", "Sentinel"),
        }
    )


def test_false_positives() -> None:
    entry = {
        "id": "SAF-0-false-positive-harness",
        "violation-id": "bbm-oa-change",
        "tool-version": "0.1",
        "name": "n",
        "text": "t",
    }
    (found,) = database(content(entry), FALSE).entries.values()
    assert found == Entry("bbm-oa-change", "n. t")


def test_no_database_has_no_entries() -> None:
    assert database(None, SAFE) == Database()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no JSON at line 1"),
        (b'{"content": [\n}', "no JSON at line 2"),
        (b"\xff\xfe\xfd", "no JSON in UTF-8"),
        (b"[" * 100_000, "no JSON in UTF-8"),
        (b"[]", "no list 'content'"),
        (b'{"content": {}}', "no list 'content'"),
        (content({"name": "x"}), "an entry has no 'id'"),
        (content("x"), "an entry has no 'id'"),
        (content({"id": "SAF-0-safe", "analyser": []}), "'analyser' of 'SAF-0-safe'"),
        (content({"id": "SAF-0-safe", "analyser": {"harness": 3}}), "is no string"),
        (content({"id": "SAF-0-safe", "text": {}}), "is no string"),
        (content({"id": "SAF-0-safe"}, {"id": "SAF-0-safe"}), "two entries are called"),
        (b" " * (1 << 20) + b"{}", "longer than"),
    ],
)
def test_a_broken_database_says_why(data: bytes, why: str) -> None:
    found = database(data, SAFE)
    assert not found.entries
    assert found.broken.startswith(f"{SAFE} cannot be used: ")
    assert why in found.broken
