// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finding special fields: see btf_record.h.
 *
 *     walk(struct)    each member: at its byte offset, field(...)
 *       field()       flattens arrays; a struct of a known name is a field,
 *                     any other struct is walked, a tagged pointer is a kptr
 *
 * Depth and count are bounded as in the kernel: BTF_DEPTH levels of structs,
 * BTF_FIELDS_MAX fields.
 */
#include "btf/btf_record.h"
#include <string.h>
#include "btf/btf_env.h"

struct field_kind {
	const char *name;
	u32 type, size, align;
	bool once; /* a second one in the same value: E2BIG */
};

static const struct field_kind kinds[] = {
	{ "bpf_spin_lock", BTF_FIELD_SPIN_LOCK, 4, 4, true },
	{ "bpf_res_spin_lock", BTF_FIELD_RES_SPIN_LOCK, 4, 4, true },
	{ "bpf_timer", BTF_FIELD_TIMER, 16, 8, true },
	{ "bpf_wq", BTF_FIELD_WORKQUEUE, 16, 8, true },
	{ "bpf_task_work", BTF_FIELD_TASK_WORK, 8, 8, true },
	{ "bpf_list_head", BTF_FIELD_LIST_HEAD, 16, 8, false },
	{ "bpf_list_node", BTF_FIELD_LIST_NODE, 24, 8, false },
	{ "bpf_rb_root", BTF_FIELD_RB_ROOT, 16, 8, false },
	{ "bpf_rb_node", BTF_FIELD_RB_NODE, 32, 8, false },
	{ "bpf_refcount", BTF_FIELD_REFCOUNT, 4, 4, true },
};

struct search {
	const struct btf_view *v;
	struct btf_record *r;
	u32 mask, seen;
};

static int walk(struct search *s, const struct btf_type *t, u32 base, u32 level);

static const struct field_kind *kind_of(const struct search *s, const struct btf_type *t)
{
	const char *name = btf_str(s->v, t->name_off);

	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++)
		if (s->mask & kinds[i].type && !strcmp(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

/* A pointer with a type tag that makes it the kernel's: its type bit, or 0. */
static u32 kptr_of(const struct search *s, const struct btf_type *t)
{
	const char *tag;

	for (u32 n = 0; btf_is(t, BTF_MODIFIERS) && n <= s->v->nr; n++)
		t = btf_type(s->v, t->type);
	if (!btf_is(t, BTF_K(PTR)))
		return 0;
	t = btf_type(s->v, t->type);
	if (!btf_is(t, BTF_K(TYPE_TAG)) || btf_kflag(t) || btf_is(btf_type(s->v, t->type), BTF_K(TYPE_TAG)))
		return 0;
	tag = btf_str(s->v, t->name_off);
	if (!strcmp(tag, "kptr_untrusted") || !strcmp(tag, "kptr") || !strcmp(tag, "percpu_kptr"))
		return BTF_FIELD_KPTR;
	return strcmp(tag, "uptr") ? 0 : BTF_FIELD_UPTR;
}

static int add(struct search *s, u32 type, u32 off, u32 size, u32 count)
{
	for (; count; count--, off += size) {
		if (s->r->cnt == BTF_FIELDS_MAX)
			return -E2BIG;
		s->r->field[s->r->cnt].type = type;
		s->r->field[s->r->cnt].off = off;
		s->r->field[s->r->cnt++].size = size;
		s->r->mask |= type;
	}
	return 0;
}

/* Elements of a (nested) array; *t becomes the element. 0: nothing there. */
static u32 flatten(const struct search *s, const struct btf_type **t)
{
	u64 n = 1;

	for (u32 level = 0; btf_is(*t, BTF_K(ARRAY)) && level < BTF_DEPTH; level++) {
		const struct btf_array *a = btf_tail(*t);

		n = MIN(n * a->nelems, UINT32_MAX);
		*t = btf_type(s->v, a->type);
	}
	return (u32)n;
}

/* The same fields once more for each further element. */
static int repeat(struct search *s, u32 first, u32 size, u32 count)
{
	u32 n = s->r->cnt - first;

	for (u32 i = 1; n && i < count; i++) {
		for (u32 k = 0; k < n; k++) {
			if (s->r->cnt == BTF_FIELDS_MAX)
				return -E2BIG;
			s->r->field[s->r->cnt] = s->r->field[first + k];
			s->r->field[s->r->cnt++].off += i * size;
		}
	}
	return 0;
}

static int nested(struct search *s, const struct btf_type *t, u32 off, u32 count, u32 level)
{
	u32 first = s->r->cnt;
	int err;

	if (level >= BTF_DEPTH)
		return -E2BIG;
	err = walk(s, t, off, level + 1);
	return err ? err : repeat(s, first, t->size, count);
}

/* room: bytes that a section gives the variable, 0: any. */
static int field(struct search *s, const struct btf_type *t, u32 off, u32 room, u32 level)
{
	u32 count = flatten(s, &t), kptr;
	const struct field_kind *k;

	if (!count)
		return 0;
	k = kind_of(s, t);
	if (!k) {
		if (btf_is(t, BTF_K(STRUCT)))
			return nested(s, t, off, count, level);
		kptr = kptr_of(s, t) & s->mask;
		if (!kptr || off % 8 || (room && room != 8 * count))
			return 0;
		return add(s, kptr, off, 8, count);
	}
	if (k->once && s->seen & k->type)
		return -E2BIG;
	s->seen |= k->type;
	if ((room && room != k->size * count) || off % k->align)
		return 0;
	if (!btf_is(t, BTF_K(STRUCT)) || t->size != k->size)
		return 0;
	return add(s, k->type, off, k->size, count);
}

static int walk(struct search *s, const struct btf_type *t, u32 base, u32 level)
{
	const struct btf_member *m = btf_tail(t);

	for (u32 i = 0; i < btf_vlen(t); i++) {
		u32 bits = btf_member_off(t, &m[i]);
		int err;

		if (bits % 8)
			return -EINVAL; /* no C compiler makes this of a struct */
		err = field(s, btf_type(s->v, m[i].type), base + bits / 8, 0, level);
		if (err)
			return err;
	}
	return 0;
}

static int walk_section(struct search *s, const struct btf_type *t)
{
	const struct btf_var_secinfo *i = btf_tail(t);

	for (u32 k = 0; k < btf_vlen(t); k++) {
		const struct btf_type *var = btf_type(s->v, i[k].type);
		int err = field(s, btf_type(s->v, var->type), i[k].offset, i[k].size, 0);

		if (err)
			return err;
	}
	return 0;
}

/* Rules between fields: none overlap, and some come only together. */
static int together(const struct btf_record *r)
{
	u32 next = 0;

	for (u32 i = 0; i < r->cnt; i++) {
		if (r->field[i].off < next)
			return -EEXIST;
		next = r->field[i].off + r->field[i].size;
	}
	if ((r->mask & BTF_FIELD_SPIN_LOCK) && (r->mask & BTF_FIELD_RES_SPIN_LOCK))
		return -EINVAL;
	if (r->mask & (BTF_FIELD_LIST_HEAD | BTF_FIELD_RB_ROOT) &&
	    !(r->mask & (BTF_FIELD_SPIN_LOCK | BTF_FIELD_RES_SPIN_LOCK)))
		return -EINVAL;
	if (!(r->mask & BTF_FIELD_REFCOUNT) && (r->mask & BTF_FIELD_LIST_NODE) &&
	    (r->mask & BTF_FIELD_RB_NODE))
		return -EINVAL;
	return 0;
}

int btf_find_fields(const struct btf_view *v, const struct btf_type *t, u32 mask, struct btf_record *r)
{
	struct search s = { .v = v, .r = r, .mask = mask };
	int err;

	*r = (struct btf_record){ 0 };
	if (btf_is(t, BTF_K(STRUCT)))
		err = walk(&s, t, 0, 0);
	else if (btf_is(t, BTF_K(DATASEC)))
		err = walk_section(&s, t);
	else
		return -EINVAL;
	return err ? err : together(r);
}

s32 btf_field_off(const struct btf_record *r, u32 type)
{
	for (u32 i = 0; i < r->cnt; i++)
		if (r->field[i].type == type)
			return (s32)r->field[i].off;
	return -1;
}

#define STRUCT_FIELDS                                                                                        \
	(BTF_FIELD_SPIN_LOCK | BTF_FIELD_RES_SPIN_LOCK | BTF_FIELD_LIST_HEAD | BTF_FIELD_LIST_NODE |         \
	 BTF_FIELD_RB_ROOT | BTF_FIELD_RB_NODE | BTF_FIELD_REFCOUNT | BTF_FIELD_KPTR)

/* Ids of the structs whose presence as a member makes the kernel look. */
static u32 telling_ids(const struct btf_view *v, u32 ids[6])
{
	static const char *const names[] = { "bpf_spin_lock", "bpf_list_head", "bpf_list_node",
					     "bpf_rb_root",   "bpf_rb_node",   "bpf_refcount" };
	u32 n = 0;

	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		u32 id = btf_find(v, names[i], BTF_KIND_STRUCT);

		if (id)
			ids[n++] = id;
	}
	return n;
}

static bool telling(const struct search *s, u32 id, const u32 *ids, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return !btf_is(btf_type(s->v, id), BTF_K(STRUCT)) && kptr_of(s, btf_type(s->v, id)) == BTF_FIELD_KPTR;
}

int btf_check_structs(const struct btf_view *v)
{
	struct search s = { .v = v };
	struct btf_record r;
	u32 ids[6], n = telling_ids(v, ids);

	for (u32 id = 1; id < v->nr; id++) {
		const struct btf_type *t = btf_type(v, id);
		const struct btf_member *m = btf_tail(t);
		u32 i = 0;
		int err;

		if (!btf_is(t, BTF_K(STRUCT)))
			continue;
		while (i < btf_vlen(t) && !telling(&s, m[i].type, ids, n))
			i++;
		if (i == btf_vlen(t))
			continue;
		err = btf_find_fields(v, t, STRUCT_FIELDS, &r);
		if (err || !r.cnt)
			return err ? err : -EFAULT;
	}
	return 0;
}

#define MAP_FIELDS                                                                                           \
	(BTF_FIELD_SPIN_LOCK | BTF_FIELD_RES_SPIN_LOCK | BTF_FIELD_TIMER | BTF_FIELD_KPTR |                  \
	 BTF_FIELD_LIST_HEAD | BTF_FIELD_RB_ROOT | BTF_FIELD_REFCOUNT | BTF_FIELD_WORKQUEUE |                \
	 BTF_FIELD_UPTR | BTF_FIELD_TASK_WORK)

int btf_map_types(const struct btf_view *v, u32 key_id, u32 value_id, u32 key_size, u32 value_size,
		  const struct btf_type **key, const struct btf_type **value, struct btf_record *r)
{
	u32 size = 0;

	*key = btf_type(v, 0);
	if (key_id) {
		*key = btf_id_size(v, &key_id, &size);
		if (!*key || size != key_size)
			return -EINVAL;
	}
	*value = btf_id_size(v, &value_id, &size);
	if (!*value || size != value_size)
		return -EINVAL;
	/* A value whose fields contradict each other has none; so the kernel. */
	if (btf_find_fields(v, *value, MAP_FIELDS, r))
		*r = (struct btf_record){ 0 };
	return 0;
}
