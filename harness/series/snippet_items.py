"""Find what a piece of C defines, without preprocessing or parsing it.

Enough to tell functions, macros, types, variables, declarations and invocations
of macros that define something apart, and where each starts and ends.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field

from harness.errors import PatchError
from reference_model.coordinates import Coord

__all__ = ["Item", "items", "items_of_base", "words"]

_WORD = re.compile(r"[A-Za-z_]\w*")
_TOKEN = re.compile(
    r"""[ \t\f\v\r]+|\\\n|//(?:[^\\\n]|\\[\s\S])*|
    "(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'|
    [A-Za-z_]\w*|\.?\d[\w.]*|[\s\S]""",
    re.X,
)
_BREAK = re.compile(r"\\\r?\n|\n|/\*")
_DIRECTIVE = re.compile(r"#[ \t]*([a-z]*)[ \t]*(.*)", re.S)
_MACRO = re.compile(r"([A-Za-z_]\w*)(?:\(([^()]*)\))?")
_NOT_NAMES = frozenset({
    "__attribute__", "__attribute", "attribute", "__section", "__aligned", "sizeof",
    "__typeof__", "typeof", "__extension__", "_Alignas", "__declspec",
})  # fmt: skip
_LONGEST = 2000  # words of one declaration, without what is in brackets
_STATEMENTS = frozenset({
    "if", "for", "while", "do", "switch", "return", "goto", "break", "continue",
    "else", "case", "default",
})  # fmt: skip
_TAGGED = ("struct", "union", "enum")


@dataclass(frozen=True, slots=True)
class Item:
    """Something at the top level of a file.

    ``kind`` is function, macro, undef, include, type, variable, declaration or
    invocation; ``names`` is what it makes known, ``head`` the macro that an
    invocation invokes. The text runs from ``start`` to ``end``; a comment right
    above it starts at ``lead``. ``conditions`` are those of the ``#if`` around
    it, ``region`` the outermost of them as a range.
    """

    kind: str
    names: tuple[str, ...]
    lead: int
    start: int
    end: int
    line: int
    head: str = ""
    conditions: tuple[str, ...] = ()
    region: tuple[int, int] | None = None
    parameters: tuple[str, ...] = ()


@dataclass(slots=True)
class _Condition:
    text: str
    start: int
    depth: int
    guard: bool = False
    first: int = 0  # number of items when it began


@dataclass(slots=True)
class _Pending:
    """Tokens of the item being read, parenthesised groups and braces marked."""

    start: int = -1
    tokens: list[tuple[str, int]] = field(default_factory=list)  # text, nesting
    top: list[str] = field(default_factory=list)  # those outside all brackets


def words(text: str) -> frozenset[str]:
    """Return the identifiers in a text, those in comments as well."""
    return frozenset(_WORD.findall(text))


def items(text: str, name: str) -> list[Item]:
    """Return what stands at the top level of a text, in order."""
    scanner = _Scanner(text, name)
    scanner.read()
    scanner.check_end()
    return scanner.found


def items_of_base(text: str, name: str) -> list[Item]:
    """Return what stands at the top level of a file, as far as it can be told."""
    scanner = _Scanner(text, name, lenient=True)
    try:
        scanner.read()
    except PatchError:
        # Headers for the assembler, and C that only macros complete.
        return scanner.found
    return scanner.found


class _Scanner:
    def __init__(self, text: str, name: str, *, lenient: bool = False) -> None:
        self.text = text
        self.lenient = lenient
        self.name = name
        self.ends = [found.start() for found in re.finditer("\n", text)]
        self.at = 0
        self.found: list[Item] = []
        self.pending = _Pending()
        self.stack: list[str] = []  # open ( [ {
        self.conditions: list[_Condition] = []
        self.comment = -1  # start of a comment that stands right above
        self.fresh = True  # nothing but blanks on this line so far

    def _coord(self, at: int) -> Coord:
        return Coord(self.name, self._line(at))

    def _line(self, at: int) -> int:
        return bisect.bisect_left(self.ends, at) + 1

    def _error(self, message: str, at: int) -> PatchError:
        return PatchError(message, self._coord(at))

    def read(self) -> None:
        """Read the text once, token by token."""
        while self.at < len(self.text):
            if self.text.startswith("/*", self.at):
                self._comment()
                continue
            token = _TOKEN.match(self.text, self.at)
            assert token is not None
            self._token(token[0], token.end())

    def check_end(self) -> None:
        """Refuse a text that stops in the middle of something."""
        if self.stack:
            raise self._error(f"'{self.stack[-1]}' is not closed", len(self.text))
        if self.pending.tokens:
            raise self._error("the text ends inside a definition", self.pending.start)
        if self.conditions:
            raise self._error("#if without #endif", self.conditions[-1].start)

    def _comment(self) -> None:
        end = self.text.find("*/", self.at + 2)
        if end < 0:
            raise self._error("comment is not closed", self.at)
        if not self.pending.tokens and self.comment < 0:
            self.comment = self.at
        self.at = end + 2

    def _token(self, text: str, end: int) -> None:
        if text == "\n":
            # An empty line parts a comment from what follows.
            if self.fresh and not self.pending.tokens and self._empty_line():
                self.comment = -1
            self.fresh = True
        elif text == "#" and self.fresh:
            self._directive()
            return
        elif text.startswith("//"):
            if not self.pending.tokens and self.comment < 0:
                self.comment = self.at
        elif not text.isspace() and text != "\\\n":
            self.fresh = False
            self._significant(text, end)
        self.at = end

    def _empty_line(self) -> bool:
        start = self.text.rfind("\n", 0, self.at) + 1
        return not self.text[start : self.at].strip()

    def _significant(self, text: str, end: int) -> None:
        pending = self.pending
        if pending.start < 0:
            pending.start = self.at
        closed = ""
        if text in ("(", "[", "{"):
            pending.tokens.append((text, len(self.stack)))
            if not self.stack:
                pending.top.append(text)
            self.stack.append(text)
            return
        if text in (")", "]", "}"):
            opening = {")": "(", "]": "[", "}": "{"}[text]
            if not self.stack or self.stack[-1] != opening:
                raise self._error(f"'{text}' closes nothing", self.at)
            self.stack.pop()
            closed = text
        if len(self.stack) <= 1:
            pending.tokens.append((text, len(self.stack)))
        if self.stack:
            return
        pending.top.append(text)
        function = closed == "}" and self._is_function()
        if text == ";" or function or (closed == ")" and self._is_invocation(end)):
            self._finish(end)

    def _top(self) -> list[str]:
        if len(self.pending.top) > _LONGEST:
            raise self._error("cannot tell what this defines", self.pending.start)
        return self.pending.top

    def _is_function(self) -> bool:
        top = self._top()
        brace = top.index("{")
        return ")" in top[:brace] and "=" not in top[:brace]

    def _is_invocation(self, end: int) -> bool:
        """Tell whether MACRO(...) stands alone on its lines."""
        top = self._top()
        if len(top) != 3 or top[1] != "(" or not _WORD.fullmatch(top[0]):
            return False
        rest = self.text[end:]
        after = rest.lstrip(" \t\r")
        if after and not after.startswith(("\n", "//", "/*")):
            return False
        following = after.lstrip()
        return not following.startswith(("{", ";", "=", "__attribute", ","))

    # -- directives ---------------------------------------------------------

    def _directive(self) -> None:
        start, end = self.at, self._directive_end()
        found = _DIRECTIVE.match(self.text[start:end])
        assert found is not None
        word, rest = found.groups()
        self.at, self.fresh = end, False
        if word in ("if", "ifdef", "ifndef"):
            text = _condition(word, rest)
            self.conditions.append(
                _Condition(text, start, len(self.stack), first=len(self.found))
            )
            self.comment = -1
        elif word in ("else", "elif", "endif"):
            self._turn(word, rest, start, end)
        elif not self.stack and not self.pending.tokens:
            self._plain_directive(word, rest, start, end)

    def _directive_end(self) -> int:
        """Return where a directive ends: not at a backslash, nor in a comment."""
        at = self.at
        while True:
            found = _BREAK.search(self.text, at)
            if found is None:
                return len(self.text)
            if found[0] == "\n":
                return found.start()
            at = found.end()
            if found[0] == "/*":
                at = self.text.find("*/", at) + 2
                if at < 2:
                    raise self._error("comment is not closed", found.start())

    def _turn(self, word: str, rest: str, start: int, end: int) -> None:
        if not self.conditions:
            raise self._error(f"#{word} without #if", start)
        condition = self.conditions[-1]
        if word != "endif":
            # Each branch may open the same braces.
            del self.stack[condition.depth :]
            other = _condition("if", rest) if word == "elif" else ""
            negated = f"!({condition.text})"
            condition.text = f"{negated} && {other}" if other else negated
            self.comment = -1
            return
        self.conditions.pop()
        self.comment = -1
        if self.conditions or condition.guard:
            return
        for n in range(condition.first, len(self.found)):
            item = self.found[n]
            self.found[n] = Item(
                item.kind, item.names, item.lead, item.start, item.end, item.line,
                item.head, item.conditions, (condition.start, end), item.parameters,
            )  # fmt: skip

    def _plain_directive(self, word: str, rest: str, start: int, end: int) -> None:
        if word == "define":
            found = _MACRO.match(rest)
            if found is None:
                raise self._error("#define without a name", start)
            body = rest[found.end() :].strip()
            outer = self.conditions[-1] if self.conditions else None
            if (
                outer is not None
                and not body
                and outer.text == f"!defined({found[1]})"
                and len(self.conditions) == 1
                and outer.first == len(self.found) == 0
            ):
                outer.guard = True
                outer.text = ""
                return
            given = found[2]
            parameters = tuple(p.strip() for p in (given or "").split(","))
            self._add("macro", (found[1],), start, end, parameters=parameters)
        elif word == "undef":
            names = tuple(_WORD.findall(rest)[:1])
            if not names:
                raise self._error("#undef without a name", start)
            self._add("undef", names, start, end)
        elif word == "include":
            self._add("include", (rest.strip(),), start, end)
        else:
            self.comment = -1

    # -- declarations -------------------------------------------------------

    def _finish(self, end: int) -> None:
        top = self._top()
        start = self.pending.start
        tokens = self.pending.tokens
        self.pending = _Pending()
        if top == [";"]:
            return
        kind, names, head = _classify(top, tokens)
        if _is_statement(kind, top):
            if self.lenient:
                self.comment = -1
                return
            raise self._error(
                "a statement outside a function: give the whole function that holds it",
                start,
            )
        if not names:
            if self.lenient:
                self.comment = -1
                return
            raise self._error("cannot tell what this defines", start)
        self._add(kind, names, start, end, head=head)

    def _add(
        self,
        kind: str,
        names: tuple[str, ...],
        start: int,
        end: int,
        *,
        head: str = "",
        parameters: tuple[str, ...] = (),
    ) -> None:
        lead = self.comment if 0 <= self.comment < start else start
        if self.text[self.text.rfind("\n", 0, lead) + 1 : lead].strip():
            lead = start  # a comment behind other text
        self.comment = -1
        conditions = tuple(c.text for c in self.conditions if c.text)
        line = self._line(start)
        self.found.append(
            Item(kind, names, lead, start, end, line, head, conditions, None,
                 parameters)
        )  # fmt: skip


def _condition(word: str, rest: str) -> str:
    text = " ".join(re.sub(r"/\*.*?\*/|//.*", " ", rest, flags=re.S).split())
    if word == "ifdef":
        return f"defined({text})"
    return f"!defined({text})" if word == "ifndef" else text


def _is_statement(kind: str, top: list[str]) -> bool:
    if top[0] in _STATEMENTS or not (_WORD.fullmatch(top[0]) or top[0] == "("):
        return True
    if kind != "variable" or "=" not in top:
        return False
    before = top[: top.index("=")]
    before = before[: before.index("[")] if "[" in before else before
    several = sum(bool(_WORD.fullmatch(text)) for text in before) > 1
    return not several or "." in before or "-" in before


def _classify(
    top: list[str], tokens: list[tuple[str, int]]
) -> tuple[str, tuple[str, ...], str]:
    """Return kind, names and the macro invoked, for one complete item."""
    if "{" in top and top[-1] == "}" and "=" not in top[: top.index("{")]:
        return "function", _called(top[: top.index("{")]), ""
    if top[0] == "typedef":
        return "type", _last_word(top), ""
    if "=" in top:
        return "variable", _last_word(top[: top.index("=")]), ""
    if "{" in top:
        brace = top.index("{")
        tag = tuple(w for w in top[:brace] if _WORD.fullmatch(w))
        if any(word in _TAGGED for word in tag):
            behind = _last_word(top[top.index("}") :])
            if behind:
                return "variable", behind, ""
            if tag[-1] in _TAGGED and tag[-1] == "enum":
                return "type", _enumerators(tokens), ""
            return (
                ("type", (f"{_tag(tag)} {tag[-1]}",), "")
                if (tag[-1] not in _TAGGED)
                else ("type", (), "")
            )
    if len(top) >= 3 and top[1] == "(" and _WORD.fullmatch(top[0]):
        return "invocation", _arguments(tokens), top[0]
    if "(" in top and (called := _called(top)):
        return "declaration", called, ""
    if top[0] in _TAGGED and len(top) == 3:
        return "declaration", (f"{top[0]} {top[1]}",), ""
    return "declaration" if top[0] == "extern" else "variable", _last_word(top), ""


def _tag(found: tuple[str, ...]) -> str:
    return next(word for word in found if word in _TAGGED)


def _called(top: list[str]) -> tuple[str, ...]:
    """Return the name before the parameters."""
    for n, text in enumerate(top):
        word = top[n - 1] if n else ""
        if text == "(" and _WORD.fullmatch(word) and word not in _NOT_NAMES:
            return (word,)
    return ()


def _last_word(top: list[str]) -> tuple[str, ...]:
    end = top.index("[") if "[" in top else len(top)
    names = [w for w in top[:end] if _WORD.fullmatch(w) and w not in _NOT_NAMES]
    return tuple(names[-1:])


def _arguments(tokens: list[tuple[str, int]]) -> tuple[str, ...]:
    """Return the single-word arguments: which of them is defined is the macro's."""
    found, last = [], ""
    for text, depth in tokens[1:]:
        if depth == 1 and text not in (",",):
            last = text if not last else f"{last} {text}"
        elif last:
            found.append(last)
            last = ""
    return tuple(found)


def _enumerators(tokens: list[tuple[str, int]]) -> tuple[str, ...]:
    names, fresh = [], True
    for text, depth in tokens:
        if depth != 1:
            continue
        if fresh and _WORD.fullmatch(text):
            names.append(text)
        fresh = text == ","
    return tuple(names)
