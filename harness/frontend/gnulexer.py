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

from collections.abc import Callable, Iterable

from pycparser.c_lexer import CLexer, Dialect, Token

from harness.errors import ParseError
from harness.frontend.attributes import Attribute, SideTable, read_attributes
from harness.frontend.gnuasm import read_asm
from harness.frontend.tokens import Places, tokenize
from reference_model.coordinates import Coord

__all__ = [
    "ASM_CALL",
    "ELVIS",
    "PREDECLARED",
    "RANGE_CALL",
    "TYPES_COMPATIBLE",
    "GnuLexer",
]

ASM_CALL = "__harness_asm"
ELVIS = "__harness_elvis"
RANGE_CALL = "__harness_range"
TYPES_COMPATIBLE = "__builtin_types_compatible_p"

# va_list of AAPCS64, which the compiler knows without a declaration.
PREDECLARED = """\
# 1 "<built-in>"
typedef struct __va_list { void *__stack; void *__gr_top; void *__vr_top; \
int __gr_offs; int __vr_offs; } __builtin_va_list;
"""

_OPENING = {"LPAREN": "RPAREN", "LBRACKET": "RBRACKET", "LBRACE": "RBRACE"}
_CLOSING = frozenset(_OPENING.values())
_ENDS_DECLARATOR = frozenset(
    ("SEMI", "COMMA", "EQUALS", "COLON", "LBRACE", "RPAREN", "GNU_ASM", "LBRACKET")
)
_RECORD_WORDS = frozenset(("STRUCT", "UNION", "ENUM"))
_BEFORE_PARENTHESES = frozenset(("TYPEOF", "_ALIGNAS", "_ATOMIC"))


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


class _Rewriter:
    """One pass over the raw tokens."""

    def __init__(self, raw: list[Token], places: Places, side: SideTable) -> None:
        self._raw = raw
        self._places = places
        self._side = side
        self._out: list[Token] = []
        self._pending: dict[int, str] = {}  # raw index -> closing token before it
        self._prefix: list[Attribute] = []
        self._handlers: dict[str, Callable[[int], int]] = {
            "GNU_EXTENSION": self._skip,
            "GNU_ATTRIBUTE": self._attribute,
            "GNU_ASM": self._asm,
            "GNU_ALIGNOF": self._alignof,
            "GNU_LABEL": self._local_label,
            "GNU_TYPES_COMPATIBLE": self._types_compatible,
            "CONDOP": self._question,
            "ELLIPSIS": self._ellipsis,
        }

    def run(self) -> list[Token]:
        """Rewrite everything."""
        self._copy(0, len(self._raw))
        return self._out

    def _copy(self, start: int, end: int) -> None:
        """Append raw tokens ``start`` to ``end``, rewritten."""
        raw, append, handlers = self._raw, self._out.append, self._handlers
        pending = self._pending
        index = start
        while index < end:
            token = raw[index]
            if pending and index in pending:
                append(self._made(pending.pop(index), ")", token))
            handler = handlers.get(token.type)
            if handler is None:
                append(token)
                index += 1
            else:
                index = handler(index)

    # ------------------------------------------------------------ making tokens

    def _made(self, kind: str, value: str, at: Token) -> Token:
        """Make a token at the place of another."""
        coord = self._places.coord(at.column)
        number = self._places.add(*coord)
        return Token(kind, value, at.lineno, number, at.filename)

    def _emit(self, at: Token, text: str) -> None:
        """Append tokens for ``text``, words and parentheses separated by blanks."""
        kinds = {"(": "LPAREN", ")": "RPAREN", ",": "COMMA", "sizeof": "SIZEOF"}
        kinds |= {"typeof": "TYPEOF", "_Alignof": "_ALIGNOF"}
        for word in text.split():
            self._out.append(self._made(kinds.get(word, "ID"), word, at))

    def _error(self, index: int, message: str) -> ParseError:
        token = self._raw[min(index, len(self._raw) - 1)]
        return ParseError(message, self._places.coord(token.column))

    def _kind(self, index: int) -> str:
        return self._raw[index].type if index < len(self._raw) else ""

    def _match(self, index: int) -> int:
        """Return the index of the bracket that closes the one at ``index``."""
        raw, depth = self._raw, 0
        for position in range(index, len(raw)):
            kind = raw[position].type
            if kind in _OPENING:
                depth += 1
            elif kind in _CLOSING:
                depth -= 1
                if depth == 0:
                    return position
        raise self._error(index, "bracket is never closed")

    # ----------------------------------------------------------------- handlers

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
            if kind in _CLOSING:
                depth += 1
            elif kind in _OPENING and depth:
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
            position = self._match(position) + 1 if kind in _OPENING else position + 1
        return 0

    def _split(self, start: int, end: int, separator: str) -> list[tuple[int, int]]:
        """Split raw tokens at ``separator`` outside brackets."""
        parts: list[tuple[int, int]] = []
        first = index = start
        while index < end:
            kind = self._raw[index].type
            if kind in _OPENING:
                index = self._match(index)
            elif kind == separator:
                parts.append((first, index))
                first = index + 1
            index += 1
        parts.append((first, end))
        return parts

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

    # -------------------------------------------------------------- attributes

    def _attribute(self, index: int) -> int:
        """Drop a run of attributes; attach those that matter."""
        attributes: list[Attribute] = []
        first = index
        while self._kind(index) == "GNU_ATTRIBUTE":
            if self._kind(index + 1) != "LPAREN" or self._kind(index + 2) != "LPAREN":
                raise self._error(index, "attribute without double parentheses")
            end = self._match(index + 1)
            attributes += read_attributes(self._raw[index + 3 : end - 1])
            index = end + 1
        if not attributes:
            return index
        targets = self._targets(index)
        if not targets:
            names = ", ".join(a.name for a in attributes)
            raise self._error(first, f"cannot tell what attribute '{names}' is for")
        for target in targets:
            self._side.attach(target.column, attributes)
        return index

    def _targets(self, after: int) -> list[Token]:
        """Find the tokens of what attributes before raw index ``after`` belong to."""
        own = self._own_target(after)
        if own is not None:
            return [own]
        first = self._declared_name_after(after)
        before = self._out[-1].type if self._out else ""
        if first is None or before in ("COMMA", "LPAREN"):
            return [] if first is None else [first]
        # Among the specifiers, an attribute is for all that they declare.
        names = [first]
        while self._kind(after) not in ("SEMI", ""):
            kind = self._kind(after)
            if kind == "LBRACE" and self._kind(after - 1) == "RPAREN":
                break  # the body of a function
            if kind in _OPENING:
                after = self._match(after)
            elif kind == "COMMA":
                name = self._declared_name_after(after + 1)
                names += [] if name is None else [name]
            after += 1
        return names

    def _own_target(self, after: int) -> Token | None:
        """Find the one record or declarator that attributes stand next to."""
        before = self._out[-1] if self._out else None
        if before is not None and before.type in _RECORD_WORDS:
            return self._record_token(before, self._raw[after])
        if before is not None and before.type == "RBRACE":
            record = self._record_before()
            if record is not None:
                return record
        if self._kind(after) in _ENDS_DECLARATOR:
            return self._declared_name_before()
        return None

    @staticmethod
    def _record_token(word: Token, following: Token) -> Token:
        """Return the token whose place the AST node of a record has."""
        return word if word.type == "ENUM" else following

    def _record_before(self) -> Token | None:
        """Find the record whose closing brace is the last token."""
        position = self._matching_open(len(self._out) - 1)
        brace = self._out[position]
        if position >= 1 and self._out[position - 1].type in _RECORD_WORDS:
            return self._record_token(self._out[position - 1], brace)
        if position >= 2 and self._out[position - 2].type in _RECORD_WORDS:
            word = self._out[position - 2]
            return self._record_token(word, self._out[position - 1])
        return None

    def _matching_open(self, position: int) -> int:
        depth = 0
        while position >= 0:
            kind = self._out[position].type
            if kind in _CLOSING:
                depth += 1
            elif kind in _OPENING:
                depth -= 1
                if depth == 0:
                    return position
            position -= 1
        return 0

    def _declared_name_before(self) -> Token | None:
        """Find the name in the declarator that ends with the last token."""
        position = len(self._out) - 1
        while position >= 0:
            token = self._out[position]
            if token.type == "ID":
                return token
            if token.type not in ("RPAREN", "RBRACKET"):
                return None
            opening = self._matching_open(position)
            if token.type == "RPAREN" and self._is_nested_declarator(opening):
                inside = self._out[opening + 1 : position]
                return _last_id(inside)
            position = opening - 1
        return None

    def _is_nested_declarator(self, opening: int) -> bool:
        """Tell ``(*name)`` from a parameter list."""
        return bool(self._out[opening + 1].type == "TIMES")

    def _declared_name_after(self, index: int) -> Token | None:
        """Find the name that the specifiers from raw ``index`` on declare."""
        name: Token | None = None
        while index < len(self._raw):
            token = self._raw[index]
            kind = token.type
            if kind == "ID":
                name = token
            elif kind == "LBRACE" or kind in _BEFORE_PARENTHESES:
                skip = index if kind == "LBRACE" else index + 1
                index = self._match(skip)
            elif kind == "GNU_ATTRIBUTE":
                index = self._match(index + 1)
            elif kind == "LPAREN" and self._kind(index + 1) == "TIMES":
                return _last_id(self._raw[index : self._match(index)])
            elif kind in _ENDS_DECLARATOR or kind in ("LPAREN", "LBRACKET"):
                return name
            index += 1
        return None


def _last_id(tokens: Iterable[Token]) -> Token | None:
    found = None
    for token in tokens:
        if token.type == "ID":
            found = token
        elif token.type == "LPAREN" and found is not None:
            break
    return found
