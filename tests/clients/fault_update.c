// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client reached at every instruction of LINK_UPDATE, and of the close of a program that a link has left.
 *
 *     fault_update stop|kill|jump|random|threads
 *
 *   stop     at each instruction the client stands still while another process updates the same link
 *   kill     a client for each instruction, killed there
 *   jump     a client for each instruction, jumped out of the call by a signal handler there
 *   random   clients that make, run and close programs of their own at one link, killed at random
 *   threads  the same by one client, whose threads close what the others are about to run
 *
 * At each of them the link runs a program that can be found, and others' updates and looks end at once. When
 * the client is gone and the link was updated away from its programs, those are gone, too: at the latest with
 * the link, and where the task removes and makes no names, at once. Below full scale only some of the
 * instructions are taken, others in each run.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include "clients/faults.h"
#include "clients/stepping.h"

#define SLOW_US 2000000
#define NPROGS  5 /* a client's own; more than a link keeps names of */
#define OURS    2

enum task { BACK, BACK_IF, FIRST, FOREIGN, FULL, CLOSE, TASKS };

static const struct {
	const char *name;
	int leaves; /* what is killed in it may leave a name that stays until the link ends */
} tasks[TASKS] = {
	[BACK] = { "update to a program of before", 0 },
	[BACK_IF] = { "the same, told what it has to be", 0 },
	[FIRST] = { "update to a new program, the old one open", 1 },
	[FOREIGN] = { "update to a new program, the old one not open", 1 },
	[FULL] = { "update to a new program, all places taken", 1 },
	[CLOSE] = { "close of the program before", 0 },
};

static struct shared {
	uint32_t id[NPROGS];
} * sh;

static int netns, ours[OURS], linkfd;
static uint32_t ours_id[OURS];
static long cases, left_over;
static int strange, unheld, kept, slow_ends;
static uint64_t slowest;

static int load(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union row_attr r = { .a = { .prog_type = BPF_PROG_TYPE_SK_LOOKUP,
				    .insns = ptr(insns),
				    .insn_cnt = 2,
				    .license = ptr("GPL"),
				    .expected_attach_type = BPF_SK_LOOKUP } };
	int fd = raw_bpf(BPF_PROG_LOAD, &r, 72);

	must(fd >= 0, "a program");
	return fd;
}

/* Word `at` of the info: a program's id, or which one a link runs. */
static uint32_t info_word(int fd, int at)
{
	uint32_t w[20] = { 0 };
	union row_attr r = { .a.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(w), .info = ptr(w) } };

	must(raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &r, 16) == 0, "info");
	return w[at];
}

static int found(uint32_t id)
{
	union row_attr r = { .w = { id } };
	int fd = raw_bpf(BPF_PROG_GET_FD_BY_ID, &r, 12);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int update(int fd, int prog, int if_prog)
{
	union row_attr a = { .w = { (uint32_t)fd, (uint32_t)prog, if_prog < 0 ? 0 : BPF_F_REPLACE,
				    if_prog < 0 ? 0 : (uint32_t)if_prog } };

	return raw_bpf(BPF_LINK_UPDATE, &a, 16);
}

static int make_link(int prog)
{
	union row_attr a = { .w = { (uint32_t)prog, (uint32_t)netns, BPF_SK_LOOKUP } };
	int fd = raw_bpf(BPF_LINK_CREATE, &a, 64);

	must(fd >= 0, "a link");
	return fd;
}

static void do_task(const int *prog, enum task t)
{
	switch (t) {
	case BACK: update(linkfd, prog[0], -1); break;
	case BACK_IF: update(linkfd, prog[0], prog[1]); break;
	case FIRST:
	case FOREIGN: update(linkfd, prog[1], -1); break;
	case FULL: update(linkfd, prog[4], -1); break;
	default: close(prog[0]); break;
	}
}

/* What stands when the task begins. */
static void prepare(int *prog, enum task t)
{
	for (int i = 0; i < NPROGS; i++) {
		prog[i] = load();
		sh->id[i] = info_word(prog[i], 1);
	}
	for (int i = 0; t == FOREIGN && i < OURS; i++)
		close(ours[i]);
	for (int i = 0; i < (t == FULL ? 4 : t == FIRST ? 1 : t == FOREIGN ? 0 : 6); i++)
		must(update(linkfd, prog[t == FULL ? i : i & 1], -1) == 0, "an update");
}

static void client(enum task t)
{
	int prog[NPROGS];

	prepare(prog, t);
	signal(SIGUSR1, jump);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	if (sigsetjmp(out, 1) == 0) {
		armed = 1;
		do_task(prog, t);
		armed = 0;
		raise(SIGSTOP);
	}
	_exit(update(linkfd, prog[2], -1) || update(linkfd, prog[1], -1) || update(linkfd, prog[2], -1));
}

static pid_t start(enum task t)
{
	pid_t pid;
	int status;

	linkfd = make_link(ours[0]);
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid)
		client(t);
	must(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "a stopped client");
	return pid;
}

/*
 * Does the link run a program that is not there? Others may have updated it between the two questions; but
 * what is not found once is never run again.
 */
static int runs_none(void)
{
	uint32_t id;

	do {
		id = info_word(linkfd, 2);
		if (found(id))
			return 0;
	} while (info_word(linkfd, 2) != id);
	return 1;
}

/* Others' work while the client stands still; alone: and nobody else is at the link. */
static void peer(int alone)
{
	uint64_t t = now_us();
	union row_attr r = { .w = { 0 } };

	unheld += runs_none();
	strange += raw_bpf(BPF_PROG_GET_NEXT_ID, &r, 8) != 0;
	if (rnd(4)) {
		int p = (int)rnd(OURS);

		strange += update(linkfd, ours[p], -1) != 0;
		strange += alone && info_word(linkfd, 2) != ours_id[p];
	}
	if (rnd(2)) {
		strange += update(linkfd, ours[0], -1) != 0;
		strange += update(linkfd, ours[1], ours[0]) != 0 && (alone || errno != EPERM);
	}
	t = now_us() - t;
	slowest = t > slowest ? t : slowest;
}

static int clients_left(void)
{
	int n = 0;

	for (int i = 0; i < NPROGS; i++)
		n += found(sh->id[i]);
	return n;
}

/* A supervisor sees the descriptors of a killed one go a moment later. */
static int settled(int wanted)
{
	int n = clients_left();

	for (int i = 0; n > wanted && i < 300; i++) {
		usleep(2000);
		n = clients_left();
	}
	return n;
}

static void case_end(enum task t, int cut)
{
	int n;

	unheld += runs_none();
	strange += update(linkfd, ours[1], -1) != 0 || info_word(linkfd, 2) != ours_id[1];
	n = settled(cut && tasks[t].leaves);
	left_over += n;
	slow_ends += n > (cut && tasks[t].leaves);
	close(linkfd);
	kept += settled(0);
}

static long record(enum task t)
{
	pid_t pid = start(t);
	long n = record_steps(pid);

	let_go(pid, 0);
	case_end(t, 0);
	return n;
}

/* The client stands still at many instructions of one call. */
static void stop_everywhere(enum task t, long expected)
{
	uint32_t every = (uint32_t)test_scale(100);

	for (long first = 0; first < 4; first++) {
		pid_t pid = start(t);
		long n = 0;

		for (; n < 3 * expected && step(pid); n++)
			if (n % 4 == first && rnd(100) < every) {
				peer(1);
				cases++;
			}
		let_go(pid, 0);
		case_end(t, 0);
	}
}

static void end_at(enum task t, long at, int sig)
{
	pid_t pid = start(t);
	int status, there = at == 0 || go_to(pid, at);

	if (there) {
		if (rnd(2))
			peer(1);
		cases++;
	}
	if (sig == SIGKILL || !there) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	} else {
		let_go(pid, sig);
	}
	case_end(t, 1);
}

static void one_task(enum task t, int sig)
{
	long n = record(t), stride = 100 / test_scale(100);

	left_over = 0;
	if (!sig)
		stop_everywhere(t, n);
	for (long at = rnd((uint32_t)stride); sig && at < n; at += stride)
		end_at(t, at, sig);
	diag("%s: %ld instructions, %ld names stayed until the link ended", tasks[t].name, n, left_over);
	ok(!unheld, "%s: at every instruction the link runs a program that is there, %ld cases so far",
	   tasks[t].name, cases);
	ok(!slow_ends && !kept, "%s: the client's programs are gone %s", tasks[t].name,
	   tasks[t].leaves ? "with the link" : "without a further look");
	unheld = slow_ends = kept = 0;
}

/* ---- at random instants ---- */

static _Atomic int shop[OURS + NPROGS]; /* fds of programs; -1: being made anew */
static _Atomic long updates;
static _Atomic int closing, failed;

/* What comes of programs that are closed by others. */
static int expected(int r)
{
	return r == 0 || errno == EBADF || errno == EINVAL || errno == EPERM;
}

static void work(unsigned r)
{
	int i = (int)(r >> 4) % (OURS + NPROGS), fd;

	if (r % 16 == 0 && i >= OURS) {
		fd = atomic_exchange(&shop[i], -1);
		if (fd >= 0) {
			close(fd);
			shop[i] = load();
		}
	} else if (shop[i] >= 0) {
		if (!expected(update(linkfd, shop[i], r % 16 == 1 ? shop[(i + 1) % OURS] : -1)))
			failed = errno;
		updates++;
	}
}

static void fill_shop(void)
{
	for (int i = 0; i < OURS + NPROGS; i++)
		shop[i] = i < OURS ? ours[i] : load();
}

static pid_t start_worker(void)
{
	pid_t pid;

	rnd(2);
	pid = fork();
	must(pid >= 0, "fork");
	if (pid)
		return pid;
	rng_state ^= (uint64_t)getpid() << 32;
	fill_shop();
	while (!failed)
		work(rnd(0x7fffffff));
	_exit(failed);
}

static void at_random(void)
{
	long n = test_scale(1000);
	int status, bad = 0;

	linkfd = make_link(ours[0]);
	for (long i = 0; i < n; i++) {
		pid_t a = start_worker(), b = start_worker();

		usleep(rnd(3000));
		kill(a, SIGKILL);
		kill(b, i & 1 ? SIGSTOP : SIGKILL);
		if (waitpid(a, &status, 0) != a || !WIFSIGNALED(status))
			bad = WEXITSTATUS(status);
		for (int k = 0; k < 4; k++)
			peer(0);
		kill(b, SIGKILL);
		if (waitpid(b, &status, 0) != b || !WIFSIGNALED(status))
			bad = WEXITSTATUS(status);
		unheld += runs_none();
	}
	close(linkfd);
	ok(!bad, "no call of %ld killed clients fails unexpectedly (%s)", 2 * n,
	   bad ? errno_name(bad) : "none");
	ok(!unheld, "the link runs a program that is there, whoever is killed");
}

static void *thread(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	while (!closing)
		work((unsigned)rand_r(&seed));
	return NULL;
}

static int programs(void)
{
	int n = 0;

	for (union row_attr r = { .w = { 0 } }; !raw_bpf(BPF_PROG_GET_NEXT_ID, &r, 8); r.w[0] = r.w[1])
		n++;
	return n;
}

static void by_threads(void)
{
	pthread_t t[4];
	int before = programs(), after, i;

	linkfd = make_link(ours[0]);
	fill_shop();
	for (i = 0; i < 4; i++)
		must(!pthread_create(&t[i], NULL, thread, (void *)(uintptr_t)(i + 1)), "a thread");
	for (long k = 0; k < test_scale(5000); k++) {
		unheld += runs_none();
		usleep(100);
	}
	closing = 1;
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	ok(!failed, "no update fails unexpectedly (%s)", failed ? errno_name(failed) : "none");
	ok(!unheld, "the link runs a program that is there, whatever is closed beside %ld updates",
	   (long)updates);
	strange += update(linkfd, ours[0], -1) != 0;
	for (i = OURS; i < OURS + NPROGS; i++)
		close(shop[i]);
	for (i = 0; (after = programs()) != before && i < 500; i++)
		usleep(2000);
	ok(after == before, "no program is left of those that were closed (%d)", after - before);
	close(linkfd);
}

static void every_instruction(int sig)
{
	for (enum task t = 0; t < TASKS; t++)
		one_task(t, sig);
	ok(!ends, "every client that goes on ends well");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int sig = !strcmp(what, "kill") ? SIGKILL : !strcmp(what, "jump") ? SIGUSR1 : 0;

	rng_state += (uint64_t)time(NULL);
	must(unshare(CLONE_NEWNET) == 0, "a network namespace");
	netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(netns >= 0 && sh != MAP_FAILED, "a network namespace");
	for (int i = 0; i < OURS; i++) {
		ours[i] = load();
		ours_id[i] = info_word(ours[i], 1);
	}
	/* What a process does once is not what is tested. */
	linkfd = make_link(ours[0]);
	for (int i = 0; i < 5; i++)
		update(linkfd, ours[!(i & 1)], -1);
	close(linkfd);
	if (!strcmp(what, "random"))
		at_random();
	else if (!strcmp(what, "threads"))
		by_threads();
	else
		every_instruction(sig);
	ok(!strange, "no call fails unexpectedly beside %ld cases, %ld steps", cases, steps_taken);
	ok(slowest < SLOW_US, "nobody waits: slowest look and updates %llu us", (unsigned long long)slowest);
	return done();
}
