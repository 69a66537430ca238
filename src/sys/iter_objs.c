// SPDX-License-Identifier: BSD-2-Clause
/*
 * Structs of the kernel, made for iterators: see iter_objs.h.
 */
#include "sys/iter_objs.h"
#include <string.h>
#include <sys/mman.h>
#include "btf/btf_kernel.h"
#include "util/raw.h"
#include "util/str.h"

#define STRUCT_MAX (1u << 20)
#define TEXT_ROOM  128u

/* ---- making room ---- */

/* The struct that a member points to; 0: none. */
static u32 pointee(const struct btf_view *v, u32 id, const char *name)
{
	const struct btf_type *t;
	struct btf_place p;

	if (!id || !btf_kernel_member(v, id, name, &p))
		return 0;
	t = btf_skip_mods(v, &p.type_id);
	if (!t || !btf_is(t, BTF_K(PTR)))
		return 0;
	id = t->type;
	t = btf_skip_mods(v, &id);
	return t && btf_is(t, BTF_K(STRUCT)) ? id : 0;
}

static void want(struct iter_objs *o, struct kstruct *k, u32 id)
{
	const struct btf_type *t = id ? btf_type(o->v, id) : NULL;

	if (!t || !btf_is(t, BTF_STRUCTS) || t->size > STRUCT_MAX)
		return;
	k->id = id;
	k->size = t->size;
	o->size += ROUND_UP(k->size, 64);
}

static void want_prog(struct iter_objs *o, u32 id)
{
	want(o, &o->prog, id);
	want(o, &o->aux, pointee(o->v, id, "aux"));
	want(o, &o->prog_btf, pointee(o->v, o->aux.id, "btf"));
}

static void place(struct iter_objs *o, struct kstruct *k, u8 **at)
{
	if (!k->size)
		return;
	k->at = *at;
	*at += ROUND_UP(k->size, 64);
}

int iter_objs_init(struct iter_objs *o, const struct btf_view *v, u32 func, const struct iter_target *t)
{
	u32 id = iter_arg_struct(v, func, 1);
	u8 *at;

	*o = (struct iter_objs){ .v = v, .size = TEXT_ROOM };
	want(o, &o->meta, iter_arg_struct(v, func, 0));
	want(o, &o->seq, pointee(v, o->meta.id, "seq"));
	switch (t->over) {
	case ITER_MAPS:
	case ITER_MAP_ELEMS:
		want(o, &o->map, id);
		want(o, &o->inner, pointee(v, id, "inner_map_meta"));
		want(o, &o->map_btf, pointee(v, id, "btf"));
		break;
	case ITER_PROGS: want_prog(o, id); break;
	case ITER_LINKS: want(o, &o->link, id); want_prog(o, pointee(v, id, "prog"));
	}
	if (!o->meta.size || !id)
		return -EINVAL;
	o->mem = raw_mmap(NULL, o->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(o->mem)) {
		o->mem = NULL;
		return -ENOMEM;
	}
	o->text = (char *)o->mem;
	at = o->mem + TEXT_ROOM;
	place(o, &o->meta, &at);
	place(o, &o->seq, &at);
	place(o, &o->map, &at);
	place(o, &o->inner, &at);
	place(o, &o->map_btf, &at);
	place(o, &o->prog, &at);
	place(o, &o->aux, &at);
	place(o, &o->prog_btf, &at);
	place(o, &o->link, &at);
	return 0;
}

void iter_objs_drop(struct iter_objs *o)
{
	if (o->mem)
		raw_munmap(o->mem, o->size);
	o->mem = NULL;
}

/* ---- members ---- */

static void clear(const struct kstruct *k)
{
	if (k->size)
		memset(k->at, 0, k->size);
}

/* The bytes of a member, and how many; NULL: the struct has none of that name, or it is a bit field. */
static u8 *member(const struct iter_objs *o, const struct kstruct *k, const char *name, u32 *size,
		  struct btf_place *p)
{
	u32 elem, nr;

	if (!k->size || !btf_kernel_member(o->v, k->id, name, p))
		return NULL;
	*size = btf_kernel_size(o->v, p->type_id, &elem, &nr);
	if (!*size || (u64)p->bit / 8 + *size > k->size)
		return NULL;
	return k->at + p->bit / 8;
}

/* A number, or a struct of one (atomic_t, refcount_t). */
static void set(const struct iter_objs *o, const struct kstruct *k, const char *name, u64 v)
{
	struct btf_place p;
	u32 size;
	u8 *at = member(o, k, name, &size, &p);

	if (!at)
		return;
	if (p.bits) {
		u32 bit = p.bit % 8;

		if (p.bits == 1 && v)
			*at |= (u8)(1u << bit);
		return;
	}
	if (size <= sizeof(v))
		memcpy(at, &v, size);
}

static void set_bytes(const struct iter_objs *o, const struct kstruct *k, const char *name, const void *from,
		      u32 n)
{
	struct btf_place p;
	u32 size;
	u8 *at = member(o, k, name, &size, &p);

	if (at && !p.bits)
		memcpy(at, from, MIN(n, size));
}

static void set_ptr(const struct iter_objs *o, const struct kstruct *k, const char *name, const void *to)
{
	set(o, k, name, ptr_to_u64(to));
}

/* Names in files may lack their NUL. */
static void set_name(const struct iter_objs *o, const struct kstruct *k, const char name[OBJ_NAME_LEN])
{
	set_bytes(o, k, "name", name, OBJ_NAME_LEN - 1);
}

static void set_btf(const struct iter_objs *o, const struct kstruct *k, const struct kstruct *btf, u32 id)
{
	clear(btf);
	if (!id || !btf->size)
		return;
	set(o, btf, "id", id);
	set_ptr(o, k, "btf", btf->at);
}

/* Who holds it: other objects and pins. Descriptors are not counted. */
static void set_counts(const struct iter_objs *o, const struct kstruct *k, u32 nlink)
{
	u32 n = nlink > 1 ? nlink - 1 : 1;

	set(o, k, "refcnt", n);
	set(o, k, "usercnt", n);
}

/* ---- objects ---- */

void iter_set_meta(struct iter_objs *o, u64 session)
{
	struct btf_place p;
	u32 size;

	set(o, &o->meta, "session_id", session);
	o->nr = member(o, &o->meta, "seq_num", &size, &p);
	if (o->nr && (p.bit % 64 || size != sizeof(u64)))
		o->nr = NULL;
	if (o->seq.size)
		set_ptr(o, &o->meta, "seq", o->seq.at);
}

static void geometry(struct iter_objs *o, const struct kstruct *k, u32 type, u32 key, u32 value, u32 max,
		     u32 flags)
{
	clear(k);
	set(o, k, "map_type", type);
	set(o, k, "key_size", key);
	set(o, k, "value_size", value);
	set(o, k, "max_entries", max);
	set(o, k, "map_flags", flags & ~(u32)(BPF_F_RDONLY | BPF_F_WRONLY));
	set(o, k, "numa_node", (u64)-1);
}

void iter_set_map(struct iter_objs *o, const struct map_hdr *h, u32 nlink)
{
	const struct kstruct *k = &o->map;

	geometry(o, k, h->o.kind, h->key_size, h->value_size, h->max_entries, h->map_flags);
	set(o, k, "id", h->o.id);
	set(o, k, "map_extra", h->map_extra);
	set(o, k, "btf_key_type_id", h->btf_key_type_id);
	set(o, k, "btf_value_type_id", h->btf_value_type_id);
	set(o, k, "frozen", h->frozen);
	set_name(o, k, h->o.name);
	set_counts(o, k, nlink);
	set_btf(o, k, &o->map_btf, h->btf_id);
	if (!h->inner.map_type || !o->inner.size)
		return;
	geometry(o, &o->inner, h->inner.map_type, h->inner.key_size, h->inner.value_size,
		 h->inner.max_entries, h->inner.map_flags);
	set_ptr(o, k, "inner_map_meta", o->inner.at);
}

/* The name of the function that the program stands for, in the machine's BTF. */
static void set_attached(struct iter_objs *o, u32 btf_id)
{
	const struct btf_type *t = btf_id ? btf_type(o->v, btf_id) : NULL;
	const char *name = t ? btf_str(o->v, t->name_off) : "";
	size_t n = strlen(name);

	if (!n || n >= TEXT_ROOM)
		return;
	memcpy(o->text, name, n + 1);
	set(o, &o->aux, "attach_btf_id", btf_id);
	set_ptr(o, &o->aux, "attach_func_name", o->text);
}

static void set_aux(struct iter_objs *o, const struct prog_hdr *h, u32 nlink)
{
	const struct kstruct *k = &o->aux;
	u32 maps = 0;

	while (maps < PROG_MAPS_MAX && h->map_ids[maps])
		maps++;
	clear(k);
	set_counts(o, k, nlink);
	set(o, k, "id", h->o.id);
	set(o, k, "used_map_cnt", maps);
	set(o, k, "func_cnt", h->nr_subs > 1 ? h->nr_subs : 0);
	set(o, k, "load_time", h->o.created);
	set(o, k, "verified_insns", h->verified_insns);
	set(o, k, "func_info_cnt", h->nr_func);
	set(o, k, "nr_linfo", h->nr_line);
	set(o, k, "xdp_has_frags", !!(h->prog_flags & BPF_F_XDP_HAS_FRAGS));
	set_name(o, k, h->o.name);
	set_btf(o, k, &o->prog_btf, h->btf_id);
	set_attached(o, h->attach_btf_id);
	if (o->prog.size)
		set_ptr(o, k, "prog", o->prog.at);
}

void iter_set_prog(struct iter_objs *o, const struct prog_hdr *h, u32 nlink)
{
	const struct kstruct *k = &o->prog;

	clear(k);
	set(o, k, "pages", ROUND_UP((u64)h->xlated_cnt * sizeof(struct bpf_insn) + 1, PAGE) / PAGE);
	set(o, k, "jited", 1);
	set(o, k, "jit_requested", 1);
	set(o, k, "gpl_compatible", h->gpl & 1);
	set(o, k, "sleepable", !!(h->prog_flags & BPF_F_SLEEPABLE));
	set(o, k, "type", h->o.kind);
	set(o, k, "expected_attach_type", h->expected_attach_type);
	set(o, k, "len", h->xlated_cnt);
	set_bytes(o, k, "tag", h->tag, sizeof(h->tag));
	if (!o->aux.size)
		return;
	set_aux(o, h, nlink);
	set_ptr(o, k, "aux", o->aux.at);
}

void iter_set_link(struct iter_objs *o, const struct link_hdr *l, const struct prog_hdr *h, u32 nlink)
{
	const struct kstruct *k = &o->link;

	clear(k);
	set_counts(o, k, nlink);
	set(o, k, "id", l->o.id);
	set(o, k, "type", l->o.kind);
	set(o, k, "attach_type", l->attach_type);
	if (!h || !o->prog.size)
		return;
	iter_set_prog(o, h, 2);
	set_ptr(o, k, "prog", o->prog.at);
}
