// SPDX-License-Identifier: BSD-2-Clause
/*
 * libbpf's ring_buffer, as it comes.
 *
 *     libbpf_ring make OBJECT DIR      loads, pins the program and its maps in DIR
 *     libbpf_ring read DIR N           reads N records, says what it saw; "ready" before the first
 *     libbpf_ring poll DIR N           the same, by poll(2) on the ring and ring_buffer__consume
 *     libbpf_ring any DIR N            like read, of several producers: each number once, in any order
 *     libbpf_ring endless DIR          reads until it is killed
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct event {
	__u64 number;
	__u32 len, kind;
};

static struct seen {
	long n, wrong;
	__u64 first, last, next;
	int any_order;
	unsigned char number[4096]; /* modulo its size, with any_order */
} seen;

static int is_next(__u64 number)
{
	if (!seen.any_order)
		return number == seen.next;
	if (number < seen.first)
		seen.first = number;
	if (number > seen.last)
		seen.last = number;
	return !seen.number[number % sizeof(seen.number)]++;
}

static int on_record(void *ctx, void *data, size_t size)
{
	const struct event *e = data;

	if (!seen.n)
		seen.first = seen.last = seen.next = e->number;
	seen.wrong += size != sizeof(*e) || !is_next(e->number) || e->len != 50;
	seen.next++;
	seen.n++;
	return 0;
}

static char *in(const char *dir, const char *name)
{
	static char path[2][512];
	static int i;

	i = !i;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static int fail(const char *what, int err)
{
	printf("%s: %s\n", what, strerror(err < 0 ? -err : err));
	return 1;
}

static int make(const char *object, const char *dir)
{
	struct bpf_object *o = bpf_object__open(object);
	int err;

	if (!o)
		return fail("open", errno);
	err = bpf_object__load(o);
	if (!err)
		err = bpf_object__pin(o, dir);
	if (err)
		return fail("load and pin", err);
	printf("made\n");
	bpf_object__close(o);
	return 0;
}

static int poll_ring(struct ring_buffer *rb, int fd, int by_poll)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (!by_poll)
		return ring_buffer__poll(rb, 10000);
	if (poll(&p, 1, 10000) < 0)
		return -errno;
	return p.revents == POLLIN ? ring_buffer__consume(rb) : -EIO;
}

static int read_ring(const char *dir, long n, int by_poll)
{
	int fd = bpf_obj_get(in(dir, "events")), got = 0;
	struct ring_buffer *rb;

	if (fd < 0)
		return fail("get", errno);
	rb = ring_buffer__new(fd, on_record, NULL, NULL);
	if (!rb)
		return fail("ring_buffer__new", errno);
	printf("ready\n");
	fflush(stdout);
	while (seen.n < n && (got = poll_ring(rb, fd, by_poll)) >= 0)
		;
	if (seen.any_order)
		seen.wrong += (long)(seen.last - seen.first) + 1 - seen.n;
	printf("read %ld, %ld wrong, %s, then %d\n", seen.n, seen.wrong, got < 0 ? strerror(-got) : "fine",
	       ring_buffer__poll(rb, 50));
	ring_buffer__free(rb);
	close(fd);
	return 0;
}

static int endless(const char *dir)
{
	int fd = bpf_obj_get(in(dir, "events"));
	struct ring_buffer *rb = fd < 0 ? NULL : ring_buffer__new(fd, on_record, NULL, NULL);

	if (!rb)
		return fail("ring", errno);
	while (ring_buffer__poll(rb, -1) >= 0)
		;
	return fail("poll", errno);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "make") && argc == 4)
		return make(argv[2], argv[3]);
	seen.any_order = !strcmp(what, "any");
	if ((!strcmp(what, "read") || seen.any_order) && argc == 4)
		return read_ring(argv[2], atol(argv[3]), 0);
	if (!strcmp(what, "poll") && argc == 4)
		return read_ring(argv[2], atol(argv[3]), 1);
	if (!strcmp(what, "endless") && argc == 3)
		return endless(argv[2]);
	return 2;
}
