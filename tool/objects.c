// SPDX-License-Identifier: BSD-2-Clause
/*
 * Collecting a store's objects, pins and references: see objects.h.
 */
#include "tool/objects.h"
#include "store/dirscan.h"
#include "store/instance.h"
#include "store/ref.h"
#include "store/store.h"
#include "tool/holders.h"
#include "tool/live_runs.h"
#include "util/raw.h"
#include "util/str.h"
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static struct object_list list;

/* Room for one more in an array that is doubled as it fills. */
void *list_grow(void *array, u32 n, size_t size)
{
	if (n && (n & (n - 1)))
		return array;
	array = realloc(array, (n ? 2 * (size_t)n : 1) * size);
	if (!array)
		abort();
	return array;
}

static void read_header(struct object *o)
{
	struct obj_view v;

	if (obj_map(o->type, o->id, false, &v))
		return;
	o->readable = true;
	o->kind = v.hdr->kind;
	memcpy(o->name, v.hdr->name, sizeof(o->name));
	o->name[sizeof(o->name) - 1] = 0;
	if (!store_type(o->type)->describe || !store_type(o->type)->describe(v.hdr, v.size, o->about))
		o->about[0] = 0;
	obj_unmap(&v);
}

static void load_type(enum obj_type t)
{
	const struct dirscan_entry *e;
	struct dirscan d;

	if (dirscan_open(&d, store_type(t)->dir))
		return;
	while ((e = dirscan_next(&d))) {
		const char *end;
		u64 id = str_get_u64(e->name, &end);
		struct object *o;

		/* A dead one is removed by whoever looks. */
		if (*end || end == e->name || id > 0xffffffffu || obj_reap(t, (u32)id) > 0)
			continue;
		list.o = list_grow(list.o, list.n, sizeof(*list.o));
		o = &list.o[list.n++];
		*o = (struct object){ .type = t, .id = (u32)id, .ino = e->ino };
		read_header(o);
	}
	dirscan_close(&d);
}

static int by_ino(const void *a, const void *b)
{
	const struct object *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static int by_id(const void *a, const void *b)
{
	const struct object *x = a, *y = b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

struct object *object_of_ino(const struct object_list *l, u64 ino)
{
	struct object key = { .ino = ino };

	return bsearch(&key, l->o, l->n, sizeof(key), by_ino);
}

static void load_refs(void)
{
	const struct dirscan_entry *e;
	struct dirscan d;

	if (dirscan_open(&d, "refs"))
		return;
	while ((e = dirscan_next(&d))) {
		struct object *o = object_of_ino(&list, e->ino);
		enum obj_type type;
		u32 id;
		u64 slot;

		if (!o || !ref_parse(e->name, &type, &id, &slot) || ref_is_spare(type, id, slot))
			continue;
		o->users = list_grow(o->users, o->nusers, sizeof(*o->users));
		snprintf(o->users[o->nusers++], sizeof(*o->users), "%s.%u", store_type(type)->dir, id);
	}
	dirscan_close(&d);
}

/* Pins of a directory of the store, shown below `shown`. A tree deeper than a path can name is cut there. */
static void load_pins(const char *dir, const char *shown)
{
	const struct dirscan_entry *e;
	struct dirscan d;

	if (dirscan_open(&d, dir))
		return;
	while ((e = dirscan_next(&d))) {
		char sub[PATH_MAX], path[PATH_MAX];
		struct object *o;

		if (snprintf(sub, sizeof(sub), "%s/%s", dir, e->name) >= (int)sizeof(sub) ||
		    snprintf(path, sizeof(path), "%s/%s", shown, e->name) >= (int)sizeof(path))
			continue;
		if (e->type == DT_DIR) {
			load_pins(sub, path);
			continue;
		}
		o = object_of_ino(&list, e->ino);
		if (!o)
			continue;
		o->pins = list_grow(o->pins, o->npins, sizeof(*o->pins));
		o->pins[o->npins++] = strdup(path);
	}
	dirscan_close(&d);
}

struct shown_at {
	u32 n;
	const char *path;
	char buf[PATH_MAX];
};

static int take_path(void *arg, u32 n, const char *path)
{
	struct shown_at *s = arg;

	if (n != s->n)
		return 0;
	str_put(s->buf, path);
	s->path = s->buf;
	return 1;
}

static int take_run_path(void *arg, const struct run_mount *m)
{
	return take_path(arg, m->instance, m->path);
}

/* Where people see an instance: on its own directory, or where a run has mounted it; else its place in the
 * store. */
static void load_instance(u32 n)
{
	struct shown_at s = { .n = n };
	char dir[32];

	str_put_u64(str_put(dir, "fs/"), n, 10);
	if (n == INSTANCE_MAIN)
		s.path = "/sys/fs/bpf";
	else if (instance_each_mount(take_path, &s) <= 0 && live_runs_each_mount(take_run_path, &s) <= 0) {
		snprintf(s.buf, sizeof(s.buf), "%s/%s", the_store.path, dir);
		s.path = s.buf;
	}
	load_pins(dir, s.path);
}

static void load_instances(void)
{
	const struct dirscan_entry *e;
	struct dirscan d;

	if (dirscan_open(&d, "fs"))
		return;
	while ((e = dirscan_next(&d))) {
		const char *end;
		u64 n = str_get_u64(e->name, &end);

		if (!*end && end != e->name && n <= 0xffffffffu)
			load_instance((u32)n);
	}
	dirscan_close(&d);
}

/* What is dead goes when it is looked at. Those that hold others are looked at first: they free them. */
static void look_at_all(void)
{
	for (u32 t = OBJ_TYPES; t-- > 0;) {
		u32 id = 0;

		while (!obj_next_id(t, id, &id))
			;
	}
}

struct object *objects_load(size_t *n)
{
	look_at_all();
	for (u32 t = 0; t < OBJ_TYPES; t++)
		load_type(t);
	qsort(list.o, list.n, sizeof(*list.o), by_ino);
	load_refs();
	load_instances();
	holders_load(&list);
	qsort(list.o, list.n, sizeof(*list.o), by_id);
	*n = list.n;
	return list.o;
}
