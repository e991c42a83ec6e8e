typedef unsigned long uint64_t;
typedef unsigned int uint32_t;
typedef unsigned short uint16_t;
typedef unsigned char uint8_t;
typedef _Bool bool;

typedef struct { unsigned long gfn; } gfn_t;
typedef union {
    uint64_t bits;
    struct {
        unsigned long valid:1;
        unsigned long table:1;
        unsigned long attr:4;
        unsigned long read:1;
        unsigned long write:1;
        unsigned long sh:2;
        unsigned long af:1;
        unsigned long pad:1;
        unsigned long long base:36;
        unsigned long sbz:4;
        unsigned long contig:1;
        unsigned long pxn:1;
        unsigned long xn:1;
        unsigned long type:4;
        unsigned long avail:5;
    } p2m;
    struct { unsigned long pad2:12; unsigned long long base:36; unsigned long pad1:16; } walk;
} pte_t;

static inline gfn_t make_gfn(unsigned long n) { return (gfn_t){ n }; }
static inline unsigned long gfn_of(gfn_t g) { return g.gfn; }
static inline gfn_t gfn_plus(gfn_t g, unsigned long i) { return make_gfn(gfn_of(g) + i); }

long t_gfn(long a, long b)
{
    gfn_t g = make_gfn(a), h = { b }, *p = &h;
    gfn_t arr[3] = { { 1 }, g, { .gfn = 7 } };

    p->gfn += 3;
    g = gfn_plus(h, gfn_of(g));
    arr[0] = *p;
    return g.gfn * 31 + arr[0].gfn + arr[1].gfn * 7 + arr[2].gfn;
}

long t_pte(long a, long b)
{
    pte_t e = (pte_t){ .p2m = { .valid = 1, .table = a, .attr = b, .type = a, .xn = 1, .base = b } };
    pte_t f = { .bits = 0xffffffffffffffffUL }, g = e;

    f.p2m.sh = a;
    f.p2m.base = b;
    g.p2m.attr |= 5;
    g.p2m.type++;
    g.walk.base -= 3;
    return e.bits ^ (f.bits << 1) ^ g.bits ^ f.walk.base;
}

long t_wide_bits(long a, long b)
{
    pte_t e;

    e.bits = (unsigned long)a << 40 | b;
    /* the arithmetic happens in 36 bits */
    return (e.walk.base << 12) + (e.walk.base + 0xfffffffffULL) + (e.walk.base << 12 >> 12) * 3;
}

long t_ints(long a, long b)
{
    int i = a, j = b | 1;
    unsigned int u = a, v = b | 1;
    uint8_t c = a;
    signed char s = a;
    char plain = a;
    uint16_t h = b;
    short k = b;
    long r = 0;

    r += (u + 1) / v + u % v;
    r ^= (long)(i / 7) * 3 + i % 7;
    r += c + s + plain + h + k;
    r ^= c << 4 | s >> 1 | (u >> 3) | ((unsigned)i >> 5);
    r += (-1 < u) + (i < v) + (s == c) + (plain > 0);
    r ^= ~c + -h + !k;
    r += (uint8_t)(c + 200) + (bool)(b & 0x100) + (bool)a;
    r ^= (0x80000000 > i) + (2147483648 > i);
    c += 250; s -= 100; h *= 3; k ^= 0x7f00;
    r += c * 1000 + s * 7 + h + k;
    r ^= j & 0xff;
    r += u - v;
    r ^= (a ? c : i) + (b > 5 ? u : 3);
    r += sizeof(a ? c : s) + sizeof(+h) + sizeof((char)1) + sizeof('a');
    return r;
}

long t_effects(long a, long b)
{
    long x = a, y = b, r;
    long arr[4] = { 1, 2, 3, 4 }, *p = arr;

    r = x++ + ++y;
    r = r * 3 + x-- - --y;
    r += *p++ * 10;
    r += *++p * 100;
    *p-- += 5;
    r += p[1] + p[0] + p[-1] + 2[arr];
    r += (x = y, y = x + 1, x * y);
    r += x && y++ > 3 || x++;
    r ^= (x ? y : x) + (x > y ?: 7) + (y ?: 9);
    r += (arr[1] = x) + (arr[2] += 4);
    x += y -= r >>= 3;
    x <<= 2;
    x |= y & 15;
    return r * 7 + x + y * 3 + arr[1] + arr[2] + arr[3];
}

static unsigned long calls;
static long count(long v) { calls = calls * 3 + v; return v; }

long t_order(long a, long b)
{
    long r;

    calls = 0;
    r = count(a) && count(b) && count(3);
    r += count(a & 1) || count(b & 1) || count(0);
    r = r * 2 + (count(a & 4) ? count(5) : count(6));
    if ( a > b && count(7) != 3 || count(8) )
        r += 100;
    (void)(a > 3 && count(11));
    a > b ? (void)count(12) : (void)0;
    for ( ; count(a & 7) < 3 && a > 0; a -= 3 )
        if ( count(b & 3) == 2 )
            continue;
        else if ( a == 9 )
            break;
    do
        r += 2;
    while ( count(r) < 10 );
    while ( r-- > 5 )
        count(1);
    return calls + r;
}

long t_switch(long a, long b)
{
    long r = 0;
    int i;

    for ( i = 0; i < 12; i++ )
    {
        switch ( (i + a) & 15 )
        {
            int hidden;
        case 1:
            r += 1;
        case 2:
            r += 10;
            break;
        case 3 ... 5:
        case 8:
            hidden = i;
            r += 100 + hidden;
            if ( b & 1 )
                break;
            r += 7;
            continue;
        default:
            r ^= 3;
            /* fall through */
        case 12:
            r += 5;
        }
        r *= 2;
    }
    switch ( (uint8_t)b )
    {
    case 0xff: return r + 1;
    case (uint8_t)-2: return r + 2;
    }
    switch ( b ) { default: ; }
    return r;
}

long t_goto(long a, long b)
{
    long r = 0;

    if ( a < 0 )
        goto fail;
    for ( ;; )
    {
        if ( r > b )
            goto out;
        r += a + 1;
        if ( r > 1000 )
            goto fail;
    }
 out:
    return r;
 fail:
    return -r - 1;
}

struct inner { uint16_t x, y; uint8_t z[3]; };
struct outer {
    int a;
    struct inner in[2];
    union { long l; struct { int lo, hi; }; };
    uint8_t tail;
    struct { uint8_t anon1; uint32_t anon2; };
};

static struct inner swap(struct inner v)
{
    struct inner r = v;

    r.x = v.y;
    r.y = v.x;
    v.z[0] = 99;
    return r;
}

static struct outer make(int a)
{
    return (struct outer){ .a = a, .in[1].y = a + 1, .in = { [0] = { 1, 2, { 3 } } }, .hi = 5,
                           .anon2 = 9 };
}

long t_structs(long a, long b)
{
    struct outer o = { a, { { 1, 2, { 3, 4, 5 } }, { 6 } }, .lo = b, .tail = 8 }, *p = &o;
    struct outer flat = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, { 12 }, 13, { 14 } };
    struct inner s;
    long r;

    s = swap(o.in[0]);
    p->in[1] = s;
    r = s.x + s.y * 3 + s.z[0] * 5 + o.in[0].z[0];
    r += make(a).in[0].z[0] + make(b).anon2;
    *p = make(4);
    r = r * 5 + o.a + o.in[1].y + o.l + o.in[0].x + p->anon2 + p->in->z[0];
    r += (a > b ? swap(s) : s).x;
    r += ({ struct inner q = swap(s); q; }).y;
    r = r * 3 + flat.in[1].y + flat.in[1].z[2] + flat.l + flat.tail + flat.anon1 + flat.anon2;
    s = (p = &flat)->in[0] = p->in[1];
    return r * 2 + s.x + flat.in[0].y;
}

#define READ(x) (*(volatile typeof(x) *)&(x))

static const uint8_t table[] = { [0] = 12, [1] = 9, [3] = 4, [5 ... 7] = 2 };
static const char *names[] = { "one", "two" "3", [3] = "\x41\101\n" };
static const char word[8] = "abc";
static struct outer global = { .a = 3, .in = { { .z = { 7, 8 } } }, .tail = 200 };
static int *pointer = &global.a;
static long (*function)(long) = count;
extern int later;
static int *to_later = &later;
int later = 77;
static struct outer *chain[2] = { &global, 0 };

long t_globals(long a, long b)
{
    static int kept = 5;
    static const uint32_t masks[4] = { 1, 1U << 31, ~0U };
    long r = 0;

    kept += a;
    r += kept * 3 + masks[1] + masks[2];
    r += sizeof(table) + table[a & 7] + sizeof(names) + sizeof("four") + word[1] + sizeof word;
    r ^= names[1][3] + names[0][1] + names[3][0] + names[3][1] + names[3][2] + "xyz"[b & 1];
    *pointer += 2;
    r += global.a + global.in[0].z[1] + global.tail + *to_later;
    r += function(4) + (*function)(5) + (&count)(6);
    chain[0]->tail++;
    r += READ(global.tail) + READ(kept);
    r += (__func__[0] == 't') + !chain[1];
    return r;
}

#define max(x, y) ({ const typeof(x) _x = (x); const typeof(y) _y = (y); (void)(&_x == &_y); _x > _y ? _x : _y; })
#define container_of(ptr, type, member) ({ typeof(((type *)0)->member) *__p = (ptr); \
    (type *)((char *)__p - __builtin_offsetof(type, member)); })

long t_gnu(long a, long b)
{
    struct outer o = { .tail = 5 };
    long r = max(a, b) + max(max(a, 3L), max(b, max(4L, a)));
    __auto_type copy = &o;
    uint8_t *t = &o.tail;

    r += container_of(t, struct outer, tail)->tail + (copy == &o);
    r += __builtin_offsetof(struct outer, in[1].z[2]) + __builtin_offsetof(struct outer, hi);
    r += __builtin_types_compatible_p(typeof(a), long) * 2 + __builtin_types_compatible_p(int *, const int *);
    r += __builtin_types_compatible_p(typeof(o.in), typeof(&o.in[0])) * 4;
    r += __builtin_choose_expr(sizeof(int) == 4, 10, o) + __builtin_constant_p(3 * 4) + __builtin_constant_p(a);
    r += __builtin_clzl(a | 1) + __builtin_ctz(b | 8) + __builtin_ffsl(b) + __builtin_popcountl(a)
        + __builtin_clzl(16) + __builtin_ffs(0);
    r += __builtin_bswap32(b) + __builtin_bswap64(1) + __builtin_expect(!!(a > b), 1);
    r += __alignof__(struct outer) + _Alignof(short) + __alignof__(o.tail);
    r += ({ int q = 3; if ( a > 2 ) q = 4; q; });
    if ( ({ bool c = a & 1; c; }) )
        r++;
    _Static_assert(sizeof(pte_t) == 8, "size");
    { typedef int t; t u = 3; r += u; enum { E1 = 4, E2 }; r += E2; }
    return r + (__extension__ 4) + (0 ? o.tail : 1);
}

long t_pointers(long a, long b)
{
    int m[3][4] = { { 1, 2 }, { [2] = 5 } }, (*row)[4] = m, *q = &m[2][3], *start = m[0];
    void *v = m;
    char *c = (char *)m;
    const char *s = "hello";
    long r = 0;

    m[a & 1][b & 3] = 9;
    r += row[1][2] + (*row)[1] + (q - start) + (row + 1 == &m[1]) * 2 + sizeof m + sizeof *row;
    r += *(int *)(v + 4) + ((int *)(c + 24))[0] + *(s + 1) + s[4];
    while ( *s )
        r = r * 3 + *s++;
    r += (unsigned long)&m[1] - (unsigned long)m;
    r += (q > start) + (v != 0) + !q + (q && start);
    r += (long)(int)(unsigned long)((char *)0 + 5);
    q -= 2;
    r += q - &m[0][0];
    return r + (&m[2] - &m[0]);
}

struct packed { uint8_t a; uint32_t b; uint16_t c:3, d:13; uint32_t e:20, f:20; } __attribute__((packed));
struct aligned { uint8_t a; uint32_t b __attribute__((aligned(16))); uint8_t c; };
struct tight { uint8_t a; uint32_t b __attribute__((packed)); uint16_t c; };
struct bits { int s:5; unsigned u:7; int:0; uint8_t v:3, w:6; bool flag:1; long l:40; };

long t_layout(long a, long b)
{
    struct packed p = { 1, a, b, a, b, a };
    struct aligned q = { 1, a, b };
    struct tight t = { a, b, a };
    struct bits f = { a, b, a, b, a, a * b };

    p.e += 3;
    f.s--;
    f.flag = b & 8;
    return p.b + p.c * 3 + p.d * 5 + p.e * 7 + p.f * 11 + q.b + q.c + t.b + t.c
        + f.s * 3 + f.u + f.v * 5 + f.w + f.flag + f.l
        + sizeof p + sizeof q * 100 + sizeof t * 1000 + sizeof f * 10000;
}

enum small { S0, S1 = 5, S2 };
enum negative { N0 = -1, N1 };
enum large { L0 = 1, L1 = 1UL << 40 };

long t_enums(long a, long b)
{
    enum small s = a & 7;
    enum negative n = b;
    long r = sizeof(enum small) + sizeof(enum negative) * 10 + sizeof(enum large) * 100;

    r += (s - 10 < 0) + (n - 10 < 0) * 2 + (N0 < 0) * 4 + (S2 == 6) * 8;
    return r * 7 + s + n + (L1 >> 38);
}

static long sum(long n, ...) { return n; }
static void nothing(void) { }
static unsigned char narrow(int v) { return v; }
static bool truth(long v) { return v; }
static int old_style();
static int old_style(int a) { return a + 1; }

long t_calls(long a, long b)
{
    long (*const f[])(long) = { count, count };
    unsigned char (*g)(int) = narrow;

    nothing();
    calls = 0;
    f[1](3);
    return sum(a, b, 'c', (char)1, "s") + narrow(a) + g(b) + truth(a & 0x100) * 4 + old_style(3) + calls
        + (a > b ? narrow : g)(777) + (sum)(2, 3);
}

long t_volatile(long a, long b)
{
    volatile int v = a;
    volatile struct outer o = { .a = b };
    int *volatile p = (int *)&v;

    v++;
    o.tail += 3;
    o.in[0].x = v;
    return v + o.a + o.tail + *p + o.in[0].x;
}

long t_shadow(long a, long b)
{
    long x = a;
    {
        long x = b;
        x += 3;
        { int x = 4; a += x; }
        a += x;
    }
    for ( int x = 0; x < 3; x++ )
        a += x;
    for ( int i = 0; i < 2; i++ ) { long y = i; a += y; for ( int i = 5; i < 7; i++ ) a += i; }
    return a + x;
}

long t_constants(long a, long b)
{
    return 0x7fffffff + 1L + 0xffffffff + 037 + 0b101 + 'A' + '\n' + '\0' + '\x7f' + '\377' + 10u + 5ul
        + (1 ? 2 : 3) + sizeof(1 ? 1 : 2L) + (-1 < 0u) + (-1L < 0u) + (unsigned char)300 + (signed char)200
        + (5 / -2) + (-5 % 3) + (-5 >> 1) + (1 << 4 | 3) + !5 + !!7 + ~0 + sizeof(int[3]) + sizeof(0x80000000)
        + sizeof(2147483648) + (a & 0) + (b & 0) + 18446744073709551615u;
}

struct wide { unsigned long u:36; long s:41; unsigned int w:32; long n:20; };

long t_wide_conversions(long a, long b)
{
    struct wide f = { a, b, a, b };

    /* an int operand is converted to the width of the field */
    return (f.u < f.n) + ((f.u + (int)a) >> 3) * 3 + ((int)b - f.u) % 1000 + (~f.u >> 30)
        + (f.s > f.u) * 5 + (f.s & (int)a) + (f.w < f.n) * 7 + (-f.u >> 20) + (f.u ? f.n : f.u) % 99
        + (f.u << 1 == (f.u + f.u)) + (unsigned long)(f.s / 3) + sizeof(f.u + 0);
}
