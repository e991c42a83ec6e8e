"""The numbers that a cost is computed from, each with its source.

Instruction counts come from executing the code; nothing else in a cost is a
measurement of this tool.  A parameter without a public measurement has no
value: what depends on it is told in units of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.cost.span import Span
from harness.errors import UsageError

__all__ = ["PARAMETERS", "Parameter", "Parameters", "read_parameters"]

_MAIL = (
    "xen-devel, thread of 'xen/arm/p2m: perform IPA-based TLBI for arm64 when IPA "
    "is known' (2025): one Graviton4, KVM nested virtualization, 48-bit IPA"
)
_KVM = "Linux arch/arm64/kvm: sys_regs.c, nested.c"
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number: seconds or a plain count, None where nobody has told it."""

    name: str
    what: str
    unit: str  # "s", "" for a count, "bits"
    value: Span | None
    source: str


def _measured(low: float, typical: float, high: float) -> Span:
    return Span(low, typical, high)


# A VMALLS12E1* took 1.46 to 9.50 s with 48 bits: 2^18 chunks of 1 GiB.
_CHUNKS_48 = 1 << 18
_FULL_LOW, _FULL_HIGH = 1.46, 9.50

_TABLE = (
    Parameter(
        "nv-chunk",
        "KVM: look through one GiB of a shadow stage 2, mapped or not",
        "s",
        _measured(
            _FULL_LOW / _CHUNKS_48, _FULL_LOW / _CHUNKS_48, _FULL_HIGH / _CHUNKS_48
        ),
        f"1.46 to 9.50 s for one VMALLS12E1 at 48 bits, over 2^18 chunks; {_MAIL}",
    ),
    Parameter(
        "nv-ipas2",
        "KVM: one trapped IPAS2E1*, the trap included",
        "s",
        _measured(20e-6, _FULL_LOW / 70_000, 140e-6),
        f"VMALLS12E1 costs about 70 000 times as much; {_MAIL}",
    ),
    Parameter(
        "nv-stage1",
        "KVM: one trapped stage-1 TLBI (VMALLE1*, VAE1* ...)",
        "s",
        _measured(10e-6, 18e-6, 27e-6),
        f"handle_tlbi_el1: 10 to 27 us, taken at 18; {_MAIL}",
    ),
    Parameter(
        "nv-chunk-bits",
        "KVM: log2 of the range unmapped at a time with a 4K granule",
        "bits",
        Span.exactly(30),
        f"stage2_apply_range goes by the largest block; {_KVM}",
    ),
    Parameter(
        "nv-refault",
        "KVM: one stage-2 fault of the nested guest after a flush",
        "s",
        None,
        "no public measurement found: not part of the times below",
    ),
    Parameter(
        "domu-unmaps",
        "calls that unmap one page while a domU of 128 MiB is created",
        "",
        Span.exactly(7458),
        f"counted by the author of the series; {_MAIL}",
    ),
    Parameter(
        "dvm",
        "bare metal: one broadcast TLBI and its share of the DSB",
        "s",
        None,
        "no public measurement found: depends on the interconnect and core count",
    ),
    Parameter(
        "local",
        "bare metal: one local TLBI and its DSB",
        "s",
        None,
        "no public measurement found",
    ),
    Parameter(
        "walk-read",
        "bare metal: one descriptor read of a translation table walk",
        "s",
        None,
        "no public measurement found: a hit in a cache or a read from memory",
    ),
)
PARAMETERS: dict[str, Parameter] = {p.name: p for p in _TABLE}

# Entries of the largest TLB: what one flush can at most cost in refills.
TLB_ENTRIES: dict[str, tuple[int, str]] = {
    "Cortex-A35": (512, "Arm 100236, TLB organization: main TLB"),
    "Cortex-A53": (512, "Arm DDI 0500, 5.2.2: main TLB"),
    "Cortex-A72": (1024, "Arm 100095, 5.2.3: L2 TLB"),
    "Cortex-A76": (1280, "Arm 100798, A5.2.3: L2 TLB"),
}


class Parameters:
    """The table, with what the user has set."""

    def __init__(self, given: Mapping[str, float] | None = None) -> None:
        self._given = dict(given or {})

    def __getitem__(self, name: str) -> Parameter:
        parameter = PARAMETERS[name]
        if name not in self._given:
            return parameter
        value = Span.exactly(self._given[name])
        return replace(parameter, value=value, source="set by --parameter")

    def value(self, name: str) -> Span:
        """Return a value that is known to be there."""
        value = self[name].value
        if value is None:
            raise UsageError(f"cost parameter '{name}' has no value: set --parameter")
        return value

    def every(self) -> list[Parameter]:
        """List all of them, in the order of the table."""
        return [self[name] for name in PARAMETERS]


def read_parameters(texts: list[str]) -> Parameters:
    """Read ``NAME=VALUE`` options; times are as ``20us`` or ``1.5ms``."""
    given = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in PARAMETERS:
            known = ", ".join(PARAMETERS)
            raise UsageError(f"no cost parameter '{name}': there are {known}")
        given[name] = _number(name, value)
    return Parameters(given)


def _number(name: str, text: str) -> float:
    unit = PARAMETERS[name].unit
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)(s|ms|us|ns)?", text)
    if found is None or (unit == "s") != bool(found[2]):
        form = "a time as '20us'" if unit == "s" else "a plain number"
        raise UsageError(f"cost parameter '{name}' is {form}, not '{text}'")
    number = float(found[1]) * _UNITS.get(found[2] or "s", 1.0)
    if number <= 0:
        raise UsageError(f"cost parameter '{name}' must be above 0, not '{text}'")
    return number
