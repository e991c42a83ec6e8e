"""Locks: spin locks and the writer/reader lock of a p2m.

Upstream (``xen/common/spinlock.c``, ``xen/include/xen/rwlock.h``): taking a
lock is an acquire, dropping it a release, and a lock is exclusive.  The model
keeps who holds a lock outside simulated memory.  One PE runs at a time, so a
lock that is taken twice can never be had: that is a fault of the code.

Spin locks are not in the unit (``common/spinlock.c``).  The bodies of the
others are, inline; they run, and the model watches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.execution.boundary import Boundary, BoundaryCall
from harness.execution.fault import Fault
from reference_model.events import IrqMask, Lock, Unlock

__all__ = ["Locks"]

_SPIN = ("spin_lock", "_spin_lock")
_SPIN_IRQ = ("spin_lock_irq", "_spin_lock_irq")
_SPIN_IRQSAVE = ("_spin_lock_irqsave",)
_UNSPIN = ("spin_unlock", "_spin_unlock")
_UNSPIN_IRQ = ("spin_unlock_irq", "_spin_unlock_irq")
_UNSPIN_IRQRESTORE = ("_spin_unlock_irqrestore",)
_SPIN_IS_LOCKED = ("spin_is_locked", "_spin_is_locked")
_WRITE = ("write_lock", "_write_lock")
_UNWRITE = ("write_unlock", "_write_unlock")
_READ = ("read_lock", "_read_lock")
_UNREAD = ("read_unlock", "_read_unlock")
_IS_LOCKED = ("rw_is_locked", "_rw_is_locked")
_IS_WRITE_LOCKED = ("rw_is_write_locked", "_rw_is_write_locked")

# Inline in the tree: the model watches, their bodies run.
WATCHED = frozenset({"_write_lock", "_write_unlock", "_read_lock", "_read_unlock"})


@dataclass(slots=True)
class Locks:
    """Who holds which lock, by the address of the lock.

    ``released`` is told of each lock right before it is dropped.
    """

    name_of: Callable[[int], str]
    released: Callable[[BoundaryCall], None]
    writer: dict[int, int] = field(default_factory=dict)
    readers: dict[int, int] = field(default_factory=dict)

    def held(self) -> list[str]:
        """Name the locks that are held, in order of address."""
        return [self.name_of(lock) for lock in sorted({*self.writer, *self.readers})]

    def boundary(self) -> Mapping[str, Boundary]:
        """Return the models by function name."""
        models: dict[str, Boundary] = {}
        for names, model in (
            (_SPIN + _WRITE, self.acquire),
            (_SPIN_IRQ, self.acquire_irq),
            (_SPIN_IRQSAVE, self.acquire_irq),
            (_UNSPIN + _UNWRITE, self.release),
            (_UNSPIN_IRQ, self.release_irq),
            (_UNSPIN_IRQRESTORE, self.release_irq),
            (_READ, self.acquire_shared),
            (_UNREAD, self.release_shared),
            (_SPIN_IS_LOCKED + _IS_WRITE_LOCKED, self.is_exclusive),
            (_IS_LOCKED, self.is_locked),
        ):
            models.update(dict.fromkeys(names, model))
        return models

    def acquire(self, call: BoundaryCall) -> None:
        """Take the lock exclusively: everything later comes after it."""
        lock = call.arguments[0]
        if lock in self.writer or lock in self.readers:
            raise _misuse(call, f"{self.name_of(lock)} is taken while it is held")
        call.run_body()
        self.writer[lock] = call.pe
        call.emit(Lock(call.pe, self.name_of(lock)))

    def acquire_irq(self, call: BoundaryCall) -> int:
        """Mask interrupts, then take the lock; returns the flags to restore."""
        call.emit(IrqMask(call.pe, True))
        self.acquire(call)
        return 0

    def release(self, call: BoundaryCall) -> None:
        """Drop the lock: everything earlier comes before it."""
        lock = call.arguments[0]
        if self.writer.get(lock) != call.pe:
            raise _misuse(call, f"{self.name_of(lock)} is dropped but not held here")
        self.released(call)
        call.run_body()
        del self.writer[lock]
        call.emit(Unlock(call.pe, self.name_of(lock)))

    def release_irq(self, call: BoundaryCall) -> None:
        """Drop the lock and let interrupts in again."""
        self.release(call)
        call.emit(IrqMask(call.pe, False))

    def acquire_shared(self, call: BoundaryCall) -> None:
        """Take the lock for reading; only a writer keeps a reader out."""
        lock = call.arguments[0]
        if lock in self.writer:
            raise _misuse(call, f"{self.name_of(lock)} is read-locked while written")
        call.run_body()
        self.readers[lock] = self.readers.get(lock, 0) + 1
        call.emit(Lock(call.pe, self.name_of(lock)))

    def release_shared(self, call: BoundaryCall) -> None:
        """Drop one reader."""
        lock = call.arguments[0]
        if not self.readers.get(lock):
            raise _misuse(call, f"{self.name_of(lock)} has no reader to drop")
        call.run_body()
        self.readers[lock] -= 1
        if not self.readers[lock]:
            del self.readers[lock]
        call.emit(Unlock(call.pe, self.name_of(lock)))

    def is_exclusive(self, call: BoundaryCall) -> int:
        """Tell whether anyone holds the lock exclusively."""
        return int(call.arguments[0] in self.writer)

    def is_locked(self, call: BoundaryCall) -> int:
        """Tell whether anyone holds the lock, reading or writing."""
        lock = call.arguments[0]
        return int(lock in self.writer or lock in self.readers)


def _misuse(call: BoundaryCall, what: str) -> Fault:
    return Fault("bug", what, call.coord)
