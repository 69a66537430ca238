// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rings for those tests that wait for them: a mapped ring, and programs that put records into it.
 *
 * Programs are texts of verifier_asm.h, run by PROG_TEST_RUN. To be included
 * once, in place of verifier_rows.h.
 */
#ifndef PINFS_TESTS_RING_CLIENT_H
#define PINFS_TESTS_RING_CLIENT_H

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#define VROW_MAIN(rows)
#include "verifier_rows.h"

#define PG   4096u
#define BUSY 0x80000000u
#define DISC 0x40000000u

struct ring {
	int fd;
	uint32_t size;
	volatile uint64_t *cons, *prod;
	unsigned char *data;
	int put[3]; /* programs that put a record: flags 0, NO_WAKEUP, FORCE_WAKEUP */
};

enum { PUT, QUIET, FORCE };

static int make_map(uint32_t type, uint32_t key, uint32_t value, uint32_t max)
{
	union row_attr a = {
		.a = { .map_type = type, .key_size = key, .value_size = value, .max_entries = max }
	};

	return raw_bpf(BPF_MAP_CREATE, &a, 72);
}

static int *slot_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(vrow_maps); i++)
		if (!strcmp(vrow_maps[i].name, name))
			return &vrow_map_fds[i];
	exit(98);
}

static int load(const char *text, const char *funcs)
{
	struct vrow row = { .name = "program", KIND(SOCKET_FILTER, 0), .text = text, .funcs = funcs };
	int fd;

	/* A kernel that is about to stop the process does not begin. */
	do
		fd = vrow_load(&row);
	while (fd < 0 && errno == EAGAIN);
	if (fd < 0)
		printf("%s\n%s\n", text, vrow_log);
	must(fd >= 0, "program");
	return fd;
}

static int run_fd(int fd, uint32_t repeat)
{
	static char packet[64];
	union row_attr a = { .a = { .test = { .prog_fd = (uint32_t)fd,
					      .data_in = ptr(packet),
					      .data_size_in = sizeof(packet),
					      .repeat = repeat } } };

	return raw_bpf(BPF_PROG_TEST_RUN, &a, ATTR_KNOWN) ? -errno : (int)a.a.test.retval;
}

#define OUTPUT(flags)                                                                                        \
	"*(u64 *)(r10 - 8) = 7; r1 = map ring; r2 = r10; r2 += -8; r3 = 8; r4 = " flags                      \
	"; call 130; r0 = 0; exit"

static struct ring ring_new(uint32_t type, uint32_t size)
{
	int user = type == BPF_MAP_TYPE_USER_RINGBUF;
	struct ring r = { .fd = make_map(type, 0, 0, size), .size = size };
	unsigned char *p;

	must(r.fd >= 0, "ring");
	r.cons = mmap(NULL, PG, user ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, r.fd, 0);
	p = mmap(NULL, PG + 2 * size, user ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, r.fd, PG);
	must(r.cons != MAP_FAILED && p != MAP_FAILED, "mapping");
	r.prod = (void *)p;
	r.data = p + PG;
	*slot_of(user ? "uring" : "ring") = r.fd;
	if (user)
		return r;
	r.put[PUT] = load(OUTPUT("0"), NULL);
	r.put[QUIET] = load(OUTPUT("1"), NULL);
	r.put[FORCE] = load(OUTPUT("2"), NULL);
	return r;
}

static __attribute__((unused)) void ring_free(struct ring *r)
{
	munmap((void *)r->cons, PG);
	munmap((void *)r->prod, PG + 2 * r->size);
	close(r->fd);
	for (int i = 0; i < 3; i++)
		if (r->put[i])
			close(r->put[i]);
}

static __attribute__((unused)) void put(const struct ring *r, int how)
{
	must(run_fd(r->put[how], 1) == 0, "record");
}

/* Takes up to n records; how many. */
static __attribute__((unused)) int take(struct ring *r, int n)
{
	int got = 0;

	while (got < n && *r->cons < *r->prod) {
		uint32_t w = *(volatile uint32_t *)(r->data + (*r->cons & (r->size - 1)));

		if (w & BUSY)
			break;
		__atomic_store_n(r->cons, *r->cons + ((w & ~DISC) + 8 + 7) / 8 * 8, __ATOMIC_SEQ_CST);
		got++;
	}
	return got;
}

static __attribute__((unused)) long ms_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static __attribute__((unused)) int ctl(int ep, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	return epoll_ctl(ep, op, fd, &ev);
}

/* What an epoll_wait gives, each event with its data. */
static __attribute__((unused)) void show_events(const struct epoll_event *ev, int n)
{
	if (n < 0)
		say(" %s", errno_name(errno));
	for (int i = 0; i < n; i++)
		say(" %#x:%llu", ev[i].events, (unsigned long long)ev[i].data.u64);
	say(n ? "\n" : " nothing\n");
}

static __attribute__((unused)) void show(int ep, const char *what, int timeout)
{
	struct epoll_event ev[8];
	int n = epoll_wait(ep, ev, 8, timeout);

	say("%s:", what);
	show_events(ev, n);
}

#endif
