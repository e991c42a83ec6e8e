"""Small worlds for the explorer's tests: tables in memory, names to addresses."""

from __future__ import annotations

from collections.abc import Mapping

from reference_model.events import Access, BarrierKind, Domain
from reference_model.exploration.program import (
    Address,
    Barrier,
    Eret,
    ExceptionEntry,
    Fault,
    Instruction,
    Isb,
    Load,
    Msr,
    Order,
    Outcome,
    Physical,
    Program,
    Reg,
    Store,
    Thread,
    Tlbi,
    Virtual,
    Wait,
)
from reference_model.operands import encode_ipa, encode_va
from reference_model.profiles import ARCHITECTURE_PROFILES, Profile

P0 = ARCHITECTURE_PROFILES["P0-v8.0"]
ETS2 = ARCHITECTURE_PROFILES["P3-bbml2"]
REPEAT = ARCHITECTURE_PROFILES["P1-repeat"]

_VTCR = 25 | 1 << 6  # 39-bit IPA from level 1
_TCR = 25
_LEAF1 = 1 << 10 | 1 << 11 | 0b11  # AF, nG
_LEAF2 = 1 << 10 | 0b11 << 6 | 0xF << 2 | 0b11
RO1 = 1 << 7
GLOBAL = 1 << 11
NO_AF = 1 << 10


class World:
    """Lays out translation tables; every page and table has an address."""

    def __init__(self, *, stages: int = 1, profile: Profile = P0) -> None:
        self.stages = stages
        self.profile = profile
        self.memory: dict[int, int] = {}
        self.tables: set[int] = set()
        self._next = 0x4000_0000
        self._names: dict[str, int] = {}
        self._roots: dict[tuple[str, str], int] = {}
        self._slots: dict[tuple[int, int, int], int] = {}

    # ------------------------------------------------------------- addresses

    def page(self, name: str) -> int:
        """Return the address of a page or plain variable by name."""
        if name not in self._names:
            self._names[name] = self._fresh()
        return self._names[name]

    def _fresh(self) -> int:
        self._next += 0x1000
        return self._next

    def root(self, vm: str, what: str) -> int:
        if (vm, what) not in self._roots:
            self._roots[vm, what] = self.table()
        return self._roots[vm, what]

    def table(self) -> int:
        page = self._fresh()
        self.tables.add(page)
        return page

    def va(self, name: str) -> int:
        names = ["x", "y", "z", "w", "u", "v"]
        return 0x0050_0000 + names.index(name[0]) * 0x1000

    def ipa(self, name: str) -> int:
        return 0x1000_0000 + int(name.removeprefix("ipa")) * 0x1000

    # ------------------------------------------------------------ descriptors

    def cell(self, root: int, address: int, level: int = 3, first: int = 1) -> int:
        """Return where the descriptor of a level lies, with the tables above."""
        table = root
        for at in range(first, level):
            slot = table + ((address >> (39 - 9 * at)) & 511) * 8
            if slot not in self.memory:
                self.memory[slot] = self.table() | 0b11
            table = self.memory[slot] & ~0xFFF
        return table + ((address >> (39 - 9 * level)) & 511) * 8

    def s1(self, name: str, vm: str = "vm1", level: int = 3) -> int:
        return self.cell(self.root(vm, "s1"), self.va(name), level)

    def s2(self, name: str, vm: str = "vm1", level: int = 3) -> int:
        return self.cell(self.root(vm, "s2"), self.ipa(name), level)

    def hyp(self, name: str, level: int = 3) -> int:
        return self.cell(self.root("hyp", "s1"), self.va(name), level)

    def leaf1(self, target: str, flags: int = 0) -> int:
        out = self.ipa(target) if target.startswith("ipa") else self.page(target)
        return out | _LEAF1 ^ flags

    def leaf2(self, target: str, flags: int = 0) -> int:
        return self.page(target) | _LEAF2 ^ flags

    def map1(self, name: str, target: str | None, vm: str = "vm1") -> None:
        cell = self.s1(name, vm)
        self.memory[cell] = self.leaf1(target) if target else 0

    def map2(self, name: str, target: str | None, vm: str = "vm1") -> None:
        cell = self.s2(name, vm)
        self.memory[cell] = self.leaf2(target) if target else 0

    def map_hyp(self, name: str, target: str | None) -> None:
        cell = self.hyp(name)
        self.memory[cell] = self.leaf1(target, GLOBAL) if target else 0

    def data(self, **values: int) -> None:
        for name, value in values.items():
            self.memory[self.page(name)] = value

    # --------------------------------------------------------------- programs

    def registers(
        self, vm: str = "vm1", vmid: int = 1, asid: int = 0, *, hyp: bool = False
    ) -> dict[str, int]:
        found = {
            "TTBR0_EL1": self.root(vm, "s1") | asid << 48,
            "TCR_EL1": _TCR,
            "VTTBR_EL2": vmid << 48,
        }
        if self.stages == 2:
            found["VTTBR_EL2"] |= self.root(vm, "s2")
            found |= {"HCR_EL2": 1, "VTCR_EL2": _VTCR}
        if hyp:
            found |= {"TTBR0_EL2": self.root("hyp", "s1"), "TCR_EL2": _TCR}
        return found

    def program(self, *threads: Thread, observed: tuple[str, ...] = ()) -> Program:
        return Program(
            threads,
            dict(self.memory),
            frozenset(self.tables) if self.stages == 2 else frozenset(),
            tuple(self.page(name) for name in observed),
            self.profile,
        )

    # ------------------------------------------------------------ instructions

    def at(self, where: str) -> Address:
        if where in ("x", "y", "z", "w", "u", "v"):
            return Virtual(self.va(where))
        return Physical(self.page(where))

    def ld(
        self, register: str, where: str, order: Order = Order.PLAIN, addr: str = ""
    ) -> Load:
        return Load(
            register,
            self.at(where),
            order,
            label=f"LDR {register}, {where}",
            address_from=(addr,) if addr else (),
        )

    def wait(self, register: str, where: str, value: int) -> Wait:
        return Wait(register, self.at(where), value, label=f"WAIT {where} = {value}")

    def st(self, value: int | str, where: str | int, **more: object) -> Store:
        address = Physical(where) if isinstance(where, int) else self.at(where)
        stored = Reg(value) if isinstance(value, str) else value
        label = f"STR {value}, {where}"
        return Store(address, stored, label=label, **more)  # type: ignore[arg-type]

    def tlbi_va(self, op: str, name: str, asid: int = 0) -> Tlbi:
        operand = encode_va(self.va(name), asid=asid)
        return Tlbi(op, operand, label=f"TLBI {op}, {name}")

    def tlbi_ipa(self, op: str, name: str) -> Tlbi:
        return Tlbi(op, encode_ipa(self.ipa(name)), label=f"TLBI {op}, {name}")


def tlbi(op: str, operand: int = 0) -> Tlbi:
    return Tlbi(op, operand, label=f"TLBI {op}")


def _barrier(kind: BarrierKind, what: str, control: str = "") -> Barrier:
    domains = {"NSH": Domain.NSH, "ISH": Domain.ISH, "OSH": Domain.OSH}
    domain = domains.get(what[:3], Domain.SY)
    rest = what.removeprefix(what[:3]) if what[:3] in domains else what
    access = {"LD": Access.LD, "ST": Access.ST}.get(rest, Access.ALL)
    return Barrier(kind, domain, access, label=f"{kind.value.upper()} {what}")


def dsb(what: str = "SY") -> Barrier:
    return _barrier(BarrierKind.DSB, what)


def dmb(what: str = "SY") -> Barrier:
    return _barrier(BarrierKind.DMB, what)


def isb(*control: str) -> Isb:
    return Isb(label="ISB", control_from=control)


def msr(register: str, value: int) -> Msr:
    return Msr(register, value, label=f"MSR {register}")


ERET = Eret(label="ERET")
HVC = ExceptionEntry(label="HVC")


def el1(*code: Instruction, registers: Mapping[str, int], **more: object) -> Thread:
    return Thread(code, registers, 1, **more)  # type: ignore[arg-type]


def el2(*code: Instruction, registers: Mapping[str, int], **more: object) -> Thread:
    return Thread(code, registers, 2, **more)  # type: ignore[arg-type]


def faulted(outcome: Outcome, pe: int, register: str) -> bool:
    return isinstance(outcome.register(pe, register), Fault)
