"""A check shared among machines: what comes out is what one machine tells."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from git_history import Commits, git, make_history

from harness.check.pipeline import CheckRequest
from harness.check.result import Result, Verdict
from harness.check.shards.parts import given_by, part_of, work_of
from harness.check.shards.record import packed
from harness.check.shards.shard import Shard
from harness.cli import main
from harness.errors import ReportError
from harness.report.examples import example
from harness.report.formats import FORMATS
from harness.report.report_reader import parsed
from harness.report.saved_result import part_of_report

pytestmark = pytest.mark.long

# Blocks with much and with little to do, on machines that differ.
SMALL = (
    *("--scenario", "unmap-4k,map-new,vcpu-switch-back,destroy-domain"),
    *("--profile", "P0-v8.0,a32-v8"),
)
QUICK = ("--scenario", "unmap-4k", "--profile", "P0-v8.0")
COMMAND = ("check", "--example", "bad_s1_step_local", *QUICK)
EXAMPLES = ("bad_s1_step_local", "bad_vcpu_switch_no_flush", "good_ipa_flush")

# The formats that say how long it took, and how.
_TIMED = {"json": r'"seconds": [\d.]+'}

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_NO_CACHE", "1")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command: code, output and complaints."""

    def running(*arguments: object) -> tuple[int, str, str]:
        code = main([*map(str, arguments), "--jobs", "1"])
        return code, *capsys.readouterr()

    return running


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Commits:
    return make_history(tmp_path_factory.mktemp("git") / "xen")


def _untimed(name: str, text: str) -> str:
    """Leave out how long it took: that is all that may differ."""
    if name not in _TIMED:
        return text
    untimed, times = re.subn(_TIMED[name], "", text)
    assert times == 1
    return untimed


def _shared(
    run: Run, folder: Path, count: int, command: tuple[object, ...]
) -> list[Path]:
    """Run each part, the last one first."""
    files = []
    for number in range(count, 0, -1):
        file = folder / f"part-{number}-of-{count}.json"
        shard = f"{number}/{count}"
        code, out, _ = run(*command, "--shard", shard, "--output", f"json={file}")
        assert code == 0
        assert f"inconclusive: only part {number} of {count} of" in out
        assert "clean" not in out
        files.append(file)
    return files


def _formats(folder: Path) -> list[str]:
    return [f"--output={name}={folder / name}" for name in FORMATS]


def _same(
    run: Run, folder: Path, command: tuple[object, ...], counts: Iterable[int]
) -> None:
    """Compare one run with merged ones, in every format."""
    whole = folder / "whole"
    whole.mkdir()
    code, out, _ = run(*command, *_formats(whole))
    for count in counts:
        merged = folder / f"merged-{count}"
        merged.mkdir()
        files = _shared(run, merged, count, command)
        place = command[command.index("--tree") :] if "--tree" in command else ()
        again = run("merge", *files, *place[:2], *_formats(merged))
        assert again[:2] == (code, out)
        for name in FORMATS:
            one, other = ((d / name).read_text("utf-8") for d in (whole, merged))
            assert _untimed(name, one) == _untimed(name, other), (name, count)


@pytest.mark.parametrize("name", EXAMPLES)
def test_parts_of_an_example(name: str, run: Run, tmp_path: Path) -> None:
    _same(run, tmp_path, ("check", "--example", name, *SMALL), (2, 5))


def test_parts_of_a_series(history: Commits, run: Run, tmp_path: Path) -> None:
    """One patch of it breaks what a later one mends."""
    command = ("check", history.series, "--tree", history.top, *SMALL)
    _same(run, tmp_path, command, (1, 3))


def test_parts_of_a_mailbox(history: Commits, run: Run, tmp_path: Path) -> None:
    """What was read from a file is in the parts: it is not needed again."""
    box = tmp_path / "series.mbx"
    box.write_text(git(history.top, "format-patch", "--stdout", history.series))
    command = ("check", box, "--tree", history.top, *SMALL)
    whole = run(*command)
    files = _shared(run, tmp_path, 2, command)
    box.unlink()
    assert run("merge", *files, "--tree", history.top) == whole


@pytest.mark.parametrize("count", [1, 40])
def test_one_part_and_more_parts_than_there_is_work(
    count: int, run: Run, tmp_path: Path
) -> None:
    whole = run(*COMMAND)
    files = _shared(run, tmp_path, count, COMMAND)
    reports = [parsed(file.read_bytes(), str(file)) for file in files]
    works = [part_of_report(report) for report in reports]
    idle = sum(not work_of(part, "it").blocks for part in works if part is not None)
    assert (idle > 0) == (count > 1)
    assert run("merge", *files) == whole
    # In whatever order they come.
    assert run("merge", *files[count // 2 :], *files[: count // 2]) == whole


def test_parts_of_an_audit(history: Commits, run: Run, tmp_path: Path) -> None:
    _same(run, tmp_path, ("audit", "--tree", history.top, *SMALL), (3,))


def test_readings_of_the_architecture_come_along(run: Run, tmp_path: Path) -> None:
    command = ("check", "--example", EXAMPLES[0], *SMALL, "--assume", "drain-ptw=on")
    _same(run, tmp_path, command, (2,))


# ------------------------------------------------- what is not one check


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Return the three parts of a check."""
    folder = tmp_path_factory.mktemp("parts")
    files = [folder / f"{number}.json" for number in (1, 2, 3)]
    for number, file in enumerate(files, 1):
        shard = ("--shard", f"{number}/3", "--output", f"json={file}", "--jobs", "1")
        assert main([*COMMAND, *shard, "--format", "terse"]) == 0
    return files[0], files[1], files[2]


def _refused(run: Run, *files: Path) -> str:
    """Merge what cannot be merged; returns what is said."""
    code, out, said = run("merge", *files)
    assert (code, out) == (2, "")
    assert len(said.splitlines()) == 1
    return said


def test_a_part_that_is_missing(run: Run, parts: tuple[Path, ...]) -> None:
    said = _refused(run, parts[0], parts[2])
    assert said == "harness: error: of 3 parts, these are not there: 2\n"


def test_a_part_that_is_there_twice(
    run: Run, parts: tuple[Path, ...], tmp_path: Path
) -> None:
    assert "part 1 of 3 is there twice" in _refused(run, *parts, parts[0])
    # Another number does not help.
    copy = _edited(parts[0], tmp_path, lambda part: part.update(number=2))
    assert "holds what another part has found" in _refused(
        run, parts[0], copy, parts[2]
    )


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (("check", "--example", "bad_flush_local", *QUICK), "patches"),
        (("audit", *QUICK), "command"),
        ((*COMMAND[:-1], "P2-v8.4"), "profiles"),
        ((*COMMAND, "--scenario", "map-new"), "scenarios"),
        ((*COMMAND, "--assume", "drain-ptw=on"), "assumptions"),
    ],
)
def test_parts_of_different_checks(
    other: tuple[str, ...],
    what: str,
    run: Run,
    parts: tuple[Path, ...],
    tmp_path: Path,
) -> None:
    file = tmp_path / "2.json"
    assert run(*other, "--shard", "2/3", "--output", f"json={file}")[0] == 0
    assert f"their {what} differ" in _refused(run, parts[0], file, parts[2])


def test_parts_of_different_numbers(
    run: Run, parts: tuple[Path, ...], tmp_path: Path
) -> None:
    file = tmp_path / "3.json"
    assert run(*COMMAND, "--shard", "3/4", "--output", f"json={file}")[0] == 0
    assert "one of 4 parts" in _refused(run, parts[0], parts[1], file)


def test_another_base_than_that_of_the_parts(
    run: Run, history: Commits, tmp_path: Path
) -> None:
    command = ("check", history.bad, "--tree", history.top, *QUICK)
    files = _shared(run, tmp_path, 2, command)
    _, _, said = run("merge", *files, "--tree", Path(example_tree()))
    assert "no git repository that could have such a commit" in said
    mails = tmp_path / "a.patch"
    mails.write_text(git(history.top, "format-patch", "--stdout", "-1", history.bad))
    files = _shared(run, tmp_path, 2, ("check", mails, "--tree", history.top, *QUICK))
    code, _, said = run("merge", *files, "--tree", example_tree())
    assert code == 2
    assert "is a part of another check: its base is" in said


def test_a_tree_that_was_changed_in_between(
    run: Run, history: Commits, tmp_path: Path
) -> None:
    command = ("audit", "--tree", history.top, *QUICK)
    files = _shared(run, tmp_path, 2, command)
    source = history.top / "xen/arch/arm/mmu/p2m.c"
    text = source.read_text()
    try:
        source.write_text(text.replace("level + 1", "level + 1 + 0"))
        code, _, said = run("merge", *files, "--tree", history.top)
    finally:
        source.write_text(text)
    assert code == 2
    assert "the parts were made of other code" in said


def example_tree() -> Path:
    """Return the embedded tree."""
    return Path(__file__).resolve().parents[2] / "patches/base"


# ----------------------------------------------------------- hostile files


def _edited(file: Path, folder: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    """Return a copy whose part was changed."""
    report = json.loads(file.read_bytes())
    edit(report["part"])
    copy = folder / f"edited-{file.name}"
    copy.write_text(json.dumps(report))
    return copy


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda p: p.update(count=0), "there cannot be 0 parts"),
        (lambda p: p.update(count=10**9), "there cannot be 1000000000 parts"),
        (lambda p: p.update(number=0), "no part 0 of 3"),
        (lambda p: p.update(number="1"), "part.number"),
        (lambda p: p.update(work=""), "is damaged"),
        (lambda p: p.update(work=p["work"][:-9]), "is damaged"),
        (lambda p: p.update(plan=[]), "is damaged: it holds an analysis that is not"),
        (lambda p: p["common"].update(program="0"), "by another harness: its program"),
        (lambda p: p["common"].clear(), "by another harness: its version is ''"),
    ],
)
def test_a_damaged_part(
    edit: Callable[[dict[str, Any]], None],
    said: str,
    run: Run,
    parts: tuple[Path, ...],
    tmp_path: Path,
) -> None:
    every = [_edited(part, tmp_path, edit) for part in parts]
    assert said in _refused(run, *every)


@pytest.mark.parametrize(
    "change",
    ["profile", "scenario", "rule", "block", "key", "left out"],
)
def test_what_no_part_can_have_found(
    change: str, parts: tuple[Path, ...], tmp_path: Path
) -> None:
    """Whatever is made up: an error, never a verdict."""
    loaded = [(str(p), part_of_report(parsed(p.read_bytes(), str(p)))) for p in parts]
    damaged = []
    for name, part in loaded:
        assert part is not None
        work = work_of(part, name)
        blocks = []
        for key, number, analysis in work.blocks:
            told = [replace(d, **_MADE_UP.get(change, {})) for d in analysis.diagnoses]
            blocks.append(
                (
                    "x" if change == "key" else key,
                    99 if change == "block" else number,
                    replace(analysis, diagnoses=told),
                )
            )
        if change == "left out":
            blocks = blocks[1:]
        work = replace(work, blocks=tuple(blocks))
        damaged.append((name, replace(part, work=packed(work))))
    with pytest.raises(ReportError):
        given_by(damaged)


_MADE_UP: dict[str, dict[str, Any]] = {
    "profile": {"profile": "P9"},
    "scenario": {"scenario": "nothing"},
    "rule": {"rule": "no-such-rule"},
}


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff\xfe", b"[" * 10**5, b"7"])
def test_what_is_no_report(data: bytes, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "part.json"
    file.write_bytes(data)
    assert "is no result of 'harness check --format json'" in _refused(run, file)


def test_what_is_no_part(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "whole.json"
    run(*COMMAND, "--output", f"json={file}")
    assert "is a whole result" in _refused(run, file)
    assert "cannot read" in _refused(run, tmp_path / "nothing.json")
    assert "cannot read" in _refused(run, tmp_path)


@pytest.mark.parametrize("option", ["--require-conclusive", "--bisect"])
def test_a_part_has_no_verdict(option: str, run: Run) -> None:
    code, out, said = run(*COMMAND, "--shard", "1/2", option)
    assert (code, out) == (125 if option == "--bisect" else 2, "")
    assert "a part has no verdict" in said


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "1/", "a/b", "-1/2", "1/9999"])
def test_no_such_part(shard: str, run: Run) -> None:
    code, _, said = run(*COMMAND, f"--shard={shard}")
    assert code == 2
    assert "expected I/N" in said


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_tells_a_part_as_clean(name: str) -> None:
    data, patch = example("good_rename")
    request = CheckRequest(
        data,
        patch,
        example_tree(),
        example_tree(),
        profiles=("P0-v8.0",),
        scenarios=("map-new",),
    )
    result = _part(request)
    assert result.verdict is Verdict.INCONCLUSIVE
    text = FORMATS[name](result)
    text = re.sub(r"<style>.*?</style>", "", text, flags=re.S)
    assert "clean" not in text.replace("p2m->clean_pte", "")
    if name != "mail":  # empty where there is no error
        assert "inconclusive" in text or "part 1 of 2" in text


def _part(request: CheckRequest) -> Result:
    return part_of(request, Shard(1, 2))
