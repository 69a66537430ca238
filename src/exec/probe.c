// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loads that give 0 where nothing is mapped (BPF_PROBE_MEM).
 *
 * They are plain loads; only a fault costs something. The fault's handler asks
 * the hook below, which knows two kinds of them: those of the interpreter, all
 * in the few instructions of exec_probe_*, each of which returns right after its
 * load; and those of the JIT, which keeps a table with the code (jit_mem.c).
 */
#include "exec/exec_int.h"
#include "exec/jit_mem.h"
#include "shm/guard.h"

u64 exec_probe_1(u64 addr) __attribute__((visibility("hidden")));
u64 exec_probe_2(u64 addr) __attribute__((visibility("hidden")));
u64 exec_probe_4(u64 addr) __attribute__((visibility("hidden")));
u64 exec_probe_8(u64 addr) __attribute__((visibility("hidden")));
extern const char exec_probe_end[] __attribute__((visibility("hidden")));
extern const char exec_probe_none[] __attribute__((visibility("hidden")));

/* No frame: what a fault leaves on the stack is the return address, as exec_probe_none finds it. */
__asm__(".text\n"
	".globl exec_probe_1, exec_probe_2, exec_probe_4, exec_probe_8, exec_probe_end, exec_probe_none\n"
	".hidden exec_probe_1, exec_probe_2, exec_probe_4, exec_probe_8, exec_probe_end, exec_probe_none\n"
	"exec_probe_1:\n"
	"	movzbl (%rdi), %eax\n"
	"	ret\n"
	"exec_probe_2:\n"
	"	movzwl (%rdi), %eax\n"
	"	ret\n"
	"exec_probe_4:\n"
	"	mov (%rdi), %eax\n"
	"	ret\n"
	"exec_probe_8:\n"
	"	mov (%rdi), %rax\n"
	"	ret\n"
	"exec_probe_end:\n"
	"exec_probe_none:\n"
	"	xor %eax, %eax\n"
	"	ret\n");

u64 exec_probe(u64 addr, u32 size, bool sign)
{
	switch (size) {
	case 1: return sign ? (u64)(s64)(s8)exec_probe_1(addr) : exec_probe_1(addr);
	case 2: return sign ? (u64)(s64)(s16)exec_probe_2(addr) : exec_probe_2(addr);
	case 4: return sign ? (u64)(s64)(s32)exec_probe_4(addr) : exec_probe_4(addr);
	default: return exec_probe_8(addr);
	}
}

static bool probe_resume(const void *rip, struct guard_resume *to)
{
	if ((uintptr_t)rip >= (uintptr_t)exec_probe_1 && (uintptr_t)rip < (uintptr_t)exec_probe_end) {
		to->at = exec_probe_none;
		return true;
	}
	return code_probe(rip, to);
}

void exec_probe_init(void)
{
	guard_probe_hook(probe_resume);
}
