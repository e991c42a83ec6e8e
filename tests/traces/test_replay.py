"""``harness replay`` and ``--save-traces``: from the command line."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from casemate_log import LEAF, Log, page, tables

from harness.cli import main
from harness.errors import UsageError
from harness.traces.casemate_reader import CasemateReader
from harness.traces.casemate_writer import casemate_lines
from harness.traces.header import Header
from harness.traces.trace_reader import TraceReader
from harness.traces.trace_writer import trace_lines
from reference_model.assumptions import Assumptions
from reference_model.entries import EntryKind
from reference_model.events import (
    Access,
    At,
    Barrier,
    BarrierKind,
    Domain,
    Eret,
    Event,
    ExceptionEntry,
    Isb,
    Msr,
    Release,
    Repeat,
    Store,
    Tlbi,
    Zero,
)
from reference_model.machine import Machine
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.start import Start

LEVEL1, LEVEL2, LEVEL3 = 0x40001000, 0x40002000, 0x40003000
TOP = 0x40000000
VTCR = 0x80000000 | 25 | 1 << 6  # 39-bit IPA, walks start at level 1
REGISTERS = {"HCR_EL2": 1, "VTCR_EL2": VTCR, "VTTBR_EL2": TOP}
START = Start(
    2,
    {TOP: LEVEL2 | 3, LEVEL2: LEVEL3 | 3, LEVEL3: page(0x50000000)},
    (REGISTERS, REGISTERS),
)
DSB = Barrier(0, BarrierKind.DSB, Domain.ISH)
GUEST = (Eret(0), Eret(1), ExceptionEntry(0))
UNMAP = (*GUEST, DSB, Store(0, LEVEL3, 0), DSB)
FLUSH = (Tlbi(0, "IPAS2E1IS", 0), DSB, Tlbi(0, "VMALLE1IS"), DSB)
DONE = Release(0, "unmap returned")


def saved(folder: Path, *events: Event, start: Start = START) -> str:
    """Write a trace file; returns its name."""
    path = folder / "trace.jsonl"
    lines = trace_lines(Header(start, profiles=("P0-v8.0",)), events)
    path.write_text("".join(lines), encoding="utf-8")
    return str(path)


def logged(folder: Path, log: Log) -> str:
    """Write a casemate log; returns its name."""
    path = folder / "trace.log"
    path.write_text(log.text, encoding="utf-8")
    return str(path)


# ------------------------------------------------------------------ exit codes


def test_a_clean_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", saved(tmp_path, *UNMAP, *FLUSH, DONE)]) == 0
    assert "harness: clean: on P0-v8.0" in capsys.readouterr().out


def test_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = saved(tmp_path, *UNMAP, *FLUSH[:2], DONE)
    assert main(["replay", name]) == 1
    out = capsys.readouterr().out
    assert "error[missing-s1-inval-after-ipas2]" in out
    assert "TLBI IPAS2E1IS" in out
    assert "trace.jsonl:6" in out  # an event with no place is named by its line
    assert max(map(len, out.splitlines())) <= 80


def test_profiles_and_assumptions(tmp_path: Path) -> None:
    name = saved(tmp_path, *UNMAP, *FLUSH[:2], DONE)
    assert main(["replay", name, "--profile", "all"]) == 1
    assert main(["replay", name, "--assume", "combined-tlb=off"]) == 0
    assert main(["replay", name, "--profile", "P9"]) == 2
    assert main(["replay", name, "--assume", "weather=fine"]) == 2


def test_the_header_says_what_to_replay_on(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    header = Header(START, profiles=("P0-v8.0",), assumptions=("combined-tlb=off",))
    path.write_text("".join(trace_lines(header, (*UNMAP, *FLUSH[:2], DONE))), "utf-8")
    assert main(["replay", str(path)]) == 0
    assert main(["replay", str(path), "--assume", "combined-tlb=on"]) == 1


def test_something_not_modelled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = saved(tmp_path, Tlbi(0, "PAALLOS"), DONE)
    assert main(["replay", name]) == 0
    out = capsys.readouterr().out
    assert "inconclusive" in out
    assert "trace.jsonl:2" in out
    assert main(["replay", name, "--require-conclusive"]) == 3


@pytest.mark.parametrize("form", ["jsonl", "casemate"])
def test_a_malformed_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    path = tmp_path / "t"
    path.write_text("what\n", "utf-8")
    assert main(["replay", "--format", form, str(path)]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.startswith(f"harness: error: {path}:1: ")
    assert captured.err.count("\n") == 1
    assert main(["replay", "--format", form, str(tmp_path / "none")]) == 2
    assert "cannot read" in capsys.readouterr().err


def test_a_late_mistake_is_no_verdict(tmp_path: Path) -> None:
    """What comes before a malformed line is not reported as the trace."""
    path = Path(saved(tmp_path, *UNMAP, DONE))
    with path.open("a", encoding="utf-8") as stream:
        stream.write("{}\n")
    assert main(["replay", str(path)]) == 2


# ---------------------------------------------------------------- split, resume


def _state(machine: Machine) -> list[object]:
    kinds = [
        (pe, kind, machine.may_hold(pe, kind, 0, ipa))
        for pe in (0, 1)
        for kind in EntryKind
        for ipa in (0, 0x1000)
    ]
    keys = [violation.key for violation in machine.violations]
    return [keys, machine.index, kinds, len(machine.pending)]


def test_a_machine_resumed_from_the_rest_of_a_file(tmp_path: Path) -> None:
    events = (*UNMAP, *FLUSH[:2], DONE, *FLUSH)
    lines = Path(saved(tmp_path, *events)).read_bytes().splitlines(keepends=True)
    profile = ARCHITECTURE_PROFILES["P0-v8.0"]
    whole = Machine(profile, START, Assumptions())
    whole.run(TraceReader(lines, "t"))
    for at in range(1, len(lines) + 1):
        first = TraceReader(lines[:at], "t")
        machine = Machine(profile, first.header.start, Assumptions())
        machine.run(first)
        machine.run(TraceReader(lines[at:], "u", first.header))
        assert _state(machine) == _state(whole)


def test_parts_of_a_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = saved(tmp_path, *UNMAP, *FLUSH[:2], DONE)
    main(["replay", name])
    whole = capsys.readouterr().out
    lines = Path(name).read_text("utf-8").splitlines(keepends=True)
    at = random.Random(3).randrange(1, len(lines))
    parts = [tmp_path / "a", tmp_path / "b"]
    parts[0].write_text("".join(lines[:at]), "utf-8")
    parts[1].write_text("".join(lines[at:]), "utf-8")
    assert main(["replay", *map(str, parts)]) == 1
    out = capsys.readouterr().out
    assert (
        out.split("error[")[1].split("\n")[0] == whole.split("error[")[1].split("\n")[0]
    )


def test_parts_of_a_log(tmp_path: Path) -> None:
    log = tables().lock().write(LEAF, 0).flush().unlock().text.splitlines(keepends=True)
    parts = [tmp_path / "a", tmp_path / "b"]
    parts[0].write_text("".join(log[:-3]), "utf-8")
    parts[1].write_text("".join(log[-3:]), "utf-8")
    assert main(["replay", "--format", "casemate", *map(str, parts)]) == 0
    assert main(["replay", "--format", "casemate", str(parts[0])]) == 0  # no unlock
    parts[1].write_text("".join(log[-1:]), "utf-8")
    assert main(["replay", "--format", "casemate", *map(str, parts)]) == 1


# --------------------------------------------------------------------- export


def test_a_log_as_a_trace_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = logged(tmp_path, tables().lock().write(LEAF, 0).dsb().unlock())
    target = str(tmp_path / "out.jsonl")
    assert main(["replay", "--format", "casemate", name, "--export", target]) == 1
    first = capsys.readouterr().out
    assert main(["replay", target]) == 1
    second = capsys.readouterr().out
    assert (
        first.split("error[")[1].split("-->")[0]
        == second.split("error[")[1].split("-->")[0]
    )


def test_a_trace_file_as_a_log(tmp_path: Path) -> None:
    bad = saved(tmp_path, *UNMAP, *FLUSH[:2], DONE)
    target = str(tmp_path / "out.log")
    assert main(["replay", bad, "--export", target]) == 1
    assert main(["replay", "--format", "casemate", target]) == 1
    good = saved(tmp_path, *UNMAP, *FLUSH, DONE)
    assert main(["replay", good, "--export", target]) == 0
    assert main(["replay", "--format", "casemate", target]) == 0


def _written(*events: Event, start: Start = START) -> list[str]:
    lines = casemate_lines(start, lambda: events)
    records = CasemateReader((line.encode() for line in lines), "t")
    return [
        f"{r.kind.value} {r.word}".strip() for r in records if r.kind.value != "hint"
    ]


def test_what_a_log_needs_is_added() -> None:
    found = _written(Store(0, LEVEL3, 0), DSB, Store(1, LEVEL3, 0), start=Start(2))
    assert found == [
        "mem-init",
        "lock",
        "mem-write plain",
        "barrier dsb ish",
        "unlock",
        "lock",
        "mem-write plain",
        "unlock",
    ]


def test_stores_are_plain_where_casemate_allows_it() -> None:
    stores = [Store(0, LEVEL3 + 8 * n, 0) for n in range(2)]
    found = _written(*stores, DSB, stores[0], start=Start(1))
    assert [text for text in found if text.startswith("mem-write")] == [
        "mem-write plain",
        "mem-write release",
        "mem-write plain",
    ]


def test_loops_and_ranges_are_written_out() -> None:
    loop = Repeat(0, (Tlbi(0, "IPAS2E1IS", 5),), 3, (1,))
    ranged = Tlbi(0, "RIPAS2E1IS", 1 << 46 | 8)  # two pages
    lines = "".join(casemate_lines(Start(1), lambda: (loop, ranged)))
    for number in (5, 6, 7, 8, 9):
        assert f"ipas2e1is (value {number:#x})" in lines


def test_zeroes_are_written_as_such() -> None:
    assert _written(Zero(0, LEVEL3, 4096), start=Start(1))[2] == "mem-set"
    found = _written(Zero(0, LEVEL3, 16), start=Start(1))
    assert found.count("mem-write plain") == found.count("mem-write release") == 1


@pytest.mark.parametrize(
    "event",
    [
        Tlbi(0, "VAE1IS", 0),
        Tlbi(0, "ALLE1ISNXS"),
        At(0, "S12E1R", 0),
        Isb(4),
        Barrier(0, BarrierKind.DSB, Domain.ISH, nxs=True),
    ],
)
def test_what_a_log_cannot_say_is_refused(event: Event) -> None:
    with pytest.raises(UsageError, match="event 0: a casemate log has"):
        _written(event, start=Start(5))


def test_what_a_log_need_not_say_is_left_out() -> None:
    events = (Msr(0, "TTBR0_EL1", 8), Eret(0), ExceptionEntry(0), DONE)
    assert _written(*events, start=Start(1)) == []


def test_registers_at_the_start_are_in_effect() -> None:
    found = _written(start=Start(1, {}, ({"VTTBR_EL2": TOP},)))
    assert found == ["mem-init", "sysreg-write vttbr_el2", "barrier isb"]


def test_a_barrier_that_a_log_has_not_is_no_stronger_one() -> None:
    barrier = Barrier(0, BarrierKind.DSB, Domain.NSH, Access.ST)
    assert _written(barrier, start=Start(1)) == []


def test_nothing_is_left_of_an_export_that_fails(tmp_path: Path) -> None:
    name = saved(tmp_path, Tlbi(0, "VAE1IS", 0))
    assert main(["replay", name, "--export", str(tmp_path / "out.log")]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["trace.jsonl"]


# ---------------------------------------------------------------- save-traces


def test_findings_are_saved_and_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["check", "--example", "bad_s1_step_local", "--jobs", "1"]
    arguments += ["--scenario", "unmap-4k", "--profile", "P0-v8.0,P3-bbml2"]
    folder = tmp_path / "traces"
    assert main([*arguments, "--format", "json", "--save-traces", str(folder)]) == 1
    report = json.loads(capsys.readouterr().out)
    new = [f for f in report["findings"] if f["status"] == "new"]
    assert new
    files = sorted(path.name for path in folder.iterdir())
    assert files == sorted(f"{finding['fingerprint']}.jsonl" for finding in new)
    for finding in new:
        path = folder / f"{finding['fingerprint']}.jsonl"
        assert finding["trace_file"] == str(path)
        assert main(["replay", str(path)]) == 1
        out = capsys.readouterr().out
        assert f"error[{finding['rule']}]" in out
        assert f"{finding['location']['file']}:{finding['location']['line']}" in out
        target = tmp_path / "out.log"
        assert main(["replay", str(path), "--export", str(target)]) == 1
        assert main(["replay", "--format", "casemate", str(target)]) == 1


def test_nothing_to_save(tmp_path: Path) -> None:
    arguments = ["check", "--example", "good_rename", "--jobs", "1"]
    arguments += ["--scenario", "unmap-4k", "--profile", "P0-v8.0"]
    folder = tmp_path / "traces"
    assert main([*arguments, "--save-traces", str(folder)]) == 0
    assert not any(folder.iterdir())
