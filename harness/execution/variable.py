"""Places of variables with static storage and of functions."""

from __future__ import annotations

from harness.errors import BoundError, TreeError, Unsupported
from harness.execution.expression import convert
from harness.execution.memory import Memory, Region
from harness.ir import nodes as ir
from harness.ir.layout import size_of

__all__ = ["Variables"]

_FUNCTION_STRIDE = 16


class Variables:
    """Gives globals memory and content on first need."""

    def __init__(self, unit: ir.Unit, memory: Memory) -> None:
        self._unit = unit
        self._memory = memory
        self._addresses: dict[str, int] = {}
        self._functions: dict[str, int] = {}
        self._names: list[str] = []

    def address(self, name: str) -> int:
        """Return the address of a global, or of a function of that name."""
        known = self._addresses.get(name)
        if known is not None:
            return known
        variable = self._unit.globals.get(name)
        if variable is None:
            if name in self._unit.functions or name in self._unit.declared:
                return self.function_address(name)
            raise TreeError(f"'{self._unit.file}' declares no variable '{name}'")
        region = self._region(variable)
        self._addresses[name] = region.base
        try:
            self._fill(variable, region.base)
        except Unsupported:
            del self._addresses[name]  # whoever asks again hears it again
            raise
        return region.base

    def place(self, name: str, address: int) -> None:
        """Fix the address of a global; its initial content goes there."""
        if name in self._addresses:
            raise BoundError(f"variable '{name}' already has an address")
        self._addresses[name] = address
        variable = self._unit.globals.get(name)
        if variable is not None and variable.defined:
            self._fill(variable, address)

    def function_address(self, name: str) -> int:
        """Return the address of a function."""
        known = self._functions.get(name)
        if known is None:
            known = self._memory.areas.functions + _FUNCTION_STRIDE * len(self._names)
            self._functions[name] = known
            self._names.append(name)
        return known

    def function_at(self, address: int) -> str | None:
        """Return the function at an address."""
        number, rest = divmod(address - self._memory.areas.functions, _FUNCTION_STRIDE)
        if rest or not 0 <= number < len(self._names):
            return None
        return self._names[number]

    def _region(self, variable: ir.Global) -> Region:
        text = variable.text
        name = variable.name
        if text is not None:
            label = f"string {text[:24]!r}"
            size = max(len(text), _size(variable))
            region = self._memory.add(
                size, label, kind="global", zero=True, readonly=True
            )
            self._memory.poke_bytes(region.base, text)
            return region
        if not variable.defined:
            return self._memory.add(_size(variable), name, kind="extern")
        readonly = variable.const or variable.section.startswith(".rodata")
        return self._memory.add(
            _size(variable), name, kind="global", zero=True, readonly=readonly
        )

    def _fill(self, variable: ir.Global, base: int) -> None:
        for initial in variable.initial:
            value = self._evaluate(initial.value)
            address = base + initial.offset
            bits = initial.bits
            if bits is None:
                self._memory.poke(address, size_of(initial.type), value)
            else:
                unit, shift, width = bits.unit_size, bits.offset, bits.width
                self._memory.poke_bits(address, unit, shift, width, value)

    def _evaluate(self, expr: ir.Expr) -> int:
        """Evaluate an address constant."""
        match expr:
            case ir.Const():
                return expr.value
            case ir.GlobalAddress():
                return self.address(expr.name)
            case ir.FunctionAddress():
                return self.function_address(expr.name)
            case ir.Cast():
                return convert(self._evaluate(expr.operand), expr.type)
            case ir.Binary(op="+"):
                total = self._evaluate(expr.left) + self._evaluate(expr.right)
                return convert(total, expr.type)
            case ir.Binary(op="-"):
                rest = self._evaluate(expr.left) - self._evaluate(expr.right)
                return convert(rest, expr.type)
            case _:
                raise Unsupported(expr.coord, "this form of an initialiser")


def _size(variable: ir.Global) -> int:
    """Return a variable's size; 0 if the unit does not complete its type."""
    try:
        return size_of(variable.type)
    except TreeError:
        return 0
