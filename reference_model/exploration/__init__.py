"""Exhausts the executions of small programs on several PEs.

``program`` says what is asked, ``search.explore`` answers.  The rest is the
machine, one concept a module:

* ``walks``: all that walks may leave in a TLB, and their faults (M2); ``held``
  the entries; ``tlbs`` sets of them.
* ``matching``: what a TLBI removes; ``filling``: from its issue to its
  completion (M4, M5), and which memory walks see (M1).
* ``contexts``: registers with an old and a new value, and what is in context
  (M3); ``exceptions``: entry and synchronisation.
* ``ordering``: what waits for what inside a PE, as far as the program says (M6);
  ``accesses`` and ``performing``: translate, fault, load, store; ``steps``: all
  other instructions, with the REPEAT_TLBI erratum (M7).
* ``world``: what does not change; ``state``: what does.
* ``reductions``, ``remaining``: which steps need not be tried.

Memory is multi-copy atomic, for walks too: a walk sees a store when it is
performed, which may be as late as the next DSB of its PE that covers it; before
one of the non-shareable domain is complete, only that PE's own walks see it.

Walks start for the addresses that the program accesses, and for no other.  So
where descriptors are kept by location (FEAT_nTLBPA = 0), a program must access an
address for a walk there to leave a copy that another address comes by.
"""
