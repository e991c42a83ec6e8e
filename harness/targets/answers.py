"""What a profile would answer to the questions that a run asked."""

from __future__ import annotations

from collections.abc import Mapping

from harness.execution.recorder import Query
from harness.targets.features import CPUINFO, ProfileFeatures

__all__ = ["Answers"]

_HWCAPS, _CPUINFO = "cpu_hwcaps", "system_cpuinfo"


class Answers:
    """The answers of one profile; ``places`` gives the byte offset in
    ``system_cpuinfo`` of each path in CPUINFO.
    """

    def __init__(self, features: ProfileFeatures, places: Mapping[str, int]) -> None:
        self._features = features
        registers = features.inputs.id_registers
        self._cpuinfo = {
            offset: registers.get(CPUINFO[path], 0) for path, offset in places.items()
        }

    def agrees(self, query: Query) -> bool:
        """Tell whether the answer to a question would have been the same."""
        return self._answer(query) == query.answer

    def _answer(self, query: Query) -> int | None:
        match query.kind, query.subject:
            case "alternative", (int(number),):
                return int(self._features.alternative(number))
            case "register", (int(pe), str(name)):
                return self._features.register(pe, name)
            case "memory", (str(name), int(offset), int(bit), int(width)):
                return self._bits(name, offset * 8 + bit, width)
        return None  # an unknown question: run again

    def _bits(self, name: str, first: int, width: int) -> int | None:
        if name == _HWCAPS:
            word = sum(1 << number for number in self._features.numbers())
        elif name == _CPUINFO:
            word = sum(value << 8 * place for place, value in self._cpuinfo.items())
        else:
            return None
        return (word >> first) & ((1 << width) - 1)
