// SPDX-License-Identifier: BSD-2-Clause
/*
 * Joining the run, the C library's own functions, and fork.
 *
 * The constructor is the only place that may use memory, dlsym and the like.
 * It opens the store and maps it; handlers for the guard's signals are put up
 * later, by the first bpf(2), so that a program without one is not touched.
 *
 * fork: pre_process lies in a page that the kernel wipes in a child, so that
 * even a child made by a raw system call knows that it is new. A child that
 * shares the memory (vfork) cannot be told by memory: from the first that the
 * process makes, the process id is asked (pre_owner).
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include "frontend/preload/preload.h"

#define NEXT_DEFINE(ret, name, args) ret(*next_##name) args;
NEXT_LIST(NEXT_DEFINE)
#undef NEXT_DEFINE

bool pre_attached;
bool pre_filtered;

/* Until the page is there: never wiped, so pid 1 says "not new" and the owner is not known. */
static struct pre_process start = { 1 };
volatile struct pre_process *pre_process = &start;

void next_resolve(void)
{
#define NEXT_FIND(ret, name, args) *(void **)&next_##name = dlsym(RTLD_NEXT, #name);
	NEXT_LIST(NEXT_FIND)
#undef NEXT_FIND
}

bool pre_owner(void)
{
	if (!pre_process->pid)
		pre_forked();
	if (likely(!pre_shared && pre_process != &start))
		return true;
	return pre_process->pid == (u32)raw0(SYS_getpid);
}

void pre_forked(void)
{
	actor_after_fork();
	pre_process->pid = (u32)raw0(SYS_getpid);
	pre_self.state = THREAD_NEW;
}

static void in_child(void)
{
	if (!pre_process->pid || pre_process == &start)
		pre_forked();
}

static void process_page(void)
{
	struct pre_process *p = raw_mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
					 0);

	start.pid = (u32)raw0(SYS_getpid);
	if (IS_ERR(p))
		return;
	*p = start;
	if (!raw3(SYS_madvise, p, PAGE, MADV_WIPEONFORK))
		pre_process = p;
}

__attribute__((constructor)) static void preload_init(void)
{
	const char *run = getenv(RUN_ENV);
	int saved = errno;

	next_resolve();
	if (run && *run) {
		sys_init();
		if (!run_attach(run)) {
			process_page();
			pre_filtered = raw1(SYS_prctl, PR_GET_SECCOMP) == 2;
			pthread_atfork(NULL, NULL, in_child);
			fdtab_init();
			pre_attached = true;
		}
	}
	errno = saved;
}
