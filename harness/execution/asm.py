"""Inline assembly statements made executable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import Unsupported
from harness.execution.a32_data import branch32, compute32, conditions, when
from harness.execution.a32_operand import Operands32
from harness.execution.a32_system import system32
from harness.execution.a32_transfer import transfer32
from harness.execution.asm_data import branch, compute
from harness.execution.asm_operand import Operands
from harness.execution.asm_special import no_operation, system
from harness.execution.asm_state import Action, State, UnsetRegister
from harness.execution.asm_template import (
    Alternative,
    Instruction,
    Item,
    Label,
    Template,
    TemplateError,
    integer,
    parse,
)
from harness.execution.asm_transfer import transfer
from harness.execution.expression import convert
from harness.execution.fault import Fault
from harness.execution.statement import is_memory
from harness.ir import nodes as ir
from harness.ir.types import CType
from reference_model.coordinates import Coord

if TYPE_CHECKING:
    from harness.execution.run import Execution

__all__ = ["build"]

Built = Callable[..., tuple[int, ...]]
_NOWHERE = -1
_ARITHMETIC = (compute, transfer, system)
_ARITHMETIC32 = (compute32, transfer32, system32)
_UDF = 0xE7F0_00F0


def build(execution: Execution, asm: ir.Asm) -> Built:
    """Make an asm statement callable with (place, operand values …).

    The values are those of memory operands (an address), "+" operands and
    inputs, in order; the result has the register outputs.
    """
    try:
        a32 = execution.unit.model.instructions == "A32"
        template = parse(asm.template, a32=a32)
    except TemplateError as problem:
        return _refuse(Unsupported(asm.coord, str(problem)))
    features = execution.cpu.features
    answers = [(a, features.alternative(a.feature)) for a in template.alternatives]
    items = _selected(template, [a for a, chosen in answers if chosen])
    binding = _bind(asm, a32)
    if isinstance(binding, Unsupported):
        return _refuse(binding)
    slots, results = binding.slots, binding.results
    actions = _actions(items, binding.reader, template, asm.coord)
    if not any(isinstance(item, Label) for item in items):
        actions = [action for action in actions if action is not no_operation]
    queries = [((a.feature,), int(chosen)) for a, chosen in answers]
    recorder, step = execution.recorder, execution.draw
    asked = -1

    def run(coord: int, *values: int) -> tuple[int, ...]:
        nonlocal asked
        if asked != recorder.part:
            asked = recorder.part
            for subject, answer in queries:
                recorder.query("alternative", subject, answer)
        regs: dict[int | str, int] = dict(zip(slots, values, strict=True))
        state = State(execution, coord, regs)
        at, end = 0, len(actions)
        try:
            while at < end:
                goal = actions[at](state)
                if goal is None:
                    at += 1
                else:
                    at = goal
                    step()
        except UnsetRegister as problem:
            what = f"asm register {problem}, which nothing has set"
            raise Unsupported(asm.coord, what) from None
        found = []
        for slot, ctype in results:
            if slot not in regs:
                what = f"asm output {slot}, which no instruction sets"
                raise Unsupported(asm.coord, what)
            found.append(convert(regs[slot], ctype))
        return tuple(found)

    return run


def _refuse(problem: Unsupported) -> Built:
    def run(*_: int) -> tuple[int, ...]:
        raise Unsupported(problem.coord, problem.what)

    return run


def _aliases(asm: ir.Asm) -> list[int | str]:
    """Return the slot of each operand: matching inputs share their output's.

    What has to be in a certain register has that for its slot.
    """
    found = [o.register or number for number, o in enumerate(asm.outputs)]
    names = {o.name: number for number, o in enumerate(asm.outputs) if o.name}
    for operand in asm.inputs:
        text = operand.constraint.lstrip("%")
        if text.isdigit():
            number = int(text)
            found.append(found[number] if number < len(asm.outputs) else _NOWHERE)
        elif text.startswith("[") and text[1:-1] in names:
            found.append(found[names[text[1:-1]]])
        else:
            found.append(operand.register or len(found))
    return found


@dataclass(frozen=True, slots=True)
class _Binding:
    """Where argument values go, what comes back, how operands are read."""

    slots: list[int | str]
    results: list[tuple[int | str, CType]]
    reader: Operands | Operands32


def _bind(asm: ir.Asm, a32: bool) -> _Binding | Unsupported:
    """Bind the operands of an asm statement."""
    slots: list[int | str] = []
    results: list[tuple[int | str, CType]] = []
    memory: set[int] = set()
    aliases = _aliases(asm)
    if a32 and any(isinstance(slot, str) for slot in aliases):
        return Unsupported(asm.coord, "register variable as an asm operand")
    for number, output in enumerate(asm.outputs):
        if is_memory(output.constraint):
            memory.add(number)
            slots.append(number)
            continue
        if "+" in output.constraint:
            slots.append(aliases[number])
        results.append((aliases[number], output.type))
    for number, operand in enumerate(asm.inputs, len(asm.outputs)):
        slot = aliases[number]
        if slot == _NOWHERE or (slot != number and slot in memory):
            return Unsupported(asm.coord, "asm input that matches a memory operand")
        if is_memory(operand.constraint):
            memory.add(number)
        slots.append(slot)
    known = [output.name for output in asm.outputs]
    known += [operand.name for operand in asm.inputs]
    names = {name: number for number, name in enumerate(known) if name}
    kind = Operands32 if a32 else Operands
    return _Binding(slots, results, kind(names, frozenset(memory), aliases))


def _selected(template: Template, chosen: list[Alternative]) -> list[Item]:
    items: list[Item] = []
    at = 0
    for alternative in template.alternatives:
        if alternative not in chosen:
            continue
        items += template.items[at : alternative.start]
        items += alternative.items
        at = max(at, alternative.end)
    return items + list(template.items[at:])


def _actions(
    items: list[Item],
    reader: Operands | Operands32,
    template: Template,
    coord: Coord,
) -> list[Action]:
    """Return one action for each instruction."""
    places: list[tuple[str, int]] = []
    instructions: list[Instruction] = []
    for item in items:
        if isinstance(item, Label):
            places.append((item.name, len(instructions)))
        else:
            instructions.append(item)
    actions = []
    for number, instruction in enumerate(instructions):
        if isinstance(reader, Operands32):
            action = _action32(instruction, number, reader, places)
        else:
            action = _action(instruction, number, reader, places)
        if action is None and _traps(instruction, isinstance(reader, Operands32)):
            action = _brk(template, coord)
        actions.append(action or _unknown(instruction, coord))
    return actions


def _action(
    instruction: Instruction,
    number: int,
    reader: Operands,
    places: list[tuple[str, int]],
) -> Action | None:
    operands = reader.read(instruction.operands)
    if operands is None:
        return None
    mnemonic = instruction.mnemonic
    if mnemonic[:2] in ("b", "b.", "cb", "tb"):
        return branch(mnemonic, operands, lambda label: _goal(label, number, places))
    for kind in _ARITHMETIC:
        action = kind(mnemonic, operands)
        if action is not None:
            return action
    return None


def _action32(
    instruction: Instruction,
    number: int,
    reader: Operands32,
    places: list[tuple[str, int]],
) -> Action | None:
    operands = reader.read(instruction.operands)
    if operands is None:
        return None
    for stem, condition in conditions(instruction.mnemonic):
        action = branch32(stem, operands, lambda label: _goal(label, number, places))
        for kind in _ARITHMETIC32:
            if action is None:
                action = kind(stem, operands)
        if action is not None:
            return when(condition, action)
    return None


def _goal(label: str, number: int, places: list[tuple[str, int]]) -> int | None:
    """Return the item that a branch at item ``number`` goes to."""
    if label[:-1].isdigit() and label[-1] in "bf":
        found = [at for name, at in places if name == label[:-1]]
        if label[-1] == "b":
            return max((at for at in found if at <= number), default=None)
        return min((at for at in found if at > number), default=None)
    return next((at for name, at in places if name == label), None)


def _traps(instruction: Instruction, a32: bool) -> bool:
    """Tell the instruction of BUG(); A32 code spells out the encoding of UDF #0."""
    if not a32:
        return instruction.mnemonic == "brk"
    if instruction.mnemonic == ".word":
        return integer(instruction.operands) == _UDF
    return instruction.mnemonic == "udf"


def _unknown(instruction: Instruction, coord: Coord) -> Action:
    text = f"{instruction.mnemonic} {instruction.operands}".strip()

    def act(_: State) -> None:
        raise Unsupported(coord, f"assembly instruction '{text}'")

    return act


_FRAMES = {1: "warn", 2: "bug", 3: "assertion"}


def _brk(template: Template, coord: Coord) -> Action:
    """Return what a trap does, by the kind of bug frame that describes it."""
    kinds = [
        int(section.rpartition(".")[2])
        for section in template.sections
        if section.startswith(".bug_frames.") and section[-1].isdigit()
    ]
    kind = _FRAMES.get(kinds[0]) if kinds else "bug"
    texts = [text.strip('"\\') for text in template.sections.get(".rodata.str", ())]
    message = texts[-1] if kind == "assertion" and texts else ""

    def act(state: State) -> None:
        if kind is None:
            raise Unsupported(coord, "run_in_exception_handler")
        if kind == "warn":
            state.execution.recorder.warnings.append(coord)
            return
        what = "BUG() is reached" if kind == "bug" else f"assertion fails: {message}"
        raise Fault(kind, what, coord)

    return act
