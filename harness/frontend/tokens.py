"""Split preprocessed C into tokens, fast, keeping every token's place.

pycparser's ``Token`` has a column, which ends up in the coordinate of every
AST node.  Here it is the number of the token instead: that is unique, so what
the syntax tree cannot hold (attributes, asm strings) is kept aside under it,
and ``Places`` turns it back into a source coordinate.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from pycparser.c_lexer import Token

from harness.errors import ParseError
from reference_model.coordinates import Coord

__all__ = ["Places", "tokenize"]

_TOKEN = re.compile(
    r"""
      (?P<STRING>(?:u8|[LuU])?"(?:[^"\\]|\\.)*")
    | (?P<ID>[A-Za-z_$][\w$]*)
    | (?P<FLOAT>(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?[fFlL]?|\d+[eE][+-]?\d+[fFlL]?)
    | (?P<HEX>0[xX][0-9a-fA-F]+(?:[uU](?:ll|LL|[lL])?|(?:ll|LL|[lL])[uU]?)?)
    | (?P<BIN>0[bB][01]+(?:[uU](?:ll|LL|[lL])?|(?:ll|LL|[lL])[uU]?)?)
    | (?P<OCT>0[0-7]+(?:[uU](?:ll|LL|[lL])?|(?:ll|LL|[lL])[uU]?)?)
    | (?P<DEC>\d+(?:[uU](?:ll|LL|[lL])?|(?:ll|LL|[lL])[uU]?)?)
    | (?P<CHAR>[LuU]?'(?:[^'\\]|\\.)+')
    | (?P<OP>\.\.\.|<<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=
        |[-+*/%&|^~!<>=?:;,.(){}\[\]])
    """,
    re.VERBOSE,
)

_OPERATORS = {
    "...": "ELLIPSIS",
    "<<=": "LSHIFTEQUAL",
    ">>=": "RSHIFTEQUAL",
    "++": "PLUSPLUS",
    "--": "MINUSMINUS",
    "->": "ARROW",
    "&&": "LAND",
    "||": "LOR",
    "<<": "LSHIFT",
    ">>": "RSHIFT",
    "<=": "LE",
    ">=": "GE",
    "==": "EQ",
    "!=": "NE",
    "*=": "TIMESEQUAL",
    "/=": "DIVEQUAL",
    "%=": "MODEQUAL",
    "+=": "PLUSEQUAL",
    "-=": "MINUSEQUAL",
    "&=": "ANDEQUAL",
    "|=": "OREQUAL",
    "^=": "XOREQUAL",
    "=": "EQUALS",
    "+": "PLUS",
    "-": "MINUS",
    "*": "TIMES",
    "/": "DIVIDE",
    "%": "MOD",
    "|": "OR",
    "&": "AND",
    "~": "NOT",
    "^": "XOR",
    "!": "LNOT",
    "<": "LT",
    ">": "GT",
    "?": "CONDOP",
    "(": "LPAREN",
    ")": "RPAREN",
    "[": "LBRACKET",
    "]": "RBRACKET",
    "{": "LBRACE",
    "}": "RBRACE",
    ",": "COMMA",
    ".": "PERIOD",
    ";": "SEMI",
    ":": "COLON",
}

_CONSTANTS = {
    "HEX": "INT_CONST_HEX",
    "BIN": "INT_CONST_BIN",
    "OCT": "INT_CONST_OCT",
    "DEC": "INT_CONST_DEC",
    "FLOAT": "FLOAT_CONST",
    "CHAR": "CHAR_CONST",
    "STRING": "STRING_LITERAL",
}

_PLAIN_KEYWORDS = """
auto break case char const continue default do double else enum extern float for
goto if inline int long register restrict return short signed sizeof static struct
switch typedef union unsigned void volatile while typeof
"""

_KEYWORDS = {word: word.upper() for word in _PLAIN_KEYWORDS.split()} | {
    "_Bool": "_BOOL",
    "_Complex": "_COMPLEX",
    "_Noreturn": "_NORETURN",
    "_Thread_local": "_THREAD_LOCAL",
    "__thread": "_THREAD_LOCAL",
    "_Static_assert": "_STATIC_ASSERT",
    "_Atomic": "_ATOMIC",
    "_Alignof": "_ALIGNOF",
    "_Alignas": "_ALIGNAS",
    "_Generic": "_GENERIC",
    "__int128": "__INT128",
    "__int128_t": "__INT128",
    "__const": "CONST",
    "__const__": "CONST",
    "__volatile": "VOLATILE",
    "__volatile__": "VOLATILE",
    "__restrict": "RESTRICT",
    "__restrict__": "RESTRICT",
    "__inline": "INLINE",
    "__inline__": "INLINE",
    "__signed": "SIGNED",
    "__signed__": "SIGNED",
    "__typeof": "TYPEOF",
    "__typeof__": "TYPEOF",
    "__auto_type": "AUTO",
    "__builtin_offsetof": "OFFSETOF",
    "__builtin_va_arg": "__BUILTIN_VA_ARG",
    # Words of GNU C that the parser does not know; the lexer rewrites them.
    "__extension__": "GNU_EXTENSION",
    "__attribute": "GNU_ATTRIBUTE",
    "__attribute__": "GNU_ATTRIBUTE",
    "asm": "GNU_ASM",
    "__asm": "GNU_ASM",
    "__asm__": "GNU_ASM",
    "__alignof": "GNU_ALIGNOF",
    "__alignof__": "GNU_ALIGNOF",
    "__label__": "GNU_LABEL",
    "__builtin_types_compatible_p": "GNU_TYPES_COMPATIBLE",
}

# Spellings that the parser looks at, by token type.
_SPELLING = {
    "CONST": "const",
    "VOLATILE": "volatile",
    "RESTRICT": "restrict",
    "INLINE": "inline",
    "SIGNED": "signed",
    "TYPEOF": "typeof",
    "AUTO": "auto",
    "__INT128": "__int128",
    "OFFSETOF": "offsetof",
}

_MARKER = re.compile(r'# (\d+) "([^"]*)"')
_LAYOUT_PRAGMA = re.compile(
    r"#\s*pragma\s+(?:GCC\s+)?(scalar_storage_order|redefine_extname|weak)\b"
)
_PACK = re.compile(r"#\s*pragma\s+pack\b\s*(.*?)\s*\Z")
_PACK_ARGUMENTS = re.compile(
    r"\((?:(push|pop)?(?:\s*,\s*[A-Za-z_]\w*)?\s*,?\s*(1|2|4|8|16)?)?\s*\)\Z"
)


class Places:
    """The source coordinate of every token, by its number."""

    def __init__(self) -> None:
        self._tokens: list[tuple[str, int, int]] = []
        self._coords: dict[int, Coord] = {}
        # Token number from which on #pragma pack limits alignment; 0: not.
        self._packs: list[tuple[int, int]] = [(-1, 0)]
        self._pushed: list[int] = []

    def add(self, file: str, line: int, column: int) -> int:
        """Note the place of the next token and return its number."""
        self._tokens.append((file, line, column))
        return len(self._tokens) - 1

    def coord(self, number: int) -> Coord:
        """Return the source coordinate of token ``number``."""
        known = self._coords.get(number)
        if known is None:
            known = self._coords[number] = Coord(*self._tokens[number])
        return known

    def pack(self, number: int) -> int:
        """Return the limit that ``#pragma pack`` sets at a token, or 0."""
        place = bisect_right(self._packs, number, key=lambda pack: pack[0])
        return self._packs[place - 1][1]

    def set_pack(self, arguments: str) -> bool:
        """Apply a ``#pragma pack``; False if it is not understood."""
        match = _PACK_ARGUMENTS.match(arguments)
        if match is None:
            return False
        value = int(match[2] or 0)
        if match[1] == "push":
            self._pushed.append(self._packs[-1][1])
            value = value or self._packs[-1][1]
        elif match[1] == "pop":
            if not self._pushed:
                return False
            value = value or self._pushed[-1]
            self._pushed.pop()
        self._packs.append((len(self._tokens), value))
        return True


def tokenize(text: str, places: Places) -> list[Token]:
    """Split ``text`` into tokens; GNU words come out with type ``GNU_…``."""
    tokens: list[Token] = []
    file, line = "", 0
    for content in text.split("\n"):
        line += 1
        if not content or content.isspace():
            continue
        if content[0] == "#":
            marker = _MARKER.match(content)
            if marker:
                file, line = marker[2], int(marker[1]) - 1
            else:
                _pragma(content, Coord(file, line), places)
            continue
        tokens.extend(_tokens_of_line(content, file, line, places))
    return tokens


def _pragma(content: str, coord: Coord, places: Places) -> None:
    pack = _PACK.match(content)
    if pack is not None and places.set_pack(pack[1]):
        return
    if pack is not None or _LAYOUT_PRAGMA.match(content):
        raise ParseError(f"'{content.strip()}' is not supported", coord)


def _tokens_of_line(
    content: str, file: str, line: int, places: Places
) -> Iterator[Token]:
    add = places.add
    position = 0
    for match in _TOKEN.finditer(content):
        start = match.start()
        if start != position and not content[position:start].isspace():
            _bad_character(content, position, file, line)
        position = match.end()
        kind, value = match.lastgroup, match[0]
        if kind == "ID":
            kind = _KEYWORDS.get(value, "ID")
            value = _SPELLING.get(kind, value)
        elif kind == "OP":
            kind = _OPERATORS[value]
        else:
            assert kind is not None
            kind = _CONSTANTS[kind]
            if kind.startswith("INT") and content[position : position + 1].isalnum():
                _bad_character(content, position, file, line)
        yield Token(kind, value, line, add(file, line, start + 1), file)
    if content[position:].strip():
        _bad_character(content, position, file, line)


def _bad_character(content: str, position: int, file: str, line: int) -> None:
    rest = content[position:].lstrip()
    column = len(content) - len(rest) + 1
    raise ParseError(f"cannot read '{rest[:20]}' as C", Coord(file, line, column))
