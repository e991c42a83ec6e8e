"""Where each rule of the model and of the architecture is implemented.

Comments and docstrings cite rules by id.  This collects the citations and
names the function, class or constant around each, so that a reader can go
from an id to the code and back.  Names, not line numbers: they keep.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.catalogue.arm_rules import KnownRule, known_rules
from harness.check.rules import RULES

__all__ = ["Citation", "citations", "names_in", "rule_homes"]

_PACKAGES = ("reference_model", "harness")
_ID = re.compile(
    r"\b(?:[RI]_[A-Z]{5}|F[1-9]\.\d{1,2}[a-z]?|M[1-7]|O[1-6]|[MO][1-7]-[MO][1-7])\b"
)
_HEAD = """\
# Where the rules are implemented

From a rule to the code: each id with the functions, classes or constants whose
comments cite it. Ids with a letter and a number are the model's own: M1 to M7
say how the machine works, O1 to O6 what the oracle demands, F are facts of the
architecture in this project's words. R and I ids are those of the Arm
Architecture Reference Manual, DDI 0487.
"""


@dataclass(frozen=True, slots=True, order=True)
class Citation:
    """A rule cited in the part ``name`` of a file."""

    id: str
    file: str
    name: str

    @property
    def place(self) -> str:
        """Return file and name."""
        return f"{self.file}: {self.name}" if self.name else self.file


def citations(root: Path) -> list[Citation]:
    """Collect the citations of all sources below ``root``, and the homes given."""
    found = {
        Citation(rule, path.relative_to(root).as_posix(), name)
        for package in _PACKAGES
        for path in sorted((root / package).rglob("*.py"))
        for rule, name in _of(path)
    }
    for rule in known_rules().values():
        for home in rule.homes:
            file, _, name = home.partition(": ")
            found.add(Citation(rule.id, file, name))
    return sorted(found)


@cache
def _of(path: Path) -> tuple[tuple[str, str], ...]:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    places = sorted(_places(tree, ""), key=lambda place: place[1] - place[0])
    return tuple(
        (rule, _around(places, line))
        for line, words in _remarks(text, tree)
        for rule in _ids(words)
    )


def _ids(words: str) -> Iterator[str]:
    """Yield the ids in a text; a range of ids means all of them."""
    for found in _ID.findall(words):
        first, _, last = found.partition("-")
        if not last:
            yield first
            continue
        for number in range(int(first[1]), int(last[1]) + 1):
            yield f"{first[0]}{number}"


def _remarks(text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield comments and docstrings with their lines."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            words = ast.get_docstring(node)
            if words:
                yield node.body[0].lineno, words


def _places(node: ast.AST, prefix: str) -> Iterator[tuple[int, int, str]]:
    """Yield (first line, last line, name) of what has a name, outermost first."""
    end = 0
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt):
            continue
        name = _name(child)
        last = child.end_lineno or child.lineno
        if name and not prefix.endswith("()."):
            # A comment above belongs to what it stands above.
            yield end + 1, last, prefix + name
        if isinstance(child, ast.ClassDef):
            yield from _places(child, f"{name}.")
        end = last


def _name(node: ast.stmt) -> str:
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            return node.name
        case ast.Assign(targets=[ast.Name(id=name), *_]):
            return name
        case ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case _:
            return ""


def _around(places: list[tuple[int, int, str]], line: int) -> str:
    return next((name for first, last, name in places if first <= line <= last), "")


def names_in(path: Path) -> set[str]:
    """Return the names that a citation of this file can have."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {name for _, _, name in _places(tree, "")}


# ------------------------------------------------------------------------ page


def rule_homes(root: Path) -> str:
    """Return the page, as Markdown."""
    return "\n".join(_lines(citations(root))) + "\n"


def _lines(found: list[Citation]) -> Iterator[str]:
    yield _HEAD.rstrip()
    by_id: dict[str, list[str]] = {}
    for citation in found:
        by_id.setdefault(citation.id, []).append(citation.place)
    without = []
    group = ""
    for rule in known_rules().values():
        if rule.group != group:
            group = rule.group
            yield ""
            yield f"## {group}"
            yield ""
        if rule.id not in by_id:
            without.append(rule)
            continue
        yield f"* **{rule.id}** {rule.says}".rstrip()
        yield from (f"  * `{place}`" for place in sorted(set(by_id[rule.id])))
        yield from _findings(rule)
    yield ""
    yield "## Without a home"
    yield ""
    yield from (f"* **{rule.id}** {rule.says}: {rule.reason}" for rule in without)
    yield ""
    yield "## From the code to the rules"
    yield ""
    by_place: dict[str, list[str]] = {}
    for citation in found:
        by_place.setdefault(citation.place, []).append(citation.id)
    yield from (
        f"* `{place}`: {', '.join(by_place[place])}" for place in sorted(by_place)
    )


def _findings(rule: KnownRule) -> Iterator[str]:
    named = [f"`{r.id}`" for r in RULES.values() if rule.id in r.arm_rules]
    if named:
        yield f"  * findings: {', '.join(named)}"
