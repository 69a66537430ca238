// SPDX-License-Identifier: BSD-2-Clause
/*
 * A pinned map as text: what open(2) and read(2) of its pin give.
 *
 * Only where the map's type and its BTF allow it. The text is made whole when
 * the pin is opened: the elements are those of that moment, where the kernel
 * walks on with every read.
 *
 *     KEY: VALUE            by their BTF types; an array's key is its index
 *     KEY: {                per-CPU types: a line for each possible CPU
 *     <TAB>cpu0: VALUE
 *     }
 *     section (".data") = {9        global data has no key
 *     1: 25                         a program array: the program's id
 */
#include "sys/fscalls.h"
#include "btf/btf_obj.h"
#include "btf/btf_show.h"
#include "map/map.h"
#include <stdio.h>
#include <stdlib.h>

struct text {
	struct btf_sink sink;
	FILE *f;
	struct bpf_map *m;
	const struct map_type *t;
	struct btf_blob blob;
	struct btf_view btf;
	u8 *key, *next, *value;
};

static void put(struct btf_sink *s, const char *text, size_t n)
{
	fwrite(text, 1, n, ((struct text *)s->arg)->f);
}

static void show_key(struct text *x)
{
	const struct map_hdr *h = x->m->hdr;

	if (x->t->btf_key == MAP_BTF_KEY_ARRAY || x->t->btf_key == MAP_BTF_KEY_U32)
		fprintf(x->f, "%u", *(const u32 *)x->key);
	else
		btf_show(&x->btf, h->btf_key_type_id, x->key, x->m->key_size, &x->sink);
	fputs(": ", x->f);
}

static void show_percpu(struct text *x)
{
	u32 step = ROUND_UP(x->m->value_size, 8);

	fputs("{\n", x->f);
	for (u32 cpu = 0; cpu < x->m->ncpu; cpu++) {
		fprintf(x->f, "\tcpu%u: ", cpu);
		btf_show(&x->btf, x->m->hdr->btf_value_type_id, x->value + (size_t)cpu * step,
			 x->m->value_size, &x->sink);
		fputc('\n', x->f);
	}
	fputs("}\n", x->f);
}

static void show_element(struct text *x)
{
	if (x->m->hdr->btf_key_type_id)
		show_key(x);
	if (x->t->percpu) {
		show_percpu(x);
		return;
	}
	btf_show(&x->btf, x->m->hdr->btf_value_type_id, x->value, x->m->value_size, &x->sink);
	fputc('\n', x->f);
}

/* An element that went meanwhile is passed over; no more are shown than can be there. */
static void walk(struct op *op, struct text *x)
{
	const void *key = NULL;

	for (u64 left = (u64)x->m->max_entries; left; left--) {
		if (x->m->ops->next_key(op, x->m, key, x->next))
			return;
		memcpy(x->key, x->next, x->m->key_size);
		key = x->key;
		if (!x->m->ops->lookup(op, x->m, x->key, x->value, 0))
			show_element(x);
	}
}

/* A fault inside means that the file was cut under us. */
static noinline int walk_guarded(struct op *op, struct text *x)
{
	int err = guard_set(&op->guard);

	if (err)
		op_fault(op);
	else
		walk(op, x);
	return err;
}

static int walk_all(struct text *x)
{
	struct op *op = op_enter(x->m, __builtin_frame_address(0));
	int err;

	if (!op)
		return -EAGAIN;
	err = walk_guarded(op, x);
	op_leave(op);
	return err;
}

static int make_text(struct text *x, char **out, size_t *n)
{
	size_t room = MAX(x->m->key_size, 8u) * 2 + x->m->value_len + 64;
	int err = 0;

	x->key = calloc(1, room);
	x->f = x->key ? open_memstream(out, n) : NULL;
	if (!x->f) {
		free(x->key);
		return -ENOMEM;
	}
	x->next = x->key + ROUND_UP(MAX(x->m->key_size, 8u), 8);
	x->value = x->next + ROUND_UP(MAX(x->m->key_size, 8u), 8);
	x->sink = (struct btf_sink){ .put = put, .arg = x };
	fputs("# WARNING!! The output is for debug purpose only\n"
	      "# WARNING!! The output format will change\n",
	      x->f);
	err = walk_all(x);
	if (fclose(x->f) && !err)
		err = -ENOMEM;
	free(x->key);
	return err;
}

static int with_btf(struct text *x, char **out, size_t *n)
{
	int err = btf_obj_read(x->m->hdr->btf_id, BTF_SIZE_MAX, &x->blob);

	if (err)
		return err;
	err = btf_check(&x->btf, x->blob.raw, x->blob.read, NULL);
	if (!err) {
		err = make_text(x, out, n);
		btf_drop(&x->btf);
	}
	btf_blob_drop(&x->blob);
	return err;
}

static struct handle *handle_of(u32 map_id)
{
	struct stat st;
	char name[32];
	int err = raw_fstatat(the_store.dirfd, store_id_name(name, OBJ_MAP, map_id), &st,
			      AT_SYMLINK_NOFOLLOW);

	return err ? ERR_PTR(err) : handle_get(OBJ_MAP, map_id, st.st_ino);
}

int fs_map_text(u32 map_id, const char *path, u32 oflags)
{
	struct text x = { 0 };
	char *out = NULL;
	struct handle *h;
	struct opened *o;
	size_t n = 0;
	int err;

	h = handle_of(map_id);
	if (IS_ERR(h))
		return -EIO;
	o = handle_open(h);
	err = -EIO;
	if (!IS_ERR(o)) {
		x.m = &o->map;
		x.t = map_type_get(x.m->map_type);
		if (x.t && x.t->btf_seq && x.m->hdr->btf_value_type_id && x.m->hdr->btf_id)
			err = oflags & O_DIRECT ? -EINVAL : with_btf(&x, &out, &n);
	}
	if (!err)
		err = fs_text_fd(path, out, n, oflags);
	free(out);
	handle_put(h);
	return err;
}
