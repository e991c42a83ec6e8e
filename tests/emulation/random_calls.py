"""Random calls of C functions, with arguments that fit their types."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from lockstep import Lockstep

from harness.errors import TreeError
from harness.ir.layout import size_of
from harness.ir.nodes import FunctionDef, Variable
from harness.ir.types import Array, CType, Function, Integer, Pointer, Record
from harness.targets.boundary_locks import WATCHED
from harness.targets.physical import (
    GUEST_BLOCK_1G,
    GUEST_BLOCK_2M,
    GUEST_PAGES,
    HEAP_BASE,
    PAGE_SIZE,
)
from harness.targets.world import World

__all__ = ["Call", "Calls", "add_scratch"]

SCRATCH = 4096  # bytes for what pointers point to, each
_POINTERS = 6
_REGISTERS = 8
_TABLE_ADDRESS = 0x0000_FFFF_FFFF_F000

_NUMBERS = (
    *range(10), 11, 12, 15, 16, 18, 21, 30, 31, 32, 33, 39, 40, 47, 48, 63, 64, 65,
    127, 128, 255, 256, 511, 512, 513, 0xFFF, 0x1000, 0x7FFF, 0x8000, 0xFFFF,
)  # fmt: skip
_WIDE = (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**52 - 1, 2**63, 2**64 - 1)
_GFNS = (0x40203, 0x40204, 0x40202, 0x40400, 0x40455, 0x405FF, 0x40600, 0x407FF)
_GFNS += (0x40805, 0x40A00, 0x80000, 0x80200, 0xBFFFF, 0x8000203, 0)
_FRAMES = (GUEST_PAGES >> 12, (GUEST_PAGES >> 12) + 2, GUEST_BLOCK_2M >> 12)
_FRAMES += ((GUEST_BLOCK_2M >> 12) + 1, GUEST_BLOCK_1G >> 12, 0x41100, 0x41600)


@dataclass(frozen=True, slots=True)
class Call:
    """A call with its arguments, the same for both worlds.

    ``contents`` are the bytes that scratch memory holds then.
    """

    function: str
    arguments: tuple[int, ...]
    contents: tuple[bytes, ...] = ()
    lock: int = 0  # the p2m whose lock is held meanwhile
    pe: int = 0

    def __call__(self, world: World) -> object:
        """Make the call in a world."""
        for place, data in zip(scratch_of(world), self.contents, strict=False):
            world.memory.poke_bytes(place, data)
        if self.lock:
            world.call(self.pe, "p2m_write_lock", self.lock)
        world.execution.cpu.pe = self.pe
        result = world.execution.call(self.function, *self.arguments)
        if self.lock:
            world.call(self.pe, "p2m_write_unlock", self.lock)
        return result

    def __str__(self) -> str:
        arguments = ", ".join(f"{value:#x}" for value in self.arguments)
        return f"{self.function}({arguments}) on PE {self.pe}" + " locked" * bool(
            self.lock
        )


def add_scratch(world: World) -> None:
    """Give a world memory for what arguments point to."""
    for _ in range(_POINTERS):
        world.memory.add(SCRATCH, "scratch", zero=True)


def scratch_of(world: World) -> list[int]:
    """Return where the memory from ``add_scratch`` lies."""
    return [r.base for r in world.memory.regions if r.name == "scratch"]


class Calls:
    """Draws random calls that suit a pair of worlds."""

    def __init__(self, lockstep: Lockstep, random: Random) -> None:
        self.random = random
        self.world = lockstep.pair.ir
        self.scratch = scratch_of(self.world)
        unit = self.world.execution.unit
        self.functions = {
            name: function
            for name, function in unit.functions.items()
            if name not in WATCHED and _suits(function)
        }

    def of_files(self, files: tuple[str, ...]) -> list[str]:
        """Return the functions that are defined in some files."""
        return [n for n, f in self.functions.items() if f.coord.file in files]

    def call(self, name: str, *, lock: bool = False) -> Call:
        """Draw arguments for a function."""
        contents: list[bytes] = []
        function = self.functions[name]
        arguments = tuple(
            self.argument(parameter, contents) for parameter in function.parameters
        )
        p2m = 0
        if lock:
            p2m = self.domain().p2m
            for value, parameter in zip(arguments, function.parameters, strict=True):
                if _tag(parameter.type) == "p2m_domain":
                    p2m = value
                elif _tag(parameter.type) == "domain":
                    p2m = value + self.world.names.domain_p2m
        return Call(name, arguments, tuple(contents), p2m, self.random.randrange(2))

    def domain(self) -> object:
        return self.random.choice(list(self.world.domains.values()))

    def argument(self, parameter: Variable, contents: list[bytes]) -> int:
        ctype = parameter.type
        if isinstance(ctype, Pointer):
            return self.pointer(ctype, contents)
        if isinstance(ctype, Record):
            size = size_of(ctype)
            return self.entry() if size == 8 else self.random.getrandbits(8 * size)
        assert isinstance(ctype, Integer)
        return self.number(parameter.name, ctype)

    def number(self, name: str, ctype: Integer) -> int:
        random = self.random
        if ctype.is_bool:
            return random.randrange(2)
        if "gfn" in name or name in ("start", "end"):
            value = self.gfn()
        elif "mfn" in name:
            value = self.mfn()
        elif name in ("level", "target", "root_level"):
            value = random.randrange(5)
        elif "order" in name:
            value = random.choice((0, 0, 1, 9, 9, 10, 18, 20))
        elif name in ("nr", "nr_gfns", "pages", "count", "num"):
            value = random.choice((0, 1, 1, 2, 3, 16, 512, 600))
        elif name in ("nbits", "bits", "size", "n", "len", "maxnodes"):
            value = random.choice((*_NUMBERS, 4096))
        elif ctype.name.startswith("enum"):
            value = random.randrange(16)
        else:
            value = self.any_number()
        value &= (1 << 8 * ctype.size) - 1
        sign = 1 << 8 * ctype.size - 1
        return (value ^ sign) - sign if ctype.signed else value

    def any_number(self) -> int:
        random = self.random
        match random.randrange(4):
            case 0:
                return random.choice(_WIDE)
            case 1:
                return random.getrandbits(random.randrange(1, 65))
            case 2:
                return -random.choice(_NUMBERS)
            case _:
                return random.choice(_NUMBERS)

    def gfn(self) -> int:
        random = self.random
        match random.randrange(8):
            case 0:
                return random.getrandbits(random.choice((20, 28, 36, 40, 52, 64)))
            case 1:
                return random.choice(_GFNS) + random.randrange(-3, 4) & (1 << 64) - 1
            case _:
                return random.choice(_GFNS)

    def mfn(self) -> int:
        random = self.random
        match random.randrange(8):
            case 0:
                return random.choice((0, (1 << 64) - 1, (1 << 36) - 1, 1 << 40))
            case 1:
                return random.getrandbits(random.choice((20, 24, 36)))
            case _:
                return random.choice(_FRAMES) + random.randrange(4)

    def entry(self) -> int:
        """Draw something like a descriptor, and like what it may point to."""
        random = self.random
        match random.randrange(4):
            case 0:
                return random.getrandbits(64)
            case 1:
                return random.getrandbits(12) | self.mfn() << 12 & (1 << 48) - 1
            case 2:
                low = random.randrange(4) | 0x7FC
                high = random.getrandbits(10) << 54
                return high | self.mfn() << 12 & (1 << 48) - 1 | low
            case _:
                return random.choice((*_NUMBERS, *_WIDE)) & (1 << 64) - 1

    def pointer(self, ctype: Pointer, contents: list[bytes]) -> int:
        world, random = self.world, self.random
        domain = random.choice(list(world.domains.values()))
        match _tag(ctype):
            case "domain":
                return domain.address
            case "p2m_domain":
                return domain.p2m
            case "vcpu":
                return random.choice(domain.vcpus).address
            case "page_info":
                return self.page()
            case "lpae_t" if random.randrange(4):
                return self.table_entry(domain.name)
            case _:
                return self.fresh(ctype, contents)

    def page(self) -> int:
        pa = self.random.choice(_FRAMES) << 12
        if self.random.randrange(2):
            pages = (self.world.heap.next_free - HEAP_BASE) // PAGE_SIZE
            pa = HEAP_BASE + PAGE_SIZE * self.random.randrange(max(pages, 1))
        return self.world.page_at(pa)

    def table_entry(self, domain: str) -> int:
        """Return where an entry of one of a domain's tables lies."""
        world, random = self.world, self.random
        used = world.table_words()
        if used and random.randrange(2):
            return world.virtual(random.choice(used)[0])
        tables = [world.tables_of(domain).root]
        for _, word in used:
            pa = word & _TABLE_ADDRESS
            if word & 3 == 3 and HEAP_BASE <= pa < world.heap.next_free:
                tables.append(pa)
        return world.virtual(random.choice(tables) + 8 * random.randrange(512))

    def fresh(self, ctype: Pointer, contents: list[bytes]) -> int:
        """Point to scratch memory, with something in it."""
        random = self.random
        place = self.scratch[len(contents)]
        match random.randrange(3):
            case 0:
                data = bytes(SCRATCH)
            case 1:
                data = random.randbytes(SCRATCH)
            case _:
                words = [self.entry() for _ in range(8)]
                data = b"".join(w.to_bytes(8, "little") for w in words) * (
                    SCRATCH // 64
                )
        if _has_bool(ctype.target):
            # Any other value is none that a _Bool has.
            data = bytes(byte & 1 for byte in data)
        if _tag(ctype) == "list_head":
            data = place.to_bytes(8, "little") * 2 + data[16:]
        contents.append(data)
        return place


def _tag(ctype: CType) -> str:
    if isinstance(ctype, Pointer) and isinstance(ctype.target, Record):
        return ctype.target.tag
    return ""


def _has_bool(ctype: CType) -> bool:
    if isinstance(ctype, Record):
        return any(_has_bool(member.type) for member in ctype.members)
    if isinstance(ctype, Array):
        return _has_bool(ctype.element)
    return isinstance(ctype, Integer) and ctype.is_bool


def _suits(function: FunctionDef) -> bool:
    """Tell whether arguments can be made up for a function."""
    words = pointers = 0
    if function.variadic:
        return False
    for parameter in function.parameters:
        ctype = parameter.type
        if isinstance(ctype, Pointer):
            if isinstance(ctype.target, Function):
                return False
            pointers += 1
        elif isinstance(ctype, Record):
            try:
                size = size_of(ctype)
            except TreeError:
                return False
            words += (min(size, 16) + 7) // 8
            continue
        words += 1
    return words <= _REGISTERS and pointers <= _POINTERS
