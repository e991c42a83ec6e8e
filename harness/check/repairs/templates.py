"""Instructions to add to an asm statement that is made of several."""

from __future__ import annotations

from collections.abc import Iterator

from harness.check.causes.edits import instruction
from harness.check.mending import Mending
from harness.check.repairs.patched_code import PatchedCode, Region
from harness.check.repairs.texts import Change
from reference_model.events import Barrier, Event, Isb, Tlbi
from reference_model.tlbi import By, decode_operation

__all__ = ["templates"]


def templates(code: PatchedCode, mending: Mending) -> Iterator[tuple[Change, ...]]:
    """Add instructions after each one that ends a line of the template."""
    if len(mending.missing) != 1:
        return
    missing = mending.missing[0]
    if not all(isinstance(event, (Barrier, Isb, Tlbi)) for event in missing.events):
        return
    seen: set[Change] = set()
    for origin in (missing.at, mending.at):
        for place in code.places(origin)[:1] if origin is not None else ():
            for region in code.regions(place):
                for change in _added(region, missing.events):
                    if change not in seen:
                        seen.add(change)
                        yield (change,)


def _added(region: Region, events: tuple[Event, ...]) -> Iterator[Change]:
    source = region.source
    for token in region.tokens:
        if token.kind != "string" or not token.text.rstrip('"').endswith(";"):
            continue
        line = source.line_of(token.start)
        whole = source.line_text(line)
        rest = source.text[token.end : source.line_start(line + 1)].rstrip("\n")
        continued = rest.rstrip().endswith("\\")
        if rest.replace("\\", "").strip():
            continue  # something else follows on the line
        indent = whole[: len(whole) - len(whole.lstrip())]
        text = ""
        for event in events:
            new = f'{indent}"{_written(event)};"'
            if continued:
                width = len(whole.rstrip()) - 1
                new = f"{new.ljust(width)}\\" if len(new) < width else f"{new} \\"
            text += f"{new}\n"
        place = source.line_start(line + 1)
        yield Change(source.name, place, place, text)


def _written(event: Event) -> str:
    if isinstance(event, Isb):
        return "isb"
    text = instruction(event).lower()
    if isinstance(event, Tlbi) and decode_operation(event.op).by is By.VIRTUAL:
        return f"{text}, xzr"
    mnemonic, _, operand = text.partition(" ")
    return f"{mnemonic:<4} {operand}"
