"""Build a world: boot the simulated machine and create its domains.

Everything that the tree can do itself it does: ``setup_virt_paging()`` chooses
the geometry of the tables, ``p2m_init()`` makes a domain's p2m, and the pool
of table pages is filled by ``p2m_set_allocation()``.
"""

from __future__ import annotations

from contextlib import suppress

from harness.errors import TreeError, Unsupported
from harness.execution.boundary import Boundary, BoundaryCall
from harness.execution.cpu import Cpu
from harness.execution.memory import Memory
from harness.execution.program import Program
from harness.execution.recorder import Recorder
from harness.execution.run import Execution
from harness.ir.layout import size_of
from harness.ir.types import Array
from harness.targets.boundary_bits import BITS
from harness.targets.boundary_domain_page import DomainPages
from harness.targets.boundary_hypervisor import HYPERVISOR
from harness.targets.boundary_locks import WATCHED, Locks
from harness.targets.boundary_pages import Pages
from harness.targets.boundary_radix import RadixTrees
from harness.targets.context_switch import STAGE1_SCTLR, Stage1
from harness.targets.features import ProfileFeatures, cpuinfo_places
from harness.targets.names import Names
from harness.targets.physical import (
    HEAP_BASE,
    HEAP_SIZE,
    PES,
    RAM_BASE,
    RAM_END,
    Heap,
    frame,
)
from harness.targets.platform import ARM64_PLATFORM, Platform
from harness.targets.versions import ALLOC_TABLE, VMID_ALLOCATOR
from harness.targets.world import Domain, Vcpu, World
from reference_model.coordinates import Coord

__all__ = ["build", "model_names"]

_MAX_CPUS = 128
_DOMID_IDLE = 0x7FFF
_HERE = Coord("<world>", 0)

_HCR_HYPERVISOR = 7 << 3
_PSTATE = 0x3C5  # of a guest: its kernel, exceptions masked


class Builder:
    """Builds one world."""

    def __init__(
        self,
        program: Program,
        names: Names,
        features: ProfileFeatures,
        recorder: Recorder,
        stage1_first: bool,
        platform: Platform = ARM64_PLATFORM,
    ) -> None:
        self.platform = platform
        self.unit = program.unit
        self.names = names
        self.features = features
        self.domain_names: set[str] = set()
        self.memory = Memory(platform.areas)
        self.cpu = Cpu(features)
        boundary: dict[str, Boundary] = {}
        self.execution = Execution(
            program, self.memory, self.cpu, recorder, boundary, override=WATCHED
        )
        self.world = World(
            execution=self.execution,
            names=names,
            platform=platform,
            locks=Locks(self.lock_name, self.lock_released),
            radix=RadixTrees(pointer=names.pointer),
            domain_pages=DomainPages(),
            heap=Heap(),
            frame_table=0,
            direct_map=0,
            current_vcpu=self.current_vcpu,
            create_domain=self.make_domain,
            stage1_first=stage1_first,
        )
        boundary.update(self.models())

    def build(self) -> World:
        """Boot, then create the domains."""
        self.place_variables()
        self.set_globals()
        self.map_memory()
        self.set_per_cpu()
        self.set_features()
        for pe in range(PES):
            # Without a copy of its own, every vCPU has what the boot code set.
            own = self.names.vcpu_hcr is not None
            self.cpu.registers[pe, "HCR_EL2"] = (
                _HCR_HYPERVISOR if own else self.platform.guest_hcr
            )
            self.cpu.registers[pe, "SCTLR_EL1"] = 0
            self.cpu.registers[pe, "VTTBR_EL2"] = 0
        self.make_idle()
        allocator = self.unit.functions.get(VMID_ALLOCATOR)
        if allocator is not None and not allocator.static:
            self.world.call(0, VMID_ALLOCATOR)
        self.world.call(0, "setup_virt_paging")
        for number in (1, 2):
            self.make_domain(0, number)
        return self.world

    # ------------------------------------------------------------------- boot

    def place_variables(self) -> None:
        """Give every variable its place, so that each run finds it reset.

        One whose initial value is not modelled stays without: a run that
        reaches it is told.
        """
        self.place_arrays()
        for name, variable in list(self.unit.globals.items()):
            if variable.text is None:
                with suppress(Unsupported):
                    self.execution.address(name)

    def place_arrays(self) -> None:
        """Give memory to arrays whose size the headers do not tell."""
        for name in ("irq_stat", "__per_cpu_offset", "cpu_data"):
            variable = self.unit.globals.get(name)
            if variable is None or not isinstance(variable.type, Array):
                continue
            if variable.type.count is None:
                size = self.size_of(name)
                region = self.memory.add(size, name, kind="global", zero=True)
                self.execution.place(name, region.base)

    def poke(self, name: str, value: int) -> None:
        """Set a global variable, where the tree has it."""
        variable = self.unit.globals.get(name)
        if variable is not None:
            size = size_of(variable.type)
            self.memory.poke(self.execution.address(name), size, value)

    def set_globals(self) -> None:
        """Set what the boot code decides: memory layout, CPUs, state."""
        every = (1 << 64) - 1
        for name, value in (
            ("pfn_pdx_bottom_mask", every),
            ("pfn_top_mask", 0),
            ("pfn_hole_mask", 0),
            ("pfn_pdx_hole_shift", 0),
            ("ma_va_bottom_mask", every),
            ("ma_top_mask", 0),
            ("max_pdx", frame(RAM_END)),
            ("max_page", frame(RAM_END)),
            ("frametable_base_pdx", frame(RAM_BASE)),
            ("frametable_base_mfn", frame(RAM_BASE)),
            *self.platform.globals.items(),
            ("nr_cpu_ids", PES),
            ("cpu_possible_map", (1 << PES) - 1),
            ("cpu_present_map", (1 << PES) - 1),
            ("cpu_online_map", (1 << PES) - 1),
            ("system_state", self.unit.constants.get("SYS_STATE_active", 0)),
            ("dcache_line_bytes", 64),
            ("hardware_domain", 0),
            ("iommu_enabled", 0),
        ):
            self.poke(name, value)

    def map_memory(self) -> None:
        """Make the heap reachable through the direct map, and the frame table."""
        mapped = self.platform.mapped[0]
        always = self.world.call(0, "maddr_to_virt", mapped)
        tables = self.platform.tables
        virtual = always + HEAP_BASE - mapped if tables is None else tables
        self.world.direct_map = virtual - HEAP_BASE
        self.memory.add_physical(virtual, HEAP_BASE, HEAP_SIZE)
        page = self.world.call(0, "virt_to_page", always)
        self.world.frame_table = page - frame(mapped) * self.names.page_size
        first = self.world.page_at(RAM_BASE)
        size = (frame(RAM_END) - frame(RAM_BASE)) * self.names.page_size
        self.memory.add(size, "frame table", base=first, kind="frame table", zero=True)

    def set_per_cpu(self) -> None:
        """Give each PE its own copy of the per-CPU variables."""
        variables = [n for n in sorted(self.unit.globals) if n.startswith("per_cpu__")]
        for pe in range(PES):
            offset = (pe + 1) * self.platform.per_cpu
            self.cpu.registers[pe, "TPIDR_EL2"] = offset
            for name in variables:
                size = size_of(self.unit.globals[name].type)
                base = self.execution.address(name) + offset
                self.memory.add(size, f"{name} of PE {pe}", base=base, zero=True)
            self.per_cpu(pe, "cpu_id", pe, 4)
        table = self.unit.globals.get("__per_cpu_offset")
        if table is not None:
            base = self.execution.address("__per_cpu_offset")
            for pe in range(PES):
                offset = (pe + 1) * self.platform.per_cpu
                size = self.names.pointer
                self.memory.poke(base + size * pe, size, offset)

    def per_cpu(self, pe: int, name: str, value: int, size: int) -> None:
        """Set one PE's copy of a per-CPU variable, where the tree has it."""
        if f"per_cpu__{name}" in self.unit.globals:
            base = self.execution.address(f"per_cpu__{name}")
            offset = self.cpu.registers[pe, "TPIDR_EL2"]
            self.memory.poke(base + offset, size, value)

    def current_vcpu(self, pe: int) -> int:
        """Return the address of a PE's "current" pointer."""
        return (
            self.execution.address("per_cpu__curr_vcpu")
            + self.cpu.registers[pe, "TPIDR_EL2"]
        )

    def set_features(self) -> None:
        """Set the capability bits and the system's ID registers."""
        bits = sum(1 << number for number in self.features.numbers())
        self.poke("cpu_hwcaps", bits)
        self.watch("cpu_hwcaps")
        for name, registers in cpuinfo_places(self.unit, self.platform.cpuinfo).items():
            base = self.execution.address(name)
            size = self.size_of(name)
            self.memory.poke_bytes(base, bytes(size))
            for offset, register in registers.items():
                value = self.features.inputs.id_registers.get(register, 0)
                self.memory.poke(base + offset, self.names.pointer, value)
            self.watch(name)

    def watch(self, name: str) -> None:
        """Log reads of a global as questions about the profile."""
        if name in self.unit.globals:
            place = (self.execution.address(name), self.size_of(name))
            self.execution.recorder.watch(place, name)

    def size_of(self, name: str) -> int:
        """Return the size of a variable; of an array without one, as placed."""
        ctype = self.unit.globals[name].type
        if isinstance(ctype, Array) and ctype.count is None:
            return _MAX_CPUS * size_of(ctype.element)
        return size_of(ctype)

    # ---------------------------------------------------------------- domains

    def make_idle(self) -> None:
        """Make the idle domain and the idle vCPU that each PE starts with."""
        domain = self.new_domain("idle", _DOMID_IDLE)
        for pe in range(PES):
            vcpu = self.new_vcpu(f"idle v{pe}", domain, pe)
            self.world.idle[pe] = vcpu
            self.memory.poke(self.current_vcpu(pe), self.names.pointer, vcpu)

    def new_domain(self, name: str, number: int) -> int:
        """Return a zeroed struct domain with its identity set."""
        address = self.memory.add(self.names.domain_size, name, zero=True).base
        self.domain_names.add(name)
        place = address + self.names.domain_id
        self.memory.poke(place, 2, number)
        if self.names.domain_type is not None:
            place = address + self.names.domain_type
            self.memory.poke(place, 4, self.unit.constants["DOMAIN_64BIT"])
        return address

    def new_vcpu(self, name: str, domain: int, number: int) -> int:
        """Return a zeroed struct vcpu with its identity set."""
        names = self.names
        address = self.memory.add(names.vcpu_size, name, zero=True).base
        for offset, size, value in (
            (names.vcpu_id, names.vcpu_id_size, number),
            (names.vcpu_domain, names.pointer, domain),
            (names.vcpu_sctlr, names.sctlr_size, STAGE1_SCTLR),
        ):
            self.memory.poke(address + offset, size, value)
        if names.vcpu_hcr is not None:
            place = address + names.vcpu_hcr
            self.memory.poke(place, names.pointer, self.platform.guest_hcr)
        if names.vcpu_cpu_info is not None and names.cpu_info_cpsr is not None:
            place, top = address + names.vcpu_cpu_info, self.new_stack(name)
            self.memory.poke(place, names.pointer, top)
        return address

    def new_stack(self, vcpu: str) -> int:
        """Return the top of a vCPU's stack, with the state of its guest."""
        size = size_of(self.unit.records["struct cpu_info"])
        address = self.memory.add(size, f"cpu_info of {vcpu}", zero=True).base
        self.memory.poke(address + (self.names.cpu_info_cpsr or 0), 4, _PSTATE)
        return address

    def make_domain(self, pe: int, number: int) -> None:
        """Create d<number> on ``pe``, with two vCPUs and a pool of table pages."""
        world, name = self.world, f"d{number}"
        address = self.new_domain(name, number)
        vcpus = tuple(
            Vcpu(
                f"{name}v{vcpu}",
                self.new_vcpu(f"{name}v{vcpu}", address, vcpu),
                name,
                Stage1((0x4100_0000 * number) + 0x1_0000 * (vcpu + 1)),
            )
            for vcpu in range(2)
        )
        p2m = address + self.names.domain_p2m
        if world.call(pe, "p2m_init", address):
            raise TreeError(f"p2m_init() of domain {number} fails in the harness")
        table = self.unit.functions.get(ALLOC_TABLE)
        exported = table is not None and not table.static
        if exported and world.call(pe, ALLOC_TABLE, address):
            raise TreeError(f"{ALLOC_TABLE}() of domain {number} fails in the harness")
        if self.names.pools is not None:
            self.names.pools.fill(world, pe, address)
        world.domains[name] = Domain(name, address, p2m, vcpus)
        world.expected[name] = []
        world.remember_pools()

    # --------------------------------------------------------------- boundary

    def lock_name(self, address: int) -> str:
        """Name a lock by what it protects, or the object that it lies in."""
        names = self.names
        for region in self.memory.regions:
            if not region.base <= address < region.base + region.size:
                continue
            offset = address - region.base
            if region.size == names.domain_size and region.name in self.domain_names:
                if offset == names.domain_p2m + names.p2m_lock:
                    return f"p2m lock of {region.name}"
                if names.pools is not None and offset == names.pools.lock:
                    return f"page pool lock of {region.name}"
            return f"{region.name}+{offset:#x}" if offset else region.name
        return f"lock at {address:#x}"

    def lock_released(self, call: BoundaryCall) -> None:
        """Let the world look at what a lock protected."""
        self.world.lock_released(call)

    def models(self) -> dict[str, Boundary]:
        """Return the models of functions without a body."""
        world = self.world
        pages = Pages(
            world.heap,
            world.pa_of_page,
            world.page_at,
            world.virtual,
            world.physical,
            world.owner_of,
        )
        return {
            **BITS,
            **HYPERVISOR,
            **world.locks.boundary(),
            **world.radix.boundary(),
            **world.domain_pages.boundary(),
            **pages.boundary(),
        }


def build(
    program: Program,
    names: Names,
    features: ProfileFeatures,
    recorder: Recorder,
    *,
    stage1_first: bool,
    platform: Platform = ARM64_PLATFORM,
) -> World:
    """Build a world for one profile."""
    builder = Builder(program, names, features, recorder, stage1_first, platform)
    return builder.build()


def model_names() -> frozenset[str]:
    """Return the names of all functions that have a model."""
    locks = Locks(str, lambda _: None)
    pages = Pages(Heap(), abs, abs, abs, abs, abs)
    parts = (
        *(BITS, HYPERVISOR, locks.boundary(), RadixTrees().boundary()),
        DomainPages().boundary(),
    )
    return frozenset({*pages.boundary(), *(name for part in parts for name in part)})
