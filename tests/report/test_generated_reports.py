"""Every committed report, in every format, as who reads such reports sees it."""

from __future__ import annotations

import email
import email.policy
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from junitparser import JUnitXml
from test_machine_formats import CODE_QUALITY

from harness.report.examples import example_names
from harness.report.formats import FORMATS
from harness.report.generated.seeds import SEEDS
from harness.traces.casemate_reader import CasemateReader

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "generated/reports"
DATA = Path(__file__).parent / "data"
NAMES = [*example_names(), *SEEDS]
PLACE = r"(?:xen/[\w./-]+:\d+: |-:0: )?"
LINE = re.compile(rf"{PLACE}(?:ERROR|WARNING|PERF|INFO|CHECK):[\w-]+: .+")


def report(name: str, form: str) -> str:
    """Return a report."""
    return (FOLDER / f"{name}.{FORMATS[form].suffix}").read_text(encoding="utf-8")


def verdict(name: str) -> str:
    return str(json.loads(report(name, "json"))["verdict"])


def _schema(name: Path) -> Any:
    return json.loads(name.read_text(encoding="utf-8"))


# ---------------------------------------------------------- one judge per format


def _text(text: str, name: str) -> None:
    assert text.isascii()
    wide = [line for line in text.splitlines() if len(line) > 80]
    # The code of a diff is whole.
    assert [line for line in wide if not re.match(r"    [ +-]", line)] == []
    assert text.splitlines()[-1].startswith(f"harness: {verdict(name)}")


def _lines(text: str, name: str) -> None:
    lines = text.splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    errors = sum("ERROR:" in line for line in lines)
    assert bool(errors) == (verdict(name) == "unsafe")


JSON_SCHEMA = jsonschema.Draft202012Validator(
    _schema(REPOSITORY / "generated/schema.json")
)
SARIF_SCHEMA = jsonschema.Draft4Validator(
    _schema(DATA / "sarif-schema-2.1.0.json"),
    format_checker=jsonschema.FormatChecker(),
)


def _json(text: str, name: str) -> None:
    JSON_SCHEMA.validate(json.loads(text))


def _sarif(text: str, name: str) -> None:
    log = json.loads(text)
    assert [error.message for error in SARIF_SCHEMA.iter_errors(log)] == []
    new = [r for r in log["runs"][0]["results"] if r["baselineState"] == "new"]
    assert any(r["level"] == "error" for r in new) == (verdict(name) == "unsafe")
    traced = [r for r in new if "codeFlows" in r]
    assert bool(traced) or verdict(name) != "unsafe"
    for result in traced:
        flows = result["codeFlows"][0]["threadFlows"]
        assert {flow["id"] for flow in flows} <= {"pCPU0", "pCPU1"}
        assert all("state" in place for flow in flows for place in flow["locations"])


def _junit(text: str, name: str) -> None:
    suites = list(JUnitXml.fromstring(text.encode()))
    cases = [case for suite in suites for case in suite]
    names = [(case.classname, case.name) for case in cases]
    assert len(names) == len(set(names)) > 0
    failures = sum(suite.failures for suite in suites)
    assert bool(failures) == (verdict(name) == "unsafe")


def _codequality(text: str, name: str) -> None:
    entries = json.loads(text)
    jsonschema.validate(entries, CODE_QUALITY)
    prints = [entry["fingerprint"] for entry in entries]
    assert len(prints) == len(set(prints))
    worst = any(entry["severity"] == "critical" for entry in entries)
    assert worst == (verdict(name) == "unsafe")


def _github(text: str, name: str) -> None:
    lines = text.splitlines()
    command = re.compile(r"::(error|warning|notice) [^:]*::.+")
    assert [line for line in lines if not command.fullmatch(line)] == []
    levels = [line.split()[0] for line in lines]
    assert levels == sorted(levels, key=["::error", "::warning", "::notice"].index)
    assert ("::error" in levels) == (verdict(name) == "unsafe")


def _b4_review(text: str, name: str) -> None:
    (entry,) = json.loads(text)
    assert set(entry) == {"tool", "status", "summary", "url", "details"}
    assert all(isinstance(value, str) for value in entry.values())
    rows = json.loads(entry["details"]) if entry["details"] else []
    assert {row["status"] for row in rows} <= {"pass", "warn", "fail"}
    assert (entry["status"] == "fail") == (verdict(name) == "unsafe")


def _patchwork(text: str, name: str) -> None:
    body = json.loads(text)
    assert body["state"] in ("success", "warning", "fail")
    assert re.fullmatch(r"[\w-]{1,255}", body["context"])
    assert (body["state"] == "fail") == (verdict(name) == "unsafe")


def _mail(text: str, name: str) -> None:
    assert bool(text) == (verdict(name) == "unsafe")
    if not text:
        return
    message = email.message_from_string(text, policy=email.policy.default)
    assert message["Subject"].startswith("Re: ")
    body = message.get_content()
    long = [line for line in body.splitlines() if len(line) > 72]
    # Quoted code is whole, and so is that of a diff.
    assert [line for line in long if not re.match(r">|    [ +-]", line)] == []
    b4 = pytest.importorskip("b4", reason="b4 is not installed")
    assert b4.LoreMessage.find_trailers(body, followup=True)[0] == []


class _Page(HTMLParser):
    """What a page loads, and which of its elements are open at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        loading = tag in ("script", "img", "link", "iframe", "object", "embed", "use")
        self.loaded += [
            value or ""
            for key, value in attrs
            if loading and key in ("src", "href", "data", "xlink:href")
        ]


def _html(text: str, name: str) -> None:
    assert len(text.encode()) < 300 << 10
    page = _Page()
    page.feed(text)
    page.close()
    assert {"html", "title", "main"} <= page.names
    assert [each for each in page.loaded if not each.startswith(("#", "data:"))] == []
    assert "@import" not in text
    assert "url(http" not in text


TOLD = re.compile(r"! harness: (?:no log of )?(?:error|warning|perf|info)\[.+")


def _casemate(text: str, name: str) -> None:
    ends = [line for line in text.splitlines() if line.startswith("!")]
    assert ends[-1].startswith(f"! harness: {verdict(name)}: ")
    findings = json.loads(report(name, "json"))["findings"]
    new = [f for f in findings if f["status"] == "new" and not f["suppressed"]]
    told = [line for line in ends if TOLD.fullmatch(line)]
    assert len(told) == len(new)
    rest = text.encode()
    for end in ends:  # each log as its reader takes it, up to the line that ends it
        log, _, rest = rest.partition(f"{end}\n".encode())
        records = list(CasemateReader(io.BytesIO(log), name))
        assert bool(records) == (end in told and " no log of " not in end)
    assert rest == b""


JUDGES: dict[str, Callable[[str, str], None]] = {
    "text": _text,
    "terse": _lines,
    "json": _json,
    "mail": _mail,
    "html": _html,
    "sarif": _sarif,
    "junit": _junit,
    "codequality": _codequality,
    "github": _github,
    "b4-check": _lines,
    "b4-review": _b4_review,
    "patchwork": _patchwork,
    "casemate": _casemate,
}


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_is_what_its_readers_take(form: str) -> None:
    for name in NAMES:
        try:
            JUDGES[form](report(name, form), name)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def test_there_is_no_other() -> None:
    wanted = {f"{name}.{form.suffix}" for name in NAMES for form in FORMATS.values()}
    assert {path.name for path in FOLDER.iterdir()} == wanted


def test_no_report_depends_on_a_place_or_a_time() -> None:
    own = re.compile(r"/tmp/|/home/|/root/|/work/|harness-\w{8}/|\bseconds\":")
    for path in sorted(FOLDER.iterdir()):
        assert own.search(path.read_text(encoding="utf-8")) is None, path.name


def test_the_patches_of_the_list_are_unsafe() -> None:
    rules = {
        "seed-000": {"stale-s12-after-local-vmalle1", "s1-inval-skipped-on-ntlbpa"},
        "seed-001-a": {"missing-tlbi-after-unmap"},
        "seed-001-b": {"vcpu-switch-missing-s1-flush"},
    }
    assert set(rules) == set(SEEDS)
    for name, wanted in rules.items():
        found = json.loads(report(name, "json"))
        assert found["verdict"] == "unsafe"
        new = {f["rule"] for f in found["findings"] if f["status"] == "new"}
        assert new >= wanted
        assert found["base"].startswith("xen_4.20.3")
