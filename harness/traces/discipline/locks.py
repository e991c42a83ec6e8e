"""Which thread holds which lock, and which root each lock protects."""

from __future__ import annotations

__all__ = ["Locks"]


class Locks:
    """The locks of a log, by address."""

    def __init__(self) -> None:
        self._holders: dict[int, tuple[int, int]] = {}  # lock -> thread, depth
        self._of_root: dict[int, int] = {}
        self._roots: dict[int, list[int]] = {}

    def take(self, thread: int, lock: int, *, again: bool) -> str:
        """Let a thread take a lock; ``again`` if it may hold it already.

        Returns what is wrong with that, or "".
        """
        holder, depth = self._holders.get(lock, (thread, 0))
        if holder != thread:
            return f"lock {lock:#x} is held by thread {holder}"
        if depth and not again:
            return f"lock {lock:#x} is held already"
        self._holders[lock] = (thread, depth + 1)
        return ""

    def release(self, thread: int, lock: int) -> str:
        """Let a thread release a lock; returns what is wrong with that."""
        holder, depth = self._holders.get(lock, (thread, 0))
        if not depth:
            return f"lock {lock:#x} is not held"
        if holder != thread:
            return f"lock {lock:#x} is held by thread {holder}"
        if depth == 1:
            del self._holders[lock]
        else:
            self._holders[lock] = (thread, depth - 1)
        return ""

    def protect(self, root: int, lock: int) -> None:
        """Let a lock protect the tree of a root."""
        self.forget(root)
        self._roots.setdefault(lock, []).append(root)
        self._of_root[root] = lock

    def forget(self, root: int) -> None:
        """Let no lock protect the tree of a root."""
        lock = self._of_root.pop(root, None)
        if lock is not None:
            self._roots[lock].remove(root)

    def of(self, root: int) -> int | None:
        """Return the lock of a tree."""
        return self._of_root.get(root)

    def roots(self, lock: int) -> list[int]:
        """List the roots that a lock protects."""
        return self._roots.get(lock, [])

    def held(self, thread: int, lock: int) -> bool:
        """Tell whether a thread holds a lock."""
        return self._holders.get(lock, (-1, 0))[0] == thread
