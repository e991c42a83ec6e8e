"""Radix trees as finite maps from an index to a pointer.

Upstream: ``xen/common/radix-tree.c``.  An item is found under the index it
was inserted with until it is deleted; inserting twice fails with -EEXIST.
Each item has a slot in simulated memory, as the C code may replace it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import Unsupported
from harness.execution.boundary import Boundary, BoundaryCall

__all__ = ["RadixTrees"]

_EEXIST = 17


@dataclass(slots=True)
class RadixTrees:
    """Slot addresses by tree (address of its root) and index."""

    slots: dict[int, dict[int, int]] = field(default_factory=dict)
    pointer: int = 8  # size of one

    def boundary(self) -> Mapping[str, Boundary]:
        """Return the models by function name."""
        return {
            "radix_tree_init": self.init,
            "radix_tree_insert": self.insert,
            "radix_tree_lookup": self.lookup,
            "radix_tree_lookup_slot": self.lookup_slot,
            "radix_tree_delete": self.delete,
            "radix_tree_destroy": self.destroy,
        }

    def init(self, call: BoundaryCall) -> None:
        """Make the tree empty."""
        self.slots[call.arguments[0]] = {}

    def insert(self, call: BoundaryCall) -> int:
        """Add an item; -EEXIST if the index is taken, never out of memory."""
        tree, index, item = call.arguments
        items = self.slots.setdefault(tree, {})
        if index in items:
            return -_EEXIST
        slot = call.memory.add(self.pointer, f"radix tree item {index:#x}").base
        call.memory.store(slot, self.pointer, item, call.coord)
        items[index] = slot
        return 0

    def lookup(self, call: BoundaryCall) -> int:
        """Return the item at the index, or NULL."""
        slot = self.lookup_slot(call)
        return call.memory.load(slot, self.pointer, call.coord) if slot else 0

    def lookup_slot(self, call: BoundaryCall) -> int:
        """Return the address of the item's slot, or NULL."""
        tree, index = call.arguments
        return self.slots.get(tree, {}).get(index, 0)

    def delete(self, call: BoundaryCall) -> int:
        """Remove the item at the index and return it, or NULL."""
        tree, index = call.arguments
        slot = self.slots.get(tree, {}).pop(index, 0)
        return call.memory.load(slot, self.pointer, call.coord) if slot else 0

    def destroy(self, call: BoundaryCall) -> None:
        """Drop every item; the callback of the C interface is not called."""
        tree, callback = call.arguments
        if callback:
            raise Unsupported(call.coord, "radix_tree_destroy with a callback")
        self.slots[tree] = {}
