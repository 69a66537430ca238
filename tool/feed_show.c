// SPDX-License-Identifier: BSD-2-Clause
/*
 * The summary of pinfs feed: what became of the frames, and what each program said.
 */
#include "tool/feed.h"
#include "tool/netdev.h"
#include "tool/out.h"

static const char *const ends[DRIVE_ENDS] = {
	[DRIVE_END_STACK] = "stack",       [DRIVE_END_DROP] = "drop",
	[DRIVE_END_ABORTED] = "aborted",   [DRIVE_END_TX] = "tx",
	[DRIVE_END_REDIRECT] = "redirect", [DRIVE_END_FAILED] = "redirect-failed",
	[DRIVE_END_LOOP] = "loop",         [DRIVE_END_SIZE] = "bad-size",
};

static const char *const outs[DRIVE_WAYS] = {
	[DRIVE_TO_STACK] = "stack",    [DRIVE_BY_TX] = "tx",     [DRIVE_BY_XDP] = "xdp-redirect",
	[DRIVE_BY_TC] = "tc-redirect", [DRIVE_TO_PEER] = "peer",
};

/* What programs of a hook say, by value + 1. */
#define XDP_NAMES                                                                                            \
	{                                                                                                    \
		[1] = "XDP_ABORTED", [2] = "XDP_DROP", [3] = "XDP_PASS", [4] = "XDP_TX",                     \
		[5] = "XDP_REDIRECT"                                                                         \
	}
#define TCX_NAMES                                                                                            \
	{                                                                                                    \
		[0] = "TCX_NEXT", [1] = "TCX_PASS", [3] = "TCX_DROP", [8] = "TCX_REDIRECT"                   \
	}

#define TC_NAMES                                                                                             \
	{                                                                                                    \
		[0] = "TC_ACT_UNSPEC", [1] = "TC_ACT_OK", [2] = "TC_ACT_RECLASSIFY", [3] = "TC_ACT_SHOT",    \
		[4] = "TC_ACT_PIPE", [5] = "TC_ACT_STOLEN", [6] = "TC_ACT_QUEUED", [7] = "TC_ACT_REPEAT",    \
		[8] = "TC_ACT_REDIRECT", [9] = "TC_ACT_TRAP"                                                 \
	}

static const struct {
	const char *name;
	const char *verdict[DRIVE_VERDICTS];
} hooks[DRIVE_HOOKS] = {
	[DRIVE_XDP] = { "xdp", XDP_NAMES },
	[DRIVE_TCX_INGRESS] = { "tcx/ingress", TCX_NAMES },
	[DRIVE_TCX_EGRESS] = { "tcx/egress", TCX_NAMES },
	[DRIVE_CLS_INGRESS] = { "tc/ingress", TC_NAMES },
	[DRIVE_CLS_EGRESS] = { "tc/egress", TC_NAMES },
	[DRIVE_DEVMAP] = { "xdp/devmap", XDP_NAMES },
	[DRIVE_CPUMAP] = { "xdp/cpumap", XDP_NAMES },
};

static struct json_object *named(const char *const *names, const u64 *n, u32 nr)
{
	struct json_object *o = json_object_new_object();

	for (u32 i = 0; i < nr; i++)
		if (n[i])
			out_int(o, names[i], (s64)n[i]);
	return o;
}

static struct json_object *verdicts(const struct drive_count *c)
{
	struct json_object *o = json_object_new_object();

	for (u32 i = 0; i < DRIVE_VERDICTS; i++) {
		const char *name = hooks[c->hook].verdict[i];
		char number[16];

		snprintf(number, sizeof(number), "%d", (int)i - 1);
		if (c->verdict[i])
			out_int(o,
				name                      ? name
				: i == DRIVE_VERDICTS - 1 ? "other"
							  : number,
				(s64)c->verdict[i]);
	}
	return o;
}

static struct json_object *program(const struct drive_count *c)
{
	struct json_object *o = json_object_new_object();
	char name[IF_NAMESIZE];

	out_str(o, "hook", hooks[c->hook].name);
	out_str(o, "interface", netdev_name(c->ifindex, name));
	out_int(o, "id", c->prog_id);
	out_str(o, "name", c->name);
	out_int(o, "runs", (s64)c->runs);
	if (c->faults)
		out_int(o, "faults", (s64)c->faults);
	json_object_object_add(o, "verdicts", verdicts(c));
	return o;
}

static struct json_object *programs(const struct feed_job *j)
{
	struct json_object *list = json_object_new_array();
	const struct drive_count *c;
	u32 n;

	c = drive_counts(j->d, &n);
	for (u32 i = 0; i < n; i++)
		json_object_array_add(list, program(&c[i]));
	return list;
}

static const struct out_column columns[] = {
	{ "hook", "HOOK" },
	{ "interface", "INTERFACE" },
	{ "id", "ID" },
	{ "name", "NAME" },
	{ "runs", "RUNS" },
	{ "faults", "FAULTS" },
	{ "verdicts", "VERDICTS" },
	{ .title = NULL },
};

void feed_show(const struct feed_job *j)
{
	const struct drive_totals *t = drive_totals(j->d);
	struct json_object *o = json_object_new_object();
	double seconds = seconds_now() - j->bar.began;
	char text[32];

	out_str(o, "interface", j->device);
	out_int(o, "packets", (s64)t->frames);
	out_int(o, "bytes", (s64)t->bytes);
	out_int(o, "rounds", (s64)j->round);
	snprintf(text, sizeof(text), "%.4f", seconds);
	json_object_object_add(o, "seconds", json_object_new_double_s(seconds, text));
	out_int(o, "packets-per-second", seconds > 0 ? (s64)((double)t->frames / seconds) : 0);
	json_object_object_add(o, "ends", named(ends, t->end, DRIVE_ENDS));
	json_object_object_add(o, "out", named(outs, t->out, DRIVE_WAYS));
	if (t->to_cpu)
		out_int(o, "to-cpu", (s64)t->to_cpu);
	if (j->in.cut)
		out_int(o, "cut-by-capture", (s64)j->in.cut);
	if (j->interrupted)
		json_object_object_add(o, "interrupted", json_object_new_boolean(1));
	if (out_json && j->error[0])
		out_str(o, "error", j->error);
	if (out_json)
		json_object_object_add(o, "programs", programs(j));
	out_record(o);
	if (!out_json)
		out_table(programs(j), columns);
}
