"""Casemate logs for tests, one call a record, and how to run them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.check.replays.replayed import Replayed, ReplayRequest, replay

ROOT, LEVEL1, LEVEL2, LEVEL3 = 0x80000000, 0x80001000, 0x80002000, 0x80003000
SPARE, OTHER_ROOT = 0x80004000, 0x80005000
LOCK, OTHER_LOCK = 0x90000000, 0x90000008
LEAF = LEVEL3  # of IPA 0
AF = 1 << 10
CONTIGUOUS = 1 << 52
NORMAL = 0x7FC  # MemAttr 15, S2AP 3, inner shareable, AF


def page(address: int, attributes: int = NORMAL) -> int:
    """Return a page descriptor."""
    return address | attributes | 3


class Log:
    """A log under construction."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, kind: str, fields: str, thread: int = 0) -> Log:
        """Add a record."""
        number = len(self._lines)
        source = f'(src "log:{number + 1}")'
        self._lines.append(f"({kind} (id {number}) (tid {thread}) {fields} {source})")
        return self

    @property
    def text(self) -> str:
        """Return the log."""
        return "".join(f"{line}\n" for line in self._lines)

    def init(self, *pages: int) -> Log:
        """Initialise pages."""
        for one in pages:
            self.add("mem-init", f"(address {one:#x}) (size 0x1000)")
        return self

    def root_lock(self, root: int, lock: int) -> Log:
        """Let a lock protect a root."""
        fields = f"(kind set_root_lock) (location {root:#x}) (value {lock:#x})"
        return self.add("hint", fields)

    def write(
        self, pa: int, value: int, thread: int = 0, order: str = "release"
    ) -> Log:
        """Store a descriptor."""
        fields = f"(mem-order {order}) (address {pa:#x}) (value {value:#x})"
        return self.add("mem-write", fields, thread)

    def dsb(self, kind: str = "ish", thread: int = 0) -> Log:
        """Execute a DSB."""
        return self.add("barrier", f"dsb (kind {kind})", thread)

    def isb(self, thread: int = 0) -> Log:
        """Execute an ISB."""
        return self.add("barrier", "isb", thread)

    def tlbi(self, op: str, value: int | None = None, thread: int = 0) -> Log:
        """Execute a TLBI."""
        fields = op if value is None else f"{op} (value {value:#x})"
        return self.add("tlbi", fields, thread)

    def vttbr(self, root: int, vmid: int = 0, thread: int = 0) -> Log:
        """Load a stage 2."""
        value = root | vmid << 48
        return self.add(
            "sysreg-write", f"(sysreg vttbr_el2) (value {value:#x})", thread
        )

    def lock(self, address: int = LOCK, thread: int = 0) -> Log:
        """Take a lock."""
        return self.add("lock", f"(address {address:#x})", thread)

    def unlock(self, address: int = LOCK, thread: int = 0) -> Log:
        """Release a lock."""
        return self.add("unlock", f"(address {address:#x})", thread)

    def flush(self, thread: int = 0, page: int = 0) -> Log:
        """Invalidate one page by IPA, then stage 1."""
        return (
            self.dsb(thread=thread)
            .tlbi("ipas2e1is", page, thread)
            .dsb(thread=thread)
            .tlbi("vmalle1is", thread=thread)
            .dsb(thread=thread)
        )

    def flush_vmid(self, op: str = "vmalls12e1is", thread: int = 0) -> Log:
        """Invalidate everything of the VMID."""
        return self.dsb(thread=thread).tlbi(op, thread=thread).dsb(thread=thread)


def tables(leaf: int = page(0x40000000), *, vmid: int = 0, load: bool = True) -> Log:
    """Return a log with a tree that maps IPA 0, loaded by thread 0."""
    log = Log().init(ROOT, LEVEL1, LEVEL2, LEVEL3, SPARE).root_lock(ROOT, LOCK)
    log.write(ROOT, LEVEL1 | 3).write(LEVEL1, LEVEL2 | 3).write(LEVEL2, LEVEL3 | 3)
    log.write(LEAF, leaf).dsb()
    return log.vttbr(ROOT, vmid).isb() if load else log


@dataclass(frozen=True)
class Outcome:
    """What came of a log, in short."""

    replayed: Replayed

    @property
    def verdict(self) -> str:
        """Return the verdict."""
        return self.replayed.verdict.value

    @property
    def rules(self) -> set[str]:
        """Return the rules of the findings and breaches."""
        found = {finding.rule for finding in self.replayed.findings}
        return found | {breach.rule for breach in self.replayed.breaches}


def outcome(
    log: Log, folder: Path, *profiles: str, assume: tuple[str, ...] = ()
) -> Outcome:
    """Run a log."""
    path = folder / "log"
    path.write_text(log.text, encoding="utf-8")
    request = ReplayRequest((path,), "casemate", profiles, assume)
    return Outcome(replay(request))
