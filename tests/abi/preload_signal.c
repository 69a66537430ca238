// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bad pointers and signals: EFAULT whatever the thread blocks, handlers that
 * call bpf(2), jumps out of calls, and a host that has its own SIGSEGV handler.
 */
#include <pthread.h>
#include <setjmp.h>
#include <sys/time.h>
#include "abi/preload_client.h"

static int m; /* array of 16 */
static volatile sig_atomic_t hits, last_code;
static sigjmp_buf back;

static char *page_end(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(p + 4096, 4096, PROT_NONE);
	return p + 4096;
}

static int fault(int cmd, const void *key, const void *value)
{
	return elem(cmd, m, key, value, 0) == -1 && errno == EFAULT;
}

static void bad_pointers(void)
{
	uint32_t key = 1;
	uint64_t value = 42;
	char *end = page_end();
	union bpf_attr a;

	ok(fault(BPF_MAP_LOOKUP_ELEM, BAD_PTR, &value), "lookup: bad key");
	ok(fault(BPF_MAP_LOOKUP_ELEM, &key, BAD_PTR), "lookup: bad value");
	ok(fault(BPF_MAP_LOOKUP_ELEM, &key, NULL), "lookup: no value");
	ok(fault(BPF_MAP_UPDATE_ELEM, BAD_PTR, &value), "update: bad key");
	ok(fault(BPF_MAP_UPDATE_ELEM, &key, BAD_PTR), "update: bad value");
	ok(fault(BPF_MAP_LOOKUP_ELEM, &key, end - 4), "lookup: half of the value cannot be written");
	ok(fault(BPF_MAP_UPDATE_ELEM, end - 2, &value), "update: half of the key cannot be read");
	ok(fault(BPF_MAP_LOOKUP_ELEM, &key, (void *)0xffff800000000000ul), "a kernel address");
	ok(fault(BPF_MAP_LOOKUP_ELEM, &key, (void *)0x8000000000000000ul), "an address that is none");
	ok(elem(BPF_MAP_GET_NEXT_KEY, m, BAD_PTR, &key, 0) == -1 && errno == EFAULT, "next key: bad key");
	ok(elem(BPF_MAP_GET_NEXT_KEY, m, NULL, BAD_PTR, 0) == -1 && errno == EFAULT, "next key: bad next");
	ok(bpf(BPF_MAP_LOOKUP_ELEM, BAD_PTR, sizeof(a)) == -1 && errno == EFAULT, "bad attributes");
	ok(bpf(BPF_MAP_LOOKUP_ELEM, (void *)(end - 16), 32) == -1 && errno == EFAULT,
	   "half of the attributes");
	ok(bpf(BPF_MAP_CREATE, NULL, 8) == -1 && errno == EFAULT, "no attributes");
	ok(bpf(1000, BAD_PTR, 8) == -1 && errno == EFAULT, "an unknown command with bad ones");
	ok(set(m, 1, 7) == 0 && get(m, 1) == 7, "and the map is as before");
	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = (uint32_t)m;
	a.info.info_len = 80;
	a.info.info = 0x10;
	ok(bpf(BPF_OBJ_GET_INFO_BY_FD, &a, 16) == -1 && errno == EFAULT, "info into a bad buffer");
}

static void on_fault(int sig, siginfo_t *info, void *uc)
{
	hits++;
	last_code = info->si_code;
	siglongjmp(back, 1);
}

static void on_count(int sig)
{
	hits++;
}

static void read_bad(void)
{
	*(volatile int *)BAD_PTR;
}

static void own_handler(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK }, old;
	uint32_t key = 1;

	sigaddset(&sa.sa_mask, SIGUSR1);
	sigaddset(&sa.sa_mask, SIGSEGV);
	ok(sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_handler == SIG_DFL,
	   "the host's action is the default");
	ok(sigaction(SIGSEGV, &sa, &old) == 0 && old.sa_handler == SIG_DFL, "the host sets its own handler");
	ok(sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_sigaction == on_fault &&
		   (old.sa_flags & (SA_SIGINFO | SA_ONSTACK | SA_RESTART)) == (SA_SIGINFO | SA_ONSTACK) &&
		   sigismember(&old.sa_mask, SIGUSR1) == 1 && sigismember(&old.sa_mask, SIGSEGV) == 1 &&
		   sigismember(&old.sa_mask, SIGUSR2) == 0,
	   "it gets back what it set");
	hits = 0;
	ok(fault(BPF_MAP_LOOKUP_ELEM, &key, BAD_PTR) && hits == 0, "EFAULT is not its business");
	if (!sigsetjmp(back, 1))
		read_bad();
	ok(hits == 1 && last_code == SEGV_MAPERR, "its own fault is");
	ok(fault(BPF_MAP_LOOKUP_ELEM, &key, BAD_PTR) && hits == 1, "EFAULT again after the jump");
	if (!sigsetjmp(back, 0)) /* SIGSEGV stays blocked */
		read_bad();
	ok(hits == 2 && fault(BPF_MAP_LOOKUP_ELEM, &key, BAD_PTR),
	   "EFAULT after a jump that leaves the signal blocked");
	sigprocmask(SIG_UNBLOCK, &sa.sa_mask, NULL);
	if (!sigsetjmp(back, 1))
		raise(SIGSEGV);
	ok(hits == 3 && last_code <= 0, "a signal that is sent");
	ok((void *)signal(SIGSEGV, on_count) == (void *)on_fault, "signal(2) gives the old handler");
	raise(SIGSEGV);
	ok(hits == 4 && signal(SIGSEGV, SIG_IGN) == on_count, "and sets a new one");
	raise(SIGSEGV);
	ok(hits == 4 && fault(BPF_MAP_UPDATE_ELEM, &key, BAD_PTR),
	   "ignored: nothing happens, EFAULT is given");
	sa.sa_flags |= (int)SA_RESETHAND;
	sigaction(SIGSEGV, &sa, NULL);
	if (!sigsetjmp(back, 1))
		read_bad();
	sigaction(SIGSEGV, NULL, &old);
	ok(hits == 5 && old.sa_handler == SIG_DFL, "SA_RESETHAND: once, then the default");
	ok(fault(BPF_MAP_UPDATE_ELEM, &key, BAD_PTR), "EFAULT after that");
}

static void deaths(void)
{
	uint32_t key = 1;
	pid_t pid = fork();

	if (!pid) {
		if (!fault(BPF_MAP_LOOKUP_ELEM, &key, BAD_PTR))
			_exit(1);
		read_bad();
		_exit(2);
	}
	ok(status_of(pid) == 1000 + SIGSEGV, "a host that faults dies of it");
	pid = fork();
	if (!pid) {
		if (!fault(BPF_MAP_LOOKUP_ELEM, &key, BAD_PTR))
			_exit(1);
		raise(SIGBUS);
		_exit(2);
	}
	ok(status_of(pid) == 1000 + SIGBUS, "a sent SIGBUS kills it");
	pid = fork();
	if (!pid) {
		signal(SIGSEGV, SIG_IGN);
		if (!fault(BPF_MAP_LOOKUP_ELEM, &key, BAD_PTR))
			_exit(1);
		read_bad();
		_exit(2);
	}
	ok(status_of(pid) == 1000 + SIGSEGV, "a fault cannot be ignored");
}

static void masks(void)
{
	sigset_t set, old;
	uint32_t key = 1;
	int before;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	ok(fault(BPF_MAP_LOOKUP_ELEM, &key, BAD_PTR), "EFAULT with all signals blocked");
	sigprocmask(SIG_BLOCK, NULL, &set);
	ok(sigismember(&set, SIGSEGV) == 1 && sigismember(&set, SIGBUS) == 1, "they still are");
	signal(SIGSEGV, on_count);
	before = hits;
	raise(SIGSEGV);
	ok(hits == before && get(m, 1) == 7 && fault(BPF_MAP_LOOKUP_ELEM, &key, BAD_PTR) && hits == before,
	   "a signal that waits goes on waiting");
	sigpending(&set);
	ok(sigismember(&set, SIGSEGV) == 1, "it is pending");
	sigprocmask(SIG_SETMASK, &old, NULL);
	ok(hits == before + 1, "and comes when it is let in, once");
	ok(fault(BPF_MAP_LOOKUP_ELEM, &key, BAD_PTR), "EFAULT with none blocked");
	signal(SIGSEGV, SIG_DFL);
	sigfillset(&set);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, 8);
	ok(fault(BPF_MAP_LOOKUP_ELEM, &key, BAD_PTR), "EFAULT with all blocked by a raw call");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void *blocked_thread(void *arg)
{
	uint32_t key = 1;

	return fault(BPF_MAP_LOOKUP_ELEM, &key, BAD_PTR) ? arg : NULL;
}

static void inherited_mask(void)
{
	sigset_t set, old;
	pthread_t t;
	void *ret = NULL;

	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, &old);
	pthread_create(&t, NULL, blocked_thread, &set);
	pthread_join(t, &ret);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	ok(ret == &set, "EFAULT in a thread born with all signals blocked");
}

static volatile long handler_bad;

static void on_alarm(int sig)
{
	uint32_t key = 2;
	int saved = errno;

	hits++;
	if (set(m, 2, 5) || get(m, 2) != 5 || !fault(BPF_MAP_LOOKUP_ELEM, &key, BAD_PTR))
		handler_bad++;
	errno = saved;
}

static void on_jump(int sig)
{
	siglongjmp(back, 1);
}

static void tick(int us)
{
	struct itimerval it = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &it, NULL);
}

static void handlers(void)
{
	/* A call that waits for the supervisor is restarted, as other slow calls are. */
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	long bad = 0, calls = 0, goal = test_scale(2000);
	uint32_t key = 1;

	sigfillset(&sa.sa_mask);
	sigaction(SIGALRM, &sa, NULL);
	hits = 0;
	tick(100);
	while (hits < goal) {
		bad += set(m, 1, (uint64_t)calls) != 0;
		bad += get(m, 1) != calls;
		bad += !fault(BPF_MAP_UPDATE_ELEM, &key, BAD_PTR);
		calls++;
	}
	tick(0);
	ok(!bad && !handler_bad, "a handler that calls bpf(2) with all signals in its mask: no wrong answer");
}

static void jumps(void)
{
	static volatile long done_jumps, bad, i;
	long goal = test_scale(2000);

	signal(SIGALRM, on_jump);
	if (sigsetjmp(back, 1))
		done_jumps++;
	tick(0);
	if (done_jumps < goal) {
		bad += set(m, 3, 3) != 0 || get(m, 3) != 3;
		tick(50 + (int)(done_jumps % 50));
		for (;; i++) {
			uint32_t key = 1;

			set(m, 1, (uint64_t)i);
			get(m, 1);
			fault(BPF_MAP_UPDATE_ELEM, &key, BAD_PTR);
			close(map_create(BPF_MAP_TYPE_ARRAY, 4, 0));
		}
	}
	ok(!bad && set(m, 1, 7) == 0 && get(m, 1) == 7, "jumps out of calls: the map goes on");
	for (int fd = m + 1; fd < 1000; fd++)
		close(fd);
}

int main(void)
{
	m = new_array();
	bad_pointers();
	own_handler();
	deaths();
	masks();
	inherited_mask();
	handlers();
	jumps();
	return done();
}
