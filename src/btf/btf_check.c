// SPDX-License-Identifier: BSD-2-Clause
/*
 * Validation of untrusted BTF: the header, the sections, the order of passes.
 *
 * See btf_env.h for the passes. Memory for them is one anonymous mapping whose
 * size follows from the type section's: no type is shorter than 12 bytes.
 *
 *     +-----------------+--------+--------+----------+-------+
 *     | types, aligned  | off    | res_id | res_size | state |
 *     +-----------------+--------+--------+----------+-------+
 *
 * The types are copied, since a long header may leave them unaligned.
 */
#include <string.h>
#include <sys/mman.h>
#include "btf/btf_env.h"
#include "util/raw.h"

static void log_header(struct vlog *log, const struct btf_header *h, u32 size)
{
	vlog(log, "magic: 0x%x\nversion: %u\nflags: 0x%x\nhdr_len: %u\n", h->magic, h->version, h->flags,
	     h->hdr_len);
	vlog(log, "type_off: %u\ntype_len: %u\nstr_off: %u\nstr_len: %u\nbtf_total_size: %u\n", h->type_off,
	     h->type_len, h->str_off, h->str_len, size);
}

static int bad(struct vlog *log, const char *msg)
{
	vlog(log, "%s", msg);
	return -EINVAL;
}

/* Both sections, without gap, overlap or rest. */
static int check_sections(const struct btf_header *h, u32 room, struct vlog *log)
{
	const u32 sec[2][2] = { { h->type_off, h->type_len }, { h->str_off, h->str_len } };
	/* By offset, the strings first if equal; the kernel's comparison is one of signed differences. */
	u32 first = (s32)(h->str_off - h->type_off) <= 0, total = 0;

	for (u32 i = 0; i < 2; i++) {
		u32 off = sec[first ^ i][0], len = sec[first ^ i][1];

		if (room < off)
			return bad(log, "Invalid section offset");
		if (total < off)
			return bad(log, "Unsupported section found");
		if (total > off)
			return bad(log, "Section overlap found");
		if (room - total < len)
			return bad(log, "Total section length too long");
		total += len;
	}
	return total == room ? 0 : bad(log, "Unsupported section found");
}

static int check_header(struct btf_header *h, const u8 *raw, u32 size, struct vlog *log)
{
	u32 len;

	*h = (struct btf_header){ 0 };
	if (size < offsetof(struct btf_header, type_off))
		return bad(log, "hdr_len not found");
	memcpy(&len, raw + offsetof(struct btf_header, hdr_len), sizeof(len));
	if (size < len)
		return bad(log, "btf_header not found");
	for (u32 i = sizeof(*h); i < len; i++) {
		if (raw[i]) {
			bad(log, "Unsupported btf_header");
			return -E2BIG;
		}
	}
	memcpy(h, raw, MIN(len, sizeof(*h)));
	log_header(log, h, size);
	if (h->magic != BTF_MAGIC)
		return bad(log, "Invalid magic");
	if (h->version != BTF_VERSION) {
		bad(log, "Unsupported version");
		return -ENOTSUPP;
	}
	if (h->flags) {
		bad(log, "Unsupported flags");
		return -ENOTSUPP;
	}
	return check_sections(h, size - len, log);
}

static int check_strings(const struct btf_header *h, const char *s, const u8 *end, struct vlog *log)
{
	if ((const u8 *)s + h->str_len != end)
		return bad(log, "String section is not at the end");
	if (!h->str_len || h->str_len - 1 > BTF_NAMES_MAX || s[0] || s[h->str_len - 1])
		return bad(log, "Invalid string section");
	return 0;
}

static int make_arena(struct btf_view *v, const u8 *types, u32 len)
{
	size_t n = len / sizeof(struct btf_type) + 1, room = ROUND_UP((size_t)len, sizeof(u64));

	v->arena_size = room + n * (3 * sizeof(u32) + 1);
	v->arena = raw_mmap(NULL, v->arena_size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (IS_ERR(v->arena)) {
		v->arena = NULL;
		return -ENOMEM;
	}
	memcpy(v->arena, types, len);
	v->types = v->arena;
	v->types_len = len;
	v->off = (u32 *)((u8 *)v->arena + room);
	v->res_id = v->off + n;
	v->res_size = v->res_id + n;
	v->state = (u8 *)(v->res_size + n);
	v->nr = 1;
	return 0;
}

static int check_meta(struct btf_env *e, const struct btf_type *t, u32 left)
{
	u32 kind;

	if (left < sizeof(*t)) {
		vlog(e->log, "[%u] meta_left:%u meta_needed:%lu", e->id, left, (u64)sizeof(*t));
		return -EINVAL;
	}
	kind = btf_kind(t);
	if (t->info & ~0x9f00ffffu) {
		vlog(e->log, "[%u] Invalid btf_info:%x", e->id, t->info);
		return -EINVAL;
	}
	if (kind == BTF_KIND_UNKN || kind >= BTF_KINDS) {
		vlog(e->log, "[%u] Invalid kind:%u", e->id, kind);
		return -EINVAL;
	}
	if (t->name_off >= e->v->strs_len) {
		vlog(e->log, "[%u] Invalid name_offset:%u", e->id, t->name_off);
		return -EINVAL;
	}
	return btf_kinds[kind].meta(e, t, left - (u32)sizeof(*t));
}

/* Pass 1. */
static int check_metas(struct btf_env *e)
{
	struct btf_view *v = e->v;
	u32 at = 0;

	e->in_meta = true;
	while (at < v->types_len) {
		int n;

		e->id = v->nr;
		n = check_meta(e, (const struct btf_type *)(v->types + at), v->types_len - at);
		if (n < 0)
			return n;
		if (v->nr > BTF_IDS_MAX) {
			vlog(e->log, "Exceeded max num of types, max:%u\n", BTF_IDS_MAX);
			return -E2BIG;
		}
		v->off[v->nr++] = at;
		at += (u32)sizeof(struct btf_type) + (u32)n;
	}
	e->in_meta = false;
	return 0;
}

/* Pass 2. */
static int check_types(struct btf_env *e)
{
	for (u32 id = 1; id < e->v->nr; id++) {
		const struct btf_type *t = btf_type(e->v, id);
		int err = 0;

		e->id = id;
		if (btf_kinds[btf_kind(t)].resolve && e->v->state[id] != BTF_RESOLVED)
			err = btf_resolve(e, t, id);
		if (!err && btf_kind(t) == BTF_KIND_FUNC_PROTO)
			err = btf_check_proto(e, t);
		if (err)
			return err;
	}
	return 0;
}

/* Pass 3: on the way through modifiers no type tag comes after another kind of modifier. */
static int check_type_tags(struct btf_env *e)
{
	for (u32 id = 1; id < e->v->nr; id++) {
		const struct btf_type *t = btf_type(e->v, id);
		bool tags = btf_kind(t) == BTF_KIND_TYPE_TAG;

		for (; btf_is(t, BTF_MODIFIERS); t = btf_type(e->v, t->type)) {
			bool tag = btf_kind(t) == BTF_KIND_TYPE_TAG;

			if (tag && !tags)
				return bad(e->log, "Type tags don't precede modifiers");
			tags = tags && tag;
		}
	}
	return 0;
}

static int check_all(struct btf_view *v, struct vlog *log)
{
	struct btf_env e = { .v = v, .log = log };
	int err = check_metas(&e);

	if (!err)
		err = check_types(&e);
	if (!err)
		err = check_type_tags(&e);
	return err;
}

int btf_check(struct btf_view *v, const void *raw, u32 size, struct vlog *log)
{
	struct btf_header h;
	const u8 *body;
	int err;

	*v = (struct btf_view){ .raw = raw, .raw_size = size };
	err = check_header(&h, raw, size, log);
	if (err)
		return err;
	body = v->raw + h.hdr_len;
	v->strs = (const char *)body + h.str_off;
	v->strs_len = h.str_len;
	err = check_strings(&h, v->strs, v->raw + size, log);
	if (err)
		return err;
	if (h.type_off % sizeof(u32))
		return bad(log, "Unaligned type_off");
	if (!h.type_len)
		return bad(log, "No type found");
	err = make_arena(v, body + h.type_off, h.type_len);
	if (!err)
		err = check_all(v, log);
	if (err)
		btf_drop(v);
	return err;
}
