"""Random C functions, to run both here and on the host's processor."""

from __future__ import annotations

from random import Random

__all__ = ["control_function", "expression_function"]

TYPES = [
    "signed char",
    "unsigned char",
    "short",
    "unsigned short",
    "int",
    "unsigned int",
    "long",
    "unsigned long",
    "_Bool",
]
LITERALS = ["0", "1", "2", "7", "31", "63", "255", "-1", "1U", "0x80000000", "-5L"]
LITERALS += ["0xffffffffffffffff", "2147483647", "3UL", "'a'", "(1UL << 40)"]
BINARY = ["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"]
LOGICAL = ["==", "!=", "<", "<=", ">", ">=", "&&", "||"]


def _expression(random: Random, names: list[str], depth: int) -> str:
    if depth == 0 or random.random() < 0.1:
        pool = names if random.random() < 0.7 else LITERALS
        return random.choice(pool)
    kind = random.random()

    def inner() -> str:
        return _expression(random, names, depth - 1)

    if kind < 0.5:
        text = random.choice(BINARY)
        right = inner()
        if text in ("<<", ">>") and random.random() < 0.8:
            right = f"({right} & 31)"
        return f"({inner()} {text} {right})"
    if kind < 0.7:
        return f"({inner()} {random.choice(LOGICAL)} {inner()})"
    if kind < 0.8:
        return f"({random.choice('-~!')} {inner()})"
    if kind < 0.92:
        return f"(({random.choice(TYPES)}){inner()})"
    return f"({inner()} ? {inner()} : {inner()})"


def expression_function(random: Random, name: str) -> str:
    """Write a function of four numbers that computes with them in many types."""
    names = ["a", "b", "c", "d"]
    lines = [f"long {name}(long w, long x, long y, long z)", "{"]
    for variable, parameter in zip(names, "wxyz", strict=True):
        lines.append(f"    {random.choice(TYPES)} {variable} = {parameter};")
    fields = ["p.f", "p.g", "p.h", "q[1]"]
    lines.append("    struct { unsigned f:3; int g:5; unsigned long h:34; } p = { 0 };")
    lines.append("    short q[3] = { 1, -2, 3 };")
    for _ in range(3):
        target = random.choice([*names, *fields])
        sign = random.choice(["=", "=", "+=", "|=", "^=", "-="])
        value = _expression(random, [*names, *fields], 3)
        lines.append(f"    {target} {sign} {value};")
        if random.random() < 0.3:
            lines.append(f"    {random.choice(names)}{random.choice(['++', '--'])};")
    result = _expression(random, [*names, *fields], 3)
    return "\n".join([*lines, f"    return {result};", "}", ""])


class _Control:
    """Writes statements; every one that runs leaves a mark in ``t``."""

    def __init__(self, random: Random, labels: int) -> None:
        self.random = random
        self.marks = 0
        self.labels = [f"L{i}" for i in range(labels)]
        self.unplaced = list(self.labels)

    def block(self, depth: int, loops: int, breaks: int) -> str:
        count = self.random.randint(1, 3)
        return " ".join(self.statement(depth, loops, breaks) for _ in range(count))

    def mark(self) -> str:
        self.marks += 1
        return f"t = t * 31 + {self.marks};"

    def condition(self) -> str:
        bit = self.random.randint(0, 5)
        return f"((x >> {bit}) + t) % {self.random.randint(2, 4)}"

    def statement(self, depth: int, loops: int, breaks: int) -> str:
        label = ""
        if self.unplaced and self.random.random() < 0.3:
            label = self.unplaced.pop() + ": ;"
        return f"{label} {self.body(depth, loops, breaks)} {self.mark()}"

    def body(self, depth: int, loops: int, breaks: int) -> str:
        random, kind = self.random, self.random.random()
        if depth == 0 or kind < 0.12:
            return self.mark()
        if kind < 0.24 and self.labels:
            label = random.choice(self.labels)
            return f"if (n-- > 0 && {self.condition()}) goto {label};"
        if kind < 0.32 and loops:
            return f"if ({self.condition()}) continue;"
        if kind < 0.42 and breaks:
            return f"if ({self.condition()}) break;"
        if kind < 0.46:
            return f"if ({self.condition()}) return t;"
        if kind < 0.62:
            inner = self.block(depth - 1, loops, breaks)
            other = self.block(depth - 1, loops, breaks)
            return f"if ({self.condition()}) {{ {inner} }} else {{ {other} }}"
        if kind < 0.85:
            inner = self.block(depth - 1, loops + 1, breaks + 1)
            test = f"n-- > 0 && {self.condition()}"
            return random.choice(
                [
                    f"while ({test}) {{ {inner} }}",
                    f"do {{ {inner} }} while ({test});",
                    f"for (i = 0; n-- > 0 && i < 3; i++) {{ {inner} }}",
                    f"do {{ {inner} }} while (0);",
                ]
            )
        cases = ""
        labels = ["case 0:", "case 1: case 3:", "case 4 ... 6:", "default:"]
        random.shuffle(labels)
        for text in labels[: random.randint(1, 4)]:
            end = random.choice(["break;", "break;", ""])
            body = self.block(depth - 1, loops, breaks + 1)
            cases += f"{text} {body} {end} "
        return f"switch (t % {random.randint(2, 8)}) {{ {cases} }}"


def control_function(random: Random, name: str, labels: int) -> str:
    """Write a function that wanders through nested statements and jumps."""
    writer = _Control(random, labels)
    body = writer.block(4, 0, 0)
    rest = " ".join(f"{label}: {writer.mark()}" for label in writer.unplaced)
    return (
        f"long {name}(long x, long y, long z, long w)\n{{\n"
        "    int n = 60, i = 0; unsigned long t = y & 7;\n"
        f"    {body}\n    {rest} i++;\n    return t;\n}}\n"
    )
