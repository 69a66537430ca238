// SPDX-License-Identifier: BSD-2-Clause
/*
 * Perf events for BPF output (sys/perf_event.h), in the client.
 *
 * perf_event_open(2) has no wrapper in the C library: clients make it by
 * syscall(). It is answered here, so that an outer filter that refuses the call has no
 * say. An event that is the kernel's goes on to the kernel.
 *
 * An event whose file this process may not make (RLIMIT_FSIZE) is made by the supervisor.
 */
#include "frontend/preload/preload.h"
#include "sys/perf_event.h"

static long do_open(struct bpf_caller *c, void *arg)
{
	return sys_perf_event_open(c, arg);
}

long perf_open(long attr, long pid, long cpu, long group, long flags)
{
	u64 args[6] = { (u64)attr, (u64)pid, (u64)cpu, (u64)group, (u64)flags, 0 };
	long ret = pre_attached ? pre_call(do_open, args) : SYS_CONTINUE;

	if (ret != SYS_CONTINUE && ret != -EFBIG)
		return ret;
	ret = raw6(SYS_perf_event_open, attr, pid, cpu, group, flags, 0);
	if (ret >= 0)
		fdtab_drop((int)ret);
	return ret;
}

struct call {
	int fd;
	u64 a[4];
	int map_fd;
};

static long do_mmap(struct bpf_caller *c, void *arg)
{
	struct call *k = arg;

	return sys_perf_mmap(c, k->fd, k->a[0], (int)k->a[1], (int)k->a[2], k->a[3], &k->map_fd);
}

int perf_map_fd(int fd, size_t len, int prot, int flags, off_t off)
{
	struct call k = { fd, { len, (u64)prot, (u64)flags, (u64)off }, -1 };
	long ret = pre_call(do_mmap, &k);

	return ret == SYS_CONTINUE ? -EBADF : ret ? (int)ret : k.map_fd;
}

static long do_ioctl(struct bpf_caller *c, void *arg)
{
	struct call *k = arg;

	return sys_perf_ioctl(c, k->fd, (u32)k->a[0], k->a[1]);
}

long perf_ioctl(int fd, unsigned long request, long arg)
{
	struct call k = { fd, { request, (u64)arg }, -1 };

	return pre_attached ? pre_call(do_ioctl, &k) : SYS_CONTINUE;
}

static long do_read(struct bpf_caller *c, void *arg)
{
	struct call *k = arg;

	return sys_perf_read(c, k->fd, k->a[0], k->a[1]);
}

long perf_read(int fd, void *buf, size_t n)
{
	struct call k = { fd, { ptr_to_u64(buf), n }, -1 };

	return pre_call(do_read, &k);
}
