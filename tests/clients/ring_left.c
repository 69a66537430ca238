// SPDX-License-Identifier: BSD-2-Clause
/*
 * A ring buffer's record whose producer does not come back to submit it: who discards it.
 *
 * The program reserves a record, goes round in bpf_loop for a while and submits. Meanwhile
 * its process is killed, or jumps out of the run by a signal handler.
 *
 *     ring_left GC-COMMAND DIRECTORY     where maps are files by their ids
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#define VROW_MAIN(rows)
#include "../abi/verifier_rows.h"
#include "../lib/tap.h"

#define PG   4096u
#define BUSY 0x80000000u
#define DISC 0x40000000u

#define ROUND "r1 = 8388608; r2 = func :cb; r3 = 0; r4 = 0; call 181; "
/* Seconds long. */
#define LONG                                                                                                 \
	"r1 = map ring; r2 = 24; r3 = 0; call 131; if r0 == 0 goto none; r6 = r0; *(u64 *)(r6 + 0) = "       \
	"1; " ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND      \
		ROUND "r1 = r6; r2 = 0; call 132; none: r0 = 0; exit; cb: r0 = 0; exit"
#define SHORT "*(u64 *)(r10 - 8) = 7; r1 = map ring; r2 = r10; r2 += -8; r3 = 8; r4 = 0; call 130; exit"

static volatile uint64_t *cons, *prod;
static unsigned char *data;
static int slow, quick;

static int load(const char *text, const char *funcs)
{
	struct vrow row = { .name = "program", KIND(SOCKET_FILTER, 0), .text = text, .funcs = funcs };
	int fd = vrow_load(&row);

	must(fd >= 0, "program");
	return fd;
}

static int run(int fd)
{
	static char packet[64];
	union row_attr a = { .a = { .test = { .prog_fd = (uint32_t)fd,
					      .data_in = ptr(packet),
					      .data_size_in = sizeof(packet) } } };

	return raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN) ? -errno : (int32_t)a.a.test.retval;
}

static uint32_t front(void)
{
	return *(volatile uint32_t *)(data + (*cons & (PG - 1)));
}

/* Takes all that is there: the sum of the numbers in it. */
static uint64_t take(void)
{
	uint64_t sum = 0;

	while (*cons != *prod && !(front() & BUSY)) {
		uint32_t w = front();

		sum += w & DISC ? 1000000 : *(uint64_t *)(data + (*cons & (PG - 1)) + 8);
		*cons += ((w & ~DISC) + 8 + 7) / 8 * 8;
	}
	return sum;
}

/* A record is open, of a process that has been killed since. */
static int killed_producer(void)
{
	uint64_t was = *prod;
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(slow);
		_exit(0);
	}
	for (int i = 0; i < 5000 && *prod == was; i++)
		usleep(1000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return *prod != was && front() == (BUSY | 24);
}

static sigjmp_buf out;

static void on_alarm(int sig)
{
	siglongjmp(out, 1);
}

static int jumped_producer(void)
{
	struct itimerval it = { { 0, 0 }, { 0, 100000 } };
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	if (!sigsetjmp(out, 1)) {
		run(slow);
		return 0;
	}
	return front() == (BUSY | 24);
}

/* The map "bloom" of a text is a second ring. */
#define FAULT                                                                                                \
	"r1 = map bloom; r2 = 24; r3 = 0; call 131; if r0 == 0 goto none; r7 = r0; r1 = map ring; r2 = 24; " \
	"r3 = 0; "                                                                                           \
	"call 131; if r0 == 0 goto one; r6 = r0; " ROUND ROUND ROUND ROUND                                   \
	"*(u64 *)(r6 + 0) = 1; r1 = r6; r2 = 0; call 132; one: r1 = r7; r2 = 0; call 132; none: r0 = 0; "    \
	"exit; cb: "                                                                                         \
	"r0 = 0; exit"

static int second_ring(void)
{
	union row_attr a = { .a = { .map_type = BPF_MAP_TYPE_RINGBUF, .max_entries = PG } };
	int fd = raw_bpf(BPF_MAP_CREATE, &a, 72);

	must(fd >= 0, "second ring");
	for (size_t i = 0; i < ARRAY_SIZE(vrow_maps); i++)
		if (!strcmp(vrow_maps[i].name, "bloom"))
			vrow_map_fds[i] = fd;
	return fd;
}

/* The first ring's file is cut short while a run has a record of each: what the run answers. */
static int faulting_producer(const char *dir)
{
	volatile int *answer = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int first = vrow_map("ring"), fd;
	struct bpf_map_info info;
	union row_attr a = {
		.a = { .info = { .bpf_fd = (uint32_t)first, .info_len = sizeof(info), .info = ptr(&info) } }
	};
	char path[600];

	must(!raw_bpf(BPF_OBJ_GET_INFO_BY_FD, &a, ATTR_KNOWN), "info");
	snprintf(path, sizeof(path), "%s/%u", dir, info.id);
	fd = load(FAULT, "main=g(c) cb=s(ii) ");
	*answer = 1;
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		*answer = run(fd);
		pause(); /* it lives on: not its death frees the record */
	}
	for (int i = 0; i < 5000 && !*prod; i++)
		usleep(1000);
	must(!truncate(path, 0), path);
	for (int i = 0; i < 5000 && *answer == 1; i++)
		usleep(1000);
	close(fd);
	return *answer == -EIO;
}

static void make_ring(int fd)
{
	cons = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	prod = mmap(NULL, 3 * PG, PROT_READ, MAP_SHARED, fd, PG);
	must(cons != MAP_FAILED && prod != MAP_FAILED, "mapping");
	data = (unsigned char *)prod + PG;
}

int main(int argc, char **argv)
{
	int n;

	make_ring(vrow_map("ring"));
	slow = load(LONG, "main=g(c) cb=s(ii) ");
	quick = load(SHORT, NULL);
	ok(killed_producer(), "a record of a killed process is busy");
	ok(!run(quick) && front() == (DISC | 24), "the next producer discards it");
	ok(take() == 1000007 && *cons == *prod, "and its own record comes behind it");

	ok(killed_producer(), "again one");
	for (n = 0; n < 3; n++)
		killed_producer();
	*cons += 8; /* a consumer that waits nowhere: only a full ring makes them look */
	for (n = 0; n < 1000 && !run(quick); n++)
		;
	*cons -= 8;
	ok(n > 200 && n < 300, "a full ring: %d more records fit", n);
	ok(take() == (uint64_t)n * 7 + 4 * 1000000 && *cons == *prod, "and all come, with four discarded");

	ok(killed_producer() && !system(argv[1]), "one is left to gc");
	ok(front() == (DISC | 24) && take() == 1000000, "which discards it");

	ok(jumped_producer(), "a record of a run that was jumped out of is busy");
	ok(!run(quick) && front() == (DISC | 24), "the next call of that thread discards it");
	ok(take() == 1000007 && *cons == *prod, "and its own record comes behind it");
	ok(jumped_producer() && !run(quick) && jumped_producer() == 0, "another, with a third behind it");
	run(quick);
	ok(take() == 2 * 1000000 + 2 * 7 && *cons == *prod, "all come in order");

	make_ring(second_ring());
	ok(faulting_producer(argv[2]), "a run that faults answers EIO");
	ok(*prod == 32 && front() & BUSY, "and leaves a record in another ring");
	ok(!run(load("*(u64 *)(r10 - 8) = 7; r1 = map bloom; r2 = r10; r2 += -8; r3 = 8; r4 = 0; call 130; "
		     "exit",
		     NULL)) &&
		   front() == (DISC | 24) && take() == 1000007,
	   "which the next producer discards");
	return done();
}
