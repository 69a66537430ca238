// SPDX-License-Identifier: BSD-2-Clause
/*
 * Maps of a program: see prog_maps.h.
 */
#include "sys/prog_maps.h"
#include <string.h>
#include <sys/mman.h>
#include "store/store.h"
#include "util/raw.h"

/* Are its contents constants? Only where one value is all there is. */
static bool is_constant(const struct bpf_map *m)
{
	return (m->map_flags & BPF_F_RDONLY_PROG) && m->max_entries == 1 &&
	       map_type_get(m->map_type)->direct_value && atomic_load(&m->hdr->frozen);
}

static int make_copy(struct prog_map *p, const struct bpf_map *m)
{
	size_t head = ROUND_UP(sizeof(*m), 64), value = ROUND_UP((size_t)m->value_size, 8);
	u8 *mem = raw_mmap(NULL, head + value, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct bpf_map *own = (struct bpf_map *)mem;

	if (IS_ERR(mem))
		return -ENOMEM;
	p->copy = mem;
	p->copy_size = head + value;
	*own = *m;
	own->data = mem + head;
	p->m = own;
	return guard_copy(own->data, m->data, m->value_size) ? -EIO : 0;
}

static void fill_inner(struct verifier_map *v, const struct map_hdr *h)
{
	const struct map_type *t = map_type_get(h->inner.map_type);

	*v = (struct verifier_map){
		.map_type = h->inner.map_type,
		.key_size = h->inner.key_size,
		.value_size = h->inner.value_size,
		.max_entries = h->inner.max_entries,
		.map_flags = h->inner.map_flags,
		.spin_lock_off = h->inner.record.spin_lock_off,
		.timer_off = h->inner.record.timer_off,
		.direct_value = t && t->direct_value,
	};
}

static void fill_facts(struct prog_map *p)
{
	const struct bpf_map *m = p->m;
	bool of_maps = m->ops->obj_value == OBJ_MAP;

	if (of_maps)
		fill_inner(&p->inner, m->hdr);
	p->facts = (struct verifier_map){
		.id = p->h->id,
		.map_type = m->map_type,
		.key_size = m->key_size,
		.value_size = m->value_size,
		.max_entries = m->max_entries,
		.map_flags = m->map_flags,
		.spin_lock_off = m->record.spin_lock_off,
		.timer_off = m->record.timer_off,
		.btf_id = m->hdr->btf_id,
		.btf_value_type_id = m->hdr->btf_value_type_id,
		.direct_value = map_type_get(m->map_type)->direct_value,
		.frozen = p->copy != NULL,
		.value = p->copy ? m->data : NULL,
		.inner = of_maps ? &p->inner : NULL,
		.owner_type = m->hdr->owner_prog_type,
	};
	/* The last byte stays 0, whatever the file says. */
	memcpy(p->facts.name, m->hdr->o.name, sizeof(p->facts.name) - 1);
}

int prog_maps_find(const struct prog_maps *s, u32 id)
{
	for (u32 i = 0; i < s->nr; i++)
		if (s->map[i].h->id == id)
			return (int)i;
	return -ENOENT;
}

static void drop(struct prog_map *p)
{
	if (p->copy)
		raw_munmap(p->copy, p->copy_size);
	if (p->h)
		handle_put(p->h);
	*p = (struct prog_map){ 0 };
}

int prog_maps_add(struct prog_maps *s, struct handle *h)
{
	int at = prog_maps_find(s, h->id), err;
	struct opened *o;
	struct prog_map *p;

	if (at >= 0)
		return at;
	if (s->nr == VERIFIER_MAPS_MAX)
		return -E2BIG;
	o = handle_open(h);
	if (IS_ERR(o))
		return (int)PTR_ERR(o);
	p = &s->map[s->nr];
	*p = (struct prog_map){ .h = h, .m = &o->map };
	handle_ref(h);
	err = is_constant(p->m) ? make_copy(p, p->m) : 0;
	if (err) {
		drop(p);
		return err;
	}
	fill_facts(p);
	return (int)s->nr++;
}

void prog_maps_drop(struct prog_maps *s)
{
	while (s->nr)
		drop(&s->map[--s->nr]);
}

void *prog_map_value(const struct prog_map *p)
{
	return p->facts.direct_value ? p->m->data : NULL;
}

struct handle *handle_by_id(enum obj_type type, u32 id)
{
	char name[32];
	struct stat st;
	int err = raw_fstatat(the_store.dirfd, store_id_name(name, type, id), &st, AT_SYMLINK_NOFOLLOW);

	return err ? ERR_PTR(err) : handle_get(type, id, st.st_ino);
}
