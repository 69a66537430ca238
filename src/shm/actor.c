// SPDX-License-Identifier: BSD-2-Clause
/*
 * Actors and operations: see actor.h.
 *
 * Every thread finds its actor through one thread-local pointer. Actors stand
 * in a list that only grows; a thread that ends leaves its actor, with id and
 * lock, to the next new thread.
 *
 * Fork is noticed without a system call: the word actor_fork_mark lies in a page
 * that the kernel wipes in a child (MADV_WIPEONFORK).
 */
#include "shm/actor.h"
#include "util/raw.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <linux/membarrier.h>

__thread struct actor *actor_tls;
volatile u32 actor_renewals;

static struct {
	int (*open_file)(void);
	_Atomic u64 *next_id;
	_Atomic int fd; /* description that holds the locks of all our ids; -1: none yet */
	pthread_key_t key;
	bool have_key;
	bool have_membarrier;
} proc = { .fd = -1 };

static struct actor *_Atomic all;
static u32 always_set = 1;
volatile u32 *actor_fork_mark = &always_set;

/* The kernel's struct flock for F_OFD_*: l_pid must be 0. */
static int lock_byte(int fd, u32 id, int cmd, struct flock *fl)
{
	*fl = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = id, .l_len = 1 };
	return raw_fcntl(fd, cmd, (long)fl);
}

static int locks_fd(void)
{
	int fd = atomic_load(&proc.fd), none = -1;

	if (fd >= 0 || !proc.open_file)
		return fd;
	fd = proc.open_file();
	if (fd < 0)
		return fd;
	if (!atomic_compare_exchange_strong(&proc.fd, &none, fd)) {
		raw_close(fd); /* another thread, or a handler in this one, was first */
		fd = none;
	}
	return fd;
}

int actor_fd(void)
{
	return atomic_load_explicit(&proc.fd, memory_order_relaxed);
}

void actor_set_fd(int fd)
{
	atomic_store(&proc.fd, fd);
}

/* A fresh id, its byte locked; 0 when that cannot be had. */
static u32 new_id(void)
{
	int fd = locks_fd();
	struct flock fl;
	u32 id;

	if (fd < 0)
		return 0;
	id = (u32)atomic_fetch_add(proc.next_id, 1);
	if (!id) /* the counter has wrapped, or was damaged */
		id = (u32)atomic_fetch_add(proc.next_id, 1);
	return lock_byte(fd, id, F_OFD_SETLK, &fl) ? 0 : id;
}

static void actor_reset(struct actor *a)
{
	a->level = a->renew = 0;
	a->cached_obj = NULL;
	a->cached_block = NIL;
	for (u32 i = 0; i < ACTOR_LEVELS; i++)
		a->op[i] = (struct op){ .actor = a, .level = i, .slot = NIL, .taking = NIL };
}

static struct actor *actor_recycle(void)
{
	for (struct actor *a = atomic_load(&all); a; a = a->next) {
		u32 free = 0;

		if (!__atomic_load_n(&a->in_use, __ATOMIC_RELAXED) &&
		    __atomic_compare_exchange_n(&a->in_use, &free, 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return a;
	}
	return NULL;
}

/* What a thread gets when there is no memory for an actor: good for reading, shared by nobody for long. */
static struct actor *actor_alloc(void)
{
	struct actor *a = raw_mmap(NULL, ROUND_UP(sizeof(*a), PAGE), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (IS_ERR(a))
		return NULL;
	a->in_use = 1;
	actor_reset(a);
	a->next = atomic_load(&all);
	while (!atomic_compare_exchange_weak(&all, &a->next, a))
		;
	return a;
}

void actor_after_fork(void)
{
	int fd = atomic_exchange(&proc.fd, -1);

	if (fd >= 0)
		raw_close(fd);
	for (struct actor *a = atomic_load(&all); a; a = a->next) {
		__atomic_store_n(&a->id, 0, __ATOMIC_RELAXED);
		actor_reset(a);
		if (a != actor_tls)
			a->in_use = 0;
	}
	*actor_fork_mark = 1;
}

static noinline struct actor *actor_make(void)
{
	struct actor *a = actor_tls;

	if (!*actor_fork_mark)
		actor_after_fork();
	if (!a) {
		a = actor_recycle();
		if (!a)
			a = actor_alloc();
		if (!a)
			return NULL;
		actor_tls = a;
		if (proc.have_key)
			pthread_setspecific(proc.key, a);
	}
	if (!a->id) {
		__atomic_store_n(&a->id, new_id(), __ATOMIC_RELEASE); /* others look whether an id is ours */
		for (u32 i = 0; i < ARRAY_SIZE(a->hint); i++)
			a->hint[i] = a->id * 2654435761u;
	}
	return a;
}

struct actor *actor_self(void)
{
	struct actor *a = actor_tls;

	if (likely(a && *actor_fork_mark && a->id))
		return a;
	return actor_make();
}

struct guard *actor_guard(void)
{
	struct actor *a = actor_tls;

	return a && a->level ? &a->op[a->level - 1].guard : NULL;
}

static bool is_ours(u32 id)
{
	for (struct actor *a = atomic_load(&all); a; a = a->next)
		if (__atomic_load_n(&a->id, __ATOMIC_ACQUIRE) == id)
			return true;
	return false;
}

int actor_alive(u32 id)
{
	struct flock fl;
	int fd;

	if (!id)
		return 0;
	if (is_ours(id))
		return 1;
	fd = locks_fd();
	/* Who cannot ask must assume the best of others. */
	if (fd < 0 || lock_byte(fd, id, F_OFD_GETLK, &fl))
		return 1;
	return fl.l_type != F_UNLCK;
}

/*
 * Is the operation whose caller stood at `fp` over, seen from `now`, a deeper
 * or equal place of the same thread? On one stack the address tells. A handler
 * on an alternate stack is nested in whatever the main stack was doing, while
 * an operation of the alternate stack seen from the main one was left.
 */
static bool abandoned(const void *fp, const void *now)
{
	stack_t ss = { 0 };
	bool fp_alt, now_alt;

	if (raw2(SYS_sigaltstack, 0, &ss) == 0 && ss.ss_size && !(ss.ss_flags & SS_DISABLE)) {
		const char *lo = ss.ss_sp, *hi = lo + ss.ss_size;

		fp_alt = (const char *)fp >= lo && (const char *)fp < hi;
		now_alt = (const char *)now >= lo && (const char *)now < hi;
		if (fp_alt != now_alt)
			return fp_alt;
	}
	return (const char *)fp <= (const char *)now;
}

void op_let_go(struct op *op)
{
	u64 mine = op->held_word;

	if (op->held)
		atomic_compare_exchange_strong(op->held, &mine, 0);
	op->held = NULL;
}

/*
 * Another id. The old one is dead to all, once its byte is unlocked: what bears it
 * may be taken back. Only while no operation is in progress that could own something.
 */
static void renew(struct actor *a)
{
	u32 old = a->id;
	struct flock fl = { .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = old, .l_len = 1 };

	a->renew = 0;
	a->cached_obj = NULL; /* the block is the old one's */
	__atomic_store_n(&a->id, new_id(), __ATOMIC_RELEASE);
	if (old && actor_fd() >= 0)
		raw_fcntl(actor_fd(), F_OFD_SETLK, (long)&fl);
	__atomic_fetch_add(&actor_renewals, 1, __ATOMIC_RELEASE);
}

void op_disown(struct op *op)
{
	if (!op->owns)
		return;
	op->owns = 0;
	op->actor->renew = 1;
	barrier();
	if (!op->level)
		renew(op->actor);
}

/* As op_leave leaves it. */
static void op_clean(struct op *op)
{
	op->guard.armed = 0;
	op->recover = NULL;
	op->slot = op->taking = NIL;
	op->obj = NULL;
}

/*
 * What an operation had claimed is given back. What it is in may be gone, which is
 * no reason to die: then nothing can be given back. Until that is known
 * `recover` stays: this may be jumped out of, too, and is then done again.
 */
static noinline void recover(struct op *old, struct op *now)
{
	if (old->recover && !guard_set(&now->guard))
		old->recover(old, now);
	now->guard.armed = 0;
	barrier();
	old->recover = NULL;
}

/*
 * Gives back what the abandoned operations at the top have claimed, one level
 * above them all so that handlers nest properly meanwhile; returns the level
 * that is free then.
 */
static noinline u32 op_unwind(struct actor *a, const void *fp)
{
	u32 top = a->level, keep = top;

	while (keep && abandoned(a->op[keep - 1].fp, fp))
		keep--;
	if (keep == top || top >= ACTOR_LEVELS)
		return top;
	op_begin(a, top, NULL, fp);
	for (u32 i = top; i-- > keep;) {
		struct op *old = &a->op[i];

		a->op[top].obj = old->obj;
		recover(old, &a->op[top]);
		op_let_go(old);
		if (old->owns)
			a->renew = 1;
		barrier();
		old->owns = 0;
		op_clean(old);
	}
	op_clean(&a->op[top]);
	barrier();
	a->level = keep;
	return keep;
}

struct op *op_enter_slow(const void *obj, const void *fp)
{
	struct actor *a = actor_self();
	u32 level;

	if (unlikely(!a))
		return NULL;
	level = a->level ? op_unwind(a, fp) : 0;
	if (unlikely(a->renew && !level))
		renew(a);
	if (unlikely(level >= ACTOR_LEVELS))
		return NULL;
	return op_begin(a, level, obj, fp);
}

void op_fault(struct op *op)
{
	if (!op->recover)
		return;
	recover(op, op);
	op->slot = op->taking = NIL;
}

int op_guarded(struct op *op, const void *lo, const void *hi, int (*fn)(void *arg), void *arg)
{
	struct guard outer = op->guard;
	int err = guard_set(&op->guard);

	if (err) {
		op_fault(op);
	} else {
		op->guard.lo = lo;
		op->guard.hi = hi;
		err = fn(arg);
	}
	op->guard = outer;
	return err;
}

int op_in_use(const void *obj)
{
	struct actor *a = atomic_load(&all);

	if (!a)
		return 0;
	/* Hazards are stored without a fence; this makes every running thread pass one. */
	if (a->next &&
	    (!proc.have_membarrier || raw3(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0)))
		return 1;
	for (; a; a = a->next)
		for (u32 i = 0; i < ACTOR_LEVELS; i++)
			if (__atomic_load_n(&a->op[i].obj, __ATOMIC_ACQUIRE) == obj)
				return 1;
	return 0;
}

/* A thread ends: nothing it did is in progress any more. */
static void thread_exit(void *arg)
{
	struct actor *a = arg;

	op_unwind(a, (const void *)~0ul);
	if (a->renew)
		renew(a);
	actor_tls = NULL;
	__atomic_store_n(&a->in_use, 0, __ATOMIC_RELEASE);
}

static void make_fork_mark(void)
{
	u32 *page = raw_mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (IS_ERR(page))
		return;
	*page = 1;
	if (!raw3(SYS_madvise, page, PAGE, MADV_WIPEONFORK))
		actor_fork_mark = page;
}

void actor_bind(int (*open_file)(void), _Atomic u64 *next_id)
{
	int fd = atomic_exchange(&proc.fd, -1);

	if (fd >= 0)
		raw_close(fd);
	proc.open_file = open_file;
	proc.next_id = next_id;
	for (struct actor *a = atomic_load(&all); a; a = a->next)
		__atomic_store_n(&a->id, 0, __ATOMIC_RELAXED);
	if (!proc.have_key) {
		/* Only a key of glibc's first block is stored without malloc. */
		proc.have_key = !pthread_key_create(&proc.key, thread_exit) && proc.key < 32;
		proc.have_membarrier = !raw3(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
		make_fork_mark();
	}
}
