"""What a profile would answer to the questions that a run asked."""

from __future__ import annotations

from collections.abc import Mapping

from harness.execution.recorder import Query
from harness.targets.features import ProfileFeatures

__all__ = ["Answers"]

_HWCAPS = "cpu_hwcaps"


class Answers:
    """The answers of one profile; ``places`` are as of ``cpuinfo_places()``."""

    def __init__(
        self, features: ProfileFeatures, places: Mapping[str, Mapping[int, str]]
    ) -> None:
        self._features = features
        registers = features.inputs.id_registers
        self._words = {
            name: sum(registers.get(reg, 0) << 8 * at for at, reg in offsets.items())
            for name, offsets in places.items()
        }
        self._words[_HWCAPS] = sum(1 << number for number in features.numbers())

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
        word = self._words.get(name)
        if word is None:
            return None
        return (word >> first) & ((1 << width) - 1)
