"""The rest of the hypervisor, as far as stage-2 code calls it.

The simulated world has no IOMMU, no ioreq server, no hardware domain and no
pending softirq or interrupt; these models say so.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.execution.boundary import Boundary, BoundaryCall
from harness.execution.fault import Fault
from harness.targets.physical import PES

__all__ = ["HYPERVISOR"]


def _print(call: BoundaryCall) -> int:  # noqa: ARG001
    """Print to the console: no effect on translation (``drivers/char/console.c``)."""
    return 0


def _nothing(call: BoundaryCall) -> None:
    """Do nothing of consequence here."""


def _zero(call: BoundaryCall) -> int:  # noqa: ARG001
    """Answer no, none, or success."""
    return 0


def _panic(call: BoundaryCall) -> None:
    """Stop the machine (``drivers/char/console.c``): never right in a scenario."""
    raise Fault("bug", "panic() is reached", call.coord)


def _allocate_zeroed(call: BoundaryCall) -> int:
    """Return zeroed memory of the size asked for (``common/xmalloc_tlsf.c``)."""
    size = call.arguments[0]
    return call.memory.add(size, "xzalloc", zero=True).base


def _allocate(call: BoundaryCall) -> int:
    """Return memory with undefined content (``common/xmalloc_tlsf.c``)."""
    return call.memory.add(call.arguments[0], "xmalloc").base


def _call_on_others(call: BoundaryCall) -> None:
    """Run a function on every other PE, one after the other.

    With ``wait`` set the caller goes on when all are done
    (``xen/common/smp.c``); the model always waits.
    """
    address, argument = call.arguments[:2]
    function = call.execution.variables.function_at(address)
    if function is None:
        raise Fault("bad-call", f"{address:#x} is no function", call.coord)
    here = call.cpu.pe
    for pe in range(PES):
        if pe != here:
            call.cpu.pe = pe
            call.execution.call(function, argument)
    call.cpu.pe = here


HYPERVISOR: Mapping[str, Boundary] = {
    "printk": _print,
    "guest_printk": _print,
    "dprintk": _print,
    "panic": _panic,
    "_xzalloc": _allocate_zeroed,
    "_xmalloc": _allocate,
    "xfree": _nothing,
    "smp_call_function": _call_on_others,
    # The notifier is for CPUs that come up later; all are up.
    "register_cpu_notifier": _nothing,
    # No speculation in the model.
    "arch_block_lock_speculation": _nothing,
    # Lock debugging: order and context of locks (``common/spinlock.c``).
    "check_lock": _nothing,
    "lock_enter": _nothing,
    "lock_exit": _nothing,
    # No domain has an IOMMU: both return at once
    # (``xen/drivers/passthrough/iommu.c``).
    "iommu_iotlb_flush": _zero,
    "iommu_has_feature": _zero,
    # No domain has an ioreq server (``xen/common/ioreq.c``).
    "domain_has_ioreq_server": _zero,
    "ioreq_request_mapcache_invalidate": _nothing,
    # No interrupt or softirq is pending (``vgic.c``, ``common/softirq.c``).
    "vgic_vcpu_pending_irq": _zero,
    "vgic_evtchn_irq_pending": _zero,
    "do_softirq": _nothing,
}
