"""Find what a GNU attribute belongs to, from the tokens around it."""

from __future__ import annotations

from collections.abc import Iterable

from pycparser.c_lexer import Token

from harness.frontend.attributes import Attribute, read_attributes
from harness.frontend.promises import PROMISES
from harness.frontend.token_rewriter import CLOSING, OPENING, TokenRewriter

__all__ = ["AttributeTargets"]

_ENDS_DECLARATOR = frozenset(
    ("SEMI", "COMMA", "EQUALS", "COLON", "LBRACE", "RPAREN", "GNU_ASM", "LBRACKET")
)
_RECORD_WORDS = frozenset(("STRUCT", "UNION", "ENUM"))
_BEFORE_PARENTHESES = frozenset(("TYPEOF", "_ALIGNAS", "_ATOMIC"))


class AttributeTargets(TokenRewriter):
    """Drops attributes and keeps those that matter for what they belong to."""

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
        if not targets and all(a.name in PROMISES for a in attributes):
            return index  # of a type without a name: no function is meant
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
            if kind in OPENING:
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
            return self._bit_field_before() or self._declared_name_before()
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

    def _bit_field_before(self) -> Token | None:
        """Find the name of the bit-field whose width is the last thing written."""
        position = len(self._out) - 1
        name: Token | None = None
        while position > 0:
            token = self._out[position]
            if token.type in CLOSING:
                position = self._matching_open(position)
            elif token.type == "COLON" and self._out[position - 1].type == "ID":
                name = self._out[position - 1]
                break
            elif token.type in ("SEMI", "COMMA", "LBRACE", "CONDOP", "CASE"):
                return None
            position -= 1
        while position > 0 and self._out[position].type != "LBRACE":
            if self._out[position].type in CLOSING:
                position = self._matching_open(position)
            position -= 1
        before = self._out[max(position - 2, 0) : max(position, 0)]
        return name if any(t.type in ("STRUCT", "UNION") for t in before) else None

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
