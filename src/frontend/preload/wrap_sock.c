// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs at sockets: the options, and how long the process holds a program.
 *
 * What stands at a socket is known to the kernel (sys/sockopt.h). Here is kept what holds the program: a
 * mapping of its fd, which lives in no fd table, holds the fd's description and so its lock, is inherited by
 * fork and goes with the process. One a socket and kind of option:
 *
 *     keys[i]   inode of the socket and kind, 0: free
 *     holds[i]  address of the mapping and the program's id
 *
 * A key is set before its hold, and taken back after it: whoever takes a hold out (by exchange) unmaps it.
 *
 * `marked` says of which numbers it is known that a socket with a program is behind them. When one is closed,
 * the others are asked whether they are the same socket; if none is, the holds go. Numbers above MARKS are
 * not followed: what was attached by them is held to the end. So is what another process has got the socket
 * of, but here only: it holds nothing there, nor after exec.
 */
#include "frontend/preload/preload.h"
#include "store/store.h"
#include "sys/sockopt.h"

#define MARKS   65536u
#define SOCKETS 4096u
#define ID_BITS 29
#define SCANNED 1024 /* numbers that are looked at for copies made before */

enum { KIND_FILTER, KIND_REUSEPORT };

struct table {
	_Atomic u64 keys[SOCKETS], holds[SOCKETS];
	_Atomic u64 inos[MARKS]; /* of marked numbers: which socket was behind it, so that few are asked */
};

static struct table *_Atomic table;
_Atomic u64 sock_marked_[MARKS / 64];

static void mark(int fd, u64 ino)
{
	struct table *t = atomic_load(&table);

	if (!t || (u32)fd >= MARKS)
		return;
	atomic_store(&t->inos[fd], ino);
	atomic_fetch_or_explicit(&sock_marked_[(u32)fd / 64], 1ull << fd % 64, memory_order_relaxed);
}

static void unmark(int fd)
{
	if ((u32)fd < MARKS)
		atomic_fetch_and_explicit(&sock_marked_[(u32)fd / 64], ~(1ull << fd % 64),
					  memory_order_relaxed);
}

static u64 socket_ino(int fd)
{
	struct stat st;

	return raw_fstat(fd, &st) || !S_ISSOCK(st.st_mode) ? 0 : st.st_ino;
}

static struct table *table_get(void)
{
	struct table *t = atomic_load(&table), *none = NULL;

	if (t)
		return t;
	t = raw_mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(t))
		return NULL;
	if (atomic_compare_exchange_strong(&table, &none, t))
		return t;
	raw_munmap(t, sizeof(*t));
	return none;
}

static u64 key_of(u64 ino, int kind)
{
	return ino << 1 | (u64)kind;
}

/* The slot of that key; make: one is taken for it. -1: none. */
static int slot_of(struct table *t, u64 key, bool make)
{
	for (u32 i = 0; i < SOCKETS; i++)
		if (atomic_load(&t->keys[i]) == key)
			return (int)i;
	for (u32 i = 0; i < SOCKETS && make; i++) {
		u64 none = 0;

		if (atomic_compare_exchange_strong(&t->keys[i], &none, key))
			return (int)i;
	}
	return -1;
}

static void let_go(u64 hold)
{
	u32 id = (u32)(hold & ((1u << ID_BITS) - 1));

	if (!hold)
		return;
	raw_munmap((void *)(hold >> ID_BITS << 12), PAGE);
	if (id)
		obj_reap(OBJ_PROG, id);
}

static void drop(u64 ino, int kind)
{
	struct table *t = atomic_load(&table);
	int i = t ? slot_of(t, key_of(ino, kind), false) : -1;
	u64 hold;

	/* In a child of vfork the mapping is its parent's. */
	if (i < 0 || !pre_owner())
		return;
	hold = atomic_exchange(&t->holds[i], 0);
	atomic_store(&t->keys[i], 0);
	let_go(hold);
}

static void *map_program(int fd)
{
	return raw_mmap(NULL, PAGE, PROT_NONE, MAP_SHARED, fd, 0);
}

/* Holds the program of that fd, in place of another one at the same socket. -ENOMEM, -EBADF. */
static int hold(u64 ino, int kind, int prog_fd, u32 id)
{
	struct table *t = table_get();
	void *map = t ? map_program(prog_fd) : ERR_PTR(-ENOMEM);
	int i;

	if (IS_ERR(map))
		return (int)PTR_ERR(map);
	i = slot_of(t, key_of(ino, kind), true);
	if (i < 0) {
		raw_munmap(map, PAGE);
		return -ENOMEM;
	}
	let_go(atomic_exchange(&t->holds[i], (u64)map >> 12 << ID_BITS | (id >> ID_BITS ? 0 : id)));
	return 0;
}

static void mark_copies(int fd, u64 ino)
{
	mark(fd, ino);
	for (int i = 0; i < SCANNED; i++)
		if (socket_ino(i) == ino)
			mark(i, ino);
}

static long attach(int fd, int name, const void *val, socklen_t len)
{
	int kind = name == SO_ATTACH_BPF ? KIND_FILTER : KIND_REUSEPORT, prog_fd, none = 0;
	u64 ino = socket_ino(fd), borrowed;
	u32 id;
	long err;

	err = sockopt_attach(pre_enter(&borrowed), fd, name, (u64)(uintptr_t)val, len, &id, &prog_fd);
	pre_leave(borrowed);
	if (err)
		return err;
	err = hold(ino, kind, prog_fd, id);
	if (!err)
		mark_copies(fd, ino);
	else
		raw5(SYS_setsockopt, fd, SOL_SOCKET,
		     kind == KIND_FILTER ? SO_DETACH_FILTER : SO_DETACH_REUSEPORT_BPF, &none, sizeof(none));
	return err;
}

/* The kernel has taken a filter of that kind out, or put another in its place. */
static void replaced(int fd, int name)
{
	u64 ino = atomic_load(&table) ? socket_ino(fd) : 0;

	if (ino)
		drop(ino,
		     name == SO_ATTACH_FILTER || name == SO_DETACH_FILTER ? KIND_FILTER : KIND_REUSEPORT);
}

static bool replaces(int name)
{
	return name == SO_ATTACH_FILTER || name == SO_DETACH_FILTER || name == SO_ATTACH_REUSEPORT_CBPF ||
	       name == SO_DETACH_REUSEPORT_BPF;
}

long sock_setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	long ret;

	if (unlikely(sockopt_attaches(level, name) && pre_attached))
		return fd_is_ours(fd) ? -EBADF : attach(fd, name, val, len);
	ret = raw5(SYS_setsockopt, fd, level, name, val, len);
	if (unlikely(!ret && level == SOL_SOCKET && replaces(name)))
		replaced(fd, name);
	return ret;
}

EXPORT int setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	return (int)ret_errno(sock_setsockopt(fd, level, name, val, len));
}

/* Does a program of ours stand there? Then there is no classic filter to be read. */
static bool has_program(int fd)
{
	struct sock_filter insn[SOCKOPT_INSNS];
	socklen_t n = 0;

	if (raw5(SYS_getsockopt, fd, SOL_SOCKET, SO_GET_FILTER, NULL, &n) || n != SOCKOPT_INSNS)
		return false;
	return !raw5(SYS_getsockopt, fd, SOL_SOCKET, SO_GET_FILTER, insn, &n) && sockopt_prog_of(insn, n);
}

EXPORT int getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	if (unlikely(level == SOL_SOCKET && name == SO_GET_FILTER && pre_attached && has_program(fd)))
		return (int)ret_errno(-EACCES);
	return (int)ret_errno(raw6(SYS_getsockopt, fd, level, name, (long)val, (long)len, 0));
}

/* ---- numbers that come and go ---- */

void sock_copied(int from, int to)
{
	if (sock_marked(from))
		mark(to, socket_ino(to));
}

u64 sock_leaving(int fd)
{
	/* A child of vfork has numbers of its own, but these are its parent's. */
	if (!pre_owner())
		return 0;
	unmark(fd);
	return socket_ino(fd);
}

void sock_stays(int fd)
{
	mark(fd, socket_ino(fd));
}

static bool known_elsewhere(const struct table *t, u64 ino)
{
	for (u32 w = 0; w < MARKS / 64; w++)
		for (u64 bits = atomic_load_explicit(&sock_marked_[w], memory_order_relaxed); bits;
		     bits &= bits - 1) {
			u32 fd = w * 64 + (u32)__builtin_ctzll(bits);

			if (atomic_load(&t->inos[fd]) == ino && socket_ino((int)fd) == ino)
				return true;
		}
	return false;
}

void sock_left(u64 ino)
{
	const struct table *t = atomic_load(&table);

	if (!t || known_elsewhere(t, ino))
		return;
	drop(ino, KIND_FILTER);
	drop(ino, KIND_REUSEPORT);
}

void sock_left_range(u32 lo, u32 hi)
{
	struct table *t = atomic_load(&table);

	if (!t || !pre_owner())
		return;
	for (u32 fd = lo; fd <= hi && fd < MARKS; fd++)
		unmark((int)fd);
	for (u32 i = 0; i < SOCKETS; i++)
		if (atomic_load(&t->keys[i]))
			sock_left(atomic_load(&t->keys[i]) >> 1);
}
