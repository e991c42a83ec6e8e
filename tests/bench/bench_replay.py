"""Replay of long casemate logs: events per second, memory, and how they grow.

Run by hand, from the repository:

    python tests/bench/bench_replay.py [--quick] [CASEMATE-CHECK]

Two shapes.  "cycle": 9 events a page, over 512 pages: lock, unmap, DSB, TLBI by
IPA, DSB, stage-1 TLBI, DSB, map, unlock; 10^5 and 10^6 events.  "flush": 4096 and
16384 pages unmapped under one lock, one flush, and all mapped again.  Prints for
each the events per second of reading alone and of the whole replay on one
profile, the peak memory, and the same of casemate-check where its path is given;
then how the time per event grows with the size, which should be about 1.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from harness.traces.casemate_reader import CasemateReader

ROOT, LEVEL1, LEVEL2, LEAVES = 0x80000000, 0x80001000, 0x80002000, 0x80100000
LOCK = 0x90000000
PAGES = 512
LIMIT = 600  # seconds


def _record(number: int, kind: str, fields: str) -> str:
    return f'({kind} (id {number}) (tid 0) {fields} (src "bench.c:1"))\n'


def _write(pa: int, value: int, order: str = "release") -> tuple[str, str]:
    fields = f"(mem-order {order}) (address {pa:#x}) (value {value:#x})"
    return "mem-write", fields


def _leaf(page: int, generation: int) -> tuple[int, int]:
    """Return where the descriptor of a page is, and a value for it."""
    output = 0x1_0000_0000 + (generation % 2) * 0x1000_0000 + page * 0x1000
    return LEAVES + 8 * page, output | 0x7FF


def _prologue(pages: int) -> Iterator[tuple[str, str]]:
    tables = -(-pages // 512)
    initialised = [ROOT, LEVEL1, LEVEL2]
    initialised += [LEAVES + 0x1000 * table for table in range(tables)]
    for page in initialised:
        yield "mem-init", f"(address {page:#x}) (size 0x1000)"
    yield "hint", f"(kind set_root_lock) (location {ROOT:#x}) (value {LOCK:#x})"
    yield _write(ROOT, LEVEL1 | 3)
    yield _write(LEVEL1, LEVEL2 | 3)
    for table in range(tables):
        yield _write(LEVEL2 + 8 * table, LEAVES + 0x1000 * table | 3)
    for page in range(pages):
        yield _write(*_leaf(page, 0))
    yield "barrier", "dsb (kind ish)"
    yield "sysreg-write", f"(sysreg vttbr_el2) (value {ROOT:#x})"
    yield "barrier", "isb"


DSB = ("barrier", "dsb (kind ish)")


def cycle() -> Iterator[tuple[str, str]]:
    """Yield the first shape, without end."""
    yield from _prologue(PAGES)
    turn = 0
    while True:
        page, generation = turn % PAGES, 1 + turn // PAGES
        pa, value = _leaf(page, generation)
        yield "lock", f"(address {LOCK:#x})"
        yield _write(pa, 0, "plain")
        yield DSB
        yield "tlbi", f"ipas2e1is (value {page:#x})"
        yield DSB
        yield "tlbi", "vmalle1is"
        yield DSB
        yield _write(pa, value)
        yield "unlock", f"(address {LOCK:#x})"
        turn += 1


def flush(pages: int) -> Iterator[tuple[str, str]]:
    """Yield the second shape."""
    yield from _prologue(pages)
    yield "lock", f"(address {LOCK:#x})"
    for page in range(pages):
        yield _write(_leaf(page, 0)[0], 0)
    yield from (DSB, ("tlbi", "vmalls12e1is"), DSB)
    for page in range(pages):
        yield _write(*_leaf(page, 1))
    yield from (DSB, ("unlock", f"(address {LOCK:#x})"))


def _file(folder: Path, name: str, records: Iterator[tuple[str, str]]) -> int:
    """Write a log; returns its number of records."""
    number = -1
    with (folder / name).open("w", encoding="utf-8") as stream:
        for number, (kind, fields) in enumerate(records):
            stream.write(_record(number, kind, fields))
    return number + 1


def _parse_rate(path: Path, events: int) -> float:
    started = time.perf_counter()
    with path.open("rb") as stream:
        count = sum(1 for _ in CasemateReader(stream, str(path)))
    assert count == events
    return events / (time.perf_counter() - started)


def _measured(command: list[str]) -> tuple[float, float, int]:
    """Return seconds, peak memory in MiB and the exit code of a command."""
    started = time.perf_counter()
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        child.wait(LIMIT)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    seconds = time.perf_counter() - started
    return seconds, _peak_of_children(), child.returncode


def _peak_of_children() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def _in_child(command: list[str]) -> tuple[float, float, int]:
    """Measure in a process of its own: the peak is that of all children so far."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, json.dumps(_measured(command)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        seconds, peak, code = json.loads(stream.read())
    os.waitpid(child, 0)
    return float(seconds), float(peak), int(code)


def _row(name: str, path: Path, events: int, casemate: str | None) -> float:
    """Print the measures of a log; returns seconds of its replay."""
    rate = _parse_rate(path, events)
    command = [sys.executable, "-m", "harness", "replay", "--format", "casemate"]
    command += ["--profile", "P0-v8.0", str(path)]
    seconds, peak, code = _in_child(command)
    row = f"{name:<14} {events:>9,}  read {rate / 1e6:5.2f} M/s"
    row += f"  replay {events / seconds / 1e6:6.3f} M/s {seconds:6.1f} s"
    row += f" {peak:5.0f} MiB exit {code}"
    if casemate:
        theirs, their_peak, their_code = _in_child([casemate, "-T", str(path)])
        row += f"  casemate {events / theirs / 1e6:5.2f} M/s {theirs:5.1f} s"
        row += f" {their_peak:5.0f} MiB exit {their_code}"
    print(row, flush=True)
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    parser.add_argument("casemate", nargs="?", metavar="CASEMATE-CHECK")
    arguments = parser.parse_args()
    casemate: str | None = arguments.casemate
    quick: bool = arguments.quick
    sizes = (10_000, 100_000) if quick else (100_000, 1_000_000)
    pages = (1024, 4096) if quick else (4096, 16384)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        shapes = [("cycle", n, lambda n=n: islice(cycle(), n)) for n in sizes]
        shapes += [("flush", n, lambda n=n: flush(n)) for n in pages]
        cost: dict[str, list[float]] = {}
        for shape, size, records in shapes:
            name = f"{shape}-{size}"
            events = _file(folder, name, records())
            seconds = _row(name, folder / name, events, casemate)
            cost.setdefault(shape, []).append(seconds / events)
    for shape, (small, large) in cost.items():
        print(f"{shape}: time per event, large against small: {large / small:.2f}")


if __name__ == "__main__":
    main()
