// SPDX-License-Identifier: BSD-2-Clause
/*
 * mmap(2) of object fds: see fs_mmap.h.
 */
#include "sys/fs_mmap.h"
#include <stdatomic.h>
#include <sys/mman.h>
#include "util/raw.h"
#include "util/str.h"

/* Far behind any data; in the file of every map. */
#define PIN_BYTE ((off_t)1 << 61)

#define ADDRESSES ((size_t)1 << 47)

/* What the kernel checks of any file before the file's own mmap is asked. */
static int mmap_check_any(u32 acc, int prot, int flags, size_t len, off_t off)
{
	int kind = flags & MAP_TYPE;

	if (!len || off % PAGE || (kind != MAP_SHARED && kind != MAP_PRIVATE && kind != MAP_SHARED_VALIDATE))
		return -EINVAL;
	if (len > ADDRESSES - PAGE)
		return -ENOMEM;
	if (kind != MAP_PRIVATE && (prot & PROT_WRITE) && acc == O_RDONLY)
		return -EACCES;
	if (acc == O_WRONLY)
		return -EACCES;
	/* Object fds live on a mount that allows no execution. */
	return prot & PROT_EXEC ? -EPERM : 0;
}

int obj_mmap_check(const struct bpf_map *m, u32 acc, int prot, int flags, size_t len, off_t off, bool frozen)
{
	int err = mmap_check_any(acc, prot, flags, len, off);
	size_t area;

	if (err)
		return err;
	if (!m)
		return -ENODEV;
	if (!m->ops->mmap_size)
		return -ENOTSUPP;
	/* To the kernel a mapping that can never be written is not a shared one. */
	if ((flags & MAP_TYPE) == MAP_PRIVATE || acc == O_RDONLY)
		return -EINVAL;
	if ((prot & PROT_WRITE) && frozen)
		return -EPERM;
	if ((prot & PROT_WRITE) && (m->map_flags & BPF_F_RDONLY_PROG))
		return -EACCES;
	if (m->ops->mmap_place) /* says the rest itself */
		return 0;
	area = m->ops->mmap_size(m);
	len = ROUND_UP(len, PAGE);
	if (m->ops->mmap_check)
		err = m->ops->mmap_check(m, prot & PROT_WRITE, (u64)off, len);
	if (err)
		return err;
	return (u64)off > area || len > area - (u64)off ? -EINVAL : 0;
}

static int pin_lock(int fd, short type)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = PIN_BYTE, .l_len = 1 };

	return raw_fcntl(fd, F_OFD_SETLK, (long)&fl);
}

int map_write_pin(int fd)
{
	int err = pin_lock(fd, F_RDLCK);

	return err == -EAGAIN || err == -EACCES ? -EPERM : err;
}

/* A line of /proc/PID/maps as it comes: "LO-HI rw-s OFFSET DEVICE INODE PATH". */
struct maps_line {
	u32 field;
	bool in_word, shared_write;
	u32 at; /* in the word */
	u64 ino;
};

/* True at the end of a line that says that the inode is mapped shared, for writing. */
static bool maps_char(struct maps_line *l, char c, u64 ino)
{
	bool found;

	if (c == '\n') {
		found = l->shared_write && l->ino == ino && l->field >= 4;
		*l = (struct maps_line){ 0 };
		return found;
	}
	if (c == ' ') {
		l->field += l->in_word;
		l->in_word = false;
		l->at = 0;
		return false;
	}
	l->in_word = true;
	if (l->field == 1 && l->at == 1)
		l->shared_write = c == 'w';
	if (l->field == 1 && l->at == 3 && c != 's')
		l->shared_write = false;
	if (l->field == 4)
		l->ino = l->ino * 10 + (u64)(c - '0');
	l->at++;
	return false;
}

static bool maps_writable(int tid, u64 ino)
{
	struct maps_line l = { 0 };
	char path[32], buf[1024];
	bool found = false;
	int fd;
	long n;

	str_put(str_put_u64(str_put(path, "/proc/"), (u32)tid, 10), "/maps");
	fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return true;
	while (!found && (n = raw_read(fd, buf, sizeof(buf))) > 0)
		for (long i = 0; i < n && !found; i++)
			found = maps_char(&l, buf[i], ino);
	raw_close(fd);
	return found;
}

/* The client's own description holds the lock, as long as it is open; by then the client may have unmapped.
 */
static void unpin_unmapped(struct bpf_caller *c, int fd)
{
	int own = c->ops->share_fd ? c->ops->share_fd(c, fd) : -1;
	struct stat st;

	if (own < 0)
		return;
	if (!raw_fstat(own, &st) && !maps_writable(c->tid, st.st_ino))
		pin_lock(own, F_UNLCK);
	raw_close(own);
}

int map_freeze_begin(struct bpf_caller *c, int client_fd, u32 map_id)
{
	struct stat st;
	int err, fd = obj_open(OBJ_MAP, map_id, O_RDWR, &st);

	if (fd < 0)
		return fd;
	unpin_unmapped(c, client_fd);
	err = pin_lock(fd, F_WRLCK);
	if (!err)
		return fd;
	raw_close(fd);
	return err == -EAGAIN || err == -EACCES ? -EBUSY : err;
}

int map_mmap_fd(u32 map_id, int prot, const _Atomic u32 *frozen)
{
	struct stat st;
	bool writable = prot & PROT_WRITE;
	int err = 0, fd;

	fd = obj_open(OBJ_MAP, map_id, writable ? O_RDWR : O_RDONLY, &st);
	if (fd < 0)
		return fd;
	if (writable)
		err = map_write_pin(fd);
	if (!err && writable && atomic_load(frozen))
		err = -EPERM;
	if (!err)
		return fd;
	raw_close(fd);
	return err;
}

struct mapping {
	struct bpf_caller *c;
	size_t len;
	u64 off;
	int fd, prot, flags;
};

/* The mapping will be of the client's description: so that is what holds the lock. Where it cannot be had,
 * MAP_FREEZE does not see the mapping. */
static long pin_shared(const struct mapping *m, const _Atomic u32 *frozen)
{
	int own = m->c->ops->share_fd ? m->c->ops->share_fd(m->c, m->fd) : -1;
	long err;

	if (own < 0)
		return 0;
	err = map_write_pin(own);
	if (!err && atomic_load(frozen)) {
		pin_lock(own, F_UNLCK);
		err = -EPERM;
	}
	raw_close(own);
	return err == -EPERM ? err : 0;
}

static long check_object(struct op *op, const struct mapping *m, struct handle *h, u32 acc)
{
	struct opened *o;
	long err;

	if (h->type != OBJ_MAP)
		return obj_mmap_check(NULL, acc, m->prot, m->flags, m->len, (off_t)m->off, false);
	o = handle_open(h);
	if (IS_ERR(o))
		return PTR_ERR(o);
	op->guard.lo = o->view.base;
	op->guard.hi = o->view.base + o->view.size;
	err = obj_mmap_check(&o->map, acc, m->prot, m->flags, m->len, (off_t)m->off,
			     atomic_load(&o->map.hdr->frozen));
	return err || !(m->prot & PROT_WRITE) ? err : pin_shared(m, &o->map.hdr->frozen);
}

static noinline long check_guarded(struct op *op, const struct mapping *m)
{
	struct bpf_file f;
	long ret = guard_set(&op->guard);

	if (ret) {
		op_fault(op);
		return ret;
	}
	if (m->c->ops->get_fd(m->c, op, m->fd, &f))
		return 0;
	ret = check_object(op, m, f.h, f.acc);
	put_fd(&f);
	return ret;
}

long sys_map_mmap(struct bpf_caller *c, int fd, size_t len, int prot, int flags, u64 off)
{
	struct mapping m = { .c = c, .fd = fd, .len = len, .prot = prot, .flags = flags, .off = off };
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	long ret;

	if (!op)
		return -EAGAIN;
	ret = check_guarded(op, &m);
	op_leave(op);
	return ret;
}
