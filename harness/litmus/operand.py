"""The operand of a TLBI as its register holds it."""

from __future__ import annotations

from harness.errors import ParseError
from harness.litmus.instructions import Tlbi
from harness.litmus.names import AddressKind
from harness.litmus.world import World
from reference_model.addresses import Granule

__all__ = ["operand"]

_LEVELS = 3
_GRANULE_CODES = {Granule.K4: 1, Granule.K16: 2, Granule.K64: 3}
_SIZES = {4: 1, 16: 2, 64: 3}
_RANGE = ("scale", "num")
_PLAIN = ("VMALL", "ALL")


def operand(tlbi: Tlbi, world: World, context: str) -> int:
    """Return the operand; without one, XZR."""
    stem = _stem(tlbi.op)
    if tlbi.operand is None:
        return 0
    if stem.startswith(_PLAIN):
        raise ParseError(f"TLBI {tlbi.op} has no operand", tlbi.coord)
    if not tlbi.operand.name and not tlbi.options:
        return tlbi.operand.offset  # as the register holds it
    options = dict(tlbi.options)
    asid = options.pop("asid", world.test.vms[context].asid)
    tagged = stem in ("VAE1", "VALE1", "RVAE1", "RVALE1", "ASIDE1")
    value = asid << 48 if tagged else 0
    if stem == "ASIDE1":
        _nothing(options, tlbi)
        return value
    address = world.names.number(tlbi.operand, *_kinds(stem))
    if stem.startswith("R"):
        return value | _range(address, options, tlbi, world.granule)
    value |= _hint(options, tlbi, world.granule) << 44
    _nothing(options, tlbi)
    if "IPAS2" in stem:
        return value | (address >> 12) & 0xF_FFFF_FFFF | (address >> 48) << 36
    return value | (address >> 12) & 0xFFF_FFFF_FFFF


def _stem(op: str) -> str:
    stem = op.removesuffix("NXS")
    return stem.removesuffix("IS").removesuffix("OS")


def _kinds(stem: str) -> tuple[AddressKind, ...]:
    if "IPAS2" in stem:
        return (AddressKind.IPA,)
    if stem.endswith("E2"):
        return (AddressKind.HYP,)
    # Of the host with E2H and TGE set; an IPA with stage 1 off.
    return (AddressKind.VA, AddressKind.HYP, AddressKind.IPA)


def _hint(options: dict[str, int], tlbi: Tlbi, granule: Granule) -> int:
    """Return TTL[3:0] from ``ttl=LEVEL`` and ``tg=SIZE``, or ttl=0b01xx as it is."""
    level = options.pop("ttl", 0)
    code = _granule_code(options, tlbi, granule)
    if level > _LEVELS:
        if level >= 1 << 4:
            raise ParseError("ttl has four bits", tlbi.coord)
        return level
    return code << 2 | level if level else 0


def _granule_code(options: dict[str, int], tlbi: Tlbi, granule: Granule) -> int:
    size = options.pop("tg", None)
    if size is None:
        return _GRANULE_CODES[granule]
    if size not in (0, *_SIZES):
        raise ParseError("tg is 4, 16 or 64 (KiB), or 0", tlbi.coord)
    return _SIZES.get(size, 0)


def _range(address: int, options: dict[str, int], tlbi: Tlbi, granule: Granule) -> int:
    code = _granule_code(options, tlbi, granule)
    scale, num = options.pop("scale", 0), options.pop("num", 0)
    level = options.pop("ttl", 0)
    _nothing(options, tlbi)
    for name, value, limit in (
        ("scale", scale, 4),
        ("num", num, 32),
        ("ttl", level, 4),
    ):
        if value >= limit:
            raise ParseError(f"{name} is below {limit}", tlbi.coord)
    base = (address >> granule) & 0x1F_FFFF_FFFF
    return code << 46 | scale << 44 | num << 39 | level << 37 | base


def _nothing(options: dict[str, int], tlbi: Tlbi) -> None:
    if options:
        raise ParseError(
            f"TLBI {tlbi.op} has no {next(iter(options))} in its operand", tlbi.coord
        )
