"""Inline assembly: the A64 subset, operand binding and ALTERNATIVE."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from building import (
    BOOL,
    HERE,
    INT,
    POINTER,
    UCHAR,
    UINT,
    ULONG,
    VOID,
    asm,
    at,
    define,
    execution,
    give,
    inp,
    into,
    num,
    op,
    out,
    put,
    var,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BoundError, Unsupported
from harness.execution.asm_system import TLBI_OPS
from harness.execution.asm_template import integer
from harness.execution.fault import Fault
from harness.execution.recorder import Query
from harness.execution.run import Execution, Limits
from harness.ir import nodes as ir
from reference_model.events import (
    Access,
    At,
    Barrier,
    BarrierKind,
    CacheOp,
    Domain,
    Eret,
    Event,
    IrqMask,
    Isb,
    Msr,
    Store,
    Tlbi,
)

VA, PA = 0x8000_0000_0000, 0x4000_0000
DSB, DMB = BarrierKind.DSB, BarrierKind.DMB


class Profile:
    """Features given by tables."""

    def __init__(self, alternatives: set[int], registers: dict[str, int]) -> None:
        self.alternatives = alternatives
        self.registers = registers

    def alternative(self, feature: int) -> bool:
        return feature in self.alternatives

    def register(self, pe: int, name: str) -> int | None:
        return self.registers.get(name)


def events(template: str, *inputs: ir.Expr) -> list[Event]:
    """Return what a template with "r" inputs does."""
    body = asm(template, (), tuple(inp("r", value) for value in inputs))
    run = execution(define("f", {}, body, result=VOID))
    run.call("f")
    return run.recorder.events


def alternative(
    old: str, new: str, feature: str, config: int = 1, cb: str = "0"
) -> str:
    """Write what the preprocessor makes of ALTERNATIVE in Xen's headers."""
    return (
        f'.if {config} == 1\n661:\n\t{old}\n662:\n.pushsection .altinstructions,"a"\n'
        f" .word 661b - .\n .if {cb} == 0\n .word 663f - .\n .else\n .word {cb}- .\n"
        f" .endif\n .hword {feature}\n .byte 662b-661b\n .byte 664f-663f\n"
        f'.popsection\n .if {cb} == 0\n.pushsection .altinstr_replacement, "ax"\n'
        f"663:\n\t{new}\n664:\n\t.popsection\n\t.org\t. - (664b-663b) + (662b-661b)\n\t"
        ".org\t. - (662b-661b) + (664b-663b)\n.else\n\t663:\n\t664:\n\t.endif\n.endif\n"
    )


# --------------------------------------------------------------- system events


@pytest.mark.parametrize(
    ("option", "domain", "access"),
    [
        ("ish", Domain.ISH, Access.ALL),
        ("ishst", Domain.ISH, Access.ST),
        ("ishld", Domain.ISH, Access.LD),
        ("nsh", Domain.NSH, Access.ALL),
        (" nshst", Domain.NSH, Access.ST),
        ("nshld", Domain.NSH, Access.LD),
        ("osh", Domain.OSH, Access.ALL),
        ("oshst", Domain.OSH, Access.ST),
        ("sy", Domain.SY, Access.ALL),
        ("st", Domain.SY, Access.ST),
        ("LD", Domain.SY, Access.LD),
        ("#11", Domain.ISH, Access.ALL),
    ],
)
def test_barriers(option: str, domain: Domain, access: Access) -> None:
    assert events(f"dsb {option}") == [Barrier(0, DSB, domain, access)]
    assert events(f"dmb\t{option}") == [Barrier(0, DMB, domain, access)]


def test_nxs_barrier() -> None:
    assert events("dsb ishnxs") == [Barrier(0, DSB, Domain.ISH, nxs=True)]
    for wrong in ("dmb ishnxs", "dsb ishstnxs", "dsb foo"):
        with pytest.raises(Unsupported, match="assembly instruction"):
            events(wrong)


def test_a_local_flush_as_xen_writes_it() -> None:
    assert events("dsb  nshst;tlbi vmalls12e1;dsb  nsh;isb;") == [
        Barrier(0, DSB, Domain.NSH, Access.ST),
        Tlbi(0, "VMALLS12E1"),
        Barrier(0, DSB, Domain.NSH),
        Isb(0),
    ]


def test_tlbi_operands() -> None:
    value = num(0x1234, ULONG)
    assert events("tlbi ipas2e1is, %0", value) == [Tlbi(0, "IPAS2E1IS", 0x1234)]
    assert events("tlbi vale2is, xzr;") == [Tlbi(0, "VALE2IS", 0)]
    assert events("tlbi vmalle1isnxs") == [Tlbi(0, "VMALLE1ISNXS")]
    for wrong in ("tlbi vae2is", "tlbi nosuchop", "tlbi vae2is, [%0]"):
        with pytest.raises(Unsupported, match="assembly instruction 'tlbi"):
            events(wrong, value)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ("#0, c8, c3, #0", "VMALLE1IS"),
        ("#0, c8, c7, #0", "VMALLE1"),
        ("#0, C8, C1, #0", "VMALLE1OS"),
        ("#4, c8, c0, #1, %0", "IPAS2E1IS"),
        ("#4, c8, c4, #1, %0", "IPAS2E1"),
        ("#4, c8, c3, #6", "VMALLS12E1IS"),
        ("#4, c8, c7, #4", "ALLE1"),
        ("#4, c8, c3, #0", "ALLE2IS"),
        ("#0, c8, c2, #1, %0", "RVAE1IS"),
        ("#4, c8, c0, #2, %0", "RIPAS2E1IS"),
        ("#4, c8, c4, #3, %0", "RIPAS2E1OS"),
        ("#4, c9, c0, #1, %0", "IPAS2E1ISNXS"),
    ],
)
def test_tlbi_as_sys(fields: str, name: str) -> None:
    operand = 7 if "%" in fields else 0
    assert events(f"sys {fields}", num(7, ULONG)) == [Tlbi(0, name, operand)]


def test_sys_of_something_else_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="assembly instruction 'sys #3, c7, c4, #1"):
        events("sys #3, c7, c4, #1, %0", num(7, ULONG))


def test_every_tlbi_has_two_encodings() -> None:
    assert len(TLBI_OPS) == 2 * (6 * 3 + 4 * 3 + 5 * 3 + 3 * 3 + 12)


def test_msr_and_mrs() -> None:
    f = define(
        "f",
        {"v": ULONG},
        asm("msr vttbr_el2, %0", (), (inp("r", var("v", ULONG)),)),
        asm("isb"),
        asm("msr TPIDR_EL2, %x0", (), (inp("r", num(64, ULONG)),)),
        asm("mrs  %0, S3_4_C2_C1_0", (out("=r", "r"),)),
        give(var("r", ULONG)),
        result=ULONG,
    )
    run = execution(f)
    run.cpu.pe = 2
    assert run.call("f", 0x5000) == 0x5000
    assert run.recorder.events == [Msr(2, "VTTBR_EL2", 0x5000), Isb(2)]
    assert run.cpu.registers == {(2, "VTTBR_EL2"): 0x5000, (2, "TPIDR_EL2"): 64}


def test_mrs_asks_the_profile_and_knows_no_other_value() -> None:
    f = define(
        "f",
        {},
        asm("mrs %0, midr_el1", (out("=r", "r"),)),
        give(var("r", ULONG)),
        result=ULONG,
    )
    run = execution(f, features=Profile(set(), {"MIDR_EL1": 0x410FD034}))
    assert run.call("f") == 0x410FD034
    assert run.recorder.queries == [Query("register", (0, "MIDR_EL1"), 0x410FD034)]
    with pytest.raises(Unsupported) as caught:
        execution(f).call("f")
    assert str(caught.value) == "test.c:1: the value of system register MIDR_EL1"


def test_writes_that_act_are_unsupported() -> None:
    with pytest.raises(Unsupported, match="msr ICC_SGI1R_EL1, %0"):
        events("msr ICC_SGI1R_EL1, %0", num(0, ULONG))


def test_interrupt_masks() -> None:
    f = define(
        "f",
        {},
        asm("mrs %0, daif // local_save_flags\n", (out("=r", "flags"),)),
        asm("msr daifset, #2\n"),
        asm("msr daifset, #2\n"),
        asm("msr daifclr, #1\n"),
        asm("msr daif, %0  // local_irq_restore", (), (inp("r", var("flags", ULONG)),)),
        result=VOID,
    )
    run = execution(f)
    run.call("f")
    assert run.recorder.events == [IrqMask(0, True), IrqMask(0, False)]


def test_address_translation() -> None:
    f = define(
        "f",
        {},
        asm("at s12e1r, %0;", (), (inp("r", num(0x7000, ULONG)),)),
        asm("mrs %0, PAR_EL1", (out("=r", "r"),)),
        give(var("r", ULONG)),
        result=ULONG,
    )
    run = execution(f)
    run.cpu.registers[0, "PAR_EL1"] = 5
    with pytest.raises(Unsupported, match="PAR_EL1"):
        run.call("f")
    run.cpu.translate = lambda name, va: va | len(name)
    assert run.call("f") == 0x7006
    assert run.recorder.events == [At(0, "S12E1R", 0x7000)] * 2


def test_cache_maintenance() -> None:
    f = define(
        "f",
        {"p": ULONG},
        asm("dc cvac, %0; ic ialluis", (), (inp("r", var("p", ULONG)),)),
        result=VOID,
    )
    run = execution(f)
    run.memory.add_physical(VA, PA, 1 << 20)
    run.call("f", VA + 64)
    assert run.recorder.events == [
        CacheOp(0, "DC CVAC", PA + 64),
        CacheOp(0, "IC IALLUIS", 0),
    ]
    with pytest.raises(Unsupported, match="dc zva"):
        events("dc zva, %0", num(0, ULONG))


def test_eret_and_hints() -> None:
    assert events("nop; hint #20; sev\nwfe;yield;sb;csdb; ssbb") == []
    assert events("eret\nsb") == [Eret(0)]


def test_unknown_instructions_are_named_when_executed() -> None:
    for text in (
        "smc #0",
        "stp q0, q1, [x0]",
        ".inst 0xd503201f",
        "add %0, %1",
        "bogus",
    ):
        with pytest.raises(Unsupported) as caught:
            events(text, num(0, ULONG))
        assert str(caught.value) == f"test.c:1: assembly instruction '{text}'"
    assert events("b 1f; bogus; 1: isb") == [Isb(0)]


# ------------------------------------------------------------------ alternatives

REPEAT = (
    "dsb  ishst;tlbi vmalls12e1is;"
    + alternative("nop; nop;", "dsb  ish;tlbi vale2is, xzr;", "11")
    + "dsb  ish;isb;"
)


def flush(template: str, alternatives: set[int]) -> Execution:
    f = define("f", {}, asm(template), result=VOID)
    run = execution(f, features=Profile(alternatives, {}))
    run.call("f")
    return run


def test_alternative_is_chosen_by_the_profile() -> None:
    before = [Barrier(0, DSB, Domain.ISH, Access.ST), Tlbi(0, "VMALLS12E1IS")]
    after: list[Event] = [Barrier(0, DSB, Domain.ISH), Isb(0)]
    run = flush(REPEAT, {3})
    assert run.recorder.events == before + after
    assert run.recorder.queries == [Query("alternative", (11,), 0)]
    run = flush(REPEAT, {11})
    middle: list[Event] = [Barrier(0, DSB, Domain.ISH), Tlbi(0, "VALE2IS")]
    assert run.recorder.events == before + middle + after
    assert run.recorder.queries == [Query("alternative", (11,), 1)]


def test_alternative_that_is_configured_out_vanishes() -> None:
    template = alternative("isb", "dsb sy", "11", config=0) + "dmb sy"
    run = flush(template, {11})
    assert run.recorder.events == [Barrier(0, DMB, Domain.SY)]
    assert run.recorder.queries == []


def test_two_alternatives_in_one_template() -> None:
    first = alternative("isb", "dsb sy", "(4 + 5)")
    template = first + "dmb sy\n" + alternative("nop", "eret", "10")
    assert flush(template, {9}).recorder.events == [
        Barrier(0, DSB, Domain.SY),
        Barrier(0, DMB, Domain.SY),
    ]
    assert flush(template, {10}).recorder.events == [
        Isb(0),
        Barrier(0, DMB, Domain.SY),
        Eret(0),
    ]


def test_alternative_with_operands() -> None:
    template = alternative("mov %0, #0", "mov %0, #1", "16")
    f = define(
        "f", {}, asm(template, (out("=r", "r"),)), give(var("r", ULONG)), result=ULONG
    )
    assert execution(f, features=Profile(set(), {})).call("f") == 0
    assert execution(f, features=Profile({16}, {})).call("f") == 1


def test_alternative_by_callback_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="the assembler condition 'patch_it == 0'"):
        flush(alternative("nop", "NOT_AN_INSTRUCTION", "18", cb="patch_it"), set())


def test_alternative_in_a_subsection() -> None:
    template = (
        '661:\n\tisb\n662:\n.pushsection .altinstructions,"a"\n .word 661b - .\n'
        " .word 663f - .\n .hword 5\n .byte 662b-661b\n .byte 664f-663f\n.popsection\n"
        ".subsection 1\n663:\n\tdsb sy\n664:\n\t.org . - (664b-663b) + (662b-661b)\n"
        "\t.previous\n"
    )
    assert flush(template, {5}).recorder.events == [Barrier(0, DSB, Domain.SY)]
    assert flush(template, set()).recorder.events == [Isb(0)]


def bug_frame(kind: int, text: str) -> str:
    return (
        '1:brk 1\n.pushsection .rodata.str, "aMS", %progbits, 1\n2:\t.asciz "f.c"\n3:\n'
        f'.if {int(bool(text))}\n\t.asciz "\\"{text}\\""\n.endif\n.popsection\n'
        f'.pushsection .bug_frames.{kind}, "a", %progbits\n4:\n.p2align 2\n'
        ".long (1b - 4b)\n.long (2b - 4b)\n.long (3b - 4b)\n.hword 5, 0\n.popsection"
    )


def test_bug_frames() -> None:
    for kind, name in ((2, "bug"), (3, "assertion")):
        f = define("f", {}, asm(bug_frame(kind, "x > 0"), line=5), result=VOID)
        with pytest.raises(Fault) as caught:
            execution(f).call("f")
        assert (caught.value.kind, caught.value.coord) == (name, at(5))
    assert "x > 0" in caught.value.what
    f = define("f", {}, asm(bug_frame(1, ""), line=5), asm("isb"), result=VOID)
    run = execution(f)
    run.call("f")
    assert (run.recorder.events, run.recorder.warnings) == ([Isb(0)], [at(5)])
    with pytest.raises(Unsupported, match="run_in_exception_handler"):
        events(bug_frame(0, ""))


# ---------------------------------------------------------------- data and memory


def test_empty_templates_pass_values_through() -> None:
    f = define(
        "f",
        {"p": POINTER},
        asm("", (out("=r", "q", POINTER),), (inp("0", var("p", POINTER)),)),
        asm("", (out("+r", "q", POINTER),)),
        asm(""),
        give(var("q", POINTER)),
        result=POINTER,
    )
    assert execution(f).call("f", 0x1234) == 0x1234


def test_an_output_that_nothing_sets_is_unsupported() -> None:
    f = define("f", {}, asm("nop", (out("=r", "q"),)), result=VOID)
    with pytest.raises(Unsupported, match="asm output 0, which no instruction sets"):
        execution(f).call("f")


def test_outputs_get_their_type() -> None:
    f = define(
        "f",
        {},
        asm(
            "mov %w0, #-1; mov %1, #0x1ff", (out("=r", "a", INT), out("=r", "b", UCHAR))
        ),
        give(op("+", var("a"), ir.Cast(var("b", UCHAR), INT, HERE))),
    )
    assert execution(f).call("f") == -1 + 0xFF


def test_outputs_that_live_in_memory() -> None:
    place = ir.FrameAddress("x", POINTER, HERE)
    f = define(
        "f",
        {},
        ir.Store(place, num(4, ULONG), ULONG, HERE),
        asm("add %0, %0, #3", (into("+r", place),)),
        give(ir.Load(place, ULONG, HERE)),
        result=ULONG,
        memory={"x": ULONG},
    )
    assert execution(f).call("f") == 7


def test_symbolic_names() -> None:
    body = ir.Asm(
        "add %w[sum], %w[a], %w[b], lsl #2",
        (ir.AsmOutput("sum", "=r", UINT, "r"),),
        (ir.AsmInput("a", "r", num(1, UINT)), ir.AsmInput("b", "r", num(5, UINT))),
        (),
        HERE,
    )
    f = define("f", {}, body, give(var("r", UINT)), result=UINT)
    assert execution(f).call("f") == 21


ATOMIC_ADD = (
    "// atomic_add_return\n"
    "1:	ldxr	%w0, %2\n"
    "	add	%w0, %w0, %w3\n"
    "	stlxr	%w1, %w0, %2\n"
    "	cbnz	%w1, 1b"
)


def atomic(template: str, *, old: int, value: int) -> tuple[int | None, Execution]:
    f = define(
        "f",
        {"p": POINTER, "i": INT},
        asm(
            template,
            (
                out("=&r", "result", INT),
                out("=&r", "tmp"),
                into("+Q", var("p", POINTER), INT),
            ),
            (inp("Ir", var("i")),),
        ),
        give(var("result")),
    )
    run = execution(f, limits=Limits(steps=100))
    run.memory.add_physical(VA, PA, 1 << 20, zero=True)
    run.memory.poke(VA, 4, old)
    return run.call("f", VA, value), run


def test_exclusive_loop() -> None:
    result, run = atomic(ATOMIC_ADD, old=-3, value=1)
    assert result == -2
    assert run.recorder.events == [Store(0, PA, 0xFFFFFFFE, release=True)]
    result, run = atomic(ATOMIC_ADD.replace("stlxr", "stxr"), old=1, value=-1)
    assert result == 0
    assert run.recorder.events == [Store(0, PA, 0, release=False)]


def test_exclusive_store_without_a_monitor_fails_for_ever() -> None:
    with pytest.raises(BoundError, match="does not end within 100 steps"):
        atomic(ATOMIC_ADD.replace("add\t", "clrex\n add\t"), old=1, value=1)


CMPXCHG = (
    "// __cmpxchg_case_4\n	ldxr	%w1, %2\n	mov	%w0, #0\n	cmp	%w1, %w3\n"
    "	b.ne	1f\n	stxr	%w0, %w4, %2\n1:\n"
)


@pytest.mark.parametrize(("old", "expected"), [(5, 9), (6, 5)])
def test_compare_and_exchange(old: int, expected: int) -> None:
    f = define(
        "f",
        {"p": POINTER, "o": ULONG},
        asm(
            CMPXCHG,
            (out("=&r", "res"), out("=&r", "old"), into("+Q", var("p", POINTER))),
            (inp("Ir", var("o", ULONG)), inp("r", num(9, ULONG))),
        ),
        give(
            op(
                "+",
                var("old", ULONG),
                op("*", var("res", ULONG), num(100, ULONG), ULONG),
                ULONG,
            )
        ),
        result=ULONG,
    )
    run = execution(f)
    base = run.memory.add(8, "word", zero=True).base
    run.memory.poke(base, 4, 5)
    assert run.call("f", base, old) == 5
    assert run.memory.peek(base, 4) == expected


def test_loads_and_stores_of_each_width() -> None:
    read = (("ldrb %w0,%1", 0x88), ("ldrh %w0,%1", 0x7788), ("ldr %w0,%1", 0x55667788))
    read += (("ldr %0,%1", 0x1122334455667788), ("ldrsb %0,%1", 2**64 - 0x78))
    read += (("ldar %w0,%1", 0x55667788),)
    for template, value in read:
        f = define(
            "f",
            {"p": POINTER},
            asm(template, (out("=r", "r"),), (inp("m", var("p", POINTER)),)),
            give(var("r", ULONG)),
            result=ULONG,
        )
        run = execution(f)
        base = run.memory.add(8, "word").base
        run.memory.poke(base, 8, 0x1122334455667788)
        assert run.call("f", base) == value
    for template, size in (("strb", 1), ("strh", 2), ("str", 4)):
        f = define(
            "f",
            {"p": POINTER},
            asm(
                f"{template} %w0, [%1]",
                (),
                (inp("r", num(2**63 + 0xA1B2C3D4, ULONG)), inp("r", var("p", POINTER))),
            ),
            result=VOID,
        )
        run = execution(f)
        base = run.memory.add(8, "word", zero=True).base
        run.call("f", base)
        assert run.memory.peek(base, 8) == 0xA1B2C3D4 & (256**size - 1)


def test_addressing_modes() -> None:
    template = (
        "str %1, [%0, #16 * 1]; stp %1, xzr, [%0]; mov x3, %0; ldr x4, [x3], #8;"
        "str x4, [x3, #16]!; mov x5, #2; str x3, [%0, x5, lsl #4]"
    )
    f = define(
        "f",
        {"p": POINTER},
        asm(template, (), (inp("r", var("p", POINTER)), inp("r", num(7, ULONG)))),
        result=VOID,
    )
    run = execution(f)
    base = run.memory.add(40, "words").base
    run.call("f", base)
    words = [run.memory.load(base + 8 * i, 8) for i in range(5)]
    assert words == [7, 0, 7, 7, base + 24]


def test_faults_in_asm_have_the_place_of_the_statement() -> None:
    f = define(
        "f",
        {"p": POINTER},
        asm("str xzr, %0", (into("=m", var("p", POINTER)),), line=8),
        result=VOID,
    )
    with pytest.raises(Fault) as caught:
        execution(f).call("f", 0)
    assert (caught.value.kind, caught.value.coord) == ("null-dereference", at(8))


def test_array_index_mask() -> None:
    template = "cmp     %1, %2\nsbc     %0, xzr, xzr\n"
    f = define(
        "f",
        {"i": ULONG, "n": ULONG},
        asm(
            template,
            (out("=r", "mask"),),
            (inp("r", var("i", ULONG)), inp("Ir", var("n", ULONG))),
        ),
        give(var("mask", ULONG)),
        result=ULONG,
    )
    run = execution(f)
    assert run.call("f", 3, 4) == 2**64 - 1
    assert run.call("f", 4, 4) == 0
    assert run.call("f", 2**63, 4) == 0


SIGNED: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(SIGNED)),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**31), 2**31 - 1) | st.integers(-2, 2),
)
def test_comparisons_set_flags(condition: str, a: int, b: int) -> None:
    unsigned = {"lt": "lo", "le": "ls", "gt": "hi", "ge": "hs"}
    for name, x, y in (
        (condition, a, b),
        (unsigned.get(condition, condition), a % 2**32, b % 2**32),
    ):
        f = define(
            "f",
            {},
            asm(
                f"cmp %w1, %w2; cset %w0, {name}; tst %w1, %w2",
                (out("=&r", "r", BOOL),),
                (inp("r", num(a)), inp("r", num(b))),
            ),
            give(var("r", BOOL)),
            result=BOOL,
        )
        assert execution(f).call("f") == SIGNED[condition](x, y)


def test_two_asms_share_nothing() -> None:
    f = define(
        "f", {}, asm("mov x9, #1"), asm("mov %0, x9", (out("=r", "r"),)), result=VOID
    )
    with pytest.raises(Unsupported, match="asm register x9, which nothing has set"):
        execution(f).call("f")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("#16 * 2", 32),
        ("0x10UL", 16),
        ("(1 << 4) | 3", 19),
        ("1 == 1", 1),
        ("!0 && 2 > 1", 1),
        ("x + 1", None),
        ("661b - .", None),
        ("", None),
    ],
)
def test_constant_expressions(text: str, value: int | None) -> None:
    assert integer(text) == value


def test_unsupported_template_structure() -> None:
    for text in (".if 1\nnop", ".pushsection .x\nnop"):
        with pytest.raises(Unsupported, match="does not end"):
            events(text)


def test_registers_are_those_of_the_running_pe() -> None:
    f = define(
        "f",
        {},
        asm("mrs %0, tpidr_el2", (out("=r", "r"),)),
        put("x", num(1)),
        give(var("r", ULONG)),
        result=ULONG,
    )
    run = execution(f)
    for pe in (0, 1):
        run.cpu.registers[pe, "TPIDR_EL2"] = 100 + pe
    assert run.call("f") == 100
    run.cpu.pe = 1
    assert run.call("f") == 101
