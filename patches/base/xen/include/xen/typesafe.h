/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_TYPESAFE_H__
#define __XEN_TYPESAFE_H__

/*
 * TYPE_SAFE(type, foo) makes foo_t, _foo() to wrap and foo_x() to unwrap, so
 * that frame numbers of different address spaces do not mix. Release builds
 * get the bare type.
 */
#ifndef NDEBUG
#define TYPE_SAFE(_type, _name)                                             \
    typedef struct { _type _name; } _name##_t;                              \
    static inline _name##_t _##_name(_type n) { return (_name##_t){ n }; }  \
    static inline _type _name##_x(_name##_t n) { return n._name; }
#else
#define TYPE_SAFE(_type, _name)                                             \
    typedef _type _name##_t;                                                \
    static inline _name##_t _##_name(_type n) { return n; }                 \
    static inline _type _name##_x(_name##_t n) { return n; }
#endif

#endif /* __XEN_TYPESAFE_H__ */
