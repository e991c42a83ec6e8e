"""The functions of a unit, each lowered when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, ValuesView
from typing import Any

from harness.ir.nodes import FunctionDef

__all__ = ["LazyFunctions"]


class LazyFunctions(dict[str, FunctionDef]):
    """A dict whose values are made at the first look at them.

    Until then the dict holds None, which nothing ever sees.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pending: dict[str, Callable[[], FunctionDef]] = {}

    def add(self, name: str, make: Callable[[], FunctionDef]) -> None:
        """Add a function that ``make`` lowers."""
        self._pending[name] = make
        super().__setitem__(name, None)  # type: ignore[assignment]

    def __getitem__(self, name: str) -> FunctionDef:
        make = self._pending.get(name)
        if make is not None:
            super().__setitem__(name, make())
            del self._pending[name]
        return super().__getitem__(name)

    def get(  # type: ignore[override]
        self, name: str, default: FunctionDef | None = None
    ) -> FunctionDef | None:
        """Return the function, or ``default``."""
        if name in self:
            return self[name]
        return default

    def __setitem__(self, name: str, function: FunctionDef) -> None:
        self._pending.pop(name, None)
        super().__setitem__(name, function)

    def __delitem__(self, name: str) -> None:
        self._pending.pop(name, None)
        super().__delitem__(name)

    def _complete(self) -> None:
        for name in list(self._pending):
            self[name]

    def values(self) -> ValuesView[FunctionDef]:  # type: ignore[override]
        """Lower everything and return it."""
        self._complete()
        return super().values()

    def items(self) -> ItemsView[str, FunctionDef]:  # type: ignore[override]
        """Lower everything and return it with names."""
        self._complete()
        return super().items()

    def __reduce__(self) -> tuple[type[dict[Any, Any]], tuple[dict[str, FunctionDef]]]:
        """Pickle as a plain dict of everything."""
        self._complete()
        return dict, (dict(super().items()),)
