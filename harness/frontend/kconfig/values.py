"""The values of Kconfig symbols, as ``make olddefconfig`` would give them."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import TreeError
from harness.frontend.kconfig.expression import Expression, Lookup
from harness.frontend.kconfig.language import Choice, Kconfig, Property, Symbol

__all__ = ["Values"]

_ON, _OFF = "y", "n"


class Values:
    """Evaluates symbols when asked; ``user`` is what a .config says.

    ``compiler`` answers for the symbols that ask the build machine about its
    compiler; what it does not know is off.
    """

    def __init__(
        self,
        kconfig: Kconfig,
        user: Mapping[str, str],
        compiler: Mapping[str, str],
        environment: Mapping[str, str],
    ) -> None:
        self._kconfig = kconfig
        self._user = user
        self._compiler = compiler
        self._environment = environment
        self._known: dict[str, tuple[str, bool]] = {}
        self._asked: list[str] = []

    def header(self) -> str:
        """Return what Kconfig writes to ``generated/autoconf.h``."""
        lines = []
        for name in sorted(self._kconfig.symbols):
            value, written = self._result(name)
            symbol = self._kconfig.symbols[name]
            if not symbol.type or not symbol.written or not written:
                continue
            if symbol.type == "bool":
                if value == _ON:
                    lines.append(f"#define CONFIG_{name} 1\n")
            elif symbol.type == "string":
                text = value.replace("\\", "\\\\").replace('"', '\\"')
                lines.append(f'#define CONFIG_{name} "{text}"\n')
            else:
                wants = symbol.type == "hex" and not value.lower().startswith("0x")
                lines.append(f"#define CONFIG_{name} {'0x' if wants else ''}{value}\n")
        return "".join(lines)

    def value(self, name: str) -> str:
        """Return the value of a symbol; of what is none, the name itself."""
        symbol = self._kconfig.symbols.get(name)
        if symbol is None or not symbol.type:
            return name
        return self._result(name)[0]

    def _result(self, name: str) -> tuple[str, bool]:
        """Return a symbol's value, and whether it is written at all."""
        known = self._known.get(name)
        if known is None:
            if name in self._asked:
                raise TreeError(f"the value of CONFIG_{name} depends on itself")
            self._asked.append(name)
            symbol = self._kconfig.symbols[name]
            if symbol.type == "bool":
                known = (_ON if self._is_on(symbol) else _OFF, True)
            else:
                known = self._text(symbol)
            self._asked.pop()
            self._known[name] = known
        return known

    # --------------------------------------------------------------- booleans

    def _is_on(self, symbol: Symbol) -> bool:
        lookup = self._lookup(symbol)
        visible = self._any(symbol.prompts, lookup)
        if symbol.choice is not None:
            if not self._any(symbol.choice.prompts, lookup):
                visible = False
            elif visible:
                return self._chosen(symbol.choice) == symbol.name
        if visible and symbol.name in self._user:
            on = self._user[symbol.name] == _ON
        else:
            on = self._by_default(symbol, lookup)
        return on or any(self._selects(*by) for by in symbol.selected)

    def _by_default(self, symbol: Symbol, lookup: Lookup) -> bool:
        default = _first(symbol.defaults, lookup)
        if default is not None and default.holds(lookup):
            return True
        implied = any(self._selects(*by) for by in symbol.implied)
        return implied and any(d.holds(lookup) for d in symbol.depends)

    def _selects(self, name: str, condition: Expression) -> bool:
        by = self._kconfig.symbols[name]
        return condition.holds(self._lookup(by)) and self.value(name) == _ON

    def _any(self, prompts: list[Property], lookup: Lookup) -> bool:
        return any(prompt.condition.holds(lookup) for prompt in prompts)

    def _chosen(self, choice: Choice) -> str:
        """Return the member of a visible choice that is on."""
        symbols = self._kconfig.symbols
        visible = [
            name
            for name in choice.members
            if self._any(symbols[name].prompts, self._lookup(symbols[name]))
        ]
        wanted = [name for name in visible if self._user.get(name) == _ON]
        if wanted:
            return wanted[-1]  # the last one in a .config counts
        if choice.optional:
            return ""
        lookup = self._lookup(None)
        for default in choice.defaults:
            if default.condition.holds(lookup) and default.value.text in visible:
                return default.value.text
        return visible[0] if visible else ""

    # ------------------------------------------------------- text and numbers

    def _text(self, symbol: Symbol) -> tuple[str, bool]:
        lookup = self._lookup(symbol)
        visible = self._any(symbol.prompts, lookup)
        default = _first(symbol.defaults, lookup)
        if visible and symbol.name in self._user:
            value = self._user[symbol.name]
        else:
            value = "" if default is None else default.text_value(lookup)
        return self._in_range(symbol, value, lookup), visible or default is not None

    def _in_range(self, symbol: Symbol, value: str, lookup: Lookup) -> str:
        for limits in symbol.ranges:
            if not limits.condition.holds(lookup):
                continue
            low, high = (
                part.text_value(lookup) for part in (limits.value, limits.other)
            )
            number = _number(value)
            if number < _number(low):
                return low
            return high if number > _number(high) else value
        return value

    def _lookup(self, symbol: Symbol | None) -> Lookup:
        def macro(text: str) -> str:
            if text in self._environment:
                return self._environment[text]
            return self._compiler.get(symbol.name if symbol else "", _OFF)

        return Lookup(self.value, macro)


def _first(properties: list[Property], lookup: Lookup) -> Expression | None:
    """Return the value of the first property whose condition holds."""
    return next((p.value for p in properties if p.condition.holds(lookup)), None)


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        return 0
