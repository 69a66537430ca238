// SPDX-License-Identifier: BSD-2-Clause
/*
 * Threads that are set to a call of the carrier's: see carrier.h. For their tracers.
 */
#include "util/carrier.h"
#include <errno.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include "util/raw.h"
#include "util/str.h"

#define KERNEL_CODE   16384u /* bytes */
#define SYSCALL_BYTES 0x050f

static long request(long what, int tid, u64 addr, const void *data)
{
	return raw4(SYS_ptrace, what, tid, addr, data);
}

long carrier_read_proc(int tid, const char *name, void *buf, size_t n)
{
	char path[40];
	long got;
	int fd;

	str_put(str_put(str_put_u64(str_put(path, "/proc/"), (u32)tid, 10), "/"), name);
	fd = raw_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	got = raw_read(fd, buf, n);
	raw_close(fd);
	return MAX(got, 0);
}

static bool is_syscall_at(int tid, u64 addr)
{
	u64 word = 0;

	return !request(PTRACE_PEEKTEXT, tid, addr, &word) && (word & 0xffff) == SYSCALL_BYTES;
}

/* A system-call instruction of the process: the one that it comes from or goes to, or one in the kernel's
 * page of code. 0: none. */
static u64 find_syscall(int tid, const struct user_regs_struct *r)
{
	u64 aux[64] = { 0 }, at = 0;

	if (is_syscall_at(tid, r->rip))
		return r->rip;
	if (is_syscall_at(tid, r->rip - SYSCALL_INSN))
		return r->rip - SYSCALL_INSN;
	carrier_read_proc(tid, "auxv", aux, sizeof(aux));
	for (u32 i = 0; i < ARRAY_SIZE(aux) && aux[i]; i += 2)
		if (aux[i] == AT_SYSINFO_EHDR)
			at = aux[i + 1];
	for (u32 i = 0; at && i < KERNEL_CODE; i++)
		if (is_syscall_at(tid, at + i))
			return at + i;
	return 0;
}

bool carrier_state(int tid, struct carrier_back *back)
{
	struct user_regs_struct *r = &back->regs;
	u64 info[12] = { 0 };
	siginfo_t si = { 0 };
	int event, nr;

	if (request(PTRACE_GETREGS, tid, 0, r) ||
	    request(PTRACE_GETSIGMASK, tid, sizeof(back->mask), &back->mask))
		return false;
	/* A stop of the whole process has no text. */
	event = request(PTRACE_GETSIGINFO, tid, 0, &si) ? 0 : si.si_code >> 8;
	if (event > 0 && event != PTRACE_EVENT_STOP && event != PTRACE_EVENT_SECCOMP)
		return false;
	nr = si.si_signo == SIGSYS ? carrier_redirect(r, &si) : 0;
	if (nr)
		r->rax = (unsigned long long)nr;
	request(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), info);
	back->entry = (u8)info[0] == PTRACE_SYSCALL_INFO_ENTRY || (u8)info[0] == PTRACE_SYSCALL_INFO_SECCOMP;
	if (back->entry) {
		r->rip -= SYSCALL_INSN;
		r->rax = r->orig_rax;
		r->orig_rax = ~0ull;
	}
	return true;
}

u64 carrier_place(int tid, const struct carrier_back *back)
{
	return find_syscall(tid, &back->regs);
}

void carrier_detour(int tid, const struct carrier_back *back, u64 place)
{
	struct user_regs_struct r = back->regs;
	const u64 all = ~0ull;

	r.rip = place;
	r.rax = NR_CARRIER;
	r.orig_rax = ~0ull;
	/* In place of the call that it has begun. */
	if (back->entry) {
		r.rip = back->regs.rip + SYSCALL_INSN;
		r.rax = (unsigned long long)-ENOSYS;
		r.orig_rax = NR_CARRIER;
	}
	request(PTRACE_SETREGS, tid, 0, &r);
	request(PTRACE_SETSIGMASK, tid, sizeof(all), &all);
}

void carrier_restore(int tid, const struct carrier_back *back)
{
	request(PTRACE_SETREGS, tid, 0, &back->regs);
	request(PTRACE_SETSIGMASK, tid, sizeof(back->mask), &back->mask);
	if (back->sig)
		raw2(SYS_tkill, tid, back->sig);
}
