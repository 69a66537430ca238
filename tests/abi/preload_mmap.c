// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the fd of a map answers to file calls, and the rules of mmap: where the
 * library is in the process. To a static program an object's fd is a file.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "abi/preload_client.h"

static const char *name_of(int err)
{
	const char *s = err == 524 ? "ENOTSUPP" : strerrorname_np(err);

	return !err ? "ok" : s ? s : "?";
}

static void is(const char *what, long ret, int want)
{
	int err = ret == -1 ? errno : 0;

	ok(err == want, "%s: %s", what, name_of(err));
}

static void file_calls(void)
{
	int m = new_array(), ro = map_create(BPF_MAP_TYPE_HASH, 4, BPF_F_RDONLY), ep = epoll_create1(0);
	struct pollfd p = { m, POLLIN, 0 }, none = { m, 0, 0 };
	struct epoll_event ev = { .events = EPOLLIN };
	char buf[8] = "";
	struct iovec v = { buf, 8 };
	struct stat st;
	struct statx sx;
	int one = 1;

	ok(fcntl(m, F_GETFL) == O_RDWR && fcntl(ro, F_GETFL) == O_RDONLY,
	   "F_GETFL is the access mode and no more");
	is("read", read(m, buf, 8), EINVAL);
	is("write", write(m, buf, 8), EINVAL);
	is("read of a read-only map", read(ro, buf, 8), EINVAL);
	is("write to a read-only map", write(ro, buf, 8), EBADF);
	is("readv", readv(m, &v, 1), EINVAL);
	is("writev", writev(m, &v, 1), EINVAL);
	is("pread", pread(m, buf, 8, 0), ESPIPE);
	is("pwrite", pwrite(m, buf, 8, 0), ESPIPE);
	is("lseek", lseek(m, 0, SEEK_SET), ESPIPE);
	is("ftruncate", ftruncate(m, 0), EINVAL);
	is("fsync", fsync(m), EINVAL);
	is("fdatasync", fdatasync(m), EINVAL);
	is("fchmod", fchmod(m, 0644), EOPNOTSUPP);
	is("ioctl", ioctl(m, TCGETS, buf), ENOTTY);
	is("ioctl FIONBIO", ioctl(m, FIONBIO, &one), 0);
	ok(fcntl(m, F_GETFL) == (O_RDWR | O_NONBLOCK), "which shows in F_GETFL");
	one = fstat(m, &st);
	ok(one == 0 && st.st_mode == 0600 && st.st_size == 0 && st.st_nlink == 1 && st.st_blocks == 0,
	   "fstat: mode %o size %ld links %ld", st.st_mode, (long)st.st_size, (long)st.st_nlink);
	ok(fstatat(m, "", &st, AT_EMPTY_PATH) == 0 && st.st_mode == 0600 && st.st_size == 0, "fstatat");
	ok(statx(m, "", AT_EMPTY_PATH, STATX_ALL, &sx) == 0 && sx.stx_mode == 0600 && sx.stx_size == 0,
	   "statx");
	ok(poll(&p, 1, 1000) == 1 && p.revents == POLLERR, "poll: an error at once");
	ok(poll(&none, 1, 1000) == 1 && none.revents == POLLERR, "even when nothing is asked");
	is("epoll ADD of /dev/null", epoll_ctl(ep, EPOLL_CTL_ADD, open("/dev/null", O_RDONLY), &ev), EPERM);
	ok(set(m, 0, 3) == 0 && get(m, 0) == 3, "the map is as before");
	close_range(3, ~0u, 0);
}

struct row {
	uint32_t type, flags;
	int frozen, prot, how;
	size_t len;
	off_t off;
	int want;
};

#define MMAPABLE BPF_F_MMAPABLE
#define ARRAY    BPF_MAP_TYPE_ARRAY
#define RW       (PROT_READ | PROT_WRITE)

static const struct row rows[] = {
	{ BPF_MAP_TYPE_HASH, 0, 0, PROT_READ, MAP_SHARED, 4096, 0, 524 },
	{ BPF_MAP_TYPE_HASH, 0, 0, PROT_READ, MAP_PRIVATE, 4096, 0, 524 },
	{ BPF_MAP_TYPE_HASH, 0, 0, RW | PROT_EXEC, MAP_SHARED, 4096, 0, EPERM },
	{ BPF_MAP_TYPE_HASH, BPF_F_WRONLY, 0, PROT_READ, MAP_SHARED, 4096, 0, EACCES },
	{ BPF_MAP_TYPE_HASH, 0, 0, PROT_READ, MAP_SHARED, 0, 0, EINVAL },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, 0, 0, PROT_READ, MAP_SHARED, 4096, 0, 524 },
	{ ARRAY, 0, 0, PROT_READ, MAP_SHARED, 4096, 0, EINVAL },
	{ ARRAY, MMAPABLE, 0, RW, MAP_SHARED, 8192, 0, 0 },
	{ ARRAY, MMAPABLE, 0, RW, MAP_SHARED_VALIDATE, 8192, 0, 0 },
	{ ARRAY, MMAPABLE, 0, RW, MAP_SHARED, 1, 0, 0 },
	{ ARRAY, MMAPABLE, 0, RW, MAP_SHARED, 8193, 0, EINVAL },
	{ ARRAY, MMAPABLE, 0, RW, MAP_SHARED, 4096, 4096, 0 },
	{ ARRAY, MMAPABLE, 0, RW, MAP_SHARED, 4096, 8192, EINVAL },
	{ ARRAY, MMAPABLE, 0, RW, MAP_SHARED, 8192, 4096, EINVAL },
	{ ARRAY, MMAPABLE, 0, RW, MAP_SHARED, 4096, 1, EINVAL },
	{ ARRAY, MMAPABLE, 0, RW, MAP_SHARED, 4096, (off_t)1 << 62, EINVAL },
	{ ARRAY, MMAPABLE, 0, RW, MAP_SHARED, (size_t)1 << 46, 0, EINVAL },
	{ ARRAY, MMAPABLE, 0, RW, MAP_SHARED, 0, 0, EINVAL },
	{ ARRAY, MMAPABLE, 0, RW, 0, 4096, 0, EINVAL },
	{ ARRAY, MMAPABLE, 0, PROT_NONE, MAP_SHARED, 4096, 0, 0 },
	{ ARRAY, MMAPABLE, 0, PROT_READ, MAP_PRIVATE, 4096, 0, EINVAL },
	{ ARRAY, MMAPABLE, 0, RW, MAP_PRIVATE, 4096, 0, EINVAL },
	{ ARRAY, MMAPABLE, 0, PROT_READ | PROT_EXEC, MAP_SHARED, 4096, 0, EPERM },
	{ ARRAY, MMAPABLE, 0, PROT_EXEC, MAP_PRIVATE, 4096, 0, EPERM },
	{ ARRAY, MMAPABLE | BPF_F_RDONLY, 0, PROT_READ, MAP_SHARED, 4096, 0, EINVAL },
	{ ARRAY, MMAPABLE | BPF_F_RDONLY, 0, RW, MAP_SHARED, 4096, 0, EACCES },
	{ ARRAY, MMAPABLE | BPF_F_RDONLY, 0, RW | PROT_EXEC, MAP_SHARED, 4096, 0, EACCES },
	{ ARRAY, MMAPABLE | BPF_F_RDONLY, 0, PROT_EXEC, MAP_SHARED, 4096, 0, EPERM },
	{ ARRAY, MMAPABLE | BPF_F_RDONLY, 0, RW, MAP_PRIVATE, 4096, 0, EINVAL },
	{ ARRAY, MMAPABLE | BPF_F_WRONLY, 0, PROT_READ, MAP_SHARED, 4096, 0, EACCES },
	{ ARRAY, MMAPABLE | BPF_F_WRONLY, 0, PROT_WRITE, MAP_SHARED, 4096, 0, EACCES },
	{ ARRAY, MMAPABLE | BPF_F_RDONLY_PROG, 0, PROT_READ, MAP_SHARED, 4096, 0, 0 },
	{ ARRAY, MMAPABLE | BPF_F_RDONLY_PROG, 0, RW, MAP_SHARED, 4096, 0, EACCES },
	{ ARRAY, MMAPABLE | BPF_F_RDONLY_PROG, 1, RW, MAP_SHARED, 4096, 0, EPERM },
	{ ARRAY, MMAPABLE | BPF_F_RDONLY_PROG, 1, PROT_READ, MAP_SHARED, 4096, 0, 0 },
	{ ARRAY, MMAPABLE | BPF_F_WRONLY_PROG, 0, RW, MAP_SHARED, 4096, 0, 0 },
	{ ARRAY, MMAPABLE, 1, RW, MAP_SHARED, 4096, 0, EPERM },
	{ ARRAY, MMAPABLE, 1, PROT_READ, MAP_SHARED, 4096, 0, 0 },
};

static int freeze(int fd)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)fd;
	return bpf(BPF_MAP_FREEZE, &a, 4) ? errno : 0;
}

static void rules(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		int m = map_create(r->type, 1000, r->flags), err;
		void *p;

		if (r->frozen)
			freeze(m);
		p = mmap(NULL, r->len, r->prot, r->how, m, r->off);
		err = p == MAP_FAILED ? errno : 0;
		ok(err == r->want, "mmap type %u flags %x%s prot %d how %d len %zu off %ld: %s", r->type,
		   r->flags, r->frozen ? " frozen" : "", r->prot, r->how, r->len, (long)r->off, name_of(err));
		if (!err && !(r->prot & PROT_WRITE))
			is("  and made writable", mprotect(p, r->len, RW), EACCES);
		if (!err)
			munmap(p, r->len);
		close(m);
	}
}

static void contents(void)
{
	int m = map_create(ARRAY, 1000, MMAPABLE), d = dup(m);
	uint64_t *p = mmap(NULL, 8192, RW, MAP_SHARED, m, 0), *q;
	uint32_t id = map_id(m);

	set(m, 3, 33);
	ok(p[3] == 33, "an update is seen in memory");
	p[999] = 99;
	ok(get(m, 999) == 99 && p[1000] == 0 && p[1023] == 0,
	   "a store is seen by lookup; zeros behind the last");
	q = mmap(p, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, d, 0);
	ok(q == p && p[3] == 33 && p[999] == 99, "MAP_FIXED over a part of itself");
	close(m);
	close(d);
	ok(lives(id), "all fds closed: the mapping keeps the map");
	m = map_by_id(id);
	ok(get(m, 999) == 99, "and it can be had by id");
	close(m);
	if (!fork()) {
		p[600] = 6;
		_exit(lives(id) ? 7 : 1);
	}
	ok(status_of(-1) == 7 && p[600] == 6, "a child has the same mapping");
	munmap(p, 8192);
	ok(dies(id), "unmapped: gone");
}

static void freezing(void)
{
	int m = map_create(ARRAY, 1000, MMAPABLE);
	char *p = mmap(NULL, 8192, RW, MAP_SHARED, m, 0);
	pid_t pid;

	ok(freeze(m) == EBUSY, "freeze while a writable mapping is there: EBUSY");
	mprotect(p, 8192, PROT_READ);
	ok(freeze(m) == EBUSY, "made read-only: still EBUSY");
	munmap(p, 4096);
	ok(freeze(m) == EBUSY, "half of it gone: still EBUSY");
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	munmap(p + 4096, 4096);
	ok(freeze(m) == EBUSY, "only a child has it: still EBUSY");
	kill(pid, SIGKILL);
	status_of(pid);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, m, 0);
	ok(freeze(m) == 0, "only a read-only one: frozen");
	ok(freeze(m) == EPERM || freeze(m) == EBUSY, "frozen again: %s", name_of(freeze(m)));
	is("write after that", set(m, 0, 1), EPERM);
	munmap(p, 4096);
	close(m);
}

static void other_files(void)
{
	int f = memfd_create("f", 0);
	char *p;

	ftruncate(f, 4096);
	p = mmap(NULL, 4096, RW, MAP_SHARED, f, 0);
	ok(p != MAP_FAILED && write(f, "abc", 3) == 3 && !memcmp(p, "abc", 3) && lseek(f, 0, SEEK_CUR) == 3,
	   "files are files");
	close(f);
	ok(mmap(NULL, 4096, PROT_READ, MAP_SHARED, f, 0) == MAP_FAILED && errno == EBADF,
	   "a closed fd: EBADF");
}

int main(void)
{
	file_calls();
	rules();
	contents();
	freezing();
	other_files();
	return done();
}
