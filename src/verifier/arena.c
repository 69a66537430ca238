// SPDX-License-Identifier: BSD-2-Clause
/*
 * Memory of one verification: chunks from the kernel that grow with the need, given back as a whole.
 *
 * Pieces are handed out in multiples of 64 bytes. What is put back waits in a
 * list of its size for the next request of that size; pieces larger than the
 * lists' last are not reused. The first chunk is small, so that a small program
 * costs one mapping of a few pages.
 *
 *     chunk: | next, size | pieces ... |
 *
 * A verification that needed one chunk leaves it, wiped, to the next one in the
 * process: for a small program mapping and faulting in would cost more than the rest.
 */
#include <stdatomic.h>
#include <sys/mman.h>
#include "util/raw.h"
#include "verifier/env.h"

#define PIECE     64u
#define FIRST     (192u << 10)
#define CHUNK_MAX (16u << 20)
#define TOTAL_MAX (1000u << 20)

struct chunk {
	struct chunk *next;
	size_t size;
	size_t used; /* bytes that are not zero, 0: not known */
	u64 pad[5];
};

static struct chunk *_Atomic spare;

static struct chunk *chunk_get(size_t size)
{
	struct chunk *c = size == FIRST ? atomic_exchange(&spare, NULL) : NULL;

	return c ? c : raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static bool grow(struct env *e, size_t need)
{
	size_t size = e->mem_total ? MIN(MAX(e->mem_total, FIRST), CHUNK_MAX) : FIRST;
	struct chunk *c;

	size = MAX(size, ROUND_UP(need + sizeof(*c), PAGE));
	if (e->mem_total + size > TOTAL_MAX)
		return false;
	c = chunk_get(size);
	if (IS_ERR(c))
		return false;
	c->size = size;
	c->used = 0;
	/* The oldest stays first: it is what verify_free is told. */
	if (e->chunks) {
		c->next = e->chunks->next;
		e->chunks->next = c;
	} else {
		e->chunks = c;
	}
	e->mem_total += size;
	e->mem_at = (u8 *)(c + 1);
	e->mem_end = (u8 *)c + size;
	return true;
}

static void *take(struct env *e, size_t size, bool *fresh)
{
	size_t n = (size + PIECE - 1) / PIECE;
	void *p;

	if (n < ARRAY_SIZE(e->mem_free) && e->mem_free[n]) {
		p = e->mem_free[n];
		e->mem_free[n] = *(void **)p;
		*fresh = false;
		return p;
	}
	*fresh = true;
	if ((size_t)(e->mem_end - e->mem_at) < n * PIECE && !grow(e, n * PIECE))
		return NULL;
	p = e->mem_at;
	e->mem_at += n * PIECE;
	return p;
}

void *vmem_get(struct env *e, size_t size)
{
	bool fresh;

	return take(e, size, &fresh);
}

void *vmem(struct env *e, size_t size)
{
	bool fresh;
	void *p = take(e, size, &fresh);

	if (p && !fresh)
		memset(p, 0, size);
	return p;
}

void vmem_put(struct env *e, void *p, size_t size)
{
	size_t n = (size + PIECE - 1) / PIECE;

	if (!p || n >= ARRAY_SIZE(e->mem_free))
		return;
	*(void **)p = e->mem_free[n];
	e->mem_free[n] = p;
}

void vmem_end(struct env *e)
{
	if (e->chunks && !e->chunks->next)
		e->chunks->used = (size_t)(e->mem_at - (u8 *)e->chunks);
}

void vmem_drop(void *arena)
{
	struct chunk *c = arena, *none = NULL;

	if (c && c->used && c->size == FIRST) {
		memset(c, 0, c->used);
		if (atomic_compare_exchange_strong(&spare, &none, c))
			return;
		c->size = FIRST;
	}
	while (c) {
		struct chunk *next = c->next;

		raw_munmap(c, c->size);
		c = next;
	}
}
