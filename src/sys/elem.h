// SPDX-License-Identifier: BSD-2-Clause
/*
 * Lookup and update of a direct caller in the usual case, to be inlined into its front end.
 *
 * The commands of sys/cmd_map.c say what is right; this is the same for a map
 * that is mapped already, has keys and holds plain values, no flags that need a
 * look, and nothing to be refused. Whatever else is met, ELEM_ELSEWHERE comes
 * back before anything has been done, and the command does it.
 *
 * To be called inside an operation whose guard is set, with h as its hazard:
 * attr, key and value are the client's and may fault.
 */
#ifndef PINFS_SYS_ELEM_H
#define PINFS_SYS_ELEM_H

#include <fcntl.h>
#include "sys/cmds.h"
#include "sys/handle.h"

#define ELEM_ELSEWHERE (-0x7ffffffel)

/* Is it worth a try? Struct sizes that hold whole words, all that clients send. */
static inline bool elem_usual(long cmd, long size)
{
	return ((u32)cmd == BPF_MAP_LOOKUP_ELEM || (u32)cmd == BPF_MAP_UPDATE_ELEM) && size >= 32 &&
	       size <= (long)BPF_ATTR_SIZE && !(size % 8);
}

/* Reads a byte at both ends; what is longer than a page is not the usual case. */
static inline void elem_touch(const u8 *p, u32 n)
{
	(void)*(const volatile u8 *)p;
	(void)*(const volatile u8 *)(p + n - 1);
}

static inline bool elem_tail_zero(const u64 *attr, u32 size)
{
	u64 tail = 0;

	for (u32 i = 4; i < size / 8; i++)
		tail |= attr[i];
	return !tail;
}

static inline long elem_run(struct op *op, struct handle *h, u32 acc, u32 cmd, const u64 *attr, u32 size)
{
	struct opened *o = atomic_load_explicit(&h->opened, memory_order_acquire);
	const u8 *key = u64_to_ptr(attr[1]);
	void *value = u64_to_ptr(attr[2]);
	u64 flags = attr[3];
	struct bpf_map *m;

	if (unlikely(!o || !o->map.plain || flags > BPF_EXIST || !elem_tail_zero(attr, size)))
		return ELEM_ELSEWHERE;
	m = &o->map;
	op->guard.lo = o->view.base;
	op->guard.hi = o->view.base + o->view.size;
	if (cmd == BPF_MAP_LOOKUP_ELEM) {
		if (unlikely(flags || acc == O_WRONLY))
			return ELEM_ELSEWHERE;
		elem_touch(key, m->key_size);
		return m->ops->lookup(op, m, key, value, 0);
	}
	if (unlikely(acc == O_RDONLY || !m->view.writable ||
		     atomic_load_explicit(&m->hdr->frozen, memory_order_relaxed)))
		return ELEM_ELSEWHERE;
	elem_touch(key, m->key_size);
	elem_touch(value, m->value_len);
	return m->ops->update(op, m, key, value, flags);
}

#endif
