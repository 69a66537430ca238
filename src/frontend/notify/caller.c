// SPDX-License-Identifier: BSD-2-Clause
/*
 * struct bpf_caller for a target: a thread that waits in a notified call.
 *
 * Memory goes by process_vm_readv(2), or by /proc/TID/mem where that is not
 * allowed. The thread is known by number only, and can be killed and its number
 * given away at any time: so the notification id is validated after a read
 * (what was read counts only if it was still the thread's) and before a write.
 * Numbers are given in turn, so none comes again within a fraction of a
 * millisecond; for so long an answer holds.
 *
 * Each access costs half a microsecond, most of it for finding the client's
 * memory. So what a thread's last two calls of a kind have read from the same
 * places (its attributes, then the key and the value that they point to: a
 * loop's variables stay where they are, or near) is read together with what its next
 * one asks for first. Any write ends that: what is asked for after it is read
 * after it. What the habit did not foresee, or could not read, is read when it is asked for.
 *
 *     habits[hash(tid, call)]   one table a thread of ours, replaced at will
 *
 * What a call writes at its end is written together, before the answer. An access in between comes after it.
 *
 * Paths. Nearly all processes of a run see the paths that the supervisor sees,
 * and comparing roots costs as much as a whole notified call. So it is done only
 * when some process may differ: chroot, pivot_root and setns are notified and
 * set roots_differ for the rest of the run, and so does a mount or umount from
 * a foreign mount namespace (before that its view is a copy of ours).
 *
 * Credentials are read from /proc/TID/status, at most once a call. The question
 * asked most, "does it have what CMD was started with?", is answered by
 * capget(2) and the owner of /proc/TID where they suffice.
 */
#include <limits.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>
#include "frontend/notify/notify.h"
#include "frontend/trace/deliver.h"
#include "frontend/trace/trace.h"
#include "store/store.h"
#include "util/raw.h"

struct scratch {
	struct scratch *next;
	u64 mem[];
};

static _Atomic bool roots_differ;
static gid_t own_groups[TARGET_GROUPS];
static int own_ngroups;

static struct target *target_of(struct bpf_caller *c)
{
	return container_of(c, struct target, c);
}

/* A fraction of a millisecond on any machine. */
#define VALID_CYCLES 500000u

bool target_valid(struct target *t)
{
	u64 now = __builtin_ia32_rdtsc();

	if (now - t->checked < VALID_CYCLES)
		return true;
	t->checked = now;
	if (trace_delivers)
		return trace_valid(t->id);
	return ioctl(notify_listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &t->id) == 0;
}

/* Path of an entry of the thread's /proc directory. */
static const char *proc_path(const struct bpf_caller *c, const char *entry, char buf[64])
{
	snprintf(buf, 64, "/proc/%d/%s", c->tid, entry);
	return buf;
}

/* Memory. */

static int mem_file(const struct bpf_caller *c, u64 addr, void *buf, size_t n, bool write)
{
	char path[64];
	int fd = open(proc_path(c, "mem", path), (write ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	ssize_t done;

	if (fd < 0)
		return -EFAULT;
	done = write ? pwrite(fd, buf, n, (off_t)addr) : pread(fd, buf, n, (off_t)addr);
	close(fd);
	return done == (ssize_t)n ? 0 : -EFAULT;
}

#define HABITS      64
#define HABIT_SMALL 64u /* bytes of a piece that is widened */

static _Thread_local struct habit habits[HABITS];

/* A small piece stands for what is around it: keys of an array come one after the other. Never beyond its
 * pages, behind which memory may end. */
static struct piece around(const struct piece *p)
{
	u64 from = p->addr & ~63ull, end = p->addr + p->len, page = ROUND_UP(end, (u64)PAGE);

	if (p->len > HABIT_SMALL)
		return *p;
	return (struct piece){ from, (u32)(MIN(from + 2 * HABIT_SMALL, page) - from) };
}

static bool inside(const struct piece *p, const struct piece *of)
{
	u64 at = p->addr - of->addr; /* no sum of a client's numbers is trusted */

	return at <= of->len && p->len <= of->len - at;
}

static bool same_pieces(const struct habit *a, const struct habit *b)
{
	bool same = a->n == b->n && a->piece[0].addr == b->piece[0].addr &&
		    a->piece[0].len == b->piece[0].len;

	for (u32 i = 1; same && i < a->n; i++) {
		struct piece p = around(&a->piece[i]);

		same = inside(&b->piece[i], &p);
	}
	return same;
}

static void habit_find(struct target *t, const struct seccomp_notif *req)
{
	struct habit *seen = &t->seen;

	seen->tid = (int)req->pid;
	seen->nr = req->data.nr;
	seen->cmd = (int)req->data.args[0];
	seen->n = 0;
	t->habit = &habits[((u32)seen->tid * 31 + (u32)seen->nr * 7 + (u32)seen->cmd) % HABITS];
	t->ahead = 0;
}

static void habit_keep(struct target *t)
{
	struct habit *h = t->habit, *seen = &t->seen;

	seen->sure = seen->n > 1 && h->tid == seen->tid && h->nr == seen->nr && h->cmd == seen->cmd &&
		     same_pieces(h, seen);
	memcpy(h, seen, offsetof(struct habit, piece) + seen->n * sizeof(seen->piece[0]));
}

static void habit_see(struct target *t, u64 addr, size_t n)
{
	struct habit *seen = &t->seen;

	if (seen->n < HABIT_PIECES && n <= HABIT_BYTES)
		seen->piece[seen->n++] = (struct piece){ addr, (u32)n };
}

/* Is this the beginning of what is expected? */
static bool habit_begins(const struct target *t, u64 addr, size_t n)
{
	const struct habit *h = t->habit, *seen = &t->seen;

	return h->sure && !seen->n && h->piece[0].addr == addr && h->piece[0].len == n &&
	       h->tid == seen->tid && h->nr == seen->nr && h->cmd == seen->cmd;
}

/* What was asked for and what will be. Bytes read of the first; what follows is in `read`, in order. */
static ssize_t read_ahead(struct target *t, void *dst, u64 src, size_t n)
{
	struct iovec here[HABIT_PIECES], there[HABIT_PIECES];
	const struct habit *h = t->habit;
	size_t at = 0, got;
	ssize_t done;
	u32 i;

	here[0] = (struct iovec){ dst, n };
	there[0] = (struct iovec){ u64_to_ptr(src), n };
	for (i = 1; i < h->n; i++) {
		struct piece *p = &t->expected[i];

		*p = around(&h->piece[i]);
		if (at + p->len > HABIT_BYTES)
			break;
		here[i] = (struct iovec){ t->read + at, p->len };
		there[i] = (struct iovec){ u64_to_ptr(p->addr), p->len };
		at += p->len;
	}
	done = process_vm_readv(t->c.tid, here, i, there, i, 0);
	if (done <= (ssize_t)n)
		return done;
	got = (size_t)done - n;
	for (t->ahead = 1; t->ahead < i && got >= t->expected[t->ahead].len; t->ahead++)
		got -= t->expected[t->ahead].len;
	return (ssize_t)n;
}

/* Has it been read with the first? */
static bool from_ahead(const struct target *t, void *dst, u64 src, size_t n)
{
	struct piece want = { src, (u32)n };
	size_t at = 0;

	for (u32 i = 1; i < t->ahead; i++) {
		if (n <= HABIT_BYTES && inside(&want, &t->expected[i])) {
			memcpy(dst, t->read + at + (src - t->expected[i].addr), n);
			return true;
		}
		at += t->expected[i].len;
	}
	return false;
}

static int target_in(struct bpf_caller *c, void *dst, u64 src, size_t n)
{
	struct target *t = target_of(c);
	struct iovec here = { dst, n }, there = { u64_to_ptr(src), n };
	bool begins = habit_begins(t, src, n);
	int err = target_flush(t);
	ssize_t done;

	if (err)
		return err;
	if (t->ahead && from_ahead(t, dst, src, n)) {
		habit_see(t, src, n);
		return 0;
	}
	done = begins ? read_ahead(t, dst, src, n) : process_vm_readv(c->tid, &here, 1, &there, 1, 0);
	err = done == (ssize_t)n ? 0 : -EFAULT;
	if (done < 0 && (errno == EPERM || errno == ENOSYS))
		err = mem_file(c, src, dst, n, false);
	if (!err && !target_valid(t))
		err = -EFAULT;
	if (!err)
		habit_see(t, src, n);
	return err;
}

static int write_now(struct bpf_caller *c, u64 dst, const void *src, size_t n)
{
	struct iovec here = { (void *)src, n }, there = { u64_to_ptr(dst), n };
	ssize_t done;

	if (!target_valid(target_of(c)))
		return -EFAULT;
	done = process_vm_writev(c->tid, &here, 1, &there, 1, 0);
	if (done < 0 && (errno == EPERM || errno == ENOSYS))
		return mem_file(c, dst, (void *)src, n, true);
	return done == (ssize_t)n ? 0 : -EFAULT;
}

/* One after the other, to the first that cannot be written. */
static int flush_slowly(struct target *t)
{
	size_t at = 0;
	int err = 0;

	for (u32 i = 0; i < t->nlate && !err; i++) {
		err = write_now(&t->c, t->late[i].addr, t->late_data + at, t->late[i].len);
		at += t->late[i].len;
	}
	return err;
}

int target_flush(struct target *t)
{
	struct iovec here = { t->late_data, t->late_bytes }, there[LATE_PIECES];
	ssize_t done;
	int err;

	if (!t->nlate)
		return 0;
	for (u32 i = 0; i < t->nlate; i++)
		there[i] = (struct iovec){ u64_to_ptr(t->late[i].addr), t->late[i].len };
	if (!target_valid(t))
		return -EFAULT;
	done = process_vm_writev(t->c.tid, &here, 1, there, t->nlate, 0);
	if (done < 0 && (errno == EPERM || errno == ENOSYS))
		err = flush_slowly(t);
	else
		err = done == (ssize_t)t->late_bytes ? 0 : -EFAULT;
	t->nlate = t->late_bytes = 0;
	return err;
}

static int target_out(struct bpf_caller *c, u64 dst, const void *src, size_t n)
{
	struct target *t = target_of(c);
	int err = target_flush(t);

	t->ahead = 0;
	return err ? err : write_now(c, dst, src, n);
}

static int target_out_last(struct bpf_caller *c, u64 dst, const void *src, size_t n)
{
	struct target *t = target_of(c);

	if (t->nlate == LATE_PIECES || n > LATE_BYTES - t->late_bytes)
		return target_out(c, dst, src, n);
	t->ahead = 0;
	t->late[t->nlate++] = (struct piece){ dst, (u32)n };
	memcpy(t->late_data + t->late_bytes, src, n);
	t->late_bytes += (u32)n;
	return 0;
}

static void *target_scratch(struct bpf_caller *c, size_t n)
{
	struct target *t = target_of(c);
	struct scratch *s = malloc(sizeof(*s) + n);

	if (!s)
		return NULL;
	s->next = t->blocks;
	t->blocks = s;
	return s->mem;
}

/* Paths. */

static int link_text(const struct bpf_caller *c, const char *entry, char *buf, size_t size)
{
	char path[64];
	ssize_t n = readlink(proc_path(c, entry, path), buf, size - 1);

	if (n < 0)
		return -errno;
	buf[n] = 0;
	return (int)n;
}

/* What the supervisor's own links read; they never change. */
static struct own_link {
	const char *entry;
	char text[256];
} own_root = { .entry = "root" }, own_mnt = { .entry = "ns/mnt" }, own_user = { .entry = "ns/user" };

static void read_own(struct own_link *l)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/%s", l->entry);
	n = readlink(path, l->text, sizeof(l->text) - 1);
	l->text[n > 0 ? n : 0] = 0;
}

static bool same_link(const struct bpf_caller *c, const struct own_link *own)
{
	char other[PATH_MAX];

	return link_text(c, own->entry, other, sizeof(other)) >= 0 && !strcmp(own->text, other);
}

void target_roots_differ(void)
{
	roots_differ = true;
}

void target_check_root(const struct target *t)
{
	if (!roots_differ && !same_link(&t->c, &own_mnt))
		roots_differ = true;
}

static void set_root_prefix(struct target *t)
{
	t->c.root_prefix = "";
	if (!roots_differ || (same_link(&t->c, &own_root) && same_link(&t->c, &own_mnt)))
		return;
	snprintf(t->prefix, sizeof(t->prefix), "/proc/%d/root", t->c.tid);
	t->c.root_prefix = t->prefix;
}

/* Turns a path as we see it into one as the client does: its root is cut off. */
static int below_root(struct bpf_caller *c, char *buf, int len)
{
	char root[PATH_MAX];
	int n;

	if (!*c->root_prefix)
		return len;
	n = link_text(c, "root", root, sizeof(root));
	if (n <= 1 || n > len || memcmp(buf, root, (size_t)n) || (buf[n] && buf[n] != '/'))
		return n < 0 ? n : len;
	memmove(buf, buf + n, (size_t)(len - n) + 1);
	if (n == len)
		strcpy(buf, "/");
	return n == len ? 1 : len - n;
}

static int target_base_path(struct bpf_caller *c, int dirfd, char *buf, size_t size)
{
	struct target *t = target_of(c);
	char entry[32] = "cwd";
	struct stat st;
	char path[64];
	int n;

	if (dirfd == AT_FDCWD && t->cwd[0] && strlen(t->cwd) < size)
		return (int)(stpcpy(buf, t->cwd) - buf);
	if (dirfd != AT_FDCWD) {
		snprintf(entry, sizeof(entry), "fd/%d", dirfd);
		if (dirfd < 0 || fstatat(AT_FDCWD, proc_path(c, entry, path), &st, 0))
			return -EBADF;
		if (!S_ISDIR(st.st_mode))
			return -ENOTDIR;
	}
	n = link_text(c, entry, buf, size);
	if (n < 0)
		return dirfd == AT_FDCWD ? n : -EBADF;
	n = below_root(c, buf, n);
	if (dirfd == AT_FDCWD && n > 0 && n < (int)sizeof(t->cwd))
		strcpy(t->cwd, buf);
	return n;
}

/* Credentials. */

static const char *line_of(const char *status, const char *key)
{
	const char *p = strstr(status, key);

	return p ? p + strlen(key) : "";
}

static void read_groups(struct target_creds *cr, const char *p)
{
	char *end;

	for (cr->ngroups = 0; cr->ngroups < TARGET_GROUPS; cr->ngroups++, p = end) {
		while (*p == ' ' || *p == '\t')
			p++;
		cr->groups[cr->ngroups] = (u32)strtoul(p, &end, 10);
		if (end == p)
			break;
	}
}

static int parse_status(struct target_creds *cr, const char *text)
{
	u32 uid[4], gid[4];

	if (sscanf(line_of(text, "\nUid:"), "%u%u%u%u", &uid[0], &uid[1], &uid[2], &uid[3]) != 4 ||
	    sscanf(line_of(text, "\nGid:"), "%u%u%u%u", &gid[0], &gid[1], &gid[2], &gid[3]) != 4)
		return -ESRCH;
	cr->euid = uid[1];
	cr->fsuid = uid[3];
	cr->egid = gid[1];
	cr->fsgid = gid[3];
	cr->umask = (u32)strtoul(line_of(text, "\nUmask:"), NULL, 8);
	cr->caps = strtoull(line_of(text, "\nCapEff:"), NULL, 16);
	read_groups(cr, line_of(text, "\nGroups:"));
	return 0;
}

static int read_creds(struct target *t)
{
	char text[8192], path[64];
	ssize_t n;
	int fd, err;

	if (t->creds.known)
		return 0;
	fd = open(proc_path(&t->c, "status", path), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0 || !target_valid(t))
		return -ESRCH;
	text[n] = 0;
	err = parse_status(&t->creds, text);
	t->creds.known = !err;
	return err;
}

/* A process that made itself a user namespace has all capabilities, but only there. */
static bool same_user_ns(struct target *t)
{
	return same_link(&t->c, &own_user);
}

static bool has_caps(int tid, u64 want)
{
	struct __user_cap_header_struct hdr = { _LINUX_CAPABILITY_VERSION_3, tid };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &hdr, data))
		return false;
	return (want & ~((u64)data[1].effective << 32 | data[0].effective)) == 0;
}

static int target_privileged(struct bpf_caller *c)
{
	struct target *t = target_of(c);
	char path[64];
	struct stat st;

	if (!has_caps(c->tid, the_run->caps) || !same_user_ns(t))
		return 0;
	/* The owner is the effective uid, unless the process must not be looked into. */
	if (!stat(proc_path(c, "", path), &st) && st.st_uid == the_run->euid)
		return target_valid(t);
	return !read_creds(t) && t->creds.euid == the_run->euid;
}

static int target_fs_creds(struct bpf_caller *c, u32 *fsuid, u32 *fsgid, u32 *mask)
{
	struct target *t = target_of(c);
	int err = read_creds(t);

	if (err)
		return err;
	if (fsuid)
		*fsuid = t->creds.fsuid;
	if (fsgid)
		*fsgid = t->creds.fsgid;
	if (mask)
		*mask = t->creds.umask;
	return 0;
}

/* Raw calls: the C library would change all threads. With a uid other than 0 the thread's file capabilities
 * go too. */
static int target_as_client(struct bpf_caller *c)
{
	struct target *t = target_of(c);
	const struct target_creds *cr = &t->creds;
	int err = read_creds(t);

	if (err)
		return err;
	if (cr->fsuid == the_run->euid && cr->fsgid == the_run->egid)
		return 0;
	t->as_client = true;
	syscall(SYS_setgroups, (size_t)cr->ngroups, cr->groups);
	syscall(SYS_setfsgid, cr->fsgid);
	syscall(SYS_setfsuid, cr->fsuid);
	/* It tells the old one, and nothing is changed by an impossible one. */
	if ((u32)syscall(SYS_setfsuid, -1) == cr->fsuid && (u32)syscall(SYS_setfsgid, -1) == cr->fsgid)
		return 0;
	target_ops.as_self(c);
	return -EPERM;
}

static void target_as_self(struct bpf_caller *c)
{
	struct target *t = target_of(c);

	if (!t->as_client)
		return;
	t->as_client = false;
	syscall(SYS_setfsuid, the_run->euid);
	syscall(SYS_setfsgid, the_run->egid);
	syscall(SYS_setgroups, (size_t)own_ngroups, own_groups);
}

void target_setup(void)
{
	int n = getgroups(TARGET_GROUPS, own_groups);

	own_ngroups = n > 0 ? n : 0;
	read_own(&own_root);
	read_own(&own_mnt);
	read_own(&own_user);
}

void target_init(struct target *t, const struct seccomp_notif *req)
{
	t->c.ops = &target_ops;
	t->c.direct = false;
	t->c.pid = t->c.tid = (int)req->pid;
	t->id = req->id;
	t->checked = __builtin_ia32_rdtsc();
	t->answered = t->as_client = t->creds.known = false;
	t->blocks = NULL;
	t->cwd[0] = 0;
	t->nlate = t->late_bytes = 0;
	habit_find(t, req);
	set_root_prefix(t);
}

void target_release(struct target *t)
{
	struct scratch *s, *next;

	target_as_self(&t->c);
	habit_keep(t);
	for (s = t->blocks; s; s = next) {
		next = s->next;
		free(s);
	}
}

const struct bpf_caller_ops target_ops = {
	.copy_in = target_in,
	.copy_out = target_out,
	.copy_out_last = target_out_last,
	.install_fd = target_install_fd,
	.next_fd = target_next_fd,
	.place_fd = target_place_fd,
	.get_fd = target_get_fd,
	.dup_fd = target_dup_fd,
	.share_fd = target_share_fd,
	.copy_fd = target_copy_fd,
	.fd_text = target_fd_text,
	.base_path = target_base_path,
	.privileged = target_privileged,
	.fs_creds = target_fs_creds,
	.as_client = target_as_client,
	.as_self = target_as_self,
	.epoll_ctl = target_epoll_ctl,
	.scratch = target_scratch,
};
