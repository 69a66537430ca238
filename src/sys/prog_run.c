// SPDX-License-Identifier: BSD-2-Clause
/*
 * Running programs: see prog_run.h.
 *
 * The clock is looked at between pieces of the repeats that take about a
 * millisecond, so that a run of few instructions costs little more than they do.
 */
#include "sys/prog_run.h"
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "helper/run_ctx.h"
#include "map/perf_ring.h"
#include "prog/prog_slots.h"
#include "prog/trace.h"
#include "progtype/ld_abs.h"
#include "store/wake.h"
#include "sys/prog_sys.h"
#include "util/raw.h"
#include "util/str.h"

#define MS        1000000ull
#define PIECE     MS         /* as long as repeats go on without a look at the clock */
#define PIECE_MAX (1u << 16) /* repeats */
#define TURN      (10 * MS)  /* as long as a CPU number is kept while others wait */
#define ALIVE     (100 * MS) /* from one look whether the client lives to the next */
#define WARM      64u

static struct handle *_Atomic warm[WARM];

static u64 now(void)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

/* The table of what is held. */

static u32 hash(enum obj_type type, u32 id)
{
	return (id * 0x9e3779b1u) >> 8 ^ (u32)type;
}

/* Where it is, or where it would go: there is always a free place. */
static struct held *held_at(const struct running *p, enum obj_type type, u32 id)
{
	for (u32 i = hash(type, id);; i++) {
		struct held *e = &p->held[i & (p->room - 1)];

		if (!e->h || (e->id == id && e->type == type))
			return e;
	}
}

static int held_grow(struct running *p)
{
	u32 room = p->room * 4, was = p->room;
	struct held *old = p->held, *more;

	more = raw_mmap(NULL, room * sizeof(*more), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	if (IS_ERR(more))
		return -ENOMEM;
	p->held = more;
	p->room = room;
	for (u32 i = 0; i < was; i++)
		if (old[i].h)
			*held_at(p, old[i].type, old[i].id) = old[i];
	if (old != p->first)
		raw_munmap(old, was * sizeof(*old));
	else
		memset(p->first, 0, sizeof(p->first));
	return 0;
}

/* Keeps one handle for the next run; what stood there goes. Takes over the reference. */
static void keep_warm(struct handle *h)
{
	struct handle *old = atomic_exchange(&warm[h->id % WARM], h);

	if (old)
		handle_put(old);
}

static void held_drop(struct running *p)
{
	for (u32 i = 0; i < p->room; i++) {
		if (p->held[i].h)
			keep_warm(p->held[i].h);
		p->held[i].h = NULL;
	}
	if (p->held != p->first)
		raw_munmap(p->held, p->room * sizeof(*p->held));
}

static int fill_held(struct running *p, struct held *e, struct handle *h)
{
	struct opened *o;

	if (e->type == OBJ_PROG) {
		e->image = prog_image_get(p->r.op, h);
		return IS_ERR(e->image) ? (int)PTR_ERR(e->image) : 0;
	}
	o = handle_open(h);
	if (IS_ERR(o))
		return (int)PTR_ERR(o);
	if (e->type == OBJ_PERF)
		e->view = &o->view;
	else
		e->map = &o->map;
	return 0;
}

static noinline struct held *held_new(struct running *p, enum obj_type type, u32 id)
{
	struct held e = { .type = type, .id = id }, *at;

	if (p->nr_held >= p->room / 4 * 3 && held_grow(p))
		return NULL;
	e.h = handle_by_id(type, id);
	if (IS_ERR(e.h))
		return NULL;
	if (fill_held(p, &e, e.h)) {
		handle_put(e.h);
		return NULL;
	}
	at = held_at(p, type, id);
	*at = e;
	p->nr_held++;
	return at;
}

static inline struct held *held_get(struct running *p, enum obj_type type, u32 id)
{
	struct held *e = held_at(p, type, id);

	return likely(e->h) ? e : held_new(p, type, id);
}

/* What the run may ask for. */

#define SAME_FLAGS (BPF_F_XDP_HAS_FRAGS | BPF_F_SLEEPABLE)

/* Whatever the array says it holds: what runs must have been verified for the same context. */
static const struct image *run_tail(struct run *r, struct bpf_map *m, u32 index)
{
	struct running *p = container_of(r, struct running, r);
	const struct prog_image *top = p->image, *i;
	struct held *e;
	u32 id;

	if (m->ops->lookup(r->op, m, &index, &id, 0))
		return NULL;
	e = held_get(p, OBJ_PROG, id);
	if (!e)
		return NULL;
	i = e->image;
	if (i->type != top->type || i->attach != top->attach || i->ncpu <= r->cpu ||
	    i->max_ctx > p->ctx_size || i->iter != top->iter || i->max_rdonly > top->max_rdonly ||
	    i->max_rdwr > top->max_rdwr || (i->prog_flags ^ top->prog_flags) & SAME_FLAGS)
		return NULL;
	return &i->im;
}

/* Is it as the verifier was told that maps inside `outer` are? */
static bool fits_template(const struct prog_image *i, const struct bpf_map *outer, const struct bpf_map *m)
{
	for (u32 n = 0; n < i->maps.nr; n++) {
		const struct verifier_map *v = &i->maps.map[n].inner;

		if (i->maps.map[n].m != outer)
			continue;
		return m->map_type == v->map_type && m->key_size == v->key_size &&
		       m->value_size == v->value_size && m->map_flags == v->map_flags &&
		       m->record.spin_lock_off == v->spin_lock_off && m->record.timer_off == v->timer_off;
	}
	return false;
}

static struct bpf_map *run_inner_map(struct run *r, struct bpf_map *outer, u32 id)
{
	struct running *p = container_of(r, struct running, r);
	struct held *e = held_get(p, OBJ_MAP, id);

	if (!e || !fits_template(container_of(r->image, struct prog_image, im), outer, e->map))
		return NULL;
	if (unlikely(map_type_get(e->map->map_type)->percpu && e->map->ncpu <= r->cpu))
		return NULL;
	return e->map;
}

static const struct obj_view *run_perf_event(struct run *r, u32 id)
{
	struct held *e = held_get(container_of(r, struct running, r), OBJ_PERF, id);

	return e ? e->view : NULL;
}

static void run_perf_wake(struct run *r, u32 id)
{
	struct held *e = held_get(container_of(r, struct running, r), OBJ_PERF, id);
	struct opened *o = e && wake_wanted(OBJ_PERF, id) ? handle_open(e->h) : NULL;
	int fd;

	if (!o || IS_ERR(o))
		return;
	fd = opened_wake_fd(o, OBJ_PERF, id);
	if (fd >= 0)
		wake_send(fd);
}

/* The name of the thread that asked for the run. */
static void read_comm(struct running *p)
{
	char path[48];
	long n = 0;
	int fd;

	str_put(str_put_u64(str_put(path, "/proc/"), (u64)p->c->tid, 10), "/comm");
	fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd >= 0) {
		n = raw_read(fd, p->comm, sizeof(p->comm) - 1);
		raw_close(fd);
	}
	n = n > 0 ? n : 0;
	if (n && p->comm[n - 1] == '\n')
		n--;
	p->comm[n] = 0;
	if (!n)
		str_put(p->comm, "<...>");
}

static void run_trace(struct run *r, const char *text, size_t n)
{
	struct running *p = container_of(r, struct running, r);
	char line[TRACE_LINE_MAX];

	if (p->trace_fd == -1) {
		p->trace_fd = trace_open(O_WRONLY);
		if (p->trace_fd < 0)
			p->trace_fd = -2;
		read_comm(p);
	}
	if (p->trace_fd < 0)
		return;
	n = trace_line(line, p->comm, p->c->tid, r->cpu, text, n);
	raw3(SYS_write, p->trace_fd, line, n);
}

/* Only types whose context is a socket buffer have such loads. */
static s64 run_ld_abs(struct run *r, void *ctx, s32 offset, u32 size)
{
	return skb_ld_abs(ctx, offset, size);
}

static int run_clone(struct run *r, void *ctx, u32 ifindex, u64 flags)
{
	struct running *p = container_of(r, struct running, r);

	return p->clone ? p->clone(p, ctx, ifindex, flags) : 0; /* lost on its way */
}

static int run_user_in(struct run *r, void *to, u64 from, u32 n)
{
	struct bpf_caller *c = container_of(r, struct running, r)->c;

	return c ? caller_in(c, to, from, n) : guard_copy(to, u64_to_ptr(from), n);
}

static const struct run_ops run_ops = {
	.tail = run_tail,
	.callback = image_callback,
	.trace = run_trace,
	.inner_map = run_inner_map,
	.perf_event = run_perf_event,
	.perf_wake = run_perf_wake,
	.ld_abs = run_ld_abs,
	.clone_redirect = run_clone,
	.sys_bpf = prog_sys_bpf,
	.sys_close = prog_sys_close,
	.user_in = run_user_in,
	.own = prog_sys_own,
};

/* The repeats. */

static void run_renew(struct running *p)
{
	struct run *r = &p->r;

	r->image = &p->image->im;
	r->tail_calls = 0;
	memset(r->scratch, 0, sizeof(r->scratch));
	r->loop_began = 0;
	r->loops_left = 0;
}

static void run_reset(struct running *p)
{
	prog_run_no_redirect(&p->r);
	run_renew(p);
}

/* n runs of a program that has nothing to ask of struct run. */
static u64 run_plain(struct running *p, u64 n)
{
	const struct image *im = &p->image->im;
	u64 ret = 0;

	while (n--)
		ret = image_run(im, p->frame.ctx, &p->r);
	return ret;
}

static u64 run_any(struct running *p, u64 n)
{
	u64 ret = 0;

	while (n--) {
		run_reset(p);
		p->ops->begin(&p->frame);
		ret = image_run(&p->image->im, p->frame.ctx, &p->r);
	}
	return ret;
}

/* Between two pieces: 0, or why the repeats end here. */
static int look_up(struct running *p, u64 t, u64 *alive, u64 *turn)
{
	u8 byte;
	int cpu;

	if (t - *alive > ALIVE) {
		*alive = t;
		if (caller_in(p->c, &byte, p->client_word, 1))
			return -EINTR;
	}
	if (t - *turn <= TURN || !prog_slot_wanted())
		return 0;
	cpu = prog_slot_yield(p->r.op, p->image->ncpu, p->prefer_cpu);
	*turn = now();
	if (cpu < 0)
		return cpu;
	p->r.cpu = (u32)cpu;
	return 0;
}

static int run_all(void *arg)
{
	struct running *p = arg;
	bool plain = p->image->plain && p->ops->begin == run_begin_nothing;
	u64 left = p->repeat, piece = 1, t, alive, turn, ret = 0;
	int err = 0;

	p->stack_top = __builtin_frame_address(0);
	t = alive = turn = now();
	run_reset(p);
	p->ops->begin(&p->frame);
	while (!err) {
		u64 n = MIN(piece, left), began = t;

		ret = plain ? run_plain(p, n) : run_any(p, n);
		t = now();
		p->ns += t - began;
		p->done += n;
		left -= n;
		p->r.op->turn++;
		if (!left)
			break;
		if (t - began < PIECE / 2 && piece < PIECE_MAX)
			piece *= 2;
		else if (t - began > 2 * PIECE && piece > 1)
			piece /= 2;
		err = look_up(p, t, &alive, &turn);
		t = now();
	}
	if (!err)
		p->retval = p->ops->end(&p->frame, ret);
	return err;
}

static u32 packet_kind(u32 type)
{
	switch (prog_type_get(type)->run) {
	case RUN_SKB: return RUN_CTX_SKB;
	case RUN_XDP: return RUN_CTX_XDP;
	default: return 0;
	}
}

void prog_run_open(struct running *p, struct op *op, u32 cpu)
{
	p->r.ops = &run_ops;
	p->r.op = op;
	op->turn++;
	p->r.cpu = cpu;
	p->r.pid = p->c ? p->c->pid : -1;
	p->r.tid = p->c ? p->c->tid : -1;
	p->nr_held = 0;
	p->held = p->first;
	p->room = HELD_FIRST;
	p->trace_fd = -1;
}

void prog_run_close(struct running *p)
{
	if (p->trace_fd >= 0)
		raw_close(p->trace_fd);
	prog_sys_free(p);
	held_drop(p);
}

u64 prog_run_once(struct running *p, struct prog_image *i, void *ctx)
{
	p->image = i;
	p->r.packet = packet_kind(i->type);
	p->r.ctx = ctx;
	run_renew(p);
	return image_run(&i->im, ctx, &p->r);
}

struct held *prog_run_find(struct running *p, u32 id)
{
	struct held *e = held_get(p, OBJ_PROG, id);

	return e && e->image->ncpu > p->r.cpu ? e : NULL;
}

int prog_run(struct running *p, struct op *op)
{
	int cpu, err;

	cpu = prog_slot_take(op, p->image->ncpu, p->prefer_cpu);
	if (cpu < 0)
		return cpu;
	prog_run_open(p, op, (u32)cpu);
	p->r.packet = packet_kind(p->image->type);
	p->r.ctx = p->frame.ctx;
	err = op_guarded(op, NULL, NULL, run_all, p);
	if (!err)
		err = prog_sys_settle(p);
	prog_slot_give(op);
	if (err)
		op_disown(op); /* records that a run has reserved which did not come to its end */
	prog_run_close(p);
	return err == -EFAULT ? -EIO : err;
}
