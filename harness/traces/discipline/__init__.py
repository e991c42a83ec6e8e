"""The ownership and lock discipline that casemate checks besides translation.

These are conventions of pKVM, the hypervisor that casemate was made for, not
rules of the architecture: they hold for casemate's logs only, and what is
found is told apart from what the reference machine finds.  Where casemate's
own check is stricter than both, it is left out:

* that each store after the first under a lock is a store-release (what has to
  be ordered before a store is checked by the machine);
* that the same CPU executes the TLBIs and DSBs for a store;
* that an identifier is bound to one root for ever: here another root may have
  it after all its entries were invalidated, as VMID allocators do.
"""
