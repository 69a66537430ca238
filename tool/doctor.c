// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinfs doctor: tries each mechanism, and says what run would choose and why.
 *
 * The rows are those that run itself goes by (frontend/notify/probes.h), tested
 * the same way, so that the two cannot disagree.
 */
#include "frontend/notify/probes.h"
#include "frontend/notify/world.h"
#include "tool/cmd.h"
#include "tool/out.h"
#include "tool/where.h"
#include <stdio.h>

/* Without these no call of another process can be answered; preload alone is left. */
static const char *const notify_needs[] = { "no-listener", "notify", "vm-readv", "addfd", "proc-fd" };

static const struct {
	const char *name, *text, *probe;
} worlds[] = {
	[WORLD_ROOT] = { "root", "bpffs is mounted at /sys/fs/bpf, in a mount namespace of the run",
			 "mount-namespace" },
	[WORLD_USER_NS] = { "user-namespace",
			    "bpffs is mounted at /sys/fs/bpf, in a user and a mount namespace of the run",
			    "user-mount-namespace" },
	[WORLD_REDIRECT] = { "redirect", "nothing is mounted: paths below /sys/fs/bpf are led into the store",
			     NULL },
};

/* What kept run from the worlds before the chosen one. */
static void explain(enum world_kind chosen, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = 0;
	for (u32 w = 0; w <= chosen && at < size; w++) {
		char why[PROBE_WHY] = "";
		bool works = worlds[w].probe && probe_ok(worlds[w].probe, why, sizeof(why));

		if (worlds[w].probe)
			at += (size_t)snprintf(buf + at, size - at, "%s%s %s%s%s%s", at ? "; " : "",
					       worlds[w].probe, works ? "works" : "does not work",
					       *why ? " (" : "", why, *why ? ")" : "");
	}
}

static struct json_object *test_all(void)
{
	struct json_object *rows = json_object_new_array();

	for (u32 i = 0; i < probes_nr; i++) {
		struct json_object *r = json_object_new_object();
		char why[PROBE_WHY] = "";
		bool works = probe_run(&probes[i], why, sizeof(why));

		out_str(r, "name", probes[i].name);
		json_object_object_add(r, "works", json_object_new_boolean(works));
		out_str(r, "what", probes[i].description);
		out_str(r, "detail", *why ? why : NULL);
		json_object_array_add(rows, r);
	}
	return rows;
}

static bool notify_works(void)
{
	char why[PROBE_WHY];

	for (u32 i = 0; i < ARRAY_SIZE(notify_needs); i++)
		if (!probe_ok(notify_needs[i], why, sizeof(why)))
			return false;
	return true;
}

/* Who serves a run here. */
static const char *front_ends(bool notify)
{
	char why[PROBE_WHY];

	enum filter_how how = trace_how();

	if (filter_stops(how) && probe_ok("trace-stops", why, sizeof(why)))
		return "preload and trace";
	if (!notify)
		return "preload only";
	if (how == FILTER_NOTIFY)
		return "preload and notify";
	return probe_ok("trace", why, sizeof(why))
		       ? "preload, notify and trace"
		       : "preload and notify; an outer filter refuses bpf(2) to static programs";
}

int cmd_doctor(int argc, char **argv)
{
	static const struct out_column columns[] = {
		{ "name", "MECHANISM" }, { "works", "WORKS" }, { "what", "WHAT IT IS" },
		{ "detail", "DETAIL" },  { NULL, NULL },
	};
	struct json_object *rows = test_all(), *o = json_object_new_object();
	struct run_opts opts = { 0 };
	enum world_kind world = world_choose(&opts);
	bool notify = notify_works();
	char why[512], store[RUN_PATH_MAX] = "";

	explain(world, why, sizeof(why));
	where_own_store(store, sizeof(store));
	out_str(o, "world", worlds[world].name);
	out_str(o, "meaning", worlds[world].text);
	out_str(o, "because", why);
	out_str(o, "front-ends", front_ends(notify));
	out_str(o, "store", store);
	if (out_json) {
		json_object_object_add(o, "mechanisms", rows);
	} else {
		out_table(rows, columns);
		puts("");
	}
	out_record(o);
	/* Redirection is done by notify: with neither there is nothing to run in. */
	return world == WORLD_REDIRECT && !notify &&
	       !(filter_stops(trace_how()) && probe_ok("trace-stops", why, sizeof(why)));
}
