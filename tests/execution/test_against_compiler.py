"""The same random C on the host's processor and on the execution.

The host's compiler checks for undefined behaviour, so that a trap there has to
be a fault here and nothing else may be one.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest
from random_c import control_function, expression_function

from harness.execution.cpu import Cpu
from harness.execution.fault import Fault
from harness.execution.memory import Memory
from harness.execution.program import Program
from harness.execution.recorder import Recorder
from harness.execution.run import Execution
from harness.frontend.unit import lower_text

COMPILER = shutil.which("gcc") or shutil.which("clang")
TRAPS = "-fsanitize=signed-integer-overflow,shift-exponent,integer-divide-by-zero"
ARITHMETIC = {"signed-overflow", "bad-shift", "division-by-zero"}
MAIN = """
#include <stdio.h>
#include <unistd.h>
#include <sys/wait.h>
int main(void)
{
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int status;
        fflush(stdout);
        if (!fork()) {
            printf("%ld\\n", table[i].f(table[i].v[0], table[i].v[1],
                                       table[i].v[2], table[i].v[3]));
            fflush(stdout);
            _exit(0);
        }
        wait(&status);
        if (status)
            printf("trap\\n");
    }
    return 0;
}
"""
Vector = tuple[int, int, int, int]
INTERESTING = [0, 1, 2, 5, 31, 63, 64, 127, 128, 255, -1, -2, -128, 2**31 - 1]
INTERESTING += [2**31, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63)]


def _number(value: int) -> str:
    return f"({value + 1}L - 1)" if value == -(2**63) else f"{value}L"


def _on_host(text: str, runs: list[tuple[str, Vector]], place: Path) -> list[str]:
    assert COMPILER is not None
    rows = ",\n".join(
        f"{{ {name}, {{ {', '.join(map(_number, vector))} }} }}"
        for name, vector in runs
    )
    table = (
        "static const struct { long (*f)(long, long, long, long); long v[4]; }\n"
        f"table[] = {{ {rows} }};\n"
    )
    source, binary = place / "host.c", place / "host"
    source.write_text(text + table + MAIN)
    options = ["-O0", "-w", "-funsigned-char", TRAPS]
    trap = "-fsanitize-undefined-trap-on-error"
    subprocess.run(
        [COMPILER, *options, trap, str(source), "-o", str(binary)], check=True
    )
    done = subprocess.run([binary], check=True, capture_output=True, text=True)
    return done.stdout.split()


def _here(run: Execution, name: str, vector: Vector) -> str:
    try:
        return str(run.call(name, *vector))
    except Fault as fault:
        assert fault.kind in ARITHMETIC, fault
        return fault.kind


def _compare(text: str, runs: list[tuple[str, Vector]], place: Path) -> list[str]:
    expected = _on_host(text, runs, place)
    program = Program(lower_text(text, "random.c"))
    run = Execution(program, Memory(), Cpu(), Recorder(), {})
    folded = 0
    for (name, vector), result in zip(runs, expected, strict=True):
        here = _here(run, name, vector)
        if here == "signed-overflow" and result != "trap":
            folded += 1
            continue
        here = "trap" if here in ARITHMETIC else here
        assert (name, vector, here) == (name, vector, result)
    # The compiler folds some overflows away before it adds its checks.
    assert folded <= len(runs) // 50
    return expected


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler for the host")
@pytest.mark.parametrize("seed", range(2))
def test_random_expressions(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    names = [f"f{i}" for i in range(60)]
    text = "".join(expression_function(random, name) for name in names)
    runs: list[tuple[str, Vector]] = []
    for name in names:
        for _ in range(5):
            w, x, y, z = (random.choice(INTERESTING) for _ in range(4))
            runs.append((name, (w, x, y, z)))
    results = _compare(text, runs, tmp_path)
    assert results.count("trap") < 0.8 * len(results)


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler for the host")
@pytest.mark.parametrize("labels", [0, 3])
def test_random_control_flow(labels: int, tmp_path: Path) -> None:
    random = Random(labels)
    names = [f"f{i}" for i in range(60)]
    text = "".join(control_function(random, name, labels) for name in names)
    runs = [
        (name, (x, y, 0, 0)) for name in names for x, y in ((0, 0), (21, 3), (62, 5))
    ]
    _compare(text, runs, tmp_path)
