// SPDX-License-Identifier: BSD-2-Clause
/*
 * The BTF check beside the kernel's, in one process: errno and log text of
 * seeded random and damaged blobs.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "../abi/btf_blobs.h"
#include "../lib/tap.h"
#include "btf/btf_record.h"

#define LOG_SIZE 65536

static char kernel_log[LOG_SIZE], our_log[LOG_SIZE];

static int kernel_check(const struct blob *b)
{
	union bpf_attr a = {
		.btf = (uintptr_t)b->b,
		.btf_size = b->size,
		.btf_log_buf = (uintptr_t)kernel_log,
		.btf_log_size = LOG_SIZE,
		.btf_log_level = 1,
	};
	int fd;

	kernel_log[0] = 0;
	fd = (int)syscall(SYS_bpf, BPF_BTF_LOAD, &a, sizeof(a));
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int our_check(const struct blob *b)
{
	struct btf_view v;
	struct vlog l;
	u32 n, size;
	int err;

	vlog_init(&l, 1, (uintptr_t)our_log, LOG_SIZE);
	err = btf_check(&v, b->b, b->size, &l);
	if (!err) {
		err = btf_check_structs(&v);
		btf_drop(&v);
	}
	vlog_finish(&l, &n, &size);
	memcpy(our_log, l.buf, n);
	vlog_free(&l);
	return err;
}

static int told;

static int same(const struct blob *b, uint64_t seed, int *text)
{
	int k = kernel_check(b), o = our_check(b);
	int t = !strcmp(kernel_log, our_log);

	*text += t;
	if (k == o && t)
		return 1;
	if ((k != o || told < 8) && told++ < 40) {
		diag("seed %llu: kernel %d, here %d", (unsigned long long)seed, k, o);
		fprintf(stderr, "---- kernel\n%s---- here\n%s----\n", kernel_log, our_log);
	}
	return k == o;
}

int main(int argc, char **argv)
{
	static const w32 one[] = { INT32, BLOB_END };
	long n = test_scale(200000), good = 0;
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	int text = 0, agree = 0;
	struct blob b;

	blob_make(&b, one);
	if (kernel_check(&b)) {
		skip("no BTF_LOAD by the kernel here");
		return done();
	}
	for (long i = 0; i < n; i++) {
		uint64_t s = seed;

		blob_random(&b, &seed);
		for (w32 k = blob_rand(&seed) % 3; k; k--)
			blob_mutate(&b, &seed);
		good += !our_check(&b);
		agree += same(&b, s, &text);
	}
	diag("%ld blobs, %ld good", n, good);
	ok(agree == n, "%d of %ld verdicts equal", agree, n);
	ok(text == n, "%d of %ld logs equal", text, n);
	return done();
}
