"""A64 loads and stores of inline assembly."""

from __future__ import annotations

from harness.execution.asm_operand import Address, Operand, Register
from harness.execution.asm_state import Action, State, read, write
from harness.execution.asm_state import signed as _extended
from harness.execution.fault import aligned

__all__ = ["clear_monitor", "stored", "transfer"]


_SIZES = {"": 0, "b": 1, "h": 2}
_LOADS = ("ldr", "ldur", "ldar", "ldapr", "ldxr", "ldaxr", "ldtr")
_STORES = ("str", "stur", "stlr", "sttr")
_EXCLUSIVE_STORES = ("stxr", "stlxr")


def _kind(mnemonic: str, stems: tuple[str, ...]) -> tuple[str, int] | None:
    """Split a mnemonic into its stem and access size (0: the register's)."""
    for stem in stems:
        size = _SIZES.get(mnemonic.removeprefix(stem))
        if mnemonic.startswith(stem) and size is not None:
            return stem, size
    return None


def _locate(state: State, place: Address) -> int:
    """Return the address and write the base register back."""
    base = read(state, place.base)
    offset = place.offset
    if isinstance(offset, Register):
        offset = read(state, offset) << place.shift
    moved = (base + offset) & 0xFFFF_FFFF_FFFF_FFFF
    if place.written:
        write(state, place.base, moved)
    return base if place.written == "post" else moved


def stored(state: State, address: int, size: int, value: int, release: bool) -> None:
    """Store to memory, with the events of it."""
    execution = state.execution
    execution.memory.store(aligned(address, size), size, value)
    execution.stored(address, size, state.origin, release=release)


def transfer(mnemonic: str, operands: list[Operand]) -> Action | None:
    """Return the action of a load or store."""
    match operands:
        case [Register() as register, Address() as place]:
            return _simple(mnemonic, register, place)
        case [Register() as status, Register() as source, Address() as place]:
            store = _kind(mnemonic, _EXCLUSIVE_STORES)
            if store is not None:
                return _exclusive(store, status, source, place)
            if mnemonic in ("ldp", "stp"):
                return _pair(mnemonic == "ldp", status, source, place)
        case [] if mnemonic == "clrex":
            return clear_monitor
        case _:
            pass
    return None


def clear_monitor(state: State) -> None:
    """Forget the exclusive load of the current PE."""
    state.execution.cpu.monitors.pop(state.execution.cpu.pe, None)


def _simple(mnemonic: str, register: Register, place: Address) -> Action | None:
    signed = {"ldrsb": 1, "ldrsh": 2, "ldrsw": 4}.get(mnemonic)
    load = _kind(mnemonic, _LOADS)
    store = _kind(mnemonic, _STORES)
    size = register.bits // 8
    if store is not None:
        size = store[1] or size
        release = store[0] == "stlr"

        def put(state: State) -> None:
            value = read(state, register)
            stored(state, _locate(state, place), size, value, release)

        return put
    if load is None and signed is None:
        return None
    size = signed or (load[1] if load else 0) or size
    exclusive = load is not None and "x" in load[0]

    def get(state: State) -> None:
        address = aligned(_locate(state, place), size)
        value = state.execution.memory.load(address, size)
        if signed:
            value = _extended(value, 8 * size)
        write(state, register, value)
        if exclusive:
            cpu = state.execution.cpu
            cpu.monitors[cpu.pe] = address

    return get


def _exclusive(
    store: tuple[str, int], status: Register, source: Register, place: Address
) -> Action:
    size = store[1] or source.bits // 8
    release = store[0] == "stlxr"

    def act(state: State) -> None:
        cpu = state.execution.cpu
        value, address = read(state, source), _locate(state, place)
        if cpu.monitors.pop(cpu.pe, None) != address:
            write(state, status, 1)
            return
        stored(state, address, size, value, release)
        write(state, status, 0)

    return act


def _pair(load: bool, first: Register, second: Register, place: Address) -> Action:
    size = first.bits // 8

    def act(state: State) -> None:
        if load:
            address = aligned(_locate(state, place), size)
            low = state.execution.memory.load(address, size)
            high = state.execution.memory.load(address + size, size)
            write(state, first, low)
            write(state, second, high)
            return
        values = read(state, first), read(state, second)
        address = _locate(state, place)
        stored(state, address, size, values[0], False)
        stored(state, address + size, size, values[1], False)

    return act
