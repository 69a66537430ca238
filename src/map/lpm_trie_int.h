// SPDX-License-Identifier: BSD-2-Clause
/*
 * The longest-prefix-match trie: its layout, and what reading and changing share.
 *
 *     ctl.lo = tag:32 | count:32      ctl.hi = link to the root
 *     link   = seq:32 | node:32       node NIL: none
 *
 *     hdr->priv: ctl, nodes that have memory     data: | hint bitmap | nodes: a pool |
 *
 * A node never changes once it can be reached: every update copies the nodes
 * on its path in private, from the root down to where the change is, shares
 * all others, and publishes the new root, together with the number of
 * elements, by one swap of ctl. So
 *
 *  - ENOSPC, EEXIST and ENOENT are exact, and a reader walks a trie of one
 *    moment: nothing can be half done;
 *  - who loses the swap gives its private nodes back and begins again;
 *  - who wins frees the nodes it has replaced; they, too, are exactly those
 *    of its path. If it dies first, the pool's sweep finds them: a node is in
 *    use if the walk along its own prefix meets it.
 *
 * Nodes are reused while readers stand on them. A node's seq moves on before
 * anything else in it is written, and every link carries it: a reader that
 * finds another one after reading begins again at the root.
 *
 * A node either holds an element or has two children; a delete keeps it so.
 * Hence max_entries elements take at most 2 * max_entries - 1 nodes; the pool
 * has more for the paths that are being copied.
 *
 * An operation has many private nodes. They are listed in process-local
 * memory (struct lpm_path), each before it is claimed, so that an operation
 * that was left can be settled. Once the root is swapped, others may replace
 * and reuse these nodes at any moment: only what was noted in the list, not
 * what the node says, tells how to go on.
 */
#ifndef PINFS_MAP_LPM_TRIE_INT_H
#define PINFS_MAP_LPM_TRIE_INT_H

#include "map/map.h"
#include "shm/pool.h"

#define LPM_DATA_MAX 256u
#define LPM_WORDS    (LPM_DATA_MAX / 8)

/* A key with its data in whole big-endian-comparable words, zero behind. */
struct lpm_key {
	u32 plen;
	u64 data[LPM_WORDS];
};

struct lpm_node {
	struct pair own; /* the pool's */
	u32 seq;
	u32 plen; /* with NODE_* flags */
	u64 child[2];
	u64 data[]; /* words of the key, then the value */
};

/* The private nodes of an operation. */
struct lpm_step {
	struct pool_mine mine;
	u32 old;      /* the node that it replaces, or NIL, and that one's owner word before */
	bool dropped; /* not needed after all */
	u64 old_own;
};

struct lpm_path {
	u32 n;
	struct lpm_step step[8 * LPM_DATA_MAX + 8];
};

#define NODE_VALUED 0x80000000u
#define NODE_PLEN   0x0000ffffu

/* In hdr->priv. */
struct lpm_words {
	struct pair ctl;
	u32 backed;
};

/* In m->priv. */
struct lpm {
	struct pool pool;
	struct pair *ctl;
	u32 words; /* of data in a node */
	u32 data_len, max_plen;
};

/* op->claim[] */
enum { LPM_OF, LPM_PATH };

static inline struct lpm *lpm_of(const struct bpf_map *m)
{
	return (struct lpm *)&m->priv;
}

#define LINK_NODE(l) ((u32)(l))
#define LINK_SEQ(l)  ((u32)((l) >> 32))
#define LINK_NONE    ((u64)NIL)
#define LPM_COUNT(c) ((u32)(c).lo)

static inline struct lpm_node *lpm_node(const struct lpm *t, u32 i)
{
	return (struct lpm_node *)pool_block(&t->pool, i);
}

static inline u8 *lpm_value(const struct lpm *t, struct lpm_node *n)
{
	return (u8 *)(n->data + t->words);
}

/* What a walk needs of a node, read and found to be of one incarnation. */
struct lpm_seen {
	u32 plen;
	bool valued;
	u64 child[2];
	u32 match; /* bits that the key and the node's prefix share, at most the shorter of both */
};

/* 0; 1: the node has been reused, begin again; -EIO. */
int lpm_read(const struct lpm *t, u64 link, const struct lpm_key *k, struct lpm_seen *s);

/*
 * What err of a walk that began at ctl means: to begin again (1) is only right
 * when the trie has changed since; what can be reached is never reused.
 */
static inline int lpm_verdict(const struct lpm *t, struct pair ctl, int err)
{
	return err > 0 && load64(&t->ctl->lo) == ctl.lo ? -EIO : err;
}

/* Copies a client's key. -EINVAL: longer than the trie's. */
int lpm_key_in(const struct lpm *t, const void *key, struct lpm_key *k);

static inline u32 lpm_bit(const struct lpm_key *k, u32 i)
{
	return ((const u8 *)k->data)[i / 8] >> (7 - i % 8) & 1;
}

void lpm_recover(struct op *old, struct op *now);
int lpm_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags);
int lpm_delete(struct op *op, struct bpf_map *m, const void *key);

#endif
