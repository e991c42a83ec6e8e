"""A32 loads and stores of inline assembly."""

from __future__ import annotations

from harness.execution.a32_operand import Operand32, Place, Register32, get, put
from harness.execution.asm_state import Action, State, signed
from harness.execution.asm_transfer import clear_monitor, stored
from harness.execution.fault import aligned

__all__ = ["transfer32"]

_LOADS = {"ldr": 4, "ldrb": 1, "ldrh": 2}
_SIGNED = {"ldrsb": 1, "ldrsh": 2}
_STORES = {"str": 4, "strb": 1, "strh": 2}
_RELEASES = {"stl": 4, "stlb": 1, "stlh": 2}
_ACQUIRES = {"lda": 4, "ldab": 1, "ldah": 2}
_EXCLUSIVE_LOADS = {
    prefix + suffix: size
    for prefix in ("ldrex", "ldaex")
    for suffix, size in (("", 4), ("b", 1), ("h", 2), ("d", 8))
}
_EXCLUSIVE_STORES = {
    prefix + suffix: size
    for prefix in ("strex", "stlex")
    for suffix, size in (("", 4), ("b", 1), ("h", 2), ("d", 8))
}


def transfer32(mnemonic: str, operands: list[Operand32]) -> Action | None:
    """Return the action of a load or store."""
    match mnemonic, operands:
        case "clrex", []:
            return clear_monitor
        case _, [Register32() as register, Place() as place]:
            return _single(mnemonic, register, place)
        case "ldrd" | "strd", [Register32() as low, Register32() as high, Place() as p]:
            return _double(mnemonic == "ldrd", low, high, p)
        case _, [Register32() as first, Register32() as second, Place() as place]:
            if mnemonic == "ldrexd":
                return _load_exclusive(8, first, second, place)
            if mnemonic in _EXCLUSIVE_STORES and not mnemonic.endswith("d"):
                return _store_exclusive(mnemonic, first, second, None, place)
        case _, [
            Register32() as status,
            Register32() as low,
            Register32() as high,
            Place() as place,
        ] if mnemonic in ("strexd", "stlexd"):
            return _store_exclusive(mnemonic, status, low, high, place)
        case _:
            pass
    return None


def _locate(state: State, place: Place) -> int:
    """Return the address and write the base register back."""
    base = get(state, place.base)
    offset = place.offset
    if isinstance(offset, Register32):
        offset = get(state, offset) << place.shift
    moved = (base + offset) & 0xFFFF_FFFF
    if place.written:
        put(state, place.base, moved)
    return base if place.written == "post" else moved


def _single(mnemonic: str, register: Register32, place: Place) -> Action | None:
    if mnemonic in _EXCLUSIVE_LOADS and not mnemonic.endswith("d"):
        size = _EXCLUSIVE_LOADS[mnemonic]
        return _load_exclusive(size, register, None, place)
    store = _STORES.get(mnemonic) or _RELEASES.get(mnemonic)
    load = _LOADS.get(mnemonic) or _ACQUIRES.get(mnemonic)
    sign = _SIGNED.get(mnemonic)
    if store is not None:
        size, release = store, mnemonic in _RELEASES

        def write(state: State) -> None:
            value = get(state, register) & ((1 << 8 * size) - 1)
            stored(state, _locate(state, place), size, value, release)

        return write
    if load is None and sign is None:
        return None
    size = load or sign or 0

    def read(state: State) -> None:
        value = state.execution.memory.load(aligned(_locate(state, place), size), size)
        put(state, register, signed(value, 8 * size) if sign else value)

    return read


def _double(load: bool, low: Register32, high: Register32, place: Place) -> Action:
    """Move 64 bits at once: they are single-copy atomic where LPAE is (E2.2.1)."""

    def read(state: State) -> None:
        value = state.execution.memory.load(aligned(_locate(state, place), 8), 8)
        put(state, low, value)
        put(state, high, value >> 32)

    def write(state: State) -> None:
        value = get(state, high) << 32 | get(state, low)
        stored(state, _locate(state, place), 8, value, False)

    return read if load else write


def _load_exclusive(
    size: int, low: Register32, high: Register32 | None, place: Place
) -> Action:
    def act(state: State) -> None:
        address = _locate(state, place)
        value = state.execution.memory.load(aligned(address, size), size)
        put(state, low, value)
        if high is not None:
            put(state, high, value >> 32)
        cpu = state.execution.cpu
        cpu.monitors[cpu.pe] = address

    return act


def _store_exclusive(
    mnemonic: str,
    status: Register32,
    low: Register32,
    high: Register32 | None,
    place: Place,
) -> Action:
    size = _EXCLUSIVE_STORES[mnemonic]
    release = mnemonic.startswith("stlex")

    def act(state: State) -> None:
        cpu = state.execution.cpu
        value, address = get(state, low), _locate(state, place)
        if high is not None:
            value |= get(state, high) << 32
        if cpu.monitors.pop(cpu.pe, None) != address:
            put(state, status, 1)
            return
        stored(state, address, size, value & ((1 << 8 * size) - 1), release)
        put(state, status, 0)

    return act
