// SPDX-License-Identifier: BSD-2-Clause
/* Work on a trie, and a look at it: see lpmwork.h. */
#include "tests/lib/lpmwork.h"
#include "map/lpm_trie_int.h"
#include <string.h>

bool lw_only = true;

/* Lengths 0..32 over few addresses, so that keys lie below each other. */
u64 lw_key(u32 i)
{
	static const u8 plen[] = { 32, 24, 31, 16, 32, 8, 30, 25, 1, 0 };
	u32 a = i / 10, p = plen[i % 10];
	u8 addr[4] = { (u8)(10 + (a & 1) * 128), 1, (u8)(a >> 1), (u8)(a * 37 + i) };

	for (u32 b = p; b < 32; b++)
		addr[b / 8] &= (u8) ~(0x80 >> b % 8);
	return (u64)p | (u64)addr[0] << 32 | (u64)addr[1] << 40 | (u64)addr[2] << 48 | (u64)addr[3] << 56;
}

/* Is the key with number a a prefix of the one with number b? */
static bool is_prefix(u32 a, u32 b)
{
	u64 ka = lw_key(a), kb = lw_key(b), differ = __builtin_bswap32((u32)(ka >> 32) ^ (u32)(kb >> 32));

	return (u32)ka <= (u32)kb && (!(u32)ka || !(differ >> (32 - (u32)ka)));
}

/* What a lookup finds is of a prefix of what was asked for, and whole. */
static void check_found(struct maptest *t, u32 i, const u8 *value)
{
	u32 n;

	memcpy(&n, value + 4, 4);
	if (lw_only && (n >= LW_KEYS || !is_prefix(n, i) || !mt_check(t, n, value)))
		mt_fail("key %u finds %u", i, n);
}

void lw_one(struct maptest *t)
{
	u32 i = (u32)(mt_rand() % LW_KEYS);
	u64 what = mt_rand() % 16;
	u8 key[MT_KEY_MAX], value[MT_VALUE_MAX];
	int ret;

	mt_key(t, lw_key(i), key);
	if (what < 9) {
		mt_value(t, i, value);
		ret = mt_update(t, key, value, what < 5 ? BPF_ANY : what < 7 ? BPF_NOEXIST : BPF_EXIST);
	} else if (what < 13) {
		ret = mt_delete(t, key);
	} else if (what < 15) {
		ret = mt_lookup(t, key, value);
		if (!ret)
			check_found(t, i, value);
	} else {
		ret = mt_next(t, key, key);
	}
	if (ret && ret != -ENOSPC && ret != -EEXIST && ret != -ENOENT)
		mt_fail("operation %d answered %d", (int)what, ret);
}

struct census {
	u32 nodes, elements;
};

static void census(const struct lpm *t, u64 link, s64 above, struct census *c)
{
	struct lpm_node *n = lpm_node(t, LINK_NODE(link));
	u32 plen = n->plen & NODE_PLEN;
	int kids = 0;

	if (LINK_NODE(link) >= t->pool.n || n->seq != LINK_SEQ(link) || (s64)plen <= above ||
	    plen > t->max_plen) {
		mt_fail("bad link %llx", (unsigned long long)link);
		return;
	}
	c->nodes++;
	c->elements += !!(n->plen & NODE_VALUED);
	for (u32 side = 0; side < 2; side++)
		if (LINK_NODE(n->child[side]) != NIL) {
			kids++;
			census(t, n->child[side], plen, c);
		}
	if (kids < 2 && !(n->plen & NODE_VALUED))
		mt_fail("inner node %u has %d children", LINK_NODE(link), kids);
}

/* Every node that is not in the trie can be had: by as many private nodes as there are, given back again. */
static void check_free(struct maptest *t, const struct lpm *l, u32 used)
{
	struct op *op = op_enter(t, __builtin_frame_address(0));
	static struct pool_mine mine[1 << 16];
	u32 n = 0;

	op->budget = 1l << 40;
	while (n < ARRAY_SIZE(mine) && !pool_get(op, &l->pool, 0, &mine[n]))
		n++;
	for (u32 i = 0; i < n; i++)
		pool_put(op, &l->pool, &mine[i]);
	op_leave(op);
	if (n != l->pool.n - used)
		mt_fail("%u nodes of %u used, but %u free", used, l->pool.n, n);
}

void lw_check(struct maptest *t)
{
	const struct lpm *l = lpm_of(&t->map);
	struct pair ctl = pair_load(l->ctl);
	struct census c = { 0, 0 };
	u8 key[MT_KEY_MAX];
	u32 n = 0;

	if (LINK_NODE(ctl.hi) != NIL)
		census(l, ctl.hi, -1, &c);
	if (c.elements != LPM_COUNT(ctl))
		mt_fail("%u elements, counted as %u", c.elements, LPM_COUNT(ctl));
	while (n <= c.elements && !mt_next(t, n ? key : NULL, key))
		n++;
	if (n != c.elements)
		mt_fail("the walk meets %u of %u", n, c.elements);
	check_free(t, l, c.nodes);
}
