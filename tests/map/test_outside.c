// SPDX-License-Identifier: BSD-2-Clause
/*
 * Maps whose elements stand for something outside of the store: programs that go
 * with elements are held and let go, at every step of a process that is killed; a
 * socket that is closed is no element; owners are told apart; arenas have one place.
 */
#include "map/map_ops.h"
#include "map/outer_slots.h"
#include "map/sock_live.h"
#include "prog/prog.h"
#include "store/ref.h"
#include "store/store.h"
#include "sys/sys.h"
#include "tests/lib/tap.h"
#include "util/err.h"
#include "util/raw.h"
#include "util/uapi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

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

static noinline int update(struct live *l, const void *key, const void *value, u64 flags)
{
	struct op *op = op_enter(&l->m, __builtin_frame_address(0));
	int err = l->m.ops->update(op, &l->m, key, value, flags);

	op_leave(op);
	return err;
}

static noinline int lookup(struct live *l, const void *key, void *value)
{
	struct op *op = op_enter(&l->m, __builtin_frame_address(0));
	int err = l->m.ops->lookup(op, &l->m, key, value, 0);

	op_leave(op);
	return err;
}

static noinline int delete (struct live *l, const void *key)
{
	struct op *op = op_enter(&l->m, __builtin_frame_address(0));
	int err = l->m.ops->delete (op, &l->m, key);

	op_leave(op);
	return err;
}

static noinline int next(struct live *l, const void *key, void *to)
{
	struct op *op = op_enter(&l->m, __builtin_frame_address(0));
	int err = l->m.ops->next_key(op, &l->m, key, to);

	op_leave(op);
	return err;
}

static noinline void run_gc(struct live *l)
{
	struct op *op = op_enter(&l->m, __builtin_frame_address(0));

	l->m.ops->gc(op, &l->m);
	op_leave(op);
}

/* ---- programs that go with elements ---- */

/* Any object will do for a reference; what is checked of programs is checked before. */
static u32 object(int *fd)
{
	struct obj_new n;

	if (obj_create(OBJ_PROG, 8, 8, false, &n))
		return 0;
	obj_fill_header(&n, BPF_PROG_TYPE_XDP, 0, "p", 0);
	obj_take_id(&n);
	*fd = obj_publish(&n, O_RDWR);
	return *fd < 0 ? 0 : n.id;
}

static bool alive(u32 id)
{
	u32 got;

	return !obj_next_id(OBJ_PROG, id - 1, &got) && got == id;
}

static u32 refs_seen;

static void count_ref(void *arg, u64 slot, enum obj_type t, u32 id)
{
	refs_seen++;
}

static u32 refs_of(const struct live *l)
{
	refs_seen = 0;
	l->m.ops->each_ref(&l->m, count_ref, NULL);
	return refs_seen;
}

static void programs(u32 type)
{
	struct map_thing t = { .id = 1 }, plain = { .id = 7 };
	const char *name = map_type_get(type)->ops->name;
	struct map_target to;
	u32 v[2], key = 1;
	struct live l;
	int fd;

	ok(!make(&l, attr(type, 8, 4)), "%s: made", name);
	t.prog_id = object(&fd);
	ok(t.prog_id && !update(&l, &key, &t, BPF_ANY), "%s: an element with a program", name);
	ok(!lookup(&l, &key, v) && v[0] == 1 && v[1] == t.prog_id, "%s: both words come back", name);
	ok(refs_of(&l) == 1, "%s: one reference", name);
	ok(!update(&l, &key, &t, BPF_ANY) && refs_of(&l) == 1, "%s: over itself, still one", name);
	ok(!l.m.ops->redirect(NULL, &l.m, key, &to) && to.prog_id == t.prog_id, "%s: a target with it", name);
	obj_close(fd, OBJ_PROG, t.prog_id);
	ok(alive(t.prog_id), "%s: the program lives by the element", name);
	ok(!update(&l, &key, &plain, BPF_ANY) && !alive(t.prog_id), "%s: and goes with it", name);
	ok(!refs_of(&l), "%s: no reference is left", name);
	t.prog_id = object(&fd);
	update(&l, &key, &t, BPF_ANY);
	obj_close(fd, OBJ_PROG, t.prog_id);
	ok(!delete (&l, &key) && !alive(t.prog_id), "%s: the same by delete", name);
	t.prog_id = object(&fd);
	update(&l, &key, &t, BPF_ANY);
	obj_close(fd, OBJ_PROG, t.prog_id);
	drop(&l);
	ok(!alive(t.prog_id), "%s: and by the map's end", name);
}

/* Updates and deletes until it is killed: what is held then is what the slots say. */
static void killed(u32 type)
{
	const char *name = map_type_get(type)->ops->name;
	long rounds = test_scale(200);
	struct gc_result gc;
	struct map_thing t = { .id = 1 };
	struct live l;
	bool good = true;
	int fd;

	make(&l, attr(type, 8, 4));
	t.prog_id = object(&fd);
	for (long i = 0; i < rounds; i++) {
		u64 before = 0;
		pid_t pid = fork();
		u32 key, v[2];

		if (!pid)
			for (u32 n = 0;; n++) {
				key = n % 4;
				if (n % 3)
					update(&l, &key, &t, BPF_ANY);
				else
					delete (&l, &key);
			}
		usleep((useconds_t)(200 + i * 37 % 2000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		for (key = 0; key < 4; key++)
			before += !lookup(&l, &key, v);
		/* More, where one was killed on its way: its claim names its reference, too. */
		good &= refs_of(&l) >= before;
	}
	for (u32 key = 0; key < 4; key++)
		delete (&l, &key);
	if (l.m.ops->gc)
		run_gc(&l);
	ok(good && !refs_of(&l), "%s: killed %ld times, a reference for each element, and gc leaves no other",
	   name, rounds);
	store_gc(&gc);
	obj_close(fd, OBJ_PROG, t.prog_id);
	store_gc(&gc);
	ok(!alive(t.prog_id), "%s: what the dead had taken is given back", name);
	drop(&l);
}

/* ---- sockets ---- */

static struct map_thing thing_of(int fd, u8 kind)
{
	struct map_thing t = { .sock = kind, .netns = sock_netns_here() };
	socklen_t n = sizeof(t.id);
	struct stat st;

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &t.id, &n);
	fstat(fd, &st);
	t.ino = (u32)st.st_ino;
	return t;
}

static int udp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return bind(fd, (struct sockaddr *)&a, sizeof(a)) ? -1 : fd;
}

static void liveness(void)
{
	struct map_thing t;
	int fd[2];

	fd[0] = udp();
	t = thing_of(fd[0], SK_UDP4);
	if (!t.netns) {
		skip("the network namespace has no name here");
		return;
	}
	ok(sock_live(&t), "a UDP socket is there");
	close(fd[0]);
	ok(!sock_live(&t), "and is gone when it is closed");
	t.netns++;
	ok(sock_live(&t), "of another network namespace nothing is known");
	ok(!socketpair(AF_UNIX, SOCK_STREAM, 0, fd), "a pair");
	t = thing_of(fd[0], SK_UNIX);
	ok(sock_live(&t), "a unix socket is there");
	close(fd[0]);
	ok(!sock_live(&t), "and is gone when it is closed");
	close(fd[1]);
}

static void sockets(u32 type)
{
	const char *name = map_type_get(type)->ops->name;
	int a = udp(), b = udp(), c = udp();
	struct map_thing ta = thing_of(a, SK_UDP4), tb = thing_of(b, SK_UDP4), tc = thing_of(c, SK_UDP4);
	u32 k0 = 0, k1 = 1, k2 = 2;
	struct live l;
	u64 v;

	ok(!make(&l, attr(type, 8, 2)), "%s: made", name);
	ok(!update(&l, &k0, &ta, BPF_ANY) && !update(&l, &k1, &tb, BPF_NOEXIST), "%s: two sockets", name);
	ok(update(&l, &k1, &ta, BPF_NOEXIST) == -EEXIST, "%s: one is there", name);
	ok(!lookup(&l, &k0, &v) && v == ta.id, "%s: its cookie", name);
	if (type == BPF_MAP_TYPE_SOCKHASH)
		ok(update(&l, &k2, &tc, BPF_ANY) == -E2BIG, "%s: full", name);
	close(a);
	ok(lookup(&l, &k0, &v) == -ENOENT, "%s: closed, gone", name);
	ok(update(&l, &k0, &tc, BPF_EXIST) == -ENOENT, "%s: not there to be replaced", name);
	if (type == BPF_MAP_TYPE_SOCKHASH) {
		ok(!next(&l, NULL, &k0) && k0 == 1 && next(&l, &k0, &k0) == -ENOENT,
		   "%s: the walk passes it over", name);
		ok(!update(&l, &k2, &tc, BPF_ANY), "%s: its room is used", name);
	} else {
		ok(!update(&l, &k0, &tc, BPF_NOEXIST), "%s: its slot is free", name);
		ok(delete (&l, &k2) < 0, "%s: no such slot", name);
	}
	close(b);
	ok(delete (&l, &k1) < 0, "%s: nothing to delete", name);
	close(c);
	drop(&l);
}

/* ---- owners, arenas, damage ---- */

static void owners(void)
{
	struct map_attr a = attr(BPF_MAP_TYPE_TASK_STORAGE, 8, 0);
	struct map_owner one = { 1, 2 }, two = { 1, 3 };
	struct live l;
	u64 v = 5;

	a.map_flags = BPF_F_NO_PREALLOC;
	a.btf_key_type_id = a.btf_value_type_id = 1;
	ok(!make(&l, a), "a task storage");
	ok(!update(&l, &one, &v, BPF_NOEXIST) && lookup(&l, &two, &v) == -ENOENT,
	   "owners differ by either word");
	v = 6;
	ok(!update(&l, &two, &v, BPF_ANY) && !lookup(&l, &one, &v) && v == 5, "each has its own value");
	ok(!delete (&l, &one) && delete (&l, &one) == -ENOENT && !lookup(&l, &two, &v) && v == 6,
	   "and loses its own");
	ok(l.m.key_size == 4 && !l.m.max_entries && !l.m.plain, "an fd is its key, for everybody else");
	drop(&l);
}

static void arenas(void)
{
	struct map_attr a = attr(BPF_MAP_TYPE_ARENA, 0, 4);
	const struct map_ops *o = &arena_ops;
	struct live l;

	a.key_size = 0;
	a.map_flags = BPF_F_MMAPABLE;
	ok(!make(&l, a), "an arena");
	ok(o->mmap_place(&l.m, 0, 4 * PAGE, 0) == 1, "at first it can be anywhere");
	ok(o->mmap_place(&l.m, 0, 5 * PAGE, 0) == -EINVAL, "not beyond its end");
	ok(!o->mmap_settle(&l.m, 1ull << 40, 4 * PAGE), "settled");
	ok(o->mmap_settle(&l.m, 1ull << 41, 4 * PAGE) == -EBUSY, "another one comes too late");
	ok(!o->mmap_settle(&l.m, 1ull << 40, 4 * PAGE), "the same does not");
	ok(!o->mmap_place(&l.m, 1ull << 40, 4 * PAGE, 0), "there it may be");
	ok(o->mmap_place(&l.m, 1ull << 41, 4 * PAGE, 0) == -EINVAL, "and nowhere else");
	ok(o->mmap_place(&l.m, 1ull << 40, PAGE, 0) == -EINVAL, "as a whole");
	drop(&l);
	a.map_extra = (1ull << 32) - PAGE;
	ok(make(&l, a) == -ERANGE, "not across 4 GiB");
}

/* Whatever stands in the slots: an errno or a number, and nothing is followed. */
static void damaged(u32 type)
{
	const char *name = map_type_get(type)->ops->name;
	struct live l;
	u32 bad = 0;
	u64 v[2];

	make(&l, attr(type, 8, 4));
	for (u64 i = 0; i < 2000; i++) {
		u32 key = i % 6;
		struct map_target t;

		for (size_t at = 0; at + 8 <= l.m.view.data_size; at += 8)
			((u64 *)l.m.data)[at / 8] = (i + at) * 0x9e3779b97f4a7c15ull;
		lookup(&l, &key, v);
		if (l.m.ops->redirect)
			bad += l.m.ops->redirect(NULL, &l.m, 77, &t) != -ENOENT;
		next(&l, &key, &key);
	}
	memset(l.m.data, 0, l.m.view.data_size);
	ok(!bad, "%s: damaged slots", name);
	drop(&l);
}

int main(void)
{
	char cmd[128];

	snprintf(dir, sizeof(dir), "/dev/shm/pinfs-test-outside.%d", getpid());
	sys_init();
	if (!ok(!store_open(dir, STORE_CREATE), "a store"))
		return 1;
	programs(BPF_MAP_TYPE_DEVMAP);
	programs(BPF_MAP_TYPE_DEVMAP_HASH);
	programs(BPF_MAP_TYPE_CPUMAP);
	killed(BPF_MAP_TYPE_DEVMAP);
	killed(BPF_MAP_TYPE_DEVMAP_HASH);
	liveness();
	sockets(BPF_MAP_TYPE_SOCKMAP);
	sockets(BPF_MAP_TYPE_SOCKHASH);
	owners();
	arenas();
	damaged(BPF_MAP_TYPE_DEVMAP);
	damaged(BPF_MAP_TYPE_SOCKMAP);
	store_close();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		return 1;
	return done();
}
