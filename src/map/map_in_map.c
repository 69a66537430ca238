// SPDX-License-Identifier: BSD-2-Clause
/*
 * Templates of maps of maps: see map_in_map.h.
 *
 * A map that is itself a map of maps cannot be a template (EINVAL), nor can a
 * type whose row does not say inner_ok (ENOTSUPP).
 */
#include "map/map_in_map.h"

int map_in_map_template(const struct map_attr *a)
{
	const struct map_type *t;

	if (!a->inner)
		return 0; /* not resolved yet: map_create insists on it */
	t = map_type_get(a->inner->o.kind);
	if (!t || t->ops->obj_value == OBJ_MAP)
		return -EINVAL;
	return t->inner_ok ? 0 : -ENOTSUPP;
}

void map_in_map_init(struct bpf_map *outer, const struct map_attr *a)
{
	struct map_hdr *h = outer->hdr;

	h->inner.map_type = a->inner->o.kind;
	h->inner.key_size = a->inner->key_size;
	h->inner.value_size = a->inner->value_size;
	h->inner.max_entries = a->inner->max_entries;
	h->inner.map_flags = a->inner->map_flags;
	h->inner.record = a->inner->record;
}

int map_in_map_check(struct bpf_map *outer, const struct obj_hdr *candidate)
{
	const struct map_hdr *h = outer->hdr, *c = (const struct map_hdr *)candidate;
	const struct map_type *t = map_type_get(h->inner.map_type);

	if (!t || c->o.kind != h->inner.map_type || c->key_size != h->inner.key_size ||
	    c->value_size != h->inner.value_size || c->map_flags != h->inner.map_flags ||
	    c->record.spin_lock_off != h->inner.record.spin_lock_off ||
	    c->record.timer_off != h->inner.record.timer_off)
		return -EINVAL;
	if (t->inner_same_max && !(c->map_flags & BPF_F_INNER_MAP) && c->max_entries != h->inner.max_entries)
		return -EINVAL;
	return 0;
}
