// SPDX-License-Identifier: BSD-2-Clause
/*
 * Things and owners behind clients' numbers: see map_values.h.
 *
 * What a description is can only be asked of the description itself, so the
 * client's is copied into this process (caller_copy_fd) and closed again.
 */
#include "sys/map_values.h"
#include "map/sock_live.h"
#include "util/raw.h"
#include "util/str.h"
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#define CGROUP2_MAGIC 0x63677270
#define PIDFS_MAGIC   0x50494446
#define FAMILY_XDP    44
#define FAMILY_VSOCK  40
#define TCP_ESTAB     1
#define NANOSECONDS   1000000000ull
#define TCP_LISTENS   10

/* ---- the client's descriptions ---- */

/* One that more can be done with than to name a file: not O_PATH. To be closed. */
static int usable_copy(struct cmd_ctx *x, int fd)
{
	int copy = caller_copy_fd(x->c, fd), flags;

	if (copy < 0)
		return copy;
	flags = raw_fcntl(copy, F_GETFL, 0);
	if (flags >= 0 && !(flags & O_PATH))
		return copy;
	raw_close(copy);
	return -EBADF;
}

static u32 option(int fd, int level, int name)
{
	u32 v = 0, n = sizeof(v);

	raw5(SYS_getsockopt, fd, level, name, &v, &n);
	return v;
}

struct sock {
	u32 family, type, protocol, ino;
	u64 cookie;
};

/* A copy of a socket, and what it is. -EBADF, -ENOTSOCK. */
static int sock_copy(struct cmd_ctx *x, int fd, struct sock *s)
{
	int copy = usable_copy(x, fd);
	u32 n = sizeof(s->cookie);
	struct stat st;

	if (copy < 0)
		return copy;
	if (raw_fstat(copy, &st) || !S_ISSOCK(st.st_mode)) {
		raw_close(copy);
		return -ENOTSOCK;
	}
	*s = (struct sock){
		.family = option(copy, SOL_SOCKET, SO_DOMAIN),
		.type = option(copy, SOL_SOCKET, SO_TYPE),
		.protocol = option(copy, SOL_SOCKET, SO_PROTOCOL),
		.ino = (u32)st.st_ino,
	};
	raw5(SYS_getsockopt, copy, SOL_SOCKET, SO_COOKIE, &s->cookie, &n);
	return copy;
}

static bool is_inet(const struct sock *s)
{
	return s->family == AF_INET || s->family == AF_INET6;
}

static bool is_tcp(const struct sock *s)
{
	return is_inet(s) && s->type == SOCK_STREAM && s->protocol == IPPROTO_TCP;
}

static bool is_udp(const struct sock *s)
{
	return is_inet(s) && s->type == SOCK_DGRAM && s->protocol == IPPROTO_UDP;
}

static u8 tcp_state(int fd)
{
	u8 info[8] = { 0 }; /* struct tcp_info begins with the state */
	u32 n = sizeof(info);

	raw5(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, info, &n);
	return info[0];
}

/* Has it a port, by bind or by connect? */
static bool has_port(int fd)
{
	struct sockaddr_in6 a = { .sin6_port = 0 };
	u32 n = sizeof(a);

	return !raw3(SYS_getsockname, fd, &a, &n) && a.sin6_port; /* at the same place for both families */
}

static bool has_peer(int fd)
{
	struct sockaddr_storage a;
	u32 n = sizeof(a);

	return !raw3(SYS_getpeername, fd, &a, &n);
}

static u8 sock_kind(const struct sock *s)
{
	if (s->family == AF_UNIX)
		return SK_UNIX;
	if (s->family == FAMILY_XDP)
		return SK_XDP;
	if (is_tcp(s))
		return s->family == AF_INET ? SK_TCP4 : SK_TCP6;
	return s->family == AF_INET ? SK_UDP4 : SK_UDP6;
}

/* Of its namespace only if it is this process's: so much is found out by looking for it. */
static void sock_fill(const struct sock *s, struct map_thing *t)
{
	t->id = s->cookie;
	t->ino = s->ino;
	t->sock = sock_kind(s);
	t->netns = sock_netns_here();
	if (!sock_live(t))
		t->netns = 0;
}

/* ---- values ---- */

static int dev_of(struct cmd_ctx *x, struct bpf_map *m, const u32 v[2], struct map_thing *t)
{
	if (!v[0])
		return (s32)v[1] > 0 ? -EINVAL : 0;
	t->id = v[0];
	return cmd_device_exists(v[0]) ? 0 : -EINVAL;
}

static int cpu_of(struct cmd_ctx *x, struct bpf_map *m, const u32 v[2], struct map_thing *t)
{
	t->id = v[0];
	return 0;
}

static int xsk_of(struct cmd_ctx *x, struct bpf_map *m, const u32 v[2], struct map_thing *t)
{
	struct sock s;
	int fd = sock_copy(x, (int)v[0], &s);

	if (fd < 0)
		return fd;
	raw_close(fd);
	if (s.family != FAMILY_XDP)
		return -EOPNOTSUPP;
	sock_fill(&s, t);
	return 0;
}

/* The number in the value: 64 bits of it in an 8-byte one. */
static int sock_number(const struct bpf_map *m, const u32 v[2], bool signs)
{
	if (m->value_size == sizeof(u64) && (v[1] || v[0] > INT32_MAX))
		return -EINVAL;
	return !signs && v[0] > INT32_MAX ? -EINVAL : 0;
}

/* What a sockmap takes, in the state that it is in. Of a kind that has no way to be in one: *refused. */
static int sock_suits(int fd, const struct sock *s, int *refused)
{
	if (is_tcp(s)) {
		u8 state = tcp_state(fd);

		return state == TCP_ESTAB || state == TCP_LISTENS ? 0 : -EOPNOTSUPP;
	}
	if (is_udp(s))
		return has_port(fd) ? 0 : -EOPNOTSUPP;
	if (s->family == FAMILY_VSOCK)
		return has_peer(fd) || s->type == SOCK_DGRAM ? 0 : -EOPNOTSUPP;
	if (s->family != AF_UNIX)
		return -EOPNOTSUPP;
	if (s->type == SOCK_STREAM)
		return has_peer(fd) ? 0 : -EOPNOTSUPP;
	if (s->type != SOCK_DGRAM)
		*refused = -EOPNOTSUPP;
	return 0;
}

static int sock_of(struct cmd_ctx *x, struct bpf_map *m, const u32 v[2], struct map_thing *t)
{
	struct sock s;
	int err = sock_number(m, v, false), fd;

	if (err)
		return err;
	fd = sock_copy(x, (int)v[0], &s);
	if (fd < 0)
		return fd;
	err = sock_suits(fd, &s, &t->refused);
	raw_close(fd);
	if (!err)
		sock_fill(&s, t);
	return err;
}

/* Why a socket cannot be in a reuseport array: said after what the flags ask for. */
static int reuse_refused(int fd, const struct sock *s)
{
	if (!is_tcp(s) && !is_udp(s))
		return -ENOTSUPP;
	if (!option(fd, SOL_SOCKET, SO_REUSEPORT))
		return -EINVAL;
	if (is_tcp(s))
		return tcp_state(fd) == TCP_LISTENS ? 0 : -EINVAL;
	return has_port(fd) ? 0 : -EINVAL;
}

static int reuse_of(struct cmd_ctx *x, struct bpf_map *m, const u32 v[2], struct map_thing *t)
{
	struct sock s;
	int err = sock_number(m, v, true), fd;

	if (err)
		return err;
	fd = sock_copy(x, (int)v[0], &s);
	if (fd < 0)
		return fd;
	t->refused = reuse_refused(fd, &s);
	raw_close(fd);
	if (!t->refused)
		sock_fill(&s, t);
	return 0;
}

/* The id of the cgroup whose directory it is. */
static int cgroup_id(struct cmd_ctx *x, int fd, u64 *id)
{
	int copy = caller_copy_fd(x->c, fd); /* O_PATH is as good */
	struct statfs fs;
	struct stat st;

	if (copy < 0)
		return copy;
	if (raw2(SYS_fstatfs, copy, &fs) || fs.f_type != CGROUP2_MAGIC || raw_fstat(copy, &st) ||
	    !S_ISDIR(st.st_mode)) {
		raw_close(copy);
		return -EBADF;
	}
	raw_close(copy);
	*id = st.st_ino;
	return 0;
}

static int cgroup_of(struct cmd_ctx *x, struct bpf_map *m, const u32 v[2], struct map_thing *t)
{
	return cgroup_id(x, (int)v[0], &t->id);
}

static const struct value_kind {
	int (*of)(struct cmd_ctx *x, struct bpf_map *m, const u32 v[2], struct map_thing *t);
	bool prog;      /* the second word may be a program's fd */
	int prog_errno; /* what is said to one that does not fit, and whether */
	bool late;      /* after the rest has been looked at */
} value_kinds[] = {
#define KIND(v) [MAP_VALUE_THING - (v)]
	KIND(MAP_VALUE_DEV) = { .of = dev_of, .prog = true, .prog_errno = -EINVAL },
	KIND(MAP_VALUE_CPU) = { .of = cpu_of, .prog = true, .prog_errno = -ENOMEM, .late = true },
	KIND(MAP_VALUE_XSK) = { .of = xsk_of },
	KIND(MAP_VALUE_SOCK) = { .of = sock_of },
	KIND(MAP_VALUE_REUSE) = { .of = reuse_of },
	KIND(MAP_VALUE_CGROUP) = { .of = cgroup_of },
};

/* The program whose fd stands beside the thing. */
static int prog_of(struct cmd_ctx *x, struct bpf_map *m, int fd, struct map_thing *t, struct bpf_file *f)
{
	struct opened *o;
	int err = cmd_get_fd(x, fd, OBJ_PROG, f);

	if (err)
		return err;
	o = handle_open(f->h);
	err = IS_ERR(o) ? (int)PTR_ERR(o) : m->ops->obj_check(m, o->view.hdr);
	t->prog_id = f->h->id;
	if (err) {
		put_fd(f);
		f->counted = false;
	}
	return err;
}

int map_thing_of(struct cmd_ctx *x, struct bpf_map *m, const void *value, struct map_thing *t,
		 struct bpf_file *prog)
{
	const struct value_kind *k = &value_kinds[MAP_VALUE_THING - m->ops->obj_value];
	u32 v[2] = { 0, 0 };
	int err;

	prog->counted = false;
	memset(t, 0, sizeof(*t));
	memcpy(v, value, MIN(m->value_size, sizeof(v)));
	err = k->of(x, m, v, t);
	if (err || !k->prog || (s32)v[1] <= 0)
		return err;
	if (!prog_of(x, m, (int)v[1], t, prog))
		return 0;
	t->prog_id = 0;
	t->refused = k->prog_errno;
	return k->late ? 0 : k->prog_errno;
}

/* ---- owners ---- */

static int owner_sock(struct cmd_ctx *x, int fd, struct map_owner *o)
{
	struct sock s;
	int copy = sock_copy(x, fd, &s);

	if (copy < 0)
		return copy;
	raw_close(copy);
	o->a = s.cookie;
	return 0;
}

/*
 * Here an O_PATH description is as good. A number may be given to another file
 * when this one is deleted; the time of its birth tells them apart.
 */
static int owner_inode(struct cmd_ctx *x, int fd, struct map_owner *o)
{
	int copy = caller_copy_fd(x->c, fd), err;
	struct statx st = { .stx_ino = 0 };
	u64 born;

	if (copy < 0)
		return copy;
	err = (int)raw5(SYS_statx, copy, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st);
	raw_close(copy);
	born = st.stx_mask & STATX_BTIME ? (u64)st.stx_btime.tv_sec * NANOSECONDS + st.stx_btime.tv_nsec : 0;
	o->a = born ^ ((u64)st.stx_dev_major << 52 | (u64)st.stx_dev_minor << 32);
	o->b = st.stx_ino;
	return err ? -EBADF : 0;
}

static int owner_cgroup(struct cmd_ctx *x, int fd, struct map_owner *o)
{
	return cgroup_id(x, fd, &o->a);
}

/* The number behind "Pid:" in what /proc shows of a pidfd; 0: none. */
static u64 pidfd_pid(int fd)
{
	char path[48], text[512];
	const char *p = text, *end;
	long n;

	str_put_u64(str_put(path, "/proc/thread-self/fdinfo/"), (u32)fd, 10);
	fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	n = raw_read(fd, text, sizeof(text) - 1);
	raw_close(fd);
	text[MAX(n, 0)] = 0;
	for (; *p && !str_starts(p, "Pid:\t"); p++)
		;
	return *p ? str_get_u64(p + 5, &end) : 0;
}

/* When the process began, in ticks since boot: the 22nd word of its stat. */
static u64 start_time(u64 pid)
{
	char path[48], text[1024], *p = path;
	const char *at, *end;
	long n;
	int fd;

	p = str_put_u64(str_put(p, "/proc/"), pid, 10);
	str_put(p, "/stat");
	fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	n = raw_read(fd, text, sizeof(text) - 1);
	raw_close(fd);
	text[MAX(n, 0)] = 0;
	at = strrchr(text, ')'); /* the name may hold anything */
	for (int word = 2; at && word < 22; word++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at ? str_get_u64(at, &end) : 0;
}

/* Where pidfds have inodes of their own, that says it; before, number and start. */
static int owner_task(struct cmd_ctx *x, int fd, struct map_owner *o)
{
	int copy = usable_copy(x, fd), err = 0;
	struct statfs fs;
	struct stat st;

	if (copy < 0)
		return copy;
	if (!raw2(SYS_fstatfs, copy, &fs) && fs.f_type == PIDFS_MAGIC && !raw_fstat(copy, &st)) {
		o->a = st.st_ino;
	} else {
		o->a = pidfd_pid(copy);
		o->b = start_time(o->a);
		err = o->a ? 0 : -EBADF;
	}
	/* Only a pidfd takes a signal, and only one of somebody who is there. */
	if (!err)
		err = (int)raw4(SYS_pidfd_send_signal, copy, 0, NULL, 0);
	raw_close(copy);
	return err == -ESRCH ? -ENOENT : err == -EPERM ? 0 : err;
}

int map_owner_of(struct cmd_ctx *x, const struct bpf_map *m, const void *key, struct map_owner *o)
{
	static int (*const owners[])(struct cmd_ctx * x, int fd, struct map_owner *o) = {
		[MAP_KEY_SOCK] = owner_sock,
		[MAP_KEY_INODE] = owner_inode,
		[MAP_KEY_TASK] = owner_task,
		[MAP_KEY_CGROUP] = owner_cgroup,
	};
	int fd;

	memcpy(&fd, key, sizeof(fd));
	*o = (struct map_owner){ 0, 0 };
	return owners[m->ops->key_kind](x, fd, o);
}
