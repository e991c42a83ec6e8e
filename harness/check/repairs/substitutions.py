"""Another instruction in place of one: its text, or the function that is called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from harness.check.causes.edits import instruction
from harness.check.mending import Mending, Wrong
from harness.check.repairs.patched_code import PatchedCode, Place, Region
from harness.check.repairs.source import Token
from harness.check.repairs.texts import Change
from harness.ir.nodes import FunctionDef
from reference_model.events import Tlbi

__all__ = ["callees", "operands"]

_SIBLINGS = 3  # functions tried in place of one that is called


def operands(code: PatchedCode, mending: Mending) -> Iterator[tuple[Change, ...]]:
    """Change what each wrong instruction is made of, where it is written."""
    each = [list(_written(code, wrong)) for wrong in mending.wrong]
    for changes in product(*each):
        yield tuple(dict.fromkeys(changes))


def _written(code: PatchedCode, wrong: Wrong) -> Iterator[Change]:
    """Yield changes of the operand, at the event or in a macro that it comes from."""
    old, new = _operand(wrong.old), _operand(wrong.new)
    if wrong.old.origin is None or not old or not new or old == new:
        return
    place = code.places(wrong.old.origin)[:1]
    seen: set[Change] = set()
    for region in code.regions(place[0]) if place else ():
        for change in _in_region(region, _mnemonic(wrong.old), old, new):
            if change not in seen:
                seen.add(change)
                yield change


def _mnemonic(event: object) -> str:
    return "tlbi" if isinstance(event, Tlbi) else "dsb"


def _operand(event: object) -> str:
    """Return the operand of an instruction as it is written, in lower case."""
    if isinstance(event, Tlbi):
        return event.op.lower()
    text = instruction(event)  # type: ignore[arg-type]
    return text.partition(" ")[2].lower()


def _in_region(region: Region, mnemonic: str, old: str, new: str) -> Iterator[Change]:
    name = region.source.name
    inside = re.compile(rf"\b{mnemonic}[ \t]+({re.escape(old)})\b", re.I)
    alone = re.compile(rf'"\s*({re.escape(old)})\b', re.I)
    for number, token in enumerate(region.tokens):
        if token.kind == "string":
            found = inside.search(token.text) or alone.match(token.text)
            if found:
                yield _change(name, token, found.span(1), found[1], new)
        elif token.kind == "name" and token.text.lower() == old:
            before = region.tokens[number - 1].text if number else ""
            if before in ("(", ","):
                span = (0, len(token.text))
                yield _change(name, token, span, token.text, new)


def _change(
    file: str, token: Token, span: tuple[int, int], old: str, new: str
) -> Change:
    text = new.upper() if old.isupper() else new
    return Change(file, token.start + span[0], token.start + span[1], text)


# -------------------------------------------------------------------- callees


def callees(code: PatchedCode, mending: Mending) -> Iterator[tuple[Change, ...]]:
    """Call a function of the same type that executes what is wanted."""
    wanted = [wrong for wrong in mending.wrong if isinstance(wrong.new, Tlbi)]
    if not wanted or wanted[0].old.origin is None:
        return
    new = f"tlbi {_operand(wanted[0].new)}"
    for place in code.places(wanted[0].old.origin)[1:]:
        for other in _siblings(code, place, new):
            change = _renamed(code, place, other)
            if change is not None:
                yield (change,)


def _siblings(code: PatchedCode, place: Place, wanted: str) -> Iterator[str]:
    called = code.effects.function(place.callee)
    if called is None:
        return
    size = len(code.effects.reach(place.callee).functions)
    found = [
        name
        for name in code.effects.reaching(wanted)
        if name != place.callee
        and place.function not in code.effects.reach(name).functions
        and _same_type(code.effects.function(name), called)
    ]
    # The one that is most like it: as many functions deep.
    found.sort(key=lambda n: abs(len(code.effects.reach(n).functions) - size))
    yield from found[:_SIBLINGS]


def _same_type(one: FunctionDef | None, other: FunctionDef) -> bool:
    return (
        one is not None
        and str(one.result) == str(other.result)
        and [str(p.type) for p in one.parameters]
        == [str(p.type) for p in other.parameters]
    )


def _renamed(code: PatchedCode, place: Place, other: str) -> Change | None:
    path = code.path(place)
    source = code.source(place.coord.file)
    if not path or source is None:
        return None
    tokens = source.within(path[-1].start, path[-1].head)
    named = [t for t in tokens if t.kind == "name" and t.text == place.callee]
    if len(named) != 1:
        return None
    return Change(source.name, named[0].start, named[0].end, other)
