"""What is committed and made by the project itself: ``generated/``, README parts.

``harness regen`` writes it, ``harness regen --check`` tells what is out of
date. Nothing here depends on the machine, the time or the directory. What needs
sources that do not come with the project stays as it is where they are not there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing import get_context

from harness.check.pipeline import CheckRequest, check
from harness.check.replays.tokens import PREFIX, beginning
from harness.check.result import Result
from harness.errors import TreeError
from harness.litmus.manual import MANUAL
from harness.model_version import model_version
from harness.report.examples import example, example_names
from harness.report.formats import FORMATS
from harness.report.generated.ir_listing import ir_listings
from harness.report.generated.rule_catalogue import rule_catalogue
from harness.report.generated.rule_homes import rule_homes
from harness.report.generated.seeds import SEEDS, missing, seed_results, unpacked
from harness.report.schema import schema_text
from harness.report.text import render_text
from harness.series.base import EMBEDDED
from harness.traces.manual import manual
from harness.traces.manual import schema_text as schema_text_of_a_trace
from reference_model.profiles import AARCH32_PROFILES, ARCHITECTURE_PROFILES

__all__ = [
    "README_EXAMPLE",
    "SAMPLE_TOKEN",
    "example_result",
    "outdated",
    "readme",
    "write",
]

# What the tokens of samples begin with, whatever the model.
SAMPLE_TOKEN = f"{PREFIX}samples_"
# The report on the README's first screen.
README_EXAMPLE = "bad_s1_step_local"

_ROOT = EMBEDDED.parents[1]
_REPORT = (
    f"<!-- harness check --example {README_EXAMPLE} -->\n",
    "<!-- end of the report -->\n",
)
_PROFILES = ("| profile | what it is |\n|---|---|\n", "\n## Assumptions\n")


def write() -> list[str]:
    """Bring everything up to date and return the names of what changed."""
    wanted = _wanted()
    stale = _stale(wanted)
    for name in stale:
        path = _ROOT / name
        if name not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[name], encoding="utf-8")
    return stale


def outdated() -> list[str]:
    """Return the names of the files that differ from what would be written."""
    return _stale(_wanted())


def example_result(name: str) -> Result:
    """Check an example against the embedded base, without what varies by run."""
    patch, patch_name = example(name)
    request = CheckRequest(patch, patch_name, None, EMBEDDED, jobs=1, repairs=True)
    return replace(check(request), stats={})


def readme(report: Result) -> str:
    """Return the README with the parts between its markers brought up to date."""
    command = f"$ harness check --example {README_EXAMPLE}"
    text = render_text(report).replace(beginning(), SAMPLE_TOKEN)
    shown = f"```\n{command}\n{text}```\n"
    profiles = "".join(
        f"| `{p.name}` | {p.summary} |\n"
        for p in (*ARCHITECTURE_PROFILES.values(), *AARCH32_PROFILES.values())
    )
    whole = _between(_read("README.md") or "", _REPORT, shown)
    return _between(whole, _PROFILES, profiles)


def _between(text: str, marks: tuple[str, str], part: str) -> str:
    before, begin, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        raise TreeError(f"'{_ROOT / 'README.md'}' has lost '{marks[0].strip()}'")
    return before + begin + part + end + after


def _stale(wanted: dict[str, str]) -> list[str]:
    there = {
        path.relative_to(_ROOT).as_posix()
        for path in (_ROOT / "generated").rglob("*")
        if path.is_file()
    }
    changed = {name for name, text in wanted.items() if _read(name) != text}
    return sorted(changed | (there - set(wanted)))


def _read(name: str) -> str | None:
    try:
        return (_ROOT / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _wanted() -> dict[str, str]:
    """Return the text of every file, by its name below the top directory."""
    files = {
        "generated/schema.json": schema_text(),
        **{f"generated/{name}": text for name, text in rule_catalogue().items()},
        **{f"generated/ir/{name}.txt": text for name, text in ir_listings().items()},
        "generated/rule-homes.md": rule_homes(_ROOT),
        "generated/litmus-format.txt": MANUAL,
        "generated/trace-format.md": manual(),
        "generated/trace-schema.json": schema_text_of_a_trace(),
    }
    for name, result in _results():
        for render in FORMATS.values():
            # A model that says the same as before shall change no sample.
            text = render(result).replace(model_version(), "sample")
            text = text.replace(beginning(), SAMPLE_TOKEN)
            files[f"generated/reports/{name}.{render.suffix}"] = text
        if name == README_EXAMPLE:
            files["README.md"] = readme(result)
    return files | _kept()


def _kept() -> dict[str, str]:
    """Return the reports that cannot be made here, as they are."""
    if not missing():
        return {}
    names = (
        f"generated/reports/{name}.{render.suffix}"
        for name in SEEDS
        for render in FORMATS.values()
    )
    return {name: text for name in names if (text := _read(name)) is not None}


def _results() -> Iterator[tuple[str, Result]]:
    names = example_names()
    with ExitStack() as stack:
        context = get_context("spawn")
        pool = stack.enter_context(ProcessPoolExecutor(os.cpu_count(), context))
        seeds = None
        if not missing():
            tree = stack.enter_context(unpacked())
            seeds = pool.submit(seed_results, tree)  # takes longest
        yield from zip(names, pool.map(example_result, names), strict=True)
        yield from seeds.result() if seeds is not None else ()
