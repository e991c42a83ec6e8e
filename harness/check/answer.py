"""Answers to what reviewers of such patches ask, each from what was computed."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Answer", "Figure"]


class Figure(NamedTuple):
    """One number of an answer, by a name that is stable."""

    name: str
    value: float


class Answer(NamedTuple):
    """A question as a reviewer asks it, and the answer.

    ``id`` names the question for machines; ``figures`` are the numbers that the
    text states; ``source`` says which runs or replays they come from.  A
    question whose answer was not computed has no answer: it is left out.
    """

    id: str
    question: str
    text: str
    figures: tuple[Figure, ...] = ()
    source: str = ""
