// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinfs ls: pins and objects, who holds them and how often.
 *
 * One record a pin, and one for an object that has none.
 */
#include "link/clsact.h"
#include "store/store.h"
#include "tool/cmd.h"
#include "tool/objects.h"
#include "tool/out.h"
#include "tool/where.h"
#include <stdio.h>
#include <string.h>

static struct object *objects;
static size_t nobjects;

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

/* Who has the point open to run what stands there: a pinfs feed, or whatever else drives it. */
static void driver_text(const struct attach_key *k, char *buf, size_t size)
{
	u64 ino = attach_inode(k);

	snprintf(buf, size, "nothing");
	for (size_t i = 0; ino && i < nobjects; i++)
		if (objects[i].type == OBJ_ATTACH && objects[i].ino == ino && objects[i].fds)
			holders_text(&objects[i], buf, size);
}

static void add_driver(struct json_object *r, const struct object *o)
{
	struct attach_key k;
	char text[256];

	if (o->type != OBJ_LINK || !attach_of_link(o->id, &k))
		return;
	driver_text(&k, text, sizeof(text));
	out_str(r, "driven_by", text);
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
	out_str(r, "attached", o->about[0] ? o->about : NULL);
	add_driver(r, o);
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

/* What stands there, and what kind of hook it is at: "prog 7 at interface 2 egress prio 1 handle 0x1". */
static const char *entry_text(const struct attach_key *k, const struct attach_entry *e, char *buf,
			      size_t size)
{
	struct clsact_filter f;
	char where[64];

	attach_where(k, where);
	if (e->flags & ATTACH_BARE) {
		snprintf(buf, size, "%s", where);
	} else if (clsact_of_entry(e, &f)) {
		snprintf(buf, size, "prog %u at %s %s prio %u handle 0x%x", e->prog_id, where,
			 f.dir == CLSACT_INGRESS ? "ingress" : "egress", f.prio, f.handle);
		return "tc";
	} else {
		snprintf(buf, size, "prog %u at %s", e->prog_id, where);
	}
	return attach_type_name(k->type);
}

/* What PROG_ATTACH put there, or netlink: one record each, since there is no object that clients know. */
static int add_attached(void *arg, const struct attach_key *k, const struct attach_list *l)
{
	struct json_object *rows = arg;
	char text[256];

	for (u32 i = 0; i < l->nr; i++) {
		struct json_object *r;

		if (l->e[i].link_id)
			continue;
		r = json_object_new_object();
		out_str(r, "path", NULL);
		out_str(r, "type", "attached");
		out_str(r, "kind", entry_text(k, &l->e[i], text, sizeof(text)));
		out_str(r, "attached", text);
		driver_text(k, text, sizeof(text));
		out_str(r, "driven_by", text);
		json_object_array_add(rows, r);
	}
	return 0;
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
		{ "attached", "ATTACHED" },
		{ "driven_by", "DRIVEN BY" },
		{ NULL, NULL },
	};
	struct json_object *rows = json_object_new_array();
	const struct object *o;

	if (where_open(0))
		return 1;
	o = objects = objects_load(&nobjects);
	for (size_t i = 0; i < nobjects; i++) {
		if (o[i].type == OBJ_ATTACH)
			continue;
		for (u32 k = 0; k < o[i].npins; k++)
			if (wanted(o[i].pins[k], argc, argv))
				json_object_array_add(rows, record_of(&o[i], o[i].pins[k]));
		if (!o[i].npins && wanted(NULL, argc, argv))
			json_object_array_add(rows, record_of(&o[i], NULL));
	}
	if (wanted(NULL, argc, argv))
		attach_each(add_attached, rows);
	out_table(rows, columns);
	return 0;
}
