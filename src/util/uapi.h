// SPDX-License-Identifier: BSD-2-Clause
/*
 * Constants of bpf(2) as Linux 6.18 has them, where they are newer than <linux/bpf.h>.
 *
 * They are macros, so that a newer system header, which has them as
 * enumerators, does no harm: this file includes it before it defines them.
 */
#ifndef PINFS_UTIL_UAPI_H
#define PINFS_UTIL_UAPI_H

#include <linux/bpf.h>

/* Commands. */
#define BPF_TOKEN_CREATE           36
#define BPF_PROG_STREAM_READ_BY_FD 37

/* Map and program types, attach types: one behind the last, and the newer names. */
#define BPF_MAP_TYPE_CGRP_STORAGE   32
#define BPF_MAP_TYPE_ARENA          33
#define BPF_MAP_TYPES_END           34
#define BPF_PROG_TYPE_NETFILTER     32
#define BPF_PROG_TYPES_END          33
#define BPF_STRUCT_OPS              44
#define BPF_NETFILTER               45
#define BPF_TCX_INGRESS             46
#define BPF_TCX_EGRESS              47
#define BPF_TRACE_UPROBE_MULTI      48
#define BPF_CGROUP_UNIX_CONNECT     49
#define BPF_CGROUP_UNIX_SENDMSG     50
#define BPF_CGROUP_UNIX_RECVMSG     51
#define BPF_CGROUP_UNIX_GETPEERNAME 52
#define BPF_CGROUP_UNIX_GETSOCKNAME 53
#define BPF_NETKIT_PRIMARY          54
#define BPF_NETKIT_PEER             55
#define BPF_TRACE_KPROBE_SESSION    56
#define BPF_TRACE_UPROBE_SESSION    57
#define BPF_ATTACH_TYPES_END        58

/* Flags of MAP_CREATE, OBJ_PIN, OBJ_GET, *_LOAD. */
#define BPF_F_LINK             (1u << 13)
#define BPF_F_PATH_FD          (1u << 14)
#define BPF_F_VTYPE_BTF_OBJ_FD (1u << 15)
#define BPF_F_TOKEN_FD         (1u << 16)
#define BPF_F_SEGV_ON_FAULT    (1u << 17)
#define BPF_F_NO_USER_CONV     (1u << 18)

/* Flags of PROG_LOAD: bits 4 and 5 are in the system header. */
#define BPF_F_XDP_DEV_BOUND_ONLY  (1u << 6)
#define BPF_F_TEST_REG_INVARIANTS (1u << 7)

/* Flags of PROG_ATTACH. */
#define BPF_F_BEFORE   (1u << 3)
#define BPF_F_AFTER    (1u << 4)
#define BPF_F_ID       (1u << 5)
#define BPF_F_PREORDER (1u << 6)

#endif
