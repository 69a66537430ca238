// SPDX-License-Identifier: BSD-2-Clause
/*
 * Programs of the store attached to sockets: SO_ATTACH_BPF and SO_ATTACH_REUSEPORT_EBPF.
 *
 * The kernel gets a classic filter in the program's place that lets everything pass (or leaves the choice of
 * the socket to it), so that its own rules for attaching, locking and detaching hold; packets do not meet the
 * program.
 *
 * The program is held by a copy of the client's descriptor, until the filter is detached or replaced, or the
 * last descriptor of the socket in this process is closed. A copy that the client has closed with a range of
 * numbers is not there any more: so a number is looked at before it is closed.
 *
 *     held[i].state   FREE -> BUSY (whoever sets that has the entry for himself) -> USED
 */
#include <linux/bpf.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "frontend/preload/preload.h"
#include "store/dirscan.h"
#include "store/store.h"
#include "util/str.h"

#define HELD         64u
#define LET_ALL      0xffffffffu
#define DETACH_REUSE 68

enum { FREE, BUSY, USED };

static struct held {
	_Atomic u32 state;
	u32 prog_id;
	int fd;
	int attach; /* SO_ATTACH_* */
	u64 prog_ino, sock_ino;
} held[HELD];

_Atomic u32 sock_held;

static bool claim(struct held *h, u32 from)
{
	return atomic_load(&h->state) == from && atomic_compare_exchange_strong(&h->state, &from, BUSY);
}

/* Of an entry that we have claimed. */
static void let_go(struct held *h)
{
	struct stat st;

	if (!raw_fstat(h->fd, &st) && st.st_ino == h->prog_ino && st.st_dev == the_store.dev)
		obj_close(h->fd, OBJ_PROG, h->prog_id);
	atomic_store(&h->state, FREE);
	atomic_fetch_sub(&sock_held, 1);
}

/* Lets go what the socket has; attach 0: of both kinds. */
static void drop(u64 sock_ino, int attach)
{
	for (u32 i = 0; i < HELD; i++) {
		struct held *h = &held[i];

		if (!claim(h, USED))
			continue;
		if (h->sock_ino == sock_ino && (!attach || h->attach == attach))
			let_go(h);
		else
			atomic_store(&h->state, USED);
	}
}

/* The inode of a socket that has a program; 0: it is none. */
u64 sock_before_close(int fd)
{
	struct stat st;

	if (raw_fstat(fd, &st) || !S_ISSOCK(st.st_mode))
		return 0;
	for (u32 i = 0; i < HELD; i++)
		if (atomic_load(&held[i].state) == USED && held[i].sock_ino == st.st_ino)
			return st.st_ino;
	return 0;
}

void sock_after_close(u64 ino)
{
	const struct dirscan_entry *e;
	bool open = false;
	struct dirscan d;
	struct stat st;

	if (dirscan_open(&d, "/proc/self/fd"))
		return;
	while (!open && (e = dirscan_next(&d)))
		open = !raw_fstat((int)str_get_u64(e->name, NULL), &st) && S_ISSOCK(st.st_mode) &&
		       st.st_ino == ino;
	dirscan_close(&d);
	if (!open)
		drop(ino, 0);
}

static void hold(int sock, int prog_fd, const struct handle *prog, int attach)
{
	struct stat st;
	int fd;

	if (raw_fstat(sock, &st))
		return;
	drop(st.st_ino, attach);
	fd = store_high_fd(raw_fcntl(prog_fd, F_DUPFD_CLOEXEC, 0));
	for (u32 i = 0; fd >= 0 && i < HELD; i++) {
		struct held *h = &held[i];

		if (!claim(h, FREE))
			continue;
		h->prog_id = prog->id;
		h->prog_ino = prog->ino;
		h->sock_ino = st.st_ino;
		h->attach = attach;
		h->fd = fd;
		atomic_fetch_add(&sock_held, 1);
		atomic_store(&h->state, USED);
		return;
	}
	if (fd >= 0)
		raw_close(fd); /* no room: the client's own descriptor holds it */
}

static int sockopt(int fd, int name)
{
	int v = -1;
	u32 n = sizeof(v);

	return raw5(SYS_getsockopt, fd, SOL_SOCKET, name, &v, &n) ? -1 : v;
}

static bool takes_reuseport(int fd)
{
	int domain = sockopt(fd, SO_DOMAIN), proto = sockopt(fd, SO_PROTOCOL);

	return (domain == AF_INET || domain == AF_INET6) && (proto == IPPROTO_TCP || proto == IPPROTO_UDP);
}

/* 1: the kernel is to judge what the client gave, since it is no program that goes there. */
static long attach(int sock, int name, int prog_fd, const struct handle *prog)
{
	struct sock_filter pass = { .code = BPF_RET | BPF_K, .k = LET_ALL };
	struct sock_fprog all = { 1, &pass };
	struct obj_hdr h;
	long ret;

	if (prog->type != OBJ_PROG || obj_read_header(OBJ_PROG, prog->id, &h, sizeof(h)))
		return 1;
	if (name == SO_ATTACH_REUSEPORT_EBPF && h.kind == BPF_PROG_TYPE_SK_REUSEPORT) {
		if (sockopt(sock, SO_DOMAIN) >= 0 && !takes_reuseport(sock))
			return -ENOTSUPP;
	} else if (h.kind != BPF_PROG_TYPE_SOCKET_FILTER) {
		return 1;
	}
	ret = raw5(SYS_setsockopt, sock, SOL_SOCKET,
		   name == SO_ATTACH_BPF ? SO_ATTACH_FILTER : SO_ATTACH_REUSEPORT_CBPF, &all, sizeof(all));
	if (!ret)
		hold(sock, prog_fd, prog, name);
	return ret;
}

/* The kernel has taken a call that ends what was attached. */
static void ended(int sock, int name)
{
	struct stat st;

	if (raw_fstat(sock, &st))
		return;
	if (name == SO_DETACH_FILTER || name == SO_ATTACH_FILTER)
		drop(st.st_ino, SO_ATTACH_BPF);
	else if (name == DETACH_REUSE || name == SO_ATTACH_REUSEPORT_CBPF)
		drop(st.st_ino, SO_ATTACH_REUSEPORT_EBPF);
}

static noinline int read_int(int *to, const void *from)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	int err = op ? guard_copy(to, from, sizeof(*to)) : -EAGAIN;

	if (op)
		op_leave(op);
	return err;
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	bool ours = level == SOL_SOCKET && (name == SO_ATTACH_BPF || name == SO_ATTACH_REUSEPORT_EBPF);
	struct handle *prog;
	int prog_fd;
	long ret = 1;
	u32 acc;

	if (unlikely(ours && pre_attached && len == sizeof(prog_fd) && !read_int(&prog_fd, value))) {
		prog = fd_look(prog_fd, &acc);
		if (prog) {
			ret = attach(fd, name, prog_fd, prog);
			handle_put(prog);
		}
	}
	if (ret == 1)
		ret = raw5(SYS_setsockopt, fd, level, name, value, len);
	if (unlikely(atomic_load_explicit(&sock_held, memory_order_relaxed)) && !ret && level == SOL_SOCKET)
		ended(fd, name);
	return (int)ret_errno(ret);
}
