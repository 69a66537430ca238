// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an object's fd answers to file calls: it is no file.
 *
 * Here it is one, so the calls that a client may try on it are answered as the
 * kernel answers them for an object. All other fds pay one table load. Only
 * fds that bpf(2) has met are known; that they still are what the table says
 * is made sure by fstat before an answer is given.
 *
 * Calls that the C library makes inside itself (stdio on a map's fd) are not
 * covered.
 */
#include <stdarg.h>
#include <sys/ioctl.h>
#include "frontend/preload/preload.h"
#include "store/store.h"
#include "sys/perf_event.h"

/* The errno for an object, or 0: not one. acc_wanted: the access that the call needs (EBADF without). */
static int refused(int fd, int err, int acc_wanted)
{
	struct handle *h = fd_object(fd, NULL);
	u32 acc = 0;

	if (!h)
		return 0;
	handle_put(h);
	acc = (u32)(fdtab_word(fd) & 3);
	if ((acc_wanted == O_WRONLY && acc == O_RDONLY) || (acc_wanted == O_RDONLY && acc == O_WRONLY))
		err = EBADF;
	errno = err;
	return err;
}

#define NOT_ON_OBJECTS(fd, err, acc)                                                                         \
	do {                                                                                                 \
		if (unlikely(fdtab_word(fd)) && refused(fd, err, acc))                                       \
			return -1;                                                                           \
	} while (0)

/* True: it was an event's, and *ret is the answer. */
static bool read_event(int fd, void *buf, size_t n, ssize_t *ret)
{
	struct handle *h = fd_object(fd, NULL);
	bool event = h && h->type == OBJ_PERF;
	long r = SYS_CONTINUE;

	if (event)
		r = perf_read(fd, buf, n);
	if (h)
		handle_put(h);
	if (r != SYS_CONTINUE)
		*ret = ret_errno(r);
	return r != SYS_CONTINUE;
}

EXPORT ssize_t read(int fd, void *buf, size_t n)
{
	ssize_t ret;

	if (unlikely(fdtab_word(fd)) && read_event(fd, buf, n, &ret))
		return ret;
	NOT_ON_OBJECTS(fd, EINVAL, O_RDONLY);
	ret = NEXT(read)(fd, buf, n);
	return net_may_be_route(fd) ? net_was_read(fd, &(struct iovec){ buf, n }, 1, ret) : ret;
}

EXPORT ssize_t write(int fd, const void *buf, size_t n)
{
	ssize_t ret;

	NOT_ON_OBJECTS(fd, EINVAL, O_WRONLY);
	if (net_may_be_route(fd) && net_written(fd, &(struct iovec){ (void *)(uintptr_t)buf, n }, 1, &ret))
		return ret;
	return NEXT(write)(fd, buf, n);
}

EXPORT ssize_t readv(int fd, const struct iovec *v, int n)
{
	ssize_t ret;

	NOT_ON_OBJECTS(fd, EINVAL, O_RDONLY);
	ret = NEXT(readv)(fd, v, n);
	return net_may_be_route(fd) ? net_was_read(fd, v, n, ret) : ret;
}

EXPORT ssize_t writev(int fd, const struct iovec *v, int n)
{
	ssize_t ret;

	NOT_ON_OBJECTS(fd, EINVAL, O_WRONLY);
	if (net_may_be_route(fd) && net_written(fd, v, n, &ret))
		return ret;
	return NEXT(writev)(fd, v, n);
}

EXPORT ssize_t pread(int fd, void *buf, size_t n, off_t off)
{
	NOT_ON_OBJECTS(fd, ESPIPE, 0);
	return NEXT(pread)(fd, buf, n, off);
}

EXPORT ssize_t pread64(int fd, void *buf, size_t n, off_t off) __attribute__((alias("pread")));

EXPORT ssize_t pwrite(int fd, const void *buf, size_t n, off_t off)
{
	NOT_ON_OBJECTS(fd, ESPIPE, 0);
	return NEXT(pwrite)(fd, buf, n, off);
}

EXPORT ssize_t pwrite64(int fd, const void *buf, size_t n, off_t off) __attribute__((alias("pwrite")));

EXPORT off_t lseek(int fd, off_t off, int whence)
{
	NOT_ON_OBJECTS(fd, ESPIPE, 0);
	return ret_errno(raw6(SYS_lseek, fd, off, whence, 0, 0, 0));
}

EXPORT off_t lseek64(int fd, off_t off, int whence) __attribute__((alias("lseek")));

EXPORT int ftruncate(int fd, off_t size)
{
	NOT_ON_OBJECTS(fd, EINVAL, 0);
	return (int)ret_errno(raw6(SYS_ftruncate, fd, size, 0, 0, 0, 0));
}

EXPORT int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

EXPORT int fsync(int fd)
{
	NOT_ON_OBJECTS(fd, EINVAL, 0);
	return NEXT(fsync)(fd);
}

EXPORT int fdatasync(int fd)
{
	NOT_ON_OBJECTS(fd, EINVAL, 0);
	return NEXT(fdatasync)(fd);
}

EXPORT int fchmod(int fd, mode_t mode)
{
	NOT_ON_OBJECTS(fd, EOPNOTSUPP, 0);
	return (int)ret_errno(raw6(SYS_fchmod, fd, (long)mode, 0, 0, 0, 0));
}

/* Some requests are the fd's, not the file's; some a perf event's. */
long fd_ioctl(int fd, unsigned long request, long arg)
{
	struct handle *h;
	long ret = SYS_CONTINUE;

	if (unlikely(perf_ioctl_request((u32)request)))
		ret = perf_ioctl(fd, request, arg);
	if (ret != SYS_CONTINUE)
		return ret;
	h = request != FIOCLEX && request != FIONCLEX && request != FIONBIO && fdtab_word(fd)
		    ? fd_object(fd, NULL)
		    : NULL;
	if (!h)
		return raw6(SYS_ioctl, fd, (long)request, arg, 0, 0, 0);
	handle_put(h);
	return -ENOTTY;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	long arg;

	va_start(ap, request);
	arg = va_arg(ap, long);
	va_end(ap);
	return (int)ret_errno(fd_ioctl(fd, request, arg));
}

static bool is_object(int fd, dev_t dev, mode_t mode)
{
	struct handle *h;
	u32 acc;

	if (likely(!pre_attached || dev != the_store.dev || !S_ISREG(mode)))
		return false;
	h = fd_look(fd, &acc);
	if (h)
		handle_put(h);
	return h;
}

/* All objects of a kernel share one nameless inode. */
#define ANON_INO 1

static int look_like_object(int fd, struct stat *st, long ret)
{
	if (!ret && is_object(fd, st->st_dev, st->st_mode)) {
		st->st_mode = 0600;
		st->st_nlink = 1;
		st->st_size = 0;
		st->st_blocks = 0;
		st->st_ino = ANON_INO;
		st->st_uid = st->st_gid = 0;
	}
	return (int)ret_errno(ret);
}

EXPORT int fstat(int fd, struct stat *st)
{
	/* The client's own call: no cookie. */
	return look_like_object(fd, st, raw6(SYS_newfstatat, fd, (long)"", (long)st, AT_EMPTY_PATH, 0, 0));
}

EXPORT int fstat64(int fd, struct stat64 *st) __attribute__((alias("fstat")));

EXPORT int fstatat(int dir, const char *path, struct stat *st, int flags)
{
	long ret = raw6(SYS_newfstatat, dir, (long)path, (long)st, flags, 0, 0);

	if (ret || !(flags & AT_EMPTY_PATH) || *path)
		return (int)ret_errno(ret);
	return look_like_object(dir, st, ret);
}

EXPORT int fstatat64(int dir, const char *path, struct stat64 *st, int flags)
	__attribute__((alias("fstatat")));

static bool is_object_x(int fd, const struct statx *sx)
{
	u64 major = sx->stx_dev_major, minor = sx->stx_dev_minor;

	return is_object(fd, (minor & 0xff) | major << 8 | (minor & ~0xffull) << 12, sx->stx_mode);
}

EXPORT int statx(int dir, const char *path, int flags, unsigned mask, struct statx *sx)
{
	long ret = raw6(SYS_statx, dir, (long)path, flags, mask, (long)sx, 0);

	if (ret || !(flags & AT_EMPTY_PATH) || *path || !is_object_x(dir, sx))
		return (int)ret_errno(ret);
	sx->stx_mode = 0600;
	sx->stx_nlink = 1;
	sx->stx_size = sx->stx_blocks = 0;
	sx->stx_ino = ANON_INO;
	sx->stx_uid = sx->stx_gid = 0;
	return 0;
}
