// SPDX-License-Identifier: BSD-2-Clause
/* Faults on maps: see crash.h. */
#include "tests/lib/crash.h"
#include "tests/lib/tap.h"
#include "util/raw.h"
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static struct maptest map; /* the case's map; children work on copies of this */

static void begin(const struct crash_case *c)
{
	int err = mt_make(&map, c->ops, &c->attr);

	*mt_failures = 0;
	mt_shared_reset();
	if (err) {
		diag("%s: cannot make the map: %d", c->name, err);
		exit(99);
	}
}

/* A child that works for ever; its operations are counted in mt_shared[slot]. */
static pid_t worker(const struct crash_case *c, u32 slot, u64 seed)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	mt_seed = seed * 7919 + 88172645463325252ull;
	for (;;) {
		c->one(&map);
		mt_shared[slot]++;
	}
}

static void finish_off(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- kill ---- */

void crash_kill(const struct crash_case *c, long kills)
{
	pid_t survivor, pid;
	u64 before, after;

	begin(c);
	survivor = worker(c, 1, 1);
	for (long i = 0; i < kills; i++) {
		double t0 = mt_now();

		before = mt_shared[2];
		pid = worker(c, 2, (u64)i + 2);
		while (mt_shared[2] == before && mt_now() - t0 < 1)
			;
		usleep((useconds_t)(mt_rand() % 500));
		finish_off(pid);
	}
	before = after = mt_shared[1];
	for (int i = 0; i < 100 && after == before; i++) { /* the machine may be busy */
		usleep(20000);
		after = mt_shared[1];
	}
	finish_off(survivor);
	if (after == before)
		mt_fail("the survivor is stuck");
	c->check(&map);
	c->check(&map);
	ok(!*mt_failures, "%s: %ld kills; survivor did %llu operations, victims %llu", c->name, kills,
	   (unsigned long long)mt_shared[1], (unsigned long long)mt_shared[2]);
	mt_free(&map);
}

/* ---- stop ---- */

static double batch_of(const struct crash_case *c, int n)
{
	double t0 = mt_now();

	for (int i = 0; i < n; i++)
		c->one(&map);
	return mt_now() - t0;
}

void crash_stop(const struct crash_case *c, long stops)
{
	double worst = 0, all = 0;
	pid_t pid;

	begin(c);
	pid = worker(c, 1, 1);
	for (long i = 0; i < stops; i++) {
		int st;

		usleep((useconds_t)(mt_rand() % 1000 + 50));
		kill(pid, SIGSTOP);
		waitpid(pid, &st, WUNTRACED);
		for (int b = 0; b < 5; b++) {
			double t = batch_of(c, 200);

			all += t;
			worst = MAX(worst, t);
		}
		kill(pid, SIGCONT);
	}
	finish_off(pid);
	c->check(&map);
	ok(!*mt_failures && worst < 0.5,
	   "%s: %ld stops; 200 operations beside a stopped one take %.0f us, at worst %.0f us", c->name,
	   stops, all / (double)stops / 5 * 1e6, worst * 1e6);
	mt_free(&map);
}

/* ---- signal handlers ---- */

static const struct crash_case *handler_case;
static volatile long handler_runs;
static volatile bool handler_jumps;
static sigjmp_buf handler_out;

static void on_alarm(int sig)
{
	int saved = errno;

	handler_runs++;
	for (int i = 0; i < 3; i++)
		handler_case->one(&map);
	errno = saved;
	if (handler_jumps)
		siglongjmp(handler_out, 1);
}

static void set_timer(long us)
{
	struct itimerval it = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &it, NULL);
}

static void work_under_signals(const struct crash_case *c, double seconds, volatile long *n)
{
	volatile double t0 = mt_now();

	sigsetjmp(handler_out, 1);
	while (mt_now() - t0 < seconds) {
		c->one(&map);
		(*n)++;
	}
}

void crash_signal(const struct crash_case *c, double seconds, bool jump)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	volatile long n = 0;
	pid_t pid;

	begin(c);
	handler_case = c;
	handler_jumps = jump;
	handler_runs = 0;
	pid = worker(c, 1, 1);
	sigaction(SIGALRM, &sa, NULL);
	set_timer(200);
	work_under_signals(c, seconds, &n);
	set_timer(0);
	usleep(1000);
	finish_off(pid);
	c->check(&map);
	ok(!*mt_failures && handler_runs > 0, "%s: %ld operations, %ld handlers at work on the same map%s",
	   c->name, n, handler_runs, jump ? " that jump out" : "");
	mt_free(&map);
}

/* ---- every instruction ---- */

static u8 step_key[MT_KEY_MAX], step_value[MT_VALUE_MAX];

static void step_run(const struct crash_step *s)
{
	switch (s->what) {
	case STEP_UPDATE: mt_update(&map, step_key, step_value, s->flags); break;
	case STEP_DELETE: mt_delete(&map, step_key); break;
	case STEP_TAKE: mt_take(&map, step_key, step_value); break;
	}
}

/*
 * The victim steps itself: with the processor's trap flag set, each instruction
 * ends in on_trap. At the one wanted it stops there, inside the handler, so the
 * step stands still between two instructions. (The same instants as by
 * ptrace(2), without two context switches for each.)
 */
static volatile long trap_count, trap_at;

static void on_trap(int sig, siginfo_t *info, void *uc)
{
	if (++trap_count == trap_at)
		raw2(SYS_kill, raw0(SYS_getpid), SIGSTOP);
	if (trap_count >= trap_at) /* on at full speed */
		((ucontext_t *)uc)->uc_mcontext.gregs[REG_EFL] &= ~0x100;
}

#define TRAP_ON()                                                                                            \
	__asm__ volatile("sub $128, %%rsp; pushf; orl $0x100, (%%rsp); popf; add $128, %%rsp" ::             \
				 : "memory", "cc")
#define TRAP_OFF()                                                                                           \
	__asm__ volatile("sub $128, %%rsp; pushf; andl $~0x100, (%%rsp); popf; add $128, %%rsp" ::           \
				 : "memory", "cc")

/* Exits with 3 when all is well, with 4 when the step was over before instruction n. */
static void victim(const struct crash_case *c, const struct crash_step *s, long n)
{
	struct sigaction alarm_sa = { .sa_handler = on_alarm };
	struct sigaction trap_sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	handler_case = c;
	handler_jumps = true;
	sigaction(SIGALRM, &alarm_sa, NULL);
	sigaction(SIGTRAP, &trap_sa, NULL);
	if (sigsetjmp(handler_out, 1)) {
		for (int i = 0; i < 100; i++)
			c->one(&map);
		_exit(3);
	}
	mt_key(&map, s->key, step_key);
	mt_value(&map, s->key, step_value);
	actor_self(); /* a new process: its id is not part of the step */
	trap_at = n;
	TRAP_ON();
	step_run(s);
	TRAP_OFF();
	_exit(trap_count < n ? 4 : 3);
}

static void end_victim(pid_t pid, enum crash_end end)
{
	int st;

	if (end == END_KILL) {
		finish_off(pid);
		return;
	}
	if (end == END_JUMP)
		kill(pid, SIGALRM);
	kill(pid, SIGCONT);
	waitpid(pid, &st, 0);
	if (!WIFEXITED(st) || WEXITSTATUS(st) != 3)
		mt_fail("the victim ended with status %x", st);
}

/* One instant of a step: false when the step has no more. */
static bool instant(const struct crash_case *c, const struct crash_step *s, enum crash_end end, long n,
		    double *worst)
{
	double t0;
	pid_t pid;
	int st;

	c->reset(&map, s);
	pid = fork();
	if (!pid)
		victim(c, s, n);
	waitpid(pid, &st, WUNTRACED);
	if (WIFSTOPPED(st)) {
		t0 = mt_now();
		c->peer(&map, s);
		*worst = MAX(*worst, mt_now() - t0);
		end_victim(pid, end);
	} else if (!WIFEXITED(st) || WEXITSTATUS(st) != 4) {
		mt_fail("the step did not end well: status %x", st);
	}
	c->check(&map);
	return WIFSTOPPED(st);
}

void crash_step(const struct crash_case *c, enum crash_end end, u32 stride)
{
	static const char *const ends[] = { "killed", "jumped out of", "resumed" };

	for (u32 i = 0; i < c->steps_nr; i++) {
		const struct crash_step *s = &c->steps[i];
		double worst = 0;
		long n = 0, first = (long)(mt_rand() % stride) + 1, instants = 0;

		begin(c);
		for (n = first; *mt_failures < 20 && instant(c, s, end, n, &worst); n += stride)
			instants++;
		ok(!*mt_failures && instants && n > 100,
		   "%s, %s: %s at %ld of %ld instructions; peer's work %.0f us at worst", c->name, s->name,
		   ends[end], instants, n, worst * 1e6);
		mt_free(&map);
	}
}

/* ---- races ---- */

/* Both wait for the same moment, then for a few cycles more. */
static void meet(volatile u64 *word, u64 round, bool leader)
{
	u64 at;

	if (leader)
		*word = (__builtin_ia32_rdtsc() + 1500) << 1 | (round & 1);
	while (((at = *word) & 1) != (round & 1))
		;
	at = (at >> 1) + mt_rand() % 200;
	while ((__builtin_ia32_rdtsc() & ~0ull >> 1) < at)
		;
}

static void race_side(u32 me, long rounds, long *wins)
{
	volatile u64 *at = mt_shared; /* [8 * side]: round reached; [32 + 8 * side]: round and result */
	u32 other = 1 - me;
	u8 key[MT_KEY_MAX], value[MT_VALUE_MAX];

	for (u64 r = 1; r <= (u64)rounds; r++) {
		int ret;
		u64 theirs;

		at[8 * me] = r;
		while (at[8 * other] < r)
			;
		mt_key(&map, r & 1023, key);
		mt_value(&map, r & 1023, value);
		meet(&at[24], r, !me);
		ret = mt_update(&map, key, value, BPF_NOEXIST);
		at[32 + 8 * me] = r << 2 | (ret == 0 ? 1 : ret == -EEXIST ? 0 : 2);
		while ((theirs = at[32 + 8 * other]) >> 2 < r)
			;
		if (me)
			continue;
		if ((theirs & 3) == 2 || (ret && ret != -EEXIST) || ((theirs & 3) == 1) == (ret == 0))
			mt_fail("round %llu: %d here, %llu there", (unsigned long long)r, ret,
				(unsigned long long)theirs & 3);
		wins[theirs & 1]++;
		if (mt_delete(&map, key))
			mt_fail("round %llu: the key is not there", (unsigned long long)r);
	}
}

void crash_race(const struct crash_case *c, long rounds)
{
	long wins[2] = { 0, 0 };
	pid_t pid;

	begin(c);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		mt_seed += 77777;
		race_side(1, rounds, wins);
		_exit(0);
	}
	race_side(0, rounds, wins);
	waitpid(pid, NULL, 0);
	c->check(&map);
	ok(!*mt_failures && wins[0] && wins[1], "%s: %ld races for a new key, won %ld to %ld", c->name,
	   rounds, wins[0], wins[1]);
	mt_free(&map);
}

/* ---- damage ---- */

static void spoil(u64 *words, u64 n)
{
	u64 i = mt_rand() % n;

	switch (mt_rand() % 4) {
	case 0: words[i] = mt_rand(); break;
	case 1: words[i] = (words[i] & ~0xffffffffull) | mt_rand() % 256; break;
	case 2: words[i] ^= 1ull << (mt_rand() & 63); break;
	case 3: words[i] = words[mt_rand() % n]; break;
	}
}

/* In a child: an operation that fails in unexpected ways is what we are here for, so failures are errors. */
static void damaged_child(const struct crash_case *c, u64 seed)
{
	u64 *priv = map.map.hdr->priv, n = map.map.view.data_size / 8;
	double worst = 0;

	mt_seed = seed * 31337 + 88172645463325252ull;
	*mt_failures = 1000; /* keep quiet */
	for (int i = 0; i < 400; i++)
		c->one(&map);
	/* Most of a file is unused space at its end. */
	n = mt_rand() % 4 ? MIN(n, 2048) : MIN(n, 8192);
	for (u64 i = mt_rand() % 40 + 1; i; i--)
		spoil((u64 *)map.map.data, n);
	if (mt_rand() % 4 == 0)
		spoil(priv, 16);
	if (mt_reopen(&map))
		_exit(0);
	for (int i = 0; i < 800; i++) {
		double t = batch_of(c, 1);

		worst = MAX(worst, t);
		mt_shared[1]++;
	}
	mt_shared[2] += *mt_failures - 1000;
	mt_shared[3] = MAX(mt_shared[3], (u64)(worst * 1e6));
	_exit(0);
}

void crash_damage(const struct crash_case *c, long rounds)
{
	u64 ops = 0, errors = 0, worst = 0;
	int crashes = 0, hangs = 0;

	for (long r = 0; r < rounds; r++) {
		double t0 = mt_now();
		pid_t pid;
		int st;

		begin(c);
		pid = fork();
		if (!pid)
			damaged_child(c, (u64)r + 1);
		while (!waitpid(pid, &st, WNOHANG)) {
			usleep(200);
			if (mt_now() - t0 > 30) {
				hangs++;
				finish_off(pid);
				break;
			}
		}
		crashes += WIFSIGNALED(st) && WTERMSIG(st) != SIGKILL;
		ops += mt_shared[1];
		errors += mt_shared[2];
		worst = MAX(worst, mt_shared[3]);
		mt_free(&map);
	}
	*mt_failures = 0;
	ok(!crashes && !hangs,
	   "%s: %ld damaged maps, %llu operations, %llu errors, %d crashes, %d hangs; the slowest took %llu "
	   "us",
	   c->name, rounds, (unsigned long long)ops, (unsigned long long)errors, crashes, hangs,
	   (unsigned long long)worst);
}
