// SPDX-License-Identifier: BSD-2-Clause
/*
 * Records of a ring: reserve, publish, commit, and what dead producers leave.
 *
 * The words and their order are in ringbuf_int.h. Every step is safe to be the
 * last one of its process:
 *
 *     before the swap of the slot     nothing has happened
 *     slot reserved                   ring_rescue takes it over, discards, publishes
 *     header and slot written         anybody publishes it; it is BUSY: ring_rescue discards it
 *     committed                       a record like others; the next commit or poll wakes
 *
 * and to be jumped out of: op->owns is above 0 all the while, so the actor gets another
 * id, and the old one is a dead producer.
 *
 * Beside a consumer the time goes into cache lines that both sides write. The
 * consumer's position is read where it is needed: once a run, when the ring seems full
 * by what was last seen of it (ring->seen), and at a commit that may have to wake somebody.
 *
 * All words are hostile. Positions are used under the mask, lengths against
 * the window that they are in; what cannot be is answered as a full ring.
 */
#include <string.h>
#include "map/ringbuf_int.h"
#include "store/wake.h"
#include "util/err.h"
#include "util/raw.h"

#define AHEAD     256u  /* bytes behind a new record whose lines are asked for */
#define TRIES     1024u /* swaps that others may win in a row */
#define MET_EACH  16u   /* what was found in order is looked at again each so many commits */
#define SENT_EACH 64u   /* a wake-up that nobody seems to have seen is sent again each so many commits */

enum { RESERVED = 1, WRITTEN };

static struct pair slot_make(u64 pos, u32 owner, u64 total, u32 state)
{
	return (struct pair){ .lo = pos, .hi = (u64)owner << 32 | total / 8 << 4 | state };
}

static u32 slot_state(struct pair s)
{
	return s.hi & 15;
}

static u32 slot_owner(struct pair s)
{
	return (u32)(s.hi >> 32);
}

static u64 slot_total(struct pair s)
{
	return (s.hi >> 4 & 0xfffffff) * 8;
}

static u64 slot_end(struct pair s)
{
	return s.lo + slot_total(s);
}

/* Does b name the position behind a? */
static bool follows(struct pair a, struct pair b)
{
	return b.hi && b.lo == slot_end(a);
}

static struct pair *slot_at(const struct ring *r, u32 i)
{
	return &r->ctl->slot[i & r->slots];
}

/* Signed: how far a is before b. */
static s64 before(u64 a, u64 b)
{
	return (s64)(b - a);
}

static _Atomic u64 *header_at(const struct ring *r, u64 pos)
{
	return (_Atomic u64 *)(r->data + (pos & r->mask & ~7ull));
}

static bool is_busy(u64 hdr)
{
	return hdr & BPF_RINGBUF_BUSY_BIT;
}

static u64 load_prod(const struct ring *r)
{
	return atomic_load_explicit(r->prod, memory_order_acquire);
}

static u64 load_cons(const struct ring *r)
{
	return atomic_load_explicit(r->cons, memory_order_acquire);
}

/* ---- waking ---- */

/* Has somebody been sent a wake-up and not looked since? Then another would change nothing. */
static bool is_told(const struct bpf_map *m)
{
	const struct ring_ctl *ctl = ring_of(m)->ctl;
	u64 looks = atomic_load(&ctl->looks);

	return atomic_load_explicit(&ctl->sent, memory_order_relaxed) == looks + 1 &&
	       !wake_blind(OBJ_MAP, m->id);
}

/* What is said to be sent has been sent: a producer that is killed in between sends once too often. */
static void wake_readers(struct bpf_map *m)
{
	struct ring_ctl *ctl = ring_of(m)->ctl;
	u64 looks = atomic_load(&ctl->looks);

	if (ring_wake(m))
		atomic_store(&ctl->sent, looks + 1);
}

static void wake_at(struct bpf_map *m, u64 pos)
{
	const struct ring *r = ring_of(m);

	if (((load_cons(r) ^ pos) & r->mask) == 0)
		wake_readers(m);
}

/* ---- publish: producer_pos over what is written ---- */

/*
 * Records of others were shown, from one position to another. If they are
 * submitted, the consumer has maybe come to one in between, and their producers looked too early.
 */
static noinline void wake_passed(struct bpf_map *m, u64 from, u64 to)
{
	const struct ring *r = ring_of(m);
	u64 cons = load_cons(r);

	if (before(from, cons) >= 0 && before(cons, to) > 0 && !is_busy(atomic_load(header_at(r, cons))))
		wake_readers(m);
}

/* Goes on from slot i, which is shown, as far as written ones follow one another. */
static void publish_on(struct bpf_map *m, u32 i, struct pair s, u64 from)
{
	const struct ring *r = ring_of(m);

	for (u32 n = 0; n <= r->slots; n++) {
		struct pair next = pair_load(slot_at(r, ++i));
		u64 at = next.lo;

		if (!follows(s, next) || slot_state(next) != WRITTEN)
			break;
		atomic_compare_exchange_strong(r->prod, &at, slot_end(next));
		s = next;
	}
	if (unlikely(slot_end(s) != from))
		wake_passed(m, from, slot_end(s));
}

/* Some before slot i are not published yet. Those written may have lost their owners: it is done for them. */
static noinline void publish_behind(struct bpf_map *m, u32 i, struct pair s)
{
	const struct ring *r = ring_of(m);
	u64 at = load_prod(r);

	for (u32 n = 0; before(at, s.lo) > 0; n++) {
		struct pair prev = pair_load(slot_at(r, i - 1));

		/* One that is being written goes on by itself, and publishes us then. */
		if (n > r->slots || !follows(prev, s) || slot_state(prev) != WRITTEN)
			return;
		s = prev;
		i--;
	}
	at = s.lo;
	atomic_compare_exchange_strong(r->prod, &at, slot_end(s));
	publish_on(m, i, s, s.lo);
}

/*
 * Slot i has been written. A swap that fails is a full fence, too: either we see
 * the one before us published, or its producer sees us written.
 */
static void publish(struct bpf_map *m, u32 i, struct pair s)
{
	const struct ring *r = ring_of(m);
	u64 at = s.lo;

	if (likely(atomic_compare_exchange_strong(r->prod, &at, slot_end(s))))
		publish_on(m, i, s, slot_end(s));
	else if (before(at, s.lo) > 0)
		publish_behind(m, i, s);
}

/* The part of the ring that slot i names is ours: its header, and then all may see it. */
static _Atomic u64 *write_header(struct bpf_map *m, u32 i, struct pair s, u32 len_word)
{
	const struct ring *r = ring_of(m);
	_Atomic u64 *hdr = header_at(r, s.lo);

	atomic_store_explicit(hdr, (u64)slot_owner(s) << 32 | len_word, memory_order_relaxed);
	s.hi = (s.hi & ~15ull) | WRITTEN;
	__atomic_store_n(&slot_at(r, i)->hi, s.hi, __ATOMIC_RELEASE);
	publish(m, i, s);
	return hdr;
}

/* ---- what is done with ---- */

/* Moves pend over all records that are not busy; where it stands then. */
static u64 move_pend(const struct ring *r)
{
	u64 seen = atomic_load(&r->ctl->pend), at = seen, end = load_prod(r);

	if (end - at > r->mask + 1)
		at = end; /* damaged */
	while (at != end) {
		u64 hdr = atomic_load_explicit(header_at(r, at), memory_order_acquire), n;

		if (is_busy(hdr))
			break;
		n = ring_total((u32)hdr);
		if (n > end - at)
			n = end - at; /* damaged */
		at += n;
	}
	if (at != seen && !atomic_compare_exchange_strong(&r->ctl->pend, &seen, at))
		return seen;
	return at;
}

/* The oldest busy record: true if its owner was dead, and it is discarded now. */
static bool discard_oldest(struct bpf_map *m)
{
	const struct ring *r = ring_of(m);
	u64 at = move_pend(r), hdr;
	_Atomic u64 *p = header_at(r, at);

	if (at == load_prod(r))
		return false;
	hdr = atomic_load(p);
	if (!is_busy(hdr) || actor_alive((u32)(hdr >> 32)) || atomic_load(&r->ctl->pend) != at)
		return false;
	if (atomic_compare_exchange_strong(p, &hdr,
					   (hdr & ~(u64)BPF_RINGBUF_BUSY_BIT) | BPF_RINGBUF_DISCARD_BIT))
		wake_at(m, at);
	return true;
}

/* The newest slot, from the hint on; NIL: the slots are no chain, so they are damaged. */
static u32 find_newest(const struct ring *r, struct pair *s, struct pair *next)
{
	u32 i = atomic_load_explicit(&r->ctl->newest, memory_order_relaxed) & r->slots;

	*s = pair_load(slot_at(r, i));
	for (u32 n = 0; n <= r->slots; n++) {
		*next = pair_load(slot_at(r, i + 1));
		if (!follows(*s, *next))
			return i;
		*s = *next;
		i = (i + 1) & r->slots;
	}
	return NIL;
}

/* What stands where producer_pos leads: a slot that a dead producer has not written is taken over and
 * discarded. */
static bool discard_reserved(struct op *op, struct bpf_map *m)
{
	const struct ring *r = ring_of(m);
	struct pair s, next, mine;
	u32 i = find_newest(r, &s, &next);
	u64 at = load_prod(r);

	if (i == NIL)
		return false;
	for (u32 n = 0; before(at, s.lo) > 0; n++) {
		struct pair prev = pair_load(slot_at(r, i - 1));

		if (n > r->slots || !follows(prev, s))
			return false;
		s = prev;
		i--;
	}
	if (s.lo != at || !slot_total(s))
		return false;
	if (slot_state(s) == WRITTEN) {
		publish(m, i, s);
		return load_prod(r) != at;
	}
	if (actor_alive(slot_owner(s)))
		return false;
	mine = slot_make(s.lo, op->actor->id, slot_total(s), RESERVED);
	op->owns++;
	barrier();
	if (pair_cas(slot_at(r, i), &s, mine)) {
		write_header(m, i, mine, (u32)(slot_total(mine) - RING_HDR) | BPF_RINGBUF_DISCARD_BIT);
		wake_at(m, mine.lo);
	}
	barrier();
	op->owns--;
	return true;
}

u32 ring_rescue(struct op *op, struct bpf_map *m)
{
	u32 n = 0;

	if (!m->view.writable || !op->actor->id)
		return 0;
	while (n <= ring_of(m)->mask / RING_HDR && (discard_oldest(m) || discard_reserved(op, m)))
		n++;
	return n;
}

/* ---- reserve ---- */

/* Memory for what runs over into the second half. */
static bool back_second(struct bpf_map *m, struct ring *r, u64 end)
{
	u64 have = atomic_load_explicit(&r->backed, memory_order_relaxed), over;

	if (likely(end <= r->mask + 1))
		return true;
	over = ROUND_UP(end - (r->mask + 1), PAGE);
	if (likely(over <= have))
		return true;
	if (map_back(m, r->data + r->mask + 1 + have, r->data + r->mask + 1 + over))
		return false;
	while (have < over && !atomic_compare_exchange_weak(&r->backed, &have, over))
		;
	return true;
}

static void see(struct ring *r)
{
	atomic_store_explicit(&r->seen, load_cons(r), memory_order_release);
}

/* Once a run: a consumer that went back, or writes nonsense, is taken at its word. */
static void see_first(const struct op *op, struct ring *r)
{
	u64 turn = (u64)op->actor->id << 32 | op->turn;

	if (likely(atomic_load_explicit(&r->seen_in, memory_order_relaxed) == turn))
		return;
	see(r);
	atomic_store_explicit(&r->seen_in, turn, memory_order_relaxed);
}

/* As far as we know: the window from the consumer, or from the oldest busy record, is not longer than the
 * ring.
 */
static bool has_room(const struct ring *r, u64 end)
{
	u64 seen = atomic_load_explicit(&r->seen, memory_order_acquire);
	u64 pend = atomic_load_explicit(&r->ctl->pend, memory_order_relaxed);

	return end - seen <= r->mask && end - pend <= r->mask;
}

static bool slot_is_free(const struct ring *r, struct pair s)
{
	return before(slot_end(s), load_prod(r)) >= 0;
}

/* Each owner of a busy record is asked for once, and one that was alive now and then. */
static bool ask_for(struct ring *r, u32 owner)
{
	if (owner == atomic_load_explicit(&r->asked, memory_order_relaxed) &&
	    atomic_fetch_add_explicit(&r->met, 1, memory_order_relaxed) % MET_EACH)
		return false;
	atomic_store_explicit(&r->asked, owner, memory_order_relaxed);
	return true;
}

/* May somebody dead be in the way? Before `at`, where the newest slot ends. */
static bool is_stuck(const struct op *op, struct ring *r, u64 pend, u64 at)
{
	u64 prod = load_prod(r);
	u32 owner;

	if (prod != at)
		return true; /* a slot that is not written */
	if (pend == prod)
		return false;
	owner = (u32)(atomic_load(header_at(r, pend)) >> 32);
	return owner != op->actor->id && ask_for(r, owner);
}

/* There is no room up to end, or slot `next` is still in use: true if it is worth another try. */
static noinline bool make_room(struct op *op, struct bpf_map *m, u64 at, u64 end, struct pair next,
			       bool *rescued)
{
	struct ring *r = ring_of(m);
	u64 pend = move_pend(r);

	see(r);
	if (has_room(r, end) && slot_is_free(r, next))
		return true;
	if (*rescued || !is_stuck(op, r, pend, at))
		return false;
	*rescued = true;
	ring_rescue(op, m);
	return true;
}

static void own_line(u8 *at)
{
	__asm__ volatile("prefetchw %0" : : "m"(*at));
}

/* The lines that the next records go into were last read by the consumer. Those that it may still read are
 * left to it. */
static void look_ahead(const struct ring *r, u64 end)
{
	if (!has_room(r, end + AHEAD + 128))
		return;
	own_line(r->data + ((end + AHEAD) & r->mask));
	own_line(r->data + ((end + AHEAD + 64) & r->mask));
}

/* Takes the slot behind the newest: its index, or NIL. */
static u32 take_slot(struct op *op, struct bpf_map *m, u64 total, struct pair *mine)
{
	struct ring *r = ring_of(m);
	bool rescued = false;

	for (u32 n = 0; n < TRIES; n++) {
		struct pair s, next;
		u32 i = find_newest(r, &s, &next);
		u64 at = slot_end(s);

		if (i == NIL || at & 7)
			return NIL;
		if (unlikely(!has_room(r, at + total) || !slot_is_free(r, next))) {
			if (!make_room(op, m, at, at + total, next, &rescued))
				return NIL;
			continue;
		}
		if (unlikely(!back_second(m, r, (at & r->mask) + total)))
			return NIL;
		*mine = slot_make(at, op->actor->id, total, RESERVED);
		i = (i + 1) & r->slots;
		if (likely(pair_cas(slot_at(r, i), &next, *mine))) {
			atomic_store_explicit(&r->ctl->newest, i, memory_order_relaxed);
			look_ahead(r, at + total);
			return i;
		}
	}
	return NIL;
}

/* A run of this process was left: maybe with records of this ring. */
static noinline void look_at_own(struct op *op, struct bpf_map *m)
{
	atomic_store_explicit(&ring_of(m)->renewals, actor_renewals, memory_order_relaxed);
	ring_rescue(op, m);
}

/* A slot of our own for a payload of size bytes: its index, or NIL. op->owns counts it then. */
static u32 begin(struct op *op, struct bpf_map *m, u64 size, struct pair *s)
{
	struct ring *r = ring_of(m);
	u64 total;
	u32 i;

	if (size > RING_LEN_MAX || !m->view.writable || !op->actor->id)
		return NIL;
	total = ring_total((u32)size);
	if (total > r->mask + 1)
		return NIL;
	if (unlikely(atomic_load_explicit(&r->renewals, memory_order_relaxed) != actor_renewals))
		look_at_own(op, m);
	see_first(op, r);
	op->owns++;
	barrier();
	i = take_slot(op, m, total, s);
	barrier();
	if (unlikely(i == NIL))
		op->owns--;
	return i;
}

void *ring_reserve(struct op *op, struct bpf_map *m, u64 size)
{
	struct pair s;
	u32 i = begin(op, m, size, &s);

	if (unlikely(i == NIL))
		return NULL;
	return (u8 *)write_header(m, i, s, (u32)size | BPF_RINGBUF_BUSY_BIT) + RING_HDR;
}

/* ---- commit ---- */

bool ring_has(const struct bpf_map *m, const void *payload)
{
	const struct ring *r = ring_of(m);
	u64 off = (u64)((const u8 *)payload - r->data);

	return off >= RING_HDR && off <= r->mask + 1 && off % 8 == 0;
}

/* What ran over into the second half is put at the start of the first, too, where it belongs on a ring. */
static void copy_over(const struct ring *r, u64 off, u32 len)
{
	u64 size = r->mask + 1, end = off + RING_HDR + len;

	if (end > size && end - size <= off)
		shared_copy(r->data, r->data + size, end - size);
}

/*
 * The consumer does not wait at this record. If it waits at one whose producer
 * is dead, nobody else may ever come.
 */
static noinline void look_at_front(struct op *op, struct bpf_map *m, u64 cons)
{
	struct ring *r = ring_of(m);
	u64 hdr = atomic_load_explicit(header_at(r, cons), memory_order_relaxed);
	u32 owner = (u32)(hdr >> 32);

	if (is_busy(hdr) && owner != op->actor->id && ask_for(r, owner) && !actor_alive(owner))
		ring_rescue(op, m);
}

/*
 * A record at `off` has been submitted, by a full fence: either the consumer sees
 * it, or we see where it waits. Its line is left alone, but now and then, when nobody is to be woken.
 */
static void after_commit(struct op *op, struct bpf_map *m, u64 off, u64 flags)
{
	struct ring *r = ring_of(m);
	bool quiet = flags & BPF_RB_NO_WAKEUP && !(flags & BPF_RB_FORCE_WAKEUP);
	bool told = !quiet && is_told(m);
	u64 cons, prod;
	u32 nth = 0;

	if (quiet || told) {
		nth = atomic_load_explicit(&r->passed, memory_order_relaxed);
		atomic_store_explicit(&r->passed, nth + 1, memory_order_relaxed);
		if (nth % MET_EACH)
			return;
	}
	cons = load_cons(r);
	if (!quiet && (flags & BPF_RB_FORCE_WAKEUP || (cons & r->mask) == off)) {
		if (!told || nth % SENT_EACH == 0)
			wake_readers(m);
		return;
	}
	prod = load_prod(r);
	if (prod - cons - 1 <= r->mask && (cons & r->mask) != off)
		look_at_front(op, m, cons);
}

void ring_commit(struct op *op, struct bpf_map *m, void *payload, u64 flags, bool discard)
{
	const struct ring *r = ring_of(m);
	u8 *hdr = (u8 *)payload - RING_HDR;
	u64 off = (u64)(hdr - r->data);
	u32 len = __atomic_load_n((u32 *)hdr, __ATOMIC_RELAXED) & RING_LEN;

	if (!discard && unlikely(off + RING_HDR + len > r->mask + 1))
		copy_over(r, off, len);
	__atomic_exchange_n((u32 *)hdr, len | (discard ? BPF_RINGBUF_DISCARD_BIT : 0), __ATOMIC_SEQ_CST);
	barrier();
	op->owns--;
	after_commit(op, m, off, flags);
}

/*
 * Nobody sees the record before it is whole, and its line moves to the consumer
 * once. Until then the slot keeps from the consumer what a busy record would.
 */
int ring_output(struct op *op, struct bpf_map *m, const void *data, u64 size, u64 flags)
{
	const struct ring *r = ring_of(m);
	struct pair s;
	u32 i = begin(op, m, size, &s);
	u64 off = s.lo & r->mask;

	if (unlikely(i == NIL))
		return -EAGAIN;
	memcpy(r->data + off + RING_HDR, data, size);
	if (unlikely(off + RING_HDR + size > r->mask + 1))
		copy_over(r, off, (u32)size);
	write_header(m, i, s, (u32)size);
	barrier();
	op->owns--;
	after_commit(op, m, off, flags);
	return 0;
}

u64 ring_query(const struct bpf_map *m, u64 what)
{
	const struct ring *r = ring_of(m);

	switch (what) {
	case BPF_RB_AVAIL_DATA: {
		u64 cons = load_cons(r);

		return load_prod(r) - cons;
	}
	case BPF_RB_RING_SIZE: return r->mask + 1;
	case BPF_RB_CONS_POS: return load_cons(r);
	case BPF_RB_PROD_POS: return load_prod(r);
	default: return 0;
	}
}
