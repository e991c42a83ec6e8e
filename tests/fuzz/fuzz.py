"""Feed damaged input to every reader of the program.

Whatever it is given, the program answers with a result, an error of its own or
something not modelled; it runs nothing but git and the compiler, and writes
nowhere but to its cache and its temporary directory. By hand:

    python tests/fuzz/fuzz.py --count 100000 --seed 1 [--kind patch ...]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from mutation import mutated
from watch import TooSlow, limited, touched, watching

from harness.check.intake import opened, stepped
from harness.check.replays.exported import export
from harness.check.replays.replayed import ReplayRequest, replay
from harness.check.request import CheckRequest
from harness.errors import HarnessError, Unsupported
from harness.execution.program import Program
from harness.frontend.unit import lower_text
from harness.litmus.parser import parse
from harness.series import read_series
from harness.series.base import EMBEDDED, find_place
from harness.series.blobs import Blobs
from reference_model.unmodelled import Unmodelled

__all__ = ["KINDS", "Outcome", "fuzz"]

TESTS = Path(__file__).resolve().parents[1]
PATCHES = TESTS.parent / "patches"
SECONDS = 20.0  # for one input, on a machine that does other things as well
EXPECTED = (HarnessError, Unsupported, Unmodelled)


@dataclass(slots=True)
class Outcome:
    """What became of the inputs; ``failures`` tell how to see each again."""

    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


# ---------------------------------------------------------------------- kinds


def _patch(data: bytes, place: Path) -> None:
    """Read a patch, find its base, and show the tree with it."""
    request = CheckRequest(data, "fuzz.patch", EMBEDDED, place)
    with opened(request) as intake, stepped(intake):
        pass


def _read(data: bytes, _: Path) -> None:
    """Read what is no mail: a diff, or a review from a web page."""
    head, blank, body = data.partition(b"\n\n")
    read_series(body if blank else head, "fuzz.patch", _blobs())


def _c(data: bytes, _: Path) -> None:
    """Parse C, lower every function, and make it executable."""
    # What the compiler prints is decoded in this way.
    unit = lower_text(data.decode("utf-8", "replace"), "fuzz.c")
    Program(unit)
    for name in list(unit.functions):
        assert unit.functions[name] is not None


def _trace(data: bytes, place: Path) -> None:
    file = place / "fuzz.jsonl"
    file.write_bytes(data)
    replay(ReplayRequest((file,)))


def _casemate(data: bytes, place: Path) -> None:
    file = place / "fuzz.log"
    file.write_bytes(data)
    replay(ReplayRequest((file,), format="casemate"))


def _litmus(data: bytes, _: Path) -> None:
    parse(data.decode("utf-8", "surrogateescape"), "fuzz.litmus")


@cache
def _blobs() -> Blobs:
    return find_place(EMBEDDED, EMBEDDED).blobs()


@cache
def _traces() -> tuple[bytes, ...]:
    """Return traces of our own form, made from the logs."""
    found = []
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        for number, log in enumerate(_files("traces/casemate/*.log")):
            source, target = Path(name, f"{number}.log"), Path(name, f"{number}.jsonl")
            source.write_bytes(log)
            try:
                export((source,), "casemate", target)
            except EXPECTED:
                continue
            found.append(target.read_bytes())
    return tuple(found)


@cache
def _files(pattern: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(TESTS.glob(pattern))[:60])


@cache
def _patches() -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(PATCHES.glob("*.patch")))


@cache
def _mails() -> tuple[bytes, ...]:
    """Return mailboxes of several, mails of parts, and reviews."""
    patches = _patches()
    boxes = [b"".join(patches[n : n + 3]) for n in range(0, len(patches), 3)]
    parts = [
        b"From: a@example.org\nSubject: [PATCH] x\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + patch + b"\n--b--\n"
        for patch in patches[:5]
    ]
    reviews = [
        b"From: r@example.org\nSubject: Re: [PATCH] x\n\n"
        + b"\n".join(b"> " + line for line in patch.split(b"\n"))
        for patch in patches[5:15]
    ]
    return (*boxes, *parts, *reviews)


@cache
def _sources() -> tuple[bytes, ...]:
    return (*_files("frontend/*.c"), *_SNIPPETS)


_SNIPPETS = (
    b"int f(int a) { switch (a) { case 1 ... 3: return 1; default: goto out; }\n"
    b"out: return ({ typeof(a) b = a; b ?: 2; }); }\n",
    b"struct s { int a:3; union { long b; char c[8]; }; } __attribute__((packed));\n"
    b"long g(struct s *p) { return p->b + sizeof(*p) + ((struct s){ .a = 1 }).a; }\n",
    b'static inline void h(unsigned long v) { asm volatile("msr vttbr_el2, %0" : :'
    b' "r" (v) : "memory"); asm volatile("dsb ish"); }\n',
)


_Run = Callable[[bytes, Path], None]

KINDS: dict[str, tuple[_Run, Callable[[], tuple[bytes, ...]]]] = {
    "patch": (_patch, _patches),
    "mail": (_patch, _mails),
    "diff": (_read, lambda: (*_patches(), *_mails())),
    "c": (_c, _sources),
    "trace": (_trace, _traces),
    "casemate": (_casemate, lambda: _files("traces/casemate/*.log")),
    "litmus": (_litmus, lambda: _files("litmus/own/*/*.litmus")),
}


# ----------------------------------------------------------------------- loop


def fuzz(kind: str, count: int, seed: int) -> Outcome:
    """Try ``count`` inputs of a kind; the same seed makes the same inputs."""
    run, pool = KINDS[kind]
    outcome = Outcome()
    with _workplace() as place:
        for number in range(count):
            source = random.Random(f"{kind} {seed} {number}")
            data = mutated(source, source.choice(pool()), source.choice(pool()))
            found = _tried(run, data, place)
            outcome.answers[found.partition(":")[0]] += 1
            if not found.startswith(("answer", "refused")):
                where = f"--kind {kind} --seed {seed} --only {number}"
                outcome.failures.append(f"{found} [{where}]")
    return outcome


def one(kind: str, seed: int, number: int) -> bytes:
    """Return one of the inputs."""
    _, pool = KINDS[kind]
    source = random.Random(f"{kind} {seed} {number}")
    return mutated(source, source.choice(pool()), source.choice(pool()))


@contextmanager
def _workplace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        top = Path(name).resolve()
        scratch, place = top / "tmp", top / "place"
        scratch.mkdir()
        place.mkdir()
        before = dict(os.environ), tempfile.tempdir
        os.environ |= {"TMPDIR": str(scratch), "XDG_CACHE_HOME": str(top / "cache")}
        tempfile.tempdir = None
        try:
            with watching(top):
                yield place
        finally:
            os.environ.clear()
            os.environ.update(before[0])
            tempfile.tempdir = before[1]


def _tried(run: _Run, data: bytes, place: Path) -> str:
    touched.clear()
    try:
        with limited(SECONDS):
            run(data, place)
        found = "answer"
    except EXPECTED as error:
        found = f"refused: {type(error).__name__}"
    except TooSlow:
        found = f"too slow: more than {SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 (that is what is looked for)
        found = f"{type(error).__name__}: {error}"[:300]
    left = sorted(p.name for p in (place.parent / "tmp").iterdir())
    if touched:
        return f"touched: {touched[0]}"
    return f"left behind: {left}" if left else found


def main() -> int:
    """Run by hand; the seed is printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=tuple(KINDS), action="append")
    parser.add_argument("--only", type=int, help="write one input to standard output")
    arguments = parser.parse_args()
    kinds = arguments.kind or list(KINDS)
    if arguments.only is not None:
        sys.stdout.buffer.write(one(kinds[0], arguments.seed, arguments.only))
        return 0
    failed = False
    for kind in kinds:
        outcome = fuzz(kind, arguments.count // len(kinds), arguments.seed)
        answers = ", ".join(f"{n} {name}" for name, n in outcome.answers.most_common())
        print(f"{kind}, seed {arguments.seed}: {answers}", flush=True)
        for failure in outcome.failures[:20]:
            print(f"  {failure}")
        failed = failed or bool(outcome.failures)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
