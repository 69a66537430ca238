// SPDX-License-Identifier: BSD-2-Clause
/*
 * The hash table that hash, per-CPU hash, LRU and hash-of-maps share: its memory and its states.
 *
 * Nobody waits for anybody: every change is prepared in private and published
 * by one swap of a tagged pair (shm/tagged.h); what takes two swaps leaves, in
 * between, a state that any other process understands and finishes.
 *
 * Layout of the data area. Zeroed memory is an empty table, and all geometry
 * follows from the map's attributes, so nothing here has to be believed:
 *
 *   heads[nb]   lo = tag:64                         hi = link to the first entry
 *   hints       bitmaps: free entries, free blocks
 *   ents[n]     64 bytes each:
 *      s        lo = gen:32 | tag:29 | state:3      hi = value, or block index
 *      next     lo = gen:32 | count:31 | mark:1     hi = link to the next entry
 *      key      lo = gen:32                         hi = key, or hash of a long key
 *      ref      LRU: used since the hand last came by
 *   blocks      struct block (shm/pool.h): long key, padded to 8; value
 *
 *   link = gen:32 | index + 1:32, 0: none. A link whose gen is not that of the
 *   entry's s is stale: start again.
 *
 * A key of up to 8 bytes stands in the entry, and so does a value of up to 8
 * beside such a key; else there are blocks.
 *
 * States of an entry, and who moves it on:
 *
 *   FREE ----> CLAIMED ----> LIVE <---> DYING ----> DEAD ----> FREE, gen + 1
 *     ^ claim     |   link,   |  delete    |  delete    unlink,
 *     |           |   help    +------------+  (LRU: from LIVE at once)
 *     +-----------+ abort, gen + 1
 *
 *   CLAIMED  the inserter's, written in steps, each of which proves by s that
 *            the claim still stands. Met in a chain it is present: whoever
 *            meets it makes it LIVE. Anyone may take back one that is not
 *            linked (htab_abort).
 *   DYING    still present; says that `full` is about to be cleared.
 *   DEAD     absent. Whoever meets it in a chain marks its next word, so that
 *            nothing is linked behind it any more, unlinks it and frees it.
 *
 * `full` makes E2BIG exact and cheap. A scan that has found every entry LIVE
 * stores FULL, if `full` still is as at its start; a delete clears it after
 * DYING and before DEAD. So FULL implies that every entry is still present,
 * wherever a deleter was stopped or killed.
 *
 *   full = version:62 | NONE, SCANNING, FULL:2
 *
 * An operation notes in op->claim what it is about to claim: [0] the map,
 * [1] the entry + 1; where values are references, [2] the word that is about
 * to be replaced or removed, [3] the word that is to be stored. An LRU map,
 * which has none, says in [2] that it is evicting.
 */
#ifndef PINFS_MAP_HASHTAB_INT_H
#define PINFS_MAP_HASHTAB_INT_H

#include "map/map.h"
#include "shm/pool.h"
#include "shm/tagged.h"

#define HTAB_MAX_BUCKETS (1u << 27)

enum htab_state { ENT_FREE, ENT_CLAIMED, ENT_LIVE, ENT_DYING, ENT_DEAD };
enum htab_full { FULL_NONE, FULL_SCANNING, FULL_SET, FULL_MASK };

struct ent {
	struct pair s, next, key;
	u64 ref, pad;
};
_Static_assert(sizeof(struct ent) == 64, "one cache line");

/* The shared words in the object's header. */
struct htab_words {
	u64 seed;
	u64 full;
	u64 hand;        /* LRU: where the clock stands */
	u64 next_ref;    /* hash of maps: last number given to a reference */
	u32 ents_backed; /* entries and blocks that have memory */
	u32 blocks_backed;
};

enum htab_keys { KEYS_4, KEYS_8, KEYS_SHORT, KEYS_LONG };

/* Process-local, in bpf_map.priv. */
struct htab {
	struct pair *heads;
	struct ent *ents;
	u64 *hints;
	struct htab_words *words;
	struct pool pool; /* n == 0: values are in the entries */
	u64 seed;
	u32 n, mask;
	u32 key_size;
	u32 vlen; /* bytes stored per value */
	u32 vin;  /* bytes of them that bpf(2) brings; the rest is zero */
	u32 vout; /* bytes of them that bpf(2) shows */
	u32 vpad; /* zeros that it shows behind them: CPUs that the map does not know */
	u32 voff; /* of the value in a block */
	s32 lock_off;
	u8 keys; /* enum htab_keys */
	u8 path; /* which lookup is made for this shape, see hashtab_read.c */
	bool in_place, lru;
	/* A value has been replaced or removed, and this was its first word. */
	void (*dropped)(struct bpf_map *m, u64 word);
};
_Static_assert(sizeof(struct htab) <= sizeof(((struct bpf_map *)0)->priv), "fits the process-local words");

static inline struct htab *htab_of(struct bpf_map *m)
{
	return (struct htab *)&m->priv;
}

static inline struct bpf_map *htab_map(const struct htab *h)
{
	return container_of((void *)h, struct bpf_map, priv);
}

/* ---- words ---- */

#define GEN(lo)   ((u32)((lo) >> 32))
#define STATE(lo) ((u32)((lo)&7))
#define MARK      1ull

/* Every entry is present: an insert must fail. */
static inline bool htab_is_full(const struct htab *h)
{
	return !h->lru && (load64(&h->words->full) & FULL_MASK) == FULL_SET;
}

static inline bool ent_present(u64 s_lo)
{
	return STATE(s_lo) >= ENT_CLAIMED && STATE(s_lo) <= ENT_DYING;
}

/* The next s word of the same generation, or of the next one, FREE. */
static inline u64 s_next(u64 lo, enum htab_state st)
{
	return (lo & ~0xffffffffull) | ((lo + 8) & 0xfffffff8ull) | st;
}

static inline u64 s_freed(u64 lo)
{
	return (u64)(u32)(GEN(lo) + 1) << 32 | ((lo + 8) & 0xfffffff8ull) | ENT_FREE;
}

static inline u64 next_word(u64 lo, u32 gen, u64 mark)
{
	return (u64)gen << 32 | ((lo + 2) & 0xfffffffeull) | mark;
}

static inline u64 link_to(u32 gen, u32 i)
{
	return (u64)gen << 32 | (i + 1);
}

/* NIL, which no table has as an index, when there is no entry. */
static inline u32 link_index(u64 link)
{
	return (u32)link - 1;
}

/* ---- keys ---- */

struct htab_key {
	u64 word;          /* the key itself, or the hash of a long one */
	const void *bytes; /* long keys */
	u32 bucket;
};

/* Unaligned. Not by memcpy into a wider word: reading that back at once would stall. */
static inline u32 read32(const void *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline u64 read64(const void *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* One wide multiplication, folded: both halves depend on every bit of both factors. */
static inline u64 htab_fold(u64 a, u64 b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (u64)p ^ (u64)(p >> 64);
}

static inline u64 htab_mix(const struct htab *h, u64 word)
{
	return htab_fold(word ^ h->seed, 0x9e3779b97f4a7c15ull);
}

static inline u32 htab_bucket(const struct htab *h, u64 word)
{
	return (u32)(h->keys == KEYS_LONG ? word : htab_mix(h, word)) & h->mask;
}

u64 htab_hash_long(const struct htab *h, const void *key);
u64 htab_short_word(const void *key, u32 size);

/* keys: h->keys, or a constant that is known to be equal. */
static inline __attribute__((always_inline)) void htab_key_as(const struct htab *h, u8 keys,
							      struct htab_key *k, const void *key)
{
	k->bytes = key;
	switch (keys) {
	case KEYS_4: k->word = read32(key); break;
	case KEYS_8: k->word = read64(key); break;
	case KEYS_SHORT: k->word = htab_short_word(key, h->key_size); break;
	default: k->word = htab_hash_long(h, key); break;
	}
	k->bucket = (u32)(keys == KEYS_LONG ? k->word : htab_mix(h, k->word)) & h->mask;
}

static inline void htab_key_set(const struct htab *h, struct htab_key *k, const void *key)
{
	htab_key_as(h, h->keys, k, key);
}

/* Does the long key of block b equal these bytes? The caller checks s afterwards. */
static inline bool htab_block_key_is(const struct htab *h, u32 b, const void *bytes)
{
	return shared_equal(pool_block(&h->pool, b)->data, bytes, h->key_size);
}

static inline u8 *htab_block_value(const struct htab *h, u32 b)
{
	return pool_block(&h->pool, b)->data + h->voff;
}

/* ---- values that are references ---- */

/* The first word of the value that s.hi stands for. */
static inline u64 htab_first_word(const struct htab *h, u64 hi)
{
	if (h->in_place)
		return hi;
	return (u32)hi < h->pool.n ? load64((u64 *)htab_block_value(h, (u32)hi)) : 0;
}

/* Around the swap that takes a value out of the table: the word is known before, and dropped after. */
static inline void htab_before_drop(struct op *op, const struct htab *h, u64 hi)
{
	if (unlikely(h->dropped)) {
		op->claim[2] = htab_first_word(h, hi);
		barrier();
	}
}

static inline void htab_after_drop(struct op *op, struct htab *h)
{
	if (unlikely(h->dropped)) {
		h->dropped(htab_map(h), op->claim[2]);
		barrier();
		op->claim[2] = 0;
	}
}

/* ---- hashtab_find.c: chains, for those who change them ---- */

struct htab_pos {
	struct pair head; /* of the bucket, when the walk began */
	struct pair s;    /* of the entry found */
	u32 bucket, i;
};

/* 1: found, 0: absent, or a negative errno. Finishes what it meets. */
int htab_find(struct op *op, struct htab *h, const struct htab_key *k, struct htab_pos *r);
/* A FREE entry becomes CLAIMED with `hi`: 0, -E2BIG, -ENOMEM, -EBUSY, -EIO. */
struct htab_claim {
	u32 i;
	struct pair s;
};
int htab_claim(struct op *op, struct htab *h, u64 hi, struct pool_mine *mine, struct htab_claim *c);
/* Takes back a claim: one's own as last seen, or anybody's. */
void htab_unclaim(struct op *op, struct htab *h, struct htab_claim *c);
void htab_abort(struct op *op, struct htab *h, u32 i);
/* Walks the bucket to entry i: 1 met (and settled), 0 not linked. */
int htab_walk_to(struct op *op, struct htab *h, u32 bucket, u32 i);
/* Frees a DEAD entry that is linked nowhere. */
void htab_free_ent(struct op *op, struct htab *h, u32 i, struct pair s);
/* Before an entry that is DYING becomes DEAD. */
void htab_not_full(struct htab *h);

/* ---- hashtab_lru.c ---- */

int htab_evict(struct op *op, struct htab *h, u64 hi, struct pool_mine *mine, struct htab_claim *c);
/* FREE becomes CLAIMED: 1, 0 when it is not FREE, -EIO. (hashtab_find.c) */
int htab_try_claim(struct op *op, struct htab *h, u32 i, u64 hi, struct pool_mine *mine,
		   struct htab_claim *c);
/* Frees an entry that is DEAD, or CLAIMED for too long. */
void htab_reclaim(struct op *op, struct htab *h, u32 i);
/* That for the whole table: how many. A reference that an entry named is the store's to find. */
u32 htab_gc(struct op *op, struct bpf_map *m);

/* ---- hashtab.c ---- */

int htab_alloc_check(const struct map_attr *a);
u64 htab_memlock(const struct map_attr *a);
int htab_layout(const struct map_attr *a, u32 vlen, struct map_layout *l);
int htab_init(struct bpf_map *m, const struct map_attr *a, u32 vlen);
int htab_open(struct bpf_map *m, u32 vlen);

/*
 * After htab_open of a per-CPU type: bpf(2) moves the values of this machine's
 * possible CPUs, which may be more or fewer than the map was made for.
 */
void htab_show_cpus(struct bpf_map *m);

int htab_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags);
/* The same, in an operation that has begun. */
int htab_put(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags);
int htab_delete(struct op *op, struct bpf_map *m, const void *key);
int htab_lookup_and_delete(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags);
/* Turns a present entry, as seen in s, DEAD: true when it was this call. */
bool htab_kill(struct htab *h, u32 i, struct pair s);
void htab_begin(struct op *op, struct bpf_map *m);

/* ---- hashtab_read.c ---- */

/* The fastest lookup for the shape; to be called when the shape is known. */
void htab_choose_path(struct htab *h);
int htab_lookup(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags);
int htab_next_key(struct op *op, struct bpf_map *m, const void *key, void *next);
/* Where the value lies, for programs; NULL when the key is absent. Sets the reference bit of an LRU map. */
void *htab_lookup_ptr(struct op *op, struct bpf_map *m, const void *key);
/* What entry i holds, if it is present: its value's first word. */
bool htab_peek(struct htab *h, u32 i, u64 *word);
/* Copies of key and value of an entry of a moment: false when it has changed since s. */
bool htab_copy_key(struct htab *h, u32 i, u64 s_lo, u64 s_hi, u64 word, void *key);
bool htab_copy_value(struct htab *h, u32 i, u64 s_lo, u64 s_hi, void *value);

/* ---- hashtab_prog.c: for programs, see struct map_ops ---- */

void *htab_value_ptr(struct op *op, struct bpf_map *m, const void *key, u32 cpu);
void *htab_percpu_value_ptr(struct op *op, struct bpf_map *m, const void *key, u32 cpu);
int htab_next_elem(struct op *op, struct bpf_map *m, u32 *at, u32 cpu, struct map_elem *e);
int htab_percpu_next_elem(struct op *op, struct bpf_map *m, u32 *at, u32 cpu, struct map_elem *e);
int htab_update_cpu(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags, u32 cpu);

/* ---- hashtab_batch.c ---- */

int htab_lookup_batch(struct op *op, struct bpf_map *m, struct map_batch *b);
int htab_lookup_and_delete_batch(struct op *op, struct bpf_map *m, struct map_batch *b);

#endif
