"""The description of the file format, as ``harness litmus --format`` prints it."""

__all__ = ["MANUAL"]

MANUAL = """\
LITMUS FILES

One test a file, suffix .litmus, one statement a line; # starts a comment.
A test describes a world (tables, VMs, PEs), then asks one of two questions:

  exists CONDITION   over programs of the PEs: does some execution end so?
                     Every interleaving, every reordering that the PEs are
                     free to do, and every content of the TLBs is tried.
                     Walks start for the addresses that the programs access.
  trace:             over one order of events: which rules does it break?
                     Answered by the machine that `harness check` uses.

EXAMPLE

  test unmap+ipas2-local-vmalle1
  about The stage-1 step is local: pe 1 keeps its combined entry
  origin derived: R_TVTYQ, I_DMCXY
  map x -> ipa1 -> pa1
  data pa1 = 1
  data done = 0
  pe 0 el2 vm1:
      STR invalid, S2(ipa1)
      DSB ISH; TLBI IPAS2E1IS, ipa1; DSB ISH; TLBI VMALLE1; DSB ISH
      STR 1, done
  pe 1 el1 vm1:
      LDR r0, done
      DSB SY; ISB
      LDR r1, x
  exists 1:r0 = 1 and 1:r1 = 1
  verdict allowed

HEADER

  test NAME                     the name, without spaces; needed
  about TEXT                    what it shows
  origin TEXT                   published: where | derived: from which rules
  profile NAME                  default P0-v8.0; `harness profiles` lists them
  stages 1|2                    1: EL1&0 without stage 2; default 2
  granule 4k|16k|64k            of all tables; default 4k
  register NAME = VALUE         what every PE has in NAME at first (see MSR)
  conflict aborts unhandled     no handler for TLB conflict aborts (trace)
  assume NAME = VALUE           another reading of the architecture, as `harness
                                assumptions` lists them (trace)

WORLD

  vm NAME [vmid N] [asid N] [cnp] [stage1 VM] [stage2 VM]
        A VM with tables of its own, or those of a VM before it: a second vCPU
        is `vm vcpu2 vmid 1 stage2 vm1`.  Without a vm line there is vm1, VMID
        1, ASID 0.  Other VMIDs count up.  Lines below mean the first VM where
        they name none.
  map [VM] x -> ipa1 -> pa1     VA to IPA to PA; with `stages 1`, x -> pa1
  map [VM] x -> invalid         the stage-1 leaf of x is invalid
  map s1 [VM] x -> ipa1         stage 1 alone; `map s2 [VM] ipa1 -> pa1` too
  map hyp [VM] h -> pa3         stage 1 of EL2; with a VM, tables for EL2 of
                                their own, that TTBR0_EL2, VM loads
  table T stage 1|2|hyp [VM] at ADDRESS level N [= pages(TARGET)]
        A table page that nothing points to, for the region of ADDRESS.
  entry T ADDRESS -> TARGET     one of its descriptors
  data NAME = VALUE             initial memory: of a page that is mapped, or
                                of a variable that needs no translation
  address NAME = NUMBER         instead of a number chosen for it
  iommu [VM] [incoherent]       an IOMMU that walks the stage 2 of VM (trace)

  A TARGET is what a descriptor says (the same as in STR):
    pa1  page(pa1[, ATTR...])   a Page; page() may be left out in maps
    block(pa1, LEVEL[, ATTR...])
    pages(pa1[, COUNT][, ATTR...])  a level-3 table full of consecutive pages
    invalid  invalid(LEVEL)     no descriptor (at a level above the last)
    table(T)                    points to the table T
  ATTR: ro wo rw none (stage 2), ro rw el0 (stage 1), xn; wb nc device;
    ish osh nsh; nG global (stage 1; of EL2: with E2H); contiguous nT af0 dbm.
    Default: rw, executable, wb, ish, AF = 1, nG, none of the last four.
  Names get distinct pages.  One that is used at a level above the last gets a
  region of that level; NAME+OFFSET is an address inside.  Walks start at level
  1 (64K: 2) and input addresses have 39 bits.  Without any stage-1 map of a
  VM its stage 1 is off.  A guest's stage-1 tables are mapped by its stage 2.

PROGRAMS

  pe N el1|el2 [VM] [after VM]... [domain K]:
        PEs count from 0.  el1 runs the guest with the registers of VM; el2 is
        in the hypervisor with these registers loaded.  HCR_EL2 has VM, FB and
        BSU set.  In a program a PE may hold at first all, or any part, of what
        the tables let it cache with the registers of VM, and with those of the
        VMs behind `after`; in a trace, what the trace itself brings about.
        `domain` is the inner-shareable domain (trace).
  on fault [el1|el2]:           what a PE runs after a fault; the default EL is
                                2 after a fault of stage 2, else the same.
                                Without this, a fault ends the program.

  Instructions, one or more a line, with ; between them:
  LDR|LDAR|LDAPR rN, PLACE      rN becomes `fault` if the access faults
  STR|STLR VALUE, PLACE         VALUE: a number, rN or a TARGET
  WAIT rN, PLACE = NUMBER       load until it reads so; others do not count
  DSB|DMB OPTION                SY ISH NSH OSH and ..LD, ..ST, LD, ST; DSB ..nXS
  ISB    ERET    HVC            exception return; exception entry to EL2
  TLBI OP[, XZR | ADDRESS [FIELD=N]... [times N] | NUMBER]
        FIELDs: asid; ttl (level 1-3, or 4-15 as TTL[3:0]); tg (4, 16, 64; of
        the test's granule if left out); scale, num for ranges.  NUMBER alone
        is the register as it is.  `times`: for as many pages in a row (trace).
  MSR REGISTER, NUMBER | VM | FLAG|FLAG...
        VTTBR_EL2, TTBR0_EL1 of a VM by name; HCR_EL2 by its flags VM, FB, BSU,
        RW, TGE, E2H.
  addr(rN) data(rN) ctrl(rN)    behind an access: its dependencies; behind a
                                TLBI: addr, ctrl; behind a barrier or ISB: ctrl
  L0: STR 1, x                  a label, for a condition that names it
  PLACE: a VA (translated), a physical name (never translated), or a descriptor
    S1(x[, LEVEL])  S2(ipa1[, LEVEL])  H(h[, LEVEL])  of the PE's VM,
    S2(vm2, ipa1)   of another VM,   S2@T(ipa1)  in the table T.
    Without a LEVEL, where the walk ends in the tables as they are at first.

CONDITIONS

  exists 0:r1 = 2 and not (1:r0 = fault or pa1 = 3)
        N:rM = NUMBER | TARGET | fault | fault(DETAIL[, DETAIL...]);
        fault(N:LABEL[, DETAIL...]) that access of PE N faulted; DETAIL: stage
        N, level N, translation, permission, access;  NAME = NUMBER and
        S1(x) = TARGET for memory at the end;  and, or, not, ().
  verdict allowed|forbidden|always|sometimes [with FEATURE=VALUE, ...]
        allowed: some execution, perhaps all; sometimes: some, not all.
        One line for each machine: FEATURE is ets, bbm, ntlbpa, ttl, tlb_range,
        vmid_bits, vpipt, profile or the name of an assumption.

TRACES

  trace:                        then lines `N INSTRUCTION; ...`: what PE N does,
                                in the order in which it happens.  PEs with el1
                                have entered their guest before.
  More instructions:
  RELEASE "text"                the change is relied upon from here on
  FREE T    ZERO T              a table page is freed, is cleared
  DROP pa1[, SIZE]              a reference on mapped memory is dropped
  SCRUB pa1[, SIZE]             mapped memory is overwritten for its next owner
  LOCK name    UNLOCK name      a lock is taken, released
  AT OP, ADDRESS    DC|IC OP[, PLACE]    IOTLBI [N]
  trace without ntlbpa:         what the same code does on a CPU without
                                FEAT_nTLBPA, where that differs
  trace without errata:         the same for a CPU without the profile's errata
  finding RULE[, RULE...] [at pe N] [with FEATURE=VALUE, ...]
  finding none [with ...]
        Exactly these rules are broken (`harness rules` lists them); with
        `at pe`, that PE may be the one to go wrong.
"""
