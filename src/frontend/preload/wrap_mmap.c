// SPDX-License-Identifier: BSD-2-Clause
/*
 * mmap of an object's fd, by the kernel's rules for objects (sys/fs_mmap.h).
 *
 * What is mapped is not the client's description but a fresh one that can do
 * no more than the mapping may ever do: so mprotect refuses to make a
 * read-only mapping writable, and MAP_FREEZE sees a writable one as long as it
 * exists, in whatever process.
 *
 * The ring of a perf event is not for children of a fork, as on the kernel.
 *
 * When somebody has truncated the file (a pin is a writable file to other
 * programs), a store or load of the client's is SIGBUS. It gets a page of
 * zeros there instead: found by /proc/self/maps, so that no list of mappings
 * has to be kept right.
 *
 * Not covered: mmap inside the C library or from a static program. mremap that
 * makes a mapping longer succeeds here (the kernel's EFAULT): the new pages lie
 * behind the object's data and fault.
 */
#include "frontend/preload/watch.h"
#include "store/store.h"
#include "sys/fs_mmap.h"
#include "util/str.h"

struct request {
	struct handle *h;
	u32 acc;
	size_t len;
	int prot, flags;
	off_t off;
	u64 at;
	bool placed; /* the map has a say in where it stands, */
	bool free;   /* which so far is anywhere */
};

/* An fd to map in place of the client's, or the kernel's answer. */
static int checked_fd(struct request *r)
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
	r->placed = o->map.ops->mmap_place != NULL;
	if (!err && r->placed)
		err = o->map.ops->mmap_place(&o->map, r->at, r->len, (u64)r->off);
	r->free = err == 1;
	return err < 0 ? err : map_mmap_fd(r->h->id, r->prot, &o->map.hdr->frozen);
}

static noinline int run_guarded(struct op *op, struct request *r)
{
	int err = guard_set(&op->guard);

	return err ? err : checked_fd(r);
}

static int guarded_fd(struct request *r)
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

/*
 * Maps fd where its addresses have one upper half, near `at` if that is free: of
 * twice the room, a part that has no multiple of 4 GiB inside.
 */
static long map_one_half(const struct request *r, int fd)
{
	size_t len = ROUND_UP(r->len, PAGE);
	u8 *room = raw_mmap((void *)r->at, 2 * len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			    -1, 0);
	u8 *to = room;
	long ret;

	if (IS_ERR(room))
		return PTR_ERR(room);
	if ((u64)to >> 32 != ((u64)to + len - 1) >> 32)
		to = (u8 *)ROUND_UP((u64)to, 1ull << 32);
	ret = (long)raw_mmap(to, len, r->prot, (r->flags & ~MAP_FIXED_NOREPLACE) | MAP_FIXED, fd, 0);
	if (to != room)
		raw_munmap(room, (size_t)(to - room));
	if (to + len != room + 2 * len)
		raw_munmap(to + len, (size_t)(room + len - to));
	if (ret < 0 && ret > -(long)PAGE)
		raw_munmap(to, len);
	return ret;
}

static noinline int run_settle(struct op *op, struct handle *h, u64 at, size_t len)
{
	int err = guard_set(&op->guard);
	struct opened *o;

	if (err)
		return err;
	o = handle_open(h);
	return IS_ERR(o) ? (int)PTR_ERR(o) : o->map.ops->mmap_settle(&o->map, at, len);
}

static int settle(struct handle *h, u64 at, size_t len)
{
	struct op *op = op_enter(h, __builtin_frame_address(0));
	int err;

	if (!op)
		return -EAGAIN;
	err = run_settle(op, h, at, len);
	op_leave(op);
	return err;
}

/* An object that all processes map at one address. */
static long map_placed(const struct request *r, int fd)
{
	long ret = r->free ? map_one_half(r, fd)
			   : (long)raw_mmap((void *)r->at, r->len, r->prot, r->flags | MAP_FIXED, fd, 0);
	int err;

	if (ret < 0 && ret > -(long)PAGE)
		return ret;
	err = settle(r->h, (u64)ret, r->len);
	if (!err)
		return ret;
	raw_munmap((void *)ret, r->len);
	return err;
}

long map_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	struct request r = { NULL, 0, len, prot, flags, off, (u64)at, false, false };
	bool event;
	int real;
	long ret;

	if (fd >= 0 && !(flags & MAP_ANONYMOUS) && pre_attached)
		r.h = mapped_object(fd, &r.acc);
	if (!r.h)
		return (long)raw_mmap(at, len, prot, flags, fd, off);
	sig_stand_in_front();
	event = r.h->type == OBJ_PERF;
	real = event ? perf_map_fd(fd, len, prot, flags, off) : guarded_fd(&r);
	if (real < 0) {
		handle_put(r.h);
		return real;
	}
	ret = r.placed ? map_placed(&r, real) : (long)raw_mmap(at, len, prot, flags, real, off);
	handle_put(r.h);
	raw_close(real);
	if (event && !IS_ERR((void *)ret))
		raw3(SYS_madvise, ret, ROUND_UP(len, PAGE), MADV_DONTFORK);
	if (!IS_ERR((void *)ret))
		watch_mapped(fd, true);
	return ret;
}

EXPORT void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	return (void *)ret_errno(map_mmap(at, len, prot, flags, fd, off));
}

EXPORT void *mmap64(void *at, size_t len, int prot, int flags, int fd, off_t off)
	__attribute__((alias("mmap")));

struct line {
	u64 lo, hi;
	int prot;
	bool ours;
};

static u64 get_hex(const char **p)
{
	u64 v = 0;

	for (;; (*p)++) {
		if (**p >= '0' && **p <= '9')
			v = v * 16 + (u64)(**p - '0');
		else if (**p >= 'a' && **p <= 'f')
			v = v * 16 + (u64)(**p - 'a' + 10);
		else
			return v;
	}
}

/* "7f00-7f01 rw-s 00000000 00:1b 12 /path": mapped shared, from the store? */
static void parse_line(const char *p, struct line *l)
{
	l->lo = get_hex(&p);
	p++;
	l->hi = get_hex(&p);
	l->prot = (p[1] == 'r' ? PROT_READ : 0) | (p[2] == 'w' ? PROT_WRITE : 0);
	l->ours = p[4] == 's';
	while (*p && *p != '/')
		p++;
	l->ours = l->ours && str_starts(p, the_store.path);
}

/* The line of /proc/self/maps that has the address. No room for long lines is needed: their end does not
 * matter. */
static bool find_line(u64 addr, struct line *l)
{
	int fd = raw_openat(AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
	char buf[1024], text[700];
	u32 len = 0;
	long n;

	if (fd < 0)
		return false;
	l->hi = 0;
	while ((n = raw_read(fd, buf, sizeof(buf))) > 0)
		for (long i = 0; i < n; i++) {
			if (buf[i] != '\n') {
				if (len < sizeof(text) - 1)
					text[len++] = buf[i];
				continue;
			}
			text[len] = 0;
			len = 0;
			parse_line(text, l);
			if (addr >= l->lo && addr < l->hi) {
				raw_close(fd);
				return true;
			}
		}
	raw_close(fd);
	return false;
}

bool map_zero_page(const void *at)
{
	u64 page = (u64)at & ~(u64)(PAGE - 1);
	struct line l;

	if (!find_line(page, &l) || !l.ours)
		return false;
	return !IS_ERR(raw_mmap((void *)page, PAGE, l.prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}
