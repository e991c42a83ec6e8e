"""What can go wrong with the input, and what the harness does not model."""

from __future__ import annotations

from reference_model.coordinates import Coord

__all__ = [
    "ApplyError",
    "BoundError",
    "HarnessError",
    "ParseError",
    "PatchError",
    "PreprocessError",
    "ProcessError",
    "RefusedError",
    "ReportError",
    "TokenError",
    "TreeError",
    "Unsupported",
    "UsageError",
]


class HarnessError(Exception):
    """Broken input: says where, what is wrong and what to do about it."""

    def __init__(self, message: str, coord: Coord | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.coord = coord

    def __str__(self) -> str:
        return f"{self.coord}: {self.message}" if self.coord else self.message


class UsageError(HarnessError):
    """The command line asks for something that does not exist."""


class TokenError(HarnessError):
    """A replay token is damaged, or was made with another model."""


class PatchError(HarnessError):
    """The patch cannot be read: empty, binary, or naming files outside."""


class ApplyError(HarnessError):
    """The patch does not apply to the tree."""


class ReportError(HarnessError):
    """A saved result cannot be used: damaged, not whole, or of something else."""


class TreeError(HarnessError):
    """The tree is not one that the harness knows."""


class PreprocessError(HarnessError):
    """The C preprocessor refused the source."""


class ParseError(HarnessError):
    """The preprocessed source is not C that can be parsed or typed."""


class RefusedError(ParseError):
    """The source is C that a compiler refuses, too: says for what reason."""


class ProcessError(HarnessError):
    """A process that did a part of the work was killed."""


class BoundError(HarnessError):
    """A bound on steps, depth, memory or time was reached while running."""


class Unsupported(Exception):  # noqa: N818 - an outcome of its own, not an error
    """A construct that is not modelled; makes a verdict inconclusive."""

    def __init__(self, coord: Coord | None, what: str) -> None:
        # The arguments as they are: so it can be passed between processes.
        super().__init__(coord, what)
        self.coord = coord
        self.what = what

    def __str__(self) -> str:
        return f"{self.coord}: {self.what}" if self.coord else self.what
