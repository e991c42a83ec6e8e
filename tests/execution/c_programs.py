"""Random C programs that use what kernels use of GNU C.

Nothing in them is undefined but arithmetic (overflow, shifts, division), and no
result depends on an order that C leaves open: what an expression changes is
used once in it, and functions with effects only add to a counter.
"""

from __future__ import annotations

from random import Random

__all__ = ["PROLOGUE", "Writer", "program"]

INTEGERS = [
    *("signed char", "unsigned char", "char", "short", "unsigned short", "int"),
    *("unsigned int", "long", "unsigned long", "long long", "unsigned long long"),
    *("_Bool", "enum e", "enum s", "__int128", "unsigned __int128"),
]
BITS = {
    "int": 32,
    "unsigned int": 32,
    "signed char": 8,
    "unsigned char": 8,
    "char": 8,
    "short": 16,
    "unsigned short": 16,
    "long": 64,
    "unsigned long": 64,
    "unsigned long long": 64,
    "_Bool": 1,
    "enum e": 32,
    "enum s": 32,
}
LITERALS = [
    *("0", "1", "2", "7", "31", "63", "255", "-1", "1U", "0x80000000", "-5L", "'a'"),
    *("0xffffffffffffffff", "2147483647", "2147483648", "3UL", "(1UL << 40)", "017"),
    *("'\\xff'", "4294967295", "0x7fffffffffffffff", "9LL", "1ULL", "E1", "S0", "EL"),
    *("sizeof(int)", "'\\0'", "-2147483648", "0b101", "(char)200", "(signed char)200"),
]
KINDS = (
    "_Generic((%s), int: 1, unsigned int: 2, long: 3, unsigned long: 4, "
    "long long: 5, unsigned long long: 6, __int128: 7, unsigned __int128: 8, "
    "_Bool: 9, char: 10, signed char: 11, unsigned char: 12, short: 13, "
    "unsigned short: 14, default: 15)"
)

PROLOGUE = """
typedef unsigned long ulong;
enum e { E0, E1, E2 = 9 };
enum s { S0 = -3, S1 };
enum { EL = 0x123456789L };
static ulong count, sink;
static long effect(long x) { count += x * 77 + 1; return x; }
static long twice(long x, long y) { return (ulong)x * 2 + y; }
static long other(long x, long y) { return x ^ y >> 3; }
static long third(long x, long y) { return x ? y : ~x; }
static long (*const table[4])(long, long) = { twice, [2] = other, third, [1] = third };
static int choose(int x) { return x & 3; }
typedef struct { ulong v; } one_t;
static one_t one(ulong v) { return (one_t){ v }; }
static ulong of(one_t o) { return o.v; }
struct trio { long a; int b; char c[5]; };
static struct trio mix(struct trio t, long x)
{ t.a ^= x; t.b = t.b + 1U; t.c[x & 3] += x; return t; }
static ulong fold(struct trio t)
{
    ulong h = t.a;
    for ( int i = 0; i < 5; i++ ) h = h * 31 + t.c[i];
    return h * 31 + t.b;
}
static ulong sum(const char *f, ...)
{
    __builtin_va_list list, again;
    ulong h = 0;
    __builtin_va_start(list, f);
    __builtin_va_copy(again, list);
    for ( const char *p = f; *p; p++ )
        switch ( *p )
        {
        case 'i': h = h * 31 + __builtin_va_arg(list, int); break;
        case 'l': h = h * 31 + __builtin_va_arg(list, long); break;
        case 't': { struct trio t = __builtin_va_arg(list, struct trio); h += fold(t); }
            break;
        case 'o': h = h * 31 + of(__builtin_va_arg(list, one_t)); break;
        case 'p': h = h * 31 + *__builtin_va_arg(list, char *); break;
        }
    if ( *f == 'i' )
        h += __builtin_va_arg(again, int);
    __builtin_va_end(again);
    __builtin_va_end(list);
    return h;
}
"""


class Writer:
    """Writes one program; ``arm`` allows what is laid out as only AAPCS64 says."""

    def __init__(self, random: Random, arm: bool) -> None:
        self.random = random
        self.arm = arm
        self.records: list[tuple[str, list[tuple[str, str, int]]]] = []
        self.labels = 0
        self.variables: list[tuple[str, str]] = []
        self.places: list[str] = []
        self.reserved: set[str] = set()
        self.used: set[str] = set()

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    # ------------------------------------------------------------------ records

    def field(self, name: str, depth: int) -> tuple[str, list[tuple[str, str, int]]]:
        """Return a member declaration and (path, type, bits) of its scalars."""
        random, kind = self.random, self.random.randrange(100)
        if kind < 50:
            ctype = random.choice(list(BITS))
            width = random.randint(1, BITS[ctype])
            text = f"{ctype} {name}:{width}"
            if self.chance(8):
                text += " __attribute__((packed))"
            if self.arm and self.chance(5):
                text += f" __attribute__((aligned({random.choice([1, 2, 4, 8, 16])})))"
            if self.arm and self.chance(10):
                text += f"; {random.choice(['int', 'char', 'long', 'short'])} :0"
            elif self.chance(8):
                text += "; int :5"
            return text + ";", [(name, ctype, width)]
        if kind < 80 or depth == 0:
            ctype = random.choice(INTEGERS)
            text = f"{ctype} {name}"
            if self.chance(10):
                text += f" __attribute__((aligned({random.choice([1, 2, 4, 8, 16])})))"
            if self.chance(8):
                text += " __attribute__((packed))"
            return text + ";", [(name, ctype, 0)]
        if kind < 90:
            ctype = random.choice(INTEGERS)
            count = random.randint(1, 3)
            return f"{ctype} {name}[{count}];", [
                (f"{name}[{i}]", ctype, 0) for i in range(count)
            ]
        return self.nested(name, depth)

    def nested(self, name: str, depth: int) -> tuple[str, list[tuple[str, str, int]]]:
        """Return a struct or union inside another one, perhaps without a name."""
        kind = self.random.choice(["struct", "union"])
        anonymous = self.chance(40)
        inner = [
            self.field(f"{name}{'xyz'[i]}", depth - 1)
            for i in range(self.random.randint(1, 3))
        ]
        texts = " ".join(text for text, _ in inner)
        prefix = "" if anonymous else f"{name}."
        paths = [(prefix + p, t, w) for _, parts in inner for p, t, w in parts]
        if kind == "union":
            paths = paths[:1]  # what is read is what was written last
        packed = " __attribute__((packed))" * self.chance(15)
        return f"{kind}{packed} {{ {texts} }}{'' if anonymous else ' ' + name};", paths

    def record(self, number: int) -> str:
        fields = [self.field(f"m{i}", 2) for i in range(self.random.randint(1, 6))]
        text = " ".join(t for t, _ in fields)
        tag = f"struct r{number}"
        paths = [part for _, parts in fields for part in parts]
        self.records.append((tag, paths))
        attributes = ""
        if self.chance(25):
            attributes += " __attribute__((packed))"
        if self.chance(15):
            attributes += (
                f" __attribute__((aligned({self.random.choice([2, 4, 8, 32])})))"
            )
        pack = self.random.choice([1, 2, 4, 8]) if self.chance(15) else 0
        definition = f"{tag} {{ {text} }}{attributes};\n"
        if pack:
            definition = f"#pragma pack({pack})\n{definition}#pragma pack()\n"
        return definition + self.layout(number, paths) + self.globals(number, paths)

    def layout(self, number: int, paths: list[tuple[str, str, int]]) -> str:
        """Write a function that looks at where the members lie."""
        lines = [f"long layout{number}(long w, long x, long y, long z)", "{"]
        lines += [
            f"    struct r{number} r; unsigned char *p = (void *)&r;",
            f"    ulong h = sizeof(r) * 64 + _Alignof(struct r{number});",
        ]
        for path, _, width in paths:
            lines.append(f"    __builtin_memset(&r, w, sizeof(r)); r.{path} = x;")
            lines.append(
                "    for ( ulong i = 0; i < sizeof(r); i++ ) h = h * 31 + p[i];"
            )
            lines.append(f"    h = h * 31 + (ulong)r.{path};")
            if not width:
                lines.append(
                    f"    h = h * 31 + __builtin_offsetof(struct r{number}, {path});"
                )
        return "\n".join([*lines, "    return h;", "}", ""])

    def globals(self, number: int, paths: list[tuple[str, str, int]]) -> str:
        """Write a variable with designated initialisers, some given twice."""
        chosen = [p for p in paths if "." not in p[0]]
        self.random.shuffle(chosen)
        chosen = chosen[: self.random.randint(0, len(chosen))]
        items = [f".{path} = {self.constant()}" for path, _, _ in chosen]
        if chosen and self.chance(30):
            items.append(f".{chosen[0][0]} = {self.constant()}")
        return f"static struct r{number} g{number} = {{ {', '.join(items)} }};\n"

    def constant(self) -> str:
        one, two = self.random.choice(LITERALS), self.random.choice(LITERALS)
        op = self.random.choice(["|", "&", "^", "==", "<", "&&"])
        return f"({one} {op} {two})" if self.chance(40) else one

    # -------------------------------------------------------------- expressions

    def full(self, depth: int) -> str:
        """Write a full expression: what it changes is used once in it."""
        self.reserved = set()
        return self.expression(depth)

    def readable(self) -> str:
        for _ in range(20):
            text = self.random.choice(self.places)
            if text.split(".")[0].split("[")[0] not in self.reserved:
                return text
        return self.random.choice(LITERALS)

    def reserve(self) -> str | None:
        """Take a plain variable that is used nowhere else in the expression."""
        name, _ = self.random.choice(self.variables)
        if name in self.reserved or name in self.used:
            return None
        self.reserved.add(name)
        return name

    def leaf(self) -> str:
        if self.chance(65):
            text = self.readable()
            self.used = self.used | {text.split(".")[0].split("[")[0]}
            return text
        return self.random.choice(LITERALS)

    def unsigned(self, depth: int) -> str:
        wide = self.random.choice(
            ["ulong", "ulong", "unsigned int", "unsigned __int128"]
        )
        return f"({wide})({self.expression(depth)})"

    def expression(self, depth: int) -> str:
        if depth <= 0 or self.chance(8):
            return self.leaf()
        random, kind = self.random, self.random.randrange(100)

        def inner() -> str:
            return self.expression(depth - 1)

        if kind < 14:
            return f"({inner()} {random.choice('&|^')} {inner()})"
        if kind < 28:
            return f"({self.unsigned(depth - 1)} {random.choice('+-*')} {inner()})"
        if kind < 31:
            return f"({inner()} {random.choice('+-*')} {inner()})"
        if kind < 36:
            return f"({inner()} {random.choice(['<<', '>>'])} ({inner()} & 7))"
        if kind < 38:
            wide = random.choice(["ulong", "unsigned __int128", "__int128", "long"])
            return f"(({wide})({inner()}) >> ({inner()} & 63))"
        if kind < 41:
            op = random.choice("/%")
            return f"({self.unsigned(depth - 1)} {op} ((ulong)({inner()}) | 1))"
        if kind < 42:
            return f"({inner()} {random.choice('/%')} {inner()})"
        if kind < 52:
            op = random.choice(["==", "!=", "<", "<=", ">", ">="])
            return f"({inner()} {op} {inner()})"
        if kind < 56:
            return f"({inner()} {random.choice(['&&', '||'])} {self.tail(depth - 1)})"
        if kind < 60:
            return f"({random.choice('~!')} {inner()})"
        if kind < 61:
            return f"(- {inner()})"
        if kind < 69:
            return f"(({random.choice(INTEGERS)}){inner()})"
        if kind < 75:
            return f"({inner()} ? {self.tail(depth - 1)} : {self.tail(depth - 1)})"
        if kind < 77:
            return f"({inner()} ?: {self.tail(depth - 1)})"
        return self.special(depth, kind)

    def tail(self, depth: int) -> str:
        """Write an operand that is evaluated or not, with an effect."""
        if self.chance(30):
            name = self.reserve()
            if name is not None:
                value = self.expression(depth - 1)
                return self.random.choice(
                    [f"({name} = {value}, {name})", f"({name} |= {value})"]
                )
        if self.chance(30):
            return f"effect({self.expression(depth - 1)})"
        return self.expression(depth)

    def special(self, depth: int, kind: int) -> str:
        random = self.random

        def inner() -> str:
            return self.expression(depth - 1)

        if kind < 79:
            name = self.reserve()
            if name is None:
                return inner()
            change = [f"({name} = {inner()})", f"({name} ^= {inner()})"]
            if dict(self.variables)[name].startswith("unsigned"):
                change += [f"{name}++", f"(--{name})", f"({name} += {inner()})"]
            return random.choice(change)
        if kind < 81:
            name = f"t{random.randrange(10**6)}"
            body = f"{random.choice(INTEGERS)} {name} = {inner()}; "
            body += f"if ( {name} & 1 ) {name} ^= {inner()}; {name};"
            return f"({{ {body} }})"
        if kind < 83:
            return f"(effect({inner()}), {inner()})"
        if kind < 85:
            # GCC has types of its own for bit-fields.
            return KINDS % random.choice([f"{inner()} + 0", "v1", "q[1]", "(v2, v3)"])
        if kind < 86:
            return f"sizeof({inner()} + 0)"
        if kind < 87:
            return f"((__typeof__({inner()} + 0))-1 < 0)"
        if kind < 89:
            return f"table[choose({inner()})]({inner()}, {inner()})"
        if kind < 90:
            return f"(*({random.choice(['twice', '&other', '*third'])}))({inner()}, 5)"
        if kind < 91:
            trio = f"(struct trio){{ {inner()}, .c = {{ 1, {inner()} }} }}"
            return f"fold(mix({trio}, {inner()}))"
        if kind < 92:
            return f"((int []){{ {inner()}, [3] = {inner()}, 4 }})[{inner()} & 3]"
        if kind < 93:
            return f"of(one({inner()}))"
        if kind < 94:
            name = random.choice(["popcountl", "ffsl", "bswap64", "parityl", "bswap32"])
            return f"__builtin_{name}({inner()})"
        if kind < 95:
            name = random.choice(["clzl", "ctzl", "clz", "ctz"])
            return f"__builtin_{name}({inner()} | 1)"
        if kind < 96:
            name = random.choice(["add", "sub", "mul"])
            ctype = random.choice(["int", "unsigned char", "long", "unsigned long"])
            return (
                f"({{ {ctype} o; _Bool b = __builtin_{name}_overflow({inner()}, "
                f"{inner()}, &o); b * 1000L ^ o; }})"
            )
        if kind < 97:
            return (
                f'sum("iltop", (int)({inner()}), (long)({inner()}), '
                f'(struct trio){{ .b = {inner()} }}, one({inner()}), "xyz")'
            )
        if kind < 98:
            ctype = "union { ulong u; short s[4]; struct { int a:7, b:30; }; }"
            member = random.choice(["s[1]", "a", "b", "s[3]"])
            return f"(({ctype}){{ {inner()} }}).{member}"
        if kind < 99:
            return f'"hello"[{inner()} & 3]'
        ctype = "struct { signed char a:3; unsigned b:9; _Bool c:1; }"
        values = f"{inner()}, {inner()}, {inner()}"
        return f"(({ctype}){{ {values} }}).{random.choice('abc')}"

    # --------------------------------------------------------------- statements

    def statement(self, depth: int, loops: int) -> str:
        random, kind = self.random, self.random.randrange(100)
        self.used = set()
        if depth == 0 or kind < 40:
            return self.assignment()
        if kind < 46:
            self.used = set()
            return f"h = h * 31 + (ulong)({self.full(3)});"
        if kind < 58:
            text = f"if ( {self.full(2)} ) {self.block(depth - 1, loops)}"
            if self.chance(50):
                text += f" else {self.block(depth - 1, loops)}"
            return text
        if kind < 70:
            return self.loop(depth, loops)
        if kind < 82:
            return self.switch(depth, loops)
        if kind < 86 and loops:
            return (
                f"if ( ({self.full(1)}) & 1 ) {random.choice(['break', 'continue'])};"
            )
        if kind < 89:
            return self.pointers()
        if kind < 92:
            return self.atomic()
        if kind < 95:
            return self.jump(depth, loops)
        if kind < 97:
            self.used = set()
            return (
                "{ static int n = 3; static ulong seen[2] = { [1] = 5 }; "
                "n = (n + 1) & 7; "
                f"seen[n & 1] += {self.full(1)}; h = h * 31 + seen[1] + n; }}"
            )
        return self.structs()

    def assignment(self) -> str:
        target = self.random.choice(self.places)
        base = target.split(".")[0].split("[")[0]
        self.used = {base}
        self.reserved = {base}
        value = self.expression(3)
        sign = self.random.choice(["=", "=", "=", "|=", "^=", "&="])
        if self.chance(6):
            sign = self.random.choice(["+=", "-=", "*="])
        if self.chance(8):
            return f"{target} {self.random.choice(['<<=', '>>='])} ({value}) & 3;"
        if self.chance(5) and not target.startswith("q"):
            return f"{target}{self.random.choice(['++', '--'])};"
        return f"{target} {sign} {value};"

    def block(self, depth: int, loops: int) -> str:
        count = self.random.randint(1, 3)
        inner = " ".join(self.statement(depth, loops) for _ in range(count))
        return f"{{ {inner} }}"

    def loop(self, depth: int, loops: int) -> str:
        self.labels += 1
        name = f"i{self.labels}"
        count = self.random.randint(1, 4)
        body = self.block(depth - 1, loops + 1)
        test = f"--n > 0 && {name}++ < {count}"
        return self.random.choice(
            [
                f"for ( int {name} = 0; {test}; h += {name} ) {body}",
                f"{{ char {name} = 0; while ( {test} ) {body} }}",
                f"{{ unsigned short {name} = 0; do {body} while ( {test} ); }}",
                f"do {body} while ( 0 );",
            ]
        )

    def switch(self, depth: int, loops: int) -> str:
        self.used = set()
        value = self.full(2)
        if self.chance(15):
            self.labels += 1
            name = f"k{self.labels}"
            inner = [self.statement(depth - 1, 0) for _ in range(3)]
            return (
                f"{{ int {name} = 0; switch ( ({value}) & 3 ) {{ h++; do {{ case 0: "
                f"{inner[0]} case 1: {inner[1]} default: {inner[2]} }} "
                f"while ( --n > 0 && {name}++ < 2 ); case 3: h += 5; }} }}"
            )
        labels = ["case 0:", "case 1: case 3:", "case 4 ... 6:", "default:", "case -1:"]
        self.random.shuffle(labels)
        text = ""
        for label in labels[: self.random.randint(1, 5)]:
            end = self.random.choice(["break;", "break;", ""])
            text += f"{label} {self.block(depth - 1, loops)} {end} "
        mask = self.random.choice(["& 7", "% 8", ""])
        return f"switch ( ({value}) {mask} ) {{ {text} }}"

    def jump(self, depth: int, loops: int) -> str:
        self.labels += 1
        name = f"L{self.labels}"
        body = self.block(depth - 1, loops)
        self.used = set()
        test = f"--n > 0 && (({self.full(1)}) & 1)"
        return self.random.choice(
            [
                f"{{ {name}: ; {body} if ( {test} ) goto {name}; }}",
                f"{{ if ( {test} ) goto {name}; {body} {name}: h++; }}",
                f"{{ if ( {test} ) goto {name}; while ( --n > 0 ) "
                f"{{ h++; {name}: {body} if ( h & 4 ) break; }} }}",
            ]
        )

    def pointers(self) -> str:
        self.used = set()
        value = self.full(2)
        return self.random.choice(
            [
                f"{{ short *p = q + (({value}) & 1); p[1] ^= 5; *p++ |= 3; "
                "h = h * 31 + (p - q) + (p > q) + *(p - 1); }",
                f"{{ int m[2][3] = {{ {{ 1 }}, {{ [1] = {value} }} }}; "
                "int (*r)[3] = m; "
                "h = h * 31 + r[1][1] + sizeof(*r) + (&m[1][2] - &m[0][0]) + **m; }",
                "{ struct { int n; char v[]; } *f = (void *)buffer; "
                f"f->v[({value}) & 7] = h; h = h * 31 + f->v[3] + sizeof(*f); }}",
                f"{{ ulong u = {value}; unsigned char *p = (void *)&u; "
                "h = h * 31 + p[0] + p[7] * 3 + *(unsigned short *)(p + 2); }",
                f'{{ const char *s = "ab\\0c" "d"; h = h * 31 + s[({value}) & 3] '
                '+ sizeof("ab" "c"); }',
            ]
        )

    def atomic(self) -> str:
        self.used = set()
        ctype = self.random.choice(["int", "ulong", "unsigned char", "short"])
        name = self.random.choice(["add", "sub", "or", "and", "xor", "nand"])
        value = self.full(2)
        form = self.random.choice(
            [
                f"__sync_fetch_and_{name}(&a, v)",
                f"__atomic_{name}_fetch(&a, v, 5)",
                f"__atomic_fetch_{name}(&a, v, 0)",
                "__sync_val_compare_and_swap(&a, 5, v)",
                "__atomic_exchange_n(&a, v, 4)",
                "__atomic_compare_exchange_n(&a, &b, v, 0, 5, 0)",
            ]
        )
        return (
            f"{{ {ctype} a = h & 1 ? 5 : h, b = 5; unsigned long v = {value}; "
            f"h = h * 31 + (ulong)({form}); h = h * 31 + a * 3 + b; }}"
        )

    def structs(self) -> str:
        number = self.random.randrange(len(self.records))
        tag, paths = self.records[number]
        path = self.random.choice(paths)[0]
        self.used = set()
        value = self.full(2)
        return (
            f"{{ {tag} c = g{number}, d[2] = {{ [1] = c, [0] = c }}, *p = &d[h & 1]; "
            f"p->{path} = {value}; c = *p; h = h * 31 + (ulong)c.{path} "
            f"+ (ulong)d[0].{path}; g{number} = d[1]; }}"
        )

    # ---------------------------------------------------------------- functions

    def function(self, name: str) -> str:
        lines = [f"long {name}(long w, long x, long y, long z)", "{"]
        lines.append("    ulong h = w; int n = 40; short q[4] = { 1, -2, [3] = 4 };")
        lines.append("    _Alignas(16) char buffer[16] = { 5 };")
        self.variables = []
        for i, source in enumerate("wxyzwxyz"):
            ctype = self.random.choice(INTEGERS)
            self.variables.append((f"v{i}", ctype))
            lines.append(f"    {ctype} v{i} = {source};")
        self.places = [name for name, _ in self.variables] * 2
        self.places += [f"q[{i}]" for i in range(4)]
        for number, (tag, paths) in enumerate(self.records):
            lines.append(f"    {tag} r{number} = g{number};")
            lines += [f"    r{number}.{path} = y;" for path, _, _ in paths]
            self.places += [f"r{number}.{path}" for path, _, _ in paths]
            self.places += [f"g{number}.{path}" for path, _, _ in paths]
        lines += [
            "    " + self.statement(3, 0) for _ in range(self.random.randint(3, 8))
        ]
        for place in dict.fromkeys(self.places):
            lines.append(f"    h = h * 31 + (ulong)({place});")
        lines.append("    sink += n + buffer[3];")
        return "\n".join([*lines, "    return h + count;", "}", ""])


def program(random: Random, functions: int, arm: bool) -> tuple[str, list[str]]:
    """Write a program; return its text and the names of its functions."""
    writer = Writer(random, arm)
    count = random.randint(1, 3)
    text = PROLOGUE + "".join(writer.record(i) for i in range(count))
    names = [f"layout{i}" for i in range(count)]
    for i in range(functions):
        names.append(f"f{i}")
        text += writer.function(names[-1])
    return text, names
