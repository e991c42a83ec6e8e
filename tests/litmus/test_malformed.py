"""What cannot be understood is an error with its line, never a verdict."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import ParseError
from harness.litmus import parse, run

# A test that is right; each case below replaces one line or adds some.
TRACE = """\
test unmap
map x -> ipa1 -> pa1
pe 0 el2
pe 1 el1
trace:
    0 STR invalid, S2(ipa1)
    0 DSB ISHST
    0 TLBI IPAS2E1IS, ipa1; DSB ISH
    0 RELEASE "end"
finding missing-s1-inval-after-ipas2
"""
EXISTS = """\
test read
map x -> ipa1 -> pa1
data pa1 = 1
pe 0 el1:
    LDR r0, x
exists 0:r0 = 1
verdict always
"""

# base, line number, new text of the line, words of the message
CASES: dict[str, tuple[str, int, str, str]] = {
    "keyword": (TRACE, 2, "mop x -> ipa1", "no keyword 'mop'"),
    "character": (TRACE, 2, "map x -> $", "unexpected character '$'"),
    "no target": (TRACE, 2, "map x ->", "expected an address, not the end of the line"),
    "no arrow": (TRACE, 2, "map x ipa1", "expected '->', not 'ipa1'"),
    "trailing": (TRACE, 2, "map x -> ipa1 -> pa1 -> z", "unexpected '->'"),
    "two kinds": (TRACE, 2, "map x -> x -> pa1", "'x' is both a virtual address"),
    "attribute": (TRACE, 2, "map x -> ipa1 -> page(pa1, red)", "no attribute 'red'"),
    "foreign": (TRACE, 2, "map x -> ipa1 -> page(pa1, nG)", "'nG' means nothing in S2"),
    "both": (TRACE, 2, "map x -> ipa1 -> page(pa1, ro, rw)", "both ro and rw"),
    "block": (TRACE, 2, "map x -> ipa1 -> block(pa1, 0)", "no level 0"),
    "misaligned": (
        TRACE,
        2,
        "map s2 ipa1+0x1000 -> block(pa1+0x1000, 2)",
        "not aligned for level 2",
    ),
    "no table": (TRACE, 2, "map s2 ipa1 -> table(T)", "no table 'T'"),
    "huge": (TRACE, 2, "map s2 0x8000000000 -> pa1", "more than 39 bits"),
    "no VM": (TRACE, 3, "pe 0 el2 vm7", "no VM 'vm7': vm1"),
    "EL": (TRACE, 3, "pe 0 el3", "expected el1 or el2, not 'el3'"),
    "PE order": (TRACE, 3, "pe 1 el2", "this is pe 0"),
    "no PE": (TRACE, 3, "", "this is pe 0"),
    "PE in a trace": (TRACE, 6, "    STR invalid, S2(ipa1)", "number of the PE"),
    "unknown PE": (TRACE, 6, "    5 STR invalid, S2(ipa1)", "no 'pe 5' line"),
    "many PEs": (TRACE, 6, "    8 STR invalid, S2(ipa1)", "PE number must be below"),
    "instruction": (TRACE, 6, "    0 STRX invalid, S2(ipa1)", "no instruction 'STRX'"),
    "place": (TRACE, 6, "    0 STR invalid, x", "a descriptor goes into S1()"),
    "level": (TRACE, 6, "    0 STR invalid, S2(ipa1, 7)", "a level must be below"),
    "value": (TRACE, 6, "    0 STR maybe, S2(ipa1)", "expected a number, a register"),
    "wrong level": (
        TRACE,
        6,
        "    0 STR page(pa1), S2(ipa1, 2)",
        "a page of level 3 in a table of level 2",
    ),
    "name": (TRACE, 6, "    0 STR invalid, S2(ipa9)", "no 'ipa9': it needs a map"),
    "kind": (TRACE, 6, "    0 STR invalid, S2(x)", "'x' is a virtual address, not"),
    "no H": (TRACE, 6, "    0 STR invalid, H(0x1000)", "no table of H is mapped"),
    "barrier": (TRACE, 7, "    0 DSB ISHSS", "no DSB ISHSS"),
    "DSB SYST": (TRACE, 7, "    0 DSB SYST", "no DSB SYST"),
    "DMB nXS": (TRACE, 7, "    0 DMB ISHnXS", "no DMB ISHnXS"),
    "operation": (TRACE, 8, "    0 TLBI IPAS9E1, ipa1", "no operation"),
    "operand": (TRACE, 8, "    0 TLBI IPAS2E1IS, x", "'x' is a virtual address"),
    "no operand": (TRACE, 8, "    0 TLBI ALLE1IS, x", "ALLE1IS has no operand"),
    "field": (TRACE, 8, "    0 TLBI IPAS2E1IS, ipa1 num=2", "has no num"),
    "ttl": (TRACE, 8, "    0 TLBI IPAS2E1IS, ipa1 ttl=99", "ttl has four bits"),
    "tg": (TRACE, 8, "    0 TLBI IPAS2E1IS, ipa1 ttl=3 tg=5", "tg is 4, 16 or 64"),
    "register": (TRACE, 8, "    0 MSR FOO_EL2, vm1", "write FOO_EL2 as a number"),
    "flag": (TRACE, 8, "    0 MSR HCR_EL2, VM|XY", "HCR_EL2 has no XY"),
    "MSR VM": (TRACE, 8, "    0 MSR VTTBR_EL2, vm3", "no VM 'vm3'"),
    "load": (TRACE, 8, "    0 LDR r0, x", "belongs into the program of a PE"),
    "text": (TRACE, 9, "    0 RELEASE end", "in \"\", not 'end'"),
    "free": (TRACE, 9, "    0 FREE T", "no table 'T'"),
    "iommu": (TRACE, 9, "    0 IOTLBI 0", "no IOMMU 0"),
    "rule": (TRACE, 10, "finding missing-everything", "no rule 'missing-everything'"),
    "answer": (TRACE, 10, "verdict allowed", "use 'finding'"),
    "no answer": (TRACE, 10, "", "no 'finding' line"),
    "feature": (
        TRACE,
        10,
        "finding none with wings=2",
        "no feature or assumption 'wings'",
    ),
    "feature value": (TRACE, 10, "finding none with ets=on", "ets is a number"),
    "feature switch": (TRACE, 10, "finding none with ttl=3", "ttl is on or off"),
    "profile change": (TRACE, 10, "finding none with profile=P9", "no profile 'P9'"),
    "none at": (TRACE, 10, "finding none at pe 1", "'none' is at no PE"),
    "no name": (TRACE, 1, "", "no 'test NAME' line"),
    "spaces": (TRACE, 1, "test a b", "has no spaces"),
    "long name": (TRACE, 1, f"test {'a' * 80}", "at most 64"),
    "long line": (TRACE, 1, f"about {'a' * 500}", "at most 400"),
    "nothing": (TRACE, 1, "test", "'test' says nothing"),
    "after": (TRACE, 3, "pe 0 el2 vm1 after vm1", "'after' belongs to a program"),
    "domain": (EXISTS, 4, "pe 0 el1 domain 1:", "'domain' belongs to a trace"),
    "IOMMU": (EXISTS, 3, "iommu vm1", "IOMMUs and conflict aborts"),
    "el1 address": (EXISTS, 4, "pe 0 el2:", "'x' is an address of EL1"),
    "stage": (EXISTS, 5, "    LDR r0, ipa1", "and stage 1 is on"),
    "without": (EXISTS, 4, "trace without ntlbpa:\npe 0 el1:", "beside it"),
    "times": (
        EXISTS,
        5,
        "    TLBI IPAS2E1, ipa1 times 2; LDR r0, x",
        "'times' belongs to a trace",
    ),
    "ERET": (EXISTS, 5, "    ERET; LDR r0, x", "ERET at EL1 already"),
    "register name": (EXISTS, 5, "    LDR q0, x", "expected a register"),
    "register number": (EXISTS, 5, "    LDR r31, x", "no register r31"),
    "dependency": (EXISTS, 5, "    HVC addr(r0)", "no addr() dependency"),
    "trace only": (EXISTS, 5, '    RELEASE "end"', "belongs into a trace"),
    "fault": (EXISTS, 6, "exists 0:r0 = fault(colour)", "'stage N'"),
    "parenthesis": (EXISTS, 6, "exists (0:r0 = 1", "expected ')'"),
    "never loaded": (EXISTS, 6, "exists 0:r5 = 1", "pe 0 never loads r5"),
    "no such PE": (EXISTS, 6, "exists 3:r0 = 1", "pe 3 never loads r0"),
    "deep": (EXISTS, 6, f"exists {'(' * 40}0:r0 = 1", "nested deeper than 16"),
    "nots": (EXISTS, 6, f"exists {'not ' * 40}0:r0 = 1", "nested deeper than 16"),
    "verdict": (EXISTS, 7, "verdict perhaps", "no verdict 'perhaps'"),
    "finding": (EXISTS, 7, "finding none", "use 'verdict'"),
    "no verdict": (EXISTS, 7, "", "no 'verdict' line"),
}


def malformed(base: str, number: int, line: str) -> str:
    """Return a test with one line replaced."""
    lines = base.splitlines()
    lines[number - 1] = line
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("base", [TRACE, EXISTS])
def test_the_bases_are_right(base: str) -> None:
    assert run(parse(base)).ok


@pytest.mark.parametrize("name", CASES)
def test_message_and_line(name: str) -> None:
    base, number, line, words = CASES[name]
    with pytest.raises(ParseError) as caught:
        run(parse(malformed(base, number, line), "a.litmus"))
    assert words in str(caught.value)
    assert re.match(r"a\.litmus:\d+: ", str(caught.value))
    told = caught.value.coord
    assert told is not None
    # What is left out is noticed behind it, and what the whole file lacks at
    # its beginning; a mistake in a line is told with the line.
    if line and told.line != 1:
        assert told.line >= number
    if line.startswith(" "):
        assert told.line in (number, 6)  # 6: where the condition is


ADDED: dict[str, tuple[str, str]] = {
    "test": ("test again", "a second 'test' line"),
    "stages": ("stages 3", "stages are 1 or 2"),
    "granule": ("granule 8k", "no granule '8k'"),
    "profile": ("profile P9", "no profile 'P9'"),
    "assumption": ("assume gravity = on", "no assumption 'gravity'"),
    "assumption value": ("assume single-pe = maybe", "no value 'maybe'"),
    "vm": ("vm vm2", "'vm' lines come before"),
    "entry": ("entry T ipa1 -> pa1", "no table 'T' before this line"),
    "table": ("table T stage 4 at ipa1 level 3", "no stage '4'"),
    "table level": ("table T stage 2 at ipa1 level 1", "has level 2 to 3"),
    "twice": ("map s2 ipa1 -> pa1", "has a descriptor already"),
    "data": ("data ipa1 = 1", "is both a"),
    "data alignment": ("data pa1+4 = 1", "not aligned to 8"),
    "address": ("address x = 5\naddress x = 6", "a second address for 'x'"),
    "start register": ("register FOO_EL2 = vm1", "write FOO_EL2 as a number"),
    "start flag": ("register HCR_EL2 = VM|XY", "HCR_EL2 has no XY"),
    "several": ("profile cores", "profile 'cores' is several: "),
    "program": ("pe 2 el1:\n    ISB", "a PE with a program, and a trace"),
    "outside": ("about it\nISB", "outside 'pe N ...:'"),
    "step outside": ("about it\n0 ISB", "outside 'trace:'"),
    "on fault": ("on fault:", "stands after the instructions"),
    "two traces": ("trace:", "a second 'trace:'"),
    "question": ("exists pa1 = 1", "either 'trace:' or 'exists'"),
}


@pytest.mark.parametrize("name", ADDED)
def test_added_lines(name: str) -> None:
    lines, words = ADDED[name]
    with pytest.raises(ParseError, match=re.escape(words)):
        run(parse(f"{TRACE}{lines}\n", "a.litmus"))


def test_bounds() -> None:
    many = "".join(f"map s2 {n << 12:#x} -> pa1\n" for n in range(300))
    for text, words in (
        ("# " + "x\n" * 40_000, "at most 65536"),
        ("test t\n" + many, "more than 256 map lines"),
        ("test t\npe 0 el1:\n" + "ISB\n" * 100, "more than 64 instructions"),
        ("test t\npe 0 el1:\n" + "; ".join(["ISB"] * 70), "more than 64 instructions"),
        ("test t\npe 0 el1\ntrace:\n" + "0 ISB\n" * 1100, "more than 1024"),
        ("test t\n" + "".join(f"vm v{n}\n" for n in range(20)), "more than 16 VMs"),
        ("", "no 'test NAME' line"),
    ):
        with pytest.raises(ParseError, match=re.escape(words)):
            parse(text, "a.litmus")


def test_only_errors_come_out_of_damaged_files() -> None:
    """Whatever is cut out of a test, the answer is an error or an answer."""
    for base in (TRACE, EXISTS):
        for start in range(0, len(base), 3):
            for length in (1, 7):
                text = base[:start] + base[start + length :]
                try:
                    run(parse(text))
                except ParseError as error:
                    assert error.coord is None or error.coord.line >= 1


# --------------------------------------------------------------- command line


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right = tmp_path / "right.litmus"
    right.write_text(TRACE)
    assert main(["litmus", str(right)]) == 0
    assert "all as expected" in capsys.readouterr().out
    wrong = tmp_path / "wrong.litmus"
    wrong.write_text(TRACE.replace("missing-s1-inval-after-ipas2", "none"))
    assert main(["litmus", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "MISMATCH" in out
    assert "expected none" in out
    assert "1 mismatch" in out
    broken = tmp_path / "sub" / "broken.litmus"
    broken.parent.mkdir()
    broken.write_text(malformed(TRACE, 7, "    0 DSB ISHSS"))
    assert main(["litmus", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert "broken.litmus:7: no DSB ISHSS" in captured.err


def test_not_modelled_is_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = tmp_path / "unmodelled.litmus"
    test.write_text(EXISTS.replace("LDR r0, x", "AT S1E1R, x; LDR r0, x"))
    assert main(["litmus", str(test)]) == 1
    out = capsys.readouterr().out
    assert "MISMATCH" in out
    assert "inconclusive" in out
    assert "'AT S1E1R, x' in a program" in out


@pytest.mark.parametrize("word", ["contiguous", "nT"])
def test_an_attribute_that_has_no_effect_is_no_verdict(word: str) -> None:
    text = EXISTS.replace("ipa1 -> pa1", f"ipa1 -> page(pa1, {word})")
    (result,) = run(parse(text)).results
    assert not result.ok
    assert f"'{word}' in an exploration" in result.inconclusive


def test_an_assumption_that_has_no_effect_is_no_verdict() -> None:
    answer = run(parse(EXISTS.replace("always", "always with altp2m=on")))
    assert not answer.ok
    assert "assumption altp2m=on" in answer.results[0].inconclusive


def test_a_bound_is_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = tmp_path / "bound.litmus"
    test.write_text(EXISTS)
    assert main(["litmus", str(test), "--states", "1"]) == 1
    assert "because of more than 1 states" in capsys.readouterr().out


@pytest.mark.parametrize("mode", ["missing", "folder", "bytes", "none", "jobs"])
def test_files_that_are_none(
    mode: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.litmus"
    if mode == "bytes":
        path.write_bytes(b"test t\n\xff\xfe")
    given = [str(tmp_path if mode == "folder" else path)]
    if mode == "none":
        given = []
    if mode == "jobs":
        path.write_text(TRACE)
        given += ["--jobs", "0"]
    assert main(["litmus", *given]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.startswith("harness: error: ")


def test_output_is_narrow_and_the_same_with_jobs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        name = "n" * 60 + str(number)
        text = TRACE.replace("test unmap", f"test {name}")
        (tmp_path / f"{number}.litmus").write_text(text)
    assert main(["litmus", str(tmp_path), "--explain"]) == 0
    one = capsys.readouterr().out
    assert all(len(line) <= 80 for line in one.splitlines())
    assert main(["litmus", str(tmp_path), "--explain", "--jobs", "2"]) == 0
    assert capsys.readouterr().out == one


def test_the_manual_tells_the_truth(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["litmus", "--format"]) == 0
    manual = capsys.readouterr().out
    assert all(len(line) <= 80 for line in manual.splitlines())
    example = manual.split("EXAMPLE\n", 1)[1].split("HEADER\n", 1)[0]
    assert run(parse(example)).ok


def test_another_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test = tmp_path / "a.litmus"
    test.write_text(TRACE)
    assert main(["litmus", str(test), "--profile", "P2-v8.4"]) == 0
    capsys.readouterr()
    assert main(["litmus", str(test), "--profile", "P9"]) == 2
    assert "no profile 'P9'" in capsys.readouterr().err
