// SPDX-License-Identifier: BSD-2-Clause
/*
 * Maps in a real store: created, published, opened again, holding each other;
 * what is held lives, what is let go dies; killed between any two steps.
 */
#include "map/map_in_map.h"
#include "map/map_ops.h"
#include "util/uapi.h"
#include "store/ref.h"
#include "store/store.h"
#include "sys/sys.h"
#include "tests/lib/tap.h"
#include "util/raw.h"
#include "util/uapi.h"
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

/* A map, its fd, and this process's view of it. */
struct live {
	struct bpf_map m;
	int fd;
	u32 id;
};

static int make(struct live *l, struct map_attr a)
{
	struct obj_view v;
	struct obj_new n;
	u64 memlock;
	int err;

	a.ncpu = 2;
	a.record = (struct map_record){ -1, -1 };
	err = map_create(&a, &n, &memlock);
	if (err)
		return err;
	l->id = obj_take_id(&n);
	l->fd = obj_publish(&n, O_RDWR);
	if (l->fd < 0)
		return l->fd;
	err = obj_map(OBJ_MAP, l->id, true, &v);
	return err ? err : map_open(&l->m, &v);
}

static struct map_attr attr(u32 type, u32 value, u32 n)
{
	return (struct map_attr){ .map_type = type, .key_size = 4, .value_size = value, .max_entries = n };
}

static void drop(struct live *l)
{
	obj_unmap(&l->m.view);
	obj_close(l->fd, OBJ_MAP, l->id);
}

static bool alive(u32 id)
{
	u32 next;

	return !obj_next_id(OBJ_MAP, id - 1, &next) && next == id;
}

static noinline int call_update(struct live *l, u32 k, u32 id, u64 flags)
{
	struct op *op = op_enter(&l->m, __builtin_frame_address(0));
	int err = l->m.ops->update(op, &l->m, &k, &id, flags);

	op_leave(op);
	return err;
}

static noinline int call_delete(struct live *l, u32 k)
{
	struct op *op = op_enter(&l->m, __builtin_frame_address(0));
	int err = l->m.ops->delete (op, &l->m, &k);

	op_leave(op);
	return err;
}

static s64 get(struct live *l, u32 k)
{
	struct op *op = op_enter(&l->m, __builtin_frame_address(0));
	u32 id = 0;
	int err = l->m.ops->lookup(op, &l->m, &k, &id, 0);

	op_leave(op);
	return err ? err : (s64)id;
}

static int make_outer(struct live *outer, const struct live *template)
{
	struct map_attr a = attr(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4);

	a.inner = template->m.hdr;
	a.inner_id = template->id;
	return make(outer, a);
}

/* Attributes of a good map of the type, which has them from `a` where it does not want its own. */
static void suit(u32 type, struct map_attr *a)
{
	const struct map_type *t = map_type_get(type);

	if (t->no_key)
		a->key_size = 0;
	switch (type) {
	case BPF_MAP_TYPE_LPM_TRIE: a->map_flags = BPF_F_NO_PREALLOC; /* fallthrough */
	case BPF_MAP_TYPE_CGROUP_STORAGE:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE: a->key_size = 8; break;
	case BPF_MAP_TYPE_STACK_TRACE: a->value_size = 8; break;
	case BPF_MAP_TYPE_RINGBUF:
	case BPF_MAP_TYPE_USER_RINGBUF:
		a->value_size = 0;
		a->max_entries = PAGE;
		break;
	case BPF_MAP_TYPE_ARENA:
		a->map_flags = BPF_F_MMAPABLE;
		a->value_size = 0;
		break;
	default: break;
	}
	if (t->ops->key_kind) {
		a->map_flags = BPF_F_NO_PREALLOC;
		a->btf_key_type_id = a->btf_value_type_id = 1;
	}
	if (t->ops->key_kind || type == BPF_MAP_TYPE_CGROUP_STORAGE ||
	    type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE)
		a->max_entries = 0;
}

static void every_type(void)
{
	for (u32 type = 0; type < map_types_nr; type++) {
		const struct map_type *t = map_type_get(type);
		struct map_attr a = attr(type, 4, 8);
		struct live l, in;
		int err;

		if (!t)
			continue;
		suit(type, &a);
		if (t->ops->obj_value == OBJ_MAP) {
			if (make(&in, attr(BPF_MAP_TYPE_ARRAY, 4, 2)))
				ok(0, "inner");
			a.inner = in.m.hdr;
		}
		err = make(&l, a);
		if (type == BPF_MAP_TYPE_STRUCT_OPS) {
			ok(err == -EINVAL, "struct_ops: never (%d)", err);
			continue;
		}
		ok(!err && l.m.map_type == type && l.m.max_entries >= a.max_entries,
		   "%s: made and opened again (%d)", t->ops->name, err);
		if (!err)
			drop(&l);
		if (t->ops->obj_value == OBJ_MAP)
			drop(&in);
	}
	ok(!map_type_get(0) && !map_type_get(1000) && !map_type_get(BPF_MAP_TYPES_END), "no such types");
}

static void outer_and_inner(void)
{
	struct live a, b, big, outer;
	struct stat st;

	make(&a, attr(BPF_MAP_TYPE_ARRAY, 4, 2));
	make(&b, attr(BPF_MAP_TYPE_ARRAY, 4, 2));
	make(&big, attr(BPF_MAP_TYPE_ARRAY, 4, 3));
	ok(!make_outer(&outer, &a), "an outer map");
	ok(!map_in_map_check(&outer.m, &b.m.hdr->o) && map_in_map_check(&outer.m, &big.m.hdr->o) == -EINVAL,
	   "a candidate looks like the template");
	ok(get(&outer, 0) == -ENOENT && call_delete(&outer, 0) == -ENOENT && get(&outer, 4) == -ENOENT &&
		   call_delete(&outer, 4) == -E2BIG && call_update(&outer, 4, b.id, 0) == -E2BIG &&
		   call_update(&outer, 0, b.id, BPF_EXIST) == -EINVAL,
	   "empty, out of range, flags");
	ok(!call_update(&outer, 1, b.id, 0) && get(&outer, 1) == b.id && !call_update(&outer, 2, b.id, 0),
	   "two slots hold one map");
	raw_fstat(b.fd, &st);
	ok(ref_count(st.st_ino) == 2, "two references");
	drop(&b);
	ok(alive(b.id), "they keep it");
	ok(!call_delete(&outer, 1) && alive(b.id), "one of them still does");
	ok(!call_update(&outer, 2, a.id, 0) && !alive(b.id), "replaced: it is gone");
	drop(&a);
	ok(alive(a.id) && get(&outer, 2) == a.id, "an inner map lives by its slot");
	drop(&outer);
	ok(!alive(outer.id) && !alive(a.id), "and dies with the outer one");
	drop(&big);
}

/* Clients that set and clear slots are killed at random: nothing held too little, and gc finds what is too
 * much. */
static void killed(void)
{
	long kills = test_scale(1000), bad = 0;
	struct live in[3], outer;
	struct gc_result gc;
	struct stat st;

	for (u32 i = 0; i < 3; i++)
		make(&in[i], attr(BPF_MAP_TYPE_ARRAY, 4, 2));
	make_outer(&outer, &in[0]);
	for (long k = 0; k < kills; k++) {
		pid_t pid = fork();

		if (!pid) {
			for (u32 i = (u32)getpid();; i++)
				if (i % 5)
					call_update(&outer, i % 4, in[i % 3].id, 0);
				else
					call_delete(&outer, i % 4);
		}
		usleep((useconds_t)(random() % 3000 + 300));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		for (u32 i = 0; i < 4; i++) {
			s64 id = get(&outer, i);

			bad += id != -ENOENT && (id < 0 || !alive((u32)id));
		}
	}
	store_gc(&gc);
	for (u32 i = 0; i < 3; i++) {
		u32 slots = 0;

		for (u32 k = 0; k < 4; k++)
			slots += get(&outer, k) == in[i].id;
		raw_fstat(in[i].fd, &st);
		if (ref_count(st.st_ino) != (int)slots)
			diag("map %u: %d references, %u slots", in[i].id, ref_count(st.st_ino), slots), bad++;
	}
	ok(!bad, "%ld killed between any two steps; gc dropped %u references", kills, gc.refs);
	for (u32 i = 0; i < 3; i++)
		drop(&in[i]);
	drop(&outer);
	ok(!alive(outer.id) && !alive(in[0].id) && !alive(in[1].id) && !alive(in[2].id), "all gone");
}

/* Headers with nonsense in them are refused, or opened to a map that works. */
static void damaged_headers(void)
{
	long n = test_scale(20000), refused = 0;

	for (u32 type = 0; type < map_types_nr; type++) {
		const struct map_type *t = map_type_get(type);
		struct map_attr a = attr(type, 4, 8);
		struct live l;

		if (!t || t->ops->obj_value == OBJ_MAP)
			continue;
		if (t->no_key)
			a.key_size = 0;
		if (type == BPF_MAP_TYPE_LPM_TRIE) {
			a.key_size = 8;
			a.map_flags = BPF_F_NO_PREALLOC;
		}
		if (make(&l, a))
			continue;
		for (long i = 0; i < n / 16; i++) {
			struct map_hdr good = *l.m.hdr;
			struct bpf_map m;
			u32 *w = (u32 *)&l.m.hdr->key_size + random() % 16;

			*w = random() % 2 ? (u32)random() : *w ^ 1u << random() % 32;
			refused += map_open(&m, &l.m.view) != 0;
			*l.m.hdr = good;
		}
		drop(&l);
	}
	ok(refused > 0, "%ld damaged headers: %ld refused, none did harm", n, refused);
}

int main(void)
{
	char cmd[128];

	snprintf(dir, sizeof(dir), "/dev/shm/pinfs-test-maps.%d", getpid());
	sys_init();
	if (!ok(!store_open(dir, STORE_CREATE), "a store"))
		return 1;
	every_type();
	outer_and_inner();
	killed();
	damaged_headers();
	store_close();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		return 1;
	return done();
}
