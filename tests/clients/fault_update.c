// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client reached at every instruction of LINK_UPDATE, and of the close of a program that a link has left.
 *
 *     fault_update stop|kill|jump
 *
 *   stop   at each instruction the client stands still while another process updates the same link; then it
 * goes on kill   a client for each instruction, killed there jump   a client for each instruction, jumped out
 * of the call by a signal handler there
 *
 * At each of them the link runs a program that can be found, and others' updates and looks end at once. When
 * the client is gone and the link was updated away from its programs, those are gone, too: at the latest with
 * the link, and where the task removes and makes no names, at once. Below full scale only some of the
 * instructions are taken, others in each run.
 */
#include <sched.h>
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

/* Does the link run a program that is there? */
static int runs_none(void)
{
	/* The client may have gone on by itself between the two: then it runs another one. */
	for (int i = 0; i < 3; i++)
		if (found(info_word(linkfd, 2)))
			return 0;
	return 1;
}

/* Others' work while the client stands still. */
static void peer(void)
{
	uint64_t t = now_us();
	union row_attr r = { .w = { 0 } };

	unheld += runs_none();
	strange += raw_bpf(BPF_PROG_GET_NEXT_ID, &r, 8) != 0;
	if (rnd(4)) {
		int p = (int)rnd(OURS);

		strange += update(linkfd, ours[p], -1) != 0;
		strange += info_word(linkfd, 2) != ours_id[p];
	}
	if (rnd(2))
		strange += update(linkfd, ours[0], -1) != 0 || update(linkfd, ours[1], ours[0]) != 0;
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
				peer();
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
			peer();
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

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int sig = !strcmp(what, "kill") ? SIGKILL : !strcmp(what, "jump") ? SIGUSR1 : 0;

	if (!sig && strcmp(what, "stop"))
		return 2;
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
	for (enum task t = 0; t < TASKS; t++)
		one_task(t, sig);
	ok(!strange, "no call fails unexpectedly beside %ld cases, %ld steps", cases, steps_taken);
	ok(slowest < SLOW_US, "nobody waits: slowest look and updates %llu us", (unsigned long long)slowest);
	ok(!ends, "every client that goes on ends well");
	return done();
}
