// SPDX-License-Identifier: BSD-2-Clause
/*
 * mmap of an object's fd, by the kernel's rules for objects (sys/fs_mmap.h).
 *
 * What is mapped is not the client's description but a fresh one that can do
 * no more than the mapping may ever do: so mprotect refuses to make a
 * read-only mapping writable, and MAP_FREEZE sees a writable one as long as it
 * exists, in whatever process.
 *
 * Not covered: mmap inside the C library or from a static program. mremap that
 * makes a mapping longer succeeds here (the kernel's EFAULT): the new pages lie
 * behind the object's data and fault.
 */
#include "frontend/preload/preload.h"
#include "store/store.h"
#include "sys/fs_mmap.h"

struct request {
	struct handle *h;
	u32 acc;
	size_t len;
	int prot, flags;
	off_t off;
};

/* An fd to map in place of the client's, or the kernel's answer. */
static int checked_fd(const struct request *r)
{
	struct opened *o;
	int err;

	if (r->h->type != OBJ_MAP)
		return obj_mmap_check(NULL, r->acc, r->prot, r->flags, r->len, r->off, false);
	o = handle_open(r->h);
	if (IS_ERR(o))
		return (int)PTR_ERR(o);
	err = obj_mmap_check(&o->map, r->acc, r->prot, r->flags, r->len, r->off,
			     atomic_load(&o->map.hdr->frozen));
	return err ? err : map_mmap_fd(r->h->id, r->prot, &o->map.hdr->frozen);
}

static noinline int run_guarded(struct op *op, const struct request *r)
{
	int err = guard_set(&op->guard);

	return err ? err : checked_fd(r);
}

static int guarded_fd(const struct request *r)
{
	struct op *op = op_enter(r->h, __builtin_frame_address(0));
	int fd;

	if (!op)
		return -EAGAIN;
	fd = run_guarded(op, r);
	op_leave(op);
	return fd;
}

/* Most mappings are of libraries and data: one fstat tells them apart. */
static struct handle *mapped_object(int fd, u32 *acc)
{
	struct stat st;

	if (fdtab_word(fd))
		return fd_object(fd, acc);
	if (raw_fstat(fd, &st) || st.st_dev != the_store.dev || !S_ISREG(st.st_mode))
		return NULL;
	return fd_look(fd, acc);
}

long map_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	struct request r = { NULL, 0, len, prot, flags, off };
	int real;
	long ret;

	if (fd >= 0 && !(flags & MAP_ANONYMOUS) && pre_attached)
		r.h = mapped_object(fd, &r.acc);
	if (!r.h)
		return (long)raw_mmap(at, len, prot, flags, fd, off);
	sig_stand_in_front();
	real = guarded_fd(&r);
	handle_put(r.h);
	if (real < 0)
		return real;
	ret = (long)raw_mmap(at, len, prot, flags, real, off);
	raw_close(real);
	return ret;
}

EXPORT void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	return (void *)ret_errno(map_mmap(at, len, prot, flags, fd, off));
}

EXPORT void *mmap64(void *at, size_t len, int prot, int flags, int fd, off_t off)
	__attribute__((alias("mmap")));
