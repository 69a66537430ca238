// SPDX-License-Identifier: BSD-2-Clause
/*
 * struct bpf_caller for the process itself.
 *
 * The client's memory is ours, its fds are ours, and so are its credentials:
 * what the kernel checks at a system call of ours is what it would check at
 * the client's. So as_client and as_self have nothing to do.
 */
#include <linux/capability.h>
#include "frontend/preload/preload.h"
#include "util/str.h"

static int copy_in(struct bpf_caller *c, void *dst, u64 src, size_t n)
{
	return guard_copy(dst, u64_to_ptr(src), n);
}

static int copy_out(struct bpf_caller *c, u64 dst, const void *src, size_t n)
{
	return guard_copy(u64_to_ptr(dst), src, n);
}

/* The kernel would give the lowest number. */
static int lowest(int fd, bool cloexec)
{
	int low = raw_fcntl(fd, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, 0);

	if (low < 0)
		return fd;
	raw_close(low < fd ? fd : low);
	return MIN(low, fd);
}

static int install_fd(struct bpf_caller *c, int fd, struct handle *h, int oflags)
{
	struct pre_thread *t = container_of(c, struct pre_thread, c);
	bool cloexec = oflags & O_CLOEXEC;

	if (!cloexec)
		raw_fcntl(fd, F_SETFD, 0);
	if (c->held_low)
		fd = lowest(fd, cloexec);
	c->held_low = false;
	if (unlikely(t->limit[1] && (u64)fd >= t->limit[0])) {
		raw_close(fd);
		return -EMFILE;
	}
	if (h)
		fdtab_put(fd, h, (u32)oflags & O_ACCMODE);
	else
		fdtab_drop(fd);
	return fd;
}

static int close_fd(struct bpf_caller *c, int fd)
{
	return (int)fd_close(fd);
}

static int dup_fd(struct bpf_caller *c, int fd)
{
	if (fd_is_ours(fd))
		return -EBADF;
	return raw_fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static char *fd_link(char *buf, int fd)
{
	str_put_u64(str_put(buf, "/proc/self/fd/"), (u32)fd, 10);
	return buf;
}

static int fd_text(struct bpf_caller *c, int fd, char *buf, size_t size)
{
	char link[40];
	long n;

	if (fd < 0 || fd_is_ours(fd))
		return -EBADF;
	n = raw_readlinkat(AT_FDCWD, fd_link(link, fd), buf, size);
	return n == -ENOENT ? -EBADF : (int)n;
}

static int base_path(struct bpf_caller *c, int dirfd, char *buf, size_t size)
{
	struct stat st;
	long n;
	int err;

	if (dirfd == AT_FDCWD) {
		n = raw2(SYS_getcwd, buf, size);
		return n > 0 ? (int)n - 1 : (int)n; /* the kernel counts the NUL */
	}
	if (dirfd < 0 || fd_is_ours(dirfd))
		return -EBADF;
	err = raw_fstat(dirfd, &st);
	if (err)
		return err;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	n = fd_text(c, dirfd, buf, size);
	if (n < 0)
		return (int)n;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	buf[n] = 0;
	return (int)n;
}

/* The thread's own: raw calls change them thread by thread. */
static int ask_privileged(void)
{
	struct __user_cap_header_struct hdr = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	u64 have, want = the_run->caps;

	/* A thread in a user namespace of its own has them all, but is somebody else. */
	if (raw0(SYS_geteuid) != (long)the_run->euid)
		return 0;
	if (!want)
		return 1;
	if (raw2(SYS_capget, &hdr, data))
		return 0;
	have = data[0].effective | (u64)data[1].effective << 32;
	return (have & want) == want;
}

/*
 * Two system calls, asked once as long as nobody in the run makes one of those
 * that could change the answer: only the thread itself can, and before its call
 * is made the count has changed. One word, since a handler may come in between.
 */
static int privileged(struct bpf_caller *c)
{
	struct pre_thread *t = container_of(c, struct pre_thread, c);
	u64 count = atomic_load(&the_run->identity_changes), known = t->identity;
	int is;

	if (likely(known >> 1 == count && count && !pre_shared))
		return known & 1;
	is = ask_privileged();
	/* A child in the same memory may have a user namespace of its own. */
	if (pre_filtered && !pre_shared)
		t->identity = count << 1 | (u64)is;
	return is;
}

static _Atomic int umask_known = -1;

void umask_changed(int mask)
{
	atomic_store(&umask_known, mask & 0777);
}

/* umask(2) can only be asked by changing it; /proc tells without. */
static int umask_read(void)
{
	static const char key[] = "\nUmask:\t";
	char buf[512];
	int fd, mask = 0;
	long n;

	fd = raw_openat(AT_FDCWD, "/proc/thread-self/status", O_RDONLY | O_CLOEXEC, 0);
	n = fd < 0 ? 0 : raw_read(fd, buf, sizeof(buf) - 1);
	if (fd >= 0)
		raw_close(fd);
	buf[n > 0 ? n : 0] = 0;
	for (const char *p = buf; *p; p++) {
		if (!str_starts(p, key))
			continue;
		for (p += sizeof(key) - 1; *p >= '0' && *p <= '7'; p++)
			mask = mask * 8 + (*p - '0');
		return mask;
	}
	return 022;
}

static int fs_creds(struct bpf_caller *c, u32 *fsuid, u32 *fsgid, u32 *mask)
{
	int m = atomic_load(&umask_known);

	if (mask && m < 0)
		umask_changed(m = umask_read());
	if (mask)
		*mask = (u32)m;
	/* Ids that cannot be: nothing changes, and the answer is what was. */
	if (fsuid)
		*fsuid = (u32)raw1(SYS_setfsuid, -1);
	if (fsgid)
		*fsgid = (u32)raw1(SYS_setfsgid, -1);
	return 0;
}

static int as_client(struct bpf_caller *c)
{
	return 0;
}

static void as_self(struct bpf_caller *c) {}

static void *scratch(struct bpf_caller *c, size_t n)
{
	struct pre_thread *t = container_of(c, struct pre_thread, c);
	void *p;

	if (t->mem_count >= ARRAY_SIZE(t->mem))
		return NULL;
	p = raw_mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (IS_ERR(p))
		return NULL;
	t->mem[t->mem_count].at = p;
	t->mem[t->mem_count].size = n;
	barrier();
	t->mem_count++;
	return p;
}

void pre_scratch_free(struct pre_thread *t, u32 from)
{
	while (t->mem_count > from) {
		u32 i = --t->mem_count;

		barrier();
		raw_munmap(t->mem[i].at, t->mem[i].size);
	}
}

const struct bpf_caller_ops pre_caller_ops = {
	.copy_in = copy_in,
	.copy_out = copy_out,
	.install_fd = install_fd,
	.close_fd = close_fd,
	.get_fd = pre_get_fd,
	.dup_fd = dup_fd,
	.share_fd = dup_fd,
	.fd_text = fd_text,
	.base_path = base_path,
	.privileged = privileged,
	.fs_creds = fs_creds,
	.as_client = as_client,
	.as_self = as_self,
	.scratch = scratch,
};
