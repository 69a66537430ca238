// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers on a PERF_EVENT_ARRAY: records put out, counters read.
 *
 * With a packet, the upper half of bpf_perf_event_output's flags asks for bytes
 * of it behind the data; run->packet says whether the context is one.
 */
#include "helper/helper_ids.h"
#include "helper/run_ctx.h"
#include "map/perf_event_array.h"
#include "map/perf_ring.h"

#define INT  .ret = RET_INTEGER
#define PERF .maps = T(PERF_EVENT_ARRAY)

#define HELPER(name) static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)

#define CTXLEN(flags) ((u32)(((flags)&BPF_F_CTXLEN_MASK) >> 32))

/* The event that the flags' index names, mapped; its id in *id. */
static const struct obj_view *event_at(struct run *run, const struct bpf_map *m, u64 flags, u32 *id, int *err)
{
	u64 index = flags & BPF_F_INDEX_MASK;
	const struct obj_view *v = NULL;

	if (index == BPF_F_CURRENT_CPU)
		index = run->cpu;
	*err = -E2BIG;
	if (unlikely(index >= m->max_entries))
		return NULL;
	*id = perf_event_array_get(m, (u32)index);
	*err = *id ? -EINVAL : -ENOENT;
	if (likely(*id && *id != REF_FOREIGN))
		v = run->ops->perf_event(run, *id);
	return v;
}

/* Whose ring an event's records go to; NULL: one that is gone. *id becomes that one's. */
static const struct obj_view *ring_of(struct run *run, const struct obj_view *v, u32 *id)
{
	const struct perf_hdr *h = (const struct perf_hdr *)v->hdr;
	u32 other = perf_output_id(h);
	const struct obj_view *to;

	if (likely(!other))
		return v;
	to = run->ops->perf_event(run, other);
	if (!to || !perf_output_stands(h, (const struct perf_hdr *)to->hdr))
		return NULL;
	*id = other;
	return to;
}

static u64 put_out(struct run *run, u64 map, u64 flags, const struct perf_piece *piece, u32 n)
{
	struct perf_from from = { run->op, run->cpu, run->pid, run->tid };
	const struct obj_view *v;
	bool wake = false;
	u32 id, ring;
	int err;

	v = event_at(run, u64_to_ptr(map), flags, &id, &err);
	if (unlikely(!v))
		return (u64)(s64)err;
	ring = id;
	err = perf_output(v, ring_of(run, v, &ring), &from, piece, n, &wake);
	if (wake)
		run->ops->perf_wake(run, ring);
	if (unlikely(wake && ring != id))
		run->ops->perf_wake(run, id);
	return (u64)(s64)err;
}

static u64 skb_output(struct run *run, u64 map, u64 flags, const struct run_skb *skb, struct perf_piece data)
{
	struct perf_piece piece[] = { data, { skb->data, CTXLEN(flags) } };

	return piece[1].size > skb->len ? (u64)-EFAULT : put_out(run, map, flags, piece, 2);
}

static u64 xdp_output(struct run *run, u64 map, u64 flags, const struct run_xdp *xdp, struct perf_piece data)
{
	u32 want = CTXLEN(flags), linear = (u32)(xdp->data_end - xdp->data);
	struct perf_piece piece[] = { data,
				      { xdp->data, MIN(want, linear) },
				      { xdp->frag, want - MIN(want, linear) } };

	return want > (u64)linear + xdp->frag_len ? (u64)-EFAULT : put_out(run, map, flags, piece, 3);
}

HELPER(perf_event_output)
{
	struct perf_piece data = { u64_to_ptr(r4), (u32)r5 };
	u64 known = run->packet ? BPF_F_CTXLEN_MASK | BPF_F_INDEX_MASK : BPF_F_INDEX_MASK;

	if (unlikely(r3 & ~known))
		return (u64)-EINVAL;
	if (likely(!CTXLEN(r3)))
		return put_out(run, r2, r3, &data, 1);
	if (run->packet == RUN_CTX_SKB)
		return skb_output(run, r2, r3, u64_to_ptr(r1), data);
	return xdp_output(run, r2, r3, u64_to_ptr(r1), data);
}

PROTO(perf_event_output, .func = perf_event_output, GPL, INT, ARGS(CTX, MAP, ANY, IN, SIZE0), PERF);

/* ---- counters ---- */

/* Such an event counts nothing: what is left is the question whether it could be read here. */
static int readable(struct run *run, u64 map, u64 flags, struct perf_hdr **h)
{
	const struct obj_view *v;
	int err;
	u32 id;

	if (flags & ~BPF_F_INDEX_MASK)
		return -EINVAL;
	v = event_at(run, u64_to_ptr(map), flags, &id, &err);
	if (!v)
		return err;
	*h = (struct perf_hdr *)v->hdr;
	if (((*h)->cpu >= 0 && (u32)(*h)->cpu != run->cpu) || ((*h)->tid >= 0 && (*h)->tid != run->tid))
		return -EINVAL;
	return 0;
}

HELPER(perf_event_read)
{
	struct perf_hdr *h;

	return (u64)(s64)readable(run, r1, r2, &h);
}

HELPER(perf_event_read_value)
{
	struct bpf_perf_event_value *v = u64_to_ptr(r3);
	struct perf_hdr *h = NULL;
	int err = -EINVAL;

	if (r4 == sizeof(*v))
		err = readable(run, r1, r2, &h);
	memset(v, 0, (u32)r4);
	if (!err)
		v->enabled = v->running = perf_enabled_time(h);
	return (u64)(s64)err;
}

PROTO(perf_event_read, .func = perf_event_read, GPL, INT, ARGS(MAP, ANY), PERF);
PROTO(perf_event_read_value, .func = perf_event_read_value, GPL, INT, ARGS(MAP, ANY, OUT, SIZE), PERF);
