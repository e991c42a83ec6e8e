"""Parse preprocessed GNU C into pycparser's syntax tree."""

from __future__ import annotations

import gc
import re
from dataclasses import dataclass

from pycparser import c_ast
from pycparser.c_parser import CParser
from pycparser.c_parser import ParseError as SyntaxProblem

from harness.errors import ParseError
from harness.frontend.attributes import SideTable
from harness.frontend.gnulexer import GnuLexer
from harness.frontend.recursion import recursion_room
from harness.frontend.tokens import Places
from reference_model.coordinates import Coord

__all__ = ["Syntax", "parse"]

_TEXT_LIMIT = 32 << 20
_NUMBERED = re.compile(r"^(.*?):(\d+):(\d+): (.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Syntax:
    """A syntax tree, and what belongs to it but is kept beside it."""

    tree: c_ast.FileAST
    places: Places
    side: SideTable


def parse(text: str, file: str) -> Syntax:
    """Parse ``text``; raise ParseError with the place of the first problem."""
    if len(text) > _TEXT_LIMIT:
        raise ParseError(f"'{file}' is too large once preprocessed")
    parser = CParser(lexer=GnuLexer, dialect="c23")
    lexer = parser.clex
    assert isinstance(lexer, GnuLexer)
    # The tree is large and acyclic: collecting garbage meanwhile finds none.
    collecting = gc.isenabled()
    gc.disable()
    try:
        with recursion_room():
            tree = parser.parse(text, file)
    except SyntaxProblem as problem:
        raise _located(str(problem), lexer) from None
    except RecursionError:
        raise ParseError(f"'{file}' is nested too deeply to parse") from None
    finally:
        if collecting:
            gc.enable()
    return Syntax(tree, lexer.places, lexer.side)


def _located(problem: str, lexer: GnuLexer) -> ParseError:
    """Turn pycparser's message, whose column is a token number, into ours."""
    match = _NUMBERED.match(problem)
    coord: Coord | None
    if match is not None:
        coord = lexer.places.coord(int(match[3]))
        message = match[4]
    else:
        coord = lexer.last_place()
        message = problem.rpartition(": ")[2]
    return ParseError(f"syntax error: {message[:1].lower()}{message[1:]}", coord)
