"""Random programs, run here and as a compiler for AArch64 (or the host) has them."""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from random import Random

from c_programs import program

from harness.execution.cpu import Cpu
from harness.execution.fault import Fault
from harness.execution.memory import Memory
from harness.execution.program import Program
from harness.execution.recorder import Recorder
from harness.execution.run import Execution
from harness.frontend.unit import lower_text

__all__ = ["Toolchain", "compare", "toolchain"]

TRAPS = "-fsanitize=signed-integer-overflow,shift-exponent,integer-divide-by-zero"
ARITHMETIC = {"signed-overflow", "bad-shift", "division-by-zero"}
INTERESTING = [0, 1, 2, 5, 31, 63, 64, 127, 128, 255, -1, -2, -128, 2**31 - 1]
INTERESTING += [2**31, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63)]
MAIN = """
#include <stdio.h>
#include <unistd.h>
#include <sys/wait.h>
int main(void)
{
    for (unsigned i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        int status;
        fflush(stdout);
        if (!fork()) {
            for (unsigned k = 0; k < RUNS; k++) {
                printf("%d %ld\\n", i, runs[i].f(runs[i].v[k][0], runs[i].v[k][1],
                                               runs[i].v[k][2], runs[i].v[k][3]));
                fflush(stdout);
            }
            _exit(0);
        }
        wait(&status);
        if (status)
            printf("%d trap\\n", i);
    }
    return 0;
}
"""
Vector = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A compiler, and what runs its programs."""

    compiler: str
    emulator: tuple[str, ...]
    arm: bool


def toolchain() -> Toolchain | None:
    """Return the compiler for AArch64 if its programs can run, or the host's."""
    cross = shutil.which("aarch64-linux-gnu-gcc")
    emulator = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    if cross and emulator:
        return Toolchain(cross, (emulator,), True)
    host = shutil.which("gcc")
    if host is None:
        return None
    return Toolchain(host, (), platform.machine() == "aarch64")


def _number(value: int) -> str:
    return f"({value + 1}L - 1)" if value == -(2**63) else f"{value}L"


def _compiled(
    text: str, runs: list[tuple[str, list[Vector]]], tools: Toolchain, place: Path
) -> dict[int, list[str]]:
    """Return what each function yields, until it traps."""
    count = len(runs[0][1])
    rows = ",\n".join(
        f"{{ {name}, {{ "
        + ", ".join(f"{{ {', '.join(map(_number, v))} }}" for v in vectors)
        + " } }"
        for name, vectors in runs
    )
    table = (
        "static const struct { long (*f)(long, long, long, long); "
        f"long v[{count}][4]; }} runs[] = {{\n{rows} }};\n#define RUNS {count}\n"
    )
    source, binary = place / "random.c", place / "random"
    source.write_text(text + table + MAIN)
    options = ["-O0", "-w", "-std=gnu99", "-funsigned-char", "-fno-strict-aliasing"]
    options += [TRAPS, "-fsanitize-undefined-trap-on-error", "-static"]
    command = [tools.compiler, *options, str(source), "-o", str(binary)]
    subprocess.run(command, check=True, capture_output=True)
    done = subprocess.run(
        [*tools.emulator, str(binary)], check=True, capture_output=True, text=True
    )
    found: dict[int, list[str]] = {number: [] for number in range(len(runs))}
    for line in done.stdout.splitlines():
        number, _, result = line.partition(" ")
        found[int(number)].append(result)
    return found


def compare(
    seed: int, functions: int, tools: Toolchain, place: Path
) -> tuple[int, int]:
    """Compare a program's results; return how many were equal, and trapped."""
    random = Random(seed)
    text, names = program(random, functions, tools.arm)
    runs: list[tuple[str, list[Vector]]] = []
    for name in names:
        vectors = []
        for _ in range(6):
            w, x, y, z = (random.choice(INTERESTING) for _ in range(4))
            vectors.append((w, x, y, z))
        runs.append((name, vectors))
    expected = _compiled(text, runs, tools, place)
    compiled = Program(lower_text(text, "random.c"))
    equal = trapped = folded = 0
    for number, (name, vectors) in enumerate(runs):
        run = Execution(compiled, Memory(), Cpu(), Recorder(), {})
        for vector, result in zip(vectors, expected[number], strict=False):
            try:
                here = str(run.call(name, *vector))
            except Fault as fault:
                what = f"program {seed}: {name}{vector}: {fault.kind}: {fault}"
                assert fault.kind in ARITHMETIC, what
                if fault.kind != "bad-shift" and result != "trap":
                    # The compiler folds some away: overflows, x % (_Bool)y.
                    folded += 1
                    break
                here = "trap"
            what = f"program {seed}: {name}{vector} is {here} here, else {result}"
            assert here == result, what
            equal += 1
            trapped += here == "trap"
    assert folded <= 1 + len(runs) // 10
    return equal, trapped
