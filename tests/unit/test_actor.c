// SPDX-License-Identifier: BSD-2-Clause
/*
 * Actors, operations and the guard: nesting, jumps, alternate stacks, fork, threads, faults.
 */
#include "shm/actor.h"
#include "tests/lib/tap.h"
#include "util/err.h"
#include "util/raw.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static _Atomic u64 next_id = 1;
static char lock_path[64];
static int recovered;
static sigjmp_buf back;
static int obj;

static int open_locks(void)
{
	return raw_openat(AT_FDCWD, lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static void count_recover(struct op *abandoned, struct op *now)
{
	recovered += abandoned->slot == 42;
}

static struct op *claim(void)
{
	struct op *op = op_enter(&obj, __builtin_frame_address(0));

	op->slot = 42;
	op->recover = count_recover;
	return op;
}

static noinline void leave_by_jump(void)
{
	claim();
	siglongjmp(back, 1);
}

static noinline u32 level_now(void)
{
	struct op *op = op_enter(&obj, __builtin_frame_address(0));
	u32 level = op->level;

	op_leave(op);
	return level;
}

static u32 seen_level;
static bool handler_jumps;

static void handler(int sig)
{
	if (handler_jumps)
		leave_by_jump();
	seen_level = level_now();
}

static void nesting(void)
{
	struct op *op = claim();

	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	ok(seen_level == 1, "a handler's operation is one level up");
	ok(recovered == 0, "and takes nothing from the one it interrupted");
	ok(op_in_use(&obj) == 1, "an operation is a hazard on its object");
	op_leave(op);
	ok(op_in_use(&obj) == 0, "no more after it");
	ok(level_now() == 0, "level 0 again");
}

static void jumps(void)
{
	recovered = 0;
	if (!sigsetjmp(back, 1))
		leave_by_jump();
	ok(level_now() == 0 && recovered == 1, "what a jump left is recovered by the next operation, once");
	ok(level_now() == 0 && recovered == 1, "and not again");
	handler_jumps = true;
	for (volatile int i = 0; i < 100; i++)
		if (!sigsetjmp(back, 1))
			raise(SIGUSR1);
	handler_jumps = false;
	ok(level_now() == 0 && recovered == 101, "jumps out of handlers do not pile up (%d)", recovered);
}

static void alternate_stack(void)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 }, off = { .ss_flags = SS_DISABLE };
	struct op *op;

	sigaltstack(&ss, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	recovered = 0;
	op = claim();
	raise(SIGUSR2);
	ok(seen_level == 1 && recovered == 0,
	   "a handler on an alternate stack is nested, whatever the addresses");
	op_leave(op);
	handler_jumps = true;
	if (!sigsetjmp(back, 1))
		raise(SIGUSR2);
	handler_jumps = false;
	ok(level_now() == 0 && recovered == 1, "left by a jump, it is abandoned");
	sigaltstack(&off, NULL);
	free(ss.ss_sp);
}

static void *thread_main(void *arg)
{
	struct op *op = op_enter(&obj, __builtin_frame_address(0));

	*(u32 *)arg = op->actor->id;
	op_leave(op);
	return NULL;
}

static void *thread_dies_inside(void *arg)
{
	claim();
	return NULL;
}

static void threads(void)
{
	u32 mine = actor_self()->id, a = 0, b = 0;
	pthread_t t;

	pthread_create(&t, NULL, thread_main, &a);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, thread_main, &b);
	pthread_join(t, NULL);
	ok(a && a != mine, "a thread is an actor of its own");
	ok(a == b, "its id goes to the next thread");
	recovered = 0;
	pthread_create(&t, NULL, thread_dies_inside, NULL);
	pthread_join(t, NULL);
	ok(recovered == 1, "a thread that ends inside an operation gives back what it had");
}

static void processes(void)
{
	u32 mine = actor_self()->id, child;
	int p[2], status;
	pid_t pid;

	if (pipe(p))
		abort();
	pid = fork();
	if (!pid) {
		child = actor_self()->id;
		if (write(p[1], &child, sizeof(child)) != sizeof(child) || !actor_alive(mine))
			_exit(1);
		pause();
	}
	if (read(p[0], &child, sizeof(child)) != sizeof(child))
		abort();
	ok(child && child != mine, "a child of fork is somebody else");
	ok(actor_alive(child) == 1, "alive while it lives");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ok(actor_alive(child) == 0, "dead when it was killed");
	ok(actor_alive(mine) == 1, "we live");
	ok(actor_alive(0) == 0, "nobody is nobody");
}

static long poke(const void *from, void *to, const void *lo, size_t len)
{
	struct op *op = op_enter(&obj, __builtin_frame_address(0));
	long err = guard_set(&op->guard);

	if (!err) {
		op->guard.lo = lo;
		op->guard.hi = (const char *)lo + len;
		op->slot = 42;
		op->recover = count_recover;
		memcpy(to, from, 8);
	} else {
		op_fault(op);
	}
	op_leave(op);
	return err;
}

static void faults(void)
{
	char file[80], buf[8] = "abcdefg", *map;
	int fd;

	snprintf(file, sizeof(file), "%s.map", lock_path);
	fd = open(file, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, 4096))
		abort();
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ok(!guard_install(), "handlers installed");
	ok(poke(buf, map, map, 4096) == 0, "no fault, no error");
	recovered = 0;
	ok(poke((void *)16, map, map, 4096) == -EFAULT, "a bad pointer of the client is EFAULT");
	ok(recovered == 1, "and what was claimed is given back");
	ok(poke(buf, (void *)(1ul << 63), map, 4096) == -EFAULT, "a pointer that is no address is EFAULT");
	if (ftruncate(fd, 0))
		abort();
	ok(poke(buf, map, map, 4096) == -EIO, "a file truncated under its mapping is EIO");
	ok(level_now() == 0, "level 0 again");
	munmap(map, 4096);
	close(fd);
	unlink(file);
}

static long nested_copy(void)
{
	struct op *op = op_enter(&obj, __builtin_frame_address(0));
	long first = guard_set(&op->guard), ret = 0;
	void *volatile bad = (void *)32;
	char buf[8];

	if (!first) {
		if (guard_copy(buf, (void *)16, 8) != -EFAULT)
			ret = 1;
		/* The operation's own guard is still set. */
		memcpy(buf, bad, 8);
		ret = 2;
	}
	op_leave(op);
	return first ? first : ret;
}

int main(void)
{
	snprintf(lock_path, sizeof(lock_path), "/dev/shm/pinfs-test-actor.%d", getpid());
	actor_bind(open_locks, &next_id);
	nesting();
	jumps();
	alternate_stack();
	threads();
	processes();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	faults();
	ok(nested_copy() == -EFAULT, "a guarded copy inside an operation leaves the operation's guard alone");
#endif
	unlink(lock_path);
	return done();
}
