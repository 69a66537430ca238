// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hash: creation, update and delete. The model is in hashtab_int.h.
 *
 * An overwrite is one swap of the entry's s: from the value (or block) that
 * was read to the new one. An insert claims an entry, writes key and next,
 * and is done by the swap of the bucket's head. A delete is done by the swap
 * of s to DEAD; unlinking is housekeeping.
 *
 * What a client's pointers may do: key and value are copied into private
 * memory or a private block before anything refers to it; a fault there
 * gives the block back (htab_recover).
 */
#include "map/hashtab_seek.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include "store/store.h"
#include "util/random.h"
#include "util/raw.h"

#define SPARE_MAX   1024u         /* private blocks at one time: operations in progress, stopped ones too */
#define SPARE_BYTES (64ull << 20) /* at most, of address space */
#define SPARE_FIRST (64ull << 10) /* of which backed from the start */

/* ---- creation ---- */

/* The kernel's order. */
int htab_alloc_check(const struct map_attr *a)
{
	bool percpu = a->map_type == BPF_MAP_TYPE_PERCPU_HASH || a->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
	bool lru = a->map_type == BPF_MAP_TYPE_LRU_HASH || a->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
	bool own_lists = a->map_flags & BPF_F_NO_COMMON_LRU;

	if (!lru && own_lists)
		return -EINVAL;
	if (lru && (a->map_flags & BPF_F_NO_PREALLOC))
		return -ENOTSUPP;
	if ((a->map_flags & BPF_F_NUMA_NODE) && (percpu || own_lists))
		return -EINVAL;
	if (!a->max_entries || !a->key_size || !a->value_size)
		return -EINVAL;
	if ((u64)a->key_size + a->value_size >= (4u << 20) - 48)
		return -E2BIG;
	if (percpu && ROUND_UP((u64)a->value_size, 8) > 32 << 10)
		return -E2BIG;
	return 0;
}

static u32 buckets(u32 n)
{
	return n < 2 ? 1 : 1u << (32 - __builtin_clz(n - 1));
}

/* What the kernel shows: its own structures, not ours. */
u64 htab_memlock(const struct map_attr *a)
{
	bool percpu = a->map_type == BPF_MAP_TYPE_PERCPU_HASH || a->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
	bool lru = a->map_type == BPF_MAP_TYPE_LRU_HASH || a->map_type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
	u64 value = ROUND_UP((u64)a->value_size, 8), sum = 896 + 16ull * buckets(a->max_entries);
	u64 elem = 48 + ROUND_UP((u64)a->key_size, 8) + (percpu ? 8 : value), n = a->max_entries;

	if (a->map_flags & BPF_F_NO_PREALLOC)
		return sum;
	if (percpu)
		sum += value * a->ncpu * n;
	else if (!lru)
		sum += 8ull * a->ncpu;
	if (a->map_type == BPF_MAP_TYPE_HASH)
		n += a->ncpu;
	return sum + elem * n;
}

/* Where everything lies: follows from the attributes alone. */
struct shape {
	u64 heads, hints, ents, block_hints, blocks, end; /* offsets in the data */
	u32 n, nb, nblocks, stride, eager, voff;
};

static void shape_of(struct shape *s, u32 n, u32 key_size, u32 vlen)
{
	bool in_place = key_size <= 8 && vlen <= 8;
	u64 stride, spare;

	s->n = n;
	s->nb = buckets(n);
	s->voff = key_size > 8 ? ROUND_UP(key_size, 8) : 0;
	stride = ROUND_UP(sizeof(struct block) + s->voff + (u64)vlen, 16);
	s->stride = (u32)stride;
	spare = MIN(MAX(SPARE_BYTES / stride, 16), SPARE_MAX);
	s->nblocks = in_place ? 0 : n + (u32)spare;
	s->eager = in_place ? 0 : n + (u32)MIN(MAX(SPARE_FIRST / stride, 4), 64);
	s->heads = 0;
	s->hints = 16ull * s->nb;
	s->block_hints = s->hints + hint_size(n);
	s->ents = ROUND_UP(s->block_hints + (in_place ? 0 : hint_size(s->nblocks)), 64);
	s->blocks = s->ents + 64ull * n;
	s->end = s->blocks + stride * s->nblocks;
}

int htab_layout(const struct map_attr *a, u32 vlen, struct map_layout *l)
{
	struct shape s;

	if (a->max_entries > HTAB_MAX_BUCKETS)
		return -E2BIG;
	shape_of(&s, a->max_entries, a->key_size, vlen);
	l->data_size = s.end;
	l->reserve = a->map_flags & BPF_F_NO_PREALLOC ? s.ents : s.blocks + (u64)s.eager * s.stride;
	l->header_last = false;
	return 0;
}

int htab_init(struct bpf_map *m, const struct map_attr *a, u32 vlen)
{
	struct htab_words *w = (struct htab_words *)m->hdr->priv;
	bool sparse = a->map_flags & BPF_F_NO_PREALLOC;
	struct shape s;

	w->seed = a->map_flags & BPF_F_ZERO_SEED ? 0 : random_u64();
	shape_of(&s, a->max_entries, a->key_size, vlen);
	w->ents_backed = sparse ? 0 : s.n;
	w->blocks_backed = sparse ? 0 : s.eager;
	return 0;
}

static s64 back_blocks(const struct pool *p, u32 n)
{
	struct htab *h = container_of((struct pool *)p, struct htab, pool);
	u32 have = MIN(load32(p->backed), p->n);
	u64 to = MAX(n, (u64)have + MAX((64u << 10) / p->stride, have / 8));

	to = MIN(to, p->n);
	if (map_back(htab_map(h), pool_block(p, have), pool_block(p, (u32)to)))
		return -ENOMEM;
	return (s64)to;
}

/* A block is in use while an entry that is not FREE has it. An abandoned claim is ended first. */
static bool block_in_use(struct op *op, const struct pool *p, u32 b, u32 i, bool abandoned)
{
	struct htab *h = container_of((struct pool *)p, struct htab, pool);
	struct pair s;

	if (i >= h->n)
		return false;
	s = pair_load(&h->ents[i].s);
	if (abandoned && STATE(s.lo) == ENT_CLAIMED && (u32)s.hi == b) {
		htab_abort(op, h, i);
		s = pair_load(&h->ents[i].s);
	}
	return STATE(s.lo) != ENT_FREE && (u32)s.hi == b;
}

static void open_pool(struct htab *h, const struct shape *s, u8 *data)
{
	h->pool = (struct pool){
		.base = data + s->blocks,
		.hints = (u64 *)(data + s->block_hints),
		.backed = &h->words->blocks_backed,
		.n = s->nblocks,
		.stride = s->stride,
		.eager = s->eager,
		.in_use = block_in_use,
		.back = back_blocks,
	};
}

int htab_open(struct bpf_map *m, u32 vlen)
{
	struct htab *h = htab_of(m);
	struct shape s;

	if (!m->max_entries || m->max_entries > HTAB_MAX_BUCKETS || !m->key_size || !vlen ||
	    (u64)m->key_size + m->value_size >= 4u << 20)
		return -EIO;
	shape_of(&s, m->max_entries, m->key_size, vlen);
	if (s.end > m->view.data_size)
		return -EIO;
	*h = (struct htab){
		.heads = (struct pair *)(m->data + s.heads),
		.ents = (struct ent *)(m->data + s.ents),
		.hints = (u64 *)(m->data + s.hints),
		.words = (struct htab_words *)m->hdr->priv,
		.n = s.n,
		.mask = s.nb - 1,
		.key_size = m->key_size,
		.vlen = vlen,
		.vin = vlen,
		.vout = vlen,
		.voff = s.voff,
		.lock_off = m->record.spin_lock_off,
		.in_place = !s.nblocks,
		.keys = m->key_size == 4   ? KEYS_4
			: m->key_size == 8 ? KEYS_8
			: m->key_size < 8  ? KEYS_SHORT
					   : KEYS_LONG,
	};
	if (h->lock_off < -1 || (h->lock_off >= 0 && (u32)h->lock_off + 4 > vlen))
		return -EIO;
	h->seed = load64(&h->words->seed);
	open_pool(h, &s, m->data);
	htab_choose_path(h);
	return 0;
}

/* ---- keys ---- */

u64 htab_short_word(const void *key, u32 size)
{
	u64 w = 0;

	memcpy(&w, key, size);
	return w;
}

u64 htab_hash_long(const struct htab *h, const void *key)
{
	const u8 *p = key;
	u64 hash = h->seed ^ h->key_size, w[2];
	u32 left = h->key_size;

	for (; left > 16; left -= 16, p += 16) {
		memcpy(w, p, 16);
		hash = htab_fold(w[0] ^ hash ^ 0xa0761d6478bd642full, w[1] ^ 0xe7037ed1a0b428dbull ^ hash);
	}
	w[0] = w[1] = 0;
	memcpy(w, p, left);
	hash = htab_fold(w[0] ^ hash ^ 0x8ebc6af09c88c6e3ull, w[1] ^ 0x589965cc75374cc3ull ^ hash);
	return htab_fold(hash, 0x9e3779b97f4a7c15ull);
}

/* ---- operations: begin and recover ---- */

/* A reference that the table does not name (any more) is dropped; a second time does no harm. */
static void settle_word(struct bpf_map *m, u64 word)
{
	struct htab *h = htab_of(m);
	u64 there;

	if (!word)
		return;
	for (u32 i = 0; i < h->n; i++)
		if (htab_peek(h, i, &there) && there == word)
			return;
	h->dropped(m, word);
}

/* The op was left at some instruction: what had it claimed? */
static void htab_recover(struct op *old, struct op *now)
{
	struct bpf_map *m = (struct bpf_map *)old->claim[0];
	struct htab *h = htab_of(m);
	u64 ent = old->claim[1];

	now->budget = 20l * h->n + 200000;
	if (h->lru)
		now->claim[2] = 0;
	if (ent && ent <= h->n)
		htab_abort(now, h, (u32)ent - 1);
	old->claim[1] = 0;
	if (!h->in_place)
		pool_recover(old, now, &h->pool);
	if (h->dropped) {
		settle_word(m, old->claim[2]);
		settle_word(m, old->claim[3]);
	}
}

void htab_begin(struct op *op, struct bpf_map *m)
{
	op->budget = 20l * htab_of(m)->n + 200000;
	op->claim[0] = (u64)(uintptr_t)m;
	op->claim[1] = op->claim[2] = op->claim[3] = 0;
	barrier();
	op->recover = htab_recover;
	barrier();
}

/* ---- update ---- */

/* An update under way. */
struct put {
	struct op *op;
	struct bpf_map *m;
	struct htab *h;
	struct htab_key key;
	const void *value;
	u64 hi;                /* what s.hi will be */
	struct pool_mine mine; /* mine.b: NIL until there is a block */
	struct htab_claim claim;
	bool claimed;
};

void htab_show_cpus(struct bpf_map *m)
{
	struct htab *h = htab_of(m);

	m->value_len = (u32)ROUND_UP(m->value_size, 8) * possible_cpus();
	h->vin = h->vout = MIN(h->vlen, m->value_len);
	h->vpad = m->value_len - h->vout;
	htab_choose_path(h);
}

static u64 value_word(const struct htab *h, const void *value)
{
	u64 w = 0;

	switch (h->vlen) {
	case 4: w = read32(value); break;
	case 8: w = read64(value); break;
	default: memcpy(&w, value, h->vlen); break;
	}
	if (unlikely(h->lock_off >= 0)) /* the lock word is no part of what is stored */
		memset((u8 *)&w + h->lock_off, 0, 4);
	return w;
}

/* Key and value into a private block. The caller may have changed a long key since it was hashed: -EFAULT. */
static int fill_block(struct htab *h, u32 b, const struct htab_key *k, const void *from)
{
	u8 *value = htab_block_value(h, b);

	shared_copy(value, from, h->vin);
	for (u32 at = h->vin; unlikely(at < h->vlen); at += 8)
		shared_copy(value + at, &(u64){ 0 }, 8);
	if (unlikely(h->lock_off >= 0))
		shared_copy(value + h->lock_off, &(u32){ 0 }, 4);
	if (h->keys == KEYS_LONG) {
		u8 *key = pool_block(&h->pool, b)->data;

		shared_copy(key, k->bytes, h->key_size);
		/* Up to MAP_KEY_MAX it is the caller's copy, beyond it is the client's own memory. */
		if (h->key_size > MAP_KEY_MAX && htab_hash_long(h, key) != k->word)
			return -EFAULT;
	}
	write_order();
	return 0;
}

/* A private block for entry i, filled the first time. */
static int put_block(struct put *u, u32 i)
{
	struct htab *h = u->h;
	int err;

	if (u->mine.b != NIL)
		return pool_hold(u->op, &h->pool, &u->mine, i) ? 0 : -EIO;
	err = pool_get(u->op, &h->pool, i, &u->mine);
	if (err)
		return err;
	u->hi = u->mine.b;
	err = fill_block(h, u->mine.b, &u->key, u->value);
	if (!err && h->keys == KEYS_LONG)
		u->key.bytes = pool_block(&h->pool, u->mine.b)->data;
	return err;
}

static void put_published(struct put *u)
{
	if (!u->h->in_place)
		pool_publish(u->op, &u->h->pool, &u->mine);
	u->mine.b = NIL;
}

/* What is left to do when an entry's value has been replaced. */
static inline void after_swap(struct op *op, struct htab *h, struct ent *e)
{
	htab_after_drop(op, h);
	if (unlikely(h->lru) && !load64(&e->ref))
		__atomic_store_n(&e->ref, 1, __ATOMIC_RELAXED);
}

/* 0: done, -EAGAIN: the entry is no longer what find saw. */
static int put_over(struct put *u, const struct htab_pos *r)
{
	struct htab *h = u->h;
	struct ent *e = &h->ents[r->i];
	struct pair s = r->s, own = { 0, 0 };
	int err;

	if (u->claimed) {
		htab_unclaim(u->op, h, &u->claim);
		u->claimed = false;
	}
	if (!h->in_place) {
		err = put_block(u, r->i);
		if (err)
			return err;
	}
	do {
		if (GEN(s.lo) != GEN(r->s.lo) || (STATE(s.lo) != ENT_LIVE && STATE(s.lo) != ENT_DYING))
			return -EAGAIN;
		if (--u->op->budget < 0)
			return -EIO;
		if (!h->in_place)
			own = pool_owner(&h->pool, (u32)s.hi);
		htab_before_drop(u->op, h, s.hi);
	} while (!pair_cas(&e->s, &s, (struct pair){ s_next(s.lo, ENT_LIVE), u->hi }));
	put_published(u);
	after_swap(u->op, h, e);
	if (!h->in_place)
		pool_take(u->op, &h->pool, (u32)s.hi, r->i, own);
	return 0;
}

/* Writes a word of a claimed entry, as long as the claim stands. */
static bool put_word(struct put *u, struct pair *p, u64 gen, bool is_next, u64 hi)
{
	const u64 *s = &u->h->ents[u->claim.i].s.lo;
	struct pair was, to;

	do {
		was = pair_load(p);
		to.lo = is_next ? next_word(was.lo, (u32)gen, 0) : gen << 32;
		to.hi = hi;
		if (load64(s) != u->claim.s.lo || --u->op->budget < 0)
			return false;
	} while (!pair_cas(p, &was, to));
	return true;
}

/* Links the claimed entry in front of the head that find saw. 0: done, -EAGAIN. */
static int put_link(struct put *u, const struct htab_pos *r)
{
	struct htab *h = u->h;
	struct ent *e = &h->ents[u->claim.i];
	u32 gen = GEN(u->claim.s.lo);
	struct pair s = u->claim.s, to = { s_next(s.lo, ENT_CLAIMED), s.hi }, head = r->head;

	if (!put_word(u, &e->key, gen, false, u->key.word) || !put_word(u, &e->next, gen, true, head.hi) ||
	    !pair_cas(&e->s, &s, to)) {
		u->claimed = false; /* taken back by another */
		return u->op->budget < 0 ? -EIO : -EAGAIN;
	}
	u->claim.s = to;
	if (h->lru && load64(&e->ref))
		__atomic_store_n(&e->ref, 0, __ATOMIC_RELAXED);
	if (!pair_cas(&h->heads[r->bucket], &head, (struct pair){ head.lo + 1, link_to(gen, u->claim.i) }))
		return -EAGAIN;
	s = to;
	pair_cas(&e->s, &s, (struct pair){ s_next(to.lo, ENT_LIVE), to.hi }); /* or someone has helped */
	u->claimed = false;
	put_published(u);
	return 0;
}

static int put_new(struct put *u, const struct htab_pos *r)
{
	int err;

	if (!u->claimed) {
		if (htab_is_full(u->h))
			return -E2BIG;
		if (!u->h->in_place && u->mine.b == NIL) {
			err = put_block(u, NIL);
			if (err)
				return err;
		}
		err = htab_claim(u->op, u->h, u->hi, &u->mine, &u->claim);
		if (err)
			return err;
		u->claimed = true;
	}
	return put_link(u, r);
}

static int put(struct put *u, u64 flags)
{
	struct htab_pos r;
	int ret;

	do {
		ret = htab_find(u->op, u->h, &u->key, &r);
		if (ret < 0)
			return ret;
		if (ret && flags == BPF_NOEXIST)
			return -EEXIST;
		if (!ret && flags == BPF_EXIST)
			return -ENOENT;
		ret = ret ? put_over(u, &r) : put_new(u, &r);
	} while (ret == -EAGAIN);
	return ret;
}

/* The common case of an overwrite, from what was just seen. -EAGAIN: somebody came between. */
static inline int swap_word(struct op *op, struct htab *h, const struct seen *e, u64 hi)
{
	struct ent *ent = &h->ents[e->i];
	struct pair s = { e->s_lo, e->s_hi };

	htab_before_drop(op, h, s.hi);
	if (!pair_cas(&ent->s, &s, (struct pair){ s_next(s.lo, ENT_LIVE), hi }))
		return -EAGAIN;
	after_swap(op, h, ent);
	return 0;
}

static inline int swap_block(struct op *op, struct htab *h, const struct htab_key *k, const struct seen *e,
			     const void *value)
{
	struct pool_mine mine;
	struct pair own;
	int err = pool_get(op, &h->pool, e->i, &mine);

	if (err)
		return err;
	err = fill_block(h, mine.b, k, value);
	own = pool_owner(&h->pool, (u32)e->s_hi);
	if (!err)
		err = swap_word(op, h, e, mine.b);
	if (unlikely(err)) {
		pool_put(op, &h->pool, &mine);
		return err;
	}
	pool_publish(op, &h->pool, &mine);
	pool_take(op, &h->pool, (u32)e->s_hi, e->i, own);
	return 0;
}

static inline __attribute__((always_inline)) int update_as(struct op *op, struct htab *h, u8 keys,
							   const struct htab_key *k, const void *value,
							   u64 hi, u64 flags)
{
	struct seen e;

	if (seek(h, keys, k, &op->budget, &e) <= 0 || STATE(e.s_lo) != ENT_LIVE)
		return -EAGAIN;
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	return h->in_place ? swap_word(op, h, &e, hi) : swap_block(op, h, k, &e, value);
}

static noinline int update_slow(struct op *op, struct bpf_map *m, const struct htab_key *k, const void *value,
				u64 hi, u64 flags)
{
	struct put u = { .op = op, .m = m, .h = htab_of(m), .key = *k, .value = value, .hi = hi };
	int ret;

	u.mine.b = NIL;
	ret = put(&u, flags);
	if (u.claimed)
		htab_unclaim(op, u.h, &u.claim);
	if (u.mine.b != NIL)
		pool_put(op, &u.h->pool, &u.mine);
	return ret;
}

int htab_put(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	struct htab *h = htab_of(m);
	struct htab_key k;
	u64 hi = 0;
	int ret;

	if (unlikely((flags & BPF_F_LOCK) && m->record.spin_lock_off < 0))
		return -EINVAL;
	flags &= ~(u64)BPF_F_LOCK;
	if (flags > BPF_EXIST)
		return -EINVAL;
	htab_key_set(h, &k, key);
	if (h->in_place)
		hi = value_word(h, value);
	if (likely(h->keys != KEYS_LONG))
		ret = update_as(op, h, KEYS_SHORT, &k, value, hi, flags);
	else
		ret = update_as(op, h, KEYS_LONG, &k, value, hi, flags);
	return ret == -EAGAIN ? update_slow(op, m, &k, value, hi, flags) : ret;
}

int htab_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	htab_begin(op, m);
	return htab_put(op, m, key, value, flags);
}

/* ---- delete ---- */

bool htab_kill(struct htab *h, u32 i, struct pair s)
{
	struct ent *e = &h->ents[i];
	struct pair to;

	if (!h->lru) {
		if (STATE(s.lo) == ENT_LIVE) {
			to = (struct pair){ s_next(s.lo, ENT_DYING), s.hi };
			if (!pair_cas(&e->s, &s, to))
				return false;
			s = to;
		}
		htab_not_full(h);
	}
	return pair_cas(&e->s, &s, (struct pair){ s_next(s.lo, ENT_DEAD), s.hi });
}

/* value: where to put what was removed, may be NULL. */
static int htab_remove(struct op *op, struct bpf_map *m, const void *key, void *value)
{
	struct htab *h = htab_of(m);
	struct htab_key k;
	struct htab_pos r;
	struct seen e;
	int ret;

	htab_begin(op, m);
	htab_key_set(h, &k, key);
	for (;;) {
		ret = seek(h, h->keys, &k, &op->budget, &e);
		if (ret <= 0)
			return ret ? ret : -ENOENT;
		if (STATE(e.s_lo) == ENT_CLAIMED) { /* linked, not yet said so */
			htab_find(op, h, &k, &r);
			continue;
		}
		if (!h->in_place && (u32)e.s_hi >= h->pool.n)
			return -EIO;
		if (value && !htab_copy_value(h, e.i, e.s_lo, e.s_hi, value))
			continue;
		htab_before_drop(op, h, e.s_hi);
		if (htab_kill(h, e.i, (struct pair){ e.s_lo, e.s_hi }))
			break;
	}
	htab_after_drop(op, h);
	htab_find(op, h, &k, &r); /* unlinks and frees it */
	return 0;
}

int htab_delete(struct op *op, struct bpf_map *m, const void *key)
{
	return htab_remove(op, m, key, NULL);
}

int htab_lookup_and_delete(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	return htab_remove(op, m, key, value);
}

/* ---- the type ---- */

static int hash_alloc_check(struct map_attr *a)
{
	return htab_alloc_check(a);
}

static int hash_layout(const struct map_attr *a, struct map_layout *l)
{
	return htab_layout(a, a->value_size, l);
}

static int hash_init(struct bpf_map *m, const struct map_attr *a)
{
	return htab_init(m, a, a->value_size);
}

static int hash_open(struct bpf_map *m)
{
	return htab_open(m, m->value_size);
}

const struct map_ops hashtab_ops = {
	.name = "hash",
	.alloc_check = hash_alloc_check,
	.layout = hash_layout,
	.init = hash_init,
	.open = hash_open,
	.lookup = htab_lookup,
	.update = htab_update,
	.delete = htab_delete,
	.lookup_and_delete = htab_lookup_and_delete,
	.next_key = htab_next_key,
	.lookup_batch = htab_lookup_batch,
	.lookup_and_delete_batch = htab_lookup_and_delete_batch,
	.update_batch = map_generic_update_batch,
	.delete_batch = map_generic_delete_batch,
	.obj_value = MAP_VALUE_PLAIN,
	.value_ptr = htab_value_ptr,
	.next_elem = htab_next_elem,
	.gc = htab_gc,
	.memlock = htab_memlock,
};
