// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packet pointers: how many bytes behind one are known to be there.
 *
 * All pointers of one family (same kind, same id) differ by known amounts, so
 * a comparison of one with the packet's end tells the range of each. Helpers
 * that move the packet make all of them worthless.
 */
#include "verifier/env.h"

bool may_access_packet(struct env *e, bool write, const struct bpf_func_proto *h)
{
	if (!e->type->packet || (write && !e->type->packet_write))
		return false;
	return h ? h->pkt_access : true;
}

int check_packet(struct env *e, u32 regno, s32 off, u64 size, bool zero_ok)
{
	const struct reg *r = cur_reg(e, regno);
	int err;

	if (r->n.smin < 0) {
		vlog(e->log,
		     "R%u min value is negative, either use unsigned index or do a if (index >=0) check.\n",
		     regno);
		return -EACCES;
	}
	err = r->range < 0 ? -EINVAL : mem_region(e, regno, off, size, (u64)r->range, zero_ok);
	if (err)
		vlog(e->log, "R%u offset is outside of the packet\n", regno);
	return err;
}

/* In st, dst is at most (open: below) where the packet ends. */
void find_packet_range(struct vstate *st, const struct reg *dst, u8 type, bool open)
{
	struct reg_iter it = { .st = st };
	s32 range = dst->off + open;
	struct reg *r;

	if (dst->off < 0 || (!dst->off && open))
		return;
	if (dst->n.umax > PACKET_OFF_MAX || dst->n.umax + (u64)dst->off > PACKET_OFF_MAX)
		return;
	for (r = reg_next(&it); r; r = reg_next(&it))
		if (r->type == type && r->id == dst->id)
			r->range = MAX(r->range, range);
}

void clear_packet_pointers(struct env *e)
{
	struct reg_iter it = { .st = e->cur };
	struct reg *r;

	for (r = reg_next(&it); r; r = reg_next(&it))
		if (is_packet(r) || r->type == PTR_TO_PACKET_END)
			reg_unknown(r);
}
