"""A translation unit compiled to Python code, function by function."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import CodeType

from harness.errors import Unsupported
from harness.execution.expression import Names
from harness.execution.jump import Jumps
from harness.execution.marking import Place, marked
from harness.ir import nodes as ir
from harness.ir.layout import size_of
from harness.ir.types import Record
from reference_model.coordinates import Coord

__all__ = ["Compiled", "Program", "file_of"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """One function as Python code; ``coords`` has a place for every line."""

    function: ir.FunctionDef
    text: str
    code: CodeType
    coords: tuple[Coord, ...]
    loops: tuple[tuple[int, int, Coord], ...]
    globals: tuple[str, ...]
    addresses: tuple[str, ...]
    callees: tuple[str, ...]
    asms: tuple[ir.Asm, ...]

    def coord(self, line: int) -> Coord:
        """Return the place of a line of the text, counted from 1."""
        return self.coords[min(max(line, 1), len(self.coords)) - 1]

    def loop(self, line: int) -> Coord | None:
        """Return the innermost loop that a line of the text is in."""
        around = [loop for loop in self.loops if loop[0] < line <= loop[1]]
        return max(around)[2] if around else None


def file_of(function: str) -> str:
    """Return the file name that tracebacks show for a compiled function."""
    return f"<C function {function}>"


class Program:
    """A unit whose functions are compiled on first need.

    Any number of executions may share it.  It holds no state of a run but for
    ``executed``, the marks of lines that ran in any of them.
    """

    def __init__(self, unit: ir.Unit) -> None:
        self.unit = unit
        self.names = Names()
        self.executed: set[int] = set()
        self._compiled: dict[str, Compiled] = {}
        self._files: dict[str, str] = {}
        self._watched: frozenset[str] = frozenset()
        self._marks: list[tuple[str, Coord]] = []
        self._outcomes: dict[tuple[str, Coord], Coord] = {}

    def function(self, name: str) -> Compiled:
        """Return the compiled form of a function that has a body."""
        known = self._compiled.get(name)
        if known is None:
            function = self.unit.functions[name]
            try:
                known = _compile(function, self.names)
            except (SyntaxError, RecursionError, MemoryError) as problem:
                what = f"function '{name}', whose code nests too deeply"
                raise Unsupported(function.coord, what) from problem
            if name in self._watched:
                known = self._marked(known)
            self._compiled[name] = known
            self._files[file_of(name)] = name
        return known

    def watch(self, functions: frozenset[str]) -> None:
        """Note from now on which lines of these functions run."""
        self._watched = functions

    def lines(self, function: str) -> frozenset[Coord]:
        """Return the places in a watched function that can run."""
        self.function(function)
        return frozenset(coord for name, coord in self._marks if name == function)

    def outcomes(self, function: str) -> dict[Coord, Coord]:
        """Map each way that a condition can go to the place of its statement.

        They are among the places in a watched function that can run.
        """
        self.function(function)
        found = self._outcomes.items()
        return {way: coord for (name, way), coord in found if name == function}

    def lines_run(self) -> frozenset[tuple[str, Coord]]:
        """Return function and place of what ran in the watched functions."""
        return frozenset(self._marks[number] for number in self.executed)

    def _marked(self, compiled: Compiled) -> Compiled:
        name = compiled.function.name
        parts: list[Coord] = []

        def number_of(line: int, place: Place) -> int:
            coord = compiled.coord(line)
            if place is not Place.STATEMENT:  # of its own, which no token has
                parts.append(coord)
                inside = coord._replace(column=-len(parts))
                if place is Place.OUTCOME:
                    self._outcomes[name, inside] = coord
                coord = inside
            self._marks.append((name, coord))
            return len(self._marks) - 1

        code = marked(compiled.text, file_of(name), number_of)
        return replace(compiled, code=code)

    def of_file(self, file: str) -> Compiled | None:
        """Return the function whose code has this file name."""
        name = self._files.get(file)
        return None if name is None else self._compiled[name]


def _compile(function: ir.FunctionDef, names: Names) -> Compiled:
    text = Jumps(names)
    text.begin(function)
    parameters = [_parameter(text, p) for p in function.parameters]
    if isinstance(function.result, Record):
        parameters.append("r_=0")
    if function.variadic:
        parameters.append("*rest")
    head = f"def f_{function.name}({', '.join(parameters)}):"
    text.emit("if len(stack) > depth: too_deep()", function.coord)
    spilled = [p for p in function.parameters if _spilled(p)]
    names_of_parameters = {p.name for p in function.parameters}
    framed = spilled + [
        v
        for v in function.variables
        if v.in_memory and v.name not in names_of_parameters
    ]
    for variable in framed:
        size = size_of(variable.type)
        text.emit(f"{text.frame(variable.name)} = frame({size})", variable.coord)
    where = names.coord(function.coord)
    for parameter in spilled:
        size, name = size_of(parameter.type), text.local(parameter.name)
        store = f"store({text.frame(parameter.name)}, {size}, {name}, {where})"
        text.emit(store, parameter.coord)
    leave = "; ".join(f"drop({text.frame(v.name)}, {size_of(v.type)})" for v in framed)
    if function.variadic:
        text.emit("va_ = spill(rest)", function.coord)
        spilt = f"drop(va_, {ir.ARGUMENT_SLOT} * len(rest))"
        leave = f"{leave}; {spilt}" if leave else spilt
    text.body(leave)
    lines = [head, *text.lines]
    source = "\n".join(lines) + "\n"
    code = compile(source, file_of(function.name), "exec", dont_inherit=True)
    return Compiled(
        function,
        source,
        code,
        (function.coord, *text.coords),
        tuple((first + 1, last + 1, coord) for first, last, coord in text.loops),
        tuple(sorted(text.used_globals)),
        tuple(sorted(text.used_functions)),
        tuple(sorted(text.callees)),
        tuple(text.asms),
    )


def _spilled(parameter: ir.Variable) -> bool:
    """Tell whether a parameter's value moves to memory on entry.

    A struct arrives as the address of a private copy and stays there.
    """
    return parameter.in_memory and not isinstance(parameter.type, Record)


def _parameter(text: Jumps, parameter: ir.Variable) -> str:
    if isinstance(parameter.type, Record):
        return text.frame(parameter.name)
    return text.local(parameter.name)
