// SPDX-License-Identifier: BSD-2-Clause
/*
 * maps.debug and progs.debug, which lie in the root of every fresh bpffs.
 *
 * A kernel with BPF_PRELOAD has two pinned iterators there. Here they are plain files of the
 * instance (store/instance.c) whose contents say which they are, and their text is
 * made when they are opened: there is no program, link or id behind them,
 * and BPF_OBJ_GET of one is EACCES. They can be unlinked and renamed like pins; the names
 * have a dot, so that nobody can make them again.
 */
#include "sys/fscalls.h"
#include "btf/btf_kernel.h"
#include "btf/btf_obj.h"
#include "map/map.h"
#include "prog/prog.h"
#include "store/instance.h"
#include "sys/prog_maps.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

enum fs_debug fs_debug_file(const struct fs_at *at, const struct stat *st)
{
	char text[sizeof(INSTANCE_DEBUG_MAPS) + 16];
	enum fs_debug kind = FS_DEBUG_NONE;
	long n;
	int fd;

	if (!S_ISREG(st->st_mode) || st->st_size > (off_t)sizeof(text))
		return FS_DEBUG_NONE;
	fd = raw_openat(at->dirfd, fs_name(at), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return FS_DEBUG_NONE;
	n = raw_read(fd, text, sizeof(text) - 1);
	raw_close(fd);
	text[n > 0 ? n : 0] = 0;
	if (!strcmp(text, INSTANCE_DEBUG_MAPS))
		kind = FS_DEBUG_MAPS;
	else if (!strcmp(text, INSTANCE_DEBUG_PROGS))
		kind = FS_DEBUG_PROGS;
	return kind;
}

struct count {
	struct bpf_map *m;
	struct op *op;
	u64 n;
};

static int count_elems(void *arg)
{
	struct count *c = arg;
	struct map_elem e;
	u32 at = 0;

	c->op->budget = 1000000;
	while (c->m->ops->next_elem(c->op, c->m, &at, 0, &e))
		c->n++;
	return 0;
}

/* Elements of a hash map; other types do not count theirs. */
static u64 elements(u32 id)
{
	struct handle *h = handle_by_id(OBJ_MAP, id);
	struct count c = { 0 };
	struct opened *o;

	if (IS_ERR(h))
		return 0;
	o = handle_open(h);
	if (!IS_ERR(o)) {
		c.m = &o->map;
		if (c.m->ops->next_elem && map_type_get(c.m->map_type)->bucket_cursor)
			c.op = op_enter(c.m, __builtin_frame_address(0));
	}
	if (c.op) {
		op_guarded(c.op, c.m->view.base, c.m->view.base + c.m->view.size, count_elems, &c);
		op_leave(c.op);
	}
	handle_put(h);
	return c.n;
}

static void map_line(FILE *f, u32 id, const struct map_hdr *h)
{
	fprintf(f, "%4u %-16.15s  %10d   %10lld\n", id, h->o.name, (int)h->max_entries,
		(long long)elements(id));
}

/* The type of the program's main function in its BTF; 0: it has none. */
struct main_type {
	struct obj_view v;
	u32 id;
};

static int read_main_type(void *arg)
{
	struct main_type *m = arg;
	struct prog_file f;

	if (!prog_file_open(&f, &m->v) && f.h.nr_func)
		m->id = f.func_info[0].type_id;
	return 0;
}

static u32 main_type(u32 id)
{
	struct main_type m = { .id = 0 };
	struct op *op;

	if (obj_map(OBJ_PROG, id, false, &m.v))
		return 0;
	op = op_enter(NULL, __builtin_frame_address(0));
	if (op) {
		op_guarded(op, m.v.base, m.v.base + m.v.size, read_main_type, &m);
		op_leave(op);
	}
	obj_unmap(&m.v);
	return m.id;
}

/* The name of the main function in the program's BTF, or of the program. */
static void prog_name(u32 id, const struct prog_hdr *h, char *name, size_t size)
{
	u32 type = h->btf_id ? main_type(id) : 0;
	struct btf_blob b = { 0 };
	struct btf_type t;
	const char *s = NULL;

	snprintf(name, size, "%.15s", h->o.name);
	if (!type || btf_obj_read(h->btf_id, BTF_SIZE_MAX, &b))
		return;
	if (!btf_peek(b.raw, b.read, type, &t, &s) && *s)
		snprintf(name, size, "%s", s);
	btf_blob_drop(&b);
}

static void prog_line(FILE *f, u32 id, const struct prog_hdr *h)
{
	const struct btf_view *kernel = h->attach_btf_id ? btf_kernel() : NULL;
	const struct btf_type *t = kernel ? btf_type(kernel, h->attach_btf_id) : NULL;
	char name[128];

	prog_name(id, h, name, sizeof(name));
	fprintf(f, "%4u %-16s %s \n", id, name, t ? btf_str(kernel, t->name_off) : "");
}

static void all_lines(FILE *f, enum obj_type type)
{
	union {
		struct obj_hdr o;
		struct map_hdr map;
		struct prog_hdr prog;
	} h;
	struct stat st;
	u32 id = 0;
	int fd;

	/* The kernel's print it before their first object, of which they have some of their own. */
	fputs(type == OBJ_MAP ? "  id name             max_entries  cur_entries\n"
			      : "  id name             attached\n",
	      f);
	while (!obj_next_id(type, id, &id)) {
		/* Held meanwhile; one that is dead is not shown. */
		fd = obj_open(type, id, O_RDONLY, &st);
		if (fd < 0)
			continue;
		if (!obj_read_header(type, id, &h.o, sizeof(h))) {
			if (type == OBJ_MAP)
				map_line(f, id, &h.map);
			else
				prog_line(f, id, &h.prog);
		}
		obj_close(fd, type, id);
	}
}

int fs_debug_text(enum fs_debug kind, const char *path, u32 oflags)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f;
	int fd;

	if (oflags & O_DIRECT)
		return -EINVAL;
	f = open_memstream(&text, &n);
	if (!f)
		return -ENOMEM;
	all_lines(f, kind == FS_DEBUG_MAPS ? OBJ_MAP : OBJ_PROG);
	fd = fclose(f) ? -ENOMEM : fs_text_fd(path, text, n, oflags);
	free(text);
	return fd;
}
