// SPDX-License-Identifier: BSD-2-Clause
/*
 * BPF_MAP_TYPE_LPM_TRIE: creation, opening, lookups and the walk. See lpm_trie_int.h.
 *
 * Everything here only reads. A walk goes down by ever longer prefixes, so it
 * ends after max_plen steps whatever the file holds.
 */
#include "map/lpm_trie_int.h"
#include "map/map_ops.h"
#include "map/map_stubs.h"
#include <string.h>

#define KEY_MIN   5u
#define KEY_MAX   (4u + LPM_DATA_MAX)
#define VALUE_MAX ((4u << 20) - LPM_DATA_MAX - 24) /* what the kernel can allocate in one piece */
#define BYTES_MAX (1ull << 39)                     /* of nodes: more than any machine has memory */
#define PATHS     16u                              /* updates that may be under way at once, at least */
#define EAGER                                                                                                \
	(4u << 20) /* bytes: up to here memory is taken rather than a search made for what the dead left */
#define CHUNK    (16u << 10)
#define RESTARTS 1000000u

struct lpm_shape {
	u64 nodes, end;
	u32 n, stride, words;
};

static void shape_of(struct lpm_shape *s, u32 key_size, u32 value_size, u32 max_entries)
{
	u64 most = 2 * (u64)max_entries, path = MIN(8 * (key_size - 4) + 3, most + 3), n;

	s->words = (key_size - 4 + 7) / 8;
	s->stride = ROUND_UP((u32)sizeof(struct lpm_node) + s->words * 8 + value_size, 16u);
	n = MIN(most + PATHS * path, BYTES_MAX / s->stride);
	s->n = (u32)MIN(n, NIL - 1);
	s->nodes = ROUND_UP(hint_size(s->n), (u64)PAGE);
	s->end = s->nodes + (u64)s->n * s->stride;
}

static int trie_alloc_check(struct map_attr *a)
{
	if (!a->max_entries || !(a->map_flags & BPF_F_NO_PREALLOC) || a->key_size < KEY_MIN ||
	    a->key_size > KEY_MAX || !a->value_size || a->value_size > VALUE_MAX)
		return -EINVAL;
	return 0;
}

/* Nothing is reserved: the first update takes the first memory. */
static int trie_layout(const struct map_attr *a, struct map_layout *l)
{
	struct lpm_shape s;

	shape_of(&s, a->key_size, a->value_size, a->max_entries);
	l->data_size = s.end;
	l->reserve = 0;
	return 0;
}

static int trie_init(struct bpf_map *m, const struct map_attr *a)
{
	((struct lpm_words *)m->hdr->priv)->ctl = (struct pair){ 0, LINK_NONE };
	return 0;
}

/* Is node b reachable? Then the walk along its own prefix meets it. */
static bool node_in_use(struct op *op, const struct pool *p, u32 b, u32 holder, bool abandoned)
{
	const struct lpm *t = container_of((struct pool *)p, struct lpm, pool);
	struct lpm_node *node = lpm_node(t, b);
	struct lpm_key k;

	k.plen = __atomic_load_n(&node->plen, __ATOMIC_RELAXED) & NODE_PLEN;
	if (k.plen > t->max_plen)
		return false; /* never filled, or damaged */
	shared_copy(k.data, node->data, t->words * 8);
	for (u32 tries = 0; tries < 1000; tries++) {
		struct pair ctl = pair_load(t->ctl);
		u64 link = ctl.hi;
		s64 above = -1;
		int err = 0;

		while (LINK_NODE(link) != NIL) {
			struct lpm_seen s;

			if (LINK_NODE(link) == b)
				return true;
			err = lpm_read(t, link, &k, &s);
			if (err)
				break;
			if (s.match < s.plen || s.plen >= k.plen)
				return false;
			if ((s64)s.plen <= above)
				return true;
			above = s.plen;
			link = s.child[lpm_bit(&k, s.plen)];
		}
		err = lpm_verdict(t, ctl, err);
		if (err <= 0)
			return err < 0; /* damaged: nothing is freed */
	}
	return true;
}

static s64 back_nodes(const struct pool *p, u32 n)
{
	const struct lpm *t = container_of((struct pool *)p, struct lpm, pool);
	const struct bpf_map *m = container_of((void *)t, struct bpf_map, priv);
	u32 have = MIN(load32(p->backed), p->n);
	u64 to = MIN(MAX((u64)n, (u64)have + MAX(CHUNK / p->stride, have / 4)), p->n);

	if (map_back(m, &p->hints[have / 64], &p->hints[to / 64 + 1]) ||
	    map_back(m, pool_block(p, have), pool_block(p, (u32)to)))
		return -ENOMEM;
	return (s64)to;
}

static int trie_open(struct bpf_map *m)
{
	struct lpm_words *w = (struct lpm_words *)m->hdr->priv;
	struct lpm *t = lpm_of(m);
	struct lpm_shape s;

	_Static_assert(sizeof(*t) <= sizeof(m->priv), "fits");
	shape_of(&s, m->key_size, m->value_size, m->max_entries);
	if (s.end > m->view.data_size)
		return -EIO;
	*t = (struct lpm){
		.pool = {
			.base = m->data + s.nodes,
			.hints = (u64 *)m->data,
			.backed = &w->backed,
			.n = s.n,
			.stride = s.stride,
			.eager = MIN(EAGER / s.stride, s.n),
			.in_use = node_in_use,
			.back = back_nodes,
		},
		.ctl = &w->ctl,
		.words = s.words,
		.data_len = m->key_size - 4,
		.max_plen = 8 * (m->key_size - 4),
	};
	return 0;
}

int lpm_key_in(const struct lpm *t, const void *key, struct lpm_key *k)
{
	memcpy(&k->plen, key, 4);
	k->data[t->words - 1] = 0;
	memcpy(k->data, (const u8 *)key + 4, t->data_len);
	return k->plen > t->max_plen ? -EINVAL : 0;
}

/* Leading bits that both have in common, at most max. */
static u32 common_bits(const u64 *shared, const u64 *key, u32 words, u32 max)
{
	for (u32 i = 0; i < words && i * 64 < max; i++) {
		u64 differ = __builtin_bswap64(__atomic_load_n(&shared[i], __ATOMIC_RELAXED) ^ key[i]);

		if (differ)
			return MIN(i * 64 + (u32)__builtin_clzll(differ), max);
	}
	return max;
}

int lpm_read(const struct lpm *t, u64 link, const struct lpm_key *k, struct lpm_seen *s)
{
	u32 i = LINK_NODE(link), plen;
	const struct lpm_node *n;

	if (i >= t->pool.n)
		return -EIO;
	n = lpm_node(t, i);
	plen = __atomic_load_n(&n->plen, __ATOMIC_RELAXED);
	s->valued = plen & NODE_VALUED;
	s->plen = plen &= NODE_PLEN;
	s->child[0] = load64(&n->child[0]);
	s->child[1] = load64(&n->child[1]);
	s->match = plen > t->max_plen ? 0 : common_bits(n->data, k->data, t->words, MIN(plen, k->plen));
	read_order();
	if (unlikely(load32(&n->seq) != LINK_SEQ(link)))
		return 1;
	return plen > t->max_plen ? -EIO : 0;
}

/* Copies the value of the node at the end of link: 0, or 1 to begin again. */
static int copy_value(const struct lpm *t, u64 link, void *value, u32 size)
{
	struct lpm_node *n = lpm_node(t, LINK_NODE(link));

	shared_copy(value, lpm_value(t, n), size);
	read_order();
	return load32(&n->seq) != LINK_SEQ(link);
}

/* The longest prefix of k in the trie below link: its link, or none. */
static int longest(const struct lpm *t, u64 link, const struct lpm_key *k, u64 *found)
{
	s64 above = -1;

	*found = LINK_NONE;
	while (LINK_NODE(link) != NIL) {
		struct lpm_seen s;
		int err = lpm_read(t, link, k, &s);

		if (err)
			return err;
		if ((s64)s.plen <= above)
			return -EIO;
		if (s.match < s.plen)
			break;
		if (s.valued)
			*found = link;
		if (s.plen >= k->plen)
			break;
		above = s.plen;
		link = s.child[lpm_bit(k, s.plen)];
	}
	return 0;
}

static int trie_lookup(struct op *op, struct bpf_map *m, const void *key, void *value, u64 flags)
{
	const struct lpm *t = lpm_of(m);
	struct lpm_key k;
	u64 found;

	if (lpm_key_in(t, key, &k))
		return -ENOENT;
	for (u32 tries = 0; tries < RESTARTS; tries++) {
		struct pair ctl = pair_load(t->ctl);
		int err = longest(t, ctl.hi, &k, &found);

		if (!err && LINK_NODE(found) == NIL)
			return -ENOENT;
		if (!err)
			err = copy_value(t, found, value, m->value_size);
		err = lpm_verdict(t, ctl, err);
		if (err <= 0)
			return err;
	}
	return -EIO;
}

/* Updates copy the nodes of their path: what is written through an address while that happens may be lost. */
static void *trie_value_ptr(struct op *op, struct bpf_map *m, const void *key, u32 cpu)
{
	const struct lpm *t = lpm_of(m);
	struct lpm_key k;
	u64 found;

	if (lpm_key_in(t, key, &k))
		return NULL;
	for (u32 tries = 0; tries < RESTARTS; tries++) {
		struct pair ctl = pair_load(t->ctl);
		int err = lpm_verdict(t, ctl, longest(t, ctl.hi, &k, &found));

		if (!err)
			return LINK_NODE(found) == NIL ? NULL : lpm_value(t, lpm_node(t, LINK_NODE(found)));
		if (err < 0)
			return NULL;
	}
	return NULL;
}

/* ---- the walk: children before their parent, the 0 side first ---- */

/* The first element of the subtree: 0, 1 to begin again, -EIO. */
static int leftmost(const struct lpm *t, u64 link, u64 *found)
{
	static const struct lpm_key any;
	s64 above = -1;

	*found = LINK_NONE;
	while (LINK_NODE(link) != NIL) {
		struct lpm_seen s;
		int err = lpm_read(t, link, &any, &s);

		if (err)
			return err;
		if ((s64)s.plen <= above)
			return -EIO;
		above = s.plen;
		if (s.valued)
			*found = link;
		link = LINK_NODE(s.child[0]) != NIL ? s.child[0] : s.child[1];
	}
	return 0;
}

/*
 * What follows the element k. On the way down to it each node is remembered
 * that comes after it: the other side, when the way goes to the 0 side, else
 * the node itself if it has an element. The last one remembered is next.
 */
static int successor(const struct lpm *t, u64 root, const struct lpm_key *k, u64 *found)
{
	u64 link = root, side = LINK_NONE, self = LINK_NONE;
	struct lpm_seen s;
	s64 above = -1;
	int err;

	for (;;) {
		u32 bit;

		if (LINK_NODE(link) == NIL)
			return leftmost(t, root, found); /* k is not there: the first of all */
		err = lpm_read(t, link, k, &s);
		if (err)
			return err;
		if ((s64)s.plen <= above)
			return -EIO;
		above = s.plen;
		if (s.match < s.plen || s.plen >= k->plen)
			break;
		bit = lpm_bit(k, s.plen);
		if (!bit && LINK_NODE(s.child[1]) != NIL) {
			side = s.child[1];
			self = LINK_NONE;
		} else if (s.valued) {
			self = link;
			side = LINK_NONE;
		}
		link = s.child[bit];
	}
	if (s.match < s.plen || s.plen != k->plen || !s.valued)
		return leftmost(t, root, found);
	*found = self;
	return LINK_NODE(side) != NIL ? leftmost(t, side, found) : 0;
}

/* The node's key for the client. */
static int copy_key(const struct lpm *t, u64 link, void *next)
{
	struct lpm_node *n = lpm_node(t, LINK_NODE(link));
	u32 plen = __atomic_load_n(&n->plen, __ATOMIC_RELAXED) & NODE_PLEN;
	struct lpm_key k;

	shared_copy(k.data, n->data, t->words * 8);
	read_order();
	if (load32(&n->seq) != LINK_SEQ(link))
		return 1;
	memcpy(next, &plen, 4);
	memcpy((u8 *)next + 4, k.data, t->data_len);
	return 0;
}

static int trie_next_key(struct op *op, struct bpf_map *m, const void *key, void *next)
{
	const struct lpm *t = lpm_of(m);
	struct lpm_key k;
	bool first = !key || lpm_key_in(t, key, &k);

	for (u32 tries = 0; tries < RESTARTS; tries++) {
		struct pair ctl = pair_load(t->ctl);
		u64 found;
		int err = first ? leftmost(t, ctl.hi, &found) : successor(t, ctl.hi, &k, &found);

		if (!err && LINK_NODE(found) == NIL)
			return -ENOENT;
		if (!err)
			err = copy_key(t, found, next);
		err = lpm_verdict(t, ctl, err);
		if (err <= 0)
			return err;
	}
	return -EIO;
}

/* The kernel counts what it has allocated: nothing yet. */
static u64 trie_memlock(const struct map_attr *a)
{
	return 0;
}

const struct map_ops lpm_trie_ops = {
	.name = "lpm_trie",
	.alloc_check = trie_alloc_check,
	.layout = trie_layout,
	.init = trie_init,
	.open = trie_open,
	.lookup = trie_lookup,
	.update = lpm_update,
	.delete = lpm_delete,
	.lookup_and_delete = map_no_lookup_ENOTSUPP,
	.next_key = trie_next_key,
	.lookup_batch = map_generic_lookup_batch,
	.lookup_and_delete_batch = map_no_batch_ENOTSUPP,
	.update_batch = map_generic_update_batch,
	.delete_batch = map_generic_delete_batch,
	.obj_value = MAP_VALUE_PLAIN,
	.value_ptr = trie_value_ptr,
	.memlock = trie_memlock,
};
