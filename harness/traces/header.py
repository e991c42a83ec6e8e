"""The first line of a trace file: where the trace starts, and what it is.

An object with these keys:

format       "harness-trace"
version      1
pes          number of PEs; each starts at EL2 with an empty TLB
model        version of the model that the trace was recorded with ("")
profiles     names of the CPU profiles to replay it on ([]: all)
assumptions  readings of the architecture that are not the default, each as
             "name=value" ([])
registers    one object for each PE, register name to value ([])
memory       initial table memory: lists of address, first value, number of
             words and what each word adds to the one before (the number left
             out: 1; what is added left out: 0); what is not listed is zero
inner        the number of each PE's inner-shareable domain ([]: all in one)
iommus       objects with "vttbr", "vtcr" and, if not true, "coherent" ([])
             and the fields of reference_model.start.Start that are true or
             false, where they are not the default
scenario     what was run ("")
patch        lines and functions that a patch under test touched, as far as
             the trace has them: {"lines": [[file, line]...], "functions": []}
finding      the rule and fingerprint that the trace was saved for
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from harness.traces.event_lines import Malformed, number
from harness.traces.limits import MAX_MEMORY_WORDS, MAX_PES, WORD
from reference_model.shareability import Iommu
from reference_model.start import Start

__all__ = ["FLAGS", "FORMAT", "VERSION", "Header", "decode_header", "encode_header"]

FORMAT = "harness-trace"
VERSION = 1

FLAGS = {f.name: f.default for f in fields(Start) if isinstance(f.default, bool)}

Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Header:
    """What the first line says."""

    start: Start
    model: str = ""
    profiles: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    scenario: str = ""
    touched: tuple[tuple[str, int], ...] = ()
    functions: tuple[str, ...] = ()
    rule: str = ""
    fingerprint: str = ""


def encode_header(header: Header) -> dict[str, object]:
    """Return a header as a plain object."""
    start = header.start
    data: dict[str, object] = {
        "format": FORMAT,
        "version": VERSION,
        "pes": start.pes,
        "model": header.model,
        "profiles": list(header.profiles),
        "assumptions": list(header.assumptions),
        "registers": [
            {name: hex(value) for name, value in sorted(registers.items())}
            for registers in start.registers
        ],
        "memory": [_encode_run(*run) for run in _runs(start.memory)],
    }
    if start.inner:
        data["inner"] = list(start.inner)
    if start.iommus:
        data["iommus"] = [_encode_iommu(iommu) for iommu in start.iommus]
    for name, default in FLAGS.items():
        if getattr(start, name) is not default:
            data[name] = getattr(start, name)
    if header.scenario:
        data["scenario"] = header.scenario
    if header.touched or header.functions:
        lines = [[file, line] for file, line in header.touched]
        data["patch"] = {"lines": lines, "functions": list(header.functions)}
    if header.rule:
        data["finding"] = {"rule": header.rule, "fingerprint": header.fingerprint}
    return data


_KEYS = {
    "format",
    "version",
    "pes",
    "model",
    "profiles",
    "assumptions",
    "registers",
    "memory",
    "inner",
    "iommus",
    "scenario",
    "patch",
    "finding",
}


def decode_header(data: object) -> Header:
    """Return the header that an object describes; raises Malformed."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise Malformed(
            f'the first line must be a header with "format": "{FORMAT}" '
            "(a casemate log needs --format casemate)"
        )
    if data.get("version") != VERSION:
        raise Malformed(f"version {data.get('version')} of the format: need {VERSION}")
    for key in data:
        if key not in _KEYS and key not in FLAGS:
            raise Malformed(f"a header has no '{key}'")
    pes = number(data.get("pes"), "pes")
    if not 1 <= pes <= MAX_PES:
        raise Malformed(f"'pes' is {pes}: must be from 1 to {MAX_PES}")
    patch = _object(data.get("patch", {}), "patch")
    finding = _object(data.get("finding", {}), "finding")
    return Header(
        Start(
            pes,
            _memory(data.get("memory", [])),
            _registers(data, pes),
            _inner(data.get("inner", []), pes),
            iommus=tuple(map(_iommu, _list(data.get("iommus", []), "iommus"))),
            **{name: _flag(data[name], name) for name in FLAGS if name in data},
        ),
        _text(data.get("model", ""), "model"),
        _texts(data.get("profiles", []), "profiles"),
        _texts(data.get("assumptions", []), "assumptions"),
        _text(data.get("scenario", ""), "scenario"),
        tuple(_line(item) for item in _list(patch.get("lines", []), "lines")),
        _texts(patch.get("functions", []), "functions"),
        _text(finding.get("rule", ""), "rule"),
        _text(finding.get("fingerprint", ""), "fingerprint"),
    )


# -------------------------------------------------------------------- memory


def _runs(memory: Mapping[int, int]) -> Iterable[tuple[int, int, int, int]]:
    """Yield (address, first value, words, what each adds) for all of memory."""
    words = sorted(memory.items())
    position = 0
    while position < len(words):
        pa, first = words[position]
        count, step = 1, 0
        for next_pa, value in words[position + 1 :]:
            if next_pa != pa + 8 * count:
                break
            if count == 1:
                step = (value - first) % WORD
            if value != (first + count * step) % WORD:
                break
            count += 1
        yield pa, first, count, step if count > 1 else 0
        position += count


def _encode_run(pa: int, value: int, count: int, step: int) -> list[object]:
    run: list[object] = [hex(pa), hex(value)]
    if count > 1:
        run.append(count)
    if step:
        run.append(hex(step))
    return run


def _memory(data: object) -> dict[int, int]:
    memory: dict[int, int] = {}
    for run in _list(data, "memory"):
        if not isinstance(run, list) or not 2 <= len(run) <= 4:
            raise Malformed("a run of 'memory' is a list: address, value, words, step")
        pa, value = number(run[0], "memory"), number(run[1], "memory")
        count = number(run[2], "memory") if len(run) > 2 else 1
        step = number(run[3], "memory") if len(run) > 3 else 0
        if pa % 8:
            raise Malformed(f"'memory' at {pa:#x}: must be a multiple of 8")
        if len(memory) + count > MAX_MEMORY_WORDS:
            raise Malformed(f"'memory' has more than {MAX_MEMORY_WORDS} words")
        for word in range(count):
            memory[pa + 8 * word] = (value + word * step) % WORD
    return memory


# ------------------------------------------------------------------ the rest


def _registers(data: Mapping[str, object], pes: int) -> tuple[dict[str, int], ...]:
    given = _list(data.get("registers", []), "registers")
    if len(given) > pes:
        raise Malformed(f"'registers' are those of {len(given)} PEs: 'pes' is {pes}")
    return tuple(
        {name: number(value, name) for name, value in _object(one, "registers").items()}
        for one in given
    )


def _inner(data: object, pes: int) -> tuple[int, ...]:
    domains = tuple(number(item, "inner") for item in _list(data, "inner"))
    if domains and len(domains) != pes:
        raise Malformed(f"'inner' must hold one number for each of {pes} PEs")
    return domains


def _encode_iommu(iommu: Iommu) -> dict[str, object]:
    data: dict[str, object] = {"vttbr": hex(iommu.vttbr), "vtcr": hex(iommu.vtcr)}
    return data if iommu.coherent else {**data, "coherent": False}


def _iommu(data: object) -> Iommu:
    given = _object(data, "iommus")
    if not {"vttbr", "vtcr"} <= given.keys() <= {"vttbr", "vtcr", "coherent"}:
        raise Malformed("an IOMMU has 'vttbr', 'vtcr' and, if need be, 'coherent'")
    return Iommu(
        number(given["vttbr"], "vttbr"),
        number(given["vtcr"], "vtcr"),
        _flag(given.get("coherent", True), "coherent"),
    )


def _line(item: object) -> tuple[str, int]:
    if not isinstance(item, list) or len(item) != 2:
        raise Malformed("'lines' must hold lists of a file and a line")
    return _text(item[0], "lines"), number(item[1], "lines")


def _object(data: object, what: str) -> dict[str, Value]:
    if not isinstance(data, dict):
        raise Malformed(f"'{what}' must be an object")
    return data


def _list(data: object, what: str) -> list[object]:
    if not isinstance(data, list):
        raise Malformed(f"'{what}' must be a list")
    return data


def _flag(data: object, what: str) -> bool:
    if not isinstance(data, bool):
        raise Malformed(f"'{what}' must be true or false")
    return data


def _text(data: object, what: str) -> str:
    if not isinstance(data, str):
        raise Malformed(f"'{what}' must be a string")
    return data


def _texts(data: object, what: str) -> tuple[str, ...]:
    return tuple(_text(item, what) for item in _list(data, what))
