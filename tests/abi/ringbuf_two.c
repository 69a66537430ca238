// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two processes run programs that write to one ring, and a third reads it: no
 * record is lost, torn, or out of its producer's order.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#define VROW_MAIN(rows)
#include "verifier_rows.h"

#define PG   4096u
#define RUNS 10000u
#define SALT 0x5bd1e995u

/*
 * A record of 40 bytes: who, its number, and three words that follow from it. The number
 * is in the array, so that one which found no room is tried again.
 */
#define PROGRAM(who)                                                                                         \
	"r9 = 0; r6 = value one + " #who                                                                     \
	"; r1 = map ring; r2 = 40; r3 = 0; call 131; if r0 == 0 goto none; "                                 \
	"r7 = *(u64 *)(r6 + 0); r7 += 1; *(u64 *)(r6 + 0) = r7; *(u64 *)(r0 + 0) = " #who                    \
	"; *(u64 *)(r0 + 8) "                                                                                \
	"= r7; r8 = r7; r8 *= 1540483477; *(u64 *)(r0 + 16) = r8; r8 ^= r7; *(u64 *)(r0 + 24) = r8; r8 += "  \
	"r7; "                                                                                               \
	"*(u64 *)(r0 + 32) = r8; r1 = r0; r2 = 0; call 132; r9 = 1; none: r0 = r9; exit"

static volatile uint64_t *cons, *prod;
static unsigned char *data;

static int load(const char *text)
{
	struct vrow row = { .name = "program", KIND(SOCKET_FILTER, 0), .text = text };
	int fd = vrow_load(&row);

	must(fd >= 0, "program");
	return fd;
}

/* Until the program has written so many: each run says whether it has found room. */
static void produce(int fd)
{
	static char packet[64];
	uint32_t done = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (done < RUNS) {
		union row_attr a = { .a = { .test = { .prog_fd = (uint32_t)fd,
						      .data_in = ptr(packet),
						      .data_size_in = sizeof(packet) } } };

		if (raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN))
			_exit(errno == EAGAIN ? 2 : 1);
		done += a.a.test.retval;
		if (!a.a.test.retval)
			sched_yield();
	}
	_exit(0);
}

static const char *check(const uint64_t *w, uint64_t *last)
{
	uint64_t n = w[1], a = n * SALT, b = a ^ n, c = b + n;
	int who = w[0] == 8 ? 0 : w[0] == 16 ? 1 : -1;

	if (who < 0 || w[2] != a || w[3] != b || w[4] != c)
		return "torn";
	if (n != last[who] + 1)
		return "out of order";
	last[who] = n;
	return NULL;
}

int main(void)
{
	int ring = vrow_map("ring"), fd[2] = { load(PROGRAM(8)), load(PROGRAM(16)) }, st;
	uint64_t last[2] = { 0, 0 };
	const char *bad = NULL;
	time_t end = time(NULL) + 100;
	pid_t pid[2];

	cons = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
	prod = mmap(NULL, 3 * PG, PROT_READ, MAP_SHARED, ring, PG);
	must(cons != MAP_FAILED && prod != MAP_FAILED, "mapping");
	data = (unsigned char *)prod + PG;
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i])
			produce(fd[i]);
	}
	while (!bad && (last[0] < RUNS || last[1] < RUNS) && time(NULL) < end) {
		uint64_t at = *cons;
		unsigned char *p = data + (at & (PG - 1));
		uint32_t len;

		if (at == __atomic_load_n(prod, __ATOMIC_ACQUIRE)) {
			sched_yield();
			continue;
		}
		len = __atomic_load_n((uint32_t *)p, __ATOMIC_ACQUIRE);
		if (len & BPF_RINGBUF_BUSY_BIT)
			continue;
		bad = len == 40 ? check((uint64_t *)(p + 8), last) : "of another length";
		__atomic_store_n(cons, at + 48, __ATOMIC_RELEASE);
	}
	printf("records: %s\n", bad ? bad : "good");
	for (int i = 0; i < 2; i++) {
		if (bad)
			kill(pid[i], SIGKILL);
		waitpid(pid[i], &st, 0);
		printf("producer %d: %llu records, status %d\n", i, (unsigned long long)last[i],
		       WIFEXITED(st) ? WEXITSTATUS(st) : -1);
	}
	return 0;
}
