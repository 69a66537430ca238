// SPDX-License-Identifier: BSD-2-Clause
/*
 * Helpers that ask for little: time, random numbers, the CPU, the task, memory of one's own process.
 *
 * The clocks are read through the vDSO where the C library does that; nothing
 * here allocates or changes errno. A kernel address is not readable from a
 * process: probe_read_kernel and probe_read_user read the same memory, that of
 * the process that runs the program, and an address where there is none is
 * EFAULT with a zeroed buffer, as a bad address is on the kernel.
 */
#include "helper/helper_ids.h"
#include "helper/text.h"
#include "shm/guard.h"
#include "util/err.h"
#include "util/random.h"
#include "util/raw.h"
#include "util/str.h"
#include <time.h>

#define INT .ret = RET_INTEGER

#define NSEC       1000000000ull
#define JIFFIES_HZ 250ull /* that of the kernels that distributions build */
#define JIFFIES_START                                                                                        \
	((1ull << 32) - 300 * JIFFIES_HZ) /* they begin five minutes before 32 bits overflow                 \
					   */

#define HELPER(name) static u64 name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, struct run *run)

/* ---- time ---- */

static u64 clock_ns(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t))
		return 0;
	return (u64)t.tv_sec * NSEC + (u64)t.tv_nsec;
}

HELPER(ktime_get_ns)
{
	return clock_ns(CLOCK_MONOTONIC);
}

HELPER(ktime_get_boot_ns)
{
	return clock_ns(CLOCK_BOOTTIME);
}

HELPER(ktime_get_coarse_ns)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

HELPER(ktime_get_tai_ns)
{
	return clock_ns(CLOCK_TAI);
}

HELPER(jiffies64)
{
	return JIFFIES_START + clock_ns(CLOCK_MONOTONIC_COARSE) / (NSEC / JIFFIES_HZ);
}

PROTO(ktime_get_ns, .func = ktime_get_ns, INT);
PROTO(ktime_get_boot_ns, .func = ktime_get_boot_ns, INT);
PROTO(ktime_get_coarse_ns, .func = ktime_get_coarse_ns, INT);
PROTO(ktime_get_tai_ns, .func = ktime_get_tai_ns, INT);
PROTO(jiffies64, .func = jiffies64, INT);

/* ---- the machine ---- */

HELPER(get_prandom_u32)
{
	return (u32)(random_u64() >> 16);
}

/* The slot that the run has in per-CPU maps, so that both agree. */
HELPER(get_smp_processor_id)
{
	return run->cpu;
}

HELPER(get_numa_node_id)
{
	unsigned node = 0;

	return raw3(SYS_getcpu, NULL, &node, NULL) ? 0 : node;
}

PROTO(get_prandom_u32, .func = get_prandom_u32, INT);
PROTO(get_smp_processor_id, .func = get_smp_processor_id, INT, .special = HELPER_CPU_NUMBER);
PROTO(get_numa_node_id, .func = get_numa_node_id, INT);

/* ---- the task ---- */

HELPER(get_current_pid_tgid)
{
	return (u64)raw0(SYS_getpid) << 32 | (u32)raw0(SYS_gettid);
}

HELPER(get_current_uid_gid)
{
	return (u64)raw0(SYS_getgid) << 32 | (u32)raw0(SYS_getuid);
}

/* The name is of 16 bytes; what does not fit is cut, and the buffer always ends in a zero. */
HELPER(get_current_comm)
{
	char name[16] = "";
	char *to = u64_to_ptr(r1);
	u32 size = (u32)r2, n;

	if (raw5(SYS_prctl, 16 /* PR_GET_NAME */, name, 0, 0, 0)) {
		memset(to, 0, size);
		return (u64)-EINVAL;
	}
	n = (u32)strnlen(name, MIN(size, sizeof(name)) - 1);
	memcpy(to, name, n);
	memset(to + n, 0, size - n);
	return 0;
}

/* A run has no attachment, and thus no cookie. */
HELPER(get_attach_cookie)
{
	return 0;
}

PROTO(get_current_pid_tgid, .func = get_current_pid_tgid, INT);
PROTO(get_current_uid_gid, .func = get_current_uid_gid, INT);
PROTO(get_current_comm, .func = get_current_comm, INT, ARGS(OUT, SIZE));
PROTO(get_attach_cookie, .func = get_attach_cookie, INT, ARGS(CTX));

/* ---- memory ---- */

/* How many bytes from there on are the program's own; -1: own and foreign are not told apart. */
static s64 own(struct run *run, u64 from, u32 n)
{
	return run->ops->own ? run->ops->own(run, from, n) : -1;
}

#define USER_END 0x7ffffffff000ull
#define KERNEL   0xffff800000000000ull
#define VSYSCALL 0xffffffffff600000ull

/* A kernel says whether it may look at all before it looks. */
static int kernel_refuses(u64 from)
{
	return from < KERNEL || from - VSYSCALL < PAGE ? -ERANGE : -EFAULT;
}

static int user_copy(struct run *run, void *to, u64 from, u32 n)
{
	return run->ops->user_in ? run->ops->user_in(run, to, from, n) : guard_copy(to, u64_to_ptr(from), n);
}

int mem_copy(struct run *run, enum mem_of whose, void *to, u64 from, u32 n)
{
	s64 mine = own(run, from, n);

	if (mine < 0)
		return guard_copy(to, u64_to_ptr(from), n);
	if (whose == MEM_USER)
		return mine ? -EFAULT : user_copy(run, to, from, n);
	if (mine == n)
		return guard_copy(to, u64_to_ptr(from), n);
	return whose == MEM_ANY && !mine && from < USER_END ? user_copy(run, to, from, n)
							    : kernel_refuses(from);
}

/* dst is the program's and writable; src may be anything. */
static u64 probe(struct run *run, enum mem_of whose, u64 dst, u64 size, u64 src)
{
	u32 n = (u32)size;
	int err = n ? mem_copy(run, whose, u64_to_ptr(dst), src, n) : 0;

	if (err)
		memset(u64_to_ptr(dst), 0, n);
	return (u64)(s64)err;
}

/* A piece at a time up to the next page, so that a string that ends before a hole is read. */
long text_copy(struct run *run, enum mem_of whose, char *to, u32 size, u64 from)
{
	u32 done = 0;

	while (done < size) {
		u32 piece = (u32)MIN((u64)size - done, PAGE - (from + done) % PAGE);
		s64 mine = own(run, from + done, piece);
		const char *end;
		int err;

		if (mine > 0)
			piece = (u32)mine;
		err = mem_copy(run, whose, to + done, from + done, piece);
		if (err) {
			memset(to, 0, size);
			return err;
		}
		end = memchr(to + done, 0, piece);
		if (end) {
			done = (u32)(end - to) + 1;
			memset(to + done, 0, size - done);
			return done;
		}
		done += piece;
	}
	if (size)
		to[size - 1] = 0;
	return size;
}

#define PROBE_OF(name, whose)                                                                                \
	HELPER(name)                                                                                         \
	{                                                                                                    \
		return probe(run, whose, r1, r2, r3);                                                        \
	}                                                                                                    \
	HELPER(name##_str)                                                                                   \
	{                                                                                                    \
		return (u64)text_copy(run, whose, u64_to_ptr(r1), (u32)r2, r3);                              \
	}

PROBE_OF(probe_read, MEM_ANY)
PROBE_OF(probe_read_user, MEM_USER)
PROBE_OF(probe_read_kernel, MEM_KERNEL)

#define PROBE GPL, INT, ARGS(OUT, SIZE0, ANY)

PROTO(probe_read, .func = probe_read, PROBE);
PROTO(probe_read_user, .func = probe_read_user, PROBE);
PROTO(probe_read_kernel, .func = probe_read_kernel, PROBE);
PROTO(probe_read_str, .func = probe_read_str, PROBE);
PROTO(probe_read_user_str, .func = probe_read_user_str, PROBE);
PROTO(probe_read_kernel_str, .func = probe_read_kernel_str, PROBE);
