"""Every statement of the README that can be run is run here."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tomllib
from email.message import EmailMessage
from pathlib import Path

import pytest

from harness.cli import main
from harness.exitcodes import ExitCode
from harness.report.examples import example, example_names
from harness.report.formats import FORMATS
from harness.report.generated.generate import README_EXAMPLE, example_result, readme
from harness.report.generated.seeds import SEEDS
from harness.report.json_report import render_json
from harness.series.base import EMBEDDED
from reference_model.profiles import AARCH32_PROFILES, ARCHITECTURE_PROFILES

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^```\n(.*?)^```$", README, re.M | re.S)
_TOLD = ("profiles", "assumptions", "explain", "rules", "compare", "merge")
QUICK = ("--scenario", "unmap-4k/own-vttbr/1-pcpu", "--profile", "P0-v8.0")
P2M = "xen/arch/arm/mmu/p2m.c"


def _rows(head: str) -> list[list[str]]:
    """Return the cells of the table under a head line."""
    table = README.split(f"{head}\n|---|---|\n")[1].split("\n\n")[0]
    return [row.strip("| ").split(" | ") for row in table.splitlines()]


def _section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


# -------------------------------------------------------------- the first screen


def test_the_report_and_the_profiles_are_what_the_tool_says() -> None:
    assert readme(example_result(README_EXAMPLE)) == README


def test_the_report_fits_the_first_screen() -> None:
    report = FENCED[0]
    assert report.startswith(f"$ harness check --example {README_EXAMPLE}\n")
    # Code in the diff of a repair is as wide as it is.
    told = re.sub(r"\n    --- a/.*?\n\n", "\n\n", report, count=1, flags=re.DOTALL)
    assert len(told) < len(report)
    assert max(map(len, told.splitlines())) <= 80
    assert README.splitlines()[2].startswith("`harness check` runs")


def test_the_report_shows_what_the_text_promises() -> None:
    report = FENCED[0]
    for part in ("error[", " --> ", "Arm rules: R_", "breaks on: ", "cost ("):
        assert part in report
    assert "repair (replayed, clears it): " in report
    assert "repair (checked): " in report
    assert "harness: unsafe: 1 new error, " in report


def test_the_two_commands() -> None:
    install, test = FENCED[1].strip(), FENCED[2].strip()
    assert "\n" not in install
    assert install.endswith(f"/harness check --example {README_EXAMPLE}")
    assert README_EXAMPLE in example_names()
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    assert "--group test" in install
    assert "test" in project["dependency-groups"]
    assert project["project"]["scripts"]["harness"] == "harness.cli:main"
    floor = project["project"]["requires-python"].removeprefix(">=")
    assert f"Python {floor} or newer" in README
    assert test == ".venv/bin/python -m pytest --long"
    # The script that runs both for real.
    assert "README.md" in (REPOSITORY / ".ci/run").read_text(encoding="utf-8")


# ------------------------------------------------------------- tables and places


def test_exit_codes() -> None:
    told = {int(row[0]) for row in _rows("| exit code | when |")}
    assert told == {int(code) for code in ExitCode} - {ExitCode.INTERRUPTED}


def test_formats() -> None:
    assert [row[0].strip("`") for row in _rows("| `--format` | what it is |")] == list(
        FORMATS
    )


def test_the_cost_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    assert "256 times as much with 48" in " ".join(_section("Cost").split())
    assert main(["cost", "--tree", str(EMBEDDED), "--format", "json"]) == 0
    nested = json.loads(capsys.readouterr().out)["nested"]
    costs = [nested[bits]["create_domain_128M"]["patched"] for bits in ("48", "40")]
    assert costs[0]["typical"] / costs[1]["typical"] == pytest.approx(256)
    assert "beside what it would" in _section("Cost")
    right = nested["48"]["create_domain_128M"]["right_by_ipa"]
    assert 0 < right["typical"] < costs[0]["typical"] / 1000


def test_what_is_slow_is_told_and_passes(capsys: pytest.CaptureFixture[str]) -> None:
    section = " ".join(_section("Cost").split())
    assert "`perf[RULE]`" in section
    assert "neither verdict nor exit code" in section
    patch = REPOSITORY / "patches" / "good_ipa_page_by_page.patch"
    options = ("--profile", "P0-v8.0", "--scenario", "unmap-2m/own-vttbr/2-pcpus")
    assert main(["check", str(patch), "--tree", str(EMBEDDED), *options]) == 0
    out = capsys.readouterr().out
    assert "perf[perf-tlbi-per-page-over-block]: 512 TLBIs by IPA where 1 would" in out
    assert main(["explain", "perf-tlbi-per-page-over-block"]) == 0
    assert "(perf)" in capsys.readouterr().out


def test_profiles() -> None:
    rows = _rows("| profile | what it is |")
    assert [row[0].strip("`") for row in rows] == [
        *ARCHITECTURE_PROFILES,
        *AARCH32_PROFILES,
    ]


def test_places_exist() -> None:
    places = set(re.findall(r"`([\w.]+/[\w./]*)`", README))
    assert len(places) > 20
    assert [p for p in sorted(places) if not (REPOSITORY / p).exists()] == []


def test_options_exist(capsys: pytest.CaptureFixture[str]) -> None:
    shown = ""
    for command in ("check", "audit", "scenarios", "litmus", "replay", "cost", *_TOLD):
        assert main([command, "--help"]) == 0
        shown += capsys.readouterr().out
    # Files shown have tests of their own, and call other programs.
    text = re.sub(r"^```(?:yaml|sh)\n.*?^```$", "", README, flags=re.M | re.S)
    options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))
    options -= {"--upgrade", "--group", "-m", "-e"}  # pip's and python's
    options -= {"--long"}  # of the tests
    # git's and b4's, and no option
    options -= {"--stdout", "-o-", "--check", "--no-cache", "-branch"}
    assert {"--tree", "--bisect", "-q", "-v"} <= options
    assert [o for o in sorted(options) if not re.search(rf"{o}\b", shown)] == []


def test_every_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listing = capsys.readouterr().out.split("COMMAND\n")[1].split("options:")[0]
    commands = re.findall(r"^    (\w+)", listing, re.M)
    assert len(commands) > 8
    assert [c for c in commands if f"harness {c}" not in README] == []


def test_make_targets_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for target in ("check", "test", "regen"):
        assert f"`make {target}`" in README
        assert f"\n{target}:\n" in makefile


def test_licence() -> None:
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert "GNU GENERAL PUBLIC LICENSE" in text
    assert "Version 2, June 1991" in text
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["license"] in _section("Licence")


# --------------------------------------------------------------------- behaviour


def _diff(base: Path, name: str, old: str, new: str) -> bytes:
    """Return a plain unified diff that replaces one line."""
    lines = (base / name).read_text(encoding="utf-8").splitlines()
    at = lines.index(old)
    before, after = lines[at - 1], lines[at + 1]
    added = "".join(f"+{line}\n" for line in new.splitlines())
    body = f" {before}\n-{old}\n{added} {after}\n"
    count = 2 + len(new.splitlines())
    head = f"--- a/{name}\n+++ b/{name}\n@@ -{at},3 +{at},{count} @@\n"
    return (head + body).encode()


FLAG = "    p2m->need_flush = false;"


class _Patches:
    """Writes patches to files."""

    def __init__(self, folder: Path, base: Path) -> None:
        self._folder = folder
        self._base = base

    def file(self, data: bytes, name: str = "a.patch") -> str:
        """Return the name of a file that holds the bytes."""
        path = self._folder / name
        path.write_bytes(data)
        return str(path)

    def after_flush(self, statement: str) -> str:
        """Add a statement at the end of each flush."""
        return self.file(_diff(self._base, P2M, FLAG, f"{FLAG}\n{statement}"))


@pytest.fixture
def patched(tmp_path: Path, base_tree: Path) -> _Patches:
    """Return patches of the embedded base, by what they do."""
    return _Patches(tmp_path, base_tree)


def _verdict(capsys: pytest.CaptureFixture[str], patch: str, *more: str) -> str:
    main(["check", patch, "--format", "json", *QUICK, *more])
    return str(json.loads(capsys.readouterr().out)["verdict"])


def test_a_harmless_change_is_clean(
    patched: _Patches, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = patched.after_flush("    isb();")
    assert main(["check", patch, *QUICK]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "harness: clean: 1 scenario, 1 profile, 2 pCPUs, exhausted"


CALL = "    { extern void unheard_of(void); unheard_of(); }"
UNRUN = "    if ( !p2m->domain )\n        p2m->need_flush = true;"


@pytest.mark.parametrize(
    ("statement", "said"),
    [(CALL, "unheard_of"), (UNRUN, "changed, but run by no scenario:")],
)
def test_inconclusive_says_what_and_where(
    patched: _Patches,
    statement: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    patch = patched.after_flush(statement)
    assert main(["check", patch, *QUICK]) == 0
    out = capsys.readouterr().out
    assert "harness: inconclusive: no new error found, but " in out
    assert said in out
    assert re.search(rf"{P2M}:\d+", out)
    assert main(["check", patch, *QUICK, "--require-conclusive"]) == 3
    assert main(["check", patch, *QUICK, "--bisect"]) == 125


def test_findings_fail_the_run_unless_told_not_to(
    patched: _Patches, capsys: pytest.CaptureFixture[str]
) -> None:
    data, _ = example("bad_unmap_no_flush")
    patch = patched.file(data)
    assert main(["check", patch, *QUICK]) == 1
    assert main(["check", patch, *QUICK, "--exit-zero"]) == 0
    assert main(["check", "/nowhere", *QUICK, "--exit-zero"]) == 2


def test_a_patch_is_a_diff_or_a_mail(
    patched: _Patches, capsys: pytest.CaptureFixture[str]
) -> None:
    mail, _ = example("bad_unmap_no_flush")
    diff = mail[mail.index(b"diff --git ") :]
    plain = diff[diff.index(b"--- a/") :]
    message = EmailMessage()
    message["From"] = "a@example.org"
    message["Subject"] = "[PATCH] x"
    message.set_content(diff.decode(), cte="base64")
    for data in (mail, diff, plain, message.as_bytes()):
        assert _verdict(capsys, patched.file(data)) == "unsafe"


def test_a_tree_stays_as_it_is(
    patched: _Patches, base_tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def state() -> str:
        digest = hashlib.sha256()
        for path in sorted(base_tree.rglob("*")):
            digest.update(f"{path} {path.lstat().st_mtime_ns}\n".encode())
            digest.update(path.read_bytes() if path.is_file() else b"")
        return digest.hexdigest()

    before = state()
    patch = patched.after_flush("    isb();")
    assert _verdict(capsys, patch, "--tree", str(base_tree)) == "clean"
    assert state() == before


def test_assembly_files_are_not_run_and_the_report_says_so(
    patched: _Patches, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "xen/arch/arm/arm64/new.S"
    diff = f"--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+    tlbi alle2\n"
    assert main(["check", patched.file(diff.encode()), *QUICK]) == 0
    out = capsys.readouterr().out
    assert "harness: inconclusive" in out
    assert f"{name} (not run)" in out


def test_what_the_base_does_wrong_is_counted_and_v_shows_it(
    base_tree: Path,
    tmp_path: Path,
    patched: _Patches,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tree = shutil.copytree(base_tree, tmp_path / "xen")
    source = (tree / P2M).read_text(encoding="utf-8")
    flush = "p2m->need_flush |= lpae_is_valid(orig_pte);"
    assert source.count(flush) == 1
    (tree / P2M).write_text(source.replace(flush, ";"), encoding="utf-8")
    patch = patched.after_flush("    isb();")
    arguments = ["check", patch, "--tree", str(tree), *QUICK]
    assert main(arguments) == 0
    short = capsys.readouterr().out
    assert "unchanged: 1 finding, on the base as well: missing-tlbi-" in short
    assert "error[" not in short
    assert main([*arguments, "-v"]) == 0
    assert "error[missing-tlbi-after-unmap]" in capsys.readouterr().out


def test_generated_reports_are_of_every_example_in_every_format() -> None:
    """And of the patches of the list; tests/report has a judge for each format."""
    folder = REPOSITORY / "generated" / "reports"
    kinds = [form.suffix for form in FORMATS.values()]
    names = [*example_names(), *SEEDS]
    wanted = {f"{name}.{kind}" for name in names for kind in kinds}
    assert {path.name for path in folder.iterdir()} == wanted


@pytest.mark.long
def test_the_same_patch_gives_the_same_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_NO_CACHE", "1")
    first = example_result("bad_unmap_no_flush")
    assert render_json(first) == render_json(example_result("bad_unmap_no_flush"))


def test_what_was_analysed_is_kept_unless_told_not_to(
    patched: _Patches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = patched.after_flush("    isb();")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESS_NO_CACHE", "1")
    assert main(["check", patch, *QUICK]) == 0
    assert not (tmp_path / "cache").exists()
    monkeypatch.delenv("HARNESS_NO_CACHE")
    assert main(["check", patch, *QUICK]) == 0
    assert list((tmp_path / "cache" / "harness").iterdir())


# -------------------------------------------------------- the machine by itself


@pytest.mark.parametrize(
    "line", re.findall(r"^harness litmus .*", _section("The machine by itself"), re.M)
)
def test_litmus_lines_run(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    *options, folder = line.split()[2:]
    assert main(["litmus", *options, str(REPOSITORY / folder)]) == ExitCode.CLEAN
    assert "all as expected" in capsys.readouterr().out


def test_there_are_a_thousand_litmus_tests() -> None:
    """And each says where its verdict comes from."""
    files = sorted((REPOSITORY / "tests/litmus").rglob("*.litmus"))
    assert 900 < len(files) < 1500
    origin = re.compile(r"^origin (published|derived): ", re.M)
    assert [f for f in files if not origin.search(f.read_text("utf-8"))] == []


def test_a_wrong_answer_fails_a_litmus_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = REPOSITORY / "tests/litmus/two_stage"
    text = next(
        text
        for file in sorted(source.glob("*.litmus"))
        if "\nverdict forbidden\n" in (text := file.read_text("utf-8"))
    )
    wrong = tmp_path / "wrong.litmus"
    wrong.write_text(text.replace("verdict forbidden", "verdict allowed"), "utf-8")
    assert main(["litmus", str(wrong)]) == ExitCode.FINDINGS
    assert "forbidden" in capsys.readouterr().out


def test_saved_traces_are_replayed_and_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = ["check", "--example", README_EXAMPLE, "--profile", "P0-v8.0"]
    scenario = ["--scenario", "unmap-4k/own-vttbr/2-pcpus"]
    assert main([*check, *scenario, "--save-traces", str(tmp_path)]) == 1
    (trace,) = sorted(tmp_path.glob("*.jsonl"))
    capsys.readouterr()
    log = tmp_path / "log.txt"
    assert main(["replay", str(trace), "--export", str(log)]) == ExitCode.FINDINGS
    assert "stale-s12-after-local-vmalle1" in capsys.readouterr().out
    assert main(["replay", "--format", "casemate", str(log)]) == ExitCode.FINDINGS
    capsys.readouterr()
    assert main([*check, *scenario, "--format", "casemate"]) == ExitCode.FINDINGS
    log.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["replay", "--format", "casemate", str(log)]) == ExitCode.FINDINGS
    assert "! harness: error[stale-s12-" in log.read_text(encoding="utf-8")


def test_a_token_shows_its_finding_again(capsys: pytest.CaptureFixture[str]) -> None:
    check = ["check", "--example", README_EXAMPLE, "--profile", "P0-v8.0"]
    assert main([*check, "--scenario", "unmap-4k/own-vttbr/2-pcpus"]) == 1
    report = capsys.readouterr().out
    found = re.search(r"harness replay '(tlb1\..*?)'", report, re.DOTALL)
    assert found is not None
    assert main(["replay", found[1], "--step"]) == ExitCode.FINDINGS
    again = capsys.readouterr().out
    table = report[report.index("    #  pCPU0") : report.index("  = Arm rules")]
    assert table in again
    assert "step 1  pCPU1  guest has run" in again
    assert "TLB pCPU1: S12" in again


@pytest.mark.parametrize("command", ["litmus --format", "replay --describe"])
def test_formats_are_described(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command.split()) == ExitCode.CLEAN
    assert len(capsys.readouterr().out.splitlines()) > 30
