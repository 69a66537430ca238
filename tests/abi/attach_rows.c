// SPDX-License-Identifier: BSD-2-Clause
/*
 * PROG_ATTACH, PROG_DETACH and PROG_QUERY, row by row: what goes where, modes of
 * cgroups, places in lists, revisions, what a cgroup's programs mean below it.
 */
#include "abi/link_world.h"

static const int targets[] = { -1, 0, FD_NULL, FD_MAP, FD_CG, FD_CG_FILE, FD_NETNS, FD_CLOSED };

/* A program of each kind at every attach type; what was attached is detached again. */
static void sweep_attach(void)
{
	for (int p = P0; p < P_END; p++)
		for (uint32_t at = 0; at < AT_END; at++) {
			struct row r = { ATTACH, p, FD_CG, at, 0, 0, 0, 0 };
			union row_attr a = { .w = { FD_CG, (uint32_t)p, at } };

			row_run(&r);
			raw_bpf(BPF_PROG_DETACH, &a, 16);
		}
}

static void sweep_targets(void)
{
	static const struct {
		int prog;
		uint32_t at;
	} good[] = {
		{ P_CGSKB, 0 },
		{ P_SOCKOPS, 3 },
		{ P_CONNECT4, 10 },
		{ P_SKSKB, BPF_SK_SKB_STREAM_PARSER },
		{ P_SKSKB, BPF_SK_SKB_STREAM_VERDICT },
		{ P_SKSKB, BPF_SK_SKB_VERDICT },
		{ P_SKMSG, BPF_SK_MSG_VERDICT },
		{ P_FLOW, BPF_FLOW_DISSECTOR },
		{ P_SKLOOKUP, BPF_SK_LOOKUP },
		{ P_XDP, BPF_XDP },
		{ P_CLS, AT_TCX_IN },
		{ P_CLS, 54 },
		{ P_SOCKFILTER, BPF_LIRC_MODE2 },
		{ P_RAWTP, BPF_TRACE_RAW_TP },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(good); i++)
		for (unsigned t = 0; t < ARRAY_SIZE(targets); t++) {
			row_run(&(struct row){ ATTACH, good[i].prog, targets[t], good[i].at, 0, 0, 0, 0 });
			row_run(&(struct row){ QUERY, 0, targets[t], good[i].at, 0, 0, 0, 0 });
			row_run(&(struct row){ DETACH, good[i].prog, targets[t], good[i].at, 0, 0, 0, 0 });
			row_run(&(struct row){ DETACH, good[i].prog, targets[t], good[i].at, 0, 0, 0, 0 });
		}
}

/* Every flag, one at a time and some together, on an empty list and on one of one. */
static void sweep_flags(void)
{
	static const struct {
		int prog, target;
		uint32_t at;
	} at[] = {
		{ P_CGSKB, FD_CG, 0 },
		{ P_CLS, IF_LO, AT_TCX_IN },
		{ P_FLOW, 0, BPF_FLOW_DISSECTOR },
		{ P_SKMSG, FD_MAP, BPF_SK_MSG_VERDICT },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(at); i++)
		for (uint32_t bits = 0; bits < 1u << 7; bits++)
			for (int link = 0; link < 2; link++) {
				uint32_t f = bits | (link ? F_LINK : 0);

				row_run(&(struct row){ ATTACH, at[i].prog, at[i].target, at[i].at, f, 0, 0,
						       0 });
				row_run(&(struct row){ DETACH, at[i].prog, at[i].target, at[i].at, f, 0, 0,
						       0 });
				row_run(&(struct row){ DETACH, at[i].prog, at[i].target, at[i].at, 0, 0, 0,
						       0 });
			}
	for (uint32_t bit = 7; bit < 32; bit++)
		for (unsigned i = 0; i < 2; i++) {
			row_run(&(struct row){ ATTACH, at[i].prog, at[i].target, at[i].at, 1u << bit, 0, 0,
					       0 });
			row_run(&(struct row){ DETACH, at[i].prog, at[i].target, at[i].at, 1u << bit, 0, 0,
					       0 });
			row_run(&(struct row){ QUERY, 0, at[i].target, at[i].at, 1u << bit, 0, 0, 0 });
		}
}

/* What comes second, by the mode of the first and of the second. */
static void sweep_modes(void)
{
	static const uint32_t modes[] = { 0, 1, 2, 2 | 8, 2 | 16, 2 | F_PREORDER, 3 };
	static const int second[] = { P_CGSKB, P_CGSKB2, P_CGSKB_OUT };

	for (unsigned a = 0; a < ARRAY_SIZE(modes); a++)
		for (unsigned b = 0; b < ARRAY_SIZE(modes); b++)
			for (unsigned s = 0; s < ARRAY_SIZE(second); s++)
				for (int sub = 0; sub < 2; sub++) {
					int at = sub ? FD_CG_SUB : FD_CG;

					row_run(&(struct row){ ATTACH, P_CGSKB, FD_CG, 0, modes[a], 0, 0,
							       0 });
					row_run(&(struct row){ ATTACH, second[s], at, 0, modes[b], 0, 0, 0 });
					row_run(&(struct row){ LINK, P_CGSKB3, at, 0, 0, 0, 0, 0 });
					row_run(&(struct row){ QUERY, 0, at, 0, 0, 0, 0, 0 });
					row_run(&(struct row){ QUERY, 0, at, 0, 1, 0, 0, 0 });
					row_run(&(struct row){ QUERY, 0, FD_CG_SUBSUB, 0, 1, 0, 0, 0 });
					row_run(&(struct row){ DETACH, P_CGSKB3, at, 0, 0, 0, 0, 0 });
					row_run(&(struct row){ CLOSE, 0, L0, 0, 0, 0, 0, 0 });
					row_run(&(struct row){ DETACH, 0, at, 0, 0, 0, 0, 0 });
					row_run(&(struct row){ DETACH, P_XDP, at, 0, 0, 0, 0, 0 });
					row_run(&(struct row){ DETACH, second[s], at, 0, 0, 0, 0, 0 });
					row_run(&(struct row){ DETACH, P_CGSKB, FD_CG, 0, 0, 0, 0, 0 });
					row_run(&(struct row){ QUERY, 0, FD_CG, 0, 0, 0, 0, 0 });
				}
}

/* Where a third stands beside two, by flags and by what it is relative to. */
static void sweep_places(int first, int target, uint32_t at, uint32_t mode)
{
	static const uint32_t sides[] = { 0, 8, 16, 24 },
			      names[] = { 0, BPF_F_ID, F_LINK, F_LINK | BPF_F_ID };
	const int rels[] = { 0, first, first + 1, first + 2, L0, P_XDP, FD_MAP, FD_CLOSED, -1 };

	row_run(&(struct row){ ATTACH, first, target, at, mode, 0, 0, 0 });
	row_run(&(struct row){ LINK, first + 1, target, at, 0, 0, 0, 0 });
	for (unsigned s = 0; s < ARRAY_SIZE(sides); s++)
		for (unsigned n = 0; n < ARRAY_SIZE(names); n++)
			for (unsigned r = 0; r < ARRAY_SIZE(rels); r++) {
				uint32_t f = mode | sides[s] | names[n];

				row_run(&(struct row){ ATTACH, first + 2, target, at, f, rels[r], 0, 0 });
				row_run(&(struct row){ QUERY, 0, target, at, 0, 0, 0, 0 });
				row_run(&(struct row){ DETACH, first + 2, target, at, 0, 0, 0, 0 });
				row_run(&(struct row){ LINK, first + 2, target, at, sides[s] | names[n],
						       rels[r], 0, L0 + 1 });
				row_run(&(struct row){ QUERY, 0, target, at, 0, 0, 0, 0 });
				row_run(&(struct row){ CLOSE, 0, L0 + 1, 0, 0, 0, 0, 0 });
				/* A detach may name its place, too. */
				if (mode)
					continue;
				row_run(&(struct row){ ATTACH, first + 2, target, at, 0, 0, 0, 0 });
				row_run(&(struct row){ DETACH, first + 2, target, at, f, rels[r], 0, 0 });
				row_run(&(struct row){ DETACH, 0, target, at, f, rels[r], 0, 0 });
				row_run(&(struct row){ DETACH, first + 2, target, at, 0, 0, 0, 0 });
				row_run(&(struct row){ ATTACH, first, target, at, mode, 0, 0, 0 });
				row_run(&(struct row){ QUERY, 0, target, at, 0, 0, 0, 0 });
			}
	row_run(&(struct row){ CLOSE, 0, L0, 0, 0, 0, 0, 0 });
	row_run(&(struct row){ DETACH, first, target, at, 0, 0, 0, 0 });
	row_run(&(struct row){ DETACH, first, target, at, 0, 0, 0, 0 });
	row_run(&(struct row){ QUERY, 0, target, at, 0, 0, 0, 0 });
}

static void sweep_replace(int first, int target, uint32_t at, uint32_t mode)
{
	static const uint32_t flags[] = { 0, 4, 4 | 8, 4 | 16, 4 | F_LINK, 4 | BPF_F_ID, 4 | F_PREORDER };
	const int olds[] = { 0, first, first + 1, first + 2, L0, P_XDP, FD_MAP, FD_CLOSED };

	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		for (unsigned o = 0; o < ARRAY_SIZE(olds); o++)
			for (int rel = 0; rel < 2; rel++) {
				row_run(&(struct row){ ATTACH, first, target, at, mode, 0, 0, 0 });
				row_run(&(struct row){ LINK, first + 1, target, at, 0, 0, 0, 0 });
				row_run(&(struct row){ ATTACH, first + 2, target, at, mode | flags[i],
						       rel ? first : 0, 0, olds[o] });
				row_run(&(struct row){ ATTACH, first, target, at, mode | flags[i],
						       rel ? first : 0, 0, olds[o] });
				row_run(&(struct row){ QUERY, 0, target, at, 0, 0, 0, 0 });
				row_run(&(struct row){ DETACH, first + 2, target, at, 0, 0, 0, 0 });
				row_run(&(struct row){ DETACH, first, target, at, 0, 0, 0, 0 });
				row_run(&(struct row){ CLOSE, 0, L0, 0, 0, 0, 0, 0 });
			}
}

static const struct row revisions[] = {
	{ ATTACH, P_CGSKB, FD_CG_SUBSUB, 1, 2, 0, 2, 0 },
	{ ATTACH, P_CGSKB, FD_CG_SUBSUB, 1, 2, 0, 1, 0 },
	{ ATTACH, P_CGSKB2, FD_CG_SUBSUB, 1, 2, 0, 1, 0 },
	{ ATTACH, P_CGSKB2, FD_CG_SUBSUB, 1, 2, 0, 2, 0 },
	{ DETACH, P_CGSKB2, FD_CG_SUBSUB, 1, 0, 0, 2, 0 },
	{ DETACH, P_CGSKB2, FD_CG_SUBSUB, 1, 0, 0, 3, 0 },
	{ DETACH, P_CGSKB2, FD_CG_SUBSUB, 1, 0, 0, 4, 0 },
	{ QUERY, 0, FD_CG_SUBSUB, 1, 0, 0, 0, 0 },
	{ DETACH, P_CGSKB, FD_CG_SUBSUB, 1, 0, 1, 0, 0 },
	{ DETACH, P_CGSKB, FD_CG_SUBSUB, 1, 0, 0, 4, 0 },
	{ QUERY, 0, FD_CG_SUBSUB, 1, 0, 0, 0, 0 },
	{ ATTACH, P_CGSKB, FD_CG_SUBSUB, 1, 0, 0, 5, 0 },
	{ ATTACH, P_CGSKB2, FD_CG_SUBSUB, 1, 0, 0, 5, 0 },
	{ ATTACH, P_CGSKB2, FD_CG_SUBSUB, 1, 0, 0, 6, 0 },
	{ ATTACH, P_CGSKB2, FD_CG_SUBSUB, 1, 0, 0, 7, 0 },
	{ QUERY, 0, FD_CG_SUBSUB, 1, 0, 0, 0, 0 },
	{ DETACH, 0, FD_CG_SUBSUB, 1, 0, 0, 0, 0 },
	{ DETACH, 0, FD_CG_SUBSUB, 1, 0, 0, 0, 0 },
	{ ATTACH, P_CLS, IF_LO, AT_TCX_OUT, 0, 0, 2, 0 },
	{ ATTACH, P_CLS, IF_LO, AT_TCX_OUT, 0, 0, 1, 0 },
	{ ATTACH, P_CLS, IF_LO, AT_TCX_OUT, 0, 0, 1, 0 },
	{ ATTACH, P_CLS, IF_LO, AT_TCX_OUT, 0, 0, 2, 0 },
	{ ATTACH, P_CLS2, IF_LO, AT_TCX_OUT, 0, 0, 1, 0 },
	{ ATTACH, P_CLS2, IF_LO, AT_TCX_OUT, 0, 0, 2, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_OUT, 0, 0, 0, 0 },
	{ DETACH, P_CLS, IF_LO, AT_TCX_OUT, 0, 0, 1, 0 },
	{ DETACH, P_CLS, IF_LO, AT_TCX_OUT, 0, 0, 3, 0 },
	{ DETACH, P_CLS, IF_LO, AT_TCX_OUT, 0, 0, 0, 0 },
	{ DETACH, P_CLS2, IF_NONE, AT_TCX_OUT, 0, 0, 0, 0 },
	{ DETACH, FD_MAP, IF_LO, AT_TCX_OUT, 0, 0, 0, 0 },
	{ DETACH, FD_CLOSED, IF_LO, AT_TCX_OUT, 0, 0, 0, 0 },
	{ DETACH, P_XDP, IF_LO, AT_TCX_OUT, 0, 0, 0, 0 },
	{ DETACH, 0, IF_LO, AT_TCX_OUT, 0, 0, 0, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_OUT, 0, 0, 0, 0 },
	{ DETACH, P_CLS2, IF_LO, AT_TCX_OUT, 0, 0, 0, 0 },
	{ ATTACH, P_CLS, IF_LO, AT_TCX_OUT, 0, 0, 1, 0 },
	{ QUERY, 0, IF_LO, AT_TCX_OUT, 0, 0, 0, 0 },
	{ DETACH, P_CLS, IF_LO, AT_TCX_OUT, 0, 0, 0, 0 },
};

/* What a query writes where the client's attr ends early. */
static void query_sizes(void)
{
	static const struct {
		int target;
		uint32_t at;
	} at[] = { { FD_CG, 0 }, { IF_LO, AT_TCX_IN }, { FD_NETNS, BPF_FLOW_DISSECTOR } };

	row_run(&(struct row){ ATTACH, P_CGSKB, FD_CG, 0, 2, 0, 0, 0 });
	row_run(&(struct row){ ATTACH, P_CLS, IF_LO, AT_TCX_IN, 0, 0, 0, 0 });
	for (unsigned i = 0; i < ARRAY_SIZE(at); i++)
		for (uint32_t size = 8; size <= 80; size += 4)
			for (int fill = 0; fill < 2; fill++) {
				uint32_t ids[4] = { 0 };
				union row_attr a = { .w = { (uint32_t)at[i].target, at[i].at } };
				uint64_t v = ptr(ids);
				int r;

				if (fill)
					memcpy(&a.w[4], &v, 8), a.w[6] = 4;
				for (int k = 14; k < 20; k++)
					a.w[k] = size <= 56 ? 0x11111111 : 0;
				r = raw_bpf(BPF_PROG_QUERY, &a, size);
				say("query %u size %u%s -> flags %x cnt %u rev %x %x %x prog %s", at[i].at,
				    size, fill ? " with room" : "", a.w[3], a.w[6], a.w[14], a.w[15], a.w[16],
				    id_name(ids[0], P0, P_END));
				result(r);
			}
	row_run(&(struct row){ DETACH, P_CGSKB, FD_CG, 0, 0, 0, 0, 0 });
	row_run(&(struct row){ DETACH, P_CLS, IF_LO, AT_TCX_IN, 0, 0, 0, 0 });
}

/* As many as there can be. */
static void full_list(int target, uint32_t at, uint32_t type, uint32_t mode)
{
	const struct world_prog p = { "", type, 0, 1, 0 };
	union row_attr a = { .w = { (uint32_t)target, 0, at, mode } };
	int fd[70], r = 0;

	for (int i = 0; i < 66; i++) {
		fd[i] = load_prog(&p);
		must(fd[i] >= 0, "a program");
		a.w[1] = (uint32_t)fd[i];
		r = raw_bpf(BPF_PROG_ATTACH, &a, 32);
		if (i < 62)
			continue;
		say("program %d at %u", i + 1, at);
		result(r);
	}
	row_run(&(struct row){ QUERY, 0, target, at, 0, 0, 1, 0 });
	a.w[3] = 0;
	for (int i = 0; i < 66; i++) {
		a.w[1] = (uint32_t)fd[i];
		r = raw_bpf(BPF_PROG_DETACH, &a, 32);
		if (i > 61) {
			say("program %d away from %u", i + 1, at);
			result(r);
		}
		close(fd[i]);
	}
	row_run(&(struct row){ QUERY, 0, target, at, 0, 0, 1, 0 });
}

/* What is attached stays after its fd is closed, and can be found by id. */
static void held(int target, uint32_t at, uint32_t type, uint32_t mode)
{
	const struct world_prog p = { "", type, 0, 1, 0 };
	int fd = load_prog(&p), again;
	union row_attr a = { .w = { (uint32_t)target, (uint32_t)fd, at, mode } };
	uint32_t id = object_id(fd);

	say("attach what will be held at %u", at);
	result(raw_bpf(BPF_PROG_ATTACH, &a, 32));
	close(fd);
	memset(&a, 0, sizeof(a));
	a.w[0] = id;
	say("open it by id");
	again = result(raw_bpf(BPF_PROG_GET_FD_BY_ID, &a, 4));
	memset(&a, 0, sizeof(a));
	a.w[0] = (uint32_t)target, a.w[1] = (uint32_t)again, a.w[2] = at;
	say("detach it");
	result(raw_bpf(BPF_PROG_DETACH, &a, 32));
	close(again);
	for (int i = 0; i < 1000; i++) {
		memset(&a, 0, sizeof(a));
		a.w[0] = id;
		again = raw_bpf(BPF_PROG_GET_FD_BY_ID, &a, 4);
		if (again < 0)
			break;
		close(again);
		usleep(1000);
	}
	say("open it by id when it was detached");
	result_fd(again);
}

/* Two hooks of one map of sockets, by PROG_ATTACH and by link. */
static void sweep_sockmap(void)
{
	static const uint32_t at[] = { BPF_SK_SKB_STREAM_PARSER, BPF_SK_SKB_STREAM_VERDICT,
				       BPF_SK_SKB_VERDICT };
	union row_attr m = { .a = { .map_type = 15, .key_size = 4, .value_size = 4, .max_entries = 1 } };

	place_fd(raw_bpf(BPF_MAP_CREATE, &m, 72), FD_SOCKS);
	for (unsigned a = 0; a < ARRAY_SIZE(at); a++)
		for (unsigned b = 0; b < ARRAY_SIZE(at); b++)
			for (int how = 0; how < 4; how++) {
				int first = how & 1 ? LINK : ATTACH, second = how & 2 ? LINK : ATTACH;

				row_run(&(struct row){ first, P_SKSKB, FD_SOCKS, at[a], 0, 0, 0, 0 });
				row_run(&(struct row){ second, P_SKSKB, FD_SOCKS, at[b], 0, 0, 0,
						       how & 2 ? L0 + 1 : 0 });
				row_run(&(struct row){ QUERY, 0, FD_SOCKS, at[b], 0, 0, 0, 0 });
				row_run(&(struct row){ CLOSE, 0, L0 + 1, 0, 0, 0, 0, 0 });
				row_run(&(struct row){ DETACH, P_SKSKB, FD_SOCKS, at[b], 0, 0, 0, 0 });
				row_run(&(struct row){ CLOSE, 0, L0, 0, 0, 0, 0, 0 });
				row_run(&(struct row){ DETACH, P_SKSKB, FD_SOCKS, at[a], 0, 0, 0, 0 });
			}
}

int main(void)
{
	world_make();
	sweep_sockmap();
	sweep_attach();
	sweep_targets();
	sweep_flags();
	sweep_modes();
	sweep_places(P_CLS, IF_LO, AT_TCX_IN, 0);
	sweep_places(P_CGSKB, FD_CG, 0, 2);
	sweep_replace(P_CLS, IF_LO, AT_TCX_IN, 0);
	sweep_replace(P_CGSKB, FD_CG, 0, 2);
	ROWS("revisions", revisions);
	query_sizes();
	full_list(IF_LO, AT_TCX_IN, BPF_PROG_TYPE_SCHED_CLS, 0);
	full_list(FD_CG, 0, BPF_PROG_TYPE_CGROUP_SKB, 2);
	held(IF_LO, AT_TCX_IN, BPF_PROG_TYPE_SCHED_CLS, 0);
	held(FD_CG, 0, BPF_PROG_TYPE_CGROUP_SKB, 2);
	held(0, BPF_FLOW_DISSECTOR, BPF_PROG_TYPE_FLOW_DISSECTOR, 0);
	return 0;
}
