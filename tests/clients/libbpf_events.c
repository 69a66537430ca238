// SPDX-License-Identifier: BSD-2-Clause
/*
 * libbpf_events RING N: reads N records of bpf/feed_ring.c with libbpf's
 * ring_buffer; "ready" when it waits, then how many bytes the packets had, and
 * how many records were not in order.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long n, bytes, wrong;

static int on_record(void *ctx, void *data, size_t size)
{
	const unsigned long *e = data;

	wrong += size != 16 || e[0] != n;
	bytes += e[1];
	n++;
	return 0;
}

int main(int argc, char **argv)
{
	int fd = argc == 3 ? bpf_obj_get(argv[1]) : -1;
	struct ring_buffer *r = fd < 0 ? NULL : ring_buffer__new(fd, on_record, NULL, NULL);

	if (!r)
		return perror("libbpf_events RING N"), 1;
	puts("ready");
	fflush(stdout);
	/* It may wake for a record that is not complete yet, and then read none. */
	for (int idle = 0, got = 0; n < strtoul(argv[2], NULL, 0) && idle < 100 && got >= 0; idle++) {
		got = ring_buffer__poll(r, 200);
		if (got > 0)
			idle = 0;
	}
	printf("%lu records, %lu bytes, %lu wrong\n", n, bytes, wrong);
	return 0;
}
