"""A lexer that turns GNU C into what pycparser's C23 dialect parses.

It is handed to ``CParser`` by its public ``lexer`` parameter.  The whole text
is split once; one pass over the tokens then rewrites the GNU words:

* attributes vanish; those that matter are attached to a token in the side table
* ``asm`` with operands becomes a call of ``__harness_asm``
* ``a ?: b`` becomes ``a ? __harness_elvis : b``
* ``[a ... b]`` and ``case a ... b`` become ``__harness_range(a, b)``
* ``__alignof__(x)`` becomes ``_Alignof(typeof(x))``
* ``__builtin_types_compatible_p(T, U)`` gets its types wrapped in ``sizeof``
"""

from __future__ import annotations

from collections.abc import Callable

from pycparser.c_lexer import CLexer, Dialect, Token

from harness.frontend.attribute_targets import AttributeTargets
from harness.frontend.attributes import SideTable
from harness.frontend.gnuasm import read_asm
from harness.frontend.token_rewriter import CLOSING, OPENING
from harness.frontend.tokens import Places, tokenize
from reference_model.coordinates import Coord

__all__ = [
    "ASM_CALL",
    "COMPUTED_GOTO",
    "ELVIS",
    "LABEL_ADDRESS",
    "PREDECLARED",
    "RANGE_CALL",
    "TYPES_COMPATIBLE",
    "GnuLexer",
]

ASM_CALL = "__harness_asm"
COMPUTED_GOTO = "__harness_computed_goto"
LABEL_ADDRESS = "__harness_label_address"
ELVIS = "__harness_elvis"
RANGE_CALL = "__harness_range"
TYPES_COMPATIBLE = "__builtin_types_compatible_p"

# What has parentheses, then a statement.
_BEFORE_STATEMENT = frozenset(("IF", "WHILE", "FOR", "SWITCH"))
_ENDS_OPERAND = frozenset(
    ("ID", "RPAREN", "RBRACKET", "RBRACE", "PLUSPLUS", "MINUSMINUS", "STRING_LITERAL")
)

# va_list of AAPCS64, which the compiler knows without a declaration.
PREDECLARED = """\
# 1 "<built-in>"
typedef struct __va_list { void *__stack; void *__gr_top; void *__vr_top; \
int __gr_offs; int __vr_offs; } __builtin_va_list;
"""


class GnuLexer(CLexer):  # type: ignore[misc]
    """The lexer that ``CParser`` is given; ``places`` and ``side`` stay readable."""

    def __init__(
        self,
        error_func: Callable[[str, int, int], None],
        *,
        dialect: Dialect = "legacy",
    ) -> None:
        super().__init__(error_func, dialect=dialect)
        self.places = Places()
        self.side = SideTable()
        self._out: list[Token] = []
        self._next = 0

    def input(self, text: str, filename: str = "") -> None:
        """Split and rewrite ``text``."""
        super().input("", filename)
        start = f'# 1 "{filename}"\n'
        raw = tokenize(PREDECLARED + start + text, self.places)
        self._next = 0
        self._out = _Rewriter(raw, self.places, self.side).run()

    def last_place(self) -> Coord | None:
        """Return the place of the token that was handed out last."""
        if not self._next:
            return None
        return self.places.coord(self._out[self._next - 1].column)

    def token(self) -> Token | None:
        """Return the next token, or None at the end."""
        if self._next >= len(self._out):
            return None
        token = self._out[self._next]
        self._next += 1
        return token


class _Rewriter(AttributeTargets):
    """The rewriting of all GNU words."""

    def __init__(self, raw: list[Token], places: Places, side: SideTable) -> None:
        super().__init__(raw, places, side)
        self._handlers = {
            "GNU_EXTENSION": self._skip,
            "GNU_ATTRIBUTE": self._attribute,
            "GNU_ASM": self._asm,
            "GNU_ALIGNOF": self._alignof,
            "GNU_LABEL": self._local_label,
            "GNU_TYPES_COMPATIBLE": self._types_compatible,
            "CONDOP": self._question,
            "GOTO": self._goto,
            "LAND": self._land,
            "ELLIPSIS": self._ellipsis,
        }

    def _skip(self, index: int) -> int:
        return index + 1

    def _local_label(self, index: int) -> int:
        while self._kind(index) not in ("SEMI", ""):
            index += 1
        return index + 1

    def _question(self, index: int) -> int:
        token = self._raw[index]
        self._out.append(token)
        if self._kind(index + 1) == "COLON":
            self._emit(token, ELVIS)
        return index + 1

    def _goto(self, index: int) -> int:
        """Turn a computed goto into a call, which is refused where it is reached."""
        if self._kind(index + 1) != "TIMES":
            self._out.append(self._raw[index])
            return index + 1
        end = index
        while self._kind(end) not in ("SEMI", ""):
            end += 1
        self._emit(self._raw[index], f"{COMPUTED_GOTO} ( )")
        return end

    def _land(self, index: int) -> int:
        """Turn ``&&label`` into a call, too."""
        before = self._out[-1].type if self._out else ""
        binary = before in _ENDS_OPERAND or "_CONST" in before
        if binary or self._kind(index + 1) != "ID":
            self._out.append(self._raw[index])
            return index + 1
        self._emit(self._raw[index], f"{LABEL_ADDRESS} ( )")
        return index + 2

    def _alignof(self, index: int) -> int:
        if self._kind(index + 1) != "LPAREN":
            raise self._error(index, "__alignof__ without parentheses")
        end = self._match(index + 1)
        self._emit(self._raw[index], "_Alignof ( typeof (")
        self._copy(index + 2, end)
        self._emit(self._raw[end], ") )")
        return end + 1

    def _types_compatible(self, index: int) -> int:
        if self._kind(index + 1) != "LPAREN":
            raise self._error(index, f"{TYPES_COMPATIBLE} without parentheses")
        end = self._match(index + 1)
        parts = self._split(index + 2, end, "COMMA")
        if len(parts) != 2:
            raise self._error(index, f"{TYPES_COMPATIBLE} takes two types")
        at = self._raw[index]
        self._emit(at, f"{TYPES_COMPATIBLE} (")
        for number, (start, stop) in enumerate(parts):
            self._emit(at, ", sizeof (" if number else "sizeof (")
            self._copy(start, stop)
            self._emit(at, ")")
        self._emit(at, ")")
        return end + 1

    def _ellipsis(self, index: int) -> int:
        """Rewrite a range; a variadic parameter list stays as it is."""
        if self._kind(index - 1) in ("COMMA", "LPAREN"):
            self._out.append(self._raw[index])
            return index + 1
        start, closing = len(self._out), ""
        depth = 0
        while start > 0 and not closing:
            start -= 1
            kind = self._out[start].type
            if kind in CLOSING:
                depth += 1
            elif kind in OPENING and depth:
                depth -= 1
            elif kind == "LBRACKET":
                closing = "RBRACKET"
            elif kind == "CASE" and not depth:
                closing = "COLON"
            elif kind in ("SEMI", "LBRACE"):
                break
        end = self._end_of_range(index, closing) if closing else 0
        if not end:
            raise self._error(index, "'...' outside a range")
        tail = self._out[start + 1 :]
        del self._out[start + 1 :]
        self._emit(self._raw[index], f"{RANGE_CALL} (")
        self._out += tail
        self._emit(self._raw[index], ",")
        self._pending[end] = "RPAREN"
        return index + 1

    def _end_of_range(self, index: int, closing: str) -> int:
        position = index + 1
        while position < len(self._raw):
            kind = self._raw[position].type
            if kind == closing:
                return position
            position = self._match(position) + 1 if kind in OPENING else position + 1
        return 0

    # --------------------------------------------------------------------- asm

    def _asm(self, index: int) -> int:
        start = index + 1
        qualifiers: list[str] = []
        while self._kind(start) in ("VOLATILE", "INLINE", "GOTO"):
            qualifiers.append(self._kind(start))
            start += 1
        if self._kind(start) != "LPAREN":
            raise self._error(index, "asm without parentheses")
        end = self._match(start)
        if self._out and not qualifiers and self._is_asm_label(end):
            self._name_register(index, start, end)
            return end + 1
        number = self._made("ID", ASM_CALL, self._raw[index])
        text, operands = read_asm(self._raw, start + 1, end, qualifiers)
        if text is None:
            raise self._error(index, "cannot read this asm statement")
        self._side.asm[number.column] = text
        self._out.append(number)
        self._emit(self._raw[index], "(")
        for position, (first, last) in enumerate(operands):
            if position:
                self._emit(self._raw[index], ",")
            self._copy(first, last)
        self._emit(self._raw[index], ")")
        return end + 1

    def _is_asm_label(self, end: int) -> bool:
        """Tell whether the asm just names the symbol or register of a name."""
        before = self._out[-1].type
        if before == "RPAREN":
            opening = self._matching_open(len(self._out) - 1)
            if opening and self._out[opening - 1].type in _BEFORE_STATEMENT:
                return False
        return before in ("ID", "RPAREN", "RBRACKET") and self._kind(end + 1) in (
            "SEMI",
            "COMMA",
            "EQUALS",
            "GNU_ATTRIBUTE",
        )

    def _name_register(self, index: int, start: int, end: int) -> None:
        text, _ = read_asm(self._raw, start + 1, end, ())
        name = self._declared_name_before()
        if text is None or name is None:
            raise self._error(index, "cannot read this asm label")
        self._side.registers[name.column] = text.template
