"""Inline assembly of 32-bit Arm: what it computes, and the events it makes."""

from __future__ import annotations

import pytest

from harness.errors import Unsupported
from harness.execution.address_space import NARROW
from harness.execution.cpu import Cpu
from harness.execution.fault import Fault
from harness.execution.memory import Memory
from harness.execution.program import Program
from harness.execution.recorder import Recorder
from harness.execution.run import Execution
from harness.frontend.unit import lower_text
from harness.ir.data_model import ILP32
from reference_model.aarch32 import Coprocessor, hyp_name
from reference_model.events import (
    Access,
    At,
    Barrier,
    BarrierKind,
    CacheOp,
    Domain,
    IrqMask,
    Isb,
    Msr,
    Store,
    Tlbi,
)
from reference_model.unmodelled import Unmodelled

VA, PA = 0x8000_0000, 0x4000_0000


def loaded(text: str) -> Execution:
    memory = Memory(NARROW)
    memory.add_physical(VA, PA, 0x1000, zero=True)
    unit = lower_text(f'# 1 "a.c"\n{text}', "a.c", ILP32)
    recorder = Recorder(lambda _: False)
    return Execution(Program(unit), memory, Cpu(), recorder, {})


def ran(text: str, *arguments: int) -> tuple[int | None, Execution]:
    run = loaded(text)
    return run.call("f", *arguments), run


def events(asm: str, *arguments: int) -> list[object]:
    names = ", ".join(f"unsigned a{n}" for n in range(len(arguments))) or "void"
    inputs = ", ".join(f'"r"(a{n})' for n in range(len(arguments)))
    text = f'void f({names}) {{ asm volatile ("{asm}" : : {inputs}); }}'
    return list(ran(text, *arguments)[1].recorder.events)


@pytest.mark.parametrize(
    ("asm", "argument", "result"),
    [
        ("mov %0, %1", 7, 7),
        ("mvn %0, %1", 7, 0xFFFFFFF8),
        ("add %0, %1, #3", 0xFFFFFFFE, 1),
        ("sub %0, %1, #1", 0, 0xFFFFFFFF),
        ("rsb %0, %1, #10", 4, 6),
        ("clz %0, %1", 1, 31),
        ("clz %0, %1", 0, 32),
        ("orr %0, %1, %1, lsl #4", 0x1, 0x11),
        ("lsr %0, %1, #4", 0x80000000, 0x08000000),
        ("asr %0, %1, #4", 0x80000000, 0xF8000000),
        ("cmp %1, #5\\n mov %0, #0\\n movhi %0, #1", 6, 1),
        ("cmp %1, #5\\n mov %0, #0\\n movhi %0, #1", 5, 0),
        ("subs %0, %1, #1\\n addeq %0, %0, #100", 1, 100),
        ("teq %1, #3\\n moveq %0, #1\\n movne %0, #2", 3, 1),
        ("mov %0, #0\\n1: add %0, %0, #2\\n cmp %0, %1\\n blo 1b", 5, 6),
        ("mov %0, %1 @ a comment, mov %0, #0", 9, 9),
    ],
)
def test_computes(asm: str, argument: int, result: int) -> None:
    text = (
        "unsigned f(unsigned x) { unsigned r; "
        f'asm volatile ("{asm}" : "=&r"(r) : "r"(x)); return r; }}'
    )
    assert ran(text, argument)[0] == result


def test_a_pair_of_registers_holds_64_bits() -> None:
    text = """
    unsigned long long f(unsigned long long x)
    {
        unsigned long long r;
        asm ("mov %0, %H1\\n mov %H0, %1" : "=&r"(r) : "r"(x));
        return r;
    }"""
    assert ran(text, 0x11112222_33334444)[0] == 0x33334444_11112222


def test_strd_is_one_store_and_two_str_are_two() -> None:
    one = """
    void f(unsigned long long *p)
    {
        asm volatile ("dsb; strd %0, %H0, [%1]; dsb;" : : "r"(5ULL << 32 | 3), "r"(p));
    }"""
    stores = [e for e in ran(one, VA)[1].recorder.events if isinstance(e, Store)]
    assert [(e.pa, e.value) for e in stores] == [(PA, 5 << 32 | 3)]
    two = """
    void f(unsigned *p)
    {
        asm volatile ("str %0, [%1]\\n str %0, [%1, #4]" : : "r"(9), "r"(p));
    }"""
    stores = [e for e in ran(two, VA)[1].recorder.events if isinstance(e, Store)]
    assert [(e.pa, e.value) for e in stores] == [(PA, 9), (PA, 9 << 32 | 9)]


def test_exclusives() -> None:
    text = """
    int f(unsigned *p)
    {
        unsigned seen, failed;
        asm volatile ("ldrex %1, [%2]\\n mov %0, #0\\n teq %1, #4\\n"
                      "strexeq %0, %3, [%2]"
                      : "=&r"(failed), "=&r"(seen) : "r"(p), "r"(6) : "cc");
        return failed * 100 + seen;
    }"""
    for old, new in ((4, 6), (5, 5)):
        run = loaded(text)
        run.memory.poke(VA, 4, old)
        assert run.call("f", VA) == old
        assert run.memory.peek(VA, 4) == new
    alone = """
    unsigned f(unsigned *p)
    {
        unsigned failed;
        asm volatile ("strex %0, %1, [%2]" : "=&r"(failed) : "r"(1), "r"(p));
        return failed;
    }"""
    assert ran(alone, VA)[0] == 1


@pytest.mark.parametrize("scope", ["", "IS"])
def test_every_tlb_operation(scope: str) -> None:
    known = 0
    for opc1 in range(8):
        for crm in range(16):
            for opc2 in range(8):
                text = f"mcr p15, {opc1}, %0, c8, c{crm}, {opc2};"
                try:
                    name = hyp_name(Coprocessor(opc1, 8, crm, opc2))
                except Unmodelled:
                    with pytest.raises(Unsupported, match="mcr p15"):
                        events(text, 0x1234)
                    continue
                if name.endswith("IS") is not bool(scope):
                    continue
                known += 1
                (event,) = events(text, 0x1234)
                assert isinstance(event, Tlbi)
                assert event.op == name
                assert event.operand == (0 if "ALL" in name else 0x1234)
    assert known == 12


def test_registers_are_those_of_aarch64() -> None:
    text = """
    unsigned long long f(unsigned long long x)
    {
        unsigned long long r;
        unsigned hcr;
        asm volatile ("mcrr p15, 6, %0, %H0, c2;" : : "r"(x));
        asm volatile ("mcr p15, 4, %0, c1, c1, 4;" : : "r"(1));
        asm volatile ("mcr p15, 4, %0, c1, c1, 0;" : : "r"(0x80));
        asm volatile ("mrc p15, 4, %0, c1, c1, 0;" : "=r"(hcr));
        asm volatile ("mrrc p15, 6, %0, %H0, c2;" : "=r"(r));
        return r + hcr;
    }"""
    result, run = ran(text, 0x0001_0000_4000_0000)
    assert result == 0x0001_0000_4000_0080
    said = [(e.register, e.value) for e in run.recorder.events if isinstance(e, Msr)]
    assert said == [
        ("VTTBR_EL2", 0x0001_0000_4000_0000),
        ("HCR_EL2", 1 << 32),
        ("HCR_EL2", 1 << 32 | 0x80),
    ]


def test_barriers_and_cache_maintenance() -> None:
    dsb = BarrierKind.DSB
    found = events("dsb; dsb ishst; dmb ish; isb; dsb un; mcr p15, 0, r0, c7, c10, 4")
    assert [(type(e), getattr(e, "kind", None)) for e in found] == [
        (Barrier, dsb),
        (Barrier, dsb),
        (Barrier, BarrierKind.DMB),
        (Isb, None),
        (Barrier, dsb),
        (Barrier, dsb),
    ]
    first, second, _, _, un, last = found
    assert isinstance(first, Barrier) and first.domain is Domain.SY
    assert isinstance(second, Barrier) and second.access is Access.ST
    assert isinstance(un, Barrier) and un.domain is Domain.NSH
    assert isinstance(last, Barrier) and last.domain is Domain.SY
    (clean,) = events("mcr p15, 0, %0, c7, c10, 1", VA + 0x40)
    assert isinstance(clean, CacheOp) and (clean.op, clean.pa) == (
        "DC CVAC",
        PA + 0x40,
    )
    inner, _ = events("mcr p15, 0, %0, c7, c8, 4; isb", 0x1000)
    assert isinstance(inner, At) and inner.op == "S12E1R"


def test_interrupts_are_masked() -> None:
    text = """
    unsigned f(void)
    {
        unsigned flags, now;
        asm volatile ("mrs %0, cpsr @ save" : "=r"(flags));
        asm volatile ("cpsid i");
        asm volatile ("mrs %0, cpsr" : "=r"(now));
        asm volatile ("msr cpsr_c, %0" : : "r"(flags));
        return (now ^ flags) & 0xff;
    }"""
    result, run = ran(text)
    assert result == 0x80
    masks = [e.masked for e in run.recorder.events if isinstance(e, IrqMask)]
    assert masks == [True, False]
    with pytest.raises(Unsupported, match="mode"):
        events("msr cpsr_c, %0", 0x13)


def test_bug_is_an_undefined_instruction() -> None:
    text = r"""
    void f(void)
    {
        asm ("1:.word 0xe7f000f0\n.pushsection .rodata.str, \"aMS\", %progbits, 1\n"
             "2:\t.asciz \"a.c\"\n3:\n.if 1\n\t.asciz \"x > 0\"\n.endif\n.popsection\n"
             ".pushsection .bug_frames.3, \"a\", %progbits\n4:\n.p2align 2\n"
             ".long (1b - 4b)\n.long (2b - 4b)\n.long (3b - 4b)\n.hword 5, 0\n"
             ".popsection");
    }"""
    with pytest.raises(Fault, match="assertion fails: x > 0"):
        ran(text)


@pytest.mark.parametrize(
    "asm",
    [
        "vmov s0, %0",
        "mcr p14, 0, %0, c1, c0, 0",
        "mcr p15, 0, %0, c9, c12, 0",
        "mcrr p15, 5, %0, %0, c2",
        "ldm %0, {r1, r2}",
        "dsb nosuch",
        "msr spsr, %0",
        "smc #0",
        "tlbi vmalls12e1",
        "andseq %0, %0, %0, lsl #1",
    ],
)
def test_what_is_not_known_is_not_skipped(asm: str) -> None:
    with pytest.raises(Unsupported):
        events(asm, 0)
