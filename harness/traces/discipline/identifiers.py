"""VMIDs and ASIDs: which root has which, and when it may be given away.

A binding may change once every entry under the identifier was invalidated
since the binding was loaded last: by a broadcast TLBI and a DSB for the whole
inner-shareable domain, both by one thread.
"""

from __future__ import annotations

from reference_model.events import Access, Barrier, BarrierKind, Domain, Tlbi

__all__ = ["Identifiers", "Key"]

Key = tuple[int, int]  # stage, identifier

_EVERY = -1
# The TLBIs of all entries of identifiers: which stage's.
_WHOLE = {
    "ALLE1IS": 2,
    "ALLE1OS": 2,
    "VMALLS12E1IS": 2,
    "VMALLS12E1OS": 2,
    "ALLE2IS": 1,
    "ALLE2OS": 1,
}


class Identifiers:
    """The bindings of both stages.

    ``issued`` holds by thread what its TLBIs invalidate, until its next DSB.
    """

    def __init__(self) -> None:
        self._root: dict[Key, int] = {}
        self._id: dict[tuple[int, int], int] = {}  # stage, root -> identifier
        self._clean: set[Key] = set()
        self._loaded: dict[tuple[int, int], Key] = {}  # thread, stage
        self.issued: dict[int, list[Key]] = {}

    def load(self, thread: int, key: Key, root: int) -> tuple[str, str]:
        """Let a thread load a root with an identifier.

        Returns the rule that this breaks, and a message, or empty texts.
        """
        stage, identifier = key
        broken = ("", "")
        other = self._root.get(key, root)
        before = self._id.get((stage, root), identifier)
        if before != identifier and (stage, before) not in self._clean:
            text = f"root {root:#x} has identifier {before} already"
            broken = ("discipline-root-has-id", text)
        elif other != root and key not in self._clean:
            text = f"identifier {identifier} is that of root {other:#x}"
            broken = ("discipline-id-in-use", text)
        if before != identifier:
            self._root.pop((stage, before), None)
        if other != root:
            self._id.pop((stage, other), None)
        self._root[key], self._id[stage, root] = root, identifier
        self._clean.discard(key)
        self._loaded[thread, stage] = key
        return broken

    def unload(self, thread: int, stage: int) -> None:
        """Let a thread switch a stage off."""
        self._loaded.pop((thread, stage), None)

    def in_use(self, stage: int, root: int) -> bool:
        """Tell whether a thread has a root loaded."""
        key = (stage, self._id.get((stage, root), _EVERY))
        return key in self._loaded.values()

    def release(self, stage: int, root: int) -> None:
        """Give the identifier of a root back."""
        identifier = self._id.pop((stage, root), None)
        if identifier is not None:
            self._root.pop((stage, identifier), None)

    # ---------------------------------------------------------- invalidation

    def tlbi(self, event: Tlbi) -> None:
        """Note a TLBI of all entries of an identifier."""
        if event.op not in _WHOLE:
            return
        stage = _WHOLE[event.op]
        keys = [(stage, _EVERY)]
        if event.op.startswith("VM"):
            loaded = self._loaded.get((event.pe, 2))
            keys = [loaded] if loaded else []
        if keys:
            self.issued.setdefault(event.pe, []).extend(keys)

    def barrier(self, event: Barrier) -> None:
        """Note a DSB, which completes what its thread has issued."""
        issued = self.issued.get(event.pe)
        if not issued or event.kind is not BarrierKind.DSB:
            return
        if event.access is not Access.ALL or event.domain is Domain.NSH:
            return
        for stage, identifier in issued:
            if identifier == _EVERY:
                self._clean.update(key for key in self._root if key[0] == stage)
            else:
                self._clean.add((stage, identifier))
        del self.issued[event.pe]
