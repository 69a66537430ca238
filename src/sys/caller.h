// SPDX-License-Identifier: BSD-2-Clause
/*
 * The seam: everything that a front end knows and the rest does not.
 *
 * A front end (preload, notify, later trace; a unit test) fills one struct
 * bpf_caller per call and hands it to sys_bpf() or sys_fs(). Below, nobody
 * knows who called: memory is reached through copy_in and copy_out, fds
 * through get_fd and install_fd, paths through base_path and root_prefix.
 *
 * `direct` says that the client's addresses can be used as they are (the
 * library lives in the client): then a fault is caught by the guard of the
 * running operation, and copy_in and copy_out are plain copies.
 */
#ifndef PINFS_SYS_CALLER_H
#define PINFS_SYS_CALLER_H

#include "store/object.h"
#include "sys/handle.h"
#include "util/err.h"

struct bpf_caller;

/* What a client's fd number stands for. */
struct bpf_file {
	struct handle *h;
	u32 acc;      /* O_RDONLY, O_WRONLY or O_RDWR */
	bool counted; /* put_fd drops a reference */
};

struct bpf_caller_ops {
	/* 0 or -EFAULT. Direct callers use guard_copy(). */
	int (*copy_in)(struct bpf_caller *c, void *dst, u64 src, size_t n);
	int (*copy_out)(struct bpf_caller *c, u64 dst, const void *src, size_t n);

	/*
	 * The same for what a call writes at its end: nothing depends on it any
	 * more but the result, which is -EFAULT if it cannot be written. So the
	 * front end may put several together, in their order, and answer 0 first.
	 * NULL: as copy_out.
	 */
	int (*copy_out_last)(struct bpf_caller *c, u64 dst, const void *src, size_t n);

	/*
	 * Gives the client the description `fd` (of this process; taken over,
	 * closed on error too), whose access mode is in oflags; O_CLOEXEC there
	 * says what the client's number is to have. The number, or -EMFILE.
	 */
	int (*install_fd)(struct bpf_caller *c, int fd, struct handle *h, int oflags);

	/*
	 * For programs that call bpf(2) (sys/prog_sys.h), whose run may take several numbers and give some
	 * back. Either close_fd, close(2) of the client's number; 0 or -EBADF. Or these two: next_fd, the
	 * lowest number from `from` on that is free, -EMFILE, or -EOPNOTSUPP where others of the client could
	 * take it meanwhile; place_fd, install_fd at just that number, later in the call, which goes on after
	 * it: the number, -EBUSY, -EMFILE. All NULL: programs cannot make descriptors.
	 */
	int (*close_fd)(struct bpf_caller *c, int fd);
	int (*next_fd)(struct bpf_caller *c, int from);
	int (*place_fd)(struct bpf_caller *c, int fd, struct handle *h, int oflags, int number);

	/*
	 * -EBADF: closed; -EINVAL: open, but no object of this store. The
	 * handle is valid until put_fd: by a reference (f->counted), or, the
	 * cheap way of direct callers, because op->obj was free and is now the
	 * hazard that protects it.
	 */
	int (*get_fd)(struct bpf_caller *c, struct op *op, int fd, struct bpf_file *f);

	/* A description of the client's fd in this process (O_PATH is enough), to be closed by the caller.
	 * -EBADF. For path_fd and the like. */
	int (*dup_fd)(struct bpf_caller *c, int fd);

	/* The client's description itself, whatever it is: for what only it can be asked. To be closed by the
	 * caller. -EBADF; another errno where this cannot be had. NULL: as dup_fd. */
	int (*copy_fd)(struct bpf_caller *c, int fd);

	/* The same, but never another description of the same file: locks set through it are the client's.
	 * -EBADF, -EOPNOTSUPP. NULL: it cannot be had. */
	int (*share_fd)(struct bpf_caller *c, int fd);

	/* Text of /proc/PID/fd/N of the client: what kind of file it is. Length or -EBADF. */
	int (*fd_text)(struct bpf_caller *c, int fd, char *buf, size_t size);

	/* Absolute path, as the client sees it, of dirfd or (AT_FDCWD) of its cwd. Length, -EBADF, -ENOTDIR.
	 */
	int (*base_path)(struct bpf_caller *c, int dirfd, char *buf, size_t size);

	/* 1 if the calling thread has what CMD was started with: then it counts as having every BPF
	 * capability. */
	int (*privileged)(struct bpf_caller *c);

	/* The calling thread's file-system identity, for permission checks and new files. What is not wanted
	 * is NULL: each may cost a system call. */
	int (*fs_creds)(struct bpf_caller *c, u32 *fsuid, u32 *fsgid, u32 *umask);

	/*
	 * Runs until as_self with the client's identity for file permissions,
	 * so that the kernel checks modes. No-ops where this process is the client.
	 */
	int (*as_client)(struct bpf_caller *c);
	void (*as_self)(struct bpf_caller *c);

	/*
	 * epoll_ctl(2) on an object that can be polled, by the client's numbers:
	 * fd is h's. events and data as the client gives them (not for DEL). The
	 * result, or SYS_CONTINUE where the front end cannot. NULL: it never can.
	 */
	long (*epoll_ctl)(struct bpf_caller *c, int ep, int op, int fd, struct handle *h, u32 events,
			  u64 data);

	/* Memory for one call, up to n bytes, freed by the front end after it. NULL: none. Not used by direct
	 * callers on element operations. */
	void *(*scratch)(struct bpf_caller *c, size_t n);
};

struct bpf_caller {
	const struct bpf_caller_ops *ops;
	bool direct;
	const char *root_prefix; /* prefix to reach the client's root by path: "" or "/proc/PID/root" */
	int pid, tid;
	bool held_low; /* an fd of our own may stand below the one that install_fd is given */
};

static inline void put_fd(struct bpf_file *f)
{
	if (f->counted)
		handle_put(f->h);
}

static inline int caller_in(struct bpf_caller *c, void *dst, u64 src, size_t n)
{
	return n ? c->ops->copy_in(c, dst, src, n) : 0;
}

static inline int caller_copy_fd(struct bpf_caller *c, int fd)
{
	return fd < 0 ? -EBADF : c->ops->copy_fd ? c->ops->copy_fd(c, fd) : c->ops->dup_fd(c, fd);
}

static inline int caller_out(struct bpf_caller *c, u64 dst, const void *src, size_t n)
{
	return n ? c->ops->copy_out(c, dst, src, n) : 0;
}

static inline int caller_out_last(struct bpf_caller *c, u64 dst, const void *src, size_t n)
{
	return n && c->ops->copy_out_last ? c->ops->copy_out_last(c, dst, src, n)
					  : caller_out(c, dst, src, n);
}

#endif
