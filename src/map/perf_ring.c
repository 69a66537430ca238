// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ring of a perf event: see perf_ring.h.
 *
 * Everything read from the mapping is used once and cut to the ring: the
 * number of pages is checked against the file's size at every output.
 */
#include "map/perf_ring.h"
#include <linux/perf_event.h>
#include <time.h>
#include "util/err.h"
#include "util/raw.h"

#define RECORD_MAX 0xfff8u /* a record's size is 16 bits */
#define TRIES      64

/* A ring as one output sees it. */
struct ring {
	struct perf_hdr *event; /* whose records they are */
	struct perf_hdr *h;     /* whose ring it is */
	struct perf_event_mmap_page *page;
	u8 *data;
	u64 size; /* a power of two */
	bool overwrite, backward;
	u64 at; /* where the next byte goes */
};

static u32 ring_pages(u64 word)
{
	return (u32)(word >> 8);
}

static bool pages_ok(const struct obj_view *v, u64 pages)
{
	return !(pages & (pages - 1)) && pages <= PERF_PAGES_MAX && (1 + pages) * PAGE <= v->data_size;
}

static void fill_page(struct perf_event_mmap_page *p, u32 pages)
{
	memset(p, 0, PAGE);
	p->size = offsetof(struct perf_event_mmap_page, __reserved);
	p->data_offset = PAGE;
	p->data_size = (u64)pages * PAGE;
}

/* All positions at the start again; the events of before are nobody's loss. */
static void restart(struct perf_hdr *h)
{
	struct pair seen = pair_load(&h->shown), to = { 0, atomic_load(&h->tried) };

	while (!pair_cas(&h->shown, &seen, to))
		;
	atomic_store(&h->head, 0);
	atomic_store(&h->done, to.hi);
	atomic_store(&h->events, 0);
	atomic_store(&h->woken, 0);
	atomic_store(&h->due, 0);
	atomic_store(&h->paused, 0);
	atomic_fetch_add(&h->made, 1);
}

int perf_ring_make(const struct obj_view *v, u32 pages, u32 flags, bool unmapped)
{
	struct perf_hdr *h = (struct perf_hdr *)v->hdr;
	u64 want = (u64)pages << 8 | PERF_RING_THERE | flags;
	u64 word = atomic_load(&h->ring);
	int err;

	if (!v->writable || v->data_size < PAGE)
		return -EACCES;
	if (word && !unmapped)
		return ring_pages(word) == pages ? 0 : -EINVAL;
	err = pages_ok(v, pages) ? obj_reserve(v, (size_t)(1 + pages) * PAGE) : -ENOMEM;
	if (err)
		return err;
	if (word && !atomic_compare_exchange_strong(&h->ring, &word, 0))
		return ring_pages(word) == pages ? 0 : -EINVAL;
	fill_page((struct perf_event_mmap_page *)v->data, pages);
	restart(h);
	word = 0;
	if (!atomic_compare_exchange_strong(&h->ring, &word, want))
		return ring_pages(word) == pages ? 0 : -EINVAL; /* another thread was first */
	return 0;
}

static int ring_open(struct perf_hdr *event, const struct obj_view *v, struct ring *r)
{
	u64 word, pages;

	if (unlikely(!v))
		return -ENOSPC;
	r->event = event;
	r->h = (struct perf_hdr *)v->hdr;
	word = atomic_load_explicit(&r->h->ring, memory_order_acquire);
	pages = ring_pages(word);
	if (unlikely(!word || !pages || !pages_ok(v, pages)))
		return -ENOSPC;
	r->page = (struct perf_event_mmap_page *)v->data;
	r->data = v->data + PAGE;
	r->size = pages * PAGE;
	r->overwrite = word & PERF_RING_OVERWRITE;
	r->backward = r->h->bits & PERF_BIT_BACKWARD;
	return 0;
}

/* ---- who is in it ---- */

/* Is it one of this thread's, that was interrupted by what runs now? */
static bool is_outer(const struct op *op, u64 owner)
{
	return (u32)(owner >> 8) == op->actor->id && (owner & 0xff) <= op->level;
}

static void begin_again(struct ring *r)
{
	struct pair shown = pair_load(&r->h->shown);

	atomic_store_explicit(&r->h->head, shown.lo, memory_order_relaxed);
	atomic_store_explicit(&r->h->done, shown.hi, memory_order_relaxed);
	__atomic_store_n(&r->page->data_head, shown.lo, __ATOMIC_RELEASE);
}

/* True: inside another. *wake: the one before was left, and may not have come to that. */
static bool enter(struct ring *r, const struct op *op, u64 me, bool *wake)
{
	u64 owner = 0;

	if (likely(atomic_compare_exchange_strong(&r->h->owner, &owner, me)))
		return false;
	if (is_outer(op, owner))
		return true;
	atomic_store(&r->h->owner, me);
	begin_again(r);
	*wake = true;
	return false;
}

/* Shows what is complete; what a handler put in meanwhile, too. */
static void leave(struct ring *r, u64 me)
{
	struct perf_hdr *h = r->h;
	struct pair seen, to;
	u64 owner;

	for (u32 tries = 0; tries < TRIES; tries++) {
		to.hi = atomic_load(&h->done);
		to.lo = atomic_load(&h->head);
		if (to.hi != atomic_load(&h->done))
			continue;
		seen = pair_load(&h->shown);
		/* Where nothing went in, the reader's cache line is left alone. */
		if (seen.lo != to.lo || seen.hi != to.hi) {
			if (!pair_cas(&h->shown, &seen, to))
				continue;
			__atomic_store_n(&r->page->data_head, to.lo, __ATOMIC_RELEASE);
		}
		owner = me;
		atomic_compare_exchange_strong(&h->owner, &owner, 0);
		if (likely(atomic_load(&h->head) == to.lo))
			return;
		/* A handler has come in between, and has left this to us; or one after, which has shown it
		 * itself. */
		owner = 0;
		if (!atomic_compare_exchange_strong(&h->owner, &owner, me))
			return;
	}
	owner = me;
	atomic_compare_exchange_strong(&h->owner, &owner, 0);
}

/* ---- room ---- */

static u64 room(const struct ring *r, u64 head, u64 tail)
{
	return r->backward ? (head - tail - 1) & (r->size - 1) : (tail - head - 1) & (r->size - 1);
}

/* Bytes [r->at, r->at + size) are ours then. */
static int reserve(struct ring *r, u32 size)
{
	struct perf_hdr *h = r->h;
	u64 head = atomic_load_explicit(&h->head, memory_order_relaxed), next, moved, woken;

	if (unlikely(size >= r->size && !r->overwrite))
		return -ENOSPC;
	do {
		u64 tail = __atomic_load_n(&r->page->data_tail, __ATOMIC_ACQUIRE);

		if (!r->overwrite && room(r, head, tail) < size)
			return -ENOSPC;
		next = r->backward ? head - size : head + size;
	} while (!atomic_compare_exchange_weak(&h->head, &head, next));
	r->at = r->backward ? next : head;
	moved = r->backward ? 0 - next : next;
	woken = atomic_load_explicit(&h->woken, memory_order_relaxed);
	next = h->bits & PERF_BIT_WATERMARK ? MIN(h->wakeup, r->size) : 0;
	if (!next)
		next = r->size / 2;
	if (unlikely(moved - woken > next))
		atomic_store_explicit(&h->woken, woken + next, memory_order_relaxed);
	return 0;
}

/* ---- bytes ---- */

static void put(struct ring *r, const void *from, u32 n)
{
	u64 at = r->at & (r->size - 1), first = r->size - at;

	r->at += n;
	if (likely(n <= first)) {
		memcpy(r->data + at, from, n);
		return;
	}
	memcpy(r->data + at, from, first);
	memcpy(r->data, (const u8 *)from + first, n - first);
}

static void put64(struct ring *r, u64 v)
{
	u64 at = r->at & (r->size - 1);

	r->at += 8;
	*(u64 *)(r->data + at) = v; /* aligned, as the ring's size is */
}

static u64 clock_of(const struct perf_hdr *h)
{
	struct timespec t = { 0, 0 };

	clock_gettime(h->bits & PERF_BIT_CLOCK ? h->clockid : CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

/* What each bit of sample_type adds before the raw data, in the order of the ABI; ID_ALL's tail has its own.
 */
static const u16 sample_words[] = { PERF_SAMPLE_IP,   PERF_SAMPLE_TID,   PERF_SAMPLE_TIME,
				    PERF_SAMPLE_ADDR, PERF_SAMPLE_ID,    PERF_SAMPLE_STREAM_ID,
				    PERF_SAMPLE_CPU,  PERF_SAMPLE_PERIOD };
static const u16 id_words[] = { PERF_SAMPLE_TID, PERF_SAMPLE_TIME, PERF_SAMPLE_ID, PERF_SAMPLE_STREAM_ID,
				PERF_SAMPLE_CPU };

static u64 word_of(const struct perf_hdr *h, const struct perf_from *from, u64 bit)
{
	switch (bit) {
	case PERF_SAMPLE_TID: return (u64)(u32)from->tid << 32 | (u32)from->pid;
	case PERF_SAMPLE_TIME: return clock_of(h);
	case PERF_SAMPLE_ID:
	case PERF_SAMPLE_STREAM_ID:
	case PERF_SAMPLE_IDENTIFIER: return h->o.id;
	case PERF_SAMPLE_CPU: return from->cpu;
	}
	return 0;
}

static u32 words_size(u64 type, const u16 *bits, u32 n)
{
	u32 size = type & PERF_SAMPLE_IDENTIFIER ? 8 : 0;

	for (u32 i = 0; i < n; i++)
		size += type & bits[i] ? 8 : 0;
	return size;
}

static void put_words(struct ring *r, const struct perf_from *from, u64 type, const u16 *bits, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (type & bits[i])
			put64(r, word_of(r->event, from, bits[i]));
}

static u64 header_word(u32 type, u32 misc, u32 size)
{
	return type | (u64)misc << 32 | (u64)size << 48;
}

static u32 lost_size(const struct perf_hdr *h, u64 type)
{
	return 24 + (h->bits & PERF_BIT_ID_ALL ? words_size(type, id_words, ARRAY_SIZE(id_words)) : 0);
}

static void put_lost(struct ring *r, const struct perf_from *from, u64 type, u64 lost, u32 size)
{
	put64(r, header_word(PERF_RECORD_LOST, 0, size));
	put64(r, r->event->o.id);
	put64(r, lost);
	if (size == 24)
		return;
	put_words(r, from, type, id_words, ARRAY_SIZE(id_words));
	if (type & PERF_SAMPLE_IDENTIFIER)
		put64(r, r->event->o.id);
}

/* A sample's sizes: of its raw part, with length word and padding, and of all. */
struct sample {
	u64 type;
	u32 bytes, raw, size;
};

static int measure(const struct perf_hdr *h, const struct perf_piece *piece, u32 n, struct sample *s)
{
	u64 bytes = 0;

	s->type = h->sample_type;
	for (u32 i = 0; i < n; i++)
		bytes += piece[i].size;
	if (bytes > RECORD_MAX)
		return -E2BIG;
	s->bytes = (u32)bytes;
	s->raw = s->type & PERF_SAMPLE_RAW ? (u32)ROUND_UP(bytes + 4, 8) : 0;
	s->size = 8 + words_size(s->type, sample_words, ARRAY_SIZE(sample_words)) + s->raw;
	return s->size > RECORD_MAX ? -E2BIG : 0;
}

static void put_sample(struct ring *r, const struct perf_from *from, const struct sample *s,
		       const struct perf_piece *piece, u32 n)
{
	static const u64 zero;
	u32 word = s->raw - 4;

	put64(r, header_word(PERF_RECORD_SAMPLE, PERF_RECORD_MISC_KERNEL, s->size));
	if (s->type & ~(u64)PERF_SAMPLE_RAW) {
		if (s->type & PERF_SAMPLE_IDENTIFIER)
			put64(r, r->event->o.id);
		put_words(r, from, s->type, sample_words, ARRAY_SIZE(sample_words));
	}
	if (!s->raw)
		return;
	put(r, &word, sizeof(word));
	for (u32 i = 0; i < n; i++)
		put(r, piece[i].at, piece[i].size);
	put(r, &zero, s->raw - 4 - s->bytes);
}

/* ---- output ---- */

static void count_event(const struct perf_hdr *event, struct perf_hdr *h)
{
	if (event->bits & PERF_BIT_WATERMARK || !event->wakeup)
		return;
	if (atomic_fetch_add_explicit(&h->events, 1, memory_order_relaxed) + 1 < event->wakeup)
		return;
	/* Another event of the ring may count to another number. */
	atomic_fetch_sub_explicit(&h->events, event->wakeup, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->woken, 1, memory_order_relaxed);
}

static int output(struct ring *r, const struct perf_from *from, const struct sample *s,
		  const struct perf_piece *piece, u32 n, bool inside)
{
	struct perf_hdr *h = r->h;
	u64 lost = 0;
	u32 size = s->size, extra = 0;
	int err;

	if (!inside)
		lost = atomic_load(&h->tried) - pair_load(&h->shown).hi;
	atomic_fetch_add(&h->tried, 1);
	if (unlikely(atomic_load_explicit(&h->paused, memory_order_relaxed)))
		return -ENOSPC;
	if (unlikely(lost))
		extra = lost_size(r->event, s->type);
	err = reserve(r, size + extra);
	if (unlikely(err))
		return err;
	if (unlikely(lost))
		put_lost(r, from, s->type, lost, extra);
	put_sample(r, from, s, piece, n);
	count_event(r->event, h);
	atomic_fetch_add(&h->done, lost + 1);
	return 0;
}

u32 perf_output_id(const struct perf_hdr *h)
{
	return (u32)atomic_load_explicit(&h->output, memory_order_relaxed);
}

bool perf_output_stands(const struct perf_hdr *h, const struct perf_hdr *to)
{
	return atomic_load(&to->ring) && atomic_load(&h->output) >> 32 == atomic_load(&to->made);
}

int perf_output(const struct obj_view *v, const struct obj_view *to, const struct perf_from *from,
		const struct perf_piece *piece, u32 n, bool *wake)
{
	u64 me = (u64)from->op->actor->id << 8 | (from->op->level + 1);
	struct perf_hdr *h = (struct perf_hdr *)v->hdr;
	bool inside, left = false;
	struct sample s;
	struct ring r;
	u64 woken;
	int ret;

	if (unlikely(!atomic_load_explicit(&h->on, memory_order_relaxed) || !v->writable))
		return -EOPNOTSUPP;
	if (unlikely((h->cpu >= 0 && (u32)h->cpu != from->cpu) || (h->tid >= 0 && h->tid != from->tid)))
		return -EOPNOTSUPP;
	ret = ring_open(h, to, &r);
	if (likely(!ret))
		ret = measure(h, piece, n, &s);
	if (unlikely(ret))
		return ret;
	woken = atomic_load_explicit(&r.h->woken, memory_order_relaxed);
	inside = enter(&r, from->op, me, &left);
	ret = output(&r, from, &s, piece, n, inside);
	if (!inside)
		leave(&r, me);
	/* Also for what a handler put in meanwhile: it was not to be seen before. */
	if (left || atomic_load_explicit(&r.h->woken, memory_order_relaxed) != woken) {
		atomic_store(&r.h->due, 1);
		*wake = true;
	}
	return ret;
}

static u64 monotonic(void)
{
	struct timespec t = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

u64 perf_enabled_time(struct perf_hdr *h)
{
	u64 time = atomic_load(&h->on_before);

	return atomic_load(&h->on) ? time + monotonic() - atomic_load(&h->on_since) : time;
}

void perf_set_enabled(struct perf_hdr *h, bool on)
{
	u32 was = !on;

	if (!atomic_compare_exchange_strong(&h->on, &was, on))
		return;
	if (on)
		atomic_store(&h->on_since, monotonic());
	else
		atomic_fetch_add(&h->on_before, monotonic() - atomic_load(&h->on_since));
}

bool perf_ring_due(struct perf_hdr *h)
{
	return atomic_load(&h->due) && atomic_exchange(&h->due, 0);
}
