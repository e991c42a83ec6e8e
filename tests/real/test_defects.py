"""Defects of Xen's history are found on both trees, good changes are not blamed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from changes import Change, patch
from defects import CHANGES, P2M, Known

from harness.check.finding import Severity, Status
from harness.check.pipeline import CheckRequest, check
from harness.check.result import Result, Verdict

pytestmark = pytest.mark.long

XenTree = Callable[[str], Path]

each_change = pytest.mark.parametrize("name", CHANGES)
each_version = pytest.mark.parametrize("version", sorted(P2M))


def filled(tree: Path, change: Change) -> Change:
    """Put in the blanks that the tree has before a backslash."""
    file, old, new = change
    if "~" not in old:
        return change
    pattern = "".join(f"{re.escape(part)}( *)" for part in old.split("~"))
    (match,) = re.finditer(pattern.removesuffix("( *)"), (tree / file).read_text())
    blanks = iter(match.groups())
    text = re.sub("~", lambda _: next(blanks), new)
    return file, match[0], text


def checked(known: Known, version: str, tree: Path) -> Result:
    data = patch(tree, [filled(tree, change) for change in known.on(version)])
    return check(
        CheckRequest(
            data,
            "change",
            tree,
            tree,
            jobs=1,
            profiles=known.profiles,
            scenarios=known.scenarios,
        )
    )


@each_version
@each_change
def test_verdict(name: str, version: str, xen_tree: XenTree) -> None:
    known = CHANGES[name]
    result = checked(known, version, xen_tree(version))
    errors = {
        f.rule
        for f in result.findings
        if f.status is Status.NEW and f.severity is Severity.ERROR
    }
    if known.rule is None:
        assert not errors
        assert result.verdict is Verdict.CLEAN, result.not_executed
        return
    assert result.verdict is Verdict.UNSAFE
    assert known.rule in errors
    assert errors <= {known.rule, *known.besides}
