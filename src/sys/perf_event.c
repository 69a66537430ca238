// SPDX-License-Identifier: BSD-2-Clause
/*
 * Perf events for BPF output: see perf_event.h.
 *
 * Who has the ring mapped is told by the kernel. A mapping keeps its
 * description, and that holds a read lock on a byte of the file (MAPPED_BYTE):
 * when nobody has one, the ring is gone, and the next mmap may make one of another size. A front
 * end that cannot choose what is mapped puts the lock on the client's own
 * description, where it stays until that is closed.
 */
#include "sys/perf_event.h"
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <time.h>
#include "map/perf_ring.h"
#include "store/store.h"
#include "sys/prog_maps.h"
#include "util/raw.h"

#define MAPPED_BYTE ((off_t)1 << 61)

/* struct perf_event_attr of Linux 6.18, of which the system's header may know less. */
#define ATTR_SIZE 136u
#define ATTR_MIN  64u

union attr {
	struct perf_event_attr a;
	u8 bytes[ATTR_SIZE];
	u64 w[ATTR_SIZE / 8];
};
_Static_assert(sizeof(struct perf_event_attr) <= ATTR_SIZE, "known");

#define WORD_BITS         5 /* union attr.w: the bits */
#define BITS_KNOWN        ((1ull << 38) - 1)
#define BIT_AUX_OUTPUT    (1ull << 31)
#define BIT_INHERIT_THR   (1ull << 35)
#define BIT_REMOVE_EXEC   (1ull << 36)
#define BIT_SIGTRAP       (1ull << 37)
#define OFF_AUX_ACTION    116 /* u32 */
#define SAMPLE_KNOWN      ((1ull << 25) - 1)
#define FORMAT_KNOWN      31u
#define FORMAT_LOST       16u
#define FREQ_MAX          100000u
#define FLAGS_KNOWN       15u
#define CONFIG_BPF_OUTPUT 10u

/* What a record of ours can have beside its raw data. */
#define SAMPLE_SERVED                                                                                        \
	(PERF_SAMPLE_RAW | PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |    \
	 PERF_SAMPLE_ADDR | PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD)

/* ---- whose ring it is ---- */

static int mapped_lock(int fd, int cmd, int type)
{
	struct flock fl = { .l_type = (short)type, .l_whence = SEEK_SET, .l_start = MAPPED_BYTE, .l_len = 1 };
	int err = raw_fcntl(fd, cmd, (long)&fl);

	return err ? err : fl.l_type;
}

static const struct perf_hdr *header_of(struct handle *h)
{
	struct opened *o = handle_open(h);

	return IS_ERR(o) ? NULL : (const struct perf_hdr *)o->view.hdr;
}

struct handle *perf_output_of(const struct perf_hdr *h)
{
	u32 id = perf_output_id(h);
	struct handle *to = id ? handle_by_id(OBJ_PERF, id) : ERR_PTR(-ENOENT);
	const struct perf_hdr *t;

	if (IS_ERR(to))
		return NULL;
	t = header_of(to);
	if (t && perf_output_stands(h, t))
		return to;
	handle_put(to);
	return NULL;
}

/* Has somebody the event's own ring mapped? */
static bool is_mapped(const struct perf_hdr *h)
{
	u64 word = atomic_load(&h->ring);
	struct stat st;
	bool ret;
	int fd;

	if (!word || word & PERF_RING_STAYS)
		return word;
	fd = obj_open(OBJ_PERF, h->o.id, O_RDWR, &st);
	if (fd < 0)
		return false;
	ret = mapped_lock(fd, F_OFD_GETLK, F_WRLCK) != F_UNLCK;
	obj_close(fd, OBJ_PERF, h->o.id);
	return ret;
}

/* May records of h go to the ring that t uses? *word becomes what h has to have as its output. */
static int output_word(const struct perf_hdr *h, const struct perf_hdr *t, u64 *word)
{
	const u32 same = PERF_BIT_CLOCK | PERF_BIT_BACKWARD;
	struct handle *other;

	if (t == h || t->cpu != h->cpu || (t->cpu == -1 && t->tid != h->tid) || (t->bits ^ h->bits) & same ||
	    (t->bits & PERF_BIT_CLOCK && t->clockid != h->clockid))
		return -EINVAL;
	other = perf_output_of(t);
	if (other) {
		*word = atomic_load(&t->output);
		handle_put(other);
		return 0;
	}
	if (!is_mapped(t))
		return -EINVAL;
	*word = (u64)atomic_load(&t->made) << 32 | t->o.id;
	return 0;
}

/* ---- perf_event_open ---- */

struct opening {
	struct bpf_caller *c;
	struct op *op;
	const u64 *args;
	union attr attr;
	u64 output;
};

static int too_big(struct opening *o)
{
	u32 size = ATTR_SIZE;

	caller_out(o->c, o->args[0] + offsetof(struct perf_event_attr, size), &size, sizeof(size));
	return -E2BIG;
}

/* Reads the whole of it, zero-extended; what lies beyond the known must be zero. */
static int read_attr(struct opening *o)
{
	u32 size = o->attr.a.size, n;
	u8 buf[256];
	int err;

	if (!size)
		size = ATTR_MIN;
	if (size < ATTR_MIN || size > PAGE)
		return too_big(o);
	for (u32 at = ATTR_SIZE; at < size; at += n) {
		n = MIN(size - at, (u32)sizeof(buf));
		err = caller_in(o->c, buf, o->args[0] + at, n);
		if (err)
			return err;
		for (u32 i = 0; i < n; i++)
			if (buf[i])
				return too_big(o);
	}
	memset(&o->attr, 0, sizeof(o->attr));
	return caller_in(o->c, &o->attr, o->args[0], MIN(size, ATTR_SIZE));
}

static bool clock_known(s32 id)
{
	return id == CLOCK_REALTIME || id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_RAW ||
	       id == CLOCK_BOOTTIME || id == CLOCK_TAI;
}

static int check_attr(const union attr *u)
{
	const struct perf_event_attr *a = &u->a;
	u64 bits = u->w[WORD_BITS];
	u32 action;

	memcpy(&action, u->bytes + OFF_AUX_ACTION, sizeof(action));
	if (bits & ~BITS_KNOWN || a->__reserved_2 || action > 7)
		return -EINVAL;
	if (a->sample_type & ~SAMPLE_KNOWN || a->read_format & ~(u64)FORMAT_KNOWN)
		return -EINVAL;
	if ((bits & BIT_INHERIT_THR && !a->inherit) || (bits & BIT_SIGTRAP && !(bits & BIT_REMOVE_EXEC)))
		return -EINVAL;
	if (a->freq ? a->sample_freq > FREQ_MAX : a->sample_period >> 63)
		return -EINVAL;
	return 0;
}

/* The last that the kernel looks at. */
static int check_event(const union attr *u)
{
	const struct perf_event_attr *a = &u->a;
	u32 action;

	memcpy(&action, u->bytes + OFF_AUX_ACTION, sizeof(action));
	if (a->use_clockid && !clock_known(a->clockid))
		return -EINVAL;
	if (u->w[WORD_BITS] & BIT_AUX_OUTPUT || action || a->sample_type & ~(u64)SAMPLE_SERVED)
		return -EOPNOTSUPP;
	return 0;
}

/* Calls fn with the header of the event that a client's number is of. -EBADF: it is of none. */
static int with_event(struct bpf_caller *c, struct op *op, int fd,
		      int (*fn)(void *arg, const struct perf_hdr *h), void *arg)
{
	const struct perf_hdr *h;
	struct bpf_file f;
	int err;

	if (c->ops->get_fd(c, op, fd, &f))
		return -EBADF;
	h = f.h->type == OBJ_PERF ? header_of(f.h) : NULL;
	err = h ? fn(arg, h) : -EBADF;
	put_fd(&f);
	return err;
}

/* What is being opened, as it will be. */
struct newcomer {
	struct opening *o;
	struct perf_hdr h;
};

/* A group has no meaning for these; it must be one that could have. */
static int same_group(void *arg, const struct perf_hdr *h)
{
	const struct newcomer *n = arg;

	return h->cpu == n->h.cpu && h->tid == n->h.tid ? 0 : -EINVAL;
}

static int same_ring(void *arg, const struct perf_hdr *h)
{
	struct newcomer *n = arg;

	return output_word(&n->h, h, &n->o->output);
}

static int find_task(struct opening *o, s32 *tid)
{
	int pid = (int)o->args[1];

	*tid = -1;
	if (pid == -1)
		return 0;
	if (pid < 0 || (pid && raw2(SYS_kill, pid, 0) == -ESRCH && raw2(SYS_tkill, pid, 0) == -ESRCH))
		return -ESRCH;
	*tid = pid ? pid : o->c->tid;
	return 0;
}

static void fill_header(struct perf_hdr *h, const struct perf_event_attr *a, s32 cpu, s32 tid)
{
	h->cpu = cpu;
	h->tid = tid;
	h->sample_type = a->sample_type;
	h->read_format = a->read_format;
	h->bits = (a->write_backward ? PERF_BIT_BACKWARD : 0) | (a->watermark ? PERF_BIT_WATERMARK : 0) |
		  (a->sample_id_all ? PERF_BIT_ID_ALL : 0) | (a->use_clockid ? PERF_BIT_CLOCK : 0) |
		  (a->inherit ? PERF_BIT_INHERIT : 0) | (a->sample_period ? PERF_BIT_SAMPLES : 0);
	h->wakeup = a->wakeup_events;
	h->clockid = a->clockid;
	perf_set_enabled(h, !a->disabled);
}

/* What group_fd is for. The last of all: the ring that it has. */
static int check_group(struct opening *o, int group, s32 cpu, s32 tid, bool ring)
{
	struct newcomer n = { .o = o };

	if (group == -1)
		return 0;
	fill_header(&n.h, &o->attr.a, cpu, tid);
	if (!ring)
		return with_event(o->c, o->op, group, same_group, &n);
	return o->args[4] & PERF_FLAG_FD_OUTPUT ? with_event(o->c, o->op, group, same_ring, &n) : 0;
}

static int make_event(struct opening *o, s32 cpu, s32 tid)
{
	struct obj_new n;
	struct handle *h;
	u32 uid = 0;
	int fd, err;

	err = o->c->ops->fs_creds(o->c, &uid, NULL, NULL);
	if (!err)
		err = obj_create(OBJ_PERF, PERF_DATA_SIZE, 0, true, &n);
	if (err)
		return err;
	obj_fill_header(&n, 0, uid, "", OBJ_F_WAKE | OBJ_F_CLOSED);
	fill_header((struct perf_hdr *)n.view.hdr, &o->attr.a, cpu, tid);
	atomic_store(&((struct perf_hdr *)n.view.hdr)->output, o->output);
	fd = obj_publish(&n, O_RDWR);
	if (fd < 0)
		return fd;
	h = handle_get(OBJ_PERF, n.id, n.st.st_ino);
	if (IS_ERR(h)) {
		obj_close(fd, OBJ_PERF, n.id);
		return (int)PTR_ERR(h);
	}
	fd = o->c->ops->install_fd(o->c, fd, h, O_RDWR | (o->args[4] & PERF_FLAG_FD_CLOEXEC ? O_CLOEXEC : 0));
	handle_put(h);
	if (fd < 0)
		obj_reap(OBJ_PERF, n.id);
	return fd;
}

static long open_event(void *arg)
{
	struct opening *o = arg;
	u64 flags = o->args[4];
	int cpu = (int)o->args[2], group = (int)o->args[3], err;
	s32 tid;

	if (caller_in(o->c, &o->attr, o->args[0], 16) || o->attr.a.type != PERF_TYPE_SOFTWARE ||
	    o->attr.a.config != CONFIG_BPF_OUTPUT)
		return SYS_CONTINUE;
	if (flags & ~(u64)FLAGS_KNOWN)
		return -EINVAL;
	err = read_attr(o);
	if (!err)
		err = check_attr(&o->attr);
	if (!err && flags & PERF_FLAG_PID_CGROUP)
		err = -EINVAL; /* there are no cgroups of ours */
	if (!err && !o->c->ops->privileged(o->c))
		err = -EACCES;
	if (!err)
		err = find_task(o, &tid);
	if (!err)
		err = check_group(o, group, cpu, tid, false);
	if (!err && ((u32)cpu >= possible_cpus() && (cpu != -1 || tid < 0)))
		err = -EINVAL;
	if (!err)
		err = check_event(&o->attr);
	if (!err)
		err = check_group(o, group, cpu, tid, true);
	return err ? err : make_event(o, cpu, tid);
}

/* ---- one operation a call ---- */

static noinline long guarded(struct op *op, long (*fn)(void *arg), void *arg)
{
	long err = guard_set(&op->guard);

	if (err) {
		op_fault(op);
		return err;
	}
	return fn(arg);
}

/* Where fn's struct has its operation: set here. */
static long in_operation(long (*fn)(void *arg), void *arg, struct op **where)
{
	struct op *op = op_enter(NULL, __builtin_frame_address(0));
	long ret;

	if (!op)
		return -EAGAIN;
	*where = op;
	ret = guarded(op, fn, arg);
	op_leave(op);
	return ret;
}

long sys_perf_event_open(struct bpf_caller *c, const u64 args[6])
{
	struct opening o = { .c = c, .args = args };

	return in_operation(open_event, &o, &o.op);
}

/* A call on an event's fd. */
struct on_event {
	struct bpf_caller *c;
	struct op *op;
	int fd;
	long (*fn)(struct on_event *e);
	u64 arg[5];
	int *map_fd;

	struct handle *h;
	const struct obj_view *v;
	struct perf_hdr *hdr;
};

static long find_event(void *arg)
{
	struct on_event *e = arg;
	struct bpf_file f;
	struct opened *o;
	long ret = SYS_CONTINUE;

	if (e->c->ops->get_fd(e->c, e->op, e->fd, &f))
		return ret;
	if (f.h->type == OBJ_PERF) {
		o = handle_open(f.h);
		if (IS_ERR(o)) {
			ret = PTR_ERR(o);
		} else {
			e->op->guard.lo = o->view.base;
			e->op->guard.hi = o->view.base + o->view.size;
			e->h = f.h;
			e->v = &o->view;
			e->hdr = (struct perf_hdr *)o->view.hdr;
			ret = e->fn(e);
		}
	}
	put_fd(&f);
	return ret;
}

static long on_event(struct on_event *e)
{
	return in_operation(find_event, e, &e->op);
}

/* ---- ioctl ---- */

static int take_output(void *arg, const struct perf_hdr *to)
{
	struct on_event *e = arg;
	u64 word;
	int err = output_word(e->hdr, to, &word);

	if (!err && is_mapped(e->hdr))
		err = -EINVAL;
	if (!err)
		atomic_store(&e->hdr->output, word);
	return err;
}

static long set_output(struct on_event *e, u64 fd)
{
	if (fd != UINT64_MAX)
		return with_event(e->c, e->op, (int)fd, take_output, e);
	if (is_mapped(e->hdr))
		return -EINVAL;
	atomic_store(&e->hdr->output, 0);
	return 0;
}

static long refuse_prog(struct on_event *e, int fd)
{
	struct bpf_file f;
	int err = e->c->ops->get_fd(e->c, e->op, fd, &f);

	if (!err)
		put_fd(&f);
	return err == -EBADF ? err : -EINVAL;
}

static long set_period(struct on_event *e, u64 addr)
{
	u64 period;
	int err = caller_in(e->c, &period, addr, sizeof(period));

	if (err)
		return err;
	return period && !(period >> 63) && e->hdr->bits & PERF_BIT_SAMPLES ? 0 : -EINVAL;
}

static long pause_output(struct on_event *e, bool on)
{
	struct handle *other = perf_output_of(e->hdr);
	struct opened *o = other ? handle_open(other) : NULL;
	struct perf_hdr *h = o && !IS_ERR(o) ? (struct perf_hdr *)o->view.hdr : e->hdr;
	bool there = atomic_load(&h->ring) >> 8;

	if (there)
		atomic_store(&h->paused, on);
	if (other)
		handle_put(other);
	return there ? 0 : -EINVAL;
}

static long event_ioctl(struct on_event *e)
{
	u64 arg = e->arg[1], id = e->hdr->o.id;

	switch ((u32)e->arg[0]) {
	case PERF_EVENT_IOC_ENABLE:
	case PERF_EVENT_IOC_DISABLE: perf_set_enabled(e->hdr, e->arg[0] == PERF_EVENT_IOC_ENABLE); return 0;
	case PERF_EVENT_IOC_REFRESH:
		if (!(e->hdr->bits & PERF_BIT_SAMPLES) || e->hdr->bits & PERF_BIT_INHERIT)
			return -EINVAL;
		perf_set_enabled(e->hdr, true);
		return 0;
	case PERF_EVENT_IOC_RESET: return 0;
	case PERF_EVENT_IOC_PERIOD: return set_period(e, arg);
	case PERF_EVENT_IOC_SET_OUTPUT: return set_output(e, arg);
	case PERF_EVENT_IOC_SET_FILTER: return -EINVAL;
	case PERF_EVENT_IOC_ID: return caller_out(e->c, arg, &id, sizeof(id));
	case PERF_EVENT_IOC_SET_BPF: return refuse_prog(e, (int)arg);
	case PERF_EVENT_IOC_PAUSE_OUTPUT: return pause_output(e, arg != 0);
	case PERF_EVENT_IOC_QUERY_BPF: return -EINVAL;
	case PERF_EVENT_IOC_MODIFY_ATTRIBUTES: return -EOPNOTSUPP;
	}
	return -ENOTTY;
}

long sys_perf_ioctl(struct bpf_caller *c, int fd, u32 req, u64 arg)
{
	struct on_event e = { .c = c, .fd = fd, .fn = event_ioctl, .arg = { req, arg } };

	return perf_ioctl_request(req) ? on_event(&e) : SYS_CONTINUE;
}

/* ---- read ---- */

static long event_read(struct on_event *e)
{
	u64 w[6], format = e->hdr->read_format, time = perf_enabled_time(e->hdr);
	u32 n = 0;
	int err;

	w[n++] = format & PERF_FORMAT_GROUP ? 1 : 0;
	if (format & PERF_FORMAT_TOTAL_TIME_ENABLED)
		w[n++] = time;
	if (format & PERF_FORMAT_TOTAL_TIME_RUNNING)
		w[n++] = time;
	if (format & PERF_FORMAT_GROUP)
		w[n++] = 0;
	if (format & PERF_FORMAT_ID)
		w[n++] = e->hdr->o.id;
	if (format & FORMAT_LOST)
		w[n++] = 0;
	if (e->arg[1] < n * sizeof(u64))
		return -ENOSPC;
	err = caller_out(e->c, e->arg[0], w, n * sizeof(u64));
	return err ? err : (long)(n * sizeof(u64));
}

long sys_perf_read(struct bpf_caller *c, int fd, u64 buf, size_t n)
{
	struct on_event e = { .c = c, .fd = fd, .fn = event_read, .arg = { buf, n } };

	return on_event(&e);
}

/* ---- mmap ---- */

static int check_mmap(const struct on_event *e, size_t len, int prot, int flags, u64 off)
{
	int kind = flags & MAP_TYPE;
	u64 data;

	if (!len || off % PAGE)
		return -EINVAL;
	if (prot & PROT_EXEC)
		return -EPERM;
	if (off || (kind != MAP_SHARED && kind != MAP_SHARED_VALIDATE))
		return -EINVAL;
	if (e->hdr->cpu == -1 && e->hdr->bits & PERF_BIT_INHERIT)
		return -EINVAL;
	data = (len - 1) / PAGE;
	if (data & (data - 1))
		return -EINVAL;
	return data > PERF_PAGES_MAX ? -ENOMEM : 0;
}

/* Checked by a description that nothing is mapped by, locked, then made: in this order perf_closed leaves it.
 */
static int make_ring(const struct on_event *e, int fresh, int lock_fd)
{
	u32 pages = (u32)((e->arg[0] - 1) / PAGE);
	bool unmapped = mapped_lock(fresh, F_OFD_GETLK, F_WRLCK) == F_UNLCK;
	u32 flags = e->arg[1] & PROT_WRITE ? 0 : PERF_RING_OVERWRITE;
	int err;

	if (lock_fd < 0 || mapped_lock(lock_fd, F_OFD_SETLK, F_RDLCK) < 0)
		flags |= PERF_RING_STAYS;
	err = perf_ring_make(e->v, pages, flags, unmapped);
	if (err && unmapped && lock_fd >= 0)
		mapped_lock(lock_fd, F_OFD_SETLK, F_UNLCK);
	return err;
}

/* The ring that records go to is another event's, to be mapped by its number. */
static int refuse_mmap(const struct on_event *e, struct handle *other)
{
	const struct perf_hdr *h = header_of(other);

	return h && atomic_load(&h->ring) >> 8 == (e->arg[0] - 1) / PAGE ? -EBUSY : -EINVAL;
}

static long event_mmap(struct on_event *e)
{
	int err = check_mmap(e, e->arg[0], (int)e->arg[1], (int)e->arg[2], e->arg[3]), fd, shared;
	struct handle *other;
	struct stat st;

	if (err)
		return err;
	other = perf_output_of(e->hdr);
	if (other) {
		err = refuse_mmap(e, other);
		handle_put(other);
		return err;
	}
	atomic_store(&e->hdr->output, 0); /* that ring is gone */
	fd = obj_open(OBJ_PERF, e->h->id, O_RDWR, &st);
	if (fd < 0)
		return fd;
	if (e->map_fd) {
		err = make_ring(e, fd, fd);
		if (!err)
			*e->map_fd = fd;
		else
			raw_close(fd);
		return err;
	}
	shared = e->c->ops->share_fd ? e->c->ops->share_fd(e->c, e->fd) : -1;
	err = make_ring(e, fd, shared);
	if (shared >= 0)
		raw_close(shared);
	raw_close(fd);
	return err;
}

bool perf_closed(struct obj_hdr *hdr, size_t file_size, int fd, bool writable)
{
	struct perf_hdr *h = (struct perf_hdr *)hdr;
	u64 word = atomic_load(&h->ring);

	if (!word || word & PERF_RING_STAYS || mapped_lock(fd, F_OFD_GETLK, F_WRLCK) != F_UNLCK)
		return false;
	if (writable)
		atomic_compare_exchange_strong(&h->ring, &word, 0);
	return true;
}

long sys_perf_mmap(struct bpf_caller *c, int fd, size_t len, int prot, int flags, u64 off, int *map_fd)
{
	struct on_event e = { .c = c,
			      .fd = fd,
			      .fn = event_mmap,
			      .arg = { len, (u64)prot, (u64)flags, off },
			      .map_fd = map_fd };

	return on_event(&e);
}
