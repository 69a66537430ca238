// SPDX-License-Identifier: BSD-2-Clause
/*
 * Creation and opening of maps: what is common to all types.
 *
 * map_check is what the kernel asks first of all: type, flags, sizes. What it
 * asks between that and map_create (privilege, inner map, name, BTF) is the
 * caller's. map_create repeats map_check, so that no caller can forget it.
 * Nothing is visible to others before the caller publishes.
 *
 * map_open trusts nothing: it turns the header back into what MAP_CREATE would
 * have been asked for, and lets the type's own creation rules and layout judge.
 * A header that could not have been made, or a file too small for what it
 * says, is EIO.
 */
#include "map/map.h"
#include "map/map_in_map.h"
#include "store/store.h"
#include "util/raw.h"
#include "util/str.h"
#include <sys/mman.h>
#include <sys/sysinfo.h>

#define CPUS_MAX        4096u
#define FLAGS_TRANSIENT (BPF_F_RDONLY | BPF_F_WRONLY) /* of the fd, not of the map */
#define FLAGS_LOCKABLE  (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)

const struct map_type *map_type_get(u32 type)
{
	return type < map_types_nr && map_types[type].ops ? &map_types[type] : NULL;
}

u32 map_value_len(const struct map_type *t, u32 value_size, u32 ncpu)
{
	if (t->percpu)
		return ROUND_UP(value_size, 8) * ncpu;
	return t->ops->obj_value == MAP_VALUE_PLAIN || t->ops->obj_value <= MAP_VALUE_THING ? value_size : 4;
}

static bool flags_contradict(u32 f)
{
	return (f & (BPF_F_RDONLY | BPF_F_WRONLY)) == (BPF_F_RDONLY | BPF_F_WRONLY) ||
	       (f & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) == (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG);
}

int map_check(struct map_attr *a)
{
	const struct map_type *t = map_type_get(a->map_type);

	if (!t || (a->map_flags & ~t->flags_allowed) || flags_contradict(a->map_flags))
		return -EINVAL;
	if (a->map_extra && !t->takes_extra)
		return -EINVAL;
	return t->ops->alloc_check(a);
}

/* What the type says to BTF, after the caller has compared the types' sizes. */
static int btf_check(const struct map_type *t, const struct map_attr *a)
{
	if (a->record.spin_lock_off >= 0) {
		if (a->map_flags & FLAGS_LOCKABLE)
			return -EACCES;
		if (!t->spin_lock)
			return -EOPNOTSUPP;
	}
	return a->btf_id ? t->btf_errno : 0;
}

/* No more than the machine has: the kernel refuses that too, and a sparse file would only put the answer off.
 */
static int memory_check(size_t size)
{
	struct sysinfo si;

	if (size < (64u << 20) || raw1(SYS_sysinfo, &si))
		return 0;
	return size / si.mem_unit > si.totalram ? -ENOMEM : 0;
}

static void hdr_fill(struct map_hdr *h, const struct map_type *t, const struct map_attr *a)
{
	h->key_size = a->key_size;
	h->value_size = a->value_size;
	h->max_entries = a->max_entries;
	h->map_flags = (a->map_flags & ~FLAGS_TRANSIENT) | t->flags_added;
	h->map_extra = a->map_extra;
	h->ncpu = a->ncpu;
	h->btf_id = a->btf_id;
	h->btf_key_type_id = a->btf_key_type_id;
	h->btf_value_type_id = a->btf_value_type_id;
	h->record = a->record;
}

/* The process-local view of a header that has been checked, or was just made. */
static void map_fill(struct bpf_map *m, const struct map_type *t, const struct obj_view *v)
{
	const struct map_hdr *h = (const struct map_hdr *)v->hdr;

	*m = (struct bpf_map){
		.ops = t->ops,
		.view = *v,
		.hdr = (struct map_hdr *)v->hdr,
		.data = v->data,
		.id = h->o.id,
		.map_type = h->o.kind,
		.key_size = h->key_size,
		.value_size = h->value_size,
		.max_entries = h->max_entries,
		.map_flags = h->map_flags,
		.map_extra = h->map_extra,
		.ncpu = h->ncpu,
		.record = h->record,
	};
	m->value_len = map_value_len(t, m->value_size, m->ncpu);
	m->plain = m->key_size && m->value_size && t->ops->obj_value == MAP_VALUE_PLAIN && !t->value_asks &&
		   !t->ops->key_kind && m->key_size <= PAGE && m->value_len <= PAGE;
}

int map_create(struct map_attr *a, struct obj_new *n, u64 *memlock)
{
	struct map_layout l = { 0 };
	const struct map_type *t;
	struct map_hdr *h;
	struct bpf_map m;
	int err;

	err = map_check(a);
	if (err)
		return err;
	t = map_type_get(a->map_type);
	if (t->ops->obj_value == OBJ_MAP)
		err = a->inner ? map_in_map_template(a) : -EINVAL;
	if (!err)
		err = t->ops->layout(a, &l);
	if (!err)
		err = memory_check(l.reserve);
	if (!err)
		err = btf_check(t, a);
	if (!err)
		err = obj_create(OBJ_MAP, l.data_size, l.reserve, l.header_last, n);
	if (err)
		return err;
	h = (struct map_hdr *)n->view.hdr;
	obj_fill_header(
		n, a->map_type, a->uid, a->name,
		(t->ops->each_ref || a->btf_id ? OBJ_F_HOLDS : 0) | (t->ops->release_uref ? OBJ_F_UREF : 0) |
			(t->ops->closed && !(a->map_flags & BPF_F_PRESERVE_ELEMS) ? OBJ_F_CLOSED : 0) |
			(t->wakes ? OBJ_F_WAKE : 0));
	hdr_fill(h, t, a);
	h->memlock = t->ops->memlock(a);
	map_fill(&m, t, &n->view);
	err = t->ops->init(&m, a);
	if (err) {
		obj_discard(n);
		return err;
	}
	*memlock = h->memlock;
	return 0;
}

/* Could a map with this header have been made? Its attributes, as they were. */
static bool attr_of(const struct map_hdr *h, struct map_attr *a)
{
	const struct map_type *t = map_type_get(h->o.kind);
	u32 added = t ? t->flags_added : 0;

	*a = (struct map_attr){
		.map_type = h->o.kind,
		.key_size = h->key_size,
		.value_size = h->value_size,
		.max_entries = h->max_entries,
		.map_flags = h->map_flags & ~added,
		.map_extra = h->map_extra,
		.btf_key_type_id = h->btf_key_type_id,
		.btf_value_type_id = h->btf_value_type_id,
		.record = h->record,
		.ncpu = h->ncpu,
	};
	return (h->map_flags & added) == added && h->ncpu >= 1 && h->ncpu <= CPUS_MAX && !map_check(a);
}

/* A lock word inside the value, aligned, or none. */
static bool record_valid(const struct map_type *t, const struct map_hdr *h)
{
	s32 off = h->record.spin_lock_off;

	return off == -1 || (t->spin_lock && off >= 0 && off % 4 == 0 && (u64)off + 4 <= h->value_size);
}

bool map_header_valid(const struct map_hdr *h)
{
	struct map_attr a;

	return attr_of(h, &a) && record_valid(map_type_get(h->o.kind), h);
}

int map_open(struct bpf_map *m, const struct obj_view *v)
{
	struct map_layout l = { 0 };
	const struct map_type *t;
	struct map_hdr h;
	struct map_attr a;

	/* A copy: the file may be changed while it is looked at. */
	memcpy(&h, v->hdr, sizeof(h));
	if (!attr_of(&h, &a))
		return -EIO;
	t = map_type_get(h.o.kind);
	if (!record_valid(t, &h) || t->ops->layout(&a, &l) || l.data_size > v->data_size ||
	    (l.header_last != (v->base == v->data)))
		return -EIO;
	{
		struct obj_view copy = *v;

		copy.hdr = &h.o;
		map_fill(m, t, &copy);
		m->hdr = (struct map_hdr *)v->hdr;
		m->view = *v;
	}
	return t->ops->open(m);
}

int map_back(const struct bpf_map *m, const void *from, const void *to)
{
	uintptr_t lo = (uintptr_t)from & ~(uintptr_t)(PAGE - 1), hi = ROUND_UP((uintptr_t)to, PAGE);
	long err = raw3(SYS_madvise, lo, hi - lo, MADV_POPULATE_WRITE);

	if (err == -EINVAL) /* before Linux 5.14 */
		err = obj_reserve(&m->view, (size_t)((const u8 *)to - m->data));
	return err ? -ENOMEM : 0;
}
