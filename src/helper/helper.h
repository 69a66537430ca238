// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers: a function with its prototype beside it, and one row each by id.
 *
 * The verifier reads prototypes only; it asks for no helper's number but those
 * whose meaning it must know itself (marked by `special`). A helper without a
 * function is known, may be called by programs that are loaded but never run here
 * (kprobes and the like), and is refused where a program could run.
 */
#ifndef PINFS_HELPER_HELPER_H
#define PINFS_HELPER_HELPER_H

#include "helper/run.h"
#include "util/types.h"

#define HELPERS_MAX 212u

enum arg_kind {
	ARG_NONE,          /* the helper has no such argument: the register is not looked at */
	ARG_ANYTHING,      /* any initialized register that does not leak a pointer */
	ARG_CTX,           /* the program's context, unmodified */
	ARG_MAP_PTR,       /* constant map */
	ARG_MAP_KEY,       /* key_size bytes, initialized */
	ARG_MAP_VALUE,     /* value_size bytes */
	ARG_MEM,           /* memory, length in the next argument (ARG_SIZE...) or in arg_size */
	ARG_SIZE,          /* bytes of the memory before it, above 0 */
	ARG_SIZE_OR_ZERO,  /* the same, or 0 */
	ARG_ALLOC_SIZE,    /* constant: bytes that the result has (bpf_ringbuf_reserve) */
	ARG_ALLOC_MEM,     /* what such a helper returned; gone afterwards with ARG_F_RELEASE */
	ARG_SPIN_LOCK,     /* points at the map value's bpf_spin_lock */
	ARG_TIMER,         /* points at the map value's bpf_timer */
	ARG_FUNC,          /* a subprogram (ld_imm64 BPF_PSEUDO_FUNC) */
	ARG_STACK_OR_NULL, /* into the stack, or NULL: callback_ctx */
	ARG_CONST_STR,     /* NUL-terminated, in a frozen read-only map */
	ARG_DYNPTR,        /* on the stack; kinds in arg_size (DYNPTR_...) ; ARG_F_UNINIT makes one */
	ARG_SOCK,          /* BTF_ID_SOCK_COMMON and other socket pointers */
	ARG_BTF_ID,        /* a pointer to a kernel struct */
	ARG_KPTR,          /* points at a kptr in a map value */
};

#define ARG_F_NULL    0x0100u /* or NULL */
#define ARG_F_UNINIT  0x0200u /* need not be initialized: the helper writes all of it */
#define ARG_F_RDONLY  0x0400u /* read-only memory will do */
#define ARG_F_WRITE   0x0800u /* written, and may be read before: must be initialized and writable */
#define ARG_F_RELEASE 0x1000u /* the reference is released */
#define ARG_F_FIXED   0x2000u /* ARG_MEM of arg_size bytes */
#define ARG_F_ALIGNED 0x4000u /* with ARG_F_FIXED: naturally aligned */
/* In arg_size. ARG_SOCK: not by BTF; ARG_BTF_ID: one of each CPU. */
#define ARG_NARROW   1u
#define ARG_SEQ_FILE 2u /* ARG_BTF_ID: a struct seq_file */
#define ARG_KIND(a)  ((enum arg_kind)((a)&0xff))

enum ret_kind {
	RET_INTEGER,
	RET_VOID,
	RET_MAP_VALUE,  /* of the map argument */
	RET_MEM,        /* ret_size bytes */
	RET_ALLOC_MEM,  /* as many as ARG_ALLOC_SIZE said; a reference to be released */
	RET_DYNPTR_MEM, /* as many as the size argument (ARG_SIZE-less) of bpf_dynptr_data says */
	RET_SOCK,       /* a referenced socket */
	RET_BTF_ID,     /* a pointer to a kernel struct */
};
#define RET_F_NULL  0x0100u /* or NULL */
#define RET_KIND(r) ((enum ret_kind)((r)&0xff))

/* ARG_DYNPTR's kinds, in arg_size. */
#define DYNPTR_LOCAL   1u
#define DYNPTR_RINGBUF 2u
#define DYNPTR_SKB     4u
#define DYNPTR_XDP     8u

/* Helpers that the verifier knows by more than their prototype. */
enum helper_special {
	HELPER_PLAIN,
	HELPER_TAIL_CALL,
	HELPER_LOOKUP, /* result's map value, inlined for arrays by fixup if it likes */
	HELPER_SPIN_LOCK,
	HELPER_SPIN_UNLOCK,
	HELPER_FOR_EACH,           /* callback(map, key, value, ctx) */
	HELPER_LOOP,               /* callback(index, ctx) */
	HELPER_TIMER_CALLBACK,     /* callback(map, key, value), later */
	HELPER_USER_RINGBUF_DRAIN, /* callback(dynptr, ctx) */
	HELPER_FIND_VMA,
	HELPER_SNPRINTF, /* fmt constant, data vararg */
	HELPER_TRACE_PRINTK,
	HELPER_DYNPTR_DATA,
	HELPER_STORAGE_GET,
	HELPER_GET_LOCAL_STORAGE,
	HELPER_CPU_NUMBER, /* result is below the number of possible CPUs */
	HELPER_CURRENT_TASK,
	HELPER_KPTR_XCHG,
	HELPER_RINGBUF_COMMIT,
	HELPER_DYNPTR_FROM_MEM, /* the memory must be a map's value: it outlives the dynptr */
};

typedef u64 bpf_helper_fn(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run);

struct bpf_func_proto {
	const char *name;    /* "bpf_map_lookup_elem" */
	bpf_helper_fn *func; /* NULL: known, but not to be run here */
	bool gpl_only;
	bool pkt_access;   /* memory arguments may be packet data */
	bool moves_packet; /* packet pointers are invalid after it */
	bool sleeps;
	u8 special;      /* enum helper_special */
	u32 ret;         /* enum ret_kind | RET_F_... */
	u32 ret_size;    /* RET_MEM */
	u32 arg[5];      /* enum arg_kind | ARG_F_... */
	u32 arg_size[5]; /* with ARG_F_FIXED: bytes; ARG_DYNPTR: kinds */
	u64 maps; /* map types that the map argument may be: bit n for type n; 0 with a map argument: any */
};

/* NULL: no such helper. */
const struct bpf_func_proto *helper_get(s32 id);

#endif
