// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinfs ls: pins and objects, who holds them and how often.
 *
 * One record a pin, and one for an object that has none.
 */
#include "store/store.h"
#include "tool/cmd.h"
#include "tool/objects.h"
#include "tool/out.h"
#include "tool/where.h"
#include <stdio.h>
#include <string.h>

/* True if path is one of the operands or below one. */
static bool wanted(const char *path, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; path && i < argc; i++) {
		size_t len = strlen(argv[i]);

		while (len > 1 && argv[i][len - 1] == '/')
			len--;
		if (!strncmp(path, argv[i], len) && (!path[len] || path[len] == '/'))
			return true;
	}
	return false;
}

static struct json_object *holders_of(const struct object *o)
{
	struct json_object *a = json_object_new_array();

	for (u32 i = 0; i < o->nholders; i++) {
		struct json_object *h = json_object_new_object();

		out_int(h, "pid", o->holders[i].pid);
		out_int(h, "fd", o->holders[i].fd);
		out_str(h, "comm", o->holders[i].comm);
		json_object_array_add(a, h);
	}
	return a;
}

static struct json_object *users_of(const struct object *o)
{
	struct json_object *a = json_object_new_array();

	for (u32 i = 0; i < o->nusers; i++)
		json_object_array_add(a, json_object_new_string(o->users[i]));
	return a;
}

/* "312(bpftool),in flight" */
static void holders_text(const struct object *o, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = 0;
	for (u32 i = 0; i < o->nholders && at < size; i++)
		if (!i || o->holders[i].pid != o->holders[i - 1].pid)
			at += (size_t)snprintf(buf + at, size - at, "%s%d(%s)", at ? "," : "",
					       o->holders[i].pid, o->holders[i].comm);
	if (o->in_flight && at < size)
		snprintf(buf + at, size - at, "%s%u in flight", at ? "," : "", o->in_flight);
}

static struct json_object *record_of(const struct object *o, const char *path)
{
	static const char *const type_names[OBJ_TYPES] = { "map", "prog", "link", "btf", "perf", "attach" };
	const struct obj_type_ops *ops = store_type(o->type);
	const char *kind = o->readable && ops->kind_name ? ops->kind_name(o->kind) : NULL;
	struct json_object *r = json_object_new_object(), *refs = json_object_new_object();
	char text[256];

	out_str(r, "path", path);
	out_str(r, "type", type_names[o->type]);
	out_str(r, "kind", kind);
	out_int(r, "id", o->id);
	out_str(r, "name", o->readable && o->name[0] ? o->name : NULL);
	out_int(refs, "user", o->npins + o->fds);
	out_int(refs, "object", o->nusers);
	out_int(refs, "pins", o->npins);
	out_int(refs, "fds", o->fds);
	out_int(refs, "in_flight", o->in_flight);
	json_object_object_add(r, "references", refs);
	if (out_json) {
		json_object_object_add(r, "holders", holders_of(o));
		json_object_object_add(r, "used_by", users_of(o));
	} else {
		holders_text(o, text, sizeof(text));
		out_str(r, "holders", text);
		json_object_object_add(r, "used_by", users_of(o));
	}
	return r;
}

int cmd_ls(int argc, char **argv)
{
	static const struct out_column columns[] = {
		{ "path", "PATH" },
		{ "type", "TYPE" },
		{ "kind", "KIND" },
		{ "id", "ID" },
		{ "name", "NAME" },
		{ "references.user", "USER" },
		{ "references.object", "OBJECT" },
		{ "holders", "HELD BY" },
		{ "used_by", "USED BY" },
		{ NULL, NULL },
	};
	struct json_object *rows = json_object_new_array();
	struct object *o;
	size_t n;

	if (where_open(0))
		return 1;
	o = objects_load(&n);
	for (size_t i = 0; i < n; i++) {
		for (u32 k = 0; k < o[i].npins; k++)
			if (wanted(o[i].pins[k], argc, argv))
				json_object_array_add(rows, record_of(&o[i], o[i].pins[k]));
		if (!o[i].npins && wanted(NULL, argc, argv))
			json_object_array_add(rows, record_of(&o[i], NULL));
	}
	out_table(rows, columns);
	return 0;
}
