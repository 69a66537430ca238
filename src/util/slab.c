// SPDX-License-Identifier: BSD-2-Clause
/*
 * Process-local memory without malloc: see slab.h.
 */
#include "util/slab.h"
#include "util/raw.h"
#include <stdatomic.h>
#include <sys/mman.h>

#define PTR_MASK ((1ull << 48) - 1)
#define CHUNK    (64u * 1024)

struct free_elem {
	struct free_elem *_Atomic next;
};

static void push_list(struct slab *s, struct free_elem *first, struct free_elem *last)
{
	u64 old = atomic_load(&s->head), new;

	do {
		atomic_store_explicit(&last->next, (struct free_elem *)(old & PTR_MASK),
				      memory_order_relaxed);
		new = ((old & ~PTR_MASK) + PTR_MASK + 1) | (u64)(uintptr_t)first;
	} while (!atomic_compare_exchange_weak(&s->head, &old, new));
}

static struct free_elem *pop(struct slab *s)
{
	u64 old = atomic_load(&s->head), new;
	struct free_elem *e;

	do {
		e = (struct free_elem *)(old & PTR_MASK);
		if (!e)
			return NULL;
		new = ((old & ~PTR_MASK) + PTR_MASK + 1) |
		      (u64)(uintptr_t)atomic_load_explicit(&e->next, memory_order_relaxed);
	} while (!atomic_compare_exchange_weak(&s->head, &old, new));
	return e;
}

void *slab_get(struct slab *s)
{
	struct free_elem *e = pop(s);
	size_t n = CHUNK / s->size;
	u8 *chunk;

	if (e)
		return e;
	chunk = raw_mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if ((unsigned long)chunk >= (unsigned long)-4095)
		return NULL;
	for (size_t i = 1; i + 1 < n; i++)
		atomic_store_explicit(&((struct free_elem *)(chunk + i * s->size))->next,
				      (struct free_elem *)(chunk + (i + 1) * s->size), memory_order_relaxed);
	if (n > 1)
		push_list(s, (struct free_elem *)(chunk + s->size),
			  (struct free_elem *)(chunk + (n - 1) * s->size));
	return chunk;
}

void slab_put(struct slab *s, void *p)
{
	push_list(s, p, p);
}
