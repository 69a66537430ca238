// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client reached at every instruction of a call, by single steps.
 *
 *     fault_step stop|kill|jump
 *
 *   stop   at each instruction the client stands still while another process
 *          works on the same map; then it goes on to its end
 *   kill   a client for each instruction, killed there
 *   jump   a client for each instruction, jumped out of the call by a signal
 *          handler there; it then makes another call
 *
 * On a kernel, and where a supervisor answers, a call is one instruction; the
 * library in the client makes it hundreds. The number of instructions is
 * printed. Below full scale only some of them are taken, others in each run.
 */
#include "clients/faults.h"
#include "clients/stepping.h"

#define SLOW_US 2000000

enum task { NEW, OVERWRITE, REMOVE, TAKE, GET, PIN, CREATE, TASKS };
static const char *const task_name[] = {
	"update",         "overwrite",       "delete", "lookup and delete", "get, lookup and close",
	"pin and unlink", "create and close"
};

static long cases;
static int broken, strange;
static uint64_t slowest;

static void do_task(const struct victim *v, enum task t)
{
	char path[200];
	struct value x;
	uint64_t k = key_of(v, 2);
	int fd;

	switch (t) {
	case NEW: put(v, v->fd, 3); break;
	case OVERWRITE: put(v, v->fd, 1); break;
	case REMOVE: take(v, v->fd, 1); break;
	case TAKE: elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, v->fd, v->key ? &k : NULL, &x, 0); break;
	case GET:
		fd = victim_get(victim_path(v));
		look(v, fd, k);
		close(fd);
		break;
	case PIN:
		snprintf(path, sizeof(path), "%s/stepped", world_dir);
		victim_pin(v->fd, path);
		unlink(path);
		break;
	default: close(victim_make(v, own_name("stepped"))); break;
	}
}

/* What a process does once is not what is tested (LD_BIND_NOW keeps the dynamic loader out, too). */
static void warm_up(void)
{
	for (enum task t = NEW; t < TASKS; t++)
		do_task(&victims[0], t);
	raise(SIGCONT);
}

/* Stops itself before the task and after it; a jump leads behind the task. */
static void client(const struct victim *v, enum task t)
{
	signal(SIGUSR1, jump);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	if (sigsetjmp(out, 1) == 0) {
		armed = 1;
		do_task(v, t);
		armed = 0;
		raise(SIGSTOP);
	}
	_exit(operate(v, v->fd, 0x300) ? 1 : 0);
}

static pid_t start(const struct victim *v, enum task t)
{
	pid_t pid = fork();
	int status;

	must(pid >= 0, "fork");
	if (pid == 0)
		client(v, t);
	must(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "a stopped client");
	return pid;
}

/* Others' work while the client stands still: it ends, and at once. */
static void peer(const struct victim *v)
{
	for (int i = 0; i < 3; i++) {
		uint64_t t = now_us();

		strange += operate(v, v->fd, rnd(0x7fffffff)) != 0;
		t = now_us() - t;
		slowest = t > slowest ? t : slowest;
	}
}

static void fresh(const struct victim *v)
{
	if (v->type != BPF_MAP_TYPE_BLOOM_FILTER && !is_array(v))
		empty(v, v->fd);
	put(v, v->fd, 1);
	put(v, v->fd, 2);
}

/* Records all instructions of the task; returns how many there are. */
static long record(const struct victim *v, enum task t)
{
	pid_t pid;
	long n;

	fresh(v);
	pid = start(v, t);
	n = record_steps(pid);
	let_go(pid, 0);
	return n;
}

/* The client stands still at every instruction once; what others do may make it take longer, so that it is
 * let go. */
static void stop_everywhere(const struct victim *v, enum task t, long expected)
{
	long every = test_scale(100), n = 0;
	pid_t pid;

	fresh(v);
	pid = start(v, t);
	for (; n < 2 * expected && step(pid); n++)
		if (n < expected && (n * 37 + cases) % 100 < every)
			peer(v);
	let_go(pid, 0);
	cases += expected * every / 100;
}

static void end_at(const struct victim *v, enum task t, long at, int sig)
{
	int status, there;
	pid_t pid;

	fresh(v);
	pid = start(v, t);
	there = at == 0 || go_to(pid, at);
	if (there) {
		peer(v);
		cases++;
	}
	if (sig == SIGKILL || !there) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	} else {
		let_go(pid, sig);
	}
	if (there && cases % 50 == 0)
		broken += not_whole(v, v->fd);
}

static void one_task(const struct victim *v, enum task t, int sig)
{
	long n = record(v, t), stride = 100 / test_scale(100);
	char path[200];

	if (!sig)
		stop_everywhere(v, t, n);
	for (long at = rnd(stride); sig && at < n; at += stride)
		end_at(v, t, at, sig);
	snprintf(path, sizeof(path), "%s/stepped", world_dir);
	unlink(path);
	broken += not_whole(v, v->fd);
	diag("%s: %s: %ld instructions", v->name, task_name[t], n);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *only = argc > 2 ? argv[2] : NULL;
	int sig = !strcmp(what, "kill") ? SIGKILL : !strcmp(what, "jump") ? SIGUSR1 : 0;

	if (!sig && strcmp(what, "stop"))
		return 2;
	rng_state += time(NULL);
	victims_make();
	warm_up();
	for (size_t i = 0; i < NR_VICTIMS; i++) {
		const struct victim *v = &victims[i];

		for (enum task t = NEW; t < TASKS && (!only || !strcmp(only, v->name)); t++)
			/* Pins and fds are the same for all types: two stand for them. */
			if (t < GET || i == 0 || v->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || t == CREATE)
				one_task(v, t, sig);
		ok(!broken, "%s: %s at every instruction, %ld cases so far", v->name, what, cases);
		broken = 0;
	}
	ok(!strange, "no operation fails unexpectedly beside %ld cases, %ld steps", cases, steps_taken);
	ok(slowest < SLOW_US, "nobody waits: slowest operation %llu us", (unsigned long long)slowest);
	ok(!ends, "every client that goes on ends well");
	ok(maps_left(own_name("stepped")) == 0, "no map is left");
	all_whole("single steps");
	victims_unmake();
	return done();
}
