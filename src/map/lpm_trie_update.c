// SPDX-License-Identifier: BSD-2-Clause
/*
 * Changing the trie: copy the path, swap the root. See lpm_trie_int.h.
 *
 *     root --> A --> B --> C          insert below B:
 *               \     \               root'--> A'--> B'--> new
 *                D     E                        \     \
 *                                                D     E      (shared)
 *
 * One attempt begins with a look at ctl and ends with a swap of it from that
 * very value, so whatever was read and shared meanwhile was in the trie all
 * the time. `hole` is where the link to the copied or new node has to go: the
 * new root, or a child of the last copy.
 */
#include "map/lpm_trie_int.h"
#include "util/raw.h"
#include <string.h>
#include <sys/mman.h>

/* One attempt. */
struct change {
	struct op *op;
	struct bpf_map *m;
	struct lpm *t;
	struct lpm_key key;
	const void *value;
	u64 flags;

	struct pair ctl; /* as seen at the beginning */
	u64 root;        /* what it shall be */
	u64 *hole, *hole_above;
	struct lpm_path *path;
	struct lpm_node *last; /* the last copy, whose child hole is, or NULL */
	u32 last_step;         /* its place in the list */
	u32 gone;              /* a node that goes without being replaced, or NIL */
	struct pair gone_own;
};

#define AGAIN 1

/* Fields of nodes are shared, even private ones: a late reader may still look at them. */
#define GET(field)    __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define SET(field, v) __atomic_store_n(&(field), v, __ATOMIC_RELAXED)

/* ---- private nodes ---- */

/* This level's list, empty. NULL: no memory. */
static struct lpm_path *path_get(struct op *op)
{
	void **at = &op->actor->scratch[op->level], *p = *at;

	if (!p) {
		p = raw_mmap(NULL, ROUND_UP(sizeof(struct lpm_path), PAGE), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (IS_ERR(p))
			return NULL;
		*at = p;
	}
	((struct lpm_path *)p)->n = 0;
	return p;
}

/* A private node, noted in the list, to replace `old` (or NIL). Its seq has moved on. */
static int node_new(struct change *c, u32 old, u64 *link)
{
	struct lpm_step *s = &c->path->step[c->path->n];
	struct lpm_node *n;
	int err;

	if (c->path->n == ARRAY_SIZE(c->path->step))
		return -EIO;
	*s = (struct lpm_step){ .mine = { .b = NIL }, .old = old };
	if (old != NIL)
		s->old_own = pool_owner(&c->t->pool, old).lo;
	barrier();
	c->path->n++;
	barrier();
	err = pool_get(c->op, &c->t->pool, 0, &s->mine);
	if (err) {
		s->mine.b = NIL;
		return err;
	}
	c->op->slot = NIL; /* the list names it */
	n = lpm_node(c->t, s->mine.b);
	SET(n->seq, GET(n->seq) + 1);
	write_order();
	*link = (u64)GET(n->seq) << 32 | s->mine.b;
	return 0;
}

static void node_set(struct lpm_node *n, u32 plen, u64 child0, u64 child1)
{
	SET(n->plen, plen);
	SET(n->child[0], child0);
	SET(n->child[1], child1);
}

/* Not published: all private nodes go back. */
static void drop_private(struct change *c)
{
	for (; c->path->n; c->path->n--) {
		struct lpm_step *s = &c->path->step[c->path->n - 1];

		if (s->mine.b != NIL)
			pool_put(c->op, &c->t->pool, &s->mine);
	}
}

/* Frees a node that the swap has taken out; lo: its owner word's version before. */
static void free_old(struct change *c, u32 b, u64 lo)
{
	struct pair now = pool_owner(&c->t->pool, b);

	pool_take(c->op, &c->t->pool, b, 0, (struct pair){ lo, now.lo == lo ? now.hi : 0 });
}

/* The swap has been made: private nodes are public, those they replace are free. */
static void settle(struct change *c)
{
	for (; c->path->n; c->path->n--) {
		struct lpm_step *s = &c->path->step[c->path->n - 1];

		if (s->dropped)
			pool_put(c->op, &c->t->pool, &s->mine);
		else
			pool_publish(c->op, &c->t->pool, &s->mine);
		if (s->old != NIL)
			free_old(c, s->old, s->old_own);
	}
	if (c->gone != NIL)
		free_old(c, c->gone, c->gone_own.lo);
}

/* The operation was left: each of its nodes is either in the trie or free. (This may itself be left and begun
 * again.) */
void lpm_recover(struct op *old, struct op *now)
{
	struct lpm *t = (struct lpm *)old->claim[LPM_OF];
	struct lpm_path *path = (struct lpm_path *)old->claim[LPM_PATH];

	now->budget = 20l * t->pool.n + 200000;
	for (u32 i = 0; i < path->n && i < ARRAY_SIZE(path->step); i++) {
		old->slot = path->step[i].mine.b;
		pool_recover(old, now, &t->pool);
	}
	path->n = 0;
}

/* ---- the way down ---- */

/* Copies node `link` (seen as s) into the hole and goes on below it, on side `bit`. */
static int copy_node(struct change *c, u64 link, const struct lpm_seen *s, u32 bit)
{
	struct lpm_node *from = lpm_node(c->t, LINK_NODE(link)), *n;
	u64 copy;
	int err = node_new(c, LINK_NODE(link), &copy);

	if (err)
		return err;
	n = lpm_node(c->t, LINK_NODE(copy));
	shared_copy(n->data, from->data, c->t->words * 8 + (s->valued ? c->m->value_size : 0));
	node_set(n, s->plen | (s->valued ? NODE_VALUED : 0), s->child[0], s->child[1]);
	SET(*c->hole, copy);
	c->hole_above = c->hole;
	c->hole = &n->child[bit];
	c->last = n;
	c->last_step = c->path->n - 1;
	return 0;
}

/*
 * Goes down to where the key is or would be, copying what it passes. *link:
 * the node there (seen as s), or none.
 */
static int descend(struct change *c, u64 *link, struct lpm_seen *s)
{
	s64 above = -1;

	*link = c->ctl.hi;
	while (LINK_NODE(*link) != NIL) {
		u32 bit;
		int err = lpm_read(c->t, *link, &c->key, s);

		if (!err && (s64)s->plen <= above)
			err = AGAIN;
		if (err)
			return lpm_verdict(c->t, c->ctl, err);
		above = s->plen;
		if (s->match < s->plen || s->plen >= c->key.plen)
			return 0;
		bit = lpm_bit(&c->key, s->plen);
		err = copy_node(c, *link, s, bit);
		if (err)
			return err;
		*link = s->child[bit];
	}
	return 0;
}

static void begin(struct change *c)
{
	c->ctl = pair_load(c->t->ctl);
	c->root = c->ctl.hi;
	c->hole = &c->root;
	c->hole_above = NULL;
	c->last = NULL;
	c->gone = NIL;
}

/* Publishes root and count: 0, or AGAIN. */
static int publish(struct change *c, u32 count)
{
	struct pair to = { ((c->ctl.lo >> 32) + 1) << 32 | count, c->root };

	write_order();
	if (!pair_cas(c->t->ctl, &c->ctl, to))
		return AGAIN;
	settle(c);
	return 0;
}

/* Tries until it is done. Whatever is private when a try fails is given back. */
static int run(struct change *c, int (*attempt)(struct change *c))
{
	int err;

	c->t = lpm_of(c->m);
	c->op->budget = 20l * c->t->pool.n + 200000;
	c->op->claim[LPM_OF] = (u64)c->t;
	c->path = path_get(c->op);
	if (!c->path)
		return -ENOMEM;
	c->op->claim[LPM_PATH] = (u64)c->path;
	barrier();
	c->op->recover = lpm_recover;
	barrier();
	do {
		if (--c->op->budget < 0)
			return -EIO;
		begin(c);
		err = attempt(c);
		if (err)
			drop_private(c);
	} while (err == AGAIN);
	return err;
}

/* ---- update ---- */

/* A node of the client's key and value, its link into the hole. */
static int value_node(struct change *c, u32 old, u64 child0, u64 child1, u64 *hole)
{
	struct lpm_node *n;
	u64 link;
	int err = node_new(c, old, &link);

	if (err)
		return err;
	n = lpm_node(c->t, LINK_NODE(link));
	node_set(n, c->key.plen | NODE_VALUED, child0, child1);
	shared_copy(n->data, c->key.data, c->t->words * 8);
	shared_copy(lpm_value(c->t, n), c->value, c->m->value_size);
	SET(*hole, link);
	return 0;
}

/* An inner node where key and node part, with the two below it. */
static int fork_node(struct change *c, u32 plen, u64 other, u64 *hole)
{
	u32 bit = lpm_bit(&c->key, plen);
	struct lpm_node *n;
	u64 link;
	int err = node_new(c, NIL, &link);

	if (err)
		return err;
	n = lpm_node(c->t, LINK_NODE(link));
	node_set(n, plen, other, other);
	shared_copy(n->data, c->key.data, c->t->words * 8);
	SET(*hole, link);
	return value_node(c, NIL, LINK_NONE, LINK_NONE, &n->child[bit]);
}

/* Which bit of the node's own key follows the first n? */
static u32 node_bit(const struct lpm *t, u64 link, u32 n)
{
	const u8 *d = (const u8 *)lpm_node(t, LINK_NODE(link))->data;

	return __atomic_load_n(&d[n / 8], __ATOMIC_RELAXED) >> (7 - n % 8) & 1;
}

/* The new element's node into the hole, above, beside or instead of what is there. */
static int put_node(struct change *c, u64 there, const struct lpm_seen *s, bool same)
{
	u64 below[2] = { LINK_NONE, LINK_NONE };

	if (same)
		return value_node(c, LINK_NODE(there), s->child[0], s->child[1], c->hole);
	if (LINK_NODE(there) == NIL)
		return value_node(c, NIL, LINK_NONE, LINK_NONE, c->hole);
	if (s->match == c->key.plen) {
		below[node_bit(c->t, there, s->match)] = there;
		return value_node(c, NIL, below[0], below[1], c->hole);
	}
	return fork_node(c, s->match, there, c->hole);
}

/* What the kernel says to these flags at this moment. ctl may have moved on: then the answer is none. */
static int may_put(const struct change *c, bool present)
{
	if (present)
		return c->flags == BPF_NOEXIST ? -EEXIST : 0;
	if (c->flags == BPF_EXIST)
		return -ENOENT;
	return LPM_COUNT(c->ctl) >= c->m->max_entries ? -ENOSPC : 0;
}

static int update_once(struct change *c)
{
	struct lpm_seen s = { 0 };
	bool same, present;
	u64 there;
	int err = descend(c, &there, &s);

	if (err)
		return err;
	same = LINK_NODE(there) != NIL && s.match == s.plen && s.plen == c->key.plen;
	present = same && s.valued;
	err = may_put(c, present);
	if (err)
		return load64(&c->t->ctl->lo) == c->ctl.lo ? err : AGAIN;
	err = put_node(c, there, &s, same);
	return err ? err : publish(c, LPM_COUNT(c->ctl) + !present);
}

int lpm_update(struct op *op, struct bpf_map *m, const void *key, const void *value, u64 flags)
{
	struct change c = { .op = op, .m = m, .value = value, .flags = flags };

	if (flags > BPF_EXIST || lpm_key_in(lpm_of(m), key, &c.key))
		return -EINVAL;
	return run(&c, update_once);
}

/* ---- delete ---- */

/* Fills the hole with what is left below the deleted node, and keeps no inner node of one child. */
static int close_hole(struct change *c, u64 there, const struct lpm_seen *s)
{
	u64 left = LINK_NODE(s->child[0]) != NIL ? s->child[0] : s->child[1];
	u32 side;

	c->gone = LINK_NODE(there);
	c->gone_own = pool_owner(&c->t->pool, c->gone);
	SET(*c->hole, left);
	if (LINK_NODE(left) != NIL || !c->last || (GET(c->last->plen) & NODE_VALUED))
		return 0;
	/* The copy above was an inner node with two children: its other child takes its place. */
	side = c->hole == &c->last->child[0];
	SET(*c->hole_above, GET(c->last->child[side]));
	c->path->step[c->last_step].dropped = true;
	return 0;
}

/* Both children stay: an inner node instead of the element. */
static int empty_node(struct change *c, u64 there, const struct lpm_seen *s)
{
	struct lpm_seen inner = *s;

	inner.valued = false;
	return copy_node(c, there, &inner, 0);
}

static int delete_once(struct change *c)
{
	struct lpm_seen s = { 0 };
	u64 there;
	int err = descend(c, &there, &s);

	if (err)
		return err;
	if (LINK_NODE(there) == NIL || s.match < s.plen || s.plen != c->key.plen || !s.valued)
		return load64(&c->t->ctl->lo) == c->ctl.lo ? -ENOENT : AGAIN;
	if (LINK_NODE(s.child[0]) != NIL && LINK_NODE(s.child[1]) != NIL)
		err = empty_node(c, there, &s);
	else
		err = close_hole(c, there, &s);
	return err ? err : publish(c, LPM_COUNT(c->ctl) - 1);
}

int lpm_delete(struct op *op, struct bpf_map *m, const void *key)
{
	struct change c = { .op = op, .m = m };

	if (lpm_key_in(lpm_of(m), key, &c.key))
		return -EINVAL;
	return run(&c, delete_once);
}
