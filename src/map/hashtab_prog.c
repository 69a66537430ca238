// SPDX-License-Identifier: BSD-2-Clause
/*
 * The hash table as programs use it: addresses of values, the walk, one CPU's value.
 *
 * An address is that of the entry's pair word, or lies in a block: both remain
 * what they are when the element goes, so a program that still has it may write
 * there; it then writes into an element that is free, or into that which came
 * after, as on the kernel.
 *
 * A program changes only its own CPU's part of a per-CPU value, in place. When
 * the element was replaced meanwhile it does so again, in the new block.
 */
#include "map/hashtab_seek.h"
#include "util/raw.h"
#include <sys/mman.h>

#define STACK_VALUES 4096u

static u32 cpu_stride(const struct bpf_map *m)
{
	return (u32)ROUND_UP((u64)m->value_size, 8);
}

void *htab_value_ptr(struct op *op, struct bpf_map *m, const void *key, u32 cpu)
{
	return htab_lookup_ptr(op, m, key);
}

void *htab_percpu_value_ptr(struct op *op, struct bpf_map *m, const void *key, u32 cpu)
{
	u8 *v = htab_lookup_ptr(op, m, key);

	return v ? v + (size_t)(cpu % m->ncpu) * cpu_stride(m) : NULL;
}

/* Entry i, if it is present. */
static bool elem_at(struct htab *h, u32 i, struct map_elem *e)
{
	struct ent *ent = &h->ents[i];
	u64 lo, hi;
	u32 tries = 0;

	do {
		if (tries++ > 1000)
			return false;
		lo = load64(&ent->s.lo);
		hi = load64(&ent->s.hi);
		e->word = load64(&ent->key.hi);
		read_order();
		if (!ent_present(lo))
			return false;
	} while (load64(&ent->s.lo) != lo);
	if (!h->in_place && (u32)hi >= h->pool.n)
		return false;
	e->key = h->keys == KEYS_LONG ? (const void *)pool_block(&h->pool, (u32)hi)->data : &e->word;
	e->value = h->in_place ? (void *)&ent->s.hi : htab_block_value(h, (u32)hi);
	return true;
}

int htab_next_elem(struct op *op, struct bpf_map *m, u32 *at, u32 cpu, struct map_elem *e)
{
	struct htab *h = htab_of(m);
	u32 n = MIN(load32(&h->words->ents_backed), h->n);

	while (*at < n)
		if (elem_at(h, (*at)++, e))
			return 1;
	return 0;
}

int htab_percpu_next_elem(struct op *op, struct bpf_map *m, u32 *at, u32 cpu, struct map_elem *e)
{
	int ret = htab_next_elem(op, m, at, cpu, e);

	if (ret)
		e->value = (u8 *)e->value + (size_t)(cpu % m->ncpu) * cpu_stride(m);
	return ret;
}

/* A new element whose other CPUs have zeros. */
static int insert_cpu(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags,
		      u32 cpu)
{
	u8 buf[STACK_VALUES] __attribute__((aligned(8))), *all = buf;
	u32 size = htab_of(m)->vin, at = (cpu % m->ncpu) * cpu_stride(m);
	int err;

	if (at + cpu_stride(m) > size)
		return -EIO;
	if (size > sizeof(buf)) {
		all = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (IS_ERR(all))
			return -ENOMEM;
	} else {
		memset(buf, 0, size);
	}
	memcpy(all + at, value, m->value_size);
	err = htab_update(op, m, key, all, flags);
	if (all != buf)
		raw_munmap(all, size);
	return err;
}

int htab_update_cpu(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags, u32 cpu)
{
	if (flags > BPF_EXIST)
		return -EINVAL;
	for (u32 tries = 0; tries < 1000; tries++) {
		void *at = htab_percpu_value_ptr(op, m, key, cpu);
		int err;

		if (!at) {
			if (flags == BPF_EXIST)
				return -ENOENT;
			/* Not over what another run has put there since. */
			err = insert_cpu(op, m, key, value, BPF_NOEXIST, cpu);
			if (err != -EEXIST || flags == BPF_NOEXIST)
				return err;
			continue;
		}
		if (flags == BPF_NOEXIST)
			return -EEXIST;
		shared_copy(at, value, m->value_size);
		if (htab_percpu_value_ptr(op, m, key, cpu) == at)
			return 0;
	}
	return -EBUSY;
}
