/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_INIT_H
#define __XEN_INIT_H

#define __init        __section(".init.text")
#define __initdata    __section(".init.data")
#define __initconst   __section(".init.rodata")

typedef int (*initcall_t)(void);

#define __initcall(fn) \
    static const initcall_t __initcall_##fn \
    __used_section(".initcall1.init") = (fn)

#endif /* __XEN_INIT_H */
